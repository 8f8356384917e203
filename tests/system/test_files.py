"""Small files are written as a whole, whoever else writes them."""

import multiprocessing

from system import files


def write_often(path, letter):
    for _ in range(200):
        files.write_file(path, letter * 1000)


def test_processes_may_write_the_same_file_at_once(tmp_path):
    path = str(tmp_path / "checkpoint")
    context = multiprocessing.get_context("spawn")
    writers = [context.Process(target=write_often, args=(path, letter)) for letter in (b"a", b"b", b"c")]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert [writer.exitcode for writer in writers] == [0, 0, 0]
    assert (tmp_path / "checkpoint").read_bytes() in (b"a" * 1000, b"b" * 1000, b"c" * 1000)
    assert [file.name for file in tmp_path.iterdir()] == ["checkpoint"]
