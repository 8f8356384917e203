"""What was done to the poems of one source: how many each rule changed, flagged and dropped, with examples."""

import collections
import itertools
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from poems.poem import Dropped, count_lines

N_EXAMPLES = 5
EXCERPT = 300  # Characters of an example.
VERBS = ("changed", "retitled", "flagged", "dropped")  # retitled: the title or the author was changed


class Example(NamedTuple):
    """Where something was done, the line or the passage before it, and after it unless it was dropped or flagged."""

    place: str
    before: str
    after: str = ""


class Counts:
    """The account of one source. Accounts of its parts, made apart, can be added up in their order.

    Attributes:
      n_poems, n_lines, n_characters: that were read; empty lines are not counted.
      kept: the same three of what was left of them, by name: poems, lines, characters.
      poems, lines: how many something was done to, by rule and verb, one of VERBS.
      examples: the first few, by rule and verb.
      poem_lengths, line_lengths: how many kept poems have each number of lines, and lines each number of characters.
    """

    def __init__(self):
        self.n_poems = self.n_lines = self.n_characters = 0
        self.kept: collections.Counter[str] = collections.Counter()
        self.poems: collections.Counter[tuple[str, str]] = collections.Counter()
        self.lines: collections.Counter[tuple[str, str]] = collections.Counter()
        self.examples: dict[tuple[str, str], list[Example]] = {}
        self.poem_lengths: collections.Counter[int] = collections.Counter()
        self.line_lengths: collections.Counter[int] = collections.Counter()
        self._held = 0  # lines of a poem that continues in another part
        self._goes_on = False  # whether it does
        self._noted: set[tuple[str, str]] = set()  # what was done to it

    def note(self, rule: str, verb: str, n_lines: int, examples: Iterable[Example]) -> None:
        """Something was done to the poem that was read last, or to this part of it, to that many of its lines."""
        self._add(rule, verb, (rule, verb) not in self._noted, n_lines, examples)
        self._noted.add((rule, verb))

    def leave_out(self, dropped: Dropped) -> None:
        """Something of the source was never a poem: a bad row, a preface."""
        n_lines, example = dropped.text.count("\n") + 1, Example(dropped.place, dropped.text)
        self._add(f"not a poem: {dropped.reason}", "dropped", 1, n_lines, [example])

    def read(self, text: str, more: bool = False) -> None:
        """A poem, or a part of one with more to come, was read."""
        if not self._goes_on:
            self._noted.clear()
        self._goes_on = more
        self.n_poems += not more
        self.n_lines += count_lines(text)
        self.n_characters += len(text)

    def keep(self, text: str, more: bool = False) -> None:
        """A poem, or a part of one with more to come, was kept."""
        lengths = list(filter(None, map(len, text.split("\n"))))
        self.line_lengths.update(lengths)
        self._held += len(lengths)
        self.kept["poems"] += not more
        self.kept["lines"] += len(lengths)
        self.kept["characters"] += len(text)
        if not more:
            self.poem_lengths[self._held] += 1
            self._held = 0

    def take_back(self, rule: str, lengths: Sequence[int], n_characters: int, examples: Iterable[Example]) -> None:
        """A poem that was kept is dropped after all.

        Args:
          lengths: the characters of each of its lines that are not empty.
        """
        self._add(rule, "dropped", 1, len(lengths), examples)
        self.kept.subtract({"poems": 1, "lines": len(lengths), "characters": n_characters})
        for counted, gone in ((self.poem_lengths, [len(lengths)]), (self.line_lengths, lengths)):
            for length in gone:
                counted[length] -= 1
                if not counted[length]:
                    del counted[length]

    def add(self, other: "Counts") -> None:
        """Adds the account of what came after in the same source."""
        self.n_poems += other.n_poems
        self.n_lines += other.n_lines
        self.n_characters += other.n_characters
        for name in ("kept", "poems", "lines", "poem_lengths", "line_lengths"):
            getattr(self, name).update(getattr(other, name))
        for key, examples in other.examples.items():
            self.examples[key] = (self.examples.get(key, []) + examples)[:N_EXAMPLES]

    def as_dict(self) -> dict:
        """All of it, as JSON can hold it."""
        return {
            "read": {"poems": self.n_poems, "lines": self.n_lines, "characters": self.n_characters},
            "kept": {name: self.kept[name] for name in ("poems", "lines", "characters")},
            "rules": [
                {
                    "rule": rule,
                    "did": verb,
                    "poems": self.poems[rule, verb],
                    "lines": self.lines[rule, verb],
                    "examples": [example._asdict() for example in examples],
                }
                for (rule, verb), examples in self.examples.items()
            ],
            "poem_lengths": {str(length): self.poem_lengths[length] for length in sorted(self.poem_lengths)},
            "line_lengths": {str(length): self.line_lengths[length] for length in sorted(self.line_lengths)},
        }

    def _add(self, rule: str, verb: str, n_poems: int, n_lines: int, examples: Iterable[Example]) -> None:
        self.poems[rule, verb] += n_poems
        self.lines[rule, verb] += n_lines
        held = self.examples.setdefault((rule, verb), [])
        for place, before, after in itertools.islice(examples, N_EXAMPLES - len(held)):
            held.append(Example(place, _excerpt(before), _excerpt(after)))


def _excerpt(text: str) -> str:
    return text if len(text) <= EXCERPT else f"{text[:EXCERPT]} …"
