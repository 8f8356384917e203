"""GPT-2 in TensorFlow 2: the graph, its checkpoints, training and sampling. Knows ids and tensors, never text.

Names are imported when first used, so that a script can read its flags before it waits for TensorFlow.
"""

import importlib

_HOMES = {
    "GPT2": "model",
    "HParams": "hparams",
    "load_model": "checkpoint",
    "sample": "sampling.sampler",
}


def __getattr__(name):
    if name not in _HOMES:
        raise AttributeError(f"module 'gpt2' has no attribute {name!r}")
    return getattr(importlib.import_module(f"gpt2.{_HOMES[name]}"), name)
