"""Is it verse, and is it new? Figures of samples beside those of real verse, as a table, as JSON and as a page."""

import dataclasses
import json
import logging
import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

from system import command_line
from system.errors import UserError

if TYPE_CHECKING:
    from poetics.judging.page import Side

logger = logging.getLogger("gpt2")

REAL = "real"
PASSAGES = 400  # of a corpus that samples are compared with


@dataclasses.dataclass(frozen=True, kw_only=True)
class Request:
    """Measures samples: how much they rhyme, how metrical they are, how rich in words, how much of them is copied.

    Attributes:
      What to measure
        samples: files that sample.py wrote, .txt or .jsonl, or any verse.
        beside: verse to compare with, a file or a dataset; real is 400 passages of the Gutenberg Poetry Corpus.
        run_name: the run that wrote the samples, whose loss on held-out verse is shown beside.
        corpus: what the model was trained on, to find copies of: an .npz, a text file, or gutenberg for all of it.
      Where to put the result
        json: a file for all figures of all texts.
        page: a page to read, with the texts, their rhymes coloured, their beats marked, what is copied underlined.
      Where models and runs are
        model_name: the model whose vocabulary an .npz has; without, what the file beside it says.
        models_dir: where models are.
        checkpoint_dir: where runs are.
    """

    samples: Annotated[tuple[str, ...], "SAMPLES..."] = ()
    beside: Annotated[str, "FILE|real"] = REAL
    run_name: str | None = None
    corpus: Annotated[str | None, "CORPUS"] = None
    json: Annotated[str | None, "FILE.json"] = None
    page: Annotated[str | None, "FILE.html"] = None
    model_name: str | None = None
    models_dir: str = "models"
    checkpoint_dir: str = "checkpoint"


def main(request: Request) -> None:
    """Reads, measures, prints, writes."""
    from poetics.judging import page, verse_files

    if not request.samples:
        raise UserError("no samples, expected files that sample.py wrote; python evaluate.py SAMPLES.txt")
    texts = {path: verse_files.read_texts(path) for path in request.samples}
    real = read_beside(request.beside, request)
    sides = measure_sides(texts, real, request)
    print_table({name: side.figures for name, side in sides.items()})
    if request.json:
        write(request.json, json.dumps({name: as_dict(side) for name, side in sides.items()}, indent=1) + "\n")
    if request.page:
        write(request.page, page.page("Verse, measured", sides))


def read_beside(beside: str, request: Request) -> list[tuple[str, ...]]:
    """The texts to compare with."""
    from encoder.dataset import to_text
    from poetics.judging import real_verse, verse_files

    if beside == REAL:
        return list(real_verse.passages())
    if beside == to_text.GUTENBERG or beside.endswith(".npz"):
        return corpus_passages(list(to_text.read_corpus(beside, request.model_name, request.models_dir)))
    return verse_files.read_texts(beside)


def corpus_passages(corpus: list[tuple[str, str]]) -> list[tuple[str, ...]]:
    """Passages from all over a corpus."""
    from poetics.judging import real_verse, verse_files

    return verse_files.passages([text for _, text in corpus], PASSAGES, real_verse.LINES)


def measure_sides(
    texts: dict[str, list[tuple[str, ...]]], real: list[tuple[str, ...]], request: Request
) -> dict[str, "Side"]:
    """The figures of each set of samples, then of the corpus and of other verse, cut to the lengths of the first."""
    from encoder.dataset import to_text
    from poetics.judging import figures
    from poetics.judging.copies import Index
    from poetics.judging.page import Side

    corpus: list[tuple[str, str]] = []
    if request.corpus:
        corpus = list(to_text.read_corpus(request.corpus, request.model_name, request.models_dir))
    index = Index(corpus) if corpus else None
    sides = {}
    for name, samples in texts.items():
        found = figures.with_likeness(figures.measure(samples), samples, alike(real, samples))
        found = dataclasses.replace(found, val_bits=held_out_bits(request))
        copies = [index.find("\n".join(text)) for text in samples] if index else []
        sides[name] = Side(figures.with_copies(found, copies) if copies else found, samples, copies)
    first = next(iter(texts.values()))
    others = {"its corpus": corpus_passages(corpus)} if corpus else {}
    for name, source in (others | {"real verse" if request.beside == REAL else request.beside: real}).items():
        if cut := alike(source, first):
            sides[name] = Side(figures.measure(cut), cut)
    return sides


def alike(source: Sequence[tuple[str, ...]], samples: Sequence[tuple[str, ...]]) -> list[tuple[str, ...]]:
    """Texts with as many lines as samples, as many texts as there are lines for."""
    from poetics.judging.figures import of_same_lengths

    lengths = [len(text) for text in samples]
    return of_same_lengths(source, lengths * (1 + sum(map(len, source)) // sum(lengths)))


def held_out_bits(request: Request) -> float | None:
    """Bits a character of held-out verse, at the last step of the run at which they were measured."""
    from system import files

    if not request.run_name:
        return None
    path = f"{request.checkpoint_dir}/{request.run_name}/log.jsonl"
    rows = [
        row for row in files.read_text(path).splitlines() if row.endswith("}")
    ]  # A crash may have cut the last one.
    for number, row in reversed(list(enumerate(rows, start=1))):
        try:
            if "val_bits" in (step := files.parse_json(row, "an object of a step")):
                return float(step["val_bits"])
        except (UserError, TypeError, ValueError) as error:
            raise UserError(f"{path}: line {number}: {error}; remove that line") from None
    return None


def print_table(figures: dict) -> None:
    """The figures, a column a set, then the feet and forms of each."""
    from poetics.judging.figures import Figures
    from poetics.judging.labels import labels_of
    from poetics.judging.page import shown

    names = [os.path.basename(name) for name in figures]
    width = max(12, *(len(name) + 2 for name in names))
    print(" " * 38 + "".join(f"{name:>{width}}" for name in names))
    for key, label in labels_of(Figures).items():
        if any(getattr(column, key) is not None for column in figures.values()):
            print(f"{label:38}" + "".join(f"{shown(getattr(column, key)):>{width}}" for column in figures.values()))
    for name, column in figures.items():
        for what, of_what in (("feet", column.feet), ("forms", column.forms)):
            print(f"{name}: {what} " + (", ".join(f"{key} {share:.0%}" for key, share in of_what.items()) or "none"))


def as_dict(side: "Side") -> dict:
    """What is written of a set of texts."""
    found = dataclasses.asdict(side.figures)
    found["copies"] = [[run._asdict() for run in copies.runs] for copies in side.copies]
    return found


def write(path: str, content: str) -> None:
    """Writes a file whole, and says so."""
    from system import files

    files.write_file(path, content.encode())
    logger.info(f"{path}: written")


if __name__ == "__main__":
    command_line.run(main)
