"""Which stanza is the last of its poem, in verse that has lost its titles: told by the change of form that follows.

Titles are gone, so no rule finds most poems. What can be told: the first word of a poem may be printed in capitals; a
poem ends with a sentence; after it stanzas have another length, lines another length, and rhymes are more or fewer;
and fewer words are used again than within a poem. Weights are those of a logistic regression on 24 books.
"""

from collections.abc import Sequence

import numpy as np

from poems.cleaning.detection import ENGLISH
from poetics.sounds.words import words
from poetics.stanzas.line_ends import QUOTES, Evidence, begins_with_conjunction, capitals_begin, ends_sentence

BIAS = -2.4 + 0.75  # a break is one from 0 on; the second number was chosen for breaks of which half are true
CAPITALS = 2.4
WITHIN_SENTENCE = -1.9
QUOTATION, CONJUNCTION = -0.7, -0.7
OTHER_STANZA = 1.2  # where the next stanza has another number of lines
ALIKE_BEFORE, ALIKE_AFTER = 0.55, 0.55  # where the two stanzas before it have one length, and the two after it
LENGTH = 0.12  # for each character by which lines are longer or shorter, on average
MOST_LENGTH = 20
RHYMES = 0.6  # for all lines rhyming instead of none
SAME_WORDS = -0.146  # for each word that is used on both sides
MOST_WORDS = 10
SINGLE_LINE = -0.5  # before a stanza of one line
AROUND = 12  # lines on each side whose form counts
WORDS_AROUND = 20  # lines on each side whose words count
RHYME_NEAR = 4  # lines
SHORT_WORD = 3  # letters; such words and the commonest are of no poem


def poem_ends(lines: Sequence[str], evidence: Evidence, stanza_ends: np.ndarray) -> np.ndarray:
    """Which lines end a poem, the last line always among them: bool [n_lines].

    Args:
      stanza_ends: those that end a stanza: bool [n_lines].
    """
    found = np.zeros(len(lines), bool)
    found[-1:] = True
    (ends,) = np.nonzero(stanza_ends)
    sizes = [0, *np.diff(ends, prepend=-1).tolist(), 0]
    used = [telling_words(line) for line in lines]
    rhymed = (evidence.before <= RHYME_NEAR) | (evidence.after <= RHYME_NEAR)
    for number, end in enumerate(ends[:-1].tolist()):
        score = BIAS + _stanzas(*sizes[number : number + 4]) + _signs(lines[end], lines[end + 1])
        score += _form(evidence.length, rhymed, end + 1) + _shared_words(used, end + 1)
        found[end] = score > 0
    return found


def telling_words(line: str) -> set[str]:
    """The words of a line that tell what it is about."""
    return {word for word in words(line) if len(word) > SHORT_WORD and word not in ENGLISH}


def _stanzas(before: int, last: int, first: int, after: int) -> float:
    """For the number of lines of the two stanzas before a place and the two after it, 0 where there is none."""
    return (
        OTHER_STANZA * (last != first)
        + ALIKE_BEFORE * (before == last)
        + ALIKE_AFTER * (first == after)
        + SINGLE_LINE * (first == 1)
    )


def _signs(line: str, after: str) -> float:
    return (
        CAPITALS * capitals_begin(after)
        + WITHIN_SENTENCE * (not ends_sentence(line))
        + QUOTATION * after.lstrip()[:1].startswith(tuple(QUOTES))
        + CONJUNCTION * begins_with_conjunction(after)
    )


def _form(length: np.ndarray, rhymed: np.ndarray, at: int) -> float:
    """For lines of other lengths, and for more or fewer rhymes."""
    before, after = slice(max(0, at - AROUND), at), slice(at, at + AROUND)
    longer = min(abs(length[before].mean() - length[after].mean()), MOST_LENGTH)
    return LENGTH * longer + RHYMES * abs(rhymed[before].mean() - rhymed[after].mean())


def _shared_words(used: Sequence[set[str]], at: int) -> float:
    before = set[str]().union(*used[max(0, at - WORDS_AROUND) : at])
    after = set[str]().union(*used[at : at + WORDS_AROUND])
    return SAME_WORDS * min(len(before & after), MOST_WORDS)
