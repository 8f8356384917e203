"""What choosing the best of 8 by each measure does: python bench/ranking.py SAMPLES.jsonl

SAMPLES.jsonl: samples with log-probabilities, which eight in a row are taken together; not those that the regressions
of `poetics.judging.ranking` were learnt from.
"""

import json
import os
import sys

import fire
import numpy as np

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

from poetics.judging import diversity, figures, ranking
from poetics.judging.verse_files import lines_of

N = 8


def main(path: str) -> None:
    """Prints a row for all samples and one for each way to choose."""
    with open(path, encoding="utf-8") as file:
        rows = [row for row in map(json.loads, file) if row["logprob"] is not None and lines_of(row["text"])]
    groups = [rows[i : i + N] for i in range(0, len(rows) - N + 1, N)]
    print(f"{len(groups)} groups of {N}")
    print("kept by        rhyme  chance   bits  regular  known  distinct-1  logprob")
    show("all", [row for group in groups for row in group])
    show("logprob", [max(group, key=lambda row: row["logprob"]) for group in groups])
    for by in ("likeness", "rhyme", "metre"):
        show(by, [max(group, key=lambda row, by=by: ranking.quality(row["text"], by)) for group in groups])


def show(name: str, rows: list[dict]) -> None:
    """Prints the figures of some samples."""
    texts = [lines_of(row["text"]) for row in rows]
    found = figures.measure(texts)
    logprob = np.mean([row["logprob"] for row in rows])
    print(
        f"{name:14} {found.rhyme:5.3f}  {found.chance:6.3f}  {found.bits:5.2f}  {found.regular:7.3f}  "
        f"{found.known:5.3f}  {diversity.distinct(texts, 1):10.3f}  {logprob:7.3f}"
    )


if __name__ == "__main__":
    fire.Fire(main)
