"""What each figure is called where figures are shown, of one text and of a set of texts."""

import dataclasses

from poetics.judging.copies import COPY

# In the order of the rows; "the same" is the row above, in either table.
LABELS = {
    "texts": "texts",
    "lines": "lines",
    "likeness": "likeness to real verse (log-odds)",
    "rhyme": "lines that rhyme",
    "chance": "the same by chance",
    "perfect": "the same, perfect rhymes alone",
    "lift": "rhyme beyond chance (1: every line)",
    "perfect_lift": "the same, perfect rhymes alone",
    "bits": "bits of metre a line",
    "bits_shuffled": "the same words shuffled",
    "regular": "lines as long as one of 2 before",
    "known": "words that are words",
    "distinct": "different words of the text",
    "distinct_1": "different words of 4,000",
    "distinct_2": "different pairs of 4,000",
    "repeated": "lines repeated in a text",
    "logprob": "log-probability a token",
    "longest": "longest run of words in the corpus",
    "longest_99": "the same, 99 of 100 texts",
    "copied": f"words in runs of {COPY} or more",
    "told_apart": "told from real verse (0.5: never)",
    "val_bits": "held-out bits a character",
}


def labels_of(figures: type) -> dict[str, str]:
    """The labels of the fields of a dataclass of figures, those that have one."""
    names = {field.name for field in dataclasses.fields(figures)}
    return {name: label for name, label in LABELS.items() if name in names}
