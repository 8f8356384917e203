"""Learns how metre weighs syllables: how often words of one syllable bear a beat, and the tables of `metre_bits`."""

import collections
import os
import random
from collections.abc import Sequence

import numpy as np

from poetics.metre import feet, metre_bits, stress
from poetics.sounds.dictionary import DATA
from poetics.sounds.words import words

N_LINES = 150_000
STANZA = 28  # lines that are taken for one poem, whose foot is looked for
DEAREST = 2.0  # a line whose reading costs more tells nothing about its words
RAREST = 20  # a word seen less often has no weight of its own

# What the components of the mixture begin as, in repeated beats (s) and offbeats (w), and how likely each kind of
# syllable is then; learning moves both freely.
TEMPLATES = ("ws", "sw", "wws", "sww", "wsw")
ROUNDS = 12
SEEN_BEFORE = 0.5  # how often each kind is taken to have been seen at each place, so that none is impossible


def sample(lines: Sequence[str], seed: int = 0) -> list[str]:
    """Lines from all over a corpus, in runs."""
    rng = random.Random(seed)
    firsts = sorted(rng.sample(range(0, len(lines) - STANZA, STANZA), min(N_LINES, len(lines) - STANZA) // STANZA))
    return [line for first in firsts for line in lines[first : first + STANZA]]


def learn_weights(lines: Sequence[str]) -> dict[str, int]:
    """In how many tenths of its places a word of one syllable bears a beat, from lines as `metre` reads them."""
    seen: collections.Counter[str] = collections.Counter()
    on_beat: collections.Counter[str] = collections.Counter()
    for first in range(0, len(lines), STANZA):
        stanza = lines[first : first + STANZA]
        for line, reading in zip(stanza, feet.metre(stanza).readings, strict=True):
            ways = [(word, stress.word_ways(word)[0]) for word in words(line)]
            if reading.cost > DEAREST or sum(len(way) for _, way in ways) != len(reading.stresses):
                continue
            at = 0
            for word, way in ways:
                if way.isdigit():
                    seen[word] += 1
                    on_beat[word] += reading.stresses[at] == "s"
                at += len(way)
    return {word: 10 * (on_beat[word] + 1) // (count + 2) for word, count in seen.items() if count >= RAREST}


def write_weights(weights: dict[str, int]) -> None:
    """Writes data/monosyllables.txt."""
    with open(os.path.join(DATA, "monosyllables.txt"), "w", encoding="utf-8") as file:
        file.write("# In how many tenths of its places in verse a word of one syllable bears a beat.\n")
        for tenth in range(10):
            print(tenth, *sorted(word for word, weight in weights.items() if weight == tenth), file=file)


def learn_tables(lines: Sequence[str]) -> dict[str, np.ndarray]:
    """The tables of `metre_bits`, by expectation and maximisation from simple feet."""
    ways = [stress.line_ways(line)[0] for line in lines]
    shuffled = metre_bits.shuffled_ways(lines, seed=1)
    arrays = {}
    for length in metre_bits.LENGTHS:
        codes = metre_bits.encode([way for way in ways if len(way) == length])
        chance = _shares_of_kinds(metre_bits.encode([way for way in shuffled if len(way) == length]))
        table, shares = _fit(codes, chance)
        arrays[f"table_{length}"] = np.log2(table / chance).astype(np.float32)
        arrays[f"share_{length}"] = np.log2(shares).astype(np.float32)
    return arrays


def write_tables(arrays: dict[str, np.ndarray]) -> None:
    """Writes data/metre.npz."""
    np.savez_compressed(metre_bits.path(), allow_pickle=False, **arrays)


def _fit(codes: np.ndarray, chance: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Tables of components [components, syllables, kinds] and their shares, for lines [n_lines, syllables]."""
    length = codes.shape[1]
    heavy = np.array([feet.OFF[kind] - feet.ON[kind] for kind in stress.SYLLABLES])
    table = np.stack([chance * np.exp(heavy * _signs(template, length)[:, None]) for template in TEMPLATES])
    table /= table.sum(-1, keepdims=True)
    shares = np.full(len(TEMPLATES), 1 / len(TEMPLATES))
    for _ in range(ROUNDS):
        logs = np.log(shares) + np.log(table)[:, np.arange(length), codes].sum(-1).T  # [lines, components]
        parts = np.exp(logs - logs.max(1, keepdims=True))
        parts /= parts.sum(1, keepdims=True)
        shares = (parts.sum(0) + 1) / (len(codes) + len(shares))
        table = np.stack([_shares_of_kinds(codes, part) for part in parts.T])
    return table, shares


def _signs(template: str, length: int) -> np.ndarray:
    return np.array([1.0 if template[i % len(template)] == "s" else -1.0 for i in range(length)])


def _shares_of_kinds(codes: np.ndarray, weights: np.ndarray | None = None) -> np.ndarray:
    """How likely each kind of syllable is at each place: [syllables, kinds]."""
    counts = np.stack([np.bincount(column, weights, minlength=len(stress.SYLLABLES)) for column in codes.T])
    seen = counts + SEEN_BEFORE
    return seen / seen.sum(1, keepdims=True)
