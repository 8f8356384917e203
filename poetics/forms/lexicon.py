"""The words that a poem in a form is made of, and where in a line of a metre each of them may stand."""

import functools
import re
from collections.abc import Iterable

import numpy as np

from poetics.forms.form import ANY, Metre
from poetics.forms.language import ENGLISH, Language, read_dictionary
from poetics.forms.trie import Trie
from poetics.metre import feet, stress
from poetics.sounds import dictionary
from poetics.sounds.dictionary import Phones
from poetics.sounds.pronunciation import pronounce

LEVEL = 5  # the base-2 logarithm of how often a word comes in 3 million lines of verse, at least
WORD = re.compile(r"'?[a-z]+(?:['\-][a-z]+)*'?")
LETTERS = ("a", "i", "o")  # the words of one letter


class Lexicon:
    """Words in alphabetical order.

    Attributes:
      language: how its words sound.
      ways: of each word, how it may be said.
      may_end: bool [words], whether a line may end with the word.
      families: the words that rhyme, by the end that they share.
    """

    def __init__(self, words: Iterable[str], language: Language = ENGLISH):
        self.words, self.language = sorted(words), language
        self.trie = Trie(self.words)
        self.ways = [language.ways(word) for word in self.words]
        self.may_end = np.array([language.may_end(word) for word in self.words])
        self.families: dict[Phones, np.ndarray] = self._families()
        self.rich = frozenset(end for end, family in self.families.items() if self._is_rich(family))

    def ending_in(self, ends: Iterable[Phones]) -> np.ndarray:
        """Which words rhyme by one of these ends: bool [words]."""
        chosen = np.zeros(len(self.words), bool)
        for end in ends:
            chosen[self.families.get(end, [])] = True
        return chosen

    def _families(self) -> dict[Phones, np.ndarray]:
        found: dict[Phones, list[int]] = {}
        for number, word in enumerate(self.words):
            if self.may_end[number] and self.language.may_rhyme(word):
                for end in self.language.ends(word):
                    found.setdefault(end, []).append(number)
        return {end: np.array(family) for end, family in found.items()}

    def _is_rich(self, family: np.ndarray) -> bool:
        n_short = sum(len(self.ways[number][0]) == 1 for number in family)
        return len(family) >= self.language.rhymes and n_short >= self.language.short_rhymes


class Places:
    """Where in a line of a metre the words of a lexicon may stand, as bits: bit n is the place after n syllables.

    Attributes:
      within: int32 [words, places], the places after each word that begins at a place, the line going on.
      at_end: the same where the line ends with the word.
      steps: int32 [places], the places after any word that begins at a place, the line going on.
      costs: float32 [words, places], what the metre has against a word there.
      least_costs: float32 [nodes, places], the least cost of the words below a node.
    """

    def __init__(self, lexicon: Lexicon, metre: Metre):
        self.metre, self.lexicon = metre, lexicon
        n = self.size = len(metre.pattern)
        shapes = {way: place_all(way, metre) for ways in set(lexicon.ways) for way in ways}
        shape = (len(lexicon.words), n)
        self.within, self.at_end = np.zeros(shape, np.int32), np.zeros(shape, np.int32)
        self.costs = np.full(shape, feet.NEVER, np.float32)
        kinds: dict[tuple[str, ...], list[int]] = {}
        for number, ways in enumerate(lexicon.ways):
            kinds.setdefault(ways, []).append(number)
        for ways, numbers in kinds.items():
            for way in ways:
                for place, cost in shapes[way]:
                    after = place + len(way)
                    if after < n:
                        self.within[numbers, place] |= 1 << after
                    if after in metre.ends:
                        self.at_end[numbers, place] |= 1 << after
                    self.costs[numbers, place] = np.minimum(self.costs[numbers, place], cost)
        self.steps = np.bitwise_or.reduce(self.within)
        self.least_costs = lexicon.trie.over(np.minimum, self.costs)
        self.starts = sum(1 << place for place in metre.starts)
        self.ends = sum(1 << place for place in metre.ends)
        self.inner = (1 << n) - 1

    @functools.lru_cache(64)  # noqa: B019 - as long as the places live, as is meant
    def costs_from(self, places: int) -> tuple[np.ndarray, np.ndarray]:
        """The least costs of nodes, float32 [nodes], and words, float32 [words], that begin at one of some places."""
        columns = [place for place in range(self.size) if places >> place & 1] or [0]
        return self.least_costs[:, columns].min(1), self.costs[:, columns].min(1)


def place_all(way: str, metre: Metre) -> list[tuple[int, float]]:
    """The places of a metre at which a word may begin that is said so, each with what the metre has against it."""
    found = []
    for place in range(len(metre.pattern) - len(way) + 1):
        beats = metre.pattern[place : place + len(way)]
        if all(_fits(kind, beat, way, place + i, i) for i, (kind, beat) in enumerate(zip(way, beats, strict=True))):
            found.append((place, sum(_cost(kind, beat) for kind, beat in zip(way, beats, strict=True))))
    return found


def _fits(kind: str, beat: str, way: str, place: int, i: int) -> bool:
    """Whether a syllable may stand at a place. A line may begin with a stressed syllable off the beat."""
    if kind == "S" and beat == "w":
        return place == 0 and len(way) > 1
    if kind == "w" and beat == "s":
        return place == 1 and i == 1 and way[0] == "S"
    return True


def _cost(kind: str, beat: str) -> float:
    return 0.0 if beat == ANY else feet.ON[kind] if beat == "s" else feet.OFF[kind]


@functools.cache
def verse_lexicon() -> Lexicon:
    """The words that verse uses, as the package knows them, without those of which the sound is a guess."""
    levels = dictionary.load().levels
    words = [word for word, level in levels.items() if level >= LEVEL and WORD.fullmatch(word)]
    return Lexicon(word for word in words if (len(word) > 1 or word in LETTERS) and _is_sure(word))


@functools.lru_cache(2)
def own_lexicon(path: str, digest: str) -> Lexicon:
    """The words of a dictionary of the user's, a file of this SHA-256.

    Raises:
      UserError: the file is no dictionary.
    """
    return Lexicon(*read_dictionary(path))


def _is_sure(word: str) -> bool:
    """Whether a word has syllables, and its sound is more than a guess."""
    return pronounce(word).source in ("dictionary", "rule", "compound") and all(stress.word_ways(word))
