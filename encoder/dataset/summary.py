"""What `prepare_corpus.py` prints about a dataset that it made."""

import collections
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence

from poems.poem import Book
from poems.sources.other_formats import CONVERTIBLE
from poems.sources.sources import Source

WHY_POEM = 'layout poem: a line "Title", by Author above each poem; --layout plain leaves it out'
NO_POEM = "not a poem:"  # begins the names of what was never taken for one
FEW = 5  # names that one message lists; the page of --report has all


def summarize(summary: dict) -> Iterator[str]:
    """What was read and done, and what is held out, in a few lines."""
    for source in summary["sources"]:
        yield (
            f"{source['name']}: {count(source['n_documents'], 'document')}, {source['n_tokens']:,} tokens, "
            f"{source['n_characters'] / max(source['n_tokens'], 1):.2f} characters a token"
        )
        rules = source["report"]["rules"]
        done = [what_was_done(rule) for rule in rules if not rule["rule"].startswith(NO_POEM)]
        if left := [rule for rule in rules if rule["rule"].startswith(NO_POEM)]:
            places = count(sum(rule["poems"] for rule in left), "place")
            done.append(f"{NO_POEM} {count(sum(rule['lines'] for rule in left), 'line')} in {places}")
        if done:
            yield f"  {', '.join(done)}"
    n_tokens = sum(source["n_tokens"] for source in summary["sources"])
    n_held_out = sum(map(len, summary["held_out"].values()))
    asked = summary["made_with"]["held_out"]
    if n_held_out:
        held_out = f"{summary['held_out_tokens']:,} tokens, {summary['held_out_tokens'] / n_tokens:.1%} of them"
        few = ", since documents are few or long" if summary["held_out_tokens"] < n_tokens * asked / 2 else ""
        yield f"held out for validation: {count(n_held_out, 'document')}, {held_out}{few}"
    elif asked:
        yield "held out for validation: nothing, which takes two different documents at least"


def what_was_done(rule: dict) -> str:
    """What a rule did, to whole documents or to lines in them."""
    from poems.cleaning.rules import WHOLE

    done = f"{rule['rule']} {rule['did']}"
    if rule["rule"] in WHOLE or not rule["lines"]:
        return f"{done} {count(rule['poems'], 'document')}"
    return f"{done} {count(rule['lines'], 'line')} in {count(rule['poems'], 'document')}"


def described(summary: dict) -> str:
    """How large a dataset is."""
    n_tokens = sum(source["n_tokens"] for source in summary["sources"])
    return f"{n_tokens:,} tokens, vocabulary of {summary['vocabulary']['n_vocab']:,}"


def notes(sources: Sequence[Source], table: str | None, books: Mapping[str, Book]) -> Iterator[str]:
    """What a user ought to know of the sources once they are read: what was left out, which books nobody named.

    Args:
      table: the file that the books are from.
    """
    for source in sources:
        yield from left_out(source)
    if table and (unnamed := not_named(books, sources)):
        yield f"{table}: {unnamed}"


def left_out(source: Source) -> Iterator[str]:
    """What was read of a source and not taken, and what else a user ought to know.

    A line for each of a few files, or for each reason of many.
    """
    yield from _unread(source)
    yield from _guessed(source)
    where = collections.defaultdict(list)  # the files that something was left out of, by reason
    for path, rows in source.accounts.items():
        reasons = (rows.bad + rows.dropped).most_common()
        for reason, _ in reasons:
            where[reason].append(path)
        if reasons and len(source.accounts) <= FEW:
            firsts = {reason: f", first in line {line:,}" for reason, line in rows.first.items()}
            said = (f"{count(number, 'time')}: {reason}{firsts.get(reason, '')}" for reason, number in reasons)
            yield f"{path}: left out {'; '.join(said)}"
    if len(source.accounts) > FEW:
        for reason, paths in where.items():
            total = sum((rows.bad + rows.dropped)[reason] for rows in source.accounts.values())
            yield f"{source.name}: left out {count(total, 'time')} of {by_kind(paths)}: {reason}"
    for path, rows in source.accounts.items():
        if rows.gaps[0]:
            yield f"{path}: {count(rows.gaps[0], 'line number')} not above the last, each taken for a stanza break"
        breaks = {gap: number for gap, number in sorted(rows.gaps.items()) if gap > 0}
        if breaks:
            some = [f"{number:,} of {gap}" for gap, number in list(breaks.items())[:3]]
            more = sum(list(breaks.values())[3:])
            lengths = ", ".join([*some, f"{more:,} of more"] if more else some)
            yield (
                f"{path}: {sum(breaks.values()):,} stanza breaks made of missing line numbers ({lengths}); "
                "some are lines that the corpus dropped"
            )
        yield from (f"{path}: {note}" for note in rows.notes)


def _unread(source: Source) -> Iterator[str]:
    """The files that could not be read, with the reasons, those of a few files."""
    unread = [rows for rows in source.accounts.values() if rows.unread]
    if unread:
        n_files = f"{len(unread):,} of {count(len(source.accounts), 'file')}"
        yield f"{source.name}: {n_files} could not be read, or not to the end: {by_kind([r.path for r in unread])}"
    yield from (rows.unread for rows in unread[:FEW])


def _guessed(source: Source) -> Iterator[str]:
    """The files that are not UTF-8, by the encodings in which they were read."""
    where = collections.defaultdict(list)
    for path, rows in source.accounts.items():
        if rows.guessed:
            where[rows.guessed].append(path)
    for encoding, paths in where.items():
        them = "read" if len(paths) == 1 else f"{len(paths):,} files read"
        yield f"{by_kind(paths)}: not UTF-8, {them} as {encoding}, a guess; if letters are wrong, give --encoding"


def skipped(source: Source) -> str | None:
    """What of a folder was not read, and what to do about documents among it; None if all was."""
    if not source.skipped:
        return None
    can = sorted({ending for path in source.skipped if (ending := os.path.splitext(path)[1].lower()) in CONVERTIBLE})
    remedy = f"; to have verse in {' and '.join(can)} read, save it as .docx, .epub or plain text" if can else ""
    return f"{source.name}: skipped {len(source.skipped):,} that hold no verse: {by_kind(source.skipped)}{remedy}"


def all_files(sources: Iterable[Source]) -> dict[str, list[str]]:
    """The files that a user ought to look at, all of them, by what there is to say of them."""
    files: dict[str, list[str]] = collections.defaultdict(list)
    for source in sources:
        files["files skipped, since they hold no verse"] += source.skipped
        accounts = source.accounts.values()
        files["files that could not be read, or not to the end"] += [rows.unread for rows in accounts if rows.unread]
        files["files read in an encoding that was guessed"] += [
            f"{rows.path}: {rows.guessed}" for rows in accounts if rows.guessed
        ]
    return {what: named for what, named in files.items() if named}


def by_kind(paths: Sequence[str]) -> str:
    """The names of files: all of a few; of many how many end in each way, and the first few names."""
    if len(paths) <= FEW:
        return ", ".join(paths)
    kinds = collections.Counter(os.path.splitext(path)[1].lower() or "without an ending" for path in paths)
    *some, last = [f"{number:,} {kind}" for kind, number in kinds.most_common(FEW)]
    more = len(paths) - sum(number for _, number in kinds.most_common(FEW))
    named = ", ".join([*some, last, *([f"{more:,} others"] if more else [])])
    return f"{named}, such as {', '.join(paths[:3])}"


def not_named(table: Mapping[str, Book], found: Sequence[Source]) -> str | None:
    """What a table of books does not name of the books that were read; None where it names them all."""
    read = {gid: named for source in found for rows in source.accounts.values() for gid, named in rows.books.items()}
    number = sum(read.values())
    if not read:
        return "names books, and no book was read; it is for rows of JSON and books of Project Gutenberg"
    if not number:
        first, named = next(iter(read)) or "without a number", next(iter(table))
        return f"names 0 of the {len(read):,} books read: the first of them is {first}, in the table {named}"
    return f"names {number:,} of the {len(read):,} books read" if number < len(read) else None


def count(number: int, what: str) -> str:
    """A number of things with their word."""
    return f"{number:,} {what}{'' if number == 1 else 's'}"
