"""Turns poems into the tokens that train.py takes: python prepare_corpus.py poems.txt poetry.npz"""

import dataclasses
import json
import os
import sys
from collections.abc import Iterator

from gpt2 import command_line

DEMO_OUT = "demo.npz"


def main(
    *sources: str,
    model_name: str | None = None,
    models_dir: str = "models",
    layout: str = "plain",
    prefix: str = "book",
    encoding: str = "utf-8",
    books: str | None = None,
    held_out: float = 0.05,
    train_vocab: int | None = None,
) -> None:
    """Turns poems into tokens: SOURCE... OUT.npz.

    A SOURCE is a file, a folder of them, a glob in quotes, or the word gutenberg: the Gutenberg Poetry Corpus. What a
    file holds is told by its beginning: a book of Project Gutenberg is cut into its poems; rows of JSON are lines of
    verse, {"s": line, "gid": book}, with or without a number "line"; a table is of poems, by the names of its columns;
    any other text is one document, or several where <|endoftext|> stands in it. Packed files (.gz) are unpacked.
    Without any SOURCE and OUT.npz the
    demo's verse, fifteen books of that corpus, goes to demo.npz.

    Args:
      sources: what to read, and last of all where to write: a name that ends in .npz.
      model_name: whose vocabulary to use. Default: 124M, or the demo's while 124M is not there.
      models_dir: the folder of the model folders.
      layout: plain, the poem alone; prefix, the book's number or the author and a bar before every line; or poem,
        a line "Title", by Author [Tags] before the poem.
      prefix: what stands before the lines in the layout prefix: book or author.
      encoding: of text, books and tables.
      books: a table gid,author,title of the books that rows of JSON know by number.
      held_out: the share of documents that training leaves for validation.
      train_vocab: train a vocabulary of so many tokens on the sources, as that of a new model called --model_name.
    """
    from encoder import dataset
    from poems import book_table
    from poems import sources as poems_sources
    from poems.layout import Layout

    *paths, out = split_arguments(sources)
    table = book_table.read_books(books) if books else {}
    laid_out = Layout(layout, prefix)
    found = [poems_sources.find(path, encoding, table, laid_out) for path in paths] or [poems_sources.demo()]
    dataset.check_out(out, found)
    dataset.check_share(held_out)
    for source in found:
        if source.skipped:
            say(f"{source.name}: skipped {len(source.skipped)} that are not text: {', '.join(source.skipped)}")
    if train_vocab is not None:
        enc = train_encoder(found, model_name, models_dir, train_vocab)
    else:
        enc = choose_encoder(model_name, models_dir)
    flags = {
        "model_name": model_name,
        "encoding": encoding,
        "books": books,
        "held_out": held_out,
        "train_vocab": train_vocab,
    }
    with progress_bar("encoding", found) as bar:
        summary = dataset.write_dataset(out, found, enc, held_out, made_with=flags, progress=bar.update)
    for source in found:
        for line in left_out(source):
            say(line)
    print(report(out, summary))


def split_arguments(arguments: tuple[str, ...]) -> tuple[str, ...]:
    """The arguments, of which the last is where to write.

    Raises:
      ValueError: it is no .npz, or it is all there is.
    """
    if not arguments:
        return (DEMO_OUT,)
    if not arguments[-1].endswith(".npz"):
        raise ValueError(f"the last argument is {arguments[-1]}, expected where to write: SOURCE... OUT.npz")
    if len(arguments) == 1:
        raise ValueError(f"nothing to read, only {arguments[0]} to write to; expected SOURCE... OUT.npz")
    return arguments


def choose_encoder(model_name: str | None, models_dir: str):
    """The encoder of a model; of the demo when none is named and 124M is not there, trained first if need be."""
    import encoder
    from encoder import own
    from gpt2.hparams import read_hparams
    from poems import files
    from poems import sources as poems_sources

    if model_name is None and not files.has_model("124M", models_dir):
        model_name = "demo"
        folder = os.path.join(models_dir, "124M")
        say(f"{folder} is not here, so the vocabulary is that of the demo, {os.path.join(models_dir, 'demo')}")
    if model_name != "demo":
        return encoder.get_encoder(model_name or "124M", models_dir)
    folder = os.path.join(models_dir, "demo")
    write_hparams(folder)
    verse = [] if own.has_vocabulary(folder) else [poems_sources.demo()]
    with progress_bar("learning the demo's vocabulary", verse) as bar:
        return own.keep_encoder(folder, watched(verse, bar), read_hparams(folder).n_vocab)


def train_encoder(found, model_name: str | None, models_dir: str, n_vocab: int):
    """The encoder of a new model, its vocabulary trained on the sources.

    Raises:
      ValueError: the model has no name of its own, or another vocabulary.
    """
    from encoder import own
    from gpt2.hparams import MODELS, read_hparams
    from poems import files

    if model_name is None or model_name in MODELS or model_name in files.OTHER_NAMES:
        wrong = "not given" if model_name is None else f"{model_name}, a model of OpenAI with its own vocabulary"
        raise ValueError(f"--model_name is {wrong}; --train_vocab makes a new model, give it a new name")
    folder = os.path.join(models_dir, model_name)
    path = os.path.join(folder, "hparams.json")
    if files.exists(path) and read_hparams(folder).n_vocab != n_vocab:
        raise ValueError(f"{path}: n_vocab is {read_hparams(folder).n_vocab}, expected {n_vocab}, from --train_vocab")
    with progress_bar("learning the vocabulary", found) as bar:
        enc = own.train_encoder(folder, watched(found, bar), n_vocab)
    write_hparams(folder, n_vocab=n_vocab)  # last, so that a failure leaves no sizes without their vocabulary
    return enc


def write_hparams(folder: str, **sizes: int) -> None:
    """Gives a model folder without hparams.json the sizes of the demo, but for those given, and says so."""
    from gpt2.hparams import read_hparams
    from poems import files

    path = os.path.join(folder, "hparams.json")
    if files.exists(path):
        return
    hparams = dataclasses.replace(read_hparams(os.path.join(command_line.PROJECT, "models", "demo")), **sizes)
    files.make_folder(folder)
    text = json.dumps(dataclasses.asdict(hparams))
    with files.open_file(path, "w") as file:
        file.write(f"{text}\n")
    say(f"{path}: written, the sizes of the model: {text}")


def watched(found, bar):
    """The text of the sources, in pieces, while the bar moves on."""
    from poems import sources as poems_sources

    for text in poems_sources.texts(found):
        bar.update(len(text.encode()))
        yield text


def progress_bar(title: str, found):
    """A bar that counts the bytes of the sources; only on a terminal."""
    from tqdm import tqdm

    return tqdm(total=sum(source.n_bytes for source in found), desc=title, unit="B", unit_scale=True, disable=None)


def report(out: str, summary: dict) -> str:
    """What was written, in a few lines."""
    n_tokens = sum(source["n_tokens"] for source in summary["sources"])
    lines = [describe(source) for source in summary["sources"]]
    n_held_out = sum(map(len, summary["held_out"].values()))
    if n_held_out:
        held_out = f"{summary['held_out_tokens']:,} tokens, {summary['held_out_tokens'] / n_tokens:.1%} of them"
        lines.append(f"held out for validation: {documents(n_held_out)}, {held_out}")
    elif summary["made_with"]["held_out"]:
        lines.append("held out for validation: nothing, which takes two different documents at least")
    return "\n".join(
        [*lines, f"written: {out}, {n_tokens:,} tokens, vocabulary of {summary['vocabulary']['n_vocab']:,}"]
    )


def describe(source: dict) -> str:
    """One line about a source."""
    return (
        f"{source['name']}: {documents(source['n_documents'])}, {source['n_tokens']:,} tokens, "
        f"{source['n_characters'] / source['n_tokens']:.2f} characters a token"
    )


def left_out(source) -> Iterator[str]:
    """What was read of a source and not taken, a line for each file and reason, and what else a user ought to know."""
    for path, rows in source.accounts.items():
        for reason, number in (rows.bad + rows.dropped).most_common():
            yield f"{path}: left out {number:,} times: {reason}"
        breaks = {gap: number for gap, number in rows.gaps.items() if gap > 0}
        if breaks:
            longer = sum(number for gap, number in breaks.items() if gap > 1)
            yield (
                f"{path}: {sum(breaks.values()):,} stanza breaks made of missing line numbers, {longer:,} of them of "
                "more than one; some are lines that the corpus dropped"
            )
        yield from (f"{path}: {note}" for note in rows.notes)


def documents(number: int) -> str:
    """The number with its word."""
    return f"{number:,} document{'' if number == 1 else 's'}"


def say(text: str) -> None:
    """A message, away from the results."""
    print(f"prepare_corpus.py: {text}", file=sys.stderr)


if __name__ == "__main__":
    command_line.run(main)
