"""Which texts are dropped, and why, and in what order the others stand."""

import collections
import dataclasses
import re
from collections.abc import Iterable, Sequence
from typing import Literal, NamedTuple

from poetics.curating.candidates import Candidate, Figures, Measured, measure_all
from poetics.judging.copies import COPY, GRAM, Index
from poetics.sounds.words import words

By = Literal["likeness", "logprob", "rhyme", "metre"]
FIGURES: dict[By, str] = {"likeness": "likeness", "logprob": "logprob", "rhyme": "rhyme", "metre": "bits"}

# The words of sample.py for how a sample ended, where the model or the user ended it.
FINISHED = ("end of text", "stop", "stanzas")
SENTENCE_END = re.compile(r"[.!?…]['\"”’)\]*_ ]*$")  # noqa: RUF001
SAME = 0.5  # of the runs of 5 words of a text: more than that in common with a better one, and it says nothing new


@dataclasses.dataclass(frozen=True)
class Limits:
    """What a text must be to be kept.

    Attributes:
      min_lines: lines with words.
      open_ends: whether a text may end in the middle of a sentence.
      form: the name of the form of rhyme; None for any or none.
      min_rhyme: the share of lines that rhyme.
      min_metre: bits of metre a line; None for any.
      min_known: the share of words that are words.
      max_repeated: the share of lines that stand in the text before.
      max_copied: the share of words in runs of at least 8 that stand in the corpus.
    """

    min_lines: int = 4
    open_ends: bool = False
    form: str | None = None
    min_rhyme: float = 0.0
    min_metre: float | None = None
    min_known: float = 0.0
    max_repeated: float = 1.0
    max_copied: float = 0.0


class Dropped(NamedTuple):
    """A text that is not kept, and the reason, as it is said of several: `end in the middle of a sentence`."""

    text: Measured
    reason: str


class Sifted(NamedTuple):
    """Texts to keep, the best first, and those to drop."""

    kept: list[Measured]
    dropped: list[Dropped]


def sift(texts: Iterable[Measured], limits: Limits, by: By, keep: int) -> Sifted:
    """Drops what has a fault, then what a better text says already, then all but the best."""
    good: list[Measured] = []
    dropped: list[Dropped] = []
    for text in texts:
        if reason := fault(text, limits):
            dropped.append(Dropped(text, reason))
        else:
            good.append(text)
    seen = Seen()
    kept: list[Measured] = []
    for text in sorted(good, key=lambda text: merit(text, by), reverse=True):
        if seen.has(text.candidate):
            dropped.append(Dropped(text, "say mostly what a better one says"))
            continue
        seen.add(text.candidate)
        kept.append(text)
    return Sifted(kept[:keep], dropped + [Dropped(text, f"rank below the best {keep}") for text in kept[keep:]])


def fault(text: Measured, limits: Limits) -> str | None:
    """Why a text is dropped, whatever the others are; None for a good one."""
    figures = text.figures
    if figures is None or figures.lines < limits.min_lines:
        return f"have fewer than {limits.min_lines} lines"
    if not limits.open_ends and not is_finished(text.candidate):
        return "end in the middle of a sentence"
    if figures.copied is not None and figures.copied > limits.max_copied:
        share = f"more than {limits.max_copied:g} of their words in runs" if limits.max_copied else "a run"
        return f"copy: {share} of {COPY} words or more stand{'' if limits.max_copied else 's'} in the corpus"
    return _miss(figures, limits)


def fault_of(candidate: Candidate, limits: Limits, index: Index | None) -> str | None:
    """The same of one that is not measured yet."""
    (text,) = measure_all([candidate], index)
    return fault(text, limits)


def _miss(figures: Figures, limits: Limits) -> str | None:
    """What of the figures is out of the limits."""
    if limits.form and figures.form != limits.form:
        return f"rhyme in another form than {limits.form}, or in none"
    if figures.rhyme < limits.min_rhyme:
        return f"rhyme in less than {limits.min_rhyme:g} of their lines"
    if limits.min_metre is not None and figures.bits < limits.min_metre:
        return f"have less than {limits.min_metre:g} bits of metre a line"
    if figures.known < limits.min_known:
        return f"have less than {limits.min_known:g} words that are words"
    if figures.repeated > limits.max_repeated:
        return f"repeat more than {limits.max_repeated:g} of their lines"
    return None


def is_finished(candidate: Candidate) -> bool:
    """Whether a text ends where its model ended it, or at least at the end of a sentence."""
    return candidate.record.get("why") in FINISHED or bool(SENTENCE_END.search(candidate.text.rstrip()))


def merit(text: Measured, by: By) -> tuple[float, float]:
    """What texts are ranked by, more being better; of equals, the one more like real verse is better."""
    assert text.figures, "texts without a word were dropped"
    value = getattr(text.figures, FIGURES[by])
    return (-float("inf") if value is None else value), text.figures.likeness


class Seen:
    """Texts by their runs of 5 words."""

    def __init__(self) -> None:
        self._places: dict[tuple[str, ...], list[int]] = collections.defaultdict(list)
        self._sizes: list[int] = []

    def add(self, candidate: Candidate) -> None:
        """Adds a text."""
        grams = _grams(candidate)
        for gram in grams:
            self._places[gram].append(len(self._sizes))
        self._sizes.append(len(grams))

    def has(self, candidate: Candidate) -> bool:
        """Whether one of the texts has more than half of its runs in common with this one, or this one with it."""
        grams = _grams(candidate)
        shared = collections.Counter(place for gram in grams for place in self._places.get(gram, ()))
        return any(n > SAME * min(len(grams), self._sizes[place]) for place, n in shared.items())


def _grams(candidate: Candidate) -> set[tuple[str, ...]]:
    """The runs of 5 words of a text; of a shorter one, all its words."""
    found = [word for line in candidate.text.split("\n") for word in words(line)]
    return {tuple(found[i : i + GRAM]) for i in range(max(len(found) - GRAM + 1, 1))}


def reasons(dropped: Sequence[Dropped]) -> dict[str, int]:
    """How many texts were dropped for each reason, the most frequent first."""
    return dict(collections.Counter(text.reason for text in dropped).most_common())
