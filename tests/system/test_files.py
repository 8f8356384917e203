"""Small files are written as a whole, whoever else writes them."""

import hashlib
import multiprocessing

import pytest

from system import files
from system.errors import UserError


def write_often(path, letter):
    for _ in range(200):
        files.write_file(path, letter * 1000)


def test_processes_may_write_the_same_file_at_once(tmp_path):
    path = str(tmp_path / "checkpoint")
    context = multiprocessing.get_context("spawn")
    writers = [context.Process(target=write_often, args=(path, letter)) for letter in (b"a", b"b", b"c")]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert [writer.exitcode for writer in writers] == [0, 0, 0]
    assert (tmp_path / "checkpoint").read_bytes() in (b"a" * 1000, b"b" * 1000, b"c" * 1000)
    assert [file.name for file in tmp_path.iterdir()] == ["checkpoint"]


JSON = [
    ("", "found no JSON at line 1, column 1 (Expecting value)"),
    ('{"a": 1,\n "b" 2}', "found no JSON at line 2, column 6 (Expecting ':' delimiter)"),
    ("[" * 100_000, "found values nested too deep"),
    ('{"a": ' * 100_000 + "1" + "}" * 100_000, "found values nested too deep"),
    ('{"a": ' + "9" * 5_000 + "}", "found a number of too many digits"),
    ('{"a": NaN}', "found the number NaN"),
    ('{"a": -Infinity}', "found the number -Infinity"),
    ('{"a": 1e999}', "found the number 1e999"),
    ("[1]", "found a list"),
    ("null", "found null"),
    ('"a"', "found text"),
    ("1", "found a whole number"),
    ("1.5", "found a number"),
    ("true", "found true or false"),
    ("{}", "found no a"),
]


@pytest.mark.parametrize(("text", "found"), JSON, ids=lambda text: text[:20])
def test_json_that_is_something_else_is_one_line_with_file_found_expected_and_remedy(tmp_path, text, found):
    path = tmp_path / "sizes.json"
    path.write_text(text)
    with pytest.raises(UserError) as error:
        files.read_json(str(path), "the sizes of a model", "copy the file", {"a": int})
    assert str(error.value) == f"{path}: {found}, expected the sizes of a model; copy the file"


@pytest.mark.parametrize(("value", "name"), [("true", "true or false"), ("1.0", "a number"), ("[]", "a list")])
def test_a_value_of_another_type_is_named_with_its_key(tmp_path, value, name):
    with pytest.raises(UserError, match=f"^a is {name}, expected a whole number$"):
        files.parse_json(f'{{"a": {value}}}', "the sizes of a model", {"a": int})


def test_json_is_read_with_keys_that_nobody_asked_for(tmp_path):
    (tmp_path / "a.json").write_bytes('\ufeff{"a": 1, "b": "é"}'.encode())
    assert files.read_json(str(tmp_path / "a.json"), "x", "y", {"a": int}) == {"a": 1, "b": "é"}


def test_a_byte_that_is_not_utf_8_is_named_with_its_place(tmp_path):
    path = tmp_path / "verse.txt"
    path.write_bytes("Ô rose\n".encode() + "café".encode("latin-1"))
    with pytest.raises(UserError) as error:
        files.read_text(str(path), "save it as UTF-8")
    assert str(error.value) == f"{path}: byte 0xe9 at 11 (line 2), expected UTF-8; save it as UTF-8"


def test_text_is_read_without_the_mark_at_its_beginning_and_with_its_line_ends(tmp_path):
    (tmp_path / "verse.txt").write_bytes("\ufeffÔ\r\nrose\r".encode())
    assert files.read_text(str(tmp_path / "verse.txt")) == "Ô\r\nrose\r"


@pytest.mark.parametrize("size", [0, 1, files.BLOCK, files.BLOCK + 1])
def test_the_hash_of_a_file_is_that_of_its_bytes(tmp_path, size):
    (tmp_path / "a").write_bytes(bytes(size))
    assert files.sha256(str(tmp_path / "a")) == hashlib.sha256(bytes(size)).hexdigest()
