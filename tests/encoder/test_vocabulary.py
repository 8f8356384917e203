import hashlib
import json
import pathlib

import pytest

import encoder
from encoder import vocabulary

SMALL = vocabulary.from_merges([("a", "b"), ("Ġ", "ab"), ("ab", "ab")])


@pytest.fixture
def folder(tmp_path):
    """A folder with a sound vocabulary of 260 tokens, to be damaged."""
    vocabulary.write_vocabulary(str(tmp_path), SMALL)
    return tmp_path


def change_ids(folder, change):
    path = folder / "encoder.json"
    ids = json.loads(path.read_text())
    change(ids)
    path.write_text(json.dumps(ids))


def change_merges(folder, old, new):
    path = folder / "vocab.bpe"
    text = path.read_bytes().decode()
    assert old in text
    path.write_bytes(text.replace(old, new).encode())


def message(folder, kind=ValueError):
    with pytest.raises(kind) as error:
        vocabulary.read_vocabulary(str(folder))
    assert "\n" not in str(error.value)
    assert "; copy both files" in str(error.value) or "--train_vocab" in str(error.value)
    return str(error.value)


def test_openais_files_are_written_byte_for_byte(reference_folder, tmp_path):
    vocabulary.write_vocabulary(str(tmp_path / "run1"), vocabulary.read_vocabulary(reference_folder))
    for name in ("encoder.json", "vocab.bpe"):
        assert (tmp_path / "run1" / name).read_bytes() == (pathlib.Path(reference_folder) / name).read_bytes()


def test_the_fingerprint_is_that_of_openais_two_files(reference_folder):
    files = [(pathlib.Path(reference_folder) / name).read_bytes() for name in ("encoder.json", "vocab.bpe")]
    assert encoder.load_encoder(reference_folder).fingerprint == hashlib.sha256(b"".join(files)).hexdigest()


def test_bytes_stand_in_openais_order(reference_folder):
    ids = json.loads((pathlib.Path(reference_folder) / "encoder.json").read_text())
    assert list(SMALL.tokens[:256]) == sorted(ids, key=ids.get)[:256]


def test_a_written_vocabulary_is_read_back(folder):
    assert vocabulary.read_vocabulary(str(folder)) == SMALL


def test_white_space_and_order_in_the_files_do_not_change_the_fingerprint(folder):
    ids = json.loads((folder / "encoder.json").read_text())
    shuffled = dict(sorted(ids.items(), reverse=True))
    (folder / "encoder.json").write_text(json.dumps(shuffled, indent=4, ensure_ascii=False), encoding="utf-8")
    change_merges(folder, "\n", "\r\n")
    assert vocabulary.read_vocabulary(str(folder)).fingerprint == SMALL.fingerprint


def test_ids_in_another_order_change_the_fingerprint(folder):
    change_ids(folder, lambda ids: ids.update({"!": 1, '"': 0}))
    assert vocabulary.read_vocabulary(str(folder)).fingerprint != SMALL.fingerprint


def test_ids_in_another_order_encode_by_their_numbers(folder):
    change_ids(folder, lambda ids: ids.update({"ab": 257, "Ġab": 256}))
    enc = encoder.load_encoder(str(folder))
    assert enc.encode("ab ab") == [257, 256]
    assert enc.decode([257, 256]) == "ab ab"


def test_a_vocabulary_lies_as_well_in_a_remote_folder():
    vocabulary.write_vocabulary("ram://encoder/run1", SMALL)
    assert vocabulary.read_vocabulary("ram://encoder/run1") == SMALL


@pytest.mark.parametrize("name", ["encoder.json", "vocab.bpe"])
def test_a_missing_file_is_named(folder, name):
    (folder / name).unlink()
    assert message(folder, FileNotFoundError).startswith(f"{folder / name}: no such file")


def test_a_file_that_is_not_json_is_an_error(folder):
    (folder / "encoder.json").write_text("<html>Not found</html>")
    assert "encoder.json: found no JSON" in message(folder)


def test_json_that_is_not_a_table_is_an_error(folder):
    (folder / "encoder.json").write_text("[1, 2]")
    assert "encoder.json: found a list, expected the id of each token; copy" in message(folder)


@pytest.mark.parametrize("name", ["encoder.json", "vocab.bpe"])
def test_a_file_that_is_not_utf_8_is_an_error(folder, name):
    (folder / name).write_bytes(b"#version\xff")
    assert f"{name}: byte 0xff at 8 (line 1), expected UTF-8" in message(folder)


@pytest.mark.parametrize("id", [260, -1, 5, "7", 7.0, True, None, [7]])
def test_an_id_that_leaves_a_gap_is_an_error_that_names_it(folder, id):
    change_ids(folder, lambda ids: ids.update({"ab": id}))
    assert "expected each of 0 to 259 once" in message(folder)


def test_an_empty_table_is_an_error(folder):
    (folder / "encoder.json").write_text("{}")
    assert "no tokens, expected '<|endoftext|>'" in message(folder)


def test_more_tokens_than_16_bits_hold_are_an_error(folder):
    change_ids(folder, lambda ids: ids.update({f"x{id}": id for id in range(260, 65537)}))
    assert "65537 tokens, expected at most 65536" in message(folder)


def test_a_vocabulary_without_end_of_text_is_an_error(folder):
    change_ids(folder, lambda ids: ids.pop("<|endoftext|>"))
    assert "the last token is 'abab', expected '<|endoftext|>'" in message(folder)


def test_end_of_text_that_is_not_last_is_an_error(folder):
    change_ids(folder, lambda ids: ids.update({"<|endoftext|>": 0, "!": 259}))
    assert "the last token is '!', expected '<|endoftext|>'" in message(folder)


def test_a_missing_byte_is_named(folder):
    change_ids(folder, lambda ids: ids.update({"new": ids.pop("Ċ")}))
    assert "byte 0x0a ('Ċ') is missing" in message(folder)


def test_a_merge_list_that_is_too_short_is_an_error(folder):
    change_merges(folder, "ab ab\n", "")
    assert "vocab.bpe: 2 merges, expected 3 for 260 tokens" in message(folder)


def test_a_merge_of_a_token_that_is_not_there_is_an_error(folder):
    change_merges(folder, "ab ab", "abb ab")
    assert "line 4 merges 'abb' and 'ab', expected a token 'abb'" in message(folder)


def test_a_merge_whose_result_is_not_there_is_an_error(folder):
    change_merges(folder, "ab ab", "ab a")
    assert "line 4 merges 'ab' and 'a', expected a token 'aba'" in message(folder)


def test_a_merge_that_uses_a_later_one_is_an_error(folder):
    change_merges(folder, "a b\nĠ ab\n", "Ġ ab\na b\n")
    assert "line 2 merges 'Ġ' and 'ab', expected parts that lines above it make" in message(folder)


def test_a_merge_that_comes_twice_is_an_error(folder):
    change_merges(folder, "ab ab", "a b")
    assert "line 4 merges 'a' and 'b'" in message(folder)


@pytest.mark.parametrize("line", ["ab", "ab  ab", " abab", "a b ab", ""])
def test_a_line_that_is_no_merge_is_an_error(folder, line):
    change_merges(folder, "Ġ ab", line)
    assert f"line 3 is {line!r}, expected two tokens" in message(folder)


def test_a_merge_list_without_its_version_is_an_error(folder):
    change_merges(folder, "#version: 0.2\n", "")
    assert "line 1 is 'a b', expected '#version: 0.2'" in message(folder)
