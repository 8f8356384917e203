"""What several workers write becomes one file, as one worker writes it, whenever they are killed and however many."""

import json
import pathlib

import pytest

from gpt2.jobs import worker_files
from gpt2.jobs.sample_file import SampleFile, Writer
from gpt2.jobs.worker_files import Part, Parts, Workers

SETTINGS = {"seed": 4, "stop": "\n", "include_prompt": True}
TOTAL = 11
SAMPLES = {
    number: {"seed": 4, "number": number, "prompt": "O ", "text": f"Ünd so\n{number}"} for number in range(1, TOTAL + 1)
}


@pytest.fixture
def place(tmp_path, monkeypatch):
    monkeypatch.setattr(worker_files, "PATIENCE", 0.2)
    monkeypatch.setattr(worker_files, "PAUSE", 0.01)
    return tmp_path


def file_of(path, settings=SETTINGS):
    return SampleFile(str(path), settings)


def whole(place, name, total=TOTAL):
    """What one worker writes."""
    writer = Writer(file_of(place / f"whole-{name}"))
    for number in range(1, total + 1):
        writer.write(SAMPLES[number])
    writer.close()
    return (place / f"whole-{name}").read_bytes()


def work(path, worker, n_workers, most=TOTAL, total=TOTAL):
    """The numbers that a worker writes, if it is killed after so many."""
    mine = [number for number in Parts(file_of(path)).missing(total) if (number - 1) % n_workers == worker]
    part = Part(file_of(path), worker)
    for number in mine[:most]:
        part.write(SAMPLES[number])
    part.close()
    return mine[:most]


def join(path, n_workers, total=TOTAL):
    parts = Parts(file_of(path))
    parts.wait(total, Workers(0, n_workers))
    parts.join(total)


@pytest.mark.parametrize("name", ["x.txt", "x.jsonl"])
@pytest.mark.parametrize("n_workers", [1, 2, 3, 20])
def test_the_parts_become_the_file_that_one_worker_writes(place, name, n_workers):
    for worker in range(n_workers):
        work(place / name, worker, n_workers)
    join(place / name, n_workers)
    assert (place / name).read_bytes() == whole(place, name)
    assert worker_files.find_parts(str(place / name)) == []
    assert Parts(file_of(place / name)).missing(TOTAL) == []


@pytest.mark.parametrize("name", ["x.txt", "x.jsonl"])
def test_another_number_of_workers_writes_what_is_missing_and_nothing_twice(place, name):
    numbers = []
    for n_workers in (3, 2, 5, 1):
        for worker in range(n_workers):
            numbers += work(place / name, worker, n_workers, most=1 if n_workers > 1 else TOTAL)
    join(place / name, 1)
    assert sorted(numbers) == list(SAMPLES)
    assert (place / name).read_bytes() == whole(place, name)


def test_a_part_cut_anywhere_goes_on_with_the_sample_that_was_cut(place):
    work(place / "x.jsonl", 1, 2)
    path = place / "x.jsonl.worker-1.jsonl"
    complete = path.read_bytes()
    for length in range(0, len(complete) + 1, 7):
        path.write_bytes(complete[:length])
        assert len(Parts(file_of(place / "x.jsonl")).places) == complete[:length].count(b"\n")
        work(place / "x.jsonl", 1, 2)
        assert path.read_bytes() == complete


@pytest.mark.parametrize("name", ["x.txt", "x.jsonl"])
def test_a_join_cut_anywhere_is_gone_on_with(place, name):
    for worker in range(2):
        work(place / name, worker, 2)
    left = {path: path.read_bytes() for path in map(pathlib.Path, worker_files.find_parts(str(place / name)))}
    join(place / name, 2)
    expected = (place / name).read_bytes()
    record = pathlib.Path(file_of(place / name).record)
    lines = record.read_bytes()
    for length in range(0, len(lines) + 1, 13):
        if name == "x.txt":  # of which each sample is written after its line of the record
            n_samples = lines[:length].count(b"\n")
            (place / name).write_bytes(b"".join(map(file_of(name).text, list(SAMPLES.values())[:n_samples])))
        record.write_bytes(lines[:length])
        for path, content in left.items():
            path.write_bytes(content)
        join(place / name, 2)
        assert (place / name).read_bytes() == expected


@pytest.mark.parametrize("name", ["x.txt", "x.jsonl"])
def test_parts_that_a_kill_left_when_the_file_was_whole_are_removed(place, name):
    whole(place, name)
    (place / f"whole-{name}").rename(place / name)
    if name == "x.txt":
        (place / "whole-x.txt.jsonl").rename(place / "x.txt.jsonl")
    part = Part(file_of(place / name), 1)
    part.write(SAMPLES[2])
    part.close()
    join(place / name, 2)
    assert worker_files.find_parts(str(place / name)) == []


def test_parts_that_hold_more_than_is_asked_for_stay(place):
    work(place / "x.jsonl", 0, 1)
    join(place / "x.jsonl", 1, total=4)
    assert (place / "x.jsonl").read_bytes() == whole(place, "x.jsonl", total=4)
    assert Parts(file_of(place / "x.jsonl")).missing(TOTAL) == []


def test_more_samples_may_be_asked_for_later(place):
    for total in (4, TOTAL):
        for worker in range(2):
            work(place / "x.txt", worker, 2, total=total)
        join(place / "x.txt", 2, total=total)
    assert (place / "x.txt").read_bytes() == whole(place, "x.txt")


def test_a_part_takes_no_samples_of_another_job(place):
    work(place / "x.txt", 1, 2)
    with pytest.raises(ValueError, match=r"x\.txt\.worker-1\.jsonl: holds samples whose seed is 4, not 5"):
        Parts(file_of(place / "x.txt", SETTINGS | {"seed": 5}))


@pytest.mark.parametrize("line", ["my poem", "[]", "{}", json.dumps({"settings": SETTINGS})])
def test_a_part_that_is_none_is_an_error(place, line):
    (place / "x.txt.worker-1.jsonl").write_text(line + "\n")
    with pytest.raises(ValueError, match=r"x\.txt\.worker-1\.jsonl: a line is no sample"):
        Parts(file_of(place / "x.txt"))


def test_one_writes_a_part_at_a_time(place):
    first = Part(file_of(place / "x.txt"), 1)
    with pytest.raises(OSError, match=r"x\.txt\.worker-1\.jsonl: another process writes it"):
        Part(file_of(place / "x.txt"), 1)
    first.close()
    Part(file_of(place / "x.txt"), 1).close()


def test_who_is_silent_is_named(place):
    work(place / "x.txt", 0, 3)
    work(place / "x.txt", 1, 3, most=2)
    with pytest.raises(TimeoutError, match=r"waited 0\.2 s for 5 samples, those of worker 1, 2 of 0 to 2"):
        Parts(file_of(place / "x.txt")).wait(TOTAL, Workers(0, 3))


def test_a_worker_that_takes_long_shows_that_it_lives(place, monkeypatch):
    part = Part(file_of(place / "x.txt"), 1)
    held = Parts(file_of(place / "x.txt"))
    part.show_life()
    assert not held.look()
    monkeypatch.setattr(worker_files, "LIFE", 0)
    part.show_life()
    assert held.look()
    assert not held.look()
    part.close()
    assert Part(file_of(place / "x.txt"), 1).n_written == 0


def test_what_only_tensorflow_opens_is_joined_too(place):
    path = f"file://{place}/x.txt"
    for worker in range(2):
        work(path, worker, 2)
    join(path, 2)
    assert worker_files.find_parts(path) == []
    assert (place / "x.txt").read_bytes() == whole(place, "x.txt")
