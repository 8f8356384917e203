"""The texts on which the measures of verse are measured: known books of the Gutenberg Poetry Corpus, and prose."""

import gzip
import json
import os
import re

from poems.sources import gutenberg_corpus

# Books whose place in the corpus is known: name and number at Project Gutenberg.
BOOKS = {
    "Shakespeare, sonnets": 1041,
    "Herrick": 1211,
    "Housman": 5720,
    "Lear": 982,
    "Golden Treasury": 19221,
    "Oxford Book": 1304,
    "Keats 1820": 23684,
    "Dickinson I": 2678,
    "Frost, North of Boston": 3026,
    "Hiawatha": 19,
    "Whitman": 1322,
}
# Others: the line that they begin with, and how many lines are taken.
BEGINNINGS = {
    "Milton, Paradise Lost": ("Of Man's first disobedience, and the fruit", 4000),
    "Pope, Rape of the Lock": ("What dire offence from am'rous causes springs,", 1500),
}
WORDS_A_LINE = 10  # of prose


def corpus() -> list[str]:
    """All 3,085,117 lines."""
    return list(gutenberg_corpus.read_lines())


def known_texts(lines: list[str]) -> dict[str, list[str]]:
    """The lines of each text."""
    books = {book.gid: book for book in gutenberg_corpus.BOOKS}
    texts = {name: lines[books[gid].first : books[gid].last + 1] for name, gid in BOOKS.items()}
    for name, (beginning, n_lines) in BEGINNINGS.items():
        first = lines.index(beginning)
        texts[name] = lines[first : first + n_lines]
    return texts


def stanzas(data: str, gid: int, gap: int) -> list[list[str]]:
    """The stanzas of a book in the published lines with numbers, cut where at least n numbers are missing."""
    found: list[list[str]] = []
    last = -gap
    with gzip.open(os.path.join(data, "gutenberg-poetry-lines.ndjson.gz"), "rt", encoding="utf-8") as file:
        for row in map(json.loads, file):
            if row["gid"] != str(gid):
                continue
            if row["line"] - last >= gap:
                found.append([])
            found[-1].append(row["s"])
            last = row["line"]
    return found


def prose(data: str) -> list[str]:
    """Macphail's essay on McCrae (1919), cut into lines of ten words."""
    with open(os.path.join(data, "books", "353.txt"), encoding="ascii", errors="replace") as file:
        text = file.read()
    essay = text[text.rindex("An Essay in Character") :]
    words = re.sub(r"\s+", " ", essay).split(" ")
    return [" ".join(words[i : i + WORDS_A_LINE]) for i in range(0, len(words) - WORDS_A_LINE, WORDS_A_LINE)]
