"""Poems in Parquet files, a poem a row, as pandas and the hub of Hugging Face write them."""

import os
from collections.abc import Iterable, Iterator
from typing import IO, TYPE_CHECKING

from poems.poem import Poem
from poems.sources.account import Rows
from poems.sources.records import take
from poems.sources.tables import AUTHOR, TEXT, check_columns
from system.errors import UnreadableFile, UserError
from system.files import most_unpacked

if TYPE_CHECKING:
    import pyarrow.parquet

MAGIC = b"PAR1"
ROWS = 256  # rows that are in memory at once
REMEDY = "save the table again, or as CSV"


def read_parquet(file: IO[bytes], rows: Rows) -> Iterator[Poem]:
    """The poems of a table, whose columns have the names of those of a CSV file; lines may be a list.

    Args:
      file: one that can seek.
    Raises:
      UnreadableFile: pyarrow is not installed, or the file is damaged.
      UserError: there is no column of poems, there are too many bad rows or no good one.
    """
    for number, row in enumerate(_rows(file, rows.path), start=1):
        yield from take(row, number, rows)
    rows.end()


def _rows(file: IO[bytes], path: str) -> Iterator[dict[str, object]]:
    """The rows, with the columns that a poem has."""
    try:
        import pyarrow.parquet
    except ImportError:
        raise UnreadableFile(
            f"{path}: Parquet is read by pyarrow, which is not installed; "
            "get it with the extra documents: pip install '.[documents]'"
        ) from None
    try:
        size = file.seek(0, os.SEEK_END)
        table = pyarrow.parquet.ParquetFile(file)
        names = table.schema_arrow.names
        _check_columns(names, path)
        _check_size(table.metadata, size, path)
        columns = [name for name in names if name.lower() in (*TEXT, *AUTHOR, "title", "tags")]
        for batch in table.iter_batches(ROWS, columns=columns):
            yield from batch.to_pylist()
    except (pyarrow.ArrowException, OSError, UnicodeDecodeError, OverflowError, MemoryError) as error:
        found = " ".join(str(error).split())[:200] or type(error).__name__
        raise UnreadableFile(f"{path}: found {found}, expected a whole Parquet file; {REMEDY}") from None


def _check_columns(names: Iterable[str], path: str) -> None:
    """Refuses a table without poems; unlike that of a CSV file, its heading is at its end."""
    try:
        check_columns([name.lower() for name in names], path)
    except UserError as error:
        raise UnreadableFile(str(error)) from None


def _check_size(metadata: "pyarrow.parquet.FileMetaData", size: int, path: str) -> None:
    """Refuses kilobytes that unpack to gigabytes.

    By groups of rows: what a column says of itself, pyarrow ends the process over if it is damaged.
    """
    unpacked = sum(metadata.row_group(number).total_byte_size for number in range(metadata.num_row_groups))
    if unpacked > (most := most_unpacked(size)):
        raise UnreadableFile(f"{path}: {size} bytes unpack to {unpacked}, expected at most {most}; {REMEDY}")
