"""The fuzzer finds what it is there to find, and damages files in the same way again."""

import json
import pathlib
import random
import time
import types

import pytest

from system.errors import UserError
from tests.fuzz import __main__ as fuzz
from tests.fuzz.mutations import damage
from tests.fuzz.readers import READERS, Reader


def reader(read, **about):
    return Reader(lambda folder: [], read, **about)


def raising(error):
    def read(folder):
        raise error

    return reader(read)


def test_an_error_for_the_user_is_right_and_all_others_are_wrong():
    assert fuzz.what_is_wrong(raising(UserError("a.txt: bad")), "", None, True) is None
    assert fuzz.what_is_wrong(raising(FileNotFoundError("a.txt")), "", None, True) is None
    verdict = fuzz.what_is_wrong
    for error in (ValueError("x"), KeyError("x"), RecursionError(), MemoryError(), SystemExit(0)):
        assert str(verdict(raising(error), "", None, True)).startswith(type(error).__name__)
    assert verdict(raising(UserError("a\nb")), "", None, True) == "a message of 2 lines"


def test_a_reader_that_takes_too_long_is_stopped_and_wrong(monkeypatch):
    monkeypatch.setattr(fuzz, "SECONDS", 0.05)
    assert fuzz.what_is_wrong(reader(lambda folder: time.sleep(60)), "", None, True) == "took 0.05 seconds"


def test_a_sealed_file_that_was_damaged_must_not_be_taken_with_another_content():
    sealed = reader(lambda folder: 1, is_sealed=True)
    assert fuzz.what_is_wrong(sealed, "", 2, True) == "taken for sound, with another content"
    assert fuzz.what_is_wrong(sealed, "", 1, True) == ""
    assert fuzz.what_is_wrong(reader(lambda folder: 1), "", 2, True) == ""


def test_a_crash_of_the_reader_is_counted_and_the_next_input_is_tried(monkeypatch, capsys):
    def run(command, **how):
        pathlib.Path(command[5]).write_text(f"{command[6]} 0 0")
        time.sleep(0.1)
        return types.SimpleNamespace(returncode=-6)

    monkeypatch.setattr(fuzz.subprocess, "run", run)
    assert fuzz.main(0.01, ["text"]) == 1
    shown = capsys.readouterr().out
    assert "text: input 0 ended the process with -6" in shown
    assert "text: input 1 ended the process with -6" in shown


@pytest.mark.parametrize("content", [b"", b"a", b"Tell me not\n" * 50, json.dumps({"a": [1, {"b": 2}]}).encode()])
def test_damage_is_the_same_again_and_seldom_none(content):
    damaged = [damage(content, random.Random(seed)) for seed in range(100)]
    assert damaged == [damage(content, random.Random(seed)) for seed in range(100)]
    assert sum(one != content for one in damaged) > 50


@pytest.mark.parametrize("name", READERS)
def test_a_reader_takes_its_sound_files(tmp_path, name):
    assert READERS[name].prepare(str(tmp_path))
    READERS[name].read(str(tmp_path))
