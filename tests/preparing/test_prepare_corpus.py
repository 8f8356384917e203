"""prepare_corpus.py as one uses it: from sources to a dataset, with a summary and a report."""

import json
import os
import shutil
import threading

import numpy as np
import pytest
from conftest import COUPLET, ROOT, tokens_of
from conftest import poem as unlike

import encoder
from encoder.dataset.prefix_marks import unpack


def test_a_poem_becomes_tokens(run_script, tmp_path, poem, model):
    done = run_script("prepare_corpus.py", poem, "out.npz", "--model_name", model)
    assert (done.returncode, done.stderr) == (0, "")
    enc = encoder.get_encoder(model, str(tmp_path / "models"))
    with np.load(tmp_path / "out.npz") as arrays:
        ids = arrays["arr_0"].tolist()
    assert enc.decode(ids[:-1]) == COUPLET * 20
    assert ids[-1] == enc.end_of_text
    assert done.stdout.splitlines() == [
        f"poem.txt: 1 document, {len(ids)} tokens, {len(COUPLET * 20) / len(ids):.2f} characters a token",
        "held out for validation: nothing, which takes two different documents at least",
        "You have 1 poem, 40 lines.",
        f"written: out.npz, {len(ids)} tokens, vocabulary of 280",
    ]


def test_the_summary_says_how_much_is_held_out(run_script, tmp_path, model):
    (tmp_path / "poems.txt").write_text(COUPLET + "<|endoftext|>" + unlike(1))
    done = run_script("prepare_corpus.py", "poems.txt", "out.npz", "--model_name", model)
    tokens = json.loads((tmp_path / "out.json").read_text())["held_out_tokens"]
    assert f"held out for validation: 1 document, {tokens} tokens, " in done.stdout


def test_skipped_files_are_named(run_script, tmp_path, model):
    (tmp_path / "poems").mkdir()
    (tmp_path / "poems" / "a.txt").write_text(COUPLET)
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
    (tmp_path / "poems.csv").write_text(f'Title,Poem,Poet,Tags\nOne,"{COUPLET}",A,\nTwo,,B,\n')
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


TABLE = f'Title,Poem,Poet,Tags\nOne,"{COUPLET}",,\n'


BOOK = f"""The Project Gutenberg eBook of Songs, by Anna Bell

Title: Songs

Author: Anna Bell

*** START OF THE PROJECT GUTENBERG EBOOK SONGS ***

A SONG

{COUPLET * 4}

*** END OF THE PROJECT GUTENBERG EBOOK SONGS ***
"""


@pytest.mark.parametrize(
    ("files", "layout"),
    [
        ({"a.txt": COUPLET}, "plain"),
        ({"a.txt": COUPLET, "b.csv": TABLE}, "poem"),
        ({"a.csv": f'Title,Poem,Poet,Tags\n,"{COUPLET}",,\n'}, "plain"),
        ({"a.csv": f'Title,Poem,Poet,Tags\n,"{COUPLET}",Anna,\n'}, "poem"),
        ({"b.txt": BOOK, "a.txt": COUPLET}, "poem"),
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
    writer = threading.Thread(target=lambda: (tmp_path / "pipe").write_text(COUPLET))
    writer.start()
    done = run_script("prepare_corpus.py", "pipe", "out.npz", "--model_name", model)
    writer.join()
    assert done.returncode == 0, done.stderr


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
    assert "not a poem: 1 line in 1 place" in done.stdout
    assert "duplicates dropped 1 document, not a poem:" in done.stdout


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
