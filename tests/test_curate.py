import json
import pathlib
import subprocess
import sys

import pytest

from system.command_line import PROJECT

RHYMED = """The rose is red, the day is bright,
And every star will shine at night;
The silver moon above the sea
Has made a song for you and me.
"""
PLAIN = """The rose is red upon the hill,
And every bird will sing of love;
The silver moon goes slowly down
And leaves the water cold and grey.
"""
CUT = """The winds are loud upon the shore,
The waves are rolling to the land,
And never shall the ships return,
Because the captain and the"""
PROSE = """I bought 3 pounds of butter
and went back to the office
because somebody from accounting
had telephoned about the refund.
"""


@pytest.fixture
def samples(tmp_path):
    rows = [
        ("prose", PROSE),
        ("plain", PLAIN),
        ("cut", CUT),
        ("rhymed", RHYMED),
        ("again", f"{RHYMED}\n"),
        ("short", "O!"),
    ]
    lines = [
        json.dumps({"seed": 1, "number": number, "prompt": "", "text": text, "why": "length", "ids": [1], "name": name})
        for number, (name, text) in enumerate(rows, start=1)
    ]
    (tmp_path / "verse.jsonl").write_text("\n".join(lines) + "\n")
    return tmp_path


def names(path: pathlib.Path) -> list[str]:
    return [json.loads(line)["name"] for line in path.read_text().splitlines()]


def test_what_is_cut_short_or_said_twice_is_dropped_and_the_reason_printed(samples, run_here):
    done = run_here("curate.py", "verse.jsonl", "--by", "rhyme")
    assert done.returncode == 0, done.stderr
    assert names(samples / "best.jsonl")[0] == "rhymed"
    assert set(names(samples / "best.jsonl")) == {"rhymed", "plain", "prose"}
    for reason in ("1 end in the middle", "1 say mostly what a better one says", "1 have fewer than 4 lines"):
        assert reason in done.stdout
    assert "6 texts, of which 3 are kept; 3 are dropped" in done.stdout


def test_every_figure_is_in_the_jsonl_and_the_text_whole_in_the_txt(samples, run_here):
    run_here("curate.py", "verse.jsonl", "--min_rhyme", "0.9", "--out", "few.txt")
    (row,) = map(json.loads, (samples / "few.jsonl").read_text().splitlines())
    assert (row["rhyme"], row["scheme"], row["lines"], row["known"], row["rank"]) == (1, "aabb", 4, 1, 1)
    assert (row["file"], row["number"], row["seed"], row["text"]) == ("verse.jsonl", 4, 1, RHYMED)
    assert "ids" not in row
    assert RHYMED in (samples / "few.txt").read_text()


def test_metrical_lines_rank_above_prose(samples, run_here):
    run_here("curate.py", "verse.jsonl", "--by", "metre")
    assert names(samples / "best.jsonl")[-1] == "prose"


def test_copies_of_the_corpus_are_dropped_unless_allowed(samples, run_here):
    (samples / "corpus.txt").write_text("A title\n\n" + RHYMED + "\nother words\n")
    done = run_here("curate.py", "verse.jsonl", "--corpus", "corpus.txt", "--out", "own.jsonl")
    assert "2 copy: a run of 8 words or more stands in the corpus" in done.stdout
    assert "rhymed" not in names(samples / "own.jsonl")
    run_here("curate.py", "verse.jsonl", "--corpus", "corpus.txt", "--max_copied", "1")
    rows = [json.loads(line) for line in (samples / "best.jsonl").read_text().splitlines()]
    (found,) = [row for row in rows if row["name"] == "rhymed"]
    assert (found["copied"], found["longest"], found["source"]) == (1, 29, "corpus.txt, poem 1, line 3")


def test_headers_of_a_txt_number_its_samples(samples, run_here):
    rule = "=" * 40
    (samples / "verse.txt").write_text(f"{rule} SAMPLE 7 {rule}\n{RHYMED}\n{rule} SAMPLE 8 {rule}\n{CUT}\n")
    run_here("curate.py", "verse.txt")
    (row,) = map(json.loads, (samples / "best.jsonl").read_text().splitlines())
    assert (row["number"], row["text"].split()) == (7, RHYMED.split())


def test_a_form_that_is_asked_for_is_the_one_kept(samples, run_here):
    run_here("curate.py", "verse.jsonl", "--form", "couplets")
    assert names(samples / "best.jsonl") == ["rhymed"]
    done = run_here("curate.py", "verse.jsonl", "--form", "sonet")
    assert (done.returncode, done.stderr.count("\n")) == (1, 1)
    assert "sonnet" in done.stderr


def test_a_second_run_replaces_what_the_first_one_kept(samples, run_here):
    run_here("curate.py", "verse.jsonl", "--keep", "3")
    run_here("curate.py", "verse.jsonl", "--keep", "1")
    assert len(names(samples / "best.jsonl")) == 1


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ((), "no samples"),
        (("nothing.jsonl",), "nothing.jsonl"),
        (("verse.jsonl", "--out", "verse.jsonl"), "would be overwritten"),
        (("verse.jsonl", "--out", "verse.txt"), "would be overwritten"),
        (("verse.jsonl", "--out", "other.jsonl"), "other.jsonl: holds something else"),
        (("verse.jsonl", "--out", "notes.txt"), "notes.txt: there already"),
        (("verse.jsonl", "--out", "best.csv"), "ends in .jsonl or .txt"),
        (("verse.jsonl", "--out", "no/best.jsonl"), "there is no folder"),
        (("verse.jsonl", "--by", "logprob"), "has no log-probability"),
    ],
)
def test_a_mistake_is_told_in_one_line_and_loses_nothing(samples, run_here, arguments, told):
    (samples / "other.jsonl").write_text('{"text": "mine"}\n')
    (samples / "notes.txt").write_text("mine\n")
    before = {path.name: path.read_bytes() for path in samples.iterdir()}
    done = run_here("curate.py", *arguments)
    assert (done.returncode, done.stderr.count("\n")) == (1, 1)
    assert told in done.stderr
    assert {path.name: path.read_bytes() for path in samples.iterdir()} == before


def test_files_are_curated_without_tensorflow(samples):
    code = "import sys, curate; curate.main(curate.Request(samples=('verse.jsonl',)))"
    code += "; assert 'tensorflow' not in sys.modules"
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=samples,
        env={"PYTHONPATH": PROJECT},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
