"""The authors, subjects and books of a dataset, as it spells them, with the number of poems of each."""

import difflib
import os
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping

from poems.layout import Layout, find_layout
from poems.poem import Poem
from system import files
from system.errors import UserError

FIELDS = {"plain": (), "prefix": ("author", "book"), "poem": ("author", "title", "tags")}  # what each layout shows
MOST = 10_000  # names of a kind that are noted, the most frequent ones
NEAR = 3  # names that are offered in place of one that is not known

Names = Mapping[str, Mapping[str, int]]  # of author, tags and book: how many poems have each


class Census:
    """Remembers the names of poems, and counts those of some of them."""

    def __init__(self, layout: Layout):
        self.layout = layout
        self._of_poems: list[tuple[tuple[str, str], ...]] = []
        self._known: dict[tuple[tuple[str, str], ...], tuple[tuple[str, str], ...]] = {}

    def add(self, poem: Poem) -> None:
        """Takes the names of the next poem."""
        given = {"author": [poem.author], "tags": poem.tags, "book": [poem.book]}
        names = tuple((field, " ".join(name.split())) for field in given for name in given[field] if name.strip())
        self._of_poems.append(self._known.setdefault(names, names))

    def names(self, documents: Iterable[int]) -> dict[str, dict[str, int]]:
        """How many of these documents have each name that the layout shows."""
        counts: dict[str, Counter[str]] = {}
        for document in documents:
            for field, name in self._of_poems[document]:
                counts.setdefault(field, Counter())[name] += 1
        shown = FIELDS[self.layout.name]
        return {field: dict(counts[field].most_common(MOST)) for field in shown if field in counts}

    def n_authors(self, documents: Iterable[int]) -> int:
        """How many authors these documents have, whether the layout shows them or not."""
        return len({name for document in documents for name in self._of_poems[document] if name[0] == "author"})


def read_described(path: str) -> tuple[Layout, Names]:
    """The layout and the names that a run notes beside its weights; plain and none if it notes nothing.

    Raises:
      UserError: the file holds something else.
    """
    if not files.exists(path):
        return Layout(), {}
    expected, remedy = "the layout of the run's dataset", "copy the file of the run that the weights are of"
    found = files.read_json(path, expected, remedy)
    try:
        check_names(names := found.get("names", {}))
        return find_layout(found), names
    except UserError as error:
        raise UserError(f"{path}: {error}, expected {expected}; {remedy}") from None


def check_names(names: object) -> None:
    """Raises a UserError for a value of JSON that holds no `Names`."""
    files.check_keys(names, {}, "names")
    assert isinstance(names, dict), "check_keys has seen to it"
    for field, counts in names.items():
        files.check_keys(counts, {}, f"the names of {field}")
        files.check_keys(counts, dict.fromkeys(counts, int), f"the names of {field}")


def strangers(about: Mapping[str, str], names: Names) -> Iterator[str]:
    """A line for each name that the dataset does not have, with the nearest that it has.

    Args:
      about: an author, tags separated by commas, a book, as the dataset would spell them.
    """
    for field, given in about.items():
        known = names.get(field, {})
        for name in filter(None, map(str.strip, given.split(",") if field == "tags" else [given])):
            if known and name not in known:
                near = ", ".join(nearest(name, known)) or "none is like it"
                yield f"--{field} {name}: the model has read none of that name; nearest: {near}; --about lists all"


def nearest(name: str, known: Iterable[str]) -> list[str]:
    """The known names most like one, at first those that contain it."""
    folded = {other.casefold(): other for other in known}
    wanted = name.casefold()
    inside = [other for other in folded if wanted in other or set(wanted.split()) <= set(other.split())]
    alike = difflib.get_close_matches(wanted, folded, NEAR, 0.5)
    return [folded[other] for other in dict.fromkeys([*inside[:NEAR], *alike])][:NEAR]


def lines_about(path: str, layout: Layout, names: Names) -> Iterator[str]:
    """What a model knows of the poems that it was trained on, in lines to read.

    Args:
      path: the weights.
    """
    flags = " ".join(f"--{field}" for field in FIELDS[layout.name])
    shown = f"ask with {flags}" if flags else "it has seen neither titles nor authors"
    yield f"{path}: layout {layout.name}; {shown}"
    for field, counts in names.items():
        yield f"{field}: {len(counts):,}, each with its number of poems"
        yield from (f"{number:8,}  {name}" for name, number in counts.items())
    if flags and not names:
        yield f"{os.path.dirname(path) or path} has no list of names; a dataset that is made again has one"
