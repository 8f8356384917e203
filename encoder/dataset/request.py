"""What a dataset is to be made of, and how: the flags of `prepare_corpus.py`."""

import dataclasses
from typing import Annotated, Literal

from poems.division import pattern_of
from poems.layout import Layout
from system.errors import UserError
from system.flags import AtLeast, Below, check_flags

DEMO_OUT = "demo.npz"


@dataclasses.dataclass(frozen=True, kw_only=True)
class Request:
    """Turns poems into tokens.

    A SOURCE is a file, a folder of files, a glob in quotes, or the word gutenberg: the Gutenberg Poetry Corpus. The
    format of a file is recognised from its first bytes. A book of Project Gutenberg is cut into its poems. Rows of
    JSON are lines of verse, {"s": line, "gid": book}, with or without a number "line", or poems, {"text": poem}. A
    table (.csv, .tsv, .parquet) holds poems, recognised by the names of its columns. In a document (.docx, .odt,
    .epub) headings are the titles of poems. All other text is one document, or several with <|endoftext|> between
    them, or is divided by --divide. Packed files (.gz) are unpacked. An .npz of the original encode.py, if you name it
    yourself, is decoded and encoded again, with one true end of text. Without SOURCE and OUT.npz the verse of the
    demo, 263 poems of Emily Dickinson, goes to demo.npz.

    Attributes:
      What to read and write
        sources: what to read, and last where to write: a name that ends in .npz.
        encoding: the encoding of text and tables that are not UTF-8 and do not declare their own, such as cp1252; by
          default it is guessed, and reported.
        divide: divides plain text, .docx and .odt into poems at lines of stars (stars), at two or more blank lines
          (blank), or at lines that match a regular expression; a first line alone before a blank one is the title.
        books: a table gid,author,title of the books that rows of JSON know by number.
        weight: how often the poems of each source appear in the dataset, a number for each: 1,3 or 1,0.5.
        held_out: the share of documents that training leaves for validation.
        report: an .html page to write, on what was done to the poems.

      What the model sees of a poem
        layout: plain is the poem alone; prefix puts the book's number or the author, and a bar, before every line;
          poem puts a line "Title", by Author [Tags] before the poem. Default: poem if a source has titles or authors,
          else plain.
        prefix: what stands before the lines in the layout prefix. Default: book.
        on: cleaning rules to switch on, separated by commas; the documentation has a table.
        off: cleaning rules to switch off; all leaves only those that are switched on.

      The vocabulary
        model_name: the model whose vocabulary to use, or a Hugging Face folder. Default: 124M; the demo's without
          any SOURCE.
        models_dir: the folder of the model folders.
        train_vocab: train a vocabulary of this many tokens on the sources, for a new model called --model_name.

      To look into a dataset
        inspect: prints what is in a dataset and decodes a few poems; writes nothing.
    """

    sources: Annotated[tuple[str, ...], "SOURCE... OUT.npz"] = ()
    encoding: str = "utf-8"
    divide: Annotated[str | None, "stars|blank|PATTERN"] = None
    books: Annotated[str | None, "TABLE.csv"] = None
    weight: Annotated[str | None, "NUMBER,NUMBER..."] = None
    held_out: Annotated[float, AtLeast(0), Below(1)] = 0.05
    report: Annotated[str | None, "FILE.html"] = None
    layout: Literal["plain", "prefix", "poem"] | None = None
    prefix: Literal["book", "author"] | None = None
    on: Annotated[str, "RULE,RULE..."] = ""
    off: Annotated[str, "RULE,RULE..."] = ""
    model_name: Annotated[str | None, "NAME"] = None
    models_dir: Annotated[str, "FOLDER"] = "models"
    train_vocab: int | None = None
    inspect: Annotated[str | None, "FILE.npz"] = None

    def __post_init__(self) -> None:
        check_flags(self)
        if self.divide is not None:
            pattern_of(self.divide)
        if self.inspect is not None and self.sources:
            raise UserError(f"--inspect only looks into {self.inspect}, found {self.sources[0]} as well; leave it out")
        if self.sources and not self.sources[-1].endswith(".npz"):
            raise UserError(f"the last argument is {self.sources[-1]}, expected where to write: SOURCE... OUT.npz")
        if len(self.sources) == 1:
            raise UserError(f"nothing to read, only {self.sources[0]} to write to; expected SOURCE... OUT.npz")
        if self.prefix is not None and self.layout != "prefix":
            found = f"--layout {self.layout}; leave it out" if self.layout else "no --layout; add --layout prefix"
            raise UserError(f"--prefix {self.prefix} is for --layout prefix, found {found}")

    @property
    def paths(self) -> tuple[str, ...]:
        """What to read; nothing for the demo."""
        return self.sources[:-1]

    @property
    def out(self) -> str:
        """Where to write the dataset."""
        return self.sources[-1] if self.sources else DEMO_OUT

    def laid_out(self, has_names: bool) -> Layout:
        """The layout, with its prefix; if none is named, the one that shows titles and authors where there are some."""
        return Layout(self.layout or ("poem" if has_names else "plain"), self.prefix or "book")

    @property
    def switched_on(self) -> list[str]:
        """The cleaning rules to switch on."""
        return split_names(self.on)

    @property
    def switched_off(self) -> list[str]:
        """The cleaning rules to switch off."""
        return split_names(self.off)

    def weights(self, n_sources: int) -> list[float]:
        """The weight of each source, 1 by default.

        Raises:
          UserError: `weight` holds something else than numbers.
        """
        if self.weight is None:
            return [1.0] * n_sources
        try:
            return [float(number) for number in self.weight.split(",")]
        except ValueError:
            raise UserError(f"--weight is {self.weight}, expected numbers separated by commas, such as 1,3") from None

    def made_with(self, model_name: str | None) -> dict[str, object]:
        """What OUT.json notes of the flags."""
        names = ("encoding", "divide", "books", "weight", "held_out", "train_vocab")
        return {"model_name": model_name} | {name: getattr(self, name) for name in names}


def split_names(names: str) -> list[str]:
    """Names separated by commas."""
    return [name.strip() for name in names.split(",") if name.strip()]
