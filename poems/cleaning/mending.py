"""Mending a text: its letters, its signs, its furniture, its spaces.

Each function takes a whole text and gives it back mended. Most verse is ASCII and needs nothing, so each looks first,
as quickly as it can, whether there is anything to do.
"""

import functools
import math
import re

# Control characters but tabs, line ends and form feeds, which are page breaks.
CONTROLS = bytes(code for code in range(32) if code not in b"\t\n\f") + b"\x7f"
ENTITY = re.compile(r"&#?\w{2,24};")
SOUND = re.compile("[ -%'-~“”‘’–—…]*")  # What is never wrongly decoded, nor to be joined.  # noqa: RUF001

QUOTES = {"“": '"', "”": '"', "„": '"', "‟": '"', "‘": "'", "’": "'", "‚": "'", "‛": "'", "´": "'", "`": "'"}  # noqa: RUF001
DASHES = {" – ": " -- ", "—": "--", "―": "--", "⸺": "----", "–": "-", "‒": "-", "‐": "-", "‑": "-", "−": "-"}  # noqa: RUF001
DASHES |= {"…": "..."}
BLANKS = "\u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u202f\u205f\u3000"
INVISIBLE = dict.fromkeys("\u00ad\u200b\u2060\ufeff", "")  # soft hyphens and spaces of no width
TAB = 4  # spaces: with the usual eight an indented line would run off the page
STEP = 2  # spaces of one level of indentation
MOST_STEP = 8  # spaces; deeper indentation is no step but a place on the page
SLIPS = 20  # lines, of which one or none begins with a single space, if that is a slip

# The marks of Project Gutenberg have been spelled in many ways since 1991.
LICENCE_START = r"(?:\*{3} ?START OF (?:THE |THIS )?PROJECT GUTENBERG|\*END[ *]*THE SMALL PRINT)"
LICENCE_END = (
    r"(?:\*{3} ?END OF (?:THE |THIS )?PROJECT GUTENBERG|\*{3} ?START: FULL LICENSE"
    r"|(?:This is the )?End of (?:the |this )?Project Gutenberg)"
)
LICENCE_TITLE = r"\**(?:The )?Project Gutenberg(?:'s)? E-?(?:text|book)(?:,| of|:) "  # the first line of old books
TITLE = re.compile(rf"(?<![^\n])[ \t]*+{LICENCE_TITLE}", re.I)
START = re.compile(rf"(?<![^\n])[ \t]*+{LICENCE_START}[^\n]*+", re.I)
END = re.compile(rf"(?<![^\n])[ \t]*+{LICENCE_END}", re.I)

PAGE = r"(?:\[(?:Pg|Page|p\.) ?[\divxlc]{1,7}\]|\{(?:Pg |Page |p\. ?)?\d{1,4}\})"
PICTURE = r"\[Illustration[^\]]{0,1000}\]"
PAGE_LINE = re.compile(
    rf"\n[ \t]*+(?:{PAGE}|{PICTURE}|(?:page|pg\.?|p\.) ?\d{{1,4}}|[-–—~] ?\d{{1,4}} ?[-–—~])[ \t]*+(?=\n)",  # noqa: RUF001
    re.I,
)
NOTE = r"\[(?:\d{1,4}|(?-i:[A-Z])(?!\]\w))\]"  # not that of "[A]nd"
# A mark in a line goes with the space before it, one that begins a line with the space after it.
MARK = re.compile(rf"(?<![^\n])(?:{PAGE}|{NOTE}) ?| ?(?:{PAGE}|{NOTE})", re.I)
NUMBER_AT_END = re.compile(r"\d{1,4}[ \t]*+$", re.M)
STARS = re.compile(r"\n[ \t]*+(?:[*·•][ \t]*+){2,}+(?=\n)")
UNDERSCORE = re.compile(r"(?<!_)_(?!_)")
# A capital and a quote or dash after it, as in CAFÉ”, which wrongly decoded UTF-8 would also be written with. What it
# would then stand for, IPA, Armenian, Syriac and the like, is not in verse; Latin, Greek and Cyrillic letters may be.
CAPITAL_AND_QUOTE = re.compile("([ÆÇÈÉÊËÌÍÒÓÔÕÖ×ØÙÚÛÜÝÞß])(?=[“”„‘’‚–—…])")  # noqa: RUF001
APART = "\ue000"  # A private character, which keeps the two apart while a line is mended.
NESTED = 8  # passes: what is left around furniture may itself look like furniture, as in [[1]2]


def cut_licence(text: str) -> str:
    """Without the header and the licence that Project Gutenberg puts around its books."""
    if "utenberg" not in text and "GUTENBERG" not in text and "SMALL PRINT" not in text:
        return text
    kept: list[str] = []
    start = _start(text, 0)
    while start or not kept:
        place = start.end() if start else 0
        end = END.search(text, place)
        stop = end.start() if end else len(text)
        for other in START.finditer(text, place, stop):  # some books have two marks
            place = other.end()
        kept.append(text[place:stop])
        start = _start(text, stop)
    return "".join(kept) if len("".join(kept)) < len(text) else text


def _start(text: str, place: int) -> re.Match[str] | None:
    """The mark above the next book; the end of the small print is none where the small print stands below the book."""
    start = START.search(text, place)
    if not start or "small print" not in start[0].lower():
        return start
    end = END.search(text, place, start.start())
    return None if end and not TITLE.search(text, end.end(), start.start()) else start


def mend_unicode(text: str) -> str:
    """Letters as they were meant: wrong decodings undone, accents one with their letters, nothing invisible."""
    if text.isascii() and "&" not in text:
        data = text.encode()
        if len(data.translate(None, CONTROLS)) == len(data):
            return text
    fix = _fixer()
    return "\n".join(
        line if SOUND.fullmatch(line) or (_is_plain(line) and not ENTITY.search(line)) else fix(line)
        for line in text.split("\n")
    )


def _is_plain(line: str) -> bool:
    return line.isascii() and line.isprintable()


def straighten_quotes(text: str) -> str:
    """Quotes and apostrophes as a typewriter has them, also those that old files write as ``so''."""
    if "``" in text:
        text = text.replace("``", '"').replace("''", '"')
    return _replaced(text, QUOTES) if "`" in text or not text.isascii() else text


def straighten_dashes(text: str) -> str:
    """Dashes and dots as a typewriter has them: -- and ..."""
    return text if text.isascii() else _replaced(text, DASHES)


def remove_emphasis(text: str) -> str:
    """Without the underscores around _words_ that are in italics in the book."""
    return UNDERSCORE.sub("", text) if "_" in text else text


def remove_furniture(text: str) -> str:
    """Without page and line numbers, marks of notes, rows of stars, braces at the end of lines and the like."""
    return _repeated(_without_furniture, text)


def _without_furniture(text: str) -> str:
    text = PAGE_LINE.sub("", f"\n{text}")
    if "[" in text or "{" in text:
        text = MARK.sub("", text)
    if "}" in text:
        text = "\n".join(map(_without_brace, text.split("\n")))
    if "*" in text or not text.isascii():
        text = STARS.sub("\n", text)
    if "   " in text:
        text = NUMBER_AT_END.sub(_unless_margin, text)
    return text[1:].replace("\f", "")


def tidy_spaces(text: str) -> str:
    """Only plain spaces, none at the end of a line; one empty line between stanzas, none before and after them all."""
    if not text.isascii():
        text = _replaced(text, dict.fromkeys(BLANKS, " "))
    if "\t" in text:
        text = text.expandtabs(TAB)
    lines = "\n".join(map(str.rstrip, text.split("\n"))).strip("\n")
    return re.sub("\n{3,}", "\n\n", lines) + "\n"


def normalize_indentation(text: str) -> str:
    """Indentation without the margin that all lines have, and in steps of two spaces where the steps are larger.

    A single space before a few lines is a slip, and goes. Where only the first line
    has none and all others a wide margin, it was stripped of its own.
    """
    if "\n " not in text and not text.startswith(" "):
        return text
    lines = [line if line.strip(" ") else "" for line in text.split("\n")]
    indents = {i: len(line) - len(line.lstrip(" ")) for i, line in enumerate(lines) if line.startswith(" ")}
    if not indents:
        return "\n".join(lines)
    flush = [i for i, line in enumerate(lines) if line and i not in indents][:2]
    margin = min(indents.values()) if not flush else 0
    if len(flush) == 1 and len(indents) > 1 and flush[0] < min(indents) and min(indents.values()) >= MOST_STEP:
        margin = min(indents.values())
    step = functools.reduce(math.gcd, (indent - margin for indent in indents.values()))
    step = max(size for size in range(1, MOST_STEP + 1) if step % size == 0)
    deepest = max(indents.values()) - margin
    is_slip = deepest == 1 and len(indents) * SLIPS < len(lines)
    for i, indent in indents.items():
        indent -= margin
        if deepest == 1:
            indent = 0 if is_slip else STEP * indent
        elif step > STEP:
            indent = indent // step * STEP
        lines[i] = " " * indent + lines[i].lstrip(" ")
    return "\n".join(lines)


@functools.cache
def _fixer():
    """What mends a line; imported when it is first needed."""
    import ftfy

    # Quotes are another rule's; "<" does not make a poem a web page.
    config = ftfy.TextFixerConfig(uncurl_quotes=False, unescape_html=True, explain=False)

    def fix(line: str) -> str:
        fixed = ftfy.fix_text(CAPITAL_AND_QUOTE.sub(rf"\1{APART}", line), config).replace(APART, "")
        # A soft hyphen may be a part of what was wrongly decoded, so those left over go last.
        return _replaced(fixed, INVISIBLE)

    return lambda line: _repeated(fix, line)


def _repeated(mend, text: str) -> str:
    """The text when mending it again changes nothing, or after `NESTED` passes."""
    for _ in range(NESTED):
        mended = mend(text)
        if mended == text:
            break
        text = mended
    return text


def _replaced(text: str, signs: dict[str, str]) -> str:
    for sign, other in signs.items():
        if sign in text:
            text = text.replace(sign, other)
    return text


def _without_brace(line: str) -> str:
    """Without the brace that joins rhymes at the right margin."""
    bare = line.rstrip()
    return bare[:-1] if bare.endswith("}") and "{" not in bare else line


def _unless_margin(match: re.Match) -> str:
    """Nothing in place of the number of a line, which is three spaces after it."""
    text, start = match.string, match.start()
    begin = text.rfind("\n", 0, start) + 1
    is_margin = text[max(begin, start - 3) : start] == "   " and not text[begin:start].isspace()
    return "" if is_margin else match[0]
