"""Turns poems into the tokens that train.py takes: python prepare_corpus.py poems.txt poetry.npz"""

import dataclasses
import logging
import os
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from encoder.dataset.request import Request
from gpt2.formats import foreign
from system import command_line, model_folders

if TYPE_CHECKING:
    from encoder import Encoder
    from poems.corpus import Corpus
    from poems.layout import Layout
    from poems.poem import Book
    from poems.sources.sources import Source

logger = logging.getLogger("gpt2")


def main(request: Request) -> None:
    """Makes a dataset, or prints what is in one."""
    if request.inspect is not None:
        print_dataset(with_own_model(request), request.inspect)
    else:
        print("\n".join(prepare(request)))


def with_own_model(request: Request) -> Request:
    """The same request, in which a model of Hugging Face's is that which was converted from it."""
    if request.model_name is not None and request.train_vocab is None:
        own_name = foreign.own_name(request.model_name, request.models_dir)
        request = dataclasses.replace(request, model_name=own_name)
    return request


def prepare(request: Request) -> list[str]:
    """Makes a dataset; the lines that tell what became of the poems."""
    request = with_own_model(request)
    from encoder.dataset import summary, writer
    from poems.cleaning.rules import choose_rules
    from poems.corpus import Corpus
    from poems.sources import book_table
    from poems.sources.sources import reading

    books = book_table.read_books(request.books) if request.books else {}
    sources = find_sources(request, books)
    weights = request.weights(len(sources))
    check(request, sources, weights)
    layout = find_layout(request, sources, books)
    rules = choose_rules(layout.name, request.switched_on, request.switched_off)
    model_name = find_model(request)
    enc = find_encoder(request, sources, (layout, rules), model_name)
    with reading(sources, "encoding") as read:
        corpus = Corpus(read, layout, rules)
        made_with = request.made_with(model_name)
        made = writer.write_dataset(
            request.out, corpus, enc, held_out=request.held_out, weights=weights, made_with=made_with
        )
    for note in summary.notes(sources, request.books, books):
        logger.info(note)
    chosen = [summary.WHY_POEM] if request.layout is None and layout.name == "poem" else []
    lines = [*summary.summarize(made), *chosen, f"{corpus.summary()}."]
    lines.append(f"written: {request.out}, {summary.described(made)}")
    if request.report is not None:
        write_report(request.report, request.out, corpus, lines)
        lines.append(f"report: {request.report}")
    return lines


def find_model(request: Request) -> str | None:
    """The model whose vocabulary to use; None if --train_vocab is given without a name for the new one."""
    if request.model_name is not None or request.train_vocab is not None:
        return request.model_name
    command: model_folders.Command = "prepare_corpus.py SOURCE OUT.npz" if request.paths else "prepare_corpus.py"
    choice = model_folders.choose_model(command, request.models_dir)
    if choice.message:
        logger.info(choice.message)
    return choice.model_name


def find_sources(request: Request, books: "Mapping[str, Book]") -> "list[Source]":
    """What to read; files of a folder that hold no verse are listed."""
    from encoder.dataset import summary
    from encoder.dataset.to_text import text_of_npz
    from poems.sources.sources import demo, find_source

    def decode(path: str) -> Iterator[str]:
        return text_of_npz(path, find_model(request) or "124M", request.models_dir)

    read = (find_source(path, request.encoding, books, decode, request.divide) for path in request.paths)
    sources = list(read) or [demo()]
    for note in filter(None, map(summary.skipped, sources)):
        logger.info(note)
    return sources


def check(request: Request, sources: "Sequence[Source]", weights: Sequence[float]) -> None:
    """Raises an error for what would fail later, before any work is done."""
    from encoder.dataset import checks

    checks.check_out(request.out, sources, request.books)
    checks.check_weights(weights, sources)
    if request.report is not None:
        checks.check_report(request.report, request.out, sources, request.books)


def find_layout(request: Request, sources: "Sequence[Source]", books: "Mapping[str, Book]") -> "Layout":
    """The layout that is asked for; if none is, the one that shows titles and authors where the sources have them."""
    from encoder.dataset import checks
    from poems.sources.sources import has_names

    named = request.layout is None and any(has_names(source, books) for source in sources)
    layout = request.laid_out(named and all(source.name != "gutenberg" for source in sources))
    checks.check_sources(sources, layout, twice=request.train_vocab is not None)
    return layout


def find_encoder(
    request: Request, sources: "Sequence[Source]", form: "tuple[Layout, Sequence[str]]", model_name: str | None
) -> "Encoder":
    """The encoder of the model; one is trained if --train_vocab asks for it.

    Args:
      form: the layout of the poems, and the rules by which they are cleaned.
    """
    import encoder
    from gpt2 import new_model
    from poems.sources.sources import reading

    if request.train_vocab is not None:
        folder = new_model.check_name(model_name, request.models_dir, request.train_vocab)
        with reading(sources, "learning the vocabulary") as read:
            return new_model.new_encoder(folder, read, *form, request.train_vocab)
    return encoder.get_encoder(model_name or "124M", request.models_dir)


def write_report(path: str, out: str, corpus: "Corpus", lines: Sequence[str]) -> None:
    """Writes the page on what was done to the poems of a dataset."""
    from encoder.dataset import summary
    from poems.cleaning import report
    from poems.layout import NAMES, Layout, lay_out

    names = (f"{number}. {source.name}" for number, source in enumerate(corpus.sources, start=1))
    counts = dict(zip(names, corpus.counts, strict=True))
    facts = {"dataset": list(lines)} | summary.all_files(corpus.sources)
    places = [path, out, *(source.name for source in corpus.sources)]
    poem, chosen = corpus.example(), corpus.layout
    layouts = [chosen, *(Layout(name) for name in NAMES if name != chosen.name)] if poem else []
    about = report.Report(
        f"The corpus {os.path.basename(out)}",
        counts,
        f"{corpus.summary()}.",
        facts,
        corpus.rules,
        shown={layout.name: lay_out(poem, layout).text for layout in layouts if poem},
        folders={folder for place in places if (folder := os.path.dirname(place.rstrip("/")))},
    )
    report.write_report(path, about)


def print_dataset(request: Request, path: str) -> None:
    """Prints what is in a dataset, and a few of its poems, by the vocabulary that it was made with."""
    import encoder
    from encoder.dataset import reader
    from encoder.dataset.about import read_about
    from encoder.dataset.inspection import lines_about

    made_with = read_about(reader.local_copy(path)).get("made_with", {})
    model_name = request.model_name or made_with.get("model_name")
    if model_name is None:
        model_name = model_folders.choose_model("prepare_corpus.py SOURCE OUT.npz", request.models_dir).model_name
    enc = encoder.get_encoder(str(model_name), request.models_dir)
    dataset = reader.open_dataset(path, enc.n_vocab, enc.fingerprint, str(model_name))
    for line in lines_about(dataset.arrays, dataset.about, enc):
        print(line)


if __name__ == "__main__":
    command_line.run(main)
