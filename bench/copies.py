"""Copies: the whole corpus indexed, verbatim stanzas found in it, and books that nobody reprints not found.

python bench/copies.py
"""

import itertools
import os
import random
import resource
import sys
import time
from collections.abc import Iterator

import fire
import numpy as np

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

from poems.sources import gutenberg_corpus
from poetics.judging.copies import COPY, Index

STANZAS, LINES = 200, 4
NOT_REPRINTED = ("Phillis Wheatley", "Toru Dutt")


def main() -> None:
    """Builds the index without the books that are not reprinted, and asks it."""
    own: dict[str, list[str]] = {}
    texts = list(parts(own))
    before = peak()
    started = time.perf_counter()
    index = Index(texts)
    seconds = time.perf_counter() - started
    print(f"{len(index):,} words indexed in {seconds:.1f} s; memory at most {peak():.2f} GB, {before:.2f} GB before")
    verbatim(index, texts)
    for author, book in own.items():
        not_copied(index, author, book)


def parts(own: dict[str, list[str]]) -> Iterator[tuple[str, str]]:
    """The corpus by books as far as they are known; the lines of those that are not reprinted go to `own` instead."""
    lines, at = gutenberg_corpus.read_lines(), 0
    for book in sorted(gutenberg_corpus.BOOKS, key=lambda book: book.first):
        yield f"corpus from line {at + 1}", "\n".join(itertools.islice(lines, book.first - at)) + "\n"
        at = book.last + 1
        if book.author in NOT_REPRINTED:
            own[book.author] = list(itertools.islice(lines, at - book.first))
        else:
            yield book.title, "\n".join(itertools.islice(lines, at - book.first)) + "\n"
    yield f"corpus from line {at + 1}", "\n".join(lines) + "\n"


def verbatim(index: Index, texts: list[tuple[str, str]]) -> None:
    """Stanzas of the corpus itself, and the time that 14 lines take."""
    rng = random.Random(0)
    whole, times = 0, []
    for _ in range(STANZAS):
        lines = rng.choice([text for _, text in texts if len(text) > 20_000])[-20_000:].split("\n")[1:-1]
        first = rng.randrange(len(lines) - 14)
        copies = index.find("\n".join(lines[first : first + LINES]))
        whole += copies.n_words < 5 or (len(copies.runs) == 1 and copies.runs[0].n_words == copies.n_words)
        started = time.perf_counter()
        index.find("\n".join(lines[first : first + 14]))
        times.append(time.perf_counter() - started)
    print(f"{whole} of {STANZAS} stanzas found whole; 14 lines in {1e3 * np.median(times):.1f} ms, median,", end=" ")
    print(f"{1e3 * max(times):.1f} ms at most")


def not_copied(index: Index, author: str, lines: list[str]) -> None:
    """The longest runs of a book, 14 lines at a time."""
    found = [index.find("\n".join(lines[i : i + 14])) for i in range(0, len(lines) - 13, 14)]
    longest = sorted(copies.longest.n_words if copies.longest else 0 for copies in found)
    over = [run for copies in found for run in copies.runs if run.n_words >= COPY]
    print(f"{author}: longest run of 14 lines, median {longest[len(longest) // 2]}, most {longest[-1]};", end=" ")
    print(f"{len(over)} of at least {COPY} words, in {len({run.source for run in over})} sources")
    for run in over:
        print(f"    {run.n_words} words, {run.source}, line {run.line}")


def peak() -> float:
    """The most memory that this process has held, in GB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6


if __name__ == "__main__":
    fire.Fire(main)
