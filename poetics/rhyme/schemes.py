"""Who rhymes with whom: the scheme of a stanza, the form of a text, and how much a text rhymes beyond chance."""

import functools
import random
from collections.abc import Sequence

import numpy as np

from poetics.rhyme.grades import Grade, grade

# What repeats in a form: equal letters rhyme within a unit, and no letter reaches into the next.
UNITS = {
    "couplets": "aa",
    "triplets": "aaa",
    "quatrain": "abab",
    "enclosed": "abba",
    "ballad": "abcb",
    "rubai": "aaba",
    "limerick": "aabba",
    "quintain": "abaab",
    "cinquain": "ababb",
    "sestet": "ababcc",
    "tail rhyme": "aabccb",
    "rhyme royal": "ababbcc",
    "ottava rima": "abababcc",
    "spenserian": "ababbcbcc",
}
# Whole poems.
POEMS = {
    "sonnet": ("ababcdcdefefgg",),
    "petrarchan": tuple(
        "abbaabba" + sestet for sestet in ("cdecde", "cdcdcd", "cdcdee", "cddcee", "ccdeed", "cdedce", "cddece")
    ),
}
TERZA = "terza"  # of any length, by `_chained`

# Natural logarithm of how much likelier two last words of such a grade are where the scheme lets two lines rhyme than
# where it does not: counted in 3,400 stanzas of eight poets (Chicago Rhyming Poetry Corpus).
EVIDENCE = {Grade.NONE: -3.0, Grade.SAME: 1.9, Grade.CUSTOMARY: 3.4, Grade.PERFECT: 4.6}
APART = 12  # lines; rhymes further apart are chance
NEAR = 4  # lines; rhymes further apart count for a scheme that is known by name only

# A scheme without a name must be better than a named one by this much, and by so much a line.
NAMELESS, NAMELESS_A_LINE = 3.0, 0.4
# The same for the form of a whole text, in which lines may be missing, and the same word again is no art.
EVIDENCE_IN_TEXTS = EVIDENCE | {Grade.NONE: -2.0, Grade.SAME: 0.0}
# A text has a form where at least so much of its evidence (that of perfect rhymes all through) is found, and so much in
# all, which is more than one rhyme.
NAMED, NAMED_AT_LEAST = 0.4, 6.0
WHOLE = 4.0  # what it says for a poem's form that the text has just its number of lines
GAP = 10.0  # what it says against a form that a line must be missing

Scheme = tuple[int, ...]  # a number a line, counted from 0 as they come; equal numbers rhyme


def scheme(ends: Sequence[str]) -> Scheme:
    """The likeliest scheme of a stanza.

    A scheme that poets use may hold though one of its rhymes is none to our ears, and its lines that rhyme by chance
    are kept apart. So it is what the stanza means, not what it achieves: for that see `grade`.

    Args:
      ends: the last word of each line.
    """
    if not ends:
        return ()
    evidence = _evidence(ends)
    named = known_schemes(len(ends))
    found = by_nearest(ends)
    best = int(np.argmax(_scores(named, evidence)))
    nameless = _scores(np.array([found]), evidence)[0] - NAMELESS - NAMELESS_A_LINE * len(ends)
    return _in_order(named[best]) if _scores(named, evidence)[best] >= nameless else found


def by_nearest(ends: Sequence[str], near: int = NEAR) -> Scheme:
    """Each line rhymes with the best of the lines before it, the nearest of equals; no scheme is presumed."""
    numbers: list[int] = []
    for i, end in enumerate(ends):
        grades = [(_rank(grade(end, ends[j])), j) for j in range(max(0, i - near), i)]
        rank, j = max(grades, default=(0, 0))
        numbers.append(numbers[j] if rank else max(numbers, default=-1) + 1)
    return tuple(numbers)


def letters(numbers: Sequence[int]) -> str:
    """A scheme in letters: abab. Lines that rhyme with none have an x; past 26 letters they begin again."""
    counts = {number: list(numbers).count(number) for number in numbers}
    rhymed = [number for number in dict.fromkeys(numbers) if counts[number] > 1]
    names = {number: chr(ord("a") + i % 26) for i, number in enumerate(rhymed)}
    return "".join(names.get(number, "x") for number in numbers)


def form(ends: Sequence[str]) -> str:
    """The name of the form that a text rhymes in, "" where it has none; the text may begin within a unit.

    Args:
      ends: the last word of each line, at least 4 of them; forms of a stanza are surer the more stanzas there are.
    """
    if len(ends) < 4:
        return ""
    evidence = _evidence(ends, EVIDENCE_IN_TEXTS)
    best, name = NAMED_AT_LEAST, ""
    for candidate, schemes in _forms(len(ends)).items():
        perfect = EVIDENCE[Grade.PERFECT] * _same(schemes, evidence.shape[1]).sum((0, 2)).max()
        found = _score_with_a_gap(schemes, evidence)
        score = found + WHOLE * (candidate in POEMS) if found >= NAMED * perfect else 0.0
        if score > best:
            best, name = score, candidate
    return name


def form_names() -> tuple[str, ...]:
    """The names that `form` gives."""
    return *UNITS, *POEMS, TERZA


def rhyme_rate(ends: Sequence[str], near: int = NEAR, least: Grade = Grade.CUSTOMARY) -> float:
    """The share of lines that rhyme with one at most `near` lines away; the same word is no rhyme."""
    rhymed = [False] * len(ends)
    for i in range(len(ends)):
        for j in range(max(0, i - near), i):
            if grade(ends[i], ends[j]) >= least:
                rhymed[i] = rhymed[j] = True
    return sum(rhymed) / max(len(ends), 1)


def rhyme_lift(ends: Sequence[str], near: int = NEAR, least: Grade = Grade.CUSTOMARY, shuffles: int = 8) -> float:
    """How much of a text rhymes beyond chance: (rate - chance) / (1 - chance), 1 where every line rhymes on purpose.

    Chance is the rate of the same lines in any order, so that a poor vocabulary, which rhymes with itself, gains
    nothing.
    """
    chance = chance_rate(ends, near, least, shuffles)
    return (rhyme_rate(ends, near, least) - chance) / (1 - chance) if chance < 1 else 0.0


def chance_rate(ends: Sequence[str], near: int = NEAR, least: Grade = Grade.CUSTOMARY, shuffles: int = 8) -> float:
    """The rhyme rate of the same lines in any order, over some orders drawn from a fixed seed."""
    rng = random.Random(1)
    return float(np.mean([rhyme_rate(rng.sample(ends, len(ends)), near, least) for _ in range(shuffles)]))


@functools.cache
def known_schemes(n_lines: int) -> np.ndarray:
    """The schemes that have names, and none: int [n_schemes, n_lines]."""
    found = [np.arange(n_lines)[None]]
    found += [_tiled(unit, n_lines)[:1] for unit in UNITS.values() if len(unit) <= n_lines]
    found += [np.array([list(map(ord, poem))]) for poems in POEMS.values() for poem in poems if len(poem) == n_lines]
    found.append(_chained(n_lines)[:1])
    return np.concatenate(found)


@functools.cache
def _forms(n_lines: int) -> dict[str, np.ndarray]:
    """For each form its schemes of n lines, one for each line of a unit that a text may begin with."""
    forms = {name: _tiled(unit, n_lines) for name, unit in UNITS.items() if len(unit) <= n_lines}
    for name, poems in POEMS.items():
        if len(poems[0]) == n_lines:
            forms[name] = np.array([list(map(ord, poem)) for poem in poems])
    forms[TERZA] = _chained(n_lines)
    return forms


def _tiled(unit: str, n_lines: int) -> np.ndarray:
    """A unit again and again, begun at each of its lines: int [len(unit), n_lines]."""
    line = np.arange(n_lines) + np.arange(len(unit))[:, None]
    return (line // len(unit)) * 26 + np.array([ord(letter) - ord("a") for letter in unit])[line % len(unit)]


def _chained(n_lines: int) -> np.ndarray:
    """Terza rima, aba bcb cdc, begun at each line of a tercet: int [3, n_lines]."""
    line = np.arange(n_lines) + np.arange(3)[:, None]
    return line // 3 + line % 3 % 2


def _evidence(ends: Sequence[str], weights: dict[Grade, float] = EVIDENCE) -> np.ndarray:
    """What the grade of line i with line i - d says for their rhyming, at [i, d - 1]: float [n_lines, APART]."""
    evidence = np.zeros((len(ends), min(APART, len(ends))))
    for i, end in enumerate(ends):
        for d in range(1, min(evidence.shape[1], i) + 1):
            evidence[i, d - 1] = weights[grade(end, ends[i - d])]
    return evidence


def _same(schemes: np.ndarray, apart: int) -> np.ndarray:
    """Whether line i rhymes with line i - d by each scheme: bool [apart, n_schemes, n_lines]."""
    same = np.zeros((apart, *schemes.shape), bool)
    for d in range(1, apart + 1):
        same[d - 1, :, d:] = schemes[:, d:] == schemes[:, :-d]
    return same


def _scores(schemes: np.ndarray, evidence: np.ndarray) -> np.ndarray:
    """The evidence for each scheme: float [n_schemes]."""
    return _line_scores(schemes, evidence).sum(1)


def _line_scores(schemes: np.ndarray, evidence: np.ndarray) -> np.ndarray:
    """What each line adds, by its rhymes with lines before it: float [n_schemes, n_lines]."""
    return np.einsum("dsi,id->si", _same(schemes, evidence.shape[1]), evidence)


def _score_with_a_gap(schemes: np.ndarray, evidence: np.ndarray) -> float:
    """The evidence for the best scheme, or for one that another follows, as where a line is missing."""
    sums = _line_scores(schemes, evidence).cumsum(1)
    before, after = sums.max(0), (sums[:, -1:] - sums).max(0)
    return float(max(sums[:, -1].max(), (before + after).max() - GAP))


def _rank(found: Grade) -> float:
    """Grades in the order in which a line chooses its rhyme: the same word after a perfect one."""
    return 2.5 if found is Grade.SAME else float(found)


def _in_order(numbers: np.ndarray) -> Scheme:
    order: dict[int, int] = {}
    return tuple(order.setdefault(number, len(order)) for number in numbers.tolist())
