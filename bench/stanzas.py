"""How well stanza and poem ends are found in verse that has lost its empty lines and titles.

python bench/stanzas.py --lines LINES.ndjson.gz

LINES holds a line of JSON for each line of verse, {"line": n, "s": text, "gid": book}, as the numbered variant of the
Gutenberg Poetry Corpus does. A number that is missing was an empty line, or a line that the corpus dropped: too long,
too short or in title case. So the truth is noisy, and no rule reaches all of it. Whitman's book (1322) is left out,
whose long lines are cut. The weights of the rule were fitted on every other book; both halves are shown, and beside the
rule what it must beat: an end of a stanza wherever a sentence ends with its line.
"""

import gzip
import json
from collections.abc import Iterable
from typing import NamedTuple

import numpy as np

from poetics.stanzas.line_ends import ends_sentence, look_at
from poetics.stanzas.poem_ends import poem_ends
from poetics.stanzas.stanza_ends import stanza_ends
from system import command_line

CUT_LINES = "1322"
STANZA, POEM = 2, 4  # how far apart in number two lines are at least: an empty line between; a title and two of them


class Ends(NamedTuple):
    """The lines of a book, or of several, that end something, without the last line: bool [n_lines - 1] each."""

    stanzas: np.ndarray
    poems: np.ndarray
    found_stanzas: np.ndarray
    found_poems: np.ndarray
    sentences: np.ndarray


def main(*, lines: str) -> None:
    """Measures the rule on numbered lines of verse.

    Args:
      lines: the file, lines of JSON, packed with gzip.
    """
    books = read_books(lines)
    names = sorted(books, key=int)
    print(f"{'':44} {'true':>7} {'found':>7} {'precision':>10} {'recall':>7} {'F1':>6}")
    for title, half in (("fitted on these", names[::2]), ("not fitted on these", names[1::2])):
        half = [name for name in half if name != CUT_LINES]
        ends = joined(ends_of(*books[name]) for name in half)
        print(f"{title}: {len(half)} books, {len(ends.stanzas) + len(half):,} lines")
        for what, true, found in (
            ("stanzas", ends.stanzas, ends.found_stanzas),
            ("stanzas, at ends of sentences", ends.stanzas, ends.sentences),
            ("poems", ends.poems, ends.found_poems),
            ("poems, if stanzas count too", ends.stanzas, ends.found_poems),
        ):
            print(f"    {what:40} {scores(true, found)}")


def read_books(path: str) -> dict[str, tuple[np.ndarray, list[str]]]:
    """The numbers of the lines of each book, int [n_lines], and their texts."""
    rows: dict[str, list[tuple[int, str]]] = {}
    with gzip.open(path, "rt", encoding="utf-8") as file:
        for row in map(json.loads, file):
            rows.setdefault(row["gid"], []).append((row["line"], row["s"]))
    return {gid: (np.array([n for n, _ in lines]), [text for _, text in lines]) for gid, lines in rows.items()}


def ends_of(numbers: np.ndarray, lines: list[str]) -> Ends:
    """The true and the found ends in a book, from the numbers of its lines, int [n_lines]."""
    evidence = look_at(lines)
    stanzas = stanza_ends(evidence)
    poems = poem_ends(lines, evidence, stanzas)
    sentences = np.array([ends_sentence(line) for line in lines])
    gaps = np.diff(numbers)
    return Ends(gaps >= STANZA, gaps >= POEM, stanzas[:-1], poems[:-1], sentences[:-1])


def joined(books: Iterable[Ends]) -> Ends:
    """The ends of several books, one book after another."""
    return Ends(*map(np.concatenate, zip(*books, strict=True)))


def scores(true: np.ndarray, found: np.ndarray) -> str:
    """Precision, recall and their harmonic mean, with the counts."""
    both = (true & found).sum()
    precision, recall = both / found.sum(), both / true.sum()
    f1 = 2 * precision * recall / (precision + recall)
    return f"{true.sum():7,} {found.sum():7,} {precision:10.3f} {recall:7.3f} {f1:6.3f}"


if __name__ == "__main__":
    command_line.run(main)
