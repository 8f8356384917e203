"""A file of samples is gone on with after any stop, and never mixed with samples of other settings."""

import json

import pytest

from gpt2.jobs import sample_file
from gpt2.jobs.sample_file import Out, header

SETTINGS = {"seed": 4, "stop": "\n", "length": None}
SAMPLES = [{"seed": 4, "number": number, "text": f"Ünd so\n{number}"} for number in range(1, 6)]


def write(path, samples, settings=SETTINGS, shown=""):
    file = Out(str(path), settings, lambda number: shown)
    for sample in samples[file.n_written :]:
        file.write(sample)
    file.close()
    return file.n_written


def kill(path, length, known=0, count=0):
    """Leaves of a file what a kill leaves of it, and the note of its .txt as it was when it was opened."""
    path.write_bytes(path.read_bytes()[:length])
    if path.suffix == ".txt":
        beside = path.with_name(f"{path.name}.settings.json")
        beside.write_text(json.dumps(json.loads(beside.read_text()) | {"bytes": known, "samples": count}))


@pytest.mark.parametrize("name", ["x.txt", "x.jsonl"])
def test_a_file_cut_anywhere_is_completed_to_the_same_bytes(tmp_path, name):
    write(tmp_path / name, SAMPLES)
    whole = (tmp_path / name).read_bytes()
    for length in range(0, len(whole) + 1, 7):
        kill(tmp_path / name, length)
        assert write(tmp_path / name, SAMPLES) < 6
        assert (tmp_path / name).read_bytes() == whole


@pytest.mark.parametrize("name", ["x.txt", "x.jsonl"])
def test_a_file_that_was_gone_on_with_and_cut_again_is_completed_to_the_same_bytes(tmp_path, name):
    write(tmp_path / name, SAMPLES[:2])
    known = (tmp_path / name).stat().st_size
    write(tmp_path / name, SAMPLES)
    whole = (tmp_path / name).read_bytes()
    for length in range(known, len(whole) + 1, 7):
        kill(tmp_path / name, length, known, count=2)
        assert write(tmp_path / name, SAMPLES) >= 2
        assert (tmp_path / name).read_bytes() == whole


@pytest.mark.parametrize("shown", [header(3), f"O\n{header(2)}{header(4)}rose"])
def test_a_prompt_with_the_header_of_a_sample_is_no_sample(tmp_path, shown):
    write(tmp_path / "x.txt", SAMPLES, shown=shown)
    whole = (tmp_path / "x.txt").read_bytes()
    assert write(tmp_path / "x.txt", SAMPLES, shown=shown) == 5
    for length in range(0, len(whole) + 1, 7):
        kill(tmp_path / "x.txt", length)
        write(tmp_path / "x.txt", SAMPLES, shown=shown)
        assert (tmp_path / "x.txt").read_bytes() == whole


def sample_two_is_gone(text):
    first, _, rest = text.partition(header(2))
    return first + header(3) + rest.partition(header(3))[2]


def a_note_is_added(text):
    return text + "MY OWN NOTE\n"


def a_sample_has_another_number(text):
    return text.replace("SAMPLE 2 ", "SAMPLE 3 ")


def a_word_is_gone(text):
    return text.replace("Ünd ", "", 1)


@pytest.mark.parametrize("edit", [sample_two_is_gone, a_note_is_added, a_word_is_gone])
def test_a_file_that_was_edited_is_refused_and_stays(tmp_path, edit):
    write(tmp_path / "x.txt", SAMPLES)
    (tmp_path / "x.txt").write_text(edited := edit((tmp_path / "x.txt").read_text()))
    with pytest.raises(ValueError, match=r"x\.txt: .*, so it was changed by hand; name another file with --out"):
        write(tmp_path / "x.txt", [*SAMPLES, {"number": 6, "text": "more"}])
    assert (tmp_path / "x.txt").read_text() == edited


def test_a_file_without_a_sample_after_a_kill_is_refused_and_stays(tmp_path):
    write(tmp_path / "x.txt", SAMPLES)
    kill(tmp_path / "x.txt", None)
    (tmp_path / "x.txt").write_text(edited := sample_two_is_gone((tmp_path / "x.txt").read_text()))
    with pytest.raises(ValueError, match=r"x\.txt: sample 2 does not come after sample 1"):
        write(tmp_path / "x.txt", SAMPLES)
    assert (tmp_path / "x.txt").read_text() == edited


@pytest.mark.parametrize("noted", ["", "[]", "{", "{}", '{"bytes": "x"}'])
def test_damaged_settings_of_a_txt_are_named(tmp_path, noted):
    write(tmp_path / "x.txt", SAMPLES)
    (tmp_path / "x.txt.settings.json").write_text(noted)
    with pytest.raises(ValueError, match=r"x\.txt\.settings\.json: no settings of samples"):
        write(tmp_path / "x.txt", SAMPLES)


@pytest.mark.parametrize("name", ["x.txt", "x.jsonl"])
def test_of_a_file_that_was_closed_every_sample_is_known_to_be_whole(tmp_path, name):
    write(tmp_path / name, SAMPLES[:3])
    assert write(tmp_path / name, SAMPLES) == 3
    assert write(tmp_path / name, SAMPLES) == 5


def test_the_form_of_2019(tmp_path):
    write(tmp_path / "x.txt", SAMPLES[:1], shown="O ")
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
    with pytest.raises(ValueError, match=f"{name}: holds samples whose seed is 4, not 5; name another file with --out"):
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


@pytest.mark.parametrize("name", ["x.txt", "x.jsonl"])
def test_one_writes_a_file_at_a_time(tmp_path, name):
    first = Out(str(tmp_path / name), SETTINGS)
    first.write(SAMPLES[0])
    before = (tmp_path / name).read_bytes()
    with pytest.raises(OSError, match=f"{name}: another process writes it; wait for its end, or name another"):
        Out(str(tmp_path / name), SETTINGS)
    assert (tmp_path / name).read_bytes() == before
    first.close()
    assert write(tmp_path / name, SAMPLES) == 1


def test_a_file_that_was_refused_is_free_for_others(tmp_path):
    write(tmp_path / "x.txt", SAMPLES[:1])
    with pytest.raises(ValueError, match="seed") as refused:
        Out(str(tmp_path / "x.txt"), SETTINGS | {"seed": 5})
    assert write(tmp_path / "x.txt", SAMPLES) == 1
    assert refused


def test_names_are_checked(tmp_path):
    sample_file.check_settings(str(tmp_path / "x.txt"))
    with pytest.raises(ValueError, match=r"x\.doc, expected a name that ends in"):
        sample_file.check_settings("x.doc")
    with pytest.raises(FileNotFoundError, match="there is no folder"):
        sample_file.check_settings(str(tmp_path / "no" / "x.txt"))
