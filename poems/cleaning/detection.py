"""Measures of a text: which of its lines are prose, and which are in another language than English."""

import functools
import itertools
import re
from collections.abc import Iterator, Sequence

import numpy as np

# Prose that is broken into lines is filled: in every six lines on end, four begin with a small letter, four are within
# fifteen characters of the longest, and the mean is not short. Verse, even in small letters, is not. Found by hand on
# 47 books of the Gutenberg Poetry Corpus, whose prefaces and notes it finds, and 657 poems, of which it takes none.
WINDOW = 6  # lines
MOST = 4  # of them
MEAN_LENGTH = 45  # characters
NEAR = 15  # characters
# Except where lines rhyme and end where the sense does. Of 16,218 lines of prose of that corpus 37 in a hundred end in
# one of these words, and 5 in a hundred rhyme; 11 of 615 passages are taken for verse so, and 6 of those are verse.
NO_ENDS = frozenset(
    """
    a an the and or but nor of to in on at by for with from as that which who whose his her its my thy your our their is
    was are were be been has have had will would shall should may might can could must if than so not no this these
    those i we he she it they into upon all such very more most any some when where while
    """.split()  # noqa: SIM905
)
MOST_NO_ENDS = 1 / 8  # of the lines of verse
LEAST_RHYMES = 1 / 3  # of the lines of verse
REACH = 3  # lines from one to what it rhymes with
NOT_LETTERS = re.compile(r"[^\w'’]+")  # noqa: RUF001
TAIL = re.compile(r"[aeiouy]+[^aeiouy]*(?:e[sd]?)?$")
BEFORE_LETTERS = " \t\u00a0\"'`“”‘’([_-—"  # at the beginning of a line  # noqa: RUF001

# Of an English text at least one word in five is of these, of most verse every second or third; of French no more than
# one in ten, words that both have being left out. Only below that is a language identifier asked, which is slower.
ENGLISH = frozenset(
    """
    the and of to that with his he for my her as from not but by this was are be they i you it all thy their on at so no
    what which she when thou or we our your had have who then if him them shall will o its there where were how more now
    like than has been an would thee upon came let one up out do can did me into only must yet too down through never
    still some own every us am may might could should hath doth
    """.split()  # noqa: SIM905
)
SHARE = 0.2
FEW_WORDS = 8  # too few to tell a language by
PASSAGE = 8  # lines at least, in whole stanzas
LONG_STANZA = 16  # lines; a longer one is cut
AS_ENGLISH = ("en", "pcm", "sco")  # py3langid 0.4: English, and what dialect is taken for


def prose(lines: Sequence[str]) -> np.ndarray:
    """Which lines are prose: bool [n_lines]; the empty lines between are not looked at, nor ever prose."""
    is_prose = np.zeros(len(lines), bool)
    small = [line.lstrip(BEFORE_LETTERS)[:1].islower() for line in lines]
    if sum(small) < MOST:
        return is_prose
    places = np.array([i for i, line in enumerate(lines) if line and not line.isspace()])
    if len(places) < WINDOW:
        return is_prose
    length = np.array([len(lines[i].strip()) for i in places])
    begins_small = np.array(small)[places]
    begins = np.append(True, np.diff(places) > 1)  # a paragraph
    lengths = np.lib.stride_tricks.sliding_window_view(length, WINDOW)  # [n_windows, WINDOW]
    near = (lengths >= lengths.max(axis=1, keepdims=True) - NEAR).sum(axis=1)
    n_small = np.lib.stride_tricks.sliding_window_view(begins_small, WINDOW).sum(axis=1)
    (starts,) = np.nonzero((n_small >= MOST) & (near >= MOST) & (lengths.sum(axis=1) >= WINDOW * MEAN_LENGTH))
    for first, last in _runs(starts):
        # Verse next to prose is in its windows too; so the run begins right before a small letter, and ends with one.
        while not begins_small[first] and not begins_small[first + 1]:
            first += 1
        while not begins_small[last]:
            last -= 1
        if first and length[first - 1] >= MEAN_LENGTH and begins[first - 1] and not begins[first]:
            first -= 1  # The first line of a paragraph, of which the second happens to begin with a name.
        run = places[first : last + 1]
        is_prose[run] = not _rhymes([lines[i] for i in run])
    return is_prose


def _rhymes(lines: Sequence[str]) -> bool:
    """Whether a third of the lines end as another nearby is spelled, and few end in words that verse ends in rarely."""
    words = [["", *filter(None, NOT_LETTERS.split(line.lower()))][-1].strip("'’_") for line in lines]  # noqa: RUF001
    if sum(map(NO_ENDS.__contains__, words)) > MOST_NO_ENDS * len(words):
        return False
    tails = [match[0] if (match := TAIL.search(word)) else None for word in words]
    rhymed: set[int] = set()
    for i, j in ((i, i + step) for step in range(1, REACH + 1) for i in range(len(words) - step)):
        if tails[i] and tails[i] == tails[j] and words[i] != words[j]:
            rhymed |= {i, j}
    return len(rhymed) >= LEAST_RHYMES * len(words)


def foreign(lines: Sequence[str]) -> np.ndarray:
    """Which lines are in another language than English, judged by passages of a few: bool [n_lines]."""
    is_foreign = np.zeros(len(lines), bool)
    for start, end in _passages(lines):
        passage = "\n".join(lines[start:end])
        if not is_english(passage):
            is_foreign[start:end] = True
    return is_foreign & np.fromiter(map(bool, lines), bool, len(lines))


def is_english(text: str) -> bool:
    """Whether a text is English, or too short to tell."""
    words = text.lower().split()
    if sum(map(ENGLISH.__contains__, words)) >= SHARE * len(words) or len(words) < FEW_WORDS:
        return True
    return _identify()(text) in AS_ENGLISH


@functools.cache
def _identify():
    """What names the language of a text; loaded when it is first needed, which takes a second."""
    from py3langid.langid import MODEL_FILE, LanguageIdentifier

    identifier = LanguageIdentifier.from_model_file(MODEL_FILE)
    return lambda text: identifier.classify(text)[0]


def _runs(starts: np.ndarray) -> Iterator[tuple[int, int]]:
    """The first and the last line of windows that overlap or touch."""
    if len(starts):
        for run in np.split(starts, np.nonzero(np.diff(starts) > WINDOW)[0] + 1):
            yield int(run[0]), int(run[-1]) + WINDOW - 1


def _passages(lines: Sequence[str]) -> Iterator[tuple[int, int]]:
    """The first line of each passage, and the one after its last."""
    breaks = [i for i, line in enumerate(lines) if not line or line.isspace()]
    start = 0
    for end in itertools.chain(breaks, [len(lines)]):
        while end - start > LONG_STANZA:
            yield start, start + PASSAGE
            start += PASSAGE
        if end - start >= PASSAGE:
            yield start, end
            start = end
    if start < len(lines):
        yield start, len(lines)
