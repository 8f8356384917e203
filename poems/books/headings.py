"""Headings: which blocks of a book are titles, and what its list of contents says of them."""

import difflib
import itertools
import re
import unicodedata
from collections.abc import Sequence

from poems.books.blocks import Block, is_capitals, is_note, is_ornament, is_prose, is_table, numeral, roman

LONGEST_LINE = 75  # of a heading; the books' lines are no longer than that
LIKE = 0.9  # of two titles that differ by a misprint, by difflib's measure: "Tristitæ" and "Tristitiæ" have 0.95
CONTENTS = frozenset({"contents", "tableofcontents", "tabledesmatieres", "table", "inhalt"})
# Lists and notes whose lines look like verse; their name alone tells.
NOT_VERSE = CONTENTS | {
    *("index", "indexoffirstlines", "indexoftitles", "illustrations", "listofillustrations", "errata", "bibliography"),
    *("notes", "note", "footnotes", "endnotes", "glossary", "transcribersnote", "transcribersnotes", "advertisements"),
}
# Small words that a title leaves small; of others only those of three letters or fewer.
SMALL = frozenset(
    (
        *("with", "from", "upon", "into", "over", "unto", "after", "amid", "near", "when", "than"),
        *("dans", "pour", "avec", "sous", "della"),
    )
)
DEDICATION = re.compile(
    r"[(\[\"\u201c\u2018_«]|(?:TO|FOR|BY|AFTER|FROM|IN MEMORIAM|INSCRIBED|DEDICATED|A|À|PAR|POUR) (?!THE )"
    r"|(?:[A-Z]\. ?)+[A-Z]?$"  # initials
)
# No pattern begins with what it could begin with again a sign later: that would make long lines quadratic.
PAGE = re.compile(r"(?<=[\s.·])(?:\d+|[ivxlc]+)$")
YEARS = re.compile(r"\([^\w()]*(?:\d{4}[^\w()]*)+\):?|:$")
NUMBERED = re.compile(r"(?:.*: *)?([IVXLC]+)\. +(.*)")


def fold(text: str) -> str:
    """The letters and digits of a text, small and without accents: titles that are the same fold to the same."""
    decomposed = unicodedata.normalize("NFKD", text.replace("æ", "ae").replace("Æ", "AE").replace("œ", "oe"))
    return "".join(character for character in decomposed.casefold() if character.isalnum())


def title_of(block: Block) -> str:
    """The title that a block gives: in one line, without its number, its stop and the underscores for italics."""
    lines = [line.strip() for line in block.lines]
    if has_number(block):
        lines = lines[1:]
    text = " ".join(" ".join(lines).replace("_", "").split())
    if match := NUMBERED.fullmatch(text):
        text = match[2]
    return text.removesuffix(".") if is_capitals(text) and not text.endswith("..") else text


def has_number(block: Block) -> bool:
    """Whether a number stands in a line of its own above a title: "II", "_12"."""
    first = block.lines[0].strip().strip("_")
    return len(block.lines) > 1 and bool(roman(first) or re.fullmatch(r"\d{1,3}\.?", first))


def without_page(entry: str) -> str:
    """An entry of a list of contents without the number of its page, which dots or spaces lead to."""
    name = PAGE.sub("", entry)
    bare = name.rstrip(" .·\t\xa0")
    leaders = name[len(bare) :]
    return bare if name != entry and len(leaders) >= (2 if leaders.isspace() else 3) else entry


class Contents:
    """A list of contents: whether a title is in it, and how it spells it; the book's own title it only spells."""

    def __init__(self, blocks: Sequence[Block], title: str = ""):
        lines = [line for block in blocks for line in block.lines]
        entries = [" ".join(YEARS.sub("", without_page(line.strip())).split()) for line in lines]
        entries = [entry for entry in entries if any(map(str.isalpha, entry)) and fold(entry) not in CONTENTS]
        # An entry may continue in the next line; it may also have a number, which the heading has in another place.
        joined = [" ".join(pair) for pair in itertools.pairwise(entries)]
        numbered = [match[2] for entry in entries if (match := NUMBERED.fullmatch(entry))]
        self._spellings: dict[str, str] = {}
        for entry in (*numbered, *entries, *joined):
            self._spellings.setdefault(fold(entry), entry)
        self._listed = frozenset(self._spellings)
        self._spellings.setdefault(fold(title), title)

    def __contains__(self, title: str) -> bool:
        return fold(title) in self._listed

    def spell(self, title: str) -> str:
        """The title as the list has it, or nearly so, if the heading has only capitals; else as it is."""
        if not is_capitals(title):
            return title
        folded = fold(title)
        if folded in self._spellings:
            return self._spellings[folded]
        near = difflib.get_close_matches(folded, self._spellings, n=1, cutoff=LIKE)
        return self._spellings[near[0]] if near else title


def find_contents(blocks: Sequence[Block]) -> tuple[int, int]:
    """The first block of the list of contents and the first one after it; both 0 if there is none.

    The list ends where a title in it comes again, where prose or verse begins, or with a wide gap; or it is the last
    thing in the book.
    """
    start = next((i for i, block in enumerate(blocks) if fold(block.lines[0].partition("PAGE")[0]) in CONTENTS), None)
    if start is None:
        return 0, 0
    seen: set[str] = set()
    for i, block in enumerate(blocks[start:], start):
        own = {fold(PAGE.sub("", line.strip())) for line in block.lines}
        again = len(block.lines) <= 2 and fold(title_of(block)) in seen
        is_text = is_prose(block) or (block.gap >= 2 and sum(line.endswith((",", ";")) for line in block.lines) >= 2)
        if i > start + 1 and (is_text or block.gap >= 4 or (block.gap >= 2 and again)):
            return start, i
        seen |= own - {""}
    return (start, len(blocks)) if start > len(blocks) // 2 else (0, 0)


def is_heading(block: Block, follows_heading: bool, wanted_gap: int, contents: Contents) -> bool:
    """Whether a block is a title, a title of a section or a subtitle; Roman numerals alone are not.

    Args:
      follows_heading: whether the block before is a heading or a numeral.
      wanted_gap: how many empty lines this book leaves before its titles.
    """
    last = block.lines[-1].rstrip()
    if len(block.lines) > 4 or max(map(len, block.lines)) > LONGEST_LINE or last.endswith((",", ";", ":")):
        return False
    if is_ornament(block) or is_note(block) or is_table(block) or numeral(block) is not None:
        return False
    if has_number(block):
        return block.gap > 0 and (is_capitals(block.text) or is_title_case(block.lines[1]))
    if block.gap < wanted_gap and not follows_heading:
        return False
    title = title_of(block)
    if title in contents:
        return True
    if is_capitals(block.text):
        # A place and a date below a poem, in capitals and with a stop, stand close to it.
        return follows_heading or block.gap > 1 or not last.endswith(".")
    return len(block.lines) <= 2 and not last.endswith(".") and is_title_case(title)


def is_title_case(text: str) -> bool:
    """Whether all words begin with capitals, but for the small ones."""
    words = re.findall(r"[^\W\d_][\w'\u2019-]*", text)
    small = [word for word in words[1:] if word[0].islower()]
    return bool(words) and words[0][0].isupper() and all(len(word) <= 3 or word in SMALL for word in small)


def usual_gap(blocks: Sequence[Block]) -> int:
    """How many empty lines a book leaves before its titles: two at least, or one where it has none with two."""
    capitals = [block.gap for block in blocks if len(block.lines) <= 2 and is_capitals(block.text)]
    return 2 if sum(gap >= 2 for gap in capitals) * 3 >= len(capitals) else 1


def choose_title(stack: Sequence[Block], contents: Contents) -> tuple[str, int, int]:
    """The title among the headings that stand one below the other, and which of them it takes: first and end.

    What stands before it are titles of sections; what stands after it, subtitles and dedications.
    """
    titles = [title_of(block) for block in stack]
    for i in reversed(range(len(stack))):
        if titles[i] in contents and numeral(stack[i]) is None:
            return contents.spell(titles[i]), i, i + 1
        if i and (both := f"{titles[i - 1]} {titles[i]}") in contents:
            return contents.spell(both), i - 1, i + 1
    end = len(stack)
    while end > 1 and (DEDICATION.match(titles[end - 1]) or stack[end - 1].indent >= stack[end - 2].indent + 8):
        end -= 1
    return contents.spell(titles[end - 1]), end - 1, end
