"""What can be wrong with a dataset that is to be made, found before any work is done for it."""

import os
from collections.abc import Sequence

from encoder.dataset.npz import json_path
from poems.cleaning.report import numbers_path
from poems.layout import Layout
from poems.sources.sources import Source
from system import files
from system.errors import UserError

HEAD = 1 << 10  # Bytes of an OUT.json; its format and the hash of its OUT.npz stand first.
MOST_COPIES = 1000


def check_out(out: str, sources: Sequence[Source], books: str | None = None) -> None:
    """Refuses a place for a dataset.

    Args:
      books: a table that is read as well.
    Raises:
      OSError: there is no such folder, it cannot be written to, or one of the two files is itself a folder.
      UserError: the name does not end in .npz, one of the two files is read, or the .json is of something else.
    """
    if not out.endswith(".npz"):
        raise UserError(f"{out}: expected a name that ends in .npz, to write the dataset to")
    for path in (out, json_path(out)):
        files.check_place(path, what_is_read(sources, books))
    if files.exists(json_path(out)):
        with files.open_file(json_path(out)) as file:
            head = file.read(HEAD)
        if head and b'"npz_sha256"' not in head:
            raise UserError(
                f"{json_path(out)}: not of a dataset, and {out} would overwrite it; give the dataset another name"
            )


def check_report(report: str, out: str, sources: Sequence[Source], books: str | None = None) -> None:
    """Raises an error for a report that could not be written, or only over the dataset or over what is read."""
    taken = what_is_read(sources, books) | dict.fromkeys((out, json_path(out)), "the dataset")
    for place in (report, numbers_path(report)):
        files.check_place(place, taken)


def what_is_read(sources: Sequence[Source], books: str | None = None) -> dict[str, str]:
    """The files that are read, and what each is."""
    return {path: "a source" for source in sources for path in source.files} | ({books: "the --books"} if books else {})


def check_share(held_out: float) -> None:
    """Refuses a share of held-out documents that is none."""
    if not 0 <= held_out < 1:
        raise UserError(f"held_out is {held_out}, expected at least 0 and below 1")


def check_weights(weights: Sequence[float], sources: Sequence[Source]) -> None:
    """Refuses weights that are not one positive number for each source."""
    if len(weights) != len(sources):
        raise UserError(f"--weight has {len(weights)} numbers, expected one for each of the {len(sources)} sources")
    for weight in weights:
        if not 0 < weight <= MOST_COPIES:
            raise UserError(f"--weight is {weight}, expected a number above 0, at most {MOST_COPIES}")


def check_sources(sources: Sequence[Source], layout: Layout, twice: bool) -> None:
    """Refuses sources that cannot be laid out so, or cannot be read as often as needed.

    Args:
      twice: whether a vocabulary is trained on them first.
    """
    for source in sources:
        if source.name == "gutenberg" and layout.name != "plain":
            raise UserError(
                f"gutenberg: cannot take the layout {layout.name}, since it does not tell its poems apart; use plain"
            )
        if twice and not all(files.is_remote(path) or os.path.isfile(path) for path in source.files):
            raise UserError(f"{source.name}: can be read only once, and --train_vocab reads twice; give it as a file")
        if twice and any(path.endswith(".npz") for path in source.files):
            raise UserError(f"{source.name}: encoded already, so no vocabulary can be trained on it; give its text")
