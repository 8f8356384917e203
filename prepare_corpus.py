"""Turns poems into the tokens that train.py takes: python prepare_corpus.py poems.txt poetry.npz"""

import dataclasses
import json
import logging
import os
from collections.abc import Iterator

from system import command_line
from system.errors import UserError

logger = logging.getLogger("gpt2")

DEMO_OUT = "demo.npz"


def main(
    *sources: str,
    model_name: str | None = None,
    models_dir: str = "models",
    layout: str = "plain",
    prefix: str | None = None,
    encoding: str = "utf-8",
    books: str | None = None,
    on: str = "",
    off: str = "",
    weight: str | None = None,
    held_out: float = 0.05,
    report: str | None = None,
    train_vocab: int | None = None,
    inspect: str | None = None,
) -> None:
    """Turns poems into tokens: SOURCE... OUT.npz.

    A SOURCE is a file, a folder of them, a glob in quotes, or the word gutenberg: the Gutenberg Poetry Corpus. What a
    file holds is told by its beginning: a book of Project Gutenberg is cut into its poems; rows of JSON are lines of
    verse, {"s": line, "gid": book}, with or without a number "line"; a table is of poems, by the names of its columns;
    any other text is one document, or several where <|endoftext|> stands in it. Packed files (.gz) are unpacked. An
    .npz of the original encode.py, named itself, is decoded and encoded anew, with one true end of text. Without any
    SOURCE and OUT.npz the demo's verse, fifteen books of that corpus, goes to demo.npz.

    Args:
      sources: what to read, and last of all where to write: a name that ends in .npz.
      model_name: whose vocabulary to use. Default: 124M, or the demo's while 124M is not there.
      models_dir: the folder of the model folders.
      layout: plain, the poem alone; prefix, the book's number or the author and a bar before every line; or poem,
        a line "Title", by Author [Tags] before the poem.
      prefix: what stands before the lines in the layout prefix: book or author. Default: book.
      encoding: of text and tables that do not declare their own.
      books: a table gid,author,title of the books that rows of JSON know by number.
      on: cleaning rules to switch on, with commas between them; the README has a table.
      off: cleaning rules to switch off; all leaves those that are switched on.
      weight: how often the poems of each source are to stand in the dataset, a number for each: 1,3 or 1,0.5.
      held_out: the share of documents that training leaves for validation.
      report: an .html page to write, on what was done to the poems.
      train_vocab: train a vocabulary of so many tokens on the sources, as that of a new model called --model_name.
      inspect: a dataset to look into: says what is in it and decodes a few poems; nothing is written.
    """
    from encoder.dataset import npz, writer
    from encoder.dataset.summary import described, left_out, not_named, summarize
    from poems.cleaning import report as poems_report
    from poems.cleaning.rules import choose_rules
    from poems.corpus import Corpus
    from poems.layout import Layout
    from poems.sources import book_table
    from poems.sources import sources as poems_sources

    if inspect is not None:
        if sources:
            raise UserError(f"--inspect only looks into {inspect}, found {sources[0]} as well; leave it out")
        print_dataset(inspect, model_name, models_dir)
        return
    *paths, out = split_arguments(sources)
    if prefix is not None and layout != "prefix":
        raise UserError(f"--prefix {prefix} is for --layout prefix, found --layout {layout}; leave it out")
    laid_out = Layout(layout, prefix or "book")
    rules = choose_rules(layout, split_names(on), split_names(off))
    table = book_table.read_books(books) if books else {}
    found = [
        poems_sources.find_source(path, encoding, table, lambda npz: text_of_npz(npz, enc, model_name))
        for path in paths
    ] or [poems_sources.demo()]
    weights = split_weights(weight, len(found))
    check_sources(found, laid_out, train_vocab)
    writer.check_out(out, found, books)
    writer.check_share(held_out)
    writer.check_weights(weights, found)
    if report is not None:
        written = dict.fromkeys((out, npz.json_path(out)), "the dataset")
        check_report(report, writer.what_is_read(found, books) | written)
    for source in found:
        if source.skipped:
            logger.info(f"{source.name}: skipped {len(source.skipped)} that hold no verse: {', '.join(source.skipped)}")
    if train_vocab is not None:
        enc = train_encoder(found, laid_out, rules, model_name, models_dir, train_vocab)
    else:
        model_name = choose_model(model_name, models_dir)
        enc = choose_encoder(model_name, models_dir)
    flags = {
        "model_name": model_name,
        "encoding": encoding,
        "books": books,
        "weight": weight,
        "held_out": held_out,
        "train_vocab": train_vocab,
    }
    corpus = Corpus(found, laid_out, rules)
    with progress_bar("encoding", found) as bar:
        summary = writer.write_dataset(out, corpus, enc, held_out, weights, flags, progress=bar.update)
    for source in found:
        for line in left_out(source):
            logger.info(line)
    if books and (unnamed := not_named(table, found)):
        logger.info(f"{books}: {unnamed}")
    lines = [*summarize(summary), f"written: {out}, {described(summary)}"]
    if report is not None:
        names = (f"{number}. {source.name}" for number, source in enumerate(found, start=1))
        counts = dict(zip(names, corpus.counts, strict=True))
        poems_report.write_report(report, f"The corpus {os.path.basename(out)}", counts, {"dataset": lines})
        lines.append(f"report: {report}")
    print("\n".join(lines))


def print_dataset(path: str, model_name: str | None, models_dir: str) -> None:
    """Says what is in a dataset, and prints a few of its poems, by the vocabulary that it was made with."""
    import encoder
    from encoder.dataset import reader
    from encoder.dataset.inspection import lines_about

    made_with = reader.read_about(reader.local_copy(path)).get("made_with", {})
    model_name = model_name or made_with.get("model_name") or choose_model(None, models_dir)
    enc = encoder.get_encoder(model_name, models_dir)
    dataset = reader.open_dataset(path, enc.n_vocab, enc.fingerprint, model_name)
    for line in lines_about(dataset.arrays, dataset.about, enc):
        print(line)


def text_of_npz(path: str, enc, model_name: str | None) -> Iterator[str]:
    """The text of an .npz, which was encoded with the same vocabulary."""
    from encoder.dataset import reader
    from encoder.dataset.to_text import text_of

    dataset = reader.open_dataset(path, enc.n_vocab, enc.fingerprint, model_name or "124M")
    if dataset.about.get("layout", {"name": "plain"})["name"] != "plain":
        raise UserError(f"{path}: has a prefix before its poems or lines already; prepare it from its own sources")
    return text_of(dataset.arrays.values(), enc)


def split_names(names: str) -> list[str]:
    """Names with commas between them."""
    return [name.strip() for name in names.split(",") if name.strip()]


def split_weights(weight: str | None, n_sources: int) -> list[float]:
    """The weight of each source, 1 where none is given.

    Raises:
      ValueError: one of them is no number.
    """
    if weight is None:
        return [1.0] * n_sources
    try:
        return [float(number) for number in weight.split(",")]
    except ValueError:
        raise UserError(f"--weight is {weight}, expected numbers with commas between them, such as 1,3") from None


def check_sources(found, layout, train_vocab: int | None) -> None:
    """Raises a ValueError for a source that cannot be laid out, or read without the vocabulary that is to be made."""
    for source in found:
        if source.name == "gutenberg" and layout.name != "plain":
            raise UserError(
                f"gutenberg: cannot take the layout {layout.name}, since it tells no poems apart; use plain"
            )
        if train_vocab is not None and not all(map(can_be_read_twice, source.files)):
            raise UserError(f"{source.name}: can be read only once, and --train_vocab reads twice; give it as a file")
        if train_vocab is not None and any(path.endswith(".npz") for path in source.files):
            raise UserError(f"{source.name}: encoded already, so no vocabulary can be trained on it; give its text")


def can_be_read_twice(path: str) -> bool:
    """Whether a source is a file, and no pipe."""
    from system import files

    return files.is_remote(path) or os.path.isfile(path)


def check_report(path: str, taken: dict[str, str]) -> None:
    """Raises an error for a report that could not be written, or only over one of the files taken."""
    from poems.cleaning import report
    from system import files

    for place in (path, report.numbers_path(path)):
        files.check_place(place, taken)


def split_arguments(arguments: tuple[str, ...]) -> tuple[str, ...]:
    """The arguments, of which the last is where to write.

    Raises:
      ValueError: it is no .npz, or it is all there is.
    """
    if not arguments:
        return (DEMO_OUT,)
    if not arguments[-1].endswith(".npz"):
        raise UserError(f"the last argument is {arguments[-1]}, expected where to write: SOURCE... OUT.npz")
    if len(arguments) == 1:
        raise UserError(f"nothing to read, only {arguments[0]} to write to; expected SOURCE... OUT.npz")
    return arguments


def choose_model(model_name: str | None, models_dir: str) -> str:
    """The model whose vocabulary to use: the demo, which is said, when none is named and 124M is not there."""
    from system import model_folders

    if model_name is not None or model_folders.has_model("124M", models_dir):
        return model_name or "124M"
    folder = os.path.join(models_dir, "124M")
    logger.info(f"{folder} is not here, so the vocabulary is that of the demo, {os.path.join(models_dir, 'demo')}")
    return "demo"


def choose_encoder(model_name: str, models_dir: str):
    """The encoder of a model; that of the demo is trained first if need be."""
    import encoder
    from encoder import trainer
    from gpt2.hparams import read_hparams
    from poems import corpus
    from poems.sources import sources as poems_sources

    if model_name != "demo":
        return encoder.get_encoder(model_name, models_dir)
    folder = os.path.join(models_dir, "demo")
    write_hparams(folder)
    verse = [] if trainer.has_vocabulary(folder) else [poems_sources.demo()]
    with progress_bar("learning the demo's vocabulary", verse) as bar:
        texts = corpus.texts(verse, corpus.PLAIN, (), bar.update)
        return trainer.keep_encoder(folder, texts, read_hparams(folder).n_vocab)


def train_encoder(found, layout, rules, model_name: str | None, models_dir: str, n_vocab: int):
    """The encoder of a new model, its vocabulary trained on the sources as they are to be encoded.

    Raises:
      ValueError: the model has no name of its own, or another vocabulary.
    """
    from encoder import trainer
    from gpt2.hparams import MODELS, read_hparams
    from poems import corpus
    from system import files, model_folders

    if model_name is None or model_name in MODELS or model_name in model_folders.OTHER_NAMES:
        wrong = "not given" if model_name is None else f"{model_name}, a model of OpenAI with its own vocabulary"
        raise UserError(f"--model_name is {wrong}; --train_vocab makes a new model, give it a new name")
    folder = os.path.join(models_dir, model_name)
    path = os.path.join(folder, "hparams.json")
    if files.exists(path) and read_hparams(folder).n_vocab != n_vocab:
        raise UserError(f"{path}: n_vocab is {read_hparams(folder).n_vocab}, expected {n_vocab}, from --train_vocab")
    with progress_bar("learning the vocabulary", found) as bar:
        enc = trainer.train_encoder(folder, corpus.texts(found, layout, rules, bar.update), n_vocab)
    write_hparams(folder, n_vocab=n_vocab)  # last, so that a failure leaves no sizes without their vocabulary
    return enc


def write_hparams(folder: str, **sizes: int) -> None:
    """Gives a model folder without hparams.json the sizes of the demo, but for those given, and says so."""
    from gpt2.hparams import read_hparams
    from system import files

    path = os.path.join(folder, "hparams.json")
    if files.exists(path):
        return
    hparams = dataclasses.replace(read_hparams(os.path.join(command_line.PROJECT, "models", "demo")), **sizes)
    files.make_folder(folder)
    text = json.dumps(dataclasses.asdict(hparams))
    with files.open_file(path, "w") as file:
        file.write(f"{text}\n")
    logger.info(f"{path}: written, the sizes of the model: {text}")


def progress_bar(title: str, found):
    """A bar that counts the bytes of the sources; only on a terminal."""
    from tqdm import tqdm

    return tqdm(total=sum(source.n_bytes for source in found), desc=title, unit="B", unit_scale=True, disable=None)


if __name__ == "__main__":
    command_line.run(main)
