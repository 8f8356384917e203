import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from poems.long_texts import END_OF_TEXT, cut, split_documents
from poems.poem import LONGEST

blocks = st.lists(st.text("ab'. \n\r\t\x1c\x85\u2028é"))


def documents(*pieces):
    return ["".join(document) for document in split_documents(pieces)]


@given(blocks)
def test_pieces_joined_are_the_text(blocks):
    assert "".join(cut(blocks)) == "".join(blocks)


@given(blocks)
def test_a_piece_begins_at_a_line_end_that_follows_no_white_space(blocks):
    pieces = list(cut(blocks))
    for before, after in itertools.pairwise(pieces):
        assert after.startswith("\n")
        assert not before[-1].isspace()


def test_a_long_text_is_cut_as_soon_as_it_can_be():
    assert list(cut(["a\nb", "c\nd"])) == ["a", "\nbc", "\nd"]


def test_pieces_are_not_held_back_once_they_are_cut():
    def blocks():
        yield "one\ntwo"
        pytest.fail("read on without need")

    assert next(cut(blocks())) == "one"


@pytest.mark.parametrize("word", ["a ", "a", " ", "\t", "é ", END_OF_TEXT, f"a{END_OF_TEXT}"])
def test_a_line_of_any_length_comes_in_pieces_that_join_to_it_and_cut_no_mark(word):
    text = word * (3 * LONGEST // len(word))
    blocks = [text[i : i + LONGEST] for i in range(0, len(text), LONGEST)]
    pieces = list(cut(blocks))
    assert "".join(pieces) == text
    assert max(map(len, pieces)) <= 2 * LONGEST
    assert "".join(pieces).count(END_OF_TEXT) == sum(piece.count(END_OF_TEXT) for piece in pieces)


def test_white_space_without_end_before_a_document_is_not_kept_whole():
    (document,) = (list(document) for document in split_documents([*[" " * LONGEST] * 100, "one"]))
    assert document[-1] == "one"
    assert len(document) < 20


def test_a_mark_stands_between_two_documents():
    assert documents(f"one\n{END_OF_TEXT}two\n") == ["one\n", "two\n"]


def test_a_document_of_several_pieces_is_one_document():
    assert documents("one", "\ntwo", f"\nthree{END_OF_TEXT}\nfour", "\nfive") == ["one\ntwo\nthree", "\nfour\nfive"]


def test_documents_of_white_space_alone_are_left_out():
    assert documents(f"{END_OF_TEXT}\n{END_OF_TEXT}one{END_OF_TEXT}{END_OF_TEXT}\n") == ["one"]


def test_white_space_before_the_first_word_is_kept_even_if_it_is_a_piece_of_its_own():
    assert documents("\n", "\n one") == ["\n\n one"]


def test_a_document_left_unread_does_not_spill_into_the_next():
    pieces = ["one", f"\nmore{END_OF_TEXT}two"]
    assert [next(iter(document)) for document in split_documents(pieces)] == ["one", "two"]
