"""Ranking: of each eight samples the one most like real verse, beside the one that the model finds likeliest.

python sample.py --run_name demo --nsamples 1600 --length 120 --seed 5 --out samples.jsonl
python bench/ranking.py samples.jsonl
"""

import json
import os
import sys

import fire
import numpy as np

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

from poetics.judging import features, figures, likeness, real_verse, verse_files

GROUP = 8
LINES = 14  # of a sample that are looked at, at most


def main(samples: str) -> None:
    """Prints the figures of the first of each group, and of the best by each rule."""
    with open(samples, encoding="utf-8") as file:
        rows = [json.loads(row) for row in file]
    texts = [verse_files.lines_of(row["text"])[:LINES] for row in rows]
    kept = [i for i, text in enumerate(texts) if len(text) >= figures.SHORTEST]
    kept = kept[: len(kept) // GROUP * GROUP]
    lengths = [len(texts[i]) for i in kept]
    real = figures.of_same_lengths(real_verse.passages(), lengths)
    sides = [np.array([features.features(text) for text in side]) for side in (real, [texts[i] for i in kept])]
    odds = likeness.cross_fitted(*sides)[1]
    rules = {"likeness": odds, "rhyme": sides[1][:, 0], "metre": sides[1][:, 2]}
    rules["log-probability"] = np.array([rows[i]["logprob"] for i in kept])
    groups = np.arange(len(kept)).reshape(-1, GROUP)
    chosen = {"the first": groups[:, 0]}
    chosen |= {f"best by {name}": groups[np.arange(len(groups)), by[groups].argmax(1)] for name, by in rules.items()}
    shown = ("rhyme", "bits of metre", "regular lines", "known words", "distinct words")
    print(
        f"{len(groups)} groups of {GROUP}\n{'':24}"
        + "".join(f"{name:>15}" for name in shown)
        + f"{'logprob a token':>18}"
    )
    for name, which in chosen.items():
        means = sides[1][which].mean(0)
        print(f"{name:24}" + "".join(f"{means[features.NAMES.index(key)]:15.3f}" for key in shown), end="")
        print(f"{rules['log-probability'][which].mean():18.3f}")


if __name__ == "__main__":
    fire.Fire(main)
