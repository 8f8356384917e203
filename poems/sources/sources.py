"""Where poems come from: files, folders and globs, here or far away, and the Gutenberg Poetry Corpus."""

import codecs
import contextlib
import dataclasses
import glob
import itertools
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from poems.poem import Book, Dropped, Poem
from poems.sources import gutenberg_corpus, text_file
from poems.sources.account import Rows
from poems.sources.formats import NO_BOOKS, kind_of, read_poems, read_text
from poems.sources.other_formats import has_other_ending
from system import files
from system.console import overwrites_lines
from system.errors import UnreadableFile, UserError

DEMO = os.path.join(os.path.dirname(os.path.dirname(__file__)), "data", "dickinson.txt")
FIRST = 20  # poems of a file that are looked at for titles

Progress = Callable[[int], object]  # takes how many bytes were read since its last call
Tell = Callable[[Dropped], object]  # takes whatever is read and not taken


def ignore(_: object) -> None:
    """Takes no note."""


@dataclasses.dataclass(frozen=True)
class Source:
    """One argument of the command line: a file, a folder, a glob or the word `gutenberg`.

    Attributes:
      name: the argument as it was given.
      read: begins to read, each time it is called.
      files: what is read, in this order.
      encoding: of the files that are not UTF-8; utf-8 if nobody knows.
      divide: at what lines plain text is divided into poems; None if it is not.
      skipped: files of the folder or the glob that hold no verse.
      n_bytes: how much text there is, about.
      accounts: of each file, what was not taken, once it has been read.
      progress: is called while the source is read.
    """

    name: str
    read: Callable[[Progress, Tell], Iterator[Poem]]
    files: tuple[str, ...]
    encoding: str = "utf-8"
    divide: str | None = None
    skipped: tuple[str, ...] = ()
    n_bytes: int = 0
    accounts: dict[str, Rows] = dataclasses.field(default_factory=dict)
    progress: Progress = ignore

    def poems(self, tell: Tell = ignore) -> Iterator[Poem]:
        """The poems, read from the beginning."""
        return self.read(self.progress, tell)


@contextlib.contextmanager
def reading(sources: Sequence[Source], title: str) -> Iterator[list[Source]]:
    """The sources, with a bar on the terminal or in a notebook that counts the bytes that are read of them."""
    from tqdm import tqdm  # here, so that --help need not wait for it

    total = sum(source.n_bytes for source in sources)
    hidden = not overwrites_lines()
    with tqdm(total=total, desc=title, unit="B", unit_scale=True, disable=hidden, delay=1) as bar:
        yield [dataclasses.replace(source, progress=bar.update) for source in sources]


def find_source(
    name: str,
    encoding: str = "utf-8",
    books: Mapping[str, Book] = NO_BOOKS,
    decode: Callable[[str], Iterable[str]] | None = None,
    divide: str | None = None,
) -> Source:
    """The source that an argument names; `gutenberg` is the whole corpus, `./gutenberg` a file or folder of that name.

    Args:
      books: authors and titles of the books that rows of JSON know by number.
      decode: gives the text of an .npz of ids, in blocks; it is called when that is read.
      divide: at what lines to divide plain text, see `poems.division`.
    Raises:
      FileNotFoundError: it matches nothing, or nothing that is text.
      ValueError: there is no such encoding.
    """
    if name == "gutenberg":
        return Source(name, gutenberg_corpus.poems, (gutenberg_corpus.find_corpus(),), n_bytes=gutenberg_corpus.N_BYTES)
    encoding = _check_encoding(encoding)
    paths, skipped = list_files(name, encoding)
    accounts: dict[str, Rows] = {}

    def read(progress: Progress, tell: Tell) -> Iterator[Poem]:
        for path in paths:
            rows = accounts[path] = Rows(path, tell)
            if decode and path.endswith(".npz"):
                yield from read_text(decode(path), path)
                progress(_size(path))
            else:
                yield from _readable(read_poems(rows, encoding, books, divide, progress), rows)
        if all(rows.unread for rows in accounts.values()):
            raise UnreadableFile(rows.unread)

    n_bytes = sum(map(_size, paths))
    return Source(name, read, tuple(paths), encoding, divide, tuple(skipped), n_bytes, accounts)


def _readable(poems: Iterable[Poem], rows: Rows) -> Iterator[Poem]:
    """The poems of a file up to where it cannot be read, the reason of which goes to its account."""
    poem = None
    try:
        for poem in poems:
            yield poem
    except UnreadableFile as error:
        rows.unread = str(error)
        if poem and poem.more:
            yield dataclasses.replace(poem, text="", more=False)


def has_names(source: Source, books: Mapping[str, Book] = NO_BOOKS) -> bool:
    """Whether one of the first poems of a file of the source has a title or an author."""
    paths = [path for path in source.files if _has_poems(path)] if source.name != "gutenberg" else []
    return any(
        poem.title or poem.author
        for path in paths
        for poem in _first_poems(read_poems(Rows(path), source.encoding, books, source.divide))
    )


def _first_poems(poems: Iterator[Poem]) -> Iterator[Poem]:
    """The first poems of a file; none of the rest if it cannot be read, which is reported when all of it is."""
    with contextlib.suppress(UnreadableFile):
        yield from itertools.islice(poems, FIRST)


def demo() -> Source:
    """The demo's verse: 263 poems of Emily Dickinson, which the model that ships has never read."""
    return find_source(DEMO)


def list_files(name: str, encoding: str = "utf-8") -> tuple[list[str], list[str]]:
    """The files that an argument names, in an order that does not depend on the disk, and those left out.

    Left out of folders and globs are hidden files, without a word, and files that hold no verse.

    Raises:
      FileNotFoundError: there are none.
    """
    if files.is_folder(name):
        found = list(_walk(name))
    elif files.exists(name):
        return [name], []
    elif glob.has_magic(name):
        found = _matches(name)
    else:
        raise FileNotFoundError(f"{name}: no such file or folder")
    if not found:
        raise FileNotFoundError(f"{name}: no file there; name files, a folder of them, or another pattern in quotes")
    chosen = [path for path in found if _is_verse(path, encoding)]
    if not chosen:
        raise FileNotFoundError(f"{name}: no text file there, found {len(found)} others; name files of plain text")
    return chosen, sorted(set(found) - set(chosen))


def _check_encoding(encoding: str) -> str:
    """The name of an encoding as Python writes it."""
    try:
        b"a".decode(encoding, errors="replace")  # as files are; idna, for names of hosts, cannot
        return codecs.lookup(encoding).name
    except (LookupError, UnicodeError):
        raise UserError(f"--encoding {encoding}: no such encoding, expected one such as utf-8 or cp1252") from None


def _is_verse(path: str, encoding: str) -> bool:
    """Whether a file found in a folder is to be read: not ours, nor code, nor pages, nor data, nor binary."""
    if has_other_ending(path) or not (files.is_remote(path) or os.path.isfile(path)):
        return False
    stem, extension = os.path.splitext(path)
    if extension == ".json" and files.exists(f"{stem}.npz"):
        return False
    head, file = text_file.open_unpacked(path)
    file.close()
    try:
        kind_of(head, path, encoding)
    except ValueError:
        return False
    return True


def _has_poems(path: str) -> bool:
    """Whether a file can be read twice, as a pipe cannot, and may name its poems, as ids do not."""
    return not path.endswith(".npz") and (files.is_remote(path) or os.path.isfile(path))


def _size(path: str) -> int:
    return files.filesystem().stat(path).length if files.is_remote(path) else os.path.getsize(path)


def _walk(folder: str) -> Iterator[str]:
    """The files of a folder and of the folders in it, hidden ones left out, in the order of their names.

    Links to folders are followed, but into no folder twice.
    """
    far = files.is_remote(folder)
    walk = files.filesystem().walk(folder) if far else os.walk(folder, onerror=_raise, followlinks=True)
    found, seen = [], set()
    for root, folders, names in walk:
        if not far and os.path.realpath(root) in seen:
            folders[:] = []
            continue
        seen.add(os.path.realpath(root))
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        paths = [os.path.join(root, name) for name in names if not name.startswith(".")]
        found += [os.path.relpath(path, folder).split(os.sep) for path in paths]
    return (os.path.join(folder, *inside) for inside in sorted(found))


def _matches(pattern: str) -> list[str]:
    """The files that match a glob; `**` is any depth of folders."""
    far = files.is_remote(pattern)
    found = files.filesystem().glob(pattern) if far else glob.glob(pattern, recursive=True)
    return sorted(path for path in found if not files.is_folder(path))


def _raise(error: OSError) -> None:
    raise error
