"""One process at a time holds a folder or a file."""

import errno
import subprocess
import sys

import pytest
from conftest import ROOT

from system import lock
from system.errors import UserError

HOLD = (
    "import sys, time; from system import lock; held = lock.Lock(sys.argv[1]); held.take(); print('held', flush=True)"
)


def hold(folder, then):
    command = [sys.executable, "-c", f"{HOLD}; print('held', flush=True); {then}", str(folder)]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)


def test_a_folder_that_another_process_holds_is_refused_and_the_process_named(tmp_path):
    holder = hold(tmp_path, "time.sleep(60)")
    assert holder.stdout.readline() == "held\n"
    with pytest.raises(UserError, match=rf"{tmp_path}: process {holder.pid} of \S+ trains there; stop it first"):
        lock.Lock(str(tmp_path)).take()
    holder.kill()
    holder.communicate()
    with lock.Lock(str(tmp_path)) as held:
        assert held.file


def test_a_folder_is_free_after_a_with_and_a_lock_that_is_not_wanted_holds_nothing(tmp_path):
    for _ in range(2):
        with lock.Lock(str(tmp_path)) as held:
            assert held.file
            lock.Lock(str(tmp_path), wanted=False).take()


def test_a_folder_that_does_not_exist_is_made_and_held_by_take(tmp_path):
    with lock.Lock(str(tmp_path / "run1")) as held:
        assert not (tmp_path / "run1").exists()
        held.take()
        assert (tmp_path / "run1" / "lock").read_text().startswith("process ")


def test_a_lock_that_is_a_link_empties_no_other_file(tmp_path):
    (tmp_path / "diary.txt").write_text("precious")
    (tmp_path / "run1").mkdir()
    (tmp_path / "run1" / "lock").symlink_to(tmp_path / "diary.txt")
    with pytest.raises(UserError, match=r"run1/lock: a link to .*diary\.txt, expected a file"):
        lock.Lock(str(tmp_path / "run1")).take()
    assert (tmp_path / "diary.txt").read_text() == "precious"


def test_an_open_file_is_locked_until_it_is_closed(tmp_path):
    path = tmp_path / "samples.txt"
    with path.open("ab") as one, path.open("ab") as other:
        assert lock.lock(one)
        assert not lock.lock(other)
        one.close()
        assert lock.lock(other)


def test_a_full_disk_is_named_with_what_to_do(tmp_path, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(lock.os, "write", full)
    with pytest.raises(OSError, match=r"lock: cannot be written \(No space left on device\); make room"):
        lock.Lock(str(tmp_path)).take()
