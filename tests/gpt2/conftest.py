"""What the tests of a run's folder share: a small model that was trained, and the folder of its run."""

import numpy as np
import pytest

from gpt2.hparams import HParams
from gpt2.model import GPT2, fresh_weights
from gpt2.runs import run_folder, saves
from gpt2.runs.saves import State
from gpt2.training.adaptive import Adam


@pytest.fixture
def trained():
    """A model and its optimizer as after two steps."""
    model = GPT2(HParams(n_vocab=30, n_ctx=6, n_embd=8, n_head=2, n_layer=1), fresh_weights(seed=2))
    optimizer = Adam(model.weights)
    random = np.random.default_rng(0)
    for slot in optimizer.slots.values():
        slot.assign(random.random(slot.shape))
    return model, optimizer


@pytest.fixture
def folder(tmp_path, trained):
    path = str(tmp_path / "run1")
    model, optimizer = trained
    run_folder.create(path, model, {"seed": 3})
    saves.save(path, State(model, optimizer.slots, 2, 2))
    return path
