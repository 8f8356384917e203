"""Forms as data: a rhyme scheme and a metre, or numbers of syllables. data/forms.json has those with names.

    {"ballad": {"scheme": "xAxA xBxB", "metre": "iambic4,3,4,3"}, "haiku": {"scheme": "xxx", "syllables": "5,7,5"}}

Lines with one letter rhyme, x rhymes with none, a space is an empty line between stanzas. The numbers of beats, or of
syllables, begin again where there are more lines.
"""

import dataclasses
import functools
import itertools
import os
import re

from poetics.metre.feet import FEET
from poetics.sounds.dictionary import DATA
from system import files
from system.errors import UserError

NO_RHYME = "X"
LONGEST_LINE = 24  # syllables
MOST_LINES = 200
KINDS = {"scheme": str, "metre": str, "syllables": str}
UNITS = {"iambic": "ws", "trochaic": "sw", "anapestic": "wws", "dactylic": "sww"}  # s on a beat, w off it
ANY = "*"  # a syllable on a beat or off it


@dataclasses.dataclass(frozen=True)
class Metre:
    """What the syllables of a line are to be.

    Attributes:
      foot: of FEET; empty where only the syllables are counted.
      size: how many beats, or syllables.
    """

    foot: str
    size: int

    @property
    def pattern(self) -> str:
        """A letter a syllable: s on a beat, w off it, ANY where it may be either."""
        return UNITS[self.foot] * self.size if self.foot else ANY * self.size

    @property
    def starts(self) -> tuple[int, ...]:
        """The places of the pattern at which a line may begin: anapests may lack their first syllable."""
        return (0, 1) if self.foot == "anapestic" else (0,)

    @property
    def ends(self) -> tuple[int, ...]:
        """How many syllables of the pattern a line may have: the weak ones after the last beat may be missing."""
        n = len(self.pattern)
        return tuple(range(n, self.pattern.rindex("s"), -1)) if self.foot else (n,)

    def __str__(self) -> str:
        return f"{self.foot}{self.size}" if self.foot else f"{self.size} syllables"


@dataclasses.dataclass(frozen=True)
class Form:
    """A form.

    Attributes:
      scheme: a letter a line.
      metres: of each line.
      breaks: the numbers of the lines, from 0, that an empty line stands before.
    """

    scheme: str
    metres: tuple[Metre, ...]
    breaks: frozenset[int] = frozenset()

    def __str__(self) -> str:
        return f"{self.scheme} {', '.join(map(str, self.metres))}"


def find_form(name: str = "", scheme: str = "", metre: str = "", syllables: str = "", path: str | None = None) -> Form:
    """A form by its name, or by what it asks; what is given besides a name replaces that of the named form.

    Args:
      path: a file of more forms, as data/forms.json is.
    Raises:
      UserError: no such form, or something that is no scheme, metre or number of syllables.
    """
    described = _named(name, path) if name else {}
    if metre and syllables:
        raise UserError("--metre and --syllables are both given, expected one of them")
    if metre or syllables:
        described = {"scheme": described.get("scheme", ""), "metre": metre, "syllables": syllables}
    if scheme:
        described |= {"scheme": scheme}
    return _form(described)


def named_forms(path: str | None = None) -> dict[str, dict[str, str]]:
    """What the forms of the package and of a user's file ask, by their names.

    Raises:
      UserError: the file does not hold forms.
    """
    return _read(os.path.join(DATA, "forms.json")) | (_read(path) if path else {})


@functools.cache
def _read(path: str) -> dict[str, dict[str, str]]:
    expected = 'forms such as {"tanka": {"scheme": "xxxxx", "syllables": "5,7,5,7,7"}}'
    found = files.read_json(path, expected, "write it so")
    for name, described in found.items():
        if not isinstance(described, dict) or not set(described) <= set(KINDS):
            raise UserError(f"{path}: {name} is no form, expected {expected}; write it so")
        try:
            files.check_keys(described, {key: KINDS[key] for key in described}, expected)
            _form(described)
        except UserError as error:
            raise UserError(f"{path}: {name}: {error}") from None
    return found


def _named(name: str, path: str | None) -> dict[str, str]:
    known = named_forms(path)
    if name not in known:
        raise UserError(f"--form is {name}, expected {', '.join(known)}; --forms adds a file of your own")
    return dict(known[name])


def _form(described: dict[str, str]) -> Form:
    metre, syllables = described.get("metre", ""), described.get("syllables", "")
    if not metre and not syllables:
        raise UserError("a scheme needs --metre, such as iambic5, or --syllables, such as 10")
    metres = _metres(metre) if metre else _syllables(syllables)
    scheme = described.get("scheme", "") or NO_RHYME * len(metres)
    if not re.fullmatch(r"[A-Za-z]+(?: [A-Za-z]+)*", scheme) or len(scheme) > MOST_LINES:
        raise UserError(f"the scheme is {scheme!r}, expected a letter a line, such as ABAB, x for one without a rhyme")
    stanzas = scheme.upper().split()
    breaks = itertools.accumulate(map(len, stanzas[:-1]))
    letters = "".join(stanzas)
    return Form(letters, tuple(itertools.islice(itertools.cycle(metres), len(letters))), frozenset(breaks))


def _metres(text: str) -> list[Metre]:
    match = re.fullmatch(r"([a-z]+)(\d{1,2}(?:,\d{1,2})*)", text)
    if not match or match[1] not in FEET:
        raise UserError(f"the metre is {text!r}, expected one of {', '.join(FEET)} and its beats: iambic5, iambic4,3")
    return [_check(Metre(match[1], int(size)), text) for size in match[2].split(",")]


def _syllables(text: str) -> list[Metre]:
    if not re.fullmatch(r"\d{1,2}(?:,\d{1,2})*", text):
        raise UserError(f"the syllables are {text!r}, expected numbers such as 5,7,5")
    return [_check(Metre("", int(size)), text) for size in text.split(",")]


def _check(metre: Metre, text: str) -> Metre:
    if not 2 <= len(metre.pattern) <= LONGEST_LINE:
        raise UserError(f"a line of {text!r} has {len(metre.pattern)} syllables, expected 2 to {LONGEST_LINE}")
    return metre
