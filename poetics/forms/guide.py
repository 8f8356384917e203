"""Which tokens keep a poem in its form, and what the metre has against each: a poem is followed token by token.

A word may come from several tokens, so a poem stands at a node of the trie of words; and where several readings of its
words are open, at several places of the line at once.
"""

import copy
import dataclasses
import enum
import functools
import re
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from poetics.forms.form import NO_RHYME, Form, Metre
from poetics.forms.language import ENGLISH, Language
from poetics.forms.lexicon import Lexicon, Places
from poetics.forms.trie import Trie
from poetics.metre import feet, stress
from poetics.sounds.dictionary import Phones
from poetics.sounds.words import LETTER, words
from system.errors import UserError

CLOSING = re.compile(r"[,.;:!?]+|[,.;:!?]?(?: ?--| ?—)")
IN_WORD = re.compile(rf"(?:{LETTER}|['\-])+")

# In e-folds for each unit of the costs of `feet`, on top of the masks: of a word and again of the whole line. With them
# most poems have the foot that was asked for by `feet.metre`, limericks too; `python bench/forms.py` measures it.
WORD_PRICE, LINE_PRICE = 2.0, 2.0
FOOT_PRICE = 4.0  # the same of what another foot would cost less
MOST_KEPT = 20_000  # sets of tokens

Choice = tuple[np.ndarray, np.ndarray]  # ids int [any number], and their prices float32
NOTHING: Choice = np.zeros(0, int), np.zeros(0, np.float32)


class Stand(enum.Enum):
    """Where in a line a poem stands."""

    LINE_START = enum.auto()
    WORD = enum.auto()  # within a word or after one
    CLOSED = enum.auto()  # after a comma or the like
    STOPPED = enum.auto()  # after a full stop or the like
    DASH = enum.auto()  # after a dash, which a word may follow without a space


STANDS = {"-": Stand.DASH, "—": Stand.DASH, ".": Stand.STOPPED, "!": Stand.STOPPED, "?": Stand.STOPPED}


@dataclasses.dataclass(frozen=True)
class Sounds:
    """The rhymes of a poem so far.

    Attributes:
      ends: the ends by which each letter rhymes.
      used: the words that lines ended with.
    """

    ends: tuple[tuple[str, frozenset[Phones]], ...] = ()
    used: frozenset[str] = frozenset()

    def of(self, letter: str) -> frozenset[Phones] | None:
        """The ends by which the lines of a letter rhyme; None before the first."""
        return dict(self.ends).get(letter)

    def after(self, letter: str, word: str, lexicon: Lexicon) -> "Sounds":
        """The rhymes once a line of this letter has ended with a word."""
        if letter == NO_RHYME:
            return self
        ends, own = dict(self.ends), frozenset(lexicon.language.ends(word))
        ends[letter] = (ends[letter] & own if letter in ends else own & lexicon.rich) or own
        return Sounds(tuple(sorted(ends.items())), self.used | {word})


class Position(NamedTuple):
    """All that decides which ids may come next in a poem; see `Verse`."""

    metre: Metre
    letter: str
    sounds: Sounds
    node: int
    places: int
    stand: Stand
    is_last: bool


class Masks:
    """Which nodes and words a line may go on with, in a metre and with these rhymes.

    Attributes:
      after: int32 [words, places], the places after a word, where the line can still be finished.
      open: int32 [nodes], at which places a word below a node may begin.
    """

    def __init__(self, places: Places, ending: np.ndarray):
        """ending: bool [words], which words the line may end with."""
        last = np.flatnonzero(ending)
        at_end = places.at_end[last]
        self.after = places.within & self._finishing(places, at_end)
        self.after[last] |= at_end
        # As products of numbers that float32 has exactly, which are fast.
        powers = np.float32(2) ** np.arange(places.size, dtype=np.float32)
        begins = ((self.after != 0).astype(np.float32) @ powers).astype(np.int32)
        self.open = places.lexicon.trie.over(np.bitwise_or, begins)

    @staticmethod
    def _finishing(places: Places, at_end: np.ndarray) -> int:
        """The places from which a line can be finished, as bits."""
        last = np.bitwise_or.reduce(at_end) != 0
        ok = 0
        for place in range(places.size - 1, -1, -1):  # a word leads to later places alone
            if last[place] or places.steps[place] & ok:
                ok |= 1 << place
        return ok

    def places_after(self, word: int, places: int) -> int:
        """The places after a word that began at one of some places."""
        return _union(self.after[word], places)


class Guide:
    """The tokens of a vocabulary, as a form sees them; `begin` begins a poem."""

    def __init__(self, texts: Sequence[str | None], form: Form, lexicon: Lexicon):
        """texts: the text of each token, None for one that is none by itself, such as end of text.

        Raises:
          ValueError: no token is a line end.
          UserError: the form has rhymes, and too few words of the lexicon rhyme.
        """
        if set(form.scheme) != {NO_RHYME} and not lexicon.rich:
            raise UserError(
                f"the form has rhymes, and no {lexicon.language.rhymes} words of the dictionary rhyme with each other; "
                "give their rhymes there, or a form without, such as --syllables 5,7,5"
            )
        self.texts, self.form, self.lexicon = texts, form, lexicon
        self.newline = texts.index("\n")
        self.places = {metre: Places(lexicon, metre) for metre in set(form.metres)}
        trie = lexicon.trie
        self.spaced, self.bare = np.zeros((2, len(texts)), np.int32)  # the node of a token with its space, and without
        self.closing = np.zeros(len(texts), bool)
        for id, text in enumerate(texts):
            if not text:
                continue
            self.closing[id] = bool(CLOSING.fullmatch(text))
            if IN_WORD.fullmatch(text.removeprefix(" ")):
                nodes = self.spaced if text[0] == " " else self.bare
                nodes[id] = trie.walk(0, text.removeprefix(" ").lower())
        # The tokens that may be within a word: no two have one text.
        inner = {text: id for id, text in enumerate(texts) if text and IN_WORD.fullmatch(text) and text == text.lower()}
        self._inner, self._inner_ids = Trie(sorted(inner)), [inner[text] for text in sorted(inner)]
        self._spaced, self._bare = ((np.flatnonzero(nodes), nodes[nodes != 0]) for nodes in (self.spaced, self.bare))
        self._closing_ids = np.flatnonzero(self.closing)
        stops = [id for id in self._closing_ids.tolist() if STANDS.get((texts[id] or " ")[-1]) is Stand.STOPPED]
        self._stopping_ids = np.array(stops, int)

    def begin(self, prompt: str = "", before_lines: tuple[int, ...] = ()) -> "Verse":
        """A poem of which nothing is written yet.

        Args:
          prompt: the beginning of its first line.
          before_lines: ids that stand at the beginning of every line but the first.
        Raises:
          UserError: the prompt is longer than a line of the form.
        """
        return Verse(self, prompt, before_lines)

    @functools.lru_cache(512)  # noqa: B019 - as long as the guide lives, as is meant
    def masks(self, metre: Metre, letter: str, sounds: Sounds) -> Masks:
        """What a line of a letter may go on with."""
        lexicon = self.lexicon
        ends = sounds.of(letter)
        taken = lexicon.ending_in(end for word in sounds.used for end in lexicon.language.ends(word))
        if ends is not None:
            chosen = lexicon.ending_in(ends)
        else:  # a new letter is a new sound, and a line without a rhyme does not rhyme with another letter's
            chosen = (lexicon.may_end if letter == NO_RHYME else lexicon.ending_in(lexicon.rich)) & ~taken
        for word in sounds.used:
            if (number := lexicon.trie.word[lexicon.trie.walk(0, word)]) >= 0:
                chosen[number] = False
        return Masks(self.places[metre], chosen)

    @functools.lru_cache(20_000)  # noqa: B019
    def within(self, node: int) -> tuple[np.ndarray, np.ndarray]:
        """The ids that go on with a word at a node, and the nodes that they lead to."""
        found, stack = [], [(node, 0)]
        while stack:
            at, branch = stack.pop()
            for letter, further in self._inner.children[branch].items():
                if reached := self.lexicon.trie.children[at].get(letter):
                    if (number := self._inner.word[further]) >= 0:
                        found.append((self._inner_ids[number], reached))
                    stack.append((reached, further))
        found.sort()
        return np.array([id for id, _ in found], int), np.array([reached for _, reached in found], int)

    def choices(self, verse: "Verse") -> Choice:
        """The ids that may come next in a poem, and the price of each."""
        if verse.forced:
            return np.array(verse.forced[:1]), np.zeros(1, np.float32)
        return self._choices_at(verse.position)

    @functools.lru_cache(MOST_KEPT)  # noqa: B019
    def _choices_at(self, at: "Position") -> Choice:
        ids, costs = self._find(at, self.masks(at.metre, at.letter, at.sounds))
        return ids, WORD_PRICE * costs.astype(np.float32)

    def _find(self, at: "Position", masks: Masks) -> Choice:
        """The ids, and what the metre has against the words that they begin or go on with, beyond what it had."""
        places, nodes = self.places[at.metre], masks.open
        least, of_words = places.costs_from(at.places)
        if at.stand is Stand.LINE_START:
            return self._words(self._bare, nodes, at.places, least)
        parts: list[Choice] = []
        open_at, price = at.places, 0.0
        if at.node:
            ids, reached = self.within(at.node)
            good = (nodes[reached] & at.places) != 0
            parts.append((ids[good], (least[reached] - least[at.node])[good]))
            word = self.lexicon.trie.word[at.node]
            open_at = masks.places_after(word, at.places) if word >= 0 else 0
            price = float(of_words[word] - least[at.node]) if word >= 0 else 0.0
        if open_at:
            least, _ = places.costs_from(open_at & places.inner)
            after = [self._words(self._spaced, nodes, open_at & places.inner, least)]
            if at.stand is Stand.DASH:
                after.append(self._words(self._bare, nodes, open_at & places.inner, least))
            if at.stand is Stand.WORD:
                # After the last word of a poem comes nothing but a full stop or the like.
                ids = self._stopping_ids if at.is_last and not open_at & places.inner else self._closing_ids
                after.append((ids, np.zeros(len(ids), np.float32)))
            if open_at & places.ends and (at.stand is Stand.STOPPED or not at.is_last):
                after.append((np.array([self.newline]), np.zeros(1, np.float32)))
            parts += [(ids, costs + price) for ids, costs in after]
        return _joined(parts)

    @staticmethod
    def _words(some: tuple[np.ndarray, np.ndarray], nodes: np.ndarray, places: int, least: np.ndarray) -> Choice:
        """The ids among some, with the nodes that they lead to, that begin a word where the line is."""
        ids, reached = some
        good = np.flatnonzero(nodes[reached] & places)
        return ids[good], least[reached[good]]


class Verse:
    """A poem while it is written.

    Attributes:
      line: the number of the line, from 0; that of the form's lines at the end.
      text: the line so far.
      node: of the trie, within a word; 0 outside.
      places: where the line stands, as bits.
      sounds: the rhymes so far.
      forced: ids that come next whatever the model would have.
    """

    def __init__(self, guide: Guide, prompt: str, before_lines: tuple[int, ...]):
        self.guide, self.before_lines = guide, before_lines
        self.line, self.sounds = 0, Sounds()
        self.forced: tuple[int, ...] = ()
        self._begin_line()
        if prompt.strip():
            self._go_on_from(prompt)

    def copy(self) -> "Verse":
        """The same poem, to be continued in another way."""
        return copy.copy(self)

    @property
    def ended(self) -> bool:
        """Whether the poem has all its lines."""
        return self.line == len(self.guide.form.scheme)

    @property
    def is_last(self) -> bool:
        """Whether the line is the last one, which ends in a full stop or the like."""
        return self.line == len(self.guide.form.scheme) - 1

    @property
    def metre(self) -> Metre:
        return self.guide.form.metres[self.line]

    @property
    def letter(self) -> str:
        return self.guide.form.scheme[self.line]

    @property
    def position(self) -> Position:
        """Where it stands, for `Guide`."""
        return Position(self.metre, self.letter, self.sounds, self.node, self.places, self.stand, self.is_last)

    @property
    def mark(self) -> tuple[int, int]:
        """How far the poem is: its line, and how many pairs of beats of it are done, or four syllables."""
        if self.ended:
            return self.line, 0
        done = self.metre.pattern[: max(self.places.bit_length() - 1, 0)]
        beats, most = (done.count("s"), self.metre.size) if self.metre.foot else (len(done) // 2, self.metre.size // 2)
        return self.line, min(beats, max(most - 1, 0)) // 2  # more marks would make particles wait for each other

    def choices(self) -> Choice:
        """The ids that may come next, and what the metre has against each: int and float32 [any number]."""
        return self.guide.choices(self)

    def take(self, id: int) -> float:
        """Goes on with an id that may come next; what speaks for the line that it ends, in nats."""
        guide = self.guide
        if self.forced:
            self.forced = self.forced[1:]
            return 0.0
        if id == guide.newline:
            self._end_word()
            return self._end_line()
        text = guide.texts[id] or ""
        self.text += text
        if guide.closing[id]:
            self._end_word()
            self.stand = STANDS.get(text[-1], Stand.CLOSED)
        elif guide.spaced[id]:
            self._end_word()
            self.node, self.stand = int(guide.spaced[id]), Stand.WORD
        else:
            self.node, self.stand = guide.lexicon.trie.walk(self.node, text.lower()), Stand.WORD
        return 0.0

    def _begin_line(self) -> None:
        self.text, self.word, self.node, self.stand = "", "", 0, Stand.LINE_START
        if not self.ended:
            self.places = self.guide.places[self.metre].starts

    def _go_on_from(self, prompt: str) -> None:
        """The beginning of a line in words of the user's own, of which only the syllables are counted."""
        for word in words(prompt):
            lengths = {len(way) for way in self.guide.lexicon.language.ways(word)}
            self.places = functools.reduce(int.__or__, (self.places << length for length in lengths))
            self.word = word
        places = self.guide.places[self.metre]
        self.places &= places.inner | places.ends
        if not self.places:
            raise UserError(f"{prompt!r} is longer than a line of {self.metre}; shorten it, or end it by a line end")
        last = prompt.rstrip()[-1]
        self.text = prompt
        self.stand = STANDS.get(last, Stand.CLOSED if CLOSING.fullmatch(last) else Stand.WORD)

    def _end_word(self) -> None:
        if self.node:
            number = self.guide.lexicon.trie.word[self.node]
            masks = self.guide.masks(self.metre, self.letter, self.sounds)
            self.places = masks.places_after(number, self.places)
            self.word, self.node = self.guide.lexicon.words[number], 0

    def _end_line(self) -> float:
        lexicon = self.guide.lexicon
        gain = line_gain(self.text, self.metre, lexicon.language)
        self.sounds = self.sounds.after(self.letter, self.word, lexicon)
        self.line += 1
        self._begin_line()
        if not self.ended:
            empty = (self.guide.newline,) if self.line in self.guide.form.breaks else ()
            self.forced = empty + self.before_lines
        return gain


def line_gain(line: str, metre: Metre, language: Language = ENGLISH) -> float:
    """What speaks for a line in a metre, in nats: nothing, or less."""
    if not metre.foot:
        return 0.0
    ways = stress.joined_ways([language.ways(word) for word in words(line)])
    costs = {foot: reading.cost for foot, (reading,) in feet.read_ways([ways]).items()}
    return -LINE_PRICE * costs[metre.foot] - FOOT_PRICE * (costs[metre.foot] - min(costs.values()))


def _union(after: np.ndarray, places: int) -> int:
    """The places, as bits, that int32 [places] leads to from some of them."""
    found = 0
    for place, reached in enumerate(after.tolist()):
        if places >> place & 1:
            found |= reached
    return found


def _joined(parts: list[Choice]) -> Choice:
    """Choices of different ids as one."""
    if not parts:
        return NOTHING
    ids, prices = zip(*parts, strict=True)
    return np.concatenate(ids), np.concatenate(prices)
