import io
import json
import pathlib
import subprocess
import sys

import pytest

import curate
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
        (("verse.jsonl", "--run_name", "run1"), "expected one of them"),
        (("--run_name", "run1"), "checkpoint/run1: no such run"),
        (("nothing.jsonl",), "nothing.jsonl"),
        ((".",), ".: a folder, expected a file"),
        (("latin.txt",), "latin.txt: byte 0xd4 at 0 (line 1), expected UTF-8"),
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
    (samples / "latin.txt").write_bytes("Ô rose, thou art sick.\n".encode("latin-1"))
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


def test_a_model_writes_the_samples_and_the_same_command_completes_them(tmp_path, run_here, small_model):
    (tmp_path / "models").symlink_to(small_model)
    command = ("curate.py", "--model_name", "small", "--lines", "2", "--min_lines", "1", "--open_ends", "--n")
    done = run_here(*command, "3")
    assert done.returncode == 0, done.stderr
    assert "3 texts" in done.stdout
    first = (tmp_path / "best.samples.jsonl").read_text()
    rows = [json.loads(line) for line in first.splitlines()]
    assert [(row["number"], row["settings"]["lines"]) for row in rows] == [(1, 2), (2, 2), (3, 2)]
    assert "5 texts" in run_here(*command, "5").stdout
    assert (tmp_path / "best.samples.jsonl").read_text().startswith(first)
    assert "2 texts" in run_here(*command, "2").stdout
    assert len((tmp_path / "best.samples.jsonl").read_text().splitlines()) == 5


def test_copies_are_looked_for_in_the_dataset_of_the_run(tmp_path, monkeypatch, messages):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "checkpoint" / "run1").mkdir(parents=True)
    (tmp_path / "checkpoint" / "run1" / "settings.json").write_text('{"dataset": "mine.txt"}')
    request = curate.Request(run_name="run1")
    assert curate.index_of(request) is None
    assert "mine.txt of the run is not here" in messages()[0]
    (tmp_path / "mine.txt").write_text(RHYMED)
    (tmp_path / "other.txt").write_text(PLAIN)
    for named, text in ((None, RHYMED), ("other.txt", PLAIN)):
        index = curate.index_of(curate.Request(run_name="run1", corpus=named))
        assert index is not None
        assert index.find(text).share() == 1


def test_what_is_kept_by_hand_takes_the_place_of_the_best_and_rating_goes_on_where_it_stopped(
    samples, run_here, monkeypatch
):
    command = ("curate.py", "verse.jsonl", "--rate")
    monkeypatch.setattr("sys.stdin", io.StringIO("l\nq\n"))
    done = run_here(*command)
    assert done.returncode == 0, done.stderr
    assert "by hand 1 kept and 1 dropped" in done.stdout
    (pair,) = map(json.loads, (samples / "best.pairs.jsonl").read_text().splitlines())
    (kept,) = map(json.loads, (samples / "best.jsonl").read_text().splitlines())
    assert (kept["text"], pair["best"], pair["query"]) == (pair["sample0"], 0, "")
    monkeypatch.setattr("sys.stdin", io.StringIO("k\n"))
    done = run_here(*command)
    assert "2 of 3 rated, 1 kept" in done.stdout
    assert len(names(samples / "best.jsonl")) == 2
    assert kept["text"] in (samples / "best.txt").read_text()
    assert pair["sample1"] not in (samples / "best.txt").read_text()
