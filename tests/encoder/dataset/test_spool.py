"""Documents go through temporary files as ids, and every id of a prefix is marked."""

import numpy as np
import pytest

from encoder import chunks
from encoder.dataset import prefix_marks, writer
from encoder.dataset.spool import Spool
from encoder.reference import Encoder
from encoder.trainer import train_vocabulary
from poems.layout import Layout, lay_out
from poems.poem import Poem

VERSE = "The curfew tolls the knell of parting day,\n  The lowing herd\n\n'Tis winds\n|slowly\n4 o'er\n"
ENCODER = Encoder(train_vocabulary([VERSE], 300))
LAYOUTS = [Layout("plain"), Layout("prefix"), Layout("prefix", "author"), Layout("poem")]


def make_poem(number):
    return Poem(VERSE * (1 + number % 3), f"Elegy {number}", "Thomas Gray", ("Death",), str(100 + number))


@pytest.fixture
def small(monkeypatch):
    """Chunks of a few letters, so that a prefix may begin in one and end in another."""
    for name, value in (("BLOCK", 4), ("FIRST", 8), ("LARGEST", 8)):
        monkeypatch.setattr(chunks, name, value)


def spooled(tmp_path, documents):
    spool = Spool(ENCODER, str(tmp_path))
    spool.write(iter(document) for document in documents)
    return spool


def ids_and_marks(spool, chosen):
    chosen = np.array(chosen)
    return [np.concatenate([*blocks]).tolist() for blocks in (spool.ids(chosen), spool.marks(chosen))]


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize("layout", LAYOUTS)
def test_the_marked_ids_are_the_prefixes(tmp_path, layout):
    documents = [lay_out(make_poem(number), layout) for number in range(5)]
    with spooled(tmp_path, [[document] for document in documents]) as spool:
        for number, document in enumerate(documents):
            ids, marked = ids_and_marks(spool, [number])
            assert len(ids) == len(marked) == spool.n_tokens[number]
            assert ids[-1] == ENCODER.end_of_text
            assert ENCODER.decode(ids[:-1]) == document.text
            prefixes = "".join(document.text[start:end] for start, end in document.prefixes)
            assert ENCODER.decode([id for id, mark in zip(ids, marked, strict=True) if mark]) == prefixes
            assert spool.n_characters[number] == len(document.text)
            assert spool.n_prefix_characters[number] == len(prefixes)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_the_ids_are_those_of_the_pieces_one_by_one(tmp_path, layout):
    document = lay_out(make_poem(2), layout)
    with spooled(tmp_path, [[document]]) as spool:
        ids, _ = ids_and_marks(spool, [0])
    assert ids[:-1] == [id for piece in document.pieces() for id in ENCODER.encode(piece)]


def test_parts_of_a_document_have_the_ids_of_the_whole(tmp_path):
    parts = [lay_out(Poem(text), Layout()) for text in (VERSE[:20], VERSE[20:])]
    with spooled(tmp_path, [parts]) as spool:
        assert ids_and_marks(spool, [0])[0] == [*ENCODER.encode(VERSE), ENCODER.end_of_text]


def test_documents_come_back_in_any_order_and_number(tmp_path):
    documents = [lay_out(make_poem(number), Layout("poem")) for number in range(4)]
    with spooled(tmp_path, [[document] for document in documents]) as spool:
        chosen = [2, 3, 1, 1, 0]
        found, marked = ids_and_marks(spool, chosen)
        alone = [ids_and_marks(spool, [number]) for number in chosen]
    assert found == [id for ids, _ in alone for id in ids]
    assert marked == [mark for _, marked in alone for mark in marked]


@pytest.mark.parametrize("n", [0, 1, 7, 8, 9, 1000])
def test_marks_come_back_from_their_text(n):
    marked = np.random.default_rng(n).integers(0, 2, n).astype(bool)
    packed = prefix_marks.pack(np.split(marked, [n // 3, n // 2]))
    assert prefix_marks.unpack(packed, n).tolist() == marked.tolist()


@pytest.mark.parametrize(
    ("weight", "expected"),
    [(1, [0, 1, 2, 3]), (3, [0, 1, 2, 3, 0, 1, 3, 0, 1, 3]), (0.5, [0, 2, 3]), (1.5, [0, 1, 2, 3, 0, 3])],
)
def test_documents_stand_as_often_as_their_weight_says_and_held_out_ones_once(weight, expected):
    held = np.array([False, False, True, False, False])
    # Mixed, the first and the fourth are below a half of 2**64.
    keys = np.array([2, 1, 7, 2, 2], np.uint64)
    assert writer.repeat(np.arange(4), held, keys, weight).tolist() == expected
