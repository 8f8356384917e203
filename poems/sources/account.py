"""What of a file was read and what was not: rows that hold no poem, passages of a book that are no verse."""

import collections
from collections.abc import Callable

from poems import poem
from system.errors import UserError

LIMIT = 100  # Bad rows that are always put up with,
SHARE = 0.01  # or this share of the rows read so far, whichever is more.
EXCERPT = 200  # Characters of a bad row, for a report.


class Rows:
    """The account of one file while it is read.

    Attributes:
      n: rows read, good and bad.
      bad: how many rows were bad, by reason.
      dropped: how many passages of a book were left out, by reason.
      gaps: how many stanza breaks were made of how many missing line numbers; 0 where the numbers do not rise.
      books: of each book that was read, by its number, whether the table of books names it; empty without a table.
      guessed: the encoding, where the file is not UTF-8 and nobody names it; otherwise empty.
      unread: why the file, or the rest of it, could not be read; empty if it could.
      notes: what else a user ought to know.
    """

    def __init__(
        self,
        path: str,
        tell: Callable[[poem.Dropped], object] = lambda dropped: None,
        limit: int = LIMIT,
        share: float = SHARE,
    ):
        """Begins the account of a file.

        Args:
          tell: called with everything that is left out.
          limit, share: the bad rows to put up with, as a number and as a share of the rows; the larger one counts.
        """
        self.path = path
        self.n = 0
        self.bad: collections.Counter[str] = collections.Counter()
        self.dropped: collections.Counter[str] = collections.Counter()
        self.first: dict[str, int] = {}  # the line of the first bad row, by reason
        self.gaps: collections.Counter[int] = collections.Counter()
        self.books: dict[str, bool] = {}
        self.guessed = self.unread = ""
        self.notes: dict[str, None] = {}  # in the order in which they came, each once
        self._tell, self._limit, self._share = tell, limit, share

    def skip(self, line: int, reason: str, text: str = "") -> None:
        """Leaves out a bad row.

        Raises:
          ValueError: there have been too many.
        """
        self.bad[reason] += 1
        self.first.setdefault(reason, line)
        self._tell(poem.Dropped(f"{self.path}:{line}", reason, text[:EXCERPT]))
        if self.bad.total() > max(self._limit, self._share * self.n):
            found = ", ".join(f"{number:,} {what}" for what, number in self.bad.most_common())
            raise UserError(
                f"{self.path}: {self.bad.total():,} bad rows up to line {line:,} ({found}), expected at most "
                f"{self._limit:,} or {self._share:.0%} of the rows; mend the file or leave it out"
            )

    def end(self) -> None:
        """Ends the account.

        Raises:
          ValueError: not one of the rows was good.
        """
        if self.n and self.bad.total() >= self.n:
            found = ", ".join(self.bad)
            raise UserError(f"{self.path}: not one good row among {self.n:,} ({found}), expected poems; leave it out")

    def drop(self, dropped: poem.Dropped) -> None:
        """Leaves out a passage that is no verse."""
        self.dropped[dropped.reason] += 1
        self._tell(dropped)
