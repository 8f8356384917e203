"""Real verse to put beside samples: 400 passages of 28 lines from all over the Gutenberg Poetry Corpus.

They are as they stand there, with the notes, prose and gaps of the corpus. `make_data.py` draws them.
"""

import functools
import lzma
import os

from poetics.sounds.dictionary import DATA

LINES = 28


@functools.cache
def passages() -> tuple[tuple[str, ...], ...]:
    """The passages, each as its lines."""
    with lzma.open(path(), "rt", encoding="utf-8") as file:
        lines = file.read().split("\n")[:-1]
    return tuple(tuple(lines[i : i + LINES]) for i in range(0, len(lines), LINES))


def texts(n_lines: int) -> list[tuple[str, ...]]:
    """Texts of n lines, at most 28, cut from the passages without overlap."""
    if not 1 <= n_lines <= LINES:
        raise ValueError(f"real verse of {n_lines} lines a text, expected 1 to {LINES}")
    return [passage[i : i + n_lines] for passage in passages() for i in range(0, LINES - n_lines + 1, n_lines)]


def path() -> str:
    """Where the passages are."""
    return os.path.join(DATA, "real_verse.txt.xz")
