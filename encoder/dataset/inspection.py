"""What is in a dataset, in lines to read, and a few of its documents as text."""

from collections.abc import Iterator, Mapping

import numpy as np

from encoder.reference import Encoder
from poems.layout import find_layout

N_DOCUMENTS = 3  # shown of each array, spread evenly
N_TOKENS = 200  # shown of a document, at most


def lines_about(arrays: Mapping[str, np.ndarray], about: dict, enc: Encoder) -> Iterator[str]:
    """Lines that describe a dataset, then the beginning of a few documents of each array.

    Args:
      arrays: its ids by name.
      about: the .json beside the dataset, empty if there is none.
    """
    n_tokens = sum(map(len, arrays.values()))
    yield f"{n_tokens:,} tokens in {len(arrays)} array{'' if len(arrays) == 1 else 's'}"
    if not about:
        yield "no .json beside it, so its documents are taken to begin after each end of text"
    else:
        layout = find_layout(about.get("layout", {"name": "plain"}))
        by = f" by {layout.field}" if layout.name == "prefix" else ""
        yield f"vocabulary of {about['vocabulary']['n_vocab']:,}; layout {layout.name}{by}"
        yield f"cleaned by: {', '.join(about.get('rules', [])) or 'no rule'}"
        if divide := about.get("made_with", {}).get("divide"):
            yield f"text divided into poems: {divide}"
        held_out = sum(map(len, about["held_out"].values()))
        yield f"held out: {held_out:,} documents, {about['held_out_tokens']:,} tokens"
        for source in about["sources"]:
            weight = f", weight {source['weight']:g}" if source.get("weight", 1) != 1 else ""
            count = f"{source['n_documents']:,} documents, {source['n_tokens']:,} tokens{weight}"
            yield f"{source['array']}: {source['name']}, {count}"
    for name, ids in arrays.items():
        starts = np.array(about["documents"][name] if about else _starts(ids, enc.end_of_text), np.int64)
        held = set(about["held_out"][name]) if about else set()
        for number in np.unique(np.linspace(0, len(starts) - 1, N_DOCUMENTS).astype(int)) if len(starts) else []:
            end = starts[number + 1] if number + 1 < len(starts) else len(ids)
            shown = ids[starts[number] : min(end, starts[number] + N_TOKENS)].tolist()
            what = "held out, " if number in held else ""
            yield f"{'=' * 20} {name}, document {number}: {what}{end - starts[number]:,} tokens {'=' * 20}"
            yield enc.decode(shown) + (" ..." if len(shown) < end - starts[number] else "")


def _starts(ids, end_of_text):
    """Where documents begin, by the ids alone."""
    starts = np.append(0, np.flatnonzero(ids == end_of_text) + 1)
    return starts[starts < len(ids)]
