"""What the tests of the encoder share: GPT-2's own vocabulary, and the loop of OpenAI's encoder, slow and plain."""

import itertools

import pytest

from encoder import load_encoder
from encoder.vocabulary import BYTE_CHARACTERS


@pytest.fixture(scope="session")
def enc(reference_folder):
    """The encoder with OpenAI's two files."""
    return load_encoder(reference_folder)


@pytest.fixture(scope="session")
def merge_slowly(enc):
    """Merges the bytes of one piece by OpenAI's merges: all pairs of the lowest rank at once, then look again."""
    ranks = {pair: rank for rank, pair in enumerate(enc.vocabulary.merges)}

    def merge(piece):
        tokens = [BYTE_CHARACTERS[byte] for byte in piece.encode()]
        while found := [ranks[pair] for pair in itertools.pairwise(tokens) if pair in ranks]:
            tokens = join_pairs(tokens, enc.vocabulary.merges[min(found)])
        return tokens

    return merge


def join_pairs(tokens, pair):
    """The tokens with every such pair, from left to right, made one."""
    joined: list[str] = []
    i = 0
    while i < len(tokens):
        step = 2 if tuple(tokens[i : i + 2]) == pair else 1
        joined.append("".join(tokens[i : i + step]))
        i += step
    return joined
