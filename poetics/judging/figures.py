"""The figures of a set of texts, one by one comparable with those of any other set."""

import collections
import dataclasses
import itertools
import random
from collections.abc import Sequence

import numpy as np

from poetics.judging import diversity, features, likeness
from poetics.judging.copies import Copies
from poetics.judging.real_verse import LINES
from poetics.judging.verse_files import Text
from poetics.metre import feet, metre_bits, stress
from poetics.rhyme import schemes
from poetics.rhyme.grades import Grade
from poetics.sounds.words import last_words

SHORTEST = 4  # lines; a shorter text has no form, no foot and no features


@dataclasses.dataclass(frozen=True)
class Figures:
    """What a set of texts is like.

    Attributes:
      texts, lines: how many.
      rhyme, chance: the share of lines that rhyme within 4 lines, and that would in any order.
      lift, perfect_lift: how much rhymes beyond chance; the same by perfect rhymes alone.
      bits, bits_shuffled: bits of metre a line, and of the same words in any order.
      regular: the share of lines with as many syllables as one of the two before.
      feet, forms: the share of texts by foot, and of those that rhyme in a form by its name.
      known: the share of words that are words.
      distinct_1, distinct_2: different words, and pairs, among the first 4,000.
      repeated: the share of lines that stand in the same text before.
      longest, longest_99: the most words in a row that a text has in common with the corpus, and in 99 of 100 texts.
      copied: the share of words in runs of at least 8 in common with the corpus.
      told_apart: how surely the texts are told from real verse: 1 always, 0.5 never.
      val_bits: bits a character of held-out verse, of the model that wrote the texts.
    """

    texts: int
    lines: int
    rhyme: float
    chance: float
    lift: float
    perfect_lift: float
    bits: float
    bits_shuffled: float
    regular: float
    feet: dict[str, float]
    forms: dict[str, float]
    known: float
    distinct_1: float
    distinct_2: float
    repeated: float
    longest: int | None = None
    longest_99: float | None = None
    copied: float | None = None
    told_apart: float | None = None
    val_bits: float | None = None


def measure(texts: Sequence[Text]) -> Figures:
    """The figures of texts that need neither a corpus nor other texts."""
    lines = [line for text in texts for line in text]
    rates = {least: rhyme(texts, least) for least in (Grade.CUSTOMARY, Grade.PERFECT)}
    (rate, chance), (perfect, perfect_chance) = rates[Grade.CUSTOMARY], rates[Grade.PERFECT]
    bits, shuffled = metre_bits.bits(lines), metre_bits.shuffled_bits(lines)
    long_enough = [text for text in texts if len(text) >= SHORTEST]
    return Figures(
        texts=len(texts),
        lines=len(lines),
        rhyme=rate,
        chance=chance,
        lift=(rate - chance) / (1 - chance) if chance < 1 else 0.0,
        perfect_lift=(perfect - perfect_chance) / (1 - perfect_chance) if perfect_chance < 1 else 0.0,
        bits=_mean(bits),
        bits_shuffled=_mean(shuffled),
        regular=_mean(np.array([features.regularity(list(map(stress.count_syllables, text))) for text in texts])),
        feet=shares([feet.metre(text).foot for text in long_enough]),
        forms=shares([schemes.form(last_words(list(text))) for text in long_enough]),
        known=diversity.known_words(texts),
        distinct_1=diversity.distinct(texts, 1),
        distinct_2=diversity.distinct(texts, 2),
        repeated=diversity.repeated_lines(texts),
    )


def with_copies(figures: Figures, copies: Sequence[Copies]) -> Figures:
    """The figures with those of what the texts have in common with a corpus."""
    longest = [found.longest.n_words if found.longest else 0 for found in copies]
    n_words = sum(found.n_words for found in copies)
    return dataclasses.replace(
        figures,
        longest=max(longest),
        longest_99=float(np.quantile(longest, 0.99)),
        copied=sum(found.share() * found.n_words for found in copies) / max(n_words, 1),
    )


def with_likeness(figures: Figures, texts: Sequence[Text], real: Sequence[Text]) -> Figures:
    """The figures with how surely the texts are told from real verse of the same lengths; without, for too few."""
    sides = [[features.features(text[:LINES]) for text in side if len(text) >= SHORTEST] for side in (real, texts)]
    if min(map(len, sides)) < 2 * likeness.FOLDS:
        return figures
    return dataclasses.replace(figures, told_apart=likeness.told_apart(np.array(sides[0]), np.array(sides[1])))


def of_same_lengths(source: Sequence[Text], lengths: Sequence[int]) -> list[Text]:
    """Texts with these numbers of lines (28 at most), cut from other texts in turn, until those are used up."""
    found, at, n_texts = [], 0, 0
    for length in (min(length, LINES) for length in lengths):
        while n_texts < len(source) and at + length > len(source[n_texts]):
            n_texts, at = n_texts + 1, 0
        if n_texts == len(source):
            break
        found.append(source[n_texts][at : at + length])
        at += length
    return found


def rhyme(texts: Sequence[Text], least: Grade) -> tuple[float, float]:
    """The rhyme rate of the lines of texts, and that of the same lines shared out among them in any order."""
    ends = [last_words(list(text)) for text in texts]
    bag = [end for of_text in ends for end in of_text]
    random.Random(1).shuffle(bag)
    places = np.cumsum([0, *map(len, ends)]).tolist()
    shuffled = [bag[i:j] for i, j in itertools.pairwise(places)]
    rates = [sum(schemes.rhyme_rate(of_text, least=least) * len(of_text) for of_text in s) for s in (ends, shuffled)]
    return rates[0] / max(len(bag), 1), rates[1] / max(len(bag), 1)


def shares(names: Sequence[str]) -> dict[str, float]:
    """The share of each name, the most frequent first, those without one left out."""
    counts = collections.Counter(names)
    return {name: count / len(names) for name, count in counts.most_common() if name}


def _mean(numbers: np.ndarray) -> float:
    some = numbers[~np.isnan(numbers)]
    return float(some.mean()) if len(some) else 0.0
