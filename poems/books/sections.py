"""Sections of a book: headings with what follows them; whether that is a poem, and which of it."""

import dataclasses
import itertools
import re
import statistics
from collections.abc import Sequence
from typing import NamedTuple

from poems.books.blocks import (
    Block,
    indent_of,
    is_capitals,
    is_centred,
    is_mark,
    is_note,
    is_ornament,
    is_prose,
    is_table,
    numeral,
    small_starts,
)
from poems.books.headings import NOT_VERSE, Contents, choose_title, fold, is_heading, title_of, usual_gap

FEWEST_NUMBERS, FEWEST_LINES = 12, 10  # More numbers than that, of that many lines: sonnets, not parts of a poem.
FAR = 4  # Empty lines; what stands as far below prose has nothing to do with it.
TITLE_PAGE = 8  # Lines of verse that the first section of a book must have, lest its title page be taken for a poem.
YEAR = re.compile(r"1\d{3}")
COLOPHON = re.compile(r"printed (?:by|in|at)\b|_?(?:the end|finis|end)_?\.?$|end of (?:vol|book|part)", re.IGNORECASE)


@dataclasses.dataclass(slots=True)
class Section:
    """Some headings and what follows them up to the next ones.

    Attributes:
      blocks: all of them.
      n_headings: how many of the blocks are headings.
      series: the title of the numbered poems to which it belongs, for one that has only its number.
    """

    blocks: list[Block]
    n_headings: int = 0
    series: str = ""


def split_sections(blocks: Sequence[Block], contents: Contents) -> list[Section]:
    """The blocks of a book in sections.

    Roman numerals begin sections where one in a rising row of them has a title below it, or where they are many and
    each has the length of a poem; elsewhere they number the parts of a poem and stay in its text. A `<|endoftext|>`
    ends a section and is in none.
    """
    headings = _find_headings(blocks, contents)
    numbers = _numbers_of_poems(blocks, headings)
    sections: list[Section] = []
    for i, block in enumerate(blocks):
        if is_mark(block):
            continue
        begins = headings[i] or i in numbers
        is_new = not sections or is_mark(blocks[i - 1])
        has_body = bool(sections) and len(sections[-1].blocks) > sections[-1].n_headings
        if is_new or (has_body and (begins or _is_far_below_prose(block, sections[-1].blocks))):
            sections.append(Section([]))
        sections[-1].blocks.append(block)
        sections[-1].n_headings += begins
        sections[-1].series = numbers.get(i, sections[-1].series)
    return sections


class Cut(NamedTuple):
    """What a section holds: a poem or none, and what is not in it.

    Attributes:
      text: of the poem, with its subtitles, dedications and mottoes; empty if there is none.
      title: of the poem, empty if it has none.
      line: where its title stands.
      dropped: blocks left out, with the reason.
    """

    text: str
    title: str
    line: int
    dropped: list[tuple[str, Sequence[Block]]]


def cut_section(section: Section, contents: Contents, first: bool) -> Cut:
    """Takes the poem out of a section.

    Args:
      first: whether no poem has come before, so that this may be the title page.
    """
    if reason := _why_no_poem(section, first):
        return Cut("", "", section.blocks[0].line, [(reason, section.blocks)])
    stack = section.blocks[: section.n_headings]
    title, start, end = _title(stack, section.series, contents)
    body = section.blocks[end:]
    margin = _margin([block for block in body if _why_not(block) is None])
    reasons = _reasons(body, margin)
    dropped: list[tuple[str, Sequence[Block]]] = [("section titles", stack[:start])] if start else []
    dropped += [(reason, [block]) for reason, block in zip(reasons, body, strict=True) if reason]
    kept = [block for reason, block in zip(reasons, body, strict=True) if not reason]
    text = "\n\n".join(_text(block, margin, block in stack) for block in kept) + "\n"
    return Cut(text, title, section.blocks[start].line, dropped)


def _title(stack: Sequence[Block], series: str, contents: Contents) -> tuple[str, int, int]:
    """The title of a poem, and which of the headings above it give it: first and end."""
    number = max((i for i, block in enumerate(stack) if numeral(block) is not None), default=-1)
    below = stack[number + 1 :]
    if below:
        title, start, end = choose_title(below, contents)
        return title, start + number + 1, end + number + 1
    if not stack:
        return "", 0, 0
    # A poem that has only a number: "A Shropshire Lad, II".
    return ", ".join(filter(None, (contents.spell(series), title_of(stack[-1])))), number, len(stack)


def _find_headings(blocks: Sequence[Block], contents: Contents) -> list[bool]:
    gap = usual_gap(blocks)
    headings: list[bool] = []
    for i, block in enumerate(blocks):
        below_numeral = i > 0 and numeral(blocks[i - 1]) is not None
        below_heading = i > 0 and headings[-1]
        is_year = below_numeral and bool(YEAR.fullmatch(block.text))
        headings.append(is_year or is_heading(block, below_heading or below_numeral, gap, contents))
    return headings


def _numbers_of_poems(blocks: Sequence[Block], headings: Sequence[bool]) -> dict[int, str]:
    """Which blocks are numerals that number poems, and the title above the row of them."""
    rows: list[list[int]] = []
    last = 0
    for i, block in enumerate(blocks):
        if (value := numeral(block)) is None:
            continue
        if not rows or value != last + 1:
            rows.append([])
        rows[-1].append(i)
        last = value
    numbers: dict[int, str] = {}
    for row in rows:
        if _are_poems(row, blocks, headings):
            above = next((blocks[i] for i in reversed(range(row[0])) if headings[i]), None)
            numbers |= dict.fromkeys(row, title_of(above) if above else "")
    return numbers


def _are_poems(row: Sequence[int], blocks: Sequence[Block], headings: Sequence[bool]) -> bool:
    if any(i + 1 < len(blocks) and headings[i + 1] for i in row):
        return True
    lengths = [sum(len(block.lines) for block in blocks[i + 1 : j]) for i, j in itertools.pairwise(row)]
    return len(row) > FEWEST_NUMBERS and statistics.median(lengths) >= FEWEST_LINES


def _is_far_below_prose(block: Block, above: Sequence[Block]) -> bool:
    """Whether a poem without a title begins after prose, as one may before the first titled one."""
    if block.gap < FAR or len(block.lines) < 2 or is_prose(block) or is_centred(block):
        return False
    return any(map(is_prose, above))


def _why_no_poem(section: Section, first: bool) -> str | None:
    headings, body = section.blocks[: section.n_headings], section.blocks[section.n_headings :]
    if any(fold(block.text) in NOT_VERSE for block in headings):
        return "notes and lists"
    rest = [block for block in body if not (is_note(block) or is_ornament(block) or numeral(block))]
    prose = sum(len(block.text) for block in rest if is_prose(block))
    rest = [block for block in rest if not is_prose(block)]
    stanzas = [block for block in rest if not (is_table(block) or is_centred(block) or is_capitals(block.text))]
    # A line alone may be anything; several may be stanzas of one line.
    verse = [block for block in stanzas if len(block.lines) > 1] or (stanzas if len(stanzas) >= 4 else [])
    lines = [line for block in verse for line in block.lines]
    if prose > sum(len(block.text) for block in verse):
        return "prose"
    if first and len(lines) < TITLE_PAGE and (not headings or small_starts(lines) > 0.3):
        return "title page"
    # Two lines below centred ones are a place and a date, two alone an epigram.
    return None if len(lines) > 2 or (lines and len(stanzas) == len(rest)) else "headings alone"


def _reasons(body: Sequence[Block], margin: int) -> list[str | None]:
    """Why each block of a poem's section is to be left out; None for what belongs to the poem."""
    reasons = [_why_not(block) for block in body]
    # In prose below the last stanza there are lines that alone do not tell.
    below_prose = False
    for i in reversed(range(len(body))):
        below_prose |= reasons[i] == "prose"
        if reasons[i] is None and len(body[i].lines) > 1:
            break
        if below_prose and body[i].indent < margin:
            reasons[i] = reasons[i] or "prose"
    for order in (range(len(body)), reversed(range(len(body)))):
        for i in order:
            if reasons[i] is None:
                is_colophon = len(body[i].lines) <= 2 and COLOPHON.match(body[i].text)
                if not (is_ornament(body[i]) or is_colophon):
                    break
                reasons[i] = "ornaments"
    return reasons


def _why_not(block: Block) -> str | None:
    if is_note(block):
        return "notes"
    # A motto is set in; a preface or a note stands at the margin.
    return "prose" if is_prose(block) and not block.indent else None


def _margin(blocks: Sequence[Block]) -> int:
    """How far a poem is indented as a whole; the few lines that are less so are ends of lines that were too long."""
    stanzas = [block for block in blocks if len(block.lines) > 1] or blocks
    indents = sorted(indent_of(line) for block in stanzas for line in block.lines)
    return indents[len(indents) // 10]


def _text(block: Block, margin: int, is_title: bool) -> str:
    """The lines of a block without the margin; numbers, ornaments and subtitles do not keep their place in the page."""
    if is_title or numeral(block) is not None or is_ornament(block):
        return "\n".join(map(str.strip, block.lines))
    return "\n".join(line[min(margin, indent_of(line)) :] for line in block.lines)
