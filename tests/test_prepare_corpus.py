import json
import os
import shutil
import signal
import subprocess
import sys
import threading

import numpy as np
import pytest
from conftest import ROOT
from conftest import poem as unlike

import encoder
from encoder import vocabulary
from encoder.dataset.prefix_marks import unpack
from encoder.trainer import train_vocabulary

VERSE = "Tell me not, in mournful numbers,\nLife is but an empty dream!\n"


@pytest.fixture
def poem(tmp_path):
    (tmp_path / "poem.txt").write_text(VERSE * 20)
    return "poem.txt"


@pytest.fixture
def model(tmp_path):
    """The vocabulary of a model called mine."""
    vocabulary.write_vocabulary(str(tmp_path / "models" / "mine"), train_vocabulary([VERSE], 280))
    return "mine"


def test_a_poem_becomes_tokens(run_script, tmp_path, poem, model):
    done = run_script("prepare_corpus.py", poem, "out.npz", "--model_name", model)
    assert (done.returncode, done.stderr) == (0, "")
    enc = encoder.get_encoder(model, str(tmp_path / "models"))
    with np.load(tmp_path / "out.npz") as arrays:
        ids = arrays["arr_0"].tolist()
    assert enc.decode(ids[:-1]) == VERSE * 20
    assert ids[-1] == enc.end_of_text
    assert done.stdout.splitlines() == [
        f"poem.txt: 1 document, {len(ids)} tokens, {len(VERSE * 20) / len(ids):.2f} characters a token",
        "held out for validation: nothing, which takes two different documents at least",
        f"written: out.npz, {len(ids)} tokens, vocabulary of 280",
    ]


def test_the_summary_says_how_much_is_held_out(run_script, tmp_path, model):
    (tmp_path / "poems.txt").write_text(VERSE + "<|endoftext|>" + unlike(1))
    done = run_script("prepare_corpus.py", "poems.txt", "out.npz", "--model_name", model)
    tokens = json.loads((tmp_path / "out.json").read_text())["held_out_tokens"]
    assert f"held out for validation: 1 document, {tokens} tokens, " in done.stdout


def test_skipped_files_are_named(run_script, tmp_path, model):
    (tmp_path / "poems").mkdir()
    (tmp_path / "poems" / "a.txt").write_text(VERSE)
    np.savez(tmp_path / "poems" / "old.npz", np.arange(9))
    done = run_script("prepare_corpus.py", "poems", "out.npz", "--model_name", model)
    assert done.stderr == "prepare_corpus.py: poems: skipped 1 that hold no verse: poems/old.npz\n"


def test_a_vocabulary_is_trained_for_a_new_model(run_script, tmp_path, poem):
    command = ("prepare_corpus.py", poem, "out.npz", "--train_vocab", 290, "--model_name", "new")
    done = run_script(*command)
    assert done.returncode == 0
    assert "models/new: a new model of " in done.stderr
    hparams = json.loads((tmp_path / "models" / "new" / "hparams.json").read_text())
    assert hparams == {"n_vocab": 290, "n_ctx": 256, "n_embd": 256, "n_head": 4, "n_layer": 4}
    enc = encoder.get_encoder("new", str(tmp_path / "models"))
    assert enc.n_vocab == 290
    assert json.loads((tmp_path / "out.json").read_text())["vocabulary"]["fingerprint"] == enc.fingerprint
    again = run_script(*command)
    assert (again.returncode, again.stderr) == (0, "")


def test_another_vocabulary_is_never_overwritten(run_script, tmp_path, poem, model):
    before = (tmp_path / "models" / "mine" / "vocab.bpe").read_bytes()
    done = run_script("prepare_corpus.py", poem, "out.npz", "--train_vocab", 290, "--model_name", model)
    assert done.returncode == 1
    assert "models/mine: has another vocabulary already" in done.stderr
    assert (tmp_path / "models" / "mine" / "vocab.bpe").read_bytes() == before


def test_a_vocabulary_of_another_size_than_the_model_is_refused(run_script, tmp_path, poem):
    sizes = {"n_vocab": 300, "n_ctx": 128, "n_embd": 192, "n_head": 4, "n_layer": 4}
    (tmp_path / "models" / "new").mkdir(parents=True)
    (tmp_path / "models" / "new" / "hparams.json").write_text(json.dumps(sizes))
    done = run_script("prepare_corpus.py", poem, "out.npz", "--train_vocab", 290, "--model_name", "new")
    assert done.returncode == 1
    assert "models/new/hparams.json: n_vocab is 300, expected 290" in done.stderr


def test_a_vocabulary_that_cannot_be_trained_leaves_no_model_behind(run_script, tmp_path, poem):
    done = run_script("prepare_corpus.py", poem, "out.npz", "--train_vocab", 9999, "--model_name", "new")
    assert done.returncode == 1
    assert "expected at most" in done.stderr
    assert not (tmp_path / "models").exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["poem.txt"], "the last argument is poem.txt, expected where to write: SOURCE... OUT.npz"),
        (["out.npz"], "nothing to read, only out.npz to write to"),
        (["none.txt", "out.npz"], "none.txt: no such file or folder"),
        (["poem.txt", "none/out.npz"], "none: no such folder to write out.npz into"),
        (["poem.txt", "poem.txt/out.npz"], "poem.txt: no such folder"),
        (["poem.txt", "out.npz", "--held_out", "5"], "--held_out is 5.0, expected below 1"),
        (["poem.txt", "out.npz", "--encoding", "klingon"], "--encoding klingon: no such encoding"),
        (["poem.txt", "out.npz", "--model_name", "none"], "models/none: no such model folder"),
        (["poem.txt", "out.npz", "--train_vocab", "300"], "--model_name is not given"),
        (["poem.txt", "out.npz", "--train_vocab", "300", "--model_name", "117M"], "a model of OpenAI"),
        (["poem.txt", "out.npz", "--books", "none.csv"], "none.csv: no such file, expected a table of books"),
        (["latin.txt", "out.npz", "--model_name", "mine"], "latin.txt: byte 3 is not utf-8"),
        (["poem.json", "poem.npz", "--model_name", "mine"], "poem.json: a source"),
        (["poem.txt", "mine.npz"], "mine.json: not of a dataset, and mine.npz would overwrite it"),
        (["poem.txt", "folder.npz"], "folder.npz: a folder, expected a name for a file to write"),
        (["poem.txt", "other.npz"], "other.json: a folder"),
        (["page.html", "out.npz", "--report", "page.html"], "page.html: a source, which would be overwritten"),
        (["a.report.json", "out.npz", "--report", "a.html"], "a.report.json: a source"),
        (["poem.txt", "out.npz", "--report", "books.html", "--books", "books.html"], "books.html: the --books"),
        (["poem.txt", "a.report.npz", "--report", "a.html"], "a.report.json: not of a dataset"),
        (["poem.txt", "b.report.npz", "--report", "b.html"], "b.report.json: the dataset"),
        (["poem.txt", "out.npz", "--report", "folder.html"], "folder.html: a folder"),
    ],
)
def test_a_mistake_is_one_line_and_writes_nothing(run_script, tmp_path, poem, model, arguments, message):
    (tmp_path / "latin.txt").write_bytes(b"\xc3\xa9t\xe9")
    for name in ("poem.json", "mine.json", "page.html", "a.report.json"):
        (tmp_path / name).write_text(VERSE)
    (tmp_path / "books.html").write_text("gid,author,title\n1,A,B\n")
    for name in ("folder.npz", "other.json", "folder.html"):
        (tmp_path / name).mkdir()
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    done = run_script("prepare_corpus.py", *arguments)
    assert done.returncode == (2 if message.startswith("--held_out") else 1)
    assert message in done.stderr
    assert done.stderr.count("\n") == 1
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before


def test_without_124m_no_other_vocabulary_is_taken_in_silence(run_script, tmp_path, poem):
    done = run_script("prepare_corpus.py", poem, "out.npz")
    assert done.returncode == 1
    assert done.stderr == (
        "prepare_corpus.py: models/124M is not here, and the dataset is to be made for it; download it: "
        "python models/download.py 124M, or make the dataset for the small model that is here: --model_name poet\n"
    )
    assert not (tmp_path / "out.npz").exists()


@pytest.mark.parametrize("name", ["117M", "124M"])
def test_124m_is_used_where_it_is_under_either_name(run_script, tmp_path, poem, model, name):
    shutil.move(tmp_path / "models" / model, tmp_path / "models" / name)
    done = run_script("prepare_corpus.py", poem, "out.npz")
    assert (done.returncode, done.stderr) == (0, "")
    assert "vocabulary of 280" in done.stdout


def test_tensorflow_is_not_imported_for_files_that_are_here(run_script, tmp_path, poem, model):
    (tmp_path / "path").mkdir()
    (tmp_path / "path" / "tensorflow.py").write_text("raise SystemExit('imported without need')")
    env = {"PYTHONPATH": str(tmp_path / "path")}
    done = run_script("prepare_corpus.py", poem, "out.npz", "--model_name", model, env=env)
    assert done.returncode == 0


@pytest.mark.slow  # It imports TensorFlow.
def test_a_file_far_away_brings_no_start_up_lines_of_tensorflow(run_script):
    done = run_script("prepare_corpus.py", "ram://none/poem.txt", "out.npz")
    assert done.returncode == 1
    assert done.stderr == "prepare_corpus.py: ram://none/poem.txt: no such file or folder\n"


def test_without_arguments_the_demo_is_made(run_script, tmp_path):
    done = run_script("prepare_corpus.py")
    assert done.returncode == 0, done.stderr
    about = json.loads((tmp_path / "demo.json").read_text())
    assert about["sources"][0]["n_documents"] == 263
    assert done.stderr.startswith("prepare_corpus.py: nothing is named, so this is the demo")
    assert about["vocabulary"]["n_vocab"] == json.loads((ROOT / "models/poet/hparams.json").read_text())["n_vocab"]


def test_what_is_left_out_of_a_table_is_said(run_script, tmp_path, model):
    (tmp_path / "poems.csv").write_text(f'Title,Poem,Poet,Tags\nOne,"{VERSE}",A,\nTwo,,B,\n')
    done = run_script("prepare_corpus.py", "poems.csv", "out.npz", "--model_name", model)
    assert done.returncode == 0
    assert done.stderr == "prepare_corpus.py: poems.csv: left out 1 time: no poem, first in line 5\n"


@pytest.mark.parametrize(
    ("flags", "expected"),
    [
        (["--layout", "plain"], "one\ntwo\n\nthree\n"),
        ([], '"A Song", by Anna [Love]\none\ntwo\n\nthree\n'),
        (["--layout", "poem"], '"A Song", by Anna [Love]\none\ntwo\n\nthree\n'),
        (["--layout", "prefix", "--prefix", "author"], "Anna|one\nAnna|two\n\nAnna|three\n"),
    ],
)
def test_a_poem_is_laid_out(run_script, tmp_path, model, flags, expected):
    (tmp_path / "poems.csv").write_text('Title,Poem,Poet,Tags\nA Song,"one\ntwo\n\nthree\n",Anna,Love\n')
    done = run_script("prepare_corpus.py", "poems.csv", "out.npz", "--model_name", model, *flags)
    assert (done.returncode, done.stderr) == (0, "")
    enc = encoder.get_encoder(model, str(tmp_path / "models"))
    with np.load(tmp_path / "out.npz") as arrays:
        assert enc.decode(arrays["arr_0"].tolist()[:-1]) == expected


TABLE = f'Title,Poem,Poet,Tags\nOne,"{VERSE}",,\n'
BOOK = f"""The Project Gutenberg eBook of Songs, by Anna Bell

Title: Songs

Author: Anna Bell

*** START OF THE PROJECT GUTENBERG EBOOK SONGS ***

A SONG

{VERSE * 4}

*** END OF THE PROJECT GUTENBERG EBOOK SONGS ***
"""


@pytest.mark.parametrize(
    ("files", "layout"),
    [
        ({"a.txt": VERSE}, "plain"),
        ({"a.txt": VERSE, "b.csv": TABLE}, "poem"),
        ({"a.csv": f'Title,Poem,Poet,Tags\n,"{VERSE}",,\n'}, "plain"),
        ({"a.csv": f'Title,Poem,Poet,Tags\n,"{VERSE}",Anna,\n'}, "poem"),
        ({"b.txt": BOOK, "a.txt": VERSE}, "poem"),
        ({"a.ndjson": '{"s": "Life is but an empty dream", "gid": "1"}\n'}, "plain"),
    ],
)
def test_titles_and_authors_are_kept_where_a_source_has_them(run_here, tmp_path, model, files, layout):
    (tmp_path / "verse").mkdir()
    for name, text in files.items():
        (tmp_path / "verse" / name).write_text(text)
    done = run_here("prepare_corpus.py", "verse", "out.npz", "--model_name", model)
    assert done.returncode == 0, done.stderr
    assert json.loads((tmp_path / "out.json").read_text())["layout"]["name"] == layout
    assert ("--layout plain leaves it out" in done.stdout) == (layout == "poem")


def test_a_source_that_can_be_read_once_alone_is_read_once(run_script, tmp_path, model):
    os.mkfifo(tmp_path / "pipe")
    writer = threading.Thread(target=lambda: (tmp_path / "pipe").write_text(VERSE))
    writer.start()
    done = run_script("prepare_corpus.py", "pipe", "out.npz", "--model_name", model)
    writer.join()
    assert done.returncode == 0, done.stderr


def test_a_wrong_layout_is_one_line(run_script, poem, model):
    done = run_script("prepare_corpus.py", poem, "out.npz", "--model_name", model, "--layout", "sonnet")
    assert done.returncode == 2
    assert done.stderr == "prepare_corpus.py: --layout is sonnet, expected plain, prefix or poem\n"


def tokens_of(path):
    with np.load(path) as arrays:
        return {name: arrays[name].tolist() for name in arrays.files}


def test_an_npz_of_the_original_is_encoded_anew_with_one_end_of_text(run_here, tmp_path, model):
    enc = encoder.get_encoder(model, str(tmp_path / "models"))
    poems = [unlike(number) for number in range(9)]
    seven = enc.encode("<|endoftext|>")
    assert enc.end_of_text not in seven
    np.savez_compressed(tmp_path / "old.npz", np.array(enc.encode("<|endoftext|>".join(poems)), np.int64))
    done = run_here("prepare_corpus.py", "old.npz", "out.npz", "--model_name", model)
    assert done.returncode == 0, done.stderr
    expected = [id for poem in poems for id in [*enc.encode(poem), enc.end_of_text]]
    assert tokens_of(tmp_path / "out.npz") == {"arr_0": expected}
    again = run_here("prepare_corpus.py", "out.npz", "again.npz", "--model_name", model)
    assert again.returncode == 0, again.stderr
    assert tokens_of(tmp_path / "again.npz") == {"arr_0": expected}


def test_an_npz_of_another_vocabulary_is_refused(run_here, tmp_path, model):
    np.savez(tmp_path / "old.npz", np.array([1, 2, 999]))
    done = run_here("prepare_corpus.py", "old.npz", "out.npz", "--model_name", model)
    assert done.returncode == 1
    assert "old.npz: arr_0: token id 999, expected ids below 280" in done.stderr
    assert not (tmp_path / "out.npz").exists()


def test_the_poems_of_a_source_stand_as_often_as_its_weight(run_here, tmp_path, model):
    for name, numbers in (("a.txt", range(3)), ("b.txt", range(3, 9))):
        (tmp_path / name).write_text("<|endoftext|>".join(map(unlike, numbers)))
    command = ("prepare_corpus.py", "a.txt", "b.txt", "out.npz", "--model_name", model, "--held_out", 0)
    assert run_here(*command, "--weight", "2,1").returncode == 0
    enc = encoder.get_encoder(model, str(tmp_path / "models"))
    arrays = tokens_of(tmp_path / "out.npz")
    first = "".join(map(unlike, range(3)))
    assert enc.decode([id for id in arrays["arr_0"] if id != enc.end_of_text]) == first * 2
    assert arrays["arr_1"].count(enc.end_of_text) == 6
    done = run_here(*command, "--weight", "2")
    assert done.returncode == 1
    assert "--weight has 1 numbers, expected one for each of the 2 sources" in done.stderr


def test_a_poem_that_stands_in_two_sources_is_taken_once(run_here, tmp_path, model):
    for name, numbers in (("a.txt", range(4)), ("b.txt", range(3, 6))):
        (tmp_path / name).write_text("<|endoftext|>".join(map(unlike, numbers)))
    done = run_here("prepare_corpus.py", "a.txt", "b.txt", "out.npz", "--model_name", model)
    assert "duplicates dropped 1 document\n" in done.stdout
    about = json.loads((tmp_path / "out.json").read_text())
    assert [source["n_documents"] for source in about["sources"]] == [4, 2]
    kept = run_here("prepare_corpus.py", "a.txt", "b.txt", "out.npz", "--model_name", model, "--off", "duplicates")
    assert "duplicates" not in kept.stdout


def test_rules_are_switched_on_and_off(run_here, tmp_path, model):
    (tmp_path / "poem.txt").write_text("“Tell me not”  \nin — numbers\n")
    enc = encoder.get_encoder(model, str(tmp_path / "models"))

    def cleaned(*flags):
        done = run_here("prepare_corpus.py", "poem.txt", "out.npz", "--model_name", model, *flags)
        assert done.returncode == 0, done.stderr
        return enc.decode(tokens_of(tmp_path / "out.npz")["arr_0"][:-1])

    assert cleaned() == "“Tell me not”\nin — numbers\n"
    assert cleaned("--on", "quotes,dashes") == '"Tell me not"\nin -- numbers\n'
    assert cleaned("--off", "all") == "“Tell me not”  \nin — numbers\n"
    wrong = run_here("prepare_corpus.py", "poem.txt", "out.npz", "--model_name", model, "--off", "spelling")
    assert "spelling: no such cleaning rule, expected some of licence, " in wrong.stderr


def test_the_report_shows_what_was_done(run_here, tmp_path, model):
    rows = f'Title,Poem,Poet,Tags\nOne,"{unlike(1)}",A,\nTwo,,B,\nThree,"{unlike(1)}",C,\n'
    (tmp_path / "poems.csv").write_text(rows)
    done = run_here("prepare_corpus.py", "poems.csv", "out.npz", "--model_name", model, "--report", "out.html")
    assert done.returncode == 0, done.stderr
    page = (tmp_path / "out.html").read_text()
    assert "You have 1 poem by 1 author, " in page
    assert "no poem" in page
    assert "layout poem, that of this dataset</p>\n<pre>&quot;One&quot;, by A\n" in page
    assert "kept instead, at poems.csv:" in page
    (source,) = json.loads((tmp_path / "out.report.json").read_text())["sources"]
    assert source["kept"]["poems"] == sum(source["poem_lengths"].values()) == 1
    assert source["kept"]["lines"] == sum(source["line_lengths"].values())
    assert {(rule["rule"], rule["poems"]) for rule in source["rules"]} >= {
        ("not a poem: no poem", 1),
        ("duplicates", 1),
    }
    assert json.loads((tmp_path / "out.json").read_text())["sources"][0]["report"]["kept"] == source["kept"]


@pytest.mark.parametrize(("name", "message"), [("out.txt", "ends in .html"), ("none/out.html", "none: no such folder")])
def test_a_report_that_cannot_be_written_is_an_error_before_any_work(run_here, tmp_path, poem, model, name, message):
    done = run_here("prepare_corpus.py", poem, "out.npz", "--model_name", model, "--report", name)
    assert done.returncode == 1
    assert message in done.stderr
    assert not (tmp_path / "out.npz").exists()


def test_a_dataset_is_inspected(run_here, tmp_path, model):
    (tmp_path / "poems.csv").write_text(f'Title,Poem,Poet,Tags\nOne,"{unlike(1)}",A,\nTwo,"{unlike(2)}",B,\n')
    run_here("prepare_corpus.py", "poems.csv", "out.npz", "--model_name", model, "--layout", "poem")
    done = run_here("prepare_corpus.py", "--inspect", "out.npz", "--model_name", model)
    assert done.returncode == 0, done.stderr
    assert "layout poem" in done.stdout
    assert "arr_0: poems.csv, 2 documents" in done.stdout
    assert f'"One", by A\n{unlike(1)}' in done.stdout
    assert "held out, " in done.stdout


def test_a_dataset_is_inspected_by_the_vocabulary_that_it_was_made_with(run_here, tmp_path, model, poem):
    for name, n_vocab in (("124M", 270), ("other", 290)):
        vocabulary.write_vocabulary(str(tmp_path / "models" / name), train_vocabulary([VERSE * 9], n_vocab))
    run_here("prepare_corpus.py", poem, "out.npz", "--model_name", model)
    assert VERSE in run_here("prepare_corpus.py", "--inspect", "out.npz").stdout
    done = run_here("prepare_corpus.py", "--inspect", "out.npz", "--model_name", "124M")
    assert done.returncode == 1
    assert "made with another vocabulary (280 tokens, that of mine) than that of 124M; name the model" in done.stderr


def test_a_dataset_made_without_a_name_notes_the_model_that_was_chosen(run_here, tmp_path, model, poem):
    shutil.move(tmp_path / "models" / model, tmp_path / "models" / "124M")
    run_here("prepare_corpus.py", poem, "out.npz")
    assert json.loads((tmp_path / "out.json").read_text())["made_with"]["model_name"] == "124M"


def test_to_inspect_makes_no_vocabulary(run_here, tmp_path):
    np.savez(tmp_path / "old.npz", np.arange(9))
    done = run_here("prepare_corpus.py", "--inspect", "old.npz", "--models_dir", "nowhere")
    assert done.returncode == 1
    assert "nowhere/124M is not here" in done.stderr
    assert not (tmp_path / "nowhere").exists()


def test_a_dataset_of_the_original_is_inspected(run_here, tmp_path, model):
    enc = encoder.get_encoder(model, str(tmp_path / "models"))
    np.savez(tmp_path / "old.npz", np.array([*enc.encode(VERSE), enc.end_of_text, *enc.encode(unlike(1))]))
    done = run_here("prepare_corpus.py", "--inspect", "old.npz", "--model_name", model)
    assert done.returncode == 0, done.stderr
    assert "no .json beside it" in done.stdout
    assert VERSE in done.stdout


@pytest.mark.parametrize("arguments", [["--inspect", "out.npz"], ["out.npz", "again.npz"]])
def test_a_dataset_with_a_damaged_json_is_neither_inspected_nor_read(run_here, tmp_path, model, poem, arguments):
    run_here("prepare_corpus.py", poem, "out.npz", "--model_name", model)
    (tmp_path / "out.json").write_text((tmp_path / "out.json").read_text()[:400])
    done = run_here("prepare_corpus.py", *arguments, "--model_name", model)
    assert done.returncode == 1
    assert "out.json: found no JSON at line 1" in done.stderr
    assert run_here("prepare_corpus.py", poem, "out.npz", "--model_name", model).returncode == 0


def test_prefixes_are_marked_and_held_out_verse_is_counted_without_them(run_here, tmp_path, model):
    rows = [f'Song {number},"{unlike(number)}",Anna,Love\n' for number in range(30)]
    (tmp_path / "poems.csv").write_text("Title,Poem,Poet,Tags\n" + "".join(rows))
    run_here("prepare_corpus.py", "poems.csv", "out.npz", "--model_name", model, "--layout", "poem", "--held_out", 0.3)
    about = json.loads((tmp_path / "out.json").read_text())
    assert about["layout"]["name"] == "poem"
    ids = np.array(tokens_of(tmp_path / "out.npz")["arr_0"])
    marked = unpack(about["prefix_marks"]["arr_0"], len(ids))
    enc = encoder.get_encoder(model, str(tmp_path / "models"))
    headings = "".join(f'"Song {number}", by Anna [Love]\n' for number in range(30))
    assert enc.decode(ids[marked].tolist()) == headings
    held = about["held_out"]["arr_0"]
    assert about["held_out_prefix_characters"] == sum(len(headings.splitlines()[number]) + 1 for number in held)
    assert 0 < about["held_out_prefix_tokens"] < about["held_out_tokens"]


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="no such signal")
def test_a_kill_while_writing_leaves_no_half_dataset(tmp_path, poem, model):
    """It is killed before each of the two files gets its name, and before anything is written at all."""
    for calls in range(3):
        code = (
            f"import os, sys\ncalls, replace = {calls}, os.replace\n"
            "def die(*names):\n    global calls\n    calls -= 1\n"
            "    if calls < 0: os.kill(os.getpid(), 9)\n    replace(*names)\n"
            f"os.replace = die\nsys.path.insert(0, {str(ROOT)!r})\n"
            "import prepare_corpus\nprepare_corpus.command_line.run(prepare_corpus.main)"
        )
        command = [sys.executable, "-c", code, poem, "out.npz", "--model_name", model]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True)
        assert done.returncode == (0 if calls == 2 else -signal.SIGKILL)
        assert (tmp_path / "out.npz").exists() == (calls == 2)


def test_stanza_breaks_made_of_gaps_are_counted_by_their_length(run_here, tmp_path, model):
    numbers = [1, 2, 4, 5, 7, 10, 14, 20, 21]
    rows = [{"s": f"line {number} of the verse", "line": number, "gid": "7"} for number in numbers]
    (tmp_path / "poems.ndjson").write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    done = run_here("prepare_corpus.py", "poems.ndjson", "out.npz", "--model_name", model)
    assert "5 stanza breaks made of missing line numbers (2 of 1, 1 of 2, 1 of 3, 1 of more)" in done.stderr


def test_line_numbers_that_do_not_rise_are_counted(run_here, tmp_path, model):
    rows = [{"s": f"line {number} of the verse", "line": 0, "gid": "7"} for number in range(4)]
    (tmp_path / "poems.ndjson").write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    done = run_here("prepare_corpus.py", "poems.ndjson", "out.npz", "--model_name", model)
    assert "poems.ndjson: 3 line numbers not above the last, each taken for a stanza break" in done.stderr


def test_the_summary_tells_lines_from_documents(run_here, tmp_path, model):
    rows = [f'“Song” {number},"“{unlike(number)}”",Anna,\n' for number in (1, 1, 2)]
    (tmp_path / "poems.csv").write_text("Title,Poem,Poet,Tags\n" + "".join(rows) + "None,,Anna,\n")
    done = run_here("prepare_corpus.py", "poems.csv", "out.npz", "--model_name", model, "--layout", "poem")
    assert "quotes changed 6 lines in 3 documents, quotes retitled 3 documents" in done.stdout
    assert "not a poem: no poem dropped 1 line in 1 place" in done.stdout
    assert "duplicates dropped 1 document\n" in done.stdout


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ("1.0,Anna,Songs\n2,Bess,Odes\n3,Carl,Lays\n", ""),
        ("1,Anna,Songs\n", "books.csv: names 1 of the 2 books read\n"),
        ("pg1,Anna,Songs\n", "books.csv: names 0 of the 2 books read: the first of them is 1, in the table pg1\n"),
    ],
)
def test_books_that_the_table_does_not_name_are_counted(run_here, tmp_path, model, table, message):
    rows = [{"s": f"a line of book {book}", "line": 1, "gid": book} for book in ("1", "2")]
    (tmp_path / "poems.ndjson").write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    (tmp_path / "books.csv").write_text(f"gid,author,title\n{table}")
    done = run_here("prepare_corpus.py", "poems.ndjson", "out.npz", "--model_name", model, "--books", "books.csv")
    assert (done.returncode, done.stderr) == (0, message and f"prepare_corpus.py: {message}")


def test_a_table_of_books_without_books_to_name_is_said(run_here, tmp_path, model, poem):
    (tmp_path / "books.csv").write_text("gid,author,title\n1,Anna,Songs\n")
    done = run_here("prepare_corpus.py", poem, "out.npz", "--model_name", model, "--books", "books.csv")
    assert "books.csv: names books, and no book was read; " in done.stderr


def test_no_poem_is_dropped_for_a_copy_that_is_not_in_the_dataset(run_here, tmp_path, model):
    poems = [unlike(number) for number in range(30)]
    (tmp_path / "a.txt").write_text("<|endoftext|>".join(poems))
    (tmp_path / "b.txt").write_text("<|endoftext|>".join(poems))
    command = ("prepare_corpus.py", "a.txt", "b.txt", "out.npz", "--model_name", model, "--weight", "0.2,1")
    assert run_here(*command).returncode == 0
    enc = encoder.get_encoder(model, str(tmp_path / "models"))
    ids = [id for array in tokens_of(tmp_path / "out.npz").values() for id in array]
    assert sorted(enc.decode(ids).split("<|endoftext|>")[:-1]) == sorted(poems)


def test_a_dataset_with_prefixes_is_not_prepared_again(run_here, tmp_path, model, poem):
    run_here("prepare_corpus.py", poem, "out.npz", "--model_name", model, "--layout", "poem")
    done = run_here("prepare_corpus.py", "out.npz", "again.npz", "--model_name", model)
    assert "out.npz: has a prefix before its poems or lines already" in done.stderr


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--prefix", "author"], "--prefix author is for --layout prefix, found no --layout"),
        (
            ["--prefix", "author", "--layout", "poem"],
            "--prefix author is for --layout prefix, found --layout poem",
        ),
        (["--inspect", "out.npz"], "--inspect only looks into out.npz, found poem.txt as well"),
        (["--weight", "a"], "--weight is a, expected numbers"),
        (["--weight", "0"], "--weight is 0.0, expected a number above 0"),
        (["--on", "drop_foreign", "--off", "all,drop_foreign"], "drop_foreign: switched on and off"),
    ],
)
def test_flags_that_say_nothing_together_are_refused(run_here, poem, model, flags, message):
    done = run_here("prepare_corpus.py", poem, "out.npz", "--model_name", model, *flags)
    assert done.returncode == 1
    assert message in done.stderr
