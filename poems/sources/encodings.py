"""The encoding of a text that declares none: told by whether its letters are those of one language."""

import codecs
import collections
import itertools
import re
from collections.abc import Iterable, Sequence

MARKS = {  # UTF-32 first, since its mark begins with that of UTF-16
    codecs.BOM_UTF32_LE: "utf-32",
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
    codecs.BOM_UTF8: "utf-8",
}
DECLARED = re.compile(rb"Character set encoding:\s*(UTF-8|ISO-8859-1|Windows-1252)\b", re.IGNORECASE)

SIGNS = frozenset("\xa0\xad¡£§©«®°·»½¼¾×¿‐‑–—‘’‚“”„†•…‹›€™")  # of any language  # noqa: RUF001
RARE = "¢¥µ¶±²³÷æÿ"  # of several
# The letters of languages that are not in ASCII, those of one language in a word.
WESTERN = (
    *("àâçéèêëîïôœùûü", "äöüßé", "áéíñóúüï", "áâãàçéêíóôõú", "àáèéíìîòóùú", "åäöéàü", "æøåéòô", "áéíýóúþðæö"),
    *("éèëïöüó", "àèéíïóúüç"),
)
CENTRAL = ("ąćęłńóśźż", "áčďéěíňóřšťúůýž", "áäčďéíĺľňóôŕšťúýž", "áéíóöőúüű", "ăâîșşțţ", "čćđšž", "äëößüç")
BALTIC = ("āčēģīķļņōŗšūž", "ąčęėįšųūž", "äõöüšž")
TURKISH = ("çğıİöşüâîû",)
CYRILLIC = ("абвгдежзийклмнопрстуфхцчшщъыьэюяё", "абвгґдеєжзиіїйклмнопрстуфхцчшщьюя", "абвгдђежзијклљмнњопрстћуфхцчџш")
GREEK = ("αβγδεζηθικλμνξοπρστυφχψωςάέήίόύώϊϋ",)
HEBREW = ("אבגדהוזחטיךכלםמןנסעףפץצקרשת" + "".join(map(chr, range(0x5B0, 0x5C3))),)
ARABIC = ("".join(map(chr, range(0x621, 0x653))) + "پچژگیک،؛؟",)

# Those that are likely, the likelier first; a later one must explain more of the letters.
LIKELY: dict[str, Sequence[str]] = {
    "cp1252": WESTERN,
    "cp1250": CENTRAL,
    "mac_roman": WESTERN,
    "cp1255": HEBREW,
    "cp1253": GREEK,
    "cp1251": CYRILLIC,
    "koi8_u": CYRILLIC,
    "cp1254": TURKISH,
    "iso8859_2": CENTRAL,
    "iso8859_9": TURKISH,
    "iso8859_7": GREEK,
    "cp1257": BALTIC,
    "cp1256": ARABIC,
    "cp850": WESTERN,
    "cp852": CENTRAL,
    "mac_latin2": CENTRAL,
    "cp866": CYRILLIC,
    "mac_cyrillic": CYRILLIC,
    "iso8859_5": CYRILLIC,
}
OF_LATIN = (WESTERN, CENTRAL, BALTIC, TURKISH)
MOST_LIKELY = 0.9  # of what is not ASCII has to be explained by one language,
LIKELY_ENOUGH = 0.6  # or this by several, where most is ASCII.
OF_MANY_BYTES = ["cp932", "euc_jp", "gb18030", "big5", "euc_kr"]
MANY = 0.4  # of the bytes of a line are not ASCII: it is not of Latin letters
SAMPLE = 1 << 14  # Bytes that are looked at.
OPENING = frozenset("¡¿†•§©®°„–½¼¾×")  # signs that no letter precedes  # noqa: RUF001
CLOSING = frozenset("½¼¾×,.;:!?")  # signs that no letter follows  # noqa: RUF001
NO_WORD = re.compile(r"(?<![^\W\d_])[ÐÑŃŽ](?![^\W\d_])")  # what dashes and é of mac_roman are elsewhere
ASCII = bytes(range(128))
NOT_ASCII = re.compile(r"[^\x00-\x7f]")
OF_UTF8 = re.compile(rb"[\xc2-\xdf][\x80-\xbf]|[\xe0-\xef][\x80-\xbf]{2}|[\xf0-\xf4][\x80-\xbf]{3}")

USUAL = re.compile(rb"[\xc2-\xc5][\x80-\xbf]|\xe2\x80[\x80-\xbf]|\xef\xbb\xbf")  # accents, quotes, dashes, a mark
NO_CHANCE = 10  # letters in UTF-8, which no text in another encoding has unless it is long


def find_encoding(head: bytes, encoding: str) -> str:
    """The encoding of a file that begins so: the one that it declares, or UTF-8 if it is that, or the one given."""
    return declared_encoding(head) or (encoding if not is_utf8(head) else "utf-8")


def declared_encoding(head: bytes) -> str | None:
    """The encoding that the first bytes of a file declare: by a byte order mark, or in a header of Gutenberg's."""
    for mark, name in MARKS.items():
        if head.startswith(mark):
            return name
    declared = DECLARED.search(head)
    return declared[1].decode().lower() if declared else None


def is_utf8(data: bytes) -> bool:
    """Whether the first bytes of a file, or of a part of it, are UTF-8 and more than ASCII."""
    try:
        return not codecs.getincrementaldecoder("utf-8")().decode(data).isascii()
    except UnicodeDecodeError:
        return False


def is_damaged_utf8(data: bytes) -> bool:
    """Whether most of what is not ASCII is UTF-8, so that another encoding would make nonsense of it."""
    found = OF_UTF8.findall(data)
    is_no_chance = len(found) >= NO_CHANCE or bool(USUAL.search(data))
    return is_no_chance and 2 * sum(map(len, found)) >= len(data.translate(None, ASCII))


def name_of_strays(encoding: str) -> str:
    """The name of what `bytes.decode` takes as `errors`: bytes that are not UTF-8 are of this encoding."""

    def decode(error: UnicodeError) -> tuple[str, int]:
        assert isinstance(error, UnicodeDecodeError)
        return error.object[error.start : error.end].decode(encoding, errors="replace"), error.end

    name = f"strays in {encoding}"
    codecs.register_error(name, decode)
    return name


def guess_encoding(data: bytes) -> str | None:
    """The likeliest encoding of a part of a text that is neither ASCII nor UTF-8; None if nothing can be told.

    charset_normalizer takes cp1252 for cp1250 where the text is short, so it is asked only to tell the
    encodings of Cyrillic letters from one another, and those with several bytes a letter.

    Raises:
      ModuleNotFoundError: it is one of these, and charset_normalizer is not installed.
    """
    lines = b"\n".join(line for line in data.splitlines() if not line.isascii())
    lines = lines if len(lines) < SAMPLE else lines[:SAMPLE].rpartition(b"\n")[0] or lines[:SAMPLE]
    likely = _likeliest(lines, LIKELY, True, MOST_LIKELY)
    if not likely and len(lines.translate(None, ASCII)) < MANY * len(lines):
        latin = [name for name, letters in LIKELY.items() if letters in OF_LATIN]
        likely = _likeliest(lines, latin, False, LIKELY_ENOUGH)
    elif not likely:
        likely = OF_MANY_BYTES
    if len(likely) < 2 or LIKELY.get(likely[0], CYRILLIC) is not CYRILLIC:
        return likely[0] if likely else None
    import charset_normalizer  # in the extra `train`

    found = charset_normalizer.from_bytes(lines, cp_isolation=likely).best()
    return found.encoding if found else None


def _likeliest(data: bytes, names: Iterable[str], of_one: bool, least: float) -> list[str]:
    """Those of the encodings that explain most of what is not ASCII, by one language or by any of theirs, if enough."""
    likeness = {name: _likeness(data, name, of_one) for name in names}
    best = max(likeness.values())
    return [name for name in likeness if likeness[name] == best >= least]


def _likeness(data: bytes, encoding: str, of_one: bool) -> float:
    """How much of what is not ASCII is of one language, or any, and where it may be, from 0 to 1."""
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError:
        return 0.0
    counts = collections.Counter(NOT_ASCII.findall(text.lower()))
    alphabets = map(set, LIKELY[encoding] if of_one else ["".join(LIKELY[encoding]) + RARE])
    explained = max(sum(counts[letter] for letter in alphabet | SIGNS) for alphabet in alphabets)
    is_latin = LIKELY[encoding] in OF_LATIN
    n_wrong = sum(_is_wrong(first, second, is_latin) for first, second in itertools.pairwise(text))
    n_wrong += len(NO_WORD.findall(text))
    return (explained - n_wrong) / max(counts.total(), 1)


def _is_wrong(first: str, second: str, is_latin: bool) -> bool:
    """Whether two characters, one not ASCII, do not follow on one another: a capital in a word, scripts mixed."""
    if first.isascii() and second.isascii():
        return False
    if (first.isalpha() and second in OPENING) or (first in CLOSING and second.isalpha()):
        return True
    if not is_latin and first.isalpha() and second.isalpha() and first.isascii() != second.isascii():
        return True
    return first.islower() and second.isupper() and not second.isascii()
