"""What is known of a file is looked up while the file is the same."""

import os
import pathlib

import pytest

from system import files


@pytest.fixture
def path(tmp_path, monkeypatch):
    """A file that is old enough to be remembered."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(files, "SETTLED", -1)
    (tmp_path / "file").write_text("verse")
    return tmp_path / "file"


@pytest.fixture
def read(path):
    """Reads the whole file and gives its length, as a list of all calls tells."""

    class Read(list):
        def __call__(self):
            self.append(path.read_text())
            return str(len(self[-1]))

    return Read()


def ask(path, read, what="length"):
    return files.remembered(str(path), what, read)


def test_a_file_is_read_once(path, read):
    assert [ask(path, read) for _ in range(3)] == ["5"] * 3
    assert read == ["verse"]


def test_each_thing_and_each_file_is_known_for_itself(path, read, tmp_path):
    (tmp_path / "other").write_text("prose")
    for where, what in ((path, "length"), (path, "lines"), (tmp_path / "other", "length")):
        ask(where, read, what)
    assert len(read) == 3


def test_a_file_that_has_changed_is_read_again_even_with_the_old_time_and_size(path, read):
    stat = os.stat(path)
    ask(path, read)
    path.write_text("VERSE")
    os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    ask(path, read)
    assert read == ["verse", "VERSE"]


def test_a_file_that_was_written_a_moment_ago_is_read_each_time(path, read, monkeypatch):
    monkeypatch.setattr(files, "SETTLED", 3600)
    for _ in range(2):
        ask(path, read)
    assert len(read) == 2


@pytest.mark.parametrize("change", [b"", b"x", b"5 5 5", bytes(200), b"\xff" * 50])
def test_a_damaged_note_counts_for_nothing(path, read, change, tmp_path):
    ask(path, read)
    (note,) = pathlib.Path(tmp_path / "cache").rglob("known/*")
    note.write_bytes(change)
    assert ask(path, read) == "5"
    assert len(read) == 2


def test_nothing_is_remembered_where_nothing_can_be_written(path, read, tmp_path, monkeypatch):
    (tmp_path / "file in the way").touch()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file in the way"))
    assert [ask(path, read) for _ in range(2)] == ["5"] * 2
    assert len(read) == 2
