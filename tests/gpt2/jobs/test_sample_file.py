"""A file of samples is continued after any stop, and never mixed with samples of other settings."""

import json

import pytest

from gpt2.jobs import sample_file
from gpt2.jobs.sample_file import SampleFile, Writer, header

SETTINGS = {"seed": 4, "stop": "\n", "length": None}
SHOWN = SETTINGS | {"include_prompt": True}
SAMPLES = [{"seed": 4, "number": number, "prompt": "O ", "text": f"Ünd so\n{number}"} for number in range(1, 6)]


@pytest.fixture(autouse=True)
def fast(monkeypatch):
    """Waits for no disk: a kill of the process, which is tried here, leaves what the system has not written yet."""
    monkeypatch.setattr(sample_file.files, "sync", lambda path: None)


def write(path, samples, settings=SETTINGS):
    writer = Writer(SampleFile(str(path), settings))
    for sample in samples[writer.n_written :]:
        writer.write(sample)
    writer.close()
    return writer.n_written


def files_of(path):
    """A file of samples, and for a .txt also the record beside it, which is written first."""
    return [path.with_name(f"{path.name}.jsonl"), path] if path.suffix == ".txt" else [path]


def kill(path, length):
    """Leaves of the files what a kill leaves after so many bytes written, sample by sample, to one and the other."""
    parts = [file.read_bytes().splitlines(keepends=True) for file in files_of(path)]
    if len(parts) == 2:  # Each sample of a .txt begins with its header.
        text, marks = parts[1], [n for n, line in enumerate(parts[1]) if line.startswith(b"=" * 40)]
        parts[1] = [b"".join(text[start:stop]) for start, stop in zip(marks, [*marks[1:], None], strict=True)]
    kept = [b"" for _ in parts]
    for sample in zip(*parts, strict=True):
        for place, written in enumerate(sample):
            kept[place] += written[: max(length, 0)]
            length -= len(written)
    for file, content in zip(files_of(path), kept, strict=True):
        file.write_bytes(content)


def size(path):
    return sum(file.stat().st_size for file in files_of(path))


@pytest.mark.parametrize("name", ["x.txt", "x.jsonl"])
@pytest.mark.parametrize("settings", [SETTINGS, SHOWN])
def test_a_file_cut_anywhere_is_completed_to_the_same_bytes(tmp_path, name, settings):
    path = tmp_path / name
    write(path, SAMPLES, settings)
    whole = [file.read_bytes() for file in files_of(path)]
    for length in range(0, size(path) + 1, 23):
        kill(path, length)
        assert write(path, SAMPLES, settings) < 6
        assert [file.read_bytes() for file in files_of(path)] == whole


def test_no_sample_that_was_written_is_written_again(tmp_path):
    path = tmp_path / "x.txt"
    write(path, SAMPLES)
    for length in range(0, size(path), 23):
        kill(path, length)
        n_whole = (tmp_path / "x.txt.jsonl").read_bytes().count(b"\n")
        assert write(path, SAMPLES) == n_whole


@pytest.mark.parametrize("prompt", [header(3), f"O\n{header(2)}{header(4)}rose"])
def test_a_prompt_with_the_header_of_a_sample_is_no_sample(tmp_path, prompt):
    samples = [sample | {"prompt": prompt} for sample in SAMPLES]
    write(tmp_path / "x.txt", samples, SHOWN)
    whole = (tmp_path / "x.txt").read_bytes()
    for length in range(0, len(whole) + 1, 23):
        (tmp_path / "x.txt").write_bytes(whole[:length])
        assert write(tmp_path / "x.txt", samples, SHOWN) == 5
        assert (tmp_path / "x.txt").read_bytes() == whole


def test_a_text_that_was_moved_away_is_written_again(tmp_path):
    write(tmp_path / "x.txt", SAMPLES)
    (tmp_path / "x.txt").rename(tmp_path / "mine.txt")
    assert write(tmp_path / "x.txt", SAMPLES) == 5
    assert (tmp_path / "x.txt").read_bytes() == (tmp_path / "mine.txt").read_bytes()


def sample_two_is_gone(text):
    first, _, rest = text.partition(header(2))
    return first + header(3) + rest.partition(header(3))[2]


def a_note_is_added(text):
    return text + "MY OWN NOTE\n"


def a_sample_has_another_number(text):
    return text.replace("SAMPLE 2 ", "SAMPLE 3 ")


def a_word_is_gone(text):
    return text.replace("Ünd ", "", 1)


EDITS = [sample_two_is_gone, a_note_is_added, a_sample_has_another_number, a_word_is_gone]


@pytest.mark.parametrize("edit", EDITS)
def test_a_text_that_was_edited_is_refused_and_stays(tmp_path, edit):
    write(tmp_path / "x.txt", SAMPLES)
    (tmp_path / "x.txt").write_text(edited := edit((tmp_path / "x.txt").read_text()))
    message = r"x\.txt: does not contain the samples of .*x\.txt\.jsonl, so it was changed by hand; move it away"
    with pytest.raises(ValueError, match=message):
        write(tmp_path / "x.txt", [*SAMPLES, SAMPLES[0] | {"number": 6}])
    assert (tmp_path / "x.txt").read_text() == edited


@pytest.mark.parametrize("name", ["x.txt", "x.jsonl"])
def test_of_a_file_that_was_closed_every_sample_is_known_to_be_whole(tmp_path, name):
    write(tmp_path / name, SAMPLES[:3])
    assert write(tmp_path / name, SAMPLES) == 3
    assert write(tmp_path / name, SAMPLES) == 5


def test_the_form_of_2019(tmp_path):
    write(tmp_path / "x.txt", SAMPLES[:1], SHOWN)
    line = "=" * 40
    assert (tmp_path / "x.txt").read_text() == f"{line} SAMPLE 1 {line}\nO Ünd so\n1\n"


def test_an_object_a_line_with_its_settings(tmp_path):
    write(tmp_path / "x.jsonl", SAMPLES)
    rows = [json.loads(line) for line in (tmp_path / "x.jsonl").read_text().splitlines()]
    assert rows == [sample | {"settings": SETTINGS} for sample in SAMPLES]


@pytest.mark.parametrize("name", ["x.txt", "x.jsonl"])
def test_samples_of_other_settings_are_an_error_and_stay(tmp_path, name):
    write(tmp_path / name, SAMPLES)
    before = (tmp_path / name).read_bytes()
    message = r"x\.(txt\.)?jsonl: holds samples whose seed is 4, not 5; name another file with --out"
    with pytest.raises(ValueError, match=message):
        write(tmp_path / name, SAMPLES, SETTINGS | {"seed": 5})
    with pytest.raises(ValueError, match=r"whose min_p is None, not 0\.5"):
        write(tmp_path / name, SAMPLES, SETTINGS | {"min_p": 0.5})
    assert (tmp_path / name).read_bytes() == before


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("x.txt", "my poems", "there already, and no samples of ours"),
        ("x.jsonl", '{"a": 1}\n', "line 1 is no sample"),
        ("x.jsonl", '{"prompt": "O rose"}', "line 1 is no sample"),
        ("x.jsonl", "[]\n", "line 1 is no sample"),
        ("x.jsonl", json.dumps({"number": 2, "settings": SETTINGS}) + "\n", "line 1 is sample 2, expected 1"),
    ],
)
def test_another_file_is_never_written_over(tmp_path, name, content, message):
    (tmp_path / name).write_text(content)
    with pytest.raises(ValueError, match=message):
        write(tmp_path / name, SAMPLES)
    assert (tmp_path / name).read_text() == content
    assert [file.name for file in tmp_path.iterdir()] == [name]


@pytest.mark.parametrize("name", ["x.txt", "x.jsonl"])
def test_one_writes_a_file_at_a_time(tmp_path, name):
    first = Writer(SampleFile(str(tmp_path / name), SETTINGS))
    first.write(SAMPLES[0])
    before = (tmp_path / name).read_bytes()
    with pytest.raises(OSError, match=r"jsonl: another process writes it; wait for its end, or name another"):
        Writer(SampleFile(str(tmp_path / name), SETTINGS))
    assert (tmp_path / name).read_bytes() == before
    first.close()
    assert write(tmp_path / name, SAMPLES) == 1


def test_a_file_that_was_refused_is_free_for_others(tmp_path):
    write(tmp_path / "x.txt", SAMPLES[:1])
    with pytest.raises(ValueError, match="seed") as refused:
        Writer(SampleFile(str(tmp_path / "x.txt"), SETTINGS | {"seed": 5}))
    assert write(tmp_path / "x.txt", SAMPLES) == 1
    assert refused


def test_names_are_checked(tmp_path):
    sample_file.check_path(str(tmp_path / "x.txt"))
    with pytest.raises(ValueError, match=r"x\.doc, expected a name that ends in"):
        sample_file.check_path("x.doc")
    with pytest.raises(FileNotFoundError, match="there is no folder"):
        sample_file.check_path(str(tmp_path / "no" / "x.txt"))
