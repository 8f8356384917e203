"""The words of a line, as verse writes them: with the apostrophes that belong to them, without those that quote."""

import functools
import re
import unicodedata

LETTER = r"[^\W\d_]"
TOKEN = re.compile(rf"['\-]*{LETTER}(?:['\-]?{LETTER})*'?")
MARKS = str.maketrans({"’": "'", "‘": "'", "ʼ": "'", "‐": "-", "‑": "-"})  # noqa: RUF001

# Words that begin with an apostrophe: in front of any other word it is taken for a quotation mark.
CLIPPED = frozenset(
    re.findall(
        r"\S+",
        "'bout 'cause 'em 'd 'er 'fore 'gainst 'gan 'gin 'gins 'gree 'im 'is 'it 'larum 'll 'longst 'mid 'midst 'mong"
        " 'mongst 'neath 'pon 'prentice 're 'round 's 'scape 'scaped 'scapes 'st 't 'tis 'twas 'tween 'twere 'twill"
        " 'twixt 'twould 'un 've 'way 'ware 'wildered 'zounds",
    )
)
ENDS = frozenset(
    re.findall(
        r"\S+", "a' an' awa' ca' fa' fu' ha' i' ma' mus' o' ol' ope' pu' sma' t' th' wa' wi' de' lan' han' stan'"
    )
)


def words(line: str) -> list[str]:
    """The words of a line in lower case: `"'Tis o'er!" he said--'Come'` gives 'tis, o'er, he, said, come."""
    if not line.isascii():
        line = unicodedata.normalize("NFC", line).translate(MARKS)
    tokens = TOKEN.findall(line.replace("--", " ").lower())
    return [_without_quotes(token) for token in tokens]


def last_word(line: str) -> str:
    """The last word of a line in lower case; empty where there is none."""
    found = words(line[-40:])  # no last word is longer
    return found[-1] if found else ""


def last_words(lines: list[str]) -> list[str]:
    """The last word of each line."""
    return [last_word(line) for line in lines]


def without_accents(word: str) -> str:
    """A word with plain letters: cafe for café."""
    parts = unicodedata.normalize("NFD", word.replace("æ", "ae").replace("œ", "oe"))
    return "".join(letter for letter in parts if not unicodedata.combining(letter))


@functools.lru_cache(1 << 17)
def _without_quotes(token: str) -> str:
    word = token.lstrip("-")
    if word.startswith("'") and word.rstrip("'") not in CLIPPED and word not in CLIPPED:
        word = word.lstrip("'")
    if word.endswith("'") and not _ends_clipped(word):
        word = word.rstrip("'")
    return word


def _ends_clipped(word: str) -> bool:
    """Whether the apostrophe at the end stands for letters, as in runnin', boys', tho', and closes no quotation."""
    return word.endswith(("in'", "s'", "tho'", "thro'")) or (len(word) <= 4 and word in ENDS)
