import pytest

from poetics.judging.verse_files import PASSAGE, passages, read_texts
from system.errors import UserError


def test_samples_are_read_from_every_form_that_sample_py_writes(tmp_path):
    poems = [("O rose,", "thou art sick."), ("Tyger, tyger,",)]
    jsonl, txt = tmp_path / "a.jsonl", tmp_path / "a.txt"
    jsonl.write_text('{"seed": 1, "number": 1, "text": "O rose,\\n\\nthou art sick."}\n{"text": "Tyger, tyger,\\n"}\n')
    rule = "=" * 40
    txt.write_text(f"{rule} SAMPLE 1 {rule}\nO rose,\nthou art sick.\n\n{rule} SAMPLE 2 {rule}\nTyger, tyger,\n")
    assert read_texts(str(jsonl)) == read_texts(str(txt)) == poems


def test_a_book_is_cut_into_passages_and_poems_at_their_ends(tmp_path):
    book = tmp_path / "book.txt"
    book.write_text("\n\n".join(f"line {i}x" for i in range(20)))
    assert [len(text) for text in read_texts(str(book))] == [PASSAGE, 6]
    book.write_text("one\ntwo<|endoftext|>three\n<|endoftext|>")
    assert read_texts(str(book)) == [("one", "two"), ("three",)]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.txt", "* * *\n12\n"),
        ("a.jsonl", '{"number": 1}\n'),
        ("b.jsonl", "x\n"),
        ("c.jsonl", '{"text": "\\ud800 rose"}\n'),
    ],
)
def test_a_file_without_verse_is_refused_in_one_line(tmp_path, name, content):
    (tmp_path / name).write_text(content)
    with pytest.raises(UserError, match=name):
        read_texts(str(tmp_path / name))


def test_passages_are_spread_over_texts_and_do_not_overlap():
    texts = ["".join(f"line {text} and {i}x\n" for i in range(300)) for text in "ab"]
    found = passages(texts, 10, 5)
    assert [len(passage) for passage in found] == [5] * 10
    assert sum(passage[0].startswith("line a") for passage in found) == 5
    many = [line for passage in passages(texts, 1000, 5) for line in passage]
    assert len(many) == len(set(many)) > 400
    assert passages(["one line\n"], 10, 5) == []
