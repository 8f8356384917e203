"""GPT-2 in TensorFlow 2: the graph, its checkpoints, training and sampling; `load` gives a model that writes verse.

Names are imported when first used, so that a script can read its flags before it waits for TensorFlow.
"""

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # for editors, which complete these names and show their help
    from gpt2.checkpoint import load_model as load_model
    from gpt2.hparams import HParams as HParams
    from gpt2.jobs.poet import Poem as Poem
    from gpt2.jobs.poet import Poet as Poet
    from gpt2.jobs.poet import load as load
    from gpt2.model import GPT2 as GPT2
    from gpt2.sampling.sampler import sample as sample
    from poets import convert as convert
    from poets import prepare as prepare
    from poets import train as train

_HOMES = {
    "GPT2": "gpt2.model",
    "HParams": "gpt2.hparams",
    "Poem": "gpt2.jobs.poet",
    "Poet": "gpt2.jobs.poet",
    "convert": "poets",
    "load": "gpt2.jobs.poet",
    "load_model": "gpt2.checkpoint",
    "prepare": "poets",
    "sample": "gpt2.sampling.sampler",
    "train": "poets",
}


def __getattr__(name):
    if name not in _HOMES:
        raise AttributeError(f"module 'gpt2' has no attribute {name!r}")
    return getattr(importlib.import_module(_HOMES[name]), name)


def __dir__():
    return sorted(_HOMES)
