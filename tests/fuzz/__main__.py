"""Damages files and reads them: python -m tests.fuzz MINUTES [READER...], from the root of the project.

Each reader of `readers.READERS` gets an equal share of the time. An input is bad if its reader crashes, raises anything
but an error for the user, takes 20 seconds or 2 GB, or takes a damaged file that is sealed for a sound one. Bad inputs
are kept in the folder fuzz-failures.
"""

import contextlib
import os
import pathlib
import random
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator

SECONDS, BYTES = 20, 2 << 30  # that one input may take
KEPT = pathlib.Path("fuzz-failures")
SEED = int(os.environ.get("FUZZ_SEED", "0")) or random.randrange(1 << 32)


class TooSlow(BaseException):
    """An input has taken its time; no reader may catch it."""


def main(minutes: float, names: list[str]) -> int:
    """Tries each reader in a process of its own, again after a crash; prints what each saw; 1 if an input was bad."""
    from tests.fuzz.readers import READERS

    n_bad = n_all = 0
    print(f"FUZZ_SEED={SEED}")
    for name in names or READERS:
        end, first, n_refused, n_bad_here = time.monotonic() + 60 * minutes / len(names or READERS), 0, 0, 0
        while time.monotonic() < end:
            with tempfile.TemporaryDirectory() as folder:
                counts = os.path.join(folder, "counts")
                command = [
                    sys.executable,
                    "-m",
                    "tests.fuzz",
                    "--try",
                    name,
                    counts,
                    str(first),
                    str(end - time.monotonic()),
                ]
                code = subprocess.run(command, env=os.environ | {"FUZZ_SEED": str(SEED)}).returncode
                number, refused, bad = map(int, pathlib.Path(counts).read_text().split())
            n_refused, n_bad_here, first = n_refused + refused, n_bad_here + bad, number + 1
            if code:
                print(f"{name}: input {number} ended the process with {code}", flush=True)
                n_bad_here += 1
        print(f"{name:32} {first:8,} inputs, {n_refused:8,} refused, {n_bad_here:3} bad", flush=True)
        n_all, n_bad = n_all + first, n_bad + n_bad_here
    print(f"{'all':32} {n_all:8,} inputs, {n_bad} bad")
    return n_bad > 0


def try_reader(name: str, counts: str, first: int, seconds: float) -> None:
    """Reads damaged files until the time is over; writes the number of each input, and how many were refused or bad."""
    from tests.fuzz.mutations import damage
    from tests.fuzz.readers import READERS

    reader, end, refused, bad = READERS[name], time.monotonic() + seconds, 0, 0
    with tempfile.TemporaryDirectory() as sound:
        paths = [os.path.relpath(path, sound) for path in reader.prepare(sound)]
        expected = reader.read(sound)
        resource.setrlimit(resource.RLIMIT_AS, (mapped() + BYTES, resource.RLIM_INFINITY))
        number = first
        while time.monotonic() < end or number == first:
            pathlib.Path(counts).write_text(f"{number} {refused} {bad}")
            chance = random.Random(f"{SEED} {name} {number}")
            path = chance.choice(paths)
            with tempfile.TemporaryDirectory() as folder:
                shutil.copytree(sound, folder, dirs_exist_ok=True)
                damaged = pathlib.Path(folder, path)
                content = damaged.read_bytes()
                damaged.write_bytes(changed := damage(content, chance))
                wrong = what_is_wrong(reader, folder, expected, changed != content)
                refused += wrong is None
                if wrong:
                    bad += 1
                    print(f"{name}: input {number}, {path}: {wrong}", flush=True)
                    KEPT.mkdir(exist_ok=True)
                    (KEPT / f"{name.replace(' ', '-')}-{SEED}-{number}-{damaged.name}").write_bytes(changed)
            number += 1
        pathlib.Path(counts).write_text(f"{number - 1} {refused} {bad}")


def what_is_wrong(reader: object, folder: str, expected: object, is_changed: bool) -> str | None:
    """What is wrong with how a reader took an input: None if it refused it, an empty text if it took it rightly."""
    from system.errors import UserError

    try:
        with limited():
            found = reader.read(folder)  # type: ignore[attr-defined]
    except (UserError, OSError) as error:
        return f"a message of {len(str(error).splitlines())} lines" if "\n" in str(error).strip() else None
    except TooSlow:
        return f"took {SECONDS} seconds"
    except BaseException as error:
        return f"{type(error).__name__}: {str(error)[:200]}"
    if reader.is_sealed and is_changed and found != expected:  # type: ignore[attr-defined]
        return "taken for sound, with another content"
    return ""


@contextlib.contextmanager
def limited() -> Iterator[None]:
    """Raises a `TooSlow` if what is done in it takes too long."""

    def end(*_: object) -> None:
        raise TooSlow

    signal.signal(signal.SIGALRM, end)
    signal.setitimer(signal.ITIMER_REAL, SECONDS)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)


def mapped() -> int:
    """Bytes of address space that this process has."""
    return int(pathlib.Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()


if __name__ == "__main__":
    if sys.argv[1] == "--try":
        try_reader(sys.argv[2], sys.argv[3], int(sys.argv[4]), float(sys.argv[5]))
    else:
        sys.exit(main(float(sys.argv[1]), sys.argv[2:]))
