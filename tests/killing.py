"""Runs train.py again and again in one process, each time in a child that can be killed at a chosen moment.

TensorFlow is imported once, and each child is a fork made before TensorFlow starts a thread, so that a run takes a
second or three. A line of JSON on standard input asks for a run:
  argv, cwd: of train.py.
  seconds: kill it so long after the first step.
  operation: kill it right after this write, flush, rename or removal of the first save, counted from 0.
  limit: the most bytes that a file may have, as if the disk were full.
A line of JSON answers:
  status: negative after a kill.
  seconds: from the first step to the end.
  operations: those of the first save.
  err: what it wrote to standard error.
"""

import json
import os
import resource
import signal
import sys
import tempfile
import threading
import time

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
PARTS = 3  # In which a file of a bundle is written, a kill after each.


def main():
    """Answers until standard input ends."""
    sys.path.insert(0, ROOT)
    os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
    answers = os.fdopen(os.dup(1), "w")
    import train  # noqa: F401  here, so that no child has to import it
    from gpt2.runs import learner, log, pictures, run, run_folder, samples, saves  # noqa: F401
    from gpt2.swarm import exchange  # noqa: F401

    for line in sys.stdin:
        request = json.loads(line)
        with tempfile.TemporaryDirectory() as folder:
            pid = os.fork()
            if pid == 0:
                child(request, folder)
            _, status = os.waitpid(pid, 0)
            answer = {"status": os.waitstatus_to_exitcode(status), "seconds": 0, "operations": []}
            for name in ("answer", "err"):
                if os.path.exists(path := os.path.join(folder, name)):
                    with open(path) as file:
                        answer |= json.loads(file.read()) if name == "answer" else {"err": file.read()}
        print(json.dumps(answer), file=answers, flush=True)


def child(request, folder):
    """Runs train.py as asked, in this process, and ends it."""
    from system import command_line

    os.chdir(request["cwd"])
    with open(os.path.join(folder, "err"), "w") as err:
        os.dup2(err.fileno(), 2)
    os.dup2(2, 1)
    if "limit" in request:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)  # so that a write fails, as on a full disk
        resource.setrlimit(resource.RLIMIT_FSIZE, (request["limit"], resource.RLIM_INFINITY))
    started: list[float] = []
    operations: list[str] = []
    kill_after_first_step(request.get("seconds"), started)
    kill_in_first_save(request.get("operation"), operations)
    sys.argv = ["train.py", *request["argv"]]
    status = 0
    try:
        import train

        command_line.run(train.main)
    except SystemExit as end:
        status = int(end.code or 0)
    sys.stderr.flush()
    resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    answer = os.path.join(folder, "answer")
    with open(f"{answer}.new", "w") as file:
        file.write(json.dumps({"seconds": time.monotonic() - started[0] if started else 0, "operations": operations}))
    os.rename(f"{answer}.new", answer)  # The kill may come now.
    os._exit(status)


def kill():
    """Ends this process as `kill -9` does, with nothing flushed and nothing tidied up."""
    os.kill(os.getpid(), signal.SIGKILL)


def kill_after_first_step(seconds, started):
    """Sets a clock when the first step is logged."""
    from gpt2.runs import pictures
    from gpt2.runs.log import Log

    pictures.draw_loss = lambda folder, records: None  # slow, and no part of what a run goes on from
    append = Log.append

    def clocked(log, record):
        append(log, record)
        if not started:
            started.append(time.monotonic())
            if seconds is not None:
                clock = threading.Timer(seconds, kill)
                clock.daemon = True
                clock.start()

    setattr(Log, "append", clocked)  # noqa: B010  mypy takes no assignment to a method


def kill_in_first_save(operation, operations):
    """Counts what the first save, and what belongs to it, does to the disk; kills after one of these operations."""
    from gpt2.runs import saves
    from gpt2.runs.log import Log
    from system import files

    armed: list[bool] = []

    def counted(name, function):
        def call(*args, **kwargs):
            result = function(*args, **kwargs)
            done(f"{name} {os.path.basename(str(args[0])) if args else ''}")
            return result

        return call

    def done(what):
        if armed:
            operations.append(what)
            if len(operations) - 1 == operation:
                kill()

    def write_in_parts(prefix, tensors, write=saves.write_bundle):
        """The files of a bundle as TensorFlow makes them, the data first, as if written bit by bit."""
        if not armed:
            write(prefix, tensors)
            return
        with tempfile.TemporaryDirectory() as folder:
            write(os.path.join(folder, "bundle"), tensors)
            for suffix in (".data-00000-of-00001", ".index"):
                with open(os.path.join(folder, "bundle" + suffix), "rb") as file:
                    raw = file.read()
                with open(prefix + suffix, "wb", buffering=0) as file:
                    for part in range(PARTS):
                        file.write(raw[len(raw) * part // PARTS : len(raw) * (part + 1) // PARTS])
                        done(f"write {part} {os.path.basename(prefix)}{suffix}")
        for suffix in (".data-00000-of-00001", ".index"):
            files.sync(prefix + suffix)

    def arming(function):
        def call(*args, **kwargs):
            if not operations:
                armed.append(True)
            function(*args, **kwargs)

        return call

    def next_step(log, record, append=Log.append):
        armed.clear()
        append(log, record)

    saves.save, saves.save_best, saves.write_bundle = arming(saves.save), arming(saves.save_best), write_in_parts
    setattr(Log, "append", next_step)  # noqa: B010
    saves.gfile.remove = counted("remove", saves.gfile.remove)
    files.sync = counted("flush", files.sync)
    files.open_file = counted("open", files.open_file)
    os.replace = counted("rename", os.replace)


if __name__ == "__main__":
    main()
