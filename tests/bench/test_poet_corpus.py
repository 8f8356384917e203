"""The texts of the shipped model: what is set apart stays apart, and poems lose no line."""

import itertools

import numpy as np
import pytest

from bench import poet_corpus
from poems.sources import gutenberg_corpus

N_LINES = gutenberg_corpus.N_LINES
SET_APART = [
    *(poet_corpus.BOOKS[gid] for gid in poet_corpus.HELD_OUT),
    *itertools.chain(*poet_corpus.LEFT_OUT.values()),
    *poet_corpus.REPRINTS,
]
QUATRAINS = """\
Loveliest of trees, the cherry now
Is hung with bloom along the bough,
And stands about the woodland ride
Wearing white for Eastertide.
Now, of my threescore years and ten,
Twenty will not come again,
And take from seventy springs a score,
It only leaves me fifty more.
""".splitlines()
PROSE = """\
The author has been asked by several of his friends to say
something of the circumstances under which these verses were
written, and of the reasons that have led him to gather them
into a volume at a time when so many volumes are published; he
answers that he knows of none, and that he would be obliged to
any reader who should be able to supply him with one of them.
""".splitlines()


def test_the_parts_to_train_on_are_all_of_the_corpus_but_what_is_set_apart():
    covered = np.zeros(N_LINES, int)
    for first, end in [*poet_corpus.blocks(N_LINES, SET_APART), *SET_APART]:
        covered[first:end] += 1
    assert (covered == 1).all()


def test_every_known_book_is_in_parts_of_its_own():
    for first, end in poet_corpus.blocks(N_LINES, SET_APART):
        for start, stop in poet_corpus.BOOKS.values():
            assert stop <= first or end <= start or (start <= first and end <= stop)


def test_prose_is_left_out_and_verse_keeps_every_line_in_order():
    lines = [*QUATRAINS, *PROSE, *QUATRAINS]
    numbers = [n for poem in poet_corpus.poems_of(lines, 0, len(lines)) for stanza in poem for n in stanza]
    assert [lines[n] for n in numbers] == [*QUATRAINS, *QUATRAINS]
    assert numbers == sorted(numbers)


def test_notes_and_indexes_are_left_out_but_not_a_line_with_the_mark_of_a_note():
    lines = [*QUATRAINS, "Lucilius, 31, 38, [_note_]", *QUATRAINS]
    marked = [*QUATRAINS[:3], f"{QUATRAINS[3]}[A]", *QUATRAINS[4:]]
    assert not any(len(lines) // 2 in stanza for poem in poet_corpus.poems_of(lines, 0, len(lines)) for stanza in poem)
    assert sum(poet_corpus.n_lines(poem) for poem in poet_corpus.poems_of(marked, 0, len(marked))) == len(marked)


def test_underscores_marks_of_notes_and_words_in_capitals_are_the_printers():
    text = "WHEN _thou_[A] wert O'ER the XIV hills, {13}\nI'LL go\n"
    assert poet_corpus.mended(text) == "When thou wert O'er the XIV hills,\nI'll go\n"


def test_stanzas_are_written_with_an_empty_line_and_poems_with_an_end_of_text(tmp_path):
    path = tmp_path / "train" / "0.txt"
    poet_corpus.write(str(path), ["one", "two", "three"], [[[0], [1]], [[2]]])
    assert path.read_text() == "one\n\ntwo\n<|endoftext|>\nthree\n"


def test_nothing_is_written_where_there_are_no_poems(tmp_path):
    poet_corpus.write(str(tmp_path / "0.txt"), [], [])
    assert not list(tmp_path.iterdir())


def test_the_last_eighth_of_a_book_is_held_out_in_whole_poems():
    poems = [[[n]] for n in range(16)]
    assert poet_corpus.split(poems) == (poems[:14], poems[14:])


def test_lines_near_a_marked_one_are_marked():
    marked = np.zeros(100, bool)
    marked[50] = True
    assert np.flatnonzero(poet_corpus.widened(marked)).tolist() == list(range(38, 63))


@pytest.mark.parametrize("marked", [[], [True], [False, True, True, False, True]])
def test_runs_of_marked_lines_hold_all_of_them(marked):
    found = [n for first, end in poet_corpus.runs(np.array(marked, bool)) for n in range(first, end)]
    assert found == np.flatnonzero(marked).tolist()
