import dataclasses
import hashlib
import io
import json
import pathlib
import shutil
import struct
import types
import zipfile

import numpy as np
import pytest
from conftest import ROOT, poem
from hypothesis import given
from hypothesis import strategies as st

from encoder.dataset import npz, spool, writer
from encoder.reference import Encoder
from encoder.trainer import train_vocabulary
from poems.corpus import Corpus
from poems.long_texts import cut
from poems.sources import sources, text_file

VERSE = "The curfew tolls the knell of parting day,\n  The lowing herd winds slowly o'er the lea,\n\n"
POEMS = [poem(number) for number in range(40)]
ENCODER = Encoder(train_vocabulary([VERSE], 300))


@pytest.fixture
def enc():
    return ENCODER


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """An empty folder to write to; the cache lies beside it."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    (tmp_path / "data").mkdir()
    return tmp_path / "data"


@pytest.fixture
def poems(tmp_path):
    """A source of forty poems, a file each."""
    return make_source(tmp_path / "poems", POEMS)


def make_source(folder, texts):
    folder.mkdir(exist_ok=True)
    for number, text in enumerate(texts):
        (folder / f"{number:03}.txt").write_text(text)
    return sources.find_source(str(folder))


def write(folder, found, **kwargs):
    out = folder / "poetry.npz"
    return out, writer.write_dataset(str(out), Corpus([found]), ENCODER, **kwargs)


def documents(out, about, name="arr_0"):
    """The text of each document, cut out of the array where the .json says."""
    with np.load(out) as arrays:
        ids = arrays[name].tolist()
    starts = about["documents"][name]
    parts = [ids[start:end] for start, end in zip(starts, [*starts[1:], len(ids)], strict=True)]
    assert all(part.index(ENCODER.end_of_text) == len(part) - 1 for part in parts)
    return [ENCODER.decode(part[:-1]) for part in parts]


def held_out(out, about, name="arr_0"):
    texts = documents(out, about, name)
    return [texts[number] for number in about["held_out"][name]]


def test_every_document_comes_back_with_one_end_of_text_after_it(folder, poems):
    assert documents(*write(folder, poems)) == POEMS


def test_each_source_is_an_array(folder, poems, tmp_path, enc):
    other = make_source(tmp_path / "other", ["another poem\n"])
    about = writer.write_dataset(str(folder / "two.npz"), Corpus([poems, other]), enc)
    assert [(source["name"], source["array"]) for source in about["sources"]] == [
        (poems.name, "arr_0"),
        (other.name, "arr_1"),
    ]
    assert documents(folder / "two.npz", about, "arr_0") == POEMS
    assert documents(folder / "two.npz", about, "arr_1") == ["another poem\n"]


def test_the_json_says_what_the_npz_holds(folder, poems):
    out, about = write(folder, poems, made_with={"encoding": "utf-8"})
    found = json.loads((folder / "poetry.json").read_text())
    assert found.pop("sha256")
    assert found == about
    assert about["format"] == 3
    assert about["npz_sha256"] == hashlib.sha256(out.read_bytes()).hexdigest()
    assert about["vocabulary"] == {"n_vocab": 300, "fingerprint": ENCODER.fingerprint}
    (source,) = about["sources"]
    assert source["n_documents"] == 40
    assert source["n_characters"] == sum(map(len, POEMS))
    assert source["n_tokens"] == sum(len(ENCODER.encode(poem)) + 1 for poem in POEMS)
    assert about["held_out_characters"] == sum(map(len, held_out(out, about)))
    assert about["held_out_tokens"] == sum(len(ENCODER.encode(poem)) + 1 for poem in held_out(out, about))
    assert about["made_with"] == {"encoding": "utf-8"}


def test_the_original_loader_reads_it(folder, poems):
    out, about = write(folder, poems)
    chunks = []  # As load_dataset of the original code does it.
    with np.load(out) as arrays:
        for item in arrays.files:
            chunks.append(arrays[item])
    assert [chunk.dtype for chunk in chunks] == [np.uint16]
    assert [chunk.shape for chunk in chunks] == [(about["sources"][0]["n_tokens"],)]


def check_mapped(out):
    """Maps each array through the offsets of the zip file and compares it with what NumPy reads."""
    raw = np.memmap(out, np.uint8, "r")
    with zipfile.ZipFile(out) as archive, np.load(out) as arrays:
        assert archive.testzip() is None
        for member in archive.infolist():
            assert member.compress_type == zipfile.ZIP_STORED
            start = member.header_offset + 30  # The zip format: a header of 30 bytes, two lengths at its end.
            start += sum(struct.unpack("<HH", raw[start - 4 : start].tobytes()))
            assert start % 64 == 0
            start += 10 + int.from_bytes(raw[start + 8 : start + 10].tobytes(), "little")  # NumPy's header
            assert start % 64 == 0
            expected = arrays[member.filename.removesuffix(".npy")]
            mapped = np.memmap(out, "<u2", "r", offset=start, shape=expected.shape)
            assert mapped.tolist() == expected.tolist()


@pytest.mark.parametrize("large", [False, True])
def test_every_array_can_be_memory_mapped(folder, poems, enc, monkeypatch, large):
    if large:
        monkeypatch.setattr(npz, "ZIP64_FROM", 1)  # As if it had more than 2 GiB.
    writer.write_dataset(str(folder / "poetry.npz"), Corpus([poems] * 12), enc)
    check_mapped(folder / "poetry.npz")


def test_the_same_poems_give_the_same_bytes(folder, poems):
    out, _ = write(folder, poems)
    first = out.read_bytes(), (folder / "poetry.json").read_bytes()
    write(folder, poems)
    assert (out.read_bytes(), (folder / "poetry.json").read_bytes()) == first


def test_documents_stay_on_their_side_when_the_corpus_grows(folder, tmp_path):
    before = held_out(*write(folder, make_source(tmp_path / "small", POEMS[:30]), held_out=0.3))
    after = held_out(*write(folder, make_source(tmp_path / "large", ["new\n", *POEMS]), held_out=0.3))
    assert before
    assert set(before) == {poem for poem in after if poem in POEMS[:30]}


def test_identical_documents_are_on_the_same_side(folder, tmp_path):
    texts = held_out(*write(folder, make_source(tmp_path / "twice", [*POEMS, *POEMS]), held_out=0.3))
    assert texts[: len(texts) // 2] == texts[len(texts) // 2 :]


def test_a_document_in_pieces_has_the_side_of_the_whole(folder, tmp_path, monkeypatch):
    whole = held_out(*write(folder, make_source(tmp_path / "poems", POEMS), held_out=0.3))
    monkeypatch.setattr(text_file, "BLOCK", 16)
    assert held_out(*write(folder, make_source(tmp_path / "poems", POEMS), held_out=0.3)) == whole


def test_about_the_share_asked_for_is_held_out():
    hashes = np.random.default_rng(0).integers(0, 2**64, 10_000, np.uint64)
    # The standard deviation of the share is 0.0022.
    assert writer.choose_held_out(hashes, 0.05).mean() == pytest.approx(0.05, abs=0.01)


@pytest.mark.parametrize(
    ("hashes", "share", "expected"),
    [
        ([7], 0.9, [False]),
        ([7, 7], 0.9, [False, False]),
        ([2**64 - 1, 2**63], 0.01, [False, True]),
        ([2**64 - 1, 2**63, 2**63], 0.01, [False, True, True]),
        ([1, 2], 0.9, [True, False]),
        ([1, 2], 0.0, [False, False]),
    ],
)
def test_of_two_different_documents_one_is_held_out_and_one_is_not(hashes, share, expected):
    assert writer.choose_held_out(np.array(hashes, np.uint64), share).tolist() == expected


@given(st.lists(st.text("ab'. 1\n\r\t\x1c\x85\u2028é"), max_size=8))
def test_pieces_of_a_text_have_the_ids_of_the_whole(blocks):
    pieces = [id for piece in cut(blocks) for id in ENCODER.encode(piece)]
    assert pieces == ENCODER.encode("".join(blocks))


def test_a_source_of_white_space_is_an_error(folder, tmp_path):
    blank = make_source(tmp_path / "blank", [" \n", "\n<|endoftext|>\n"])
    with pytest.raises(ValueError, match="blank: nothing but white space"):
        write(folder, blank)
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize("share", [-0.1, 1.0, float("nan")])
def test_a_share_that_is_none_is_refused(folder, poems, share):
    with pytest.raises(ValueError, match="held_out is"):
        write(folder, poems, held_out=share)


@pytest.mark.parametrize("name", ["poem.txt", "poem", "poem.npz.txt"])
def test_a_name_without_npz_is_refused(folder, poems, enc, name):
    with pytest.raises(ValueError, match=r"ends in \.npz"):
        writer.write_dataset(str(folder / name), Corpus([poems]), enc)


def test_a_source_is_never_overwritten(folder, enc):
    for name in ("poems.npz", "poems.json"):
        (folder / name).write_text("a poem")
        source = sources.find_source(str(folder / ".." / "data" / name))
        with pytest.raises(ValueError, match=f"{name}: a source"):
            writer.write_dataset(str(folder / "poems.npz"), Corpus([source]), enc)
        assert (folder / name).read_text() == "a poem"


@pytest.mark.parametrize("place", ["nowhere", "file"])
def test_a_folder_that_cannot_be_written_to_is_an_error_before_anything_is_read(folder, enc, place):
    (folder / "file").write_text("")
    unread = sources.Source("unread", lambda progress, tell: pytest.fail("read"), ())
    with pytest.raises(FileNotFoundError, match=f"{place}: no such folder"):
        writer.write_dataset(str(folder / place / "out.npz"), Corpus([unread]), enc)


def interrupt(n_bytes):
    raise KeyboardInterrupt


def watched(source, progress):
    return dataclasses.replace(source, progress=progress)


def test_an_interrupted_run_leaves_nothing(folder, poems):
    with pytest.raises(KeyboardInterrupt):
        write(folder, watched(poems, interrupt))
    assert list(folder.iterdir()) == []


def test_an_interrupted_run_leaves_the_dataset_that_was_there(folder, poems):
    out, about = write(folder, poems)
    with pytest.raises(KeyboardInterrupt):
        write(folder, watched(poems, interrupt))
    assert documents(out, about) == POEMS
    assert len(list(folder.iterdir())) == 2


def test_a_crash_between_the_two_files_is_noticed_by_the_hash(folder, poems, tmp_path, monkeypatch):
    out, _ = write(folder, poems)
    replace = writer.os.replace

    def crash(made, path):
        if path.endswith(".npz"):
            raise KeyboardInterrupt
        replace(made, path)

    monkeypatch.setattr(writer.os, "replace", crash)
    with pytest.raises(KeyboardInterrupt):
        write(folder, make_source(tmp_path / "other", ["other\n"]))
    about = json.loads((folder / "poetry.json").read_text())
    assert about["npz_sha256"] != hashlib.sha256(out.read_bytes()).hexdigest()


@pytest.mark.skipif(not pathlib.Path("/dev/full").exists(), reason="no device that is always full")
def test_a_full_disk_is_named(folder, poems, monkeypatch):
    full = types.SimpleNamespace(TemporaryFile=lambda dir: io.FileIO("/dev/full", "w"))
    monkeypatch.setattr(spool, "tempfile", full)
    with pytest.raises(OSError, match=r"poetry\.npz: the disk is full"):
        write(folder, poems)
    assert list(folder.iterdir()) == []


def test_progress_adds_up_to_the_bytes_of_the_text(folder, poems):
    steps: list[int] = []
    write(folder, watched(poems, steps.append))
    assert sum(steps) == sum(len(poem.encode()) for poem in POEMS)


def test_a_cached_dataset_is_encoded_once(folder, poems, enc):
    path = writer.cached_dataset([poems], enc)
    assert documents(path, json.loads(pathlib.Path(npz.json_path(path)).read_text())) == POEMS
    again = writer.cached_dataset([watched(sources.find_source(poems.name), interrupt)], enc)
    assert again == path


def test_a_cached_dataset_is_made_anew_for_other_bytes_shares_and_vocabularies(folder, poems, enc, tmp_path):
    paths = {writer.cached_dataset([poems], enc), writer.cached_dataset([poems], enc, held_out=0.5)}
    paths.add(writer.cached_dataset([poems], Encoder(train_vocabulary([VERSE], 290))))
    paths.add(writer.cached_dataset([sources.find_source(poems.name, "latin-1")], enc))
    (tmp_path / "poems" / "000.txt").write_text(POEMS[0].replace("0", "9"))
    paths.add(writer.cached_dataset([poems], enc))
    assert len(paths) == 5


@pytest.mark.slow  # It imports TensorFlow.
def test_a_dataset_can_be_written_far_away(poems, enc):
    tf = pytest.importorskip("tensorflow")
    tf.io.gfile.makedirs("ram://datasets")
    about = writer.write_dataset("ram://datasets/poetry.npz", Corpus([poems]), enc)
    with tf.io.gfile.GFile("ram://datasets/poetry.npz", "rb") as file:
        assert documents(file, about) == POEMS
    with tf.io.gfile.GFile("ram://datasets/poetry.json") as file:
        assert json.loads(file.read()).items() >= about.items()


@pytest.mark.parametrize(
    "changed", ["encoder/bulk.py", "encoder/dataset/npz.py", "poems/layout.py", "poems/cleaning/rules.py"]
)
def test_a_change_of_any_file_that_makes_datasets_makes_cached_ones_stale(tmp_path, monkeypatch, changed):
    for folder in ("encoder", "poems"):
        shutil.copytree(ROOT / folder, tmp_path / folder)
    monkeypatch.setattr(writer, "__file__", str(tmp_path / "encoder" / "dataset" / "writer.py"))
    before = writer._sha256_of_code()
    (tmp_path / changed).write_text("# another\n")
    assert writer._sha256_of_code() != before
