"""Makes the texts that the shipped model is trained, judged and retrained on, out of the Gutenberg Poetry Corpus.

python bench/poet_corpus.py --out texts

texts/train/         a text for each known book, and for each 20,000 lines between: poems with <|endoftext|> between
                     them, stanzas with an empty line
texts/held_out/      whole books that are hardly reprinted anywhere in the corpus (bench/reprints.py shows it)
texts/left_out/      all the verse of three poets, for retraining; the last eighth of each book in NAME_held_out.txt

No line of held-out and left-out books is in the training texts, and no poem that has eight words in a row in common
with them: neither a reprint in an anthology nor a quotation.
"""

import collections
import itertools
import os
import re
from collections.abc import Iterable, Iterator, Sequence

import numpy as np

from poems.cleaning import detection, mending
from poems.duplicates.shared_runs import Runs
from poems.long_texts import END_OF_TEXT
from poems.sources import gutenberg_corpus
from poetics.stanzas.line_ends import look_at
from poetics.stanzas.poem_ends import poem_ends
from poetics.stanzas.stanza_ends import stanza_ends
from system import command_line

BOOKS = {book.gid: (book.first, book.last + 1) for book in gutenberg_corpus.BOOKS}
# Less than 2 % of their words are in runs of eight words that stand elsewhere in the corpus: Phillis Wheatley, Thomas
# Hardy's Wessex Poems, Gerard Manley Hopkins, John Clare, Toru Dutt and Amy Lowell.
HELD_OUT = (409, 3167, 22403, 8672, 23245, 1020)
# All books of these poets: the first line, from 0, and the one after the last. Those without a number were found by
# known poems in them, and their ends by reading.
LEFT_OUT = {
    "dickinson": (BOOKS[2678], BOOKS[2679], BOOKS[12241]),
    "frost": ((851157, 851963), BOOKS[3026], (2083764, 2085212)),  # A Boy's Will, North of Boston, Mountain Interval
    "gordon": (BOOKS[258],),  # Adam Lindsay Gordon
}
REPRINTS = ((1372025, 1377486), (2085212, 2085249))  # Dickinson's three books in one, and notes on Frost's
APART = 12  # lines; a poem this near to a line in common with a book goes too, since poem ends are not certain
FEWEST = 4  # lines; less is a date, a title or a rest of something
AT_ONCE = 20_000  # lines
HELD_OUT_SHARE = 1 / 8  # of each book of a left-out poet, its last part
# Signs of an index, a stage direction or an editor's note: verse has none once page numbers and note marks are off.
APPARATUS = re.compile(r"[\d\[\]{}<>|*=+~^#/\\]")
# A word printed in capitals, as the first one of a poem is and a name, but no number such as XIV.
CAPITALS = re.compile(r"\b(?![IVXLC]+(?!['\w]))[A-Z](?:'?[A-Z])+\b")


Poem = list[list[int]]  # the lines of each stanza, by their numbers in the corpus


def main(*, out: str) -> None:
    """Writes the texts, and prints how much of the corpus is in them.

    Args:
      out: the folder to write.
    """
    lines = list(gutenberg_corpus.read_lines())
    set_apart = [*(BOOKS[gid] for gid in HELD_OUT), *itertools.chain(*LEFT_OUT.values()), *REPRINTS]
    resembles = widened(Runs(lines).shared_with(set_apart))
    counts: collections.Counter[str] = collections.Counter()
    for first, end in blocks(len(lines), set_apart):
        kept = []
        for poem in poems_of(lines, first, end, counts):
            if any(resembles[stanza].any() for stanza in poem):
                counts["resemble held-out or left-out books"] += n_lines(poem)
            else:
                kept.append(poem)
        write(os.path.join(out, "train", f"{first:07}.txt"), lines, kept)
        counts["training"] += sum(map(n_lines, kept))
        counts["poems"] += len(kept)
        counts["stanzas"] += sum(map(len, kept))
    for gid in HELD_OUT:
        write(os.path.join(out, "held_out", f"{gid}.txt"), lines, list(poems_of(lines, *BOOKS[gid])))
    for name, places in LEFT_OUT.items():
        parts = [split(list(poems_of(lines, *place))) for place in places]
        for ending, poems in zip(("", "_held_out"), zip(*parts, strict=True), strict=True):
            write(os.path.join(out, "left_out", f"{name}{ending}.txt"), lines, list(itertools.chain(*poems)))
    print("\n".join(f"{number:9,} {what}" for what, number in counts.most_common()))


def blocks(n_lines: int, set_apart: Iterable[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    """The places to train on: known books, and what is between them in parts, without what is set apart."""
    set_apart = set(set_apart)
    borders = {0, n_lines, *itertools.chain(*set_apart), *itertools.chain(*BOOKS.values())}
    for first, end in itertools.pairwise(sorted(borders)):
        if not any(start <= first < stop for start, stop in set_apart):
            for start in range(first, end, AT_ONCE):
                yield start, min(end, start + AT_ONCE)


def widened(marked: np.ndarray) -> np.ndarray:
    """The marked lines, and those near them."""
    return np.convolve(marked, np.ones(2 * APART + 1), "same") > 0.5


def poems_of(
    lines: Sequence[str], first: int, end: int, counts: collections.Counter[str] | None = None
) -> Iterator[Poem]:
    """The poems among the lines from `first` up to `end`, without prose, other languages, notes and fragments.

    Args:
      counts: takes the numbers of lines dropped.
    """
    counts = collections.Counter() if counts is None else counts
    is_prose = detection.prose(lines[first:end])
    is_foreign = detection.foreign(lines[first:end]) & ~is_prose
    is_apparatus = apparatus(lines[first:end]) & ~is_prose & ~is_foreign
    counts["prose"] += int(is_prose.sum())
    counts["in other languages"] += int(is_foreign.sum())
    counts["notes, indexes and the like"] += int(is_apparatus.sum())
    for start, stop in runs(~is_prose & ~is_foreign & ~is_apparatus):
        for poem in divided(lines, first + start, first + stop):
            if n_lines(poem) >= FEWEST:
                yield poem
            else:
                counts["in fragments"] += n_lines(poem)


def apparatus(lines: Sequence[str]) -> np.ndarray:
    """Which lines hold signs that verse has not, besides numbers of pages and marks of notes."""
    return np.array(
        [bool(APPARATUS.search(line) and APPARATUS.search(mending.remove_furniture(line))) for line in lines]
    )


def divided(lines: Sequence[str], first: int, end: int) -> Iterator[Poem]:
    """The lines from `first` up to `end`, divided into poems and these into stanzas."""
    verse = lines[first:end]
    evidence = look_at(verse)
    ends_stanza = stanza_ends(evidence)
    ends_poem = poem_ends(verse, evidence, ends_stanza)
    poem: Poem = [[]]
    for number in range(len(verse)):
        poem[-1].append(first + number)
        if ends_poem[number]:
            yield poem
            poem = [[]]
        elif ends_stanza[number]:
            poem.append([])


def runs(marked: np.ndarray) -> Iterator[tuple[int, int]]:
    """Where runs of marked lines begin and end."""
    changes = np.flatnonzero(np.diff(marked.astype(np.int8), prepend=0, append=0))
    return zip(changes[::2].tolist(), changes[1::2].tolist(), strict=True)


def split(poems: list[Poem]) -> tuple[list[Poem], list[Poem]]:
    """The poems of a book without its last part, and that part."""
    ends = np.cumsum(list(map(n_lines, poems)))
    n_first = int(np.searchsorted(ends, ends[-1] * (1 - HELD_OUT_SHARE), "right"))
    return poems[:n_first], poems[n_first:]


def n_lines(poem: Poem) -> int:
    """How many lines a poem has."""
    return sum(map(len, poem))


def write(path: str, lines: Sequence[str], poems: Iterable[Poem]) -> None:
    """Writes poems as text, with `<|endoftext|>` between them; nothing where there are none.

    Underscores, marks of notes and words in capitals are the printer's, so they go.
    """
    texts = ["\n\n".join("\n".join(lines[n] for n in stanza) for stanza in poem) + "\n" for poem in poems]
    texts = [mended(text) for text in texts]
    if texts:
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="utf-8") as file:
            file.write(f"{END_OF_TEXT}\n".join(texts))


def mended(text: str) -> str:
    """The text as a poet writes it: without underscores, marks of notes and whole words in capitals."""
    text = mending.remove_furniture(mending.remove_emphasis(text))
    return mending.tidy_spaces(CAPITALS.sub(lambda word: word[0].capitalize(), text))


if __name__ == "__main__":
    command_line.run(main)
