"""What the tests of prepare_corpus.py share: a poem, and a model's vocabulary."""

import pytest
from conftest import COUPLET

from encoder import vocabulary
from encoder.trainer import train_vocabulary


@pytest.fixture
def poem(tmp_path):
    (tmp_path / "poem.txt").write_text(COUPLET * 20)
    return "poem.txt"


@pytest.fixture
def model(tmp_path):
    """The vocabulary of a model called mine."""
    vocabulary.write_vocabulary(str(tmp_path / "models" / "mine"), train_vocabulary([COUPLET], 280))
    return "mine"
