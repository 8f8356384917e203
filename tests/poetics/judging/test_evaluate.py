import json
import subprocess
import sys

import pytest

from evaluate import Request, held_out_bits
from system.command_line import PROJECT
from system.errors import UserError

VERSE = """The rose is red, the day is bright,
And every star will shine at night;
The silver moon above the sea
Has made a song for you and me.
"""


def evaluate(*arguments, cwd):
    command = [sys.executable, f"{PROJECT}/evaluate.py", *map(str, arguments)]
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False)


def test_samples_are_measured_beside_real_verse_and_their_copies_found(tmp_path):
    (tmp_path / "samples.txt").write_text(VERSE * 4)
    (tmp_path / "corpus.txt").write_text("A title\n\n" + VERSE)
    done = evaluate("samples.txt", "--corpus", "corpus.txt", "--json", "out.json", "--page", "out.html", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "real verse" in done.stdout
    found = json.loads((tmp_path / "out.json").read_text())["samples.txt"]
    assert (found["lines"], found["rhyme"], found["copied"]) == (16, 1, 1)
    assert found["copies"][0][0]["line"] == 3
    assert (tmp_path / "out.html").read_text().startswith("<!DOCTYPE html>")


def test_a_missing_file_or_none_is_told_in_one_line(tmp_path):
    for arguments, told in (((), "no samples"), (("nothing.txt",), "nothing.txt")):
        done = evaluate(*arguments, cwd=tmp_path)
        assert (done.returncode, done.stderr.count("\n")) == (1, 1)
        assert told in done.stderr


def test_the_held_out_bits_of_a_run_are_those_of_its_last_validation(tmp_path):
    run = tmp_path / "checkpoint" / "run1"
    run.mkdir(parents=True)
    (run / "log.jsonl").write_text('{"val_bits": 2.5}\n{"val_bits": 2.25}\n{"loss": 3}\n{"los')
    request = Request(run_name="run1", checkpoint_dir=str(tmp_path / "checkpoint"))
    assert held_out_bits(request) == 2.25
    for line in ("[" * 100_000 + "}", '{"val_bits": []}', '{"val_bits": NaN}', "[1, 2}"):
        (run / "log.jsonl").write_text(f'{{"val_bits": 2.5}}\n{line}\n')
        with pytest.raises(UserError, match=r"log\.jsonl: line 2: .*; remove that line"):
            held_out_bits(request)
