"""A corpus: the poems of all its sources, cleaned and laid out one by one, and an account of what was done to them."""

import dataclasses
import itertools
import tempfile
from array import array
from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import NamedTuple

import numpy as np

from poems.cleaning.counts import EXCERPT, Counts, Example
from poems.cleaning.rules import OF_NAMES, clean_all
from poems.duplicates.duplicates import Duplicates, keys_of_sides
from poems.layout import LaidOut, Layout, describe, lay_out
from poems.names import Census
from poems.poem import Poem, count_lines
from poems.sources.sources import Source

PLAIN = Layout()
SHORT = 20  # lines of the poem that the report shows, at most
N_SHORT = 100  # of these are remembered, since the first ones may turn out to be repeats

Document = Iterator[LaidOut]  # A poem, or its parts that follow on one another.


def texts(sources: Iterable[Source], layout: Layout, rules: Collection[str]) -> Iterator[str]:
    """All the text of the sources, repeats and all, in pieces, for a vocabulary to be trained on."""
    for source in sources:
        is_rest = False
        for poem in clean_all(source.poems(), rules, Counts()):
            yield from lay_out(poem, layout, is_rest).pieces()
            is_rest = poem.more


class Judged(NamedTuple):
    """What is known of each document once all of them were read.

    Attributes:
      dropped: whether it is left out, being empty or in the corpus already: bool [n_documents].
      keys: a hash, by which each is held out or not, together with what is much the same: uint64 [n_documents].
    """

    dropped: np.ndarray
    keys: np.ndarray


class Corpus:
    """Reads the poems of some sources, once, and remembers enough of each to tell repeats.

    Attributes:
      layout: what stands before a poem or its lines.
      rules: the names of the cleaning rules to apply.
      counts: what was done to the poems of each source, in the order of the sources.
      kept: the numbers of the documents that are in it, once it was judged: int64 [n].
    """

    def __init__(self, sources: Sequence[Source], layout: Layout = PLAIN, rules: Collection[str] = ()):
        self.sources, self.layout, self.rules = sources, layout, rules
        self.counts = [Counts() for _ in sources]
        self._ends = [0] * len(sources)  # the number of documents up to that of each source, once it was read
        self._n_lines, self._n_characters, self._places = array("Q"), array("Q"), array("Q")
        self._short: dict[int, Poem] = {}  # the first short poems, one of which the report shows
        self._duplicates, self._census = Duplicates(), Census(layout)
        self._passages = tempfile.TemporaryFile()  # noqa: SIM115
        self._lengths = tempfile.TemporaryFile()  # noqa: SIM115  # characters of each line, uint32

    def __enter__(self):
        return self

    def __exit__(self, *exception) -> None:
        self._duplicates.close()
        self._passages.close()
        self._lengths.close()

    def documents(self, number: int) -> Iterator[Document]:
        """The documents of a source, each to be read before the next; the sources are to be read in their order."""
        counts = self.counts[number]
        read = self.sources[number].poems(counts.leave_out)
        poems = clean_all(read, self.rules, counts)
        for poem in poems:
            yield self._document(poem, poems)
        self._ends[number] = len(self._n_lines)

    def judge(self, weights: Sequence[float]) -> Judged:
        """Which documents to leave out, which is noted in `counts`.

        Args:
          weights: how often the documents of each source are to be trained on; of those that are much alike, the first
            of most weight is kept.
        """
        of_source = np.repeat(np.arange(len(self.sources)), np.diff([0, *self._ends]))
        found = self._duplicates.find(np.array(weights, float)[of_source])
        self._first_lines = [0, *itertools.accumulate(self._n_lines)]
        dropped = np.array(self._n_characters, np.int64) == 0  # Of a long one everything may have been dropped.
        for rule, flags in (("duplicates", found.repeats), ("inside", found.inside)):
            if rule in self.rules:
                for document in np.flatnonzero(flags & ~dropped).tolist():
                    self._note_drop(rule, document, int(found.other[document]), self.counts[of_source[document]])
                dropped |= flags
        self.kept = np.flatnonzero(~dropped)
        return Judged(dropped, keys_of_sides(found, ~dropped))

    def summary(self) -> str:
        """How much verse there is, in a sentence, once it was judged."""
        n_poems, n_lines = (sum(counts.kept[what] for counts in self.counts) for what in ("poems", "lines"))
        n_authors = self._census.n_authors(self.kept.tolist())
        poems, authors, lines = (
            f"{number:,} {what}{'' if number == 1 else 's'}"
            for number, what in ((n_poems, "poem"), (n_authors, "author"), (n_lines, "line"))
        )
        return f"You have {poems} by {authors}, {lines}" if n_authors else f"You have {poems}, {lines}"

    def example(self) -> Poem | None:
        """A short poem that was kept, with a title if one has it; None if all are long."""
        kept = [self._short[document] for document in self.kept.tolist() if document in self._short]
        return next((poem for poem in kept if poem.title), kept[0] if kept else None)

    def described(self, documents: Iterable[int]) -> dict:
        """The layout, and the names in these documents, so that prompts can be laid out as the poems were."""
        rules = tuple(rule for rule in OF_NAMES if rule in self.rules) if self.layout.name != "plain" else ()
        names = self._census.names(documents)
        return describe(dataclasses.replace(self.layout, rules=rules)) | ({"names": names} if names else {})

    def numbers(self, number: int) -> slice:
        """Which of all documents are those of a source."""
        return slice(self._ends[number - 1] if number else 0, self._ends[number])

    def _document(self, poem: Poem, poems: Iterator[Poem]) -> Document:
        if len(self._short) < N_SHORT and not poem.more and 0 < count_lines(poem.text) <= SHORT:
            self._short[len(self._n_lines)] = poem
        self._begin(poem)
        yield self._part(poem)
        while poem.more:
            poem = next(poems)
            yield self._part(poem, is_rest=True)

    def _begin(self, poem: Poem) -> None:
        self._places.append(self._passages.tell())
        self._passages.write(f"{poem.place}\0{poem.text[:EXCERPT]}\0".encode(errors="replace"))
        self._census.add(poem)
        self._n_lines.append(0)
        self._n_characters.append(0)

    def _part(self, poem: Poem, is_rest: bool = False) -> LaidOut:
        self._duplicates.add(poem)
        lengths = array("I", filter(None, map(len, poem.text.split("\n"))))
        self._lengths.write(lengths.tobytes())
        self._n_lines[-1] += len(lengths)
        self._n_characters[-1] += len(poem.text)
        return lay_out(poem, self.layout, is_rest)

    def _note_drop(self, rule: str, document: int, other: int, counts: Counts) -> None:
        """Takes a document that was kept off the account of its source."""
        place, text = self._passage(document)
        example = Example(place, text, "kept instead, at {}:\n{}".format(*self._passage(other)))
        counts.take_back(rule, self._lengths_of(document), self._n_characters[document], [example])

    def _lengths_of(self, document: int) -> array:
        """How many characters the lines of a document have that are not empty."""
        lengths = array("I")
        self._lengths.seek(lengths.itemsize * self._first_lines[document])
        lengths.frombytes(self._lengths.read(lengths.itemsize * self._n_lines[document]))
        return lengths

    def _passage(self, document: int) -> list[str]:
        """Where a document begins, and its first characters."""
        self._passages.seek(self._places[document])
        return self._passages.read(4 * (EXCERPT + 1000)).decode(errors="ignore").split("\0")[:2]
