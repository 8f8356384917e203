"""Rhyme: how well it is heard against rhymes marked by hand, how much known books rhyme, and how fast.

python bench/rhyme.py --gold ../shared/gold/rhyme.jsonl --data ../shared/data
"""

import collections
import json
import os
import sys
import time
from collections.abc import Iterable

import fire
import numpy as np

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

import verse_texts

from poetics.rhyme import schemes
from poetics.rhyme.grades import Grade, grade
from poetics.sounds.words import last_words

REACH = 8  # lines; pairs further apart are not counted


def main(gold: str = "../shared/gold/rhyme.jsonl", data: str = "../shared/data") -> None:
    """Prints the three tables, those whose data are there."""
    started = time.perf_counter()
    grade("love", "dove")
    print(f"ready in {time.perf_counter() - started:.2f} s")
    if os.path.exists(gold):
        by_hand(gold)
    lines = verse_texts.corpus()
    texts = verse_texts.known_texts(lines)
    if os.path.exists(data):
        texts["prose"] = verse_texts.prose(data)
        name_forms(texts, data)
    show_speed(lines[1_000_000:1_100_000])
    show_lifts(texts)


def by_hand(gold: str) -> None:
    """Pairs of lines and whole stanzas, by poet; precision is a lower bound, as rhymes outside the scheme are false."""
    counts: dict[str, collections.Counter[str]] = collections.defaultdict(collections.Counter)
    with open(gold, encoding="utf-8") as file:
        for row in map(json.loads, file):
            ends = last_words(row["lines"])
            true = canonical(row["scheme"])
            for name in (row["poet"], "all"):
                counts[name]["stanzas"] += 1
                counts[name]["exact"] += schemes.scheme(ends) == true
                counts[name].update(pairs(ends, true))
    print(f"\n{'poet':14}{'stanzas':>9}{'P':>7}{'R':>7}{'F1':>7}{'exact':>7}")
    for name, count in counts.items():
        precision = count["hit"] / (count["hit"] + count["false"])
        recall = count["hit"] / (count["hit"] + count["missed"])
        f1 = 2 * precision * recall / (precision + recall)
        exact = count["exact"] / count["stanzas"]
        print(f"{name:14}{count['stanzas']:9,}{precision:7.3f}{recall:7.3f}{f1:7.3f}{exact:7.3f}")


def pairs(ends: list[str], true: schemes.Scheme) -> Iterable[str]:
    """What becomes of each pair of lines with different last words that are near each other."""
    names = {(True, True): "hit", (True, False): "false", (False, True): "missed"}
    for i in range(len(ends)):
        for j in range(max(0, i - REACH), i):
            found = grade(ends[i], ends[j]) >= Grade.CUSTOMARY
            if ends[i] != ends[j] and (found, true[i] == true[j]) in names:
                yield names[found, true[i] == true[j]]


def canonical(scheme: list[str]) -> schemes.Scheme:
    """A scheme in letters as numbers from 0."""
    order: dict[str, int] = {}
    return tuple(order.setdefault(letter, len(order)) for letter in scheme)


def name_forms(texts: dict[str, list[str]], data: str) -> None:
    """What form is found in sonnets, couplets, limericks and blank verse."""
    sonnets = [lines for lines in verse_texts.stanzas(data, 1041, gap=3) if len(lines) == 14]
    limericks = [line for lines in verse_texts.stanzas(data, 982, gap=2) if len(lines) == 5 for line in lines]
    wanted = {
        "Shakespeare, sonnets": ("sonnet", sonnets),
        "Pope, 28 lines each": ("couplets", windows(texts["Pope, Rape of the Lock"], 28)),
        "Lear, 4 limericks each": ("limerick", windows(limericks, 20)),
        "Milton, 28 lines each": ("", windows(texts["Milton, Paradise Lost"], 28)[:100]),
        "Hiawatha, 28 lines each": ("", windows(texts["Hiawatha"], 28)[:100]),
    }
    print(f"\n{'texts':26}{'right':>10}  others")
    for name, (form, parts) in wanted.items():
        found = collections.Counter(schemes.form(last_words(part)) for part in parts)
        right = found.pop(form, 0)
        print(f"{name:26}{right:4} of {len(parts):3}  {dict(found) or ''}")


def windows(lines: list[str], n_lines: int) -> list[list[str]]:
    """A text cut into parts of n lines."""
    return [lines[i : i + n_lines] for i in range(0, len(lines) - n_lines + 1, n_lines)]


def show_lifts(texts: dict[str, list[str]]) -> None:
    """How much each text rhymes, and beyond chance."""
    print(f"\n{'':26}{'lines':>7}{'rate':>7}{'chance':>8}{'lift':>7}{'perfect':>9}")
    for name, lines in texts.items():
        ends = last_words(lines)
        figures = schemes.rhyme_rate(ends), schemes.chance_rate(ends), schemes.rhyme_lift(ends)
        perfect = schemes.rhyme_lift(ends, least=Grade.PERFECT)
        print(f"{name:26}{len(lines):7,}{figures[0]:7.3f}{figures[1]:8.3f}{figures[2]:7.3f}{perfect:9.3f}")


def show_speed(lines: list[str]) -> None:
    """Lines a second, words never seen and seen before; median of 5 for the latter."""
    times = []
    for _ in range(6):
        started = time.perf_counter()
        schemes.rhyme_rate(last_words(lines))
        times.append(time.perf_counter() - started)
    cold, warm = len(lines) / times[0], len(lines) / float(np.median(times[1:]))
    print(f"\nrhyme within 4 lines: {cold:,.0f} lines/s at first, {warm:,.0f} lines/s once words are known")


if __name__ == "__main__":
    fire.Fire(main)
