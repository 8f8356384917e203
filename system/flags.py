"""The flags of a script: the fields of one frozen dataclass, with their types, bounds, choices, defaults and help.

    @dataclasses.dataclass(frozen=True, kw_only=True)
    class Request:
        '''Writes new verse.

        Attributes:
          What to write
            prompts: poems to continue.
            out: a file for the samples.
          How much of it
            nsamples: samples of each prompt.
        '''

        prompts: Annotated[tuple[str, ...], "PROMPT..."] = ()  # the arguments that belong to no flag
        out: Annotated[str | None, "FILE.txt"] = None  # the text is how the help writes a value
        nsamples: Annotated[int, AtLeast(1)] = 1
        engine: Literal["lite", "xla"] = "lite"
        given: frozenset[str] = frozenset()  # no flag: the names of the flags that were typed

The docstring has each flag once; a line there that names no flag is the heading of the flags below it.
"""

import dataclasses
import difflib
import inspect
import math
import re
import shutil
import textwrap
import types
import typing
from collections.abc import Callable

from system.errors import UserError

BOOLS = {"True": True, "true": True, "False": False, "false": False}
KINDS = {str: "text", int: "a whole number", float: "a number", bool: "true or false"}
PLACEHOLDERS = {str: "TEXT", int: "N", float: "NUMBER", bool: ""}
GIVEN = "given"
WIDTH = 100  # columns of the help, at most

Value = str | int | float | bool


@dataclasses.dataclass(frozen=True)
class AtLeast:
    """A bound that belongs to the values."""

    bound: float

    def allows(self, value: float) -> bool:
        """Whether a value is within the bound."""
        return value >= self.bound

    def __str__(self) -> str:
        return f"at least {self.bound}"


@dataclasses.dataclass(frozen=True)
class Above(AtLeast):
    """A lower bound that does not belong to the values."""

    def allows(self, value: float) -> bool:
        """Whether a value is above the bound."""
        return value > self.bound

    def __str__(self) -> str:
        return f"above {self.bound}"


@dataclasses.dataclass(frozen=True)
class AtMost(AtLeast):
    """An upper bound that belongs to the values."""

    def allows(self, value: float) -> bool:
        """Whether a value is within the bound."""
        return value <= self.bound

    def __str__(self) -> str:
        return f"at most {self.bound}"


@dataclasses.dataclass(frozen=True)
class Below(AtLeast):
    """An upper bound that does not belong to the values."""

    def allows(self, value: float) -> bool:
        """Whether a value is below the bound."""
        return value < self.bound

    def __str__(self) -> str:
        return f"below {self.bound}"


@dataclasses.dataclass(frozen=True)
class Flag:
    """One flag, or, where `is_rest` is set, the arguments that belong to no flag."""

    name: str
    kind: type[Value]
    default: object
    choices: tuple[str, ...] = ()
    bounds: tuple[AtLeast, ...] = ()
    placeholder: str = ""
    is_rest: bool = False

    @property
    def expected(self) -> str:
        """What a value has to be, in words."""
        *most, last = self.choices or (KINDS[self.kind],)
        return " or ".join(filter(None, (", ".join(most), last)))

    def parse(self, text: str) -> Value:
        """The value that a text means: text letter for letter, numbers and truth values strictly.

        Raises:
          UserError: the text means no such value, or one that is out of bounds.
        """
        try:
            value = BOOLS[text] if self.kind is bool else self.kind(text)
        except (KeyError, ValueError):
            value = math.nan
        if isinstance(value, float) and not math.isfinite(value):
            raise UserError(f"--{self.name} is {text!r}, expected {self.expected}")
        self.check(value)
        return value

    def check(self, value: object) -> None:
        """Raises a UserError for a value that is out of bounds or none of the choices; None is always allowed."""
        if self.choices and value is not None and value not in self.choices:
            raise UserError(f"--{self.name} is {value}, expected {self.expected}")
        for bound in self.bounds:
            if isinstance(value, (int, float)) and not bound.allows(value):
                raise UserError(f"--{self.name} is {value}, expected {bound}")


def check_flags(settings: object) -> None:
    """Checks the bounds and choices of a dataclass of flags, for its `__post_init__`: Python code may have made it.

    Raises:
      UserError: naming the flag, its value and what it may be.
    """
    for flag in flags_of(type(settings)).values():
        flag.check(getattr(settings, flag.name))


def unknown_flag(typed: str, names: typing.Iterable[str], prefix: str = "", help_of: str = "--help") -> UserError:
    """The error of a flag that is none, with the nearest of these names.

    Args:
      typed: the flag, as it was written.
      names: of the flags that there are.
      prefix: what is written before a name.
      help_of: where all are listed, if none is near.
    """
    name = typed.lstrip("-").replace("-", "_")
    near = difflib.get_close_matches(name, list(names), n=1)
    return UserError(f"unknown flag {typed}; " + (f"did you mean {prefix}{near[0]}?" if near else f"see {help_of}"))


def carrier_of(main: Callable[..., None]) -> type | None:
    """The dataclass whose fields are the flags of a script's function; None for a function whose parameters are."""
    hints = [hint for name, hint in typing.get_type_hints(main).items() if name != "return"]
    if len(hints) == 1 and dataclasses.is_dataclass(hints[0]) and isinstance(hints[0], type):
        return hints[0]
    return None


def flags_of(carrier: Callable[..., object]) -> dict[str, Flag]:
    """The flags by their names, from the fields of a dataclass or the parameters of a function."""
    hints = typing.get_type_hints(carrier, include_extras=True)
    found = {}
    for name, parameter in inspect.signature(carrier).parameters.items():
        if name != GIVEN:
            is_rest = parameter.kind is parameter.VAR_POSITIONAL
            found[name] = _flag(name, tuple[str, ...] if is_rest else hints[name], () if is_rest else parameter.default)
    return found


def _flag(name: str, hint: object, default: object) -> Flag:
    bare, notes = _without_notes(hint)
    choices = typing.get_args(bare) if typing.get_origin(bare) is typing.Literal else ()
    is_rest = typing.get_origin(bare) is tuple
    kind = str if choices or is_rest else next((kind for kind in KINDS if kind is bare), None)
    if kind is None:
        raise TypeError(f"{name}: {hint} is the type of no flag")
    placeholder = next((note for note in notes if isinstance(note, str)), "|".join(choices) or PLACEHOLDERS[kind])
    bounds = tuple(note for note in notes if isinstance(note, AtLeast))
    return Flag(name, kind, default, choices, bounds, placeholder, is_rest)


def _without_notes(hint: object) -> tuple[object, tuple[object, ...]]:
    """A type without `| None` and `Annotated`, and what `Annotated` noted."""
    if typing.get_origin(hint) is typing.Annotated:
        inner, *outer_notes = typing.get_args(hint)
        kind, notes = _without_notes(inner)
        return kind, (*notes, *outer_notes)
    if typing.get_origin(hint) in (typing.Union, types.UnionType):
        (inner,) = (kind for kind in typing.get_args(hint) if kind is not types.NoneType)
        return _without_notes(inner)
    return hint, ()


def help_text(carrier: Callable[..., object], script: str) -> str:
    """The whole help of a script: what it does, and each flag with its sentences, bounds and default."""
    flags = flags_of(carrier)
    about, groups = read_docstring(inspect.getdoc(carrier) or "", flags)
    width = min(WIDTH, shutil.get_terminal_size().columns)
    rest = "".join(f" {flag.placeholder}" for flag in flags.values() if flag.is_rest)
    lines = [f"usage: {script}{rest} [--flag VALUE]..."]
    for paragraph in about.split("\n\n"):
        is_laid_out = "\n " in paragraph or paragraph.startswith(" ")
        lines += ["", paragraph if is_laid_out else textwrap.fill(paragraph, width, break_on_hyphens=False)]
    for heading, entries in groups.items():
        lines += ["", heading] if entries else []
        for name, sentences in entries.items():
            flag = flags[name]
            lines.append(f"  {flag.placeholder if flag.is_rest else f'--{name} {flag.placeholder}'.rstrip()}")
            text = " ".join(filter(None, (sentences, _facts(flag))))
            lines.append(textwrap.fill(text, width, initial_indent=" " * 6, subsequent_indent=" " * 6))
    lines += ["", "This script", "  --help", "      Shows this text.", "  --version", "      Prints the version."]
    return "\n".join(lines)


def _facts(flag: Flag) -> str:
    """The bounds and the default of a flag, as sentences."""
    bounds = ", ".join(map(str, flag.bounds)).capitalize()
    has_default = isinstance(flag.default, (str, int, float)) and flag.default not in ("", False)
    zero = isinstance(flag.default, (int, float)) and not isinstance(flag.default, bool)
    default = f"Default: {flag.default}" if has_default or zero else ""
    return " ".join(f"{fact}." for fact in (bounds, default) if fact)


def read_docstring(doc: str, names: typing.Collection[str]) -> tuple[str, dict[str, dict[str, str]]]:
    """The text of a docstring above its flags, and the sentences on each flag, by heading and name.

    Raises:
      ValueError: a flag is missing, is there twice, or does not exist.
    """
    about, *rest = re.split(r"\n(?:Attributes|Args):\n", doc)
    groups: dict[str, dict[str, str]] = {"Flags": {}}
    heading, name, depth = "Flags", "", 0
    for line in filter(str.strip, "".join(rest).split("\n")):
        text, indent = line.strip(), len(line) - len(line.lstrip())
        entry = re.match(r"(\w+): (.*)", text)
        if name and indent > depth:
            groups[heading][name] += f" {text}"
        elif entry:
            name, depth = entry[1], indent
            if name not in names or any(name in group for group in groups.values()):
                raise ValueError(f"the docstring has {text!r}; {name} is no flag, or is there twice")
            groups[heading][name] = entry[2]
        else:
            heading, name = text, ""
            groups[heading] = {}
    if missing := set(names).difference(*groups.values()):
        raise ValueError(f"the docstring lacks {', '.join(sorted(missing))}")
    return about.strip(), groups
