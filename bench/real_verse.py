"""The table of real verse: what every figure of evaluate.py is for known poets, the whole corpus, and prose.

python bench/real_verse.py --data ../shared/data
python bench/real_verse.py --samples poet.jsonl,demo.jsonl         # their rows alone
"""

import os
import sys

import fire

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

import metre as metre_bench
import verse_texts

from poetics.judging import figures, verse_files

LINES = 14  # a text
MOST = 300  # texts of each book
SHOWN = {
    "lift": "rhyme lift",
    "perfect_lift": "perfect",
    "bits": "bits of metre",
    "bits_shuffled": "shuffled",
    "regular": "regular",
    "known": "words known",
    "distinct_1": "distinct-1",
    "distinct_2": "distinct-2",
    "told_apart": "told from real",
}


def main(data: str = "../shared/data", samples: str | tuple[str, ...] = ()) -> None:
    """Prints the table as Markdown.

    Args:
      samples: files that sample.py wrote, separated by commas.
    """
    lines = verse_texts.corpus()
    whole = verse_files.passages(["\n".join(lines[i : i + 100_000]) for i in range(0, len(lines), 100_000)], 400, 28)
    real = [passage[i : i + LINES] for passage in whole for i in (0, LINES)]
    print("| | lines | " + " | ".join(SHOWN.values()) + " | feet | forms |")
    print("| --- " * (len(SHOWN) + 4) + "|")
    if samples:
        for path in samples.split(",") if isinstance(samples, str) else samples:
            row(path, [text[:LINES] for text in verse_files.read_texts(path)], real)
        return
    for name, book in verse_texts.known_texts(lines).items():
        row(name, cut(book), real)
    half = len(real) // 2  # the halves have no passage in common
    row("whole corpus", real[:half][:MOST], real[half:])
    if os.path.exists(data):
        row("prose, cut by 10 syllables", cut(metre_bench.cut(verse_texts.prose(data), 10)), real)


def cut(lines: list[str]) -> list[verse_files.Text]:
    """A book in texts of 14 lines."""
    verse = [line for line in lines if verse_files.lines_of(line)]
    return [tuple(verse[i : i + LINES]) for i in range(0, len(verse) - LINES + 1, LINES)][:MOST]


def row(name: str, texts: list[verse_files.Text], real: list[verse_files.Text]) -> None:
    """One row."""
    found = figures.with_likeness(figures.measure(texts), texts, real)
    cells = [f"{getattr(found, key):.2f}" if getattr(found, key) is not None else "" for key in SHOWN]
    print(f"| {name} | {found.lines:,} | {' | '.join(cells)} | {most(found.feet)} | {most(found.forms)} |", flush=True)


def most(shares: dict[str, float]) -> str:
    """The most frequent names with their shares."""
    return ", ".join(f"{name} {share:.0%}" for name, share in list(shares.items())[:2] if share >= 0.02)


if __name__ == "__main__":
    fire.Fire(main)
