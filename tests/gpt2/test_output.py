"""A file of samples is gone on with after any stop, and never mixed with samples of other settings."""

import json

import pytest

from gpt2 import output
from gpt2.output import Out

SETTINGS = {"seed": 4, "stop": "\n", "length": None}
SAMPLES = [{"number": number, "text": f"Ünd so\n{number}"} for number in range(1, 6)]


def write(path, samples, settings=SETTINGS, shown=""):
    file = Out(str(path), settings)
    for sample in samples[file.n_written :]:
        file.write(sample, shown)
    file.close()
    return file.n_written


@pytest.mark.parametrize("name", ["x.txt", "x.jsonl"])
def test_a_file_cut_anywhere_is_completed_to_the_same_bytes(tmp_path, name):
    write(tmp_path / name, SAMPLES)
    whole = (tmp_path / name).read_bytes()
    for length in range(0, len(whole) + 1, 7):
        (tmp_path / name).write_bytes(whole[:length])
        assert write(tmp_path / name, SAMPLES) < 6
        assert (tmp_path / name).read_bytes() == whole


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
        ("x.jsonl", "[]\n", "line 1 is no sample"),
        ("x.jsonl", json.dumps({"number": 2, "settings": SETTINGS}) + "\n", "line 1 is sample 2, expected 1"),
    ],
)
def test_another_file_is_never_written_over(tmp_path, name, content, message):
    (tmp_path / name).write_text(content)
    with pytest.raises(ValueError, match=message):
        write(tmp_path / name, SAMPLES)
    assert (tmp_path / name).read_text() == content


def test_names_are_checked(tmp_path):
    output.check(str(tmp_path / "x.txt"))
    with pytest.raises(ValueError, match=r"x\.doc, expected a name that ends in"):
        output.check("x.doc")
    with pytest.raises(FileNotFoundError, match="there is no folder"):
        output.check(str(tmp_path / "no" / "x.txt"))
