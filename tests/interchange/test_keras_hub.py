"""keras-hub loads what was converted, and what it exports comes back byte for byte."""

import os
import shutil

import numpy as np
import pytest

from gpt2.bundle import read_weight
from gpt2.formats import conversion
from gpt2.hparams import read_hparams, weight_shapes

pytestmark = pytest.mark.interchange


def test_weights_come_back_from_keras_hub(exported, folder, tmp_path, monkeypatch):
    monkeypatch.setenv("KERAS_BACKEND", "tensorflow")
    import keras_hub

    theirs = keras_hub.models.GPT2Backbone.from_preset(exported)
    theirs.export_to_transformers(str(tmp_path / "theirs"))
    for name in ("vocab.json", "merges.txt"):  # A backbone has no tokenizer.
        shutil.copy(os.path.join(exported, name), tmp_path / "theirs" / name)
    conversion.convert(str(tmp_path / "theirs"), str(tmp_path / "ours"))
    for name in weight_shapes(read_hparams(folder)):
        expected = read_weight(os.path.join(folder, "model.ckpt"), name)
        np.testing.assert_array_equal(read_weight(str(tmp_path / "ours" / "model.ckpt"), name), expected)
