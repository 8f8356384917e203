"""Metre: how well lines are read against hand scansions, how surely verse and prose are kept apart, and how fast.

python bench/metre.py --gold ../shared/gold/scansion.tsv --data ../shared/data
"""

import collections
import csv
import itertools
import os
import sys
import time

import fire
import numpy as np

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

import verse_texts

from poetics.metre import feet, metre_bits, stress
from poetics.sounds.words import words

PENTAMETER = ("Shakespeare, sonnets", "Milton, Paradise Lost", "Pope, Rape of the Lock")


def main(gold: str = "../shared/gold/scansion.tsv", data: str = "../shared/data") -> None:
    """Prints the tables whose data are there."""
    if os.path.exists(gold):
        by_hand(gold)
    lines = verse_texts.corpus()
    texts = verse_texts.known_texts(lines)
    texts["whole corpus, every 100th"] = lines[::100]
    show_speed(lines[1_000_000:1_010_000])
    if os.path.exists(data):
        prose = verse_texts.prose(data)
        texts["prose"] = cut(prose, 10)
        tell_apart({name: texts[name] for name in PENTAMETER}, texts["prose"])
    show_bits(texts)


def by_hand(gold: str) -> None:
    """Lines as two people scanned them, the foot being found from the whole poem, known, or found from the line."""
    poems = collections.defaultdict(list)
    with open(gold, encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE):
            poems[row["poem"], row["foot"]].append((row["line"], row["stresses"]))
    counts: collections.Counter[str] = collections.Counter()
    for (_, foot), scanned in poems.items():
        lines, true = zip(*scanned, strict=True)
        found = feet.metre(lines)
        alone = [feet.metre([line]).readings[0] for line in lines]
        counts["feet"] += found.foot == foot
        for name, readings in (("of the poem", found.readings), ("known", feet.read(lines)[foot]), ("alone", alone)):
            counts[name + ", count"] += sum(len(r.stresses) == len(t) for r, t in zip(readings, true, strict=True))
            counts[name + ", line"] += sum(r.stresses == t for r, t in zip(readings, true, strict=True))
    total = sum(map(len, poems.values()))
    print(f"{total} lines of {len(poems)} poems; {counts['feet']} feet right")
    print(f"{'foot':14}{'syllables right':>17}{'lines as by hand':>18}")
    for name in ("of the poem", "known", "alone"):
        print(f"{name:14}{counts[name + ', count'] / total:17.3f}{counts[name + ', line'] / total:18.3f}")


def cut(lines: list[str], syllables: int) -> list[str]:
    """Prose cut into lines of n syllables, or a few more where a word does not end there."""
    found: list[str] = []
    line: list[str] = []
    length = 0
    for word in itertools.chain.from_iterable(map(words, lines)):
        line.append(word)
        length += len(stress.word_ways(word)[0])
        if length >= syllables:
            found.append(" ".join(line))
            line, length = [], 0
    return found


def tell_apart(verse: dict[str, list[str]], prose: list[str]) -> None:
    """The area under the curve, and the share of verse found at 1 % false alarms, by numbers of lines."""
    print(f"\n{'against prose':26}" + "".join(f"{n:>4} lines: AUC  at 1 %" for n in (1, 4, 14)))
    false = {n: means(metre_bits.bits(prose), n) for n in (1, 4, 14)}
    for name, lines in verse.items():
        bits = metre_bits.bits(lines)
        row = ""
        for n in (1, 4, 14):
            true = means(bits, n)
            found = np.mean(true > np.quantile(false[n], 0.99))
            row += f"{area(true, false[n]):15.3f}{found:8.3f}"
        print(f"{name:26}{row}")


def means(bits: np.ndarray, n_lines: int) -> np.ndarray:
    """The mean bits of every n lines, those that have any."""
    groups = bits[: len(bits) // n_lines * n_lines].reshape(-1, n_lines)
    return np.nanmean(groups[~np.isnan(groups).all(1)], axis=1)


def area(true: np.ndarray, false: np.ndarray) -> float:
    """The chance that one of the first is above one of the second."""
    ranks = np.searchsorted(np.sort(false), true) + np.searchsorted(np.sort(false), true, side="right")
    return float(ranks.mean() / 2 / len(false))


def show_bits(texts: dict[str, list[str]]) -> None:
    """Bits of metre a line, of the text and of its words shuffled; and the feet of each 14 lines."""
    print(f"\n{'bits of metre':26}{'a line':>8}{'shuffled':>10}  foot")
    for name, lines in texts.items():
        bits = np.nanmean(metre_bits.bits(lines)), np.nanmean(metre_bits.shuffled_bits(lines))
        found = collections.Counter(feet.metre(lines[i : i + 14]).foot for i in range(0, min(len(lines), 2800), 14))
        named = ", ".join(f"{foot} {count / found.total():.0%}" for foot, count in found.most_common())
        print(f"{name:26}{bits[0]:8.2f}{bits[1]:10.2f}  {named}")


def show_speed(lines: list[str]) -> None:
    """Lines a second, as poems of 14 lines come; nothing is known before."""
    started = time.perf_counter()
    for first in range(0, len(lines), 14):
        feet.metre(lines[first : first + 14])
    read = len(lines) / (time.perf_counter() - started)
    started = time.perf_counter()
    metre_bits.bits(lines)
    print(f"\nlines/s: {read:,.0f} read in all feet, {len(lines) / (time.perf_counter() - started):,.0f} bits of metre")


if __name__ == "__main__":
    fire.Fire(main)
