"""What is written and printed of texts: a file to read, a file for programs, the figures of two sets side by side."""

import collections
import json
import os
from collections.abc import Mapping, Sequence

import numpy as np

from poetics.curating.candidates import Figures, Measured
from poetics.judging.labels import labels_of
from system import files
from system.errors import UserError

RANK = "rank"  # the key by which a file of ours is known
Paths = tuple[str, str]


def paths(out: str) -> Paths:
    """The two files of a name, the .jsonl and the .txt.

    Raises:
      UserError: it ends in neither.
    """
    stem, kind = os.path.splitext(out)
    if kind not in (".jsonl", ".txt") or not os.path.basename(stem):
        raise UserError(f"--out is {out}, expected a name that ends in .jsonl or .txt, such as best.jsonl")
    return f"{stem}.jsonl", f"{stem}.txt"


def check_place(out: str) -> None:
    """Raises a UserError if one of the two files is there and holds something else, a FileNotFoundError for no folder.

    Texts that were kept before are written again.
    """
    jsonl, txt = paths(out)
    folder = os.path.dirname(out) or "."
    if not files.is_remote(out) and not files.exists(folder):
        raise FileNotFoundError(f"{out}: there is no folder {folder}; make it, or name another file with --out")
    if files.exists(jsonl) and not _is_ours(jsonl):
        raise UserError(f"{jsonl}: holds something else than texts that were kept; name another file with --out")
    if files.exists(txt) and not files.exists(jsonl):
        raise UserError(f"{txt}: there already, without a {jsonl} beside it; name another file with --out")


def _is_ours(path: str) -> bool:
    with files.open_file(path) as file:
        first = file.readline().decode("utf-8", errors="replace")
    try:
        return not first or RANK in files.parse_json(first, "a text that was kept")
    except UserError:
        return False


def write(out: str, kept: Sequence[Measured]) -> Paths:
    """Writes texts, the best first, to read and for programs; returns where."""
    jsonl, txt = paths(out)
    rows = (text.as_record() | {RANK: rank} for rank, text in enumerate(kept, start=1))
    files.write_file(jsonl, "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows).encode())
    files.write_file(txt, readable(kept).encode())
    return jsonl, txt


def readable(kept: Sequence[Measured]) -> str:
    """Texts one after the other, each under its rank, with its figures below."""
    return "".join(
        f"{'=' * 20} {rank} of {len(kept)}: number {text.candidate.number} of {text.candidate.file} {'=' * 20}\n\n"
        f"{text.candidate.whole.rstrip()}\n\n{in_words(text.figures)}\n\n"
        for rank, text in enumerate(kept, start=1)
    )


def in_words(figures: Figures | None) -> str:
    """The figures of a text in one line in brackets."""
    if figures is None:
        return "[no word]"
    form = f", {figures.form}" if figures.form else ""
    parts = [
        f"likeness {figures.likeness:.2f}",
        f"rhyme {figures.rhyme:.0%}: {figures.scheme}{form}",
        f"{figures.foot}, {figures.bits:.1f} bits of metre a line",
    ]
    if figures.source is not None:
        parts.append(f"{figures.longest} words in a row from {figures.source}")
    return f"[{'; '.join(parts)}]"


def table(sets: Mapping[str, Sequence[Measured]]) -> str:
    """The mean figures of sets of texts, a column a set, then the feet and the forms of each."""
    found = {name: [text.figures for text in texts if text.figures] for name, texts in sets.items()}
    lines = [" " * 36 + "".join(f"{name:>12}" for name in found)]
    lines.append(f"{'texts':36}" + "".join(f"{len(texts):>12,}" for texts in sets.values()))
    for key, label in labels_of(Figures).items():
        means = {name: _mean(key, figures) for name, figures in found.items()}
        if any(means.values()):
            lines.append(f"{label:36}" + "".join(f"{mean:>12}" for mean in means.values()))
    for name, figures in found.items():
        for what, names in (("feet", [one.foot for one in figures]), ("forms", [one.form for one in figures])):
            lines.append(f"{name}: {what} {_shares(names)}")
    return "\n".join(lines)


def _mean(key: str, figures: Sequence[Figures]) -> str:
    values = [value for value in (getattr(one, key) for one in figures) if value is not None]
    return f"{np.mean(values):.3f}" if values else ""


def _shares(names: Sequence[str]) -> str:
    """The share of each name, the most frequent first, those without one left out."""
    counts = collections.Counter(filter(None, names)).most_common()
    return ", ".join(f"{name} {count / len(names):.0%}" for name, count in counts) or "none"
