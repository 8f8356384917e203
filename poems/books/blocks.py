"""Blocks: the runs of lines of a book between empty lines, and what kind of text each looks like.

Project Gutenberg's books are plain text without marks. What is verse, prose, a list or a heading shows only in how
the lines stand: prose is filled up to a width, verse is not and begins its lines with capitals.
"""

import dataclasses
import re
from collections.abc import Iterable, Iterator, Sequence

from poems.long_texts import END_OF_TEXT

PROSE_WIDTH = 58  # Characters; the books fill prose to 65 to 75, and a block narrower than this is not filled.

NUMERAL = re.compile(r"(?=[IVXLC])(C{0,3})(XC|XL|L?X{0,3})(IX|IV|V?I{0,3})\.?")
ORNAMENT = re.compile(r"[\s*·•.=~#_—-]+")
BRACKETED = re.compile(r"\[.*\]|\{.*\}", re.DOTALL)
FOOTNOTE = re.compile(
    r"\[?(?:footnote|note|transcriber's note)s?\b ?\d*[:.]|\[\d+\]|\*{1,3} ?(?=[\[A-Z])", re.IGNORECASE
)


@dataclasses.dataclass(frozen=True, slots=True)
class Block:
    """Some lines of a book that follow one another.

    Attributes:
      line: where in the file it begins, from 1.
      gap: empty lines before it.
      lines: without line ends and without spaces after them.
    """

    line: int
    gap: int
    lines: tuple[str, ...]

    @property
    def text(self) -> str:
        """Its words in one line."""
        return " ".join(" ".join(self.lines).split())

    @property
    def indent(self) -> int:
        """How far its leftmost line is indented."""
        return min(map(indent_of, self.lines))


def split_blocks(lines: Iterable[str], line: int = 1) -> Iterator[Block]:
    """The blocks of a text, of which the first line has this number.

    A title or a number that stands right above its verse, without an empty line, is a block of its own; so is every
    `<|endoftext|>`, also inside a line.
    """
    held: list[str] = []
    gap, first = 0, line
    for number, whole in enumerate(lines, start=line):
        for text in whole.replace(END_OF_TEXT, f"\n\n{END_OF_TEXT}\n\n").split("\n"):
            if text := text.rstrip():
                first = first if held else number
                held.append(text)
            elif held:
                yield from _split_title(Block(first, gap, tuple(held)))
                gap, held = 1, []
            else:
                gap += 1
    if held:
        yield from _split_title(Block(first, gap, tuple(held)))


def indent_of(line: str) -> int:
    """How many spaces precede a line."""
    return len(line) - len(line.lstrip())


def numeral(block: Block) -> int | None:
    """The number of a block that is a Roman numeral and nothing else."""
    return roman(block.lines[0].strip()) if len(block.lines) == 1 else None


def roman(text: str) -> int | None:
    """The number that a Roman numeral means, with or without a stop: "XIV." -> 14."""
    if not (match := NUMERAL.fullmatch(text)):
        return None
    values = ["IVXLC".index(letter) for letter in "".join(match.groups())]
    worth = [(1, 5, 10, 50, 100)[value] for value in values]
    following = [*worth[1:], 0]
    return sum(-this if this < after else this for this, after in zip(worth, following, strict=True))


def is_mark(block: Block) -> bool:
    """Whether it is `<|endoftext|>`, between two documents."""
    return block.lines[0].strip() == END_OF_TEXT


def is_ornament(block: Block) -> bool:
    """Whether it is stars, dashes and the like."""
    return all(ORNAMENT.fullmatch(line) for line in block.lines)


def is_note(block: Block) -> bool:
    """Whether it is a footnote, a picture's or a transcriber's note."""
    return bool(BRACKETED.fullmatch(block.text) or FOOTNOTE.match(block.text))


def is_table(block: Block) -> bool:
    """Whether half of its lines have columns, as lists of contents and of editions have."""
    columns = sum(bool(re.search(r"\S(?: {3,}|\t|\.{3,} *)\S", line)) for line in block.lines)
    return columns * 2 >= max(len(block.lines), 2)


def is_prose(block: Block) -> bool:
    """Whether its lines are filled: each has no room for the first word of the next, and some begin small.

    A long line of verse that continues in the next line is indented there, and prose is not.
    """
    if len(block.lines) < 2:
        return len(block.text) > PROSE_WIDTH + 25
    width = max(PROSE_WIDTH, *map(len, block.lines))
    pairs = list(zip(block.lines, block.lines[1:], strict=False))
    filled = sum(len(line) + 1 + len(after.split(maxsplit=1)[0]) > width - 3 for line, after in pairs)
    small = [line for line in block.lines[1:] if small_starts([line])]
    if small and min(map(indent_of, small)) > block.indent:
        return False
    return filled >= 0.7 * len(pairs) and small_starts(block.lines[1:]) >= 0.25


def is_centred(block: Block) -> bool:
    """Whether its lines, of different lengths, have one middle, as on title pages and in dedications."""
    middles = [indent_of(line) + len(line.strip()) / 2 for line in block.lines]
    lengths = [len(line.strip()) for line in block.lines]
    return len(lengths) > 1 and max(middles) - min(middles) <= 1.5 and max(lengths) - min(lengths) >= 4


def small_starts(lines: Sequence[str]) -> float:
    """The share of lines whose first letter is a small one."""
    letters = [match[0] for line in lines if (match := re.search(r"[^\W\d_]", line))]
    return sum(map(str.islower, letters)) / max(len(letters), 1)


def is_capitals(text: str) -> bool:
    """Whether it has letters, and only capital ones."""
    return sum(map(str.isalpha, text)) >= 2 and not any(map(str.islower, text))


def _split_title(block: Block) -> Iterator[Block]:
    first, *rest = block.lines
    is_title = roman(first.strip()) or (block.gap > 1 and is_capitals(first))
    if rest and is_title and any(map(str.islower, "".join(rest))):
        yield Block(block.line, block.gap, (first,))
        yield Block(block.line + 1, 0, tuple(rest))
    else:
        yield block
