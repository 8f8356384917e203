"""Cleaning: rules with names, each of which can be switched, and an account of what each did."""

import collections
import dataclasses
import operator
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from typing import NamedTuple

import numpy as np

from poems.cleaning import detection, mending
from poems.cleaning.counts import Counts, Example
from poems.poem import Poem
from system.errors import UserError


class Rule(NamedTuple):
    """A rule, and the layouts in which it is on unless it is switched."""

    name: str
    what: str
    layouts: tuple[str, ...]


# In the order in which they are applied, the last two once all poems are read. In the layout `plain`, nothing that
# changes letters or signs is on.
RULES = (
    Rule("licence", "cuts the headers and licences of Project Gutenberg's books", ("plain", "prefix", "poem")),
    Rule(
        "unicode",
        "mends wrongly decoded letters, joins accents to letters, drops control and invisible characters",
        ("prefix", "poem"),
    ),
    Rule("quotes", "straightens quotes and apostrophes", ("prefix", "poem")),
    Rule("dashes", "straightens dashes, to --, and dots, to ...", ("prefix", "poem")),
    Rule("emphasis", "removes the underscores around _italics_", ("prefix", "poem")),
    Rule("furniture", "removes page and line numbers, marks of notes and pictures, rows of stars", ("prefix", "poem")),
    Rule(
        "spaces",
        "turns tabs and spaces of all kinds into plain ones, removes those that end lines and superfluous empty lines",
        ("plain", "prefix", "poem"),
    ),
    Rule("indentation", "takes off the margin, and makes the steps of indentation two spaces", ("prefix", "poem")),
    Rule("prose", "flags prose that is broken into lines, as prefaces and notes are", ("plain", "prefix", "poem")),
    Rule("drop_prose", "drops it, but not from a poem that is a row of a table", ("prefix", "poem")),
    Rule("foreign", "flags passages in other languages than English", ("plain", "prefix", "poem")),
    Rule("drop_foreign", "drops them", ()),
    Rule("empty", "drops what has no letters", ("plain", "prefix", "poem")),
    Rule("duplicates", "drops poems that are in the corpus already, or nearly", ("plain", "prefix", "poem")),
    Rule(
        "inside",
        "drops poems without a title that a longer text contains, and long texts that poems with titles contain",
        ("plain", "prefix", "poem"),
    ),
)

MENDING: dict[str, Callable[[str], str]] = {
    "licence": mending.cut_licence,
    "unicode": mending.mend_unicode,
    "quotes": mending.straighten_quotes,
    "dashes": mending.straighten_dashes,
    "emphasis": mending.remove_emphasis,
    "furniture": mending.remove_furniture,
    "spaces": mending.tidy_spaces,
    "indentation": mending.normalize_indentation,
}
MEASURES: dict[str, Callable[[Sequence[str]], np.ndarray]] = {"prose": detection.prose, "foreign": detection.foreign}
ALL = "all"  # means all rules when they are switched
OF_NAMES = ("unicode", "quotes", "dashes")  # what is done to titles and authors too
WHOLE = ("empty", "duplicates", "inside")  # what drops whole poems, and never lines of one
LEAST_LEFT = 0.5  # of its lines; a poem that has lost more is dropped whole


def choose_rules(layout: str, on: Iterable[str] = (), off: Iterable[str] = ()) -> tuple[str, ...]:
    """The names of the rules for a layout, with some switched on or off, in their order; `all` off is but those on.

    Raises:
      ValueError: there is no such rule, or one is switched both ways.
    """
    on, off = set(on), set(off)
    names = [rule.name for rule in RULES]
    for name in sorted((on | off) - {ALL}):
        if name not in names:
            raise UserError(f"{name}: no such cleaning rule, expected some of {', '.join(names)}")
    if on & off:
        raise UserError(f"{', '.join(sorted(on & off))}: switched on and off, expected one of the two")
    by_default = {rule.name for rule in RULES if layout in rule.layouts and ALL not in off}
    chosen = set(names) if ALL in on else (by_default - off) | on
    return tuple(name for name in names if name in chosen - off)


def clean_all(poems: Iterable[Poem], rules: Collection[str], counts: Counts) -> Iterator[Poem]:
    """The poems of a source, cleaned; of a poem in parts the last one comes too, if only as an empty text."""
    goes_on = False
    for poem in poems:
        cleaned = clean(poem, rules, counts)
        if cleaned is None and goes_on:
            counts.keep("")
            cleaned = dataclasses.replace(poem, text="")
        if cleaned is not None:
            yield cleaned
        goes_on = poem.more


def clean(poem: Poem, rules: Collection[str], counts: Counts) -> Poem | None:
    """The poem, or a part of one, cleaned by the rules of these names; None where nothing is left of it.

    A part with more to come is given even with an empty text. `counts` takes note of everything that was done.
    """
    counts.read(poem.text, poem.more)
    text = poem.text
    for name, mend in MENDING.items():
        if name in rules and (mended := mend(text)) != text:
            if name == "licence":
                _note_cut(name, poem, text, mended, counts)
            else:
                _note_change(name, poem, text, mended, counts)
            text = mended
    for name in MEASURES:
        if name in rules or f"drop_{name}" in rules:
            text = _judge(name, poem, text, rules, counts)
    if "empty" in rules and not any(map(str.isalpha, text)):
        if text or not poem.text:
            counts.note("empty", "dropped", text.count("\n"), [Example(poem.place, poem.text)])
        text = ""
    if not text and not poem.more:
        return None
    if text and poem.more and poem.text.endswith("\n\n") and not text.endswith("\n\n"):
        text += "\n"  # between the last stanza of this part and the first of the next
    counts.keep(text, poem.more)

    def note(name: str, before: str, after: str) -> None:
        counts.note(name, "retitled", 0, [Example(poem.place, before, after)])

    title, author = (mend_name(name, rules, note) for name in (poem.title, poem.author))
    return dataclasses.replace(poem, text=text, title=title, author=author)


def _judge(name: str, poem: Poem, text: str, rules: Collection[str], counts: Counts) -> str:
    """The text, without what the measure of that name flags if that is to be dropped."""
    lines = text.split("\n")
    flags = MEASURES[name](lines)
    if not flags.any():
        return text
    examples = [Example(poem.place, "\n".join(lines[start:end])) for start, end in _runs(flags)]
    if name in rules:
        counts.note(name, "flagged", int(flags.sum()), examples)
    # A poem in prose, or in free verse of long lines, is one all the same.
    if f"drop_{name}" not in rules or (name == "prose" and poem.is_row):
        return text
    left = [line for line, flag in zip(lines, flags, strict=True) if not flag]
    n_lines, n_left = (sum(map(bool, some)) for some in (lines, left))
    if n_left < LEAST_LEFT * n_lines:
        counts.note(f"drop_{name}", "dropped", n_lines, [Example(poem.place, text)])
        return ""
    counts.note(f"drop_{name}", "dropped", int(flags.sum()), examples)
    return mending.tidy_spaces("\n".join(left))


def _runs(flags: np.ndarray) -> Iterator[tuple[int, int]]:
    """The first of each run of flags, and the one after its last."""
    edges = np.flatnonzero(np.diff(flags, prepend=False, append=False))
    return zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True)


def _note_change(rule: str, poem: Poem, before: str, after: str, counts: Counts) -> None:
    """Notes how many lines are no longer as they were, and the first of them."""
    lines, mended = before.split("\n"), after.split("\n")
    if len(lines) == len(mended):
        n_lines = sum(map(operator.ne, lines, mended))
    else:
        n_lines = (collections.Counter(lines) - collections.Counter(mended)).total()
    pairs = ((a, b) for a, b in zip(lines, mended, strict=False) if a != b)
    line, other = next(pairs, (lines[-1], mended[-1]))
    counts.note(rule, "changed", n_lines, [Example(poem.place, line, other if len(lines) == len(mended) else "")])


def _note_cut(rule: str, poem: Poem, before: str, after: str, counts: Counts) -> None:
    """Notes how many lines were cut off, and those at the beginning, or if there are none at the end."""
    start = before.find(after)
    cut = before[: start if start > 0 else None] if start else before[len(after) :]
    counts.note(rule, "dropped", before.count("\n") - after.count("\n"), [Example(poem.place, cut)])


def mend_name(text: str, rules: Collection[str], note: Callable[[str, str, str], object] = lambda *_: None) -> str:
    """A title or an author, whose letters and signs are mended as those of the poem are, so that they match.

    Args:
      note: takes the name of each rule that does something, the text before it and after it.
    """
    for name in OF_NAMES:
        if name in rules and (mended := MENDING[name](text)) != text:
            note(name, text, mended)
            text = mended
    return text
