"""What a spelling says of a word that no dictionary has: endings, beginnings, older spellings, syllables."""

import re
from collections.abc import Iterator

from poetics.sounds.dictionary import Phones

HISSING = frozenset(("S", "Z", "SH", "ZH", "CH", "JH"))
VOICELESS = frozenset(("P", "T", "K", "F", "TH", "S", "SH", "CH", "HH"))

# An ending and the phones that it adds to those of the stem; "+s" and "+d" are said as the stem's last phone asks.
ENDINGS: tuple[tuple[str, str], ...] = (
    ("'s", "+s"),
    ("s'", "+s"),
    ("'d", "+d"),
    ("'st", "S T"),
    ("'n", "N"),
    ("'ll", "L"),
    ("'re", "R"),
    ("'ve", "V"),
    ("'t", "T"),
    ("in'", "IH0 N"),
    ("edst", "+d S T"),
    ("est", "IH0 S T|S T"),
    ("eth", "IH0 TH"),
    ("ings", "IH0 NG Z"),
    ("ing", "IH0 NG"),
    ("edly", "IH0 D L IY0"),
    ("ed", "+d|IH0 D"),
    ("ers", "ER0 Z"),
    ("er", "ER0"),
    ("lessly", "L AH0 S L IY0"),
    ("less", "L AH0 S"),
    ("ness", "N AH0 S"),
    ("fully", "F AH0 L IY0"),
    ("ful", "F AH0 L"),
    ("ly", "L IY0"),
    ("like", "L AY2 K"),
    ("wards", "W ER0 D Z"),
    ("ward", "W ER0 D"),
    ("some", "S AH0 M"),
    ("ship", "SH IH2 P"),
    ("hood", "HH UH2 D"),
    ("let", "L AH0 T"),
    ("es", "+s"),
    ("s", "+s"),
    ("st", "S T"),
    ("y", "IY0"),
)

BEGINNINGS: tuple[tuple[str, str], ...] = (
    ("under", "AH2 N D ER0"),
    ("over", "OW2 V ER0"),
    ("o'er", "AO0 R"),
    ("fore", "F AO0 R"),
    ("out", "AW0 T"),
    ("dis", "D IH0 S"),
    ("mis", "M IH0 S"),
    ("for", "F ER0"),
    ("un", "AH0 N"),
    ("re", "R IY0"),
    ("be", "B IH0"),
    ("en", "EH0 N"),
    ("in", "IH0 N"),
    ("up", "AH0 P"),
    ("a", "AH0"),
    ("y", "IH0"),  # yclad
)

# How older printers spelt: what these patterns find is read as the replacement, before any ending is cut off.
OLD_SPELLINGS = (
    (r"(?<=[aeiou])u(?=e|ing)", "v"),  # loue, euer, mouing
    (r"^v(?=[^aeiouy'])", "u"),  # vnto
    (r"^i(?=[aeou])", "j"),  # ioy
    (r"(?<=[aeiou]{2}[rln])e(?=s?$)", ""),  # deare, haire, soules
    (r"ow([rl])e(?=s?$)", r"ow\1"),  # fowle
    (r"(?<=[^aeiou])([aiou])([bdfgmnprt])\2e$", r"\1\2"),  # sunne, starre
    (r"(?<=[aeiou]ss)e$", ""),  # happinesse
    (r"(?<=[a-z]is)$", "s"),  # blis
    (r"(?<=[ao])ies$", "ys"),  # daies
    (r"ght?e$", "ght"),
    (r"^quight", "quit"),
    (r"(?<=[aeo])yde?(?=s?$)", "id"),  # layd, sayde
    (r"(?<=[bcdfghklmnprstvw])y(?=[bcdfghklmnprstvw]+e?s?$)", "i"),  # kynd
    (r"(?<=ow)r(?=s?$)", "er"),  # flowr
)

# Other spellings of what the dictionary has, tried when no ending helps.
OTHER_SPELLINGS = (
    (r"in'$", "ing"),
    (r"'$", ""),
    (r"^'", ""),
    (r"our", "or"),
    (r"(?<=[bcdfghktvw])re(?=s?$)", "er"),
    (r"(?<=[bcfghjklmpqrstvwxz])d$|(?<=[aeiouw]{2}n)d$", "'d"),  # deemd, crownd
    (r"(?<=[ckpx])'?t$", "'d"),  # knockt
    (r"'d$", "ed"),
    (r"'", "e"),
    (r"'", ""),
    (r"ph", "f"),
    (r"ie$", "y"),
    (r"ll$", "l"),
    (r"l$", "ll"),
    (r"ence$", "ense"),
    (r"ae|oe", "e"),
    (r"ise", "ize"),
    (r"ize", "ise"),
    (r"(?<=[^aeiou]{2})e$|(?<=[aeiou]{2}[^aeiou])e$", ""),
    (r"$", "e"),
    (r"(?<=.)eye", "ie"),
    (r"(?<=.)ick", "ic"),
    (r"(?<=.)y", "i"),
    (r"(?<=.)i", "y"),
    (r"(?<=.)gh", ""),
    (r"(?<=.)inch", "ench"),
    (r"(?<=.)cks", "x"),
    (r"(?<=.)ck", "k"),
    (r"(?<=.)u", "v"),
    (r"(?<=.)v", "u"),
    (r"(?<=.)ie", "y"),
    (r"(?<=.)que", "c"),
    (r"(?<=.)qui", "wi"),
)


def with_ending(stem: Phones, ending: str) -> Phones:
    """The phones of a stem with those that an ending adds."""
    first, _, rest = ending.partition(" ")
    if first == "+s":
        added = ("IH0", "Z") if stem[-1] in HISSING else ("S",) if stem[-1] in VOICELESS else ("Z",)
        return (*stem, *added, *rest.split())
    if first == "+d":
        added = ("IH0", "D") if stem[-1] in ("T", "D") else ("T",) if stem[-1] in VOICELESS else ("D",)
        return (*stem, *added, *rest.split())
    return (*stem, *ending.split())


def stems(cut: str) -> Iterator[str]:
    """What a stem may be in full whose ending was cut off: love for lov, run for runn, cry for cri.

    A consonant that is single after a single vowel would have been doubled: the stem of rid-eth is ride, not rid.
    """
    if re.search(r"(?:^|[^aeiou])[aeiou][^aeiouwxyl]$|[^s]s$|[^n]g$|[cvzu]$", cut):
        yield cut + "e"
    yield cut
    yield cut + "e"
    if len(cut) > 2 and cut[-1] == cut[-2]:
        yield cut[:-1]
    if cut.endswith("i"):
        yield cut[:-1] + "y"
    if re.search(r"[^aeiou][nrl]$", cut):
        yield cut[:-1] + "e" + cut[-1]  # quick-n-ed


def modern(word: str) -> str:
    """A word without the spellings of older printers; the word itself where it has none."""
    for pattern, replacement in OLD_SPELLINGS:
        word = re.sub(pattern, replacement, word)
    return word


def respelt(word: str) -> Iterator[str]:
    """The same word in other spellings, likelier ones first."""
    for pattern, replacement in OTHER_SPELLINGS:
        other = re.sub(pattern, replacement, word)
        if other != word:
            yield other


def count_syllables(word: str) -> int:
    """How many syllables a spelling has, by its groups of vowels; right for nine words in ten."""
    letters = re.sub(r"[^a-zà-ÿ]", "", word)
    if not re.search(r"(?:[td]ed|[csxzg]es|[cs]hes)$", letters):
        letters = re.sub(r"(?<=[^aeiouyl])e(s|d)?$", r"\1", letters)
    letters = re.sub(r"(?<=[aeiouy][^aeiouy])le?$", "l", letters)
    groups = len(re.findall(r"[aeiouyà-ÿ]+", letters))
    in_two = len(re.findall(r"i[ao](?!u)|eo|[^qg]u[ao]|y[aeiou]", letters))
    in_one = len(re.findall(r"[ct]io|[ct]ia|sio|gio", letters))
    return max(groups + in_two - in_one, 1)


def vowel_groups(word: str) -> list[int]:
    """Where the groups of vowels in a spelling begin, silent ones too; u is no vowel after g or q, nor y before one."""
    return [found.start() for found in VOWELS.finditer(word)]


VOWELS = re.compile(r"(?!(?<=[gq])u[aeiouy])(?!y[aeiou])(?!(?<=[gq]u)e$)[aeiouyà-ÿ]+")
