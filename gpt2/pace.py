"""How many rows to step at a time: whoever multiplies in tiles of 7 rows takes as long for 8 as for 14."""

import collections
import math

FEWER = 2  # Rows that may wait.
TRIES = 3  # Steps of so many rows, of which the fastest counts: the first is slow, and another process may disturb one.
WORTH = 1.05  # How much faster fewer rows than all have to be.
AGAIN = 32  # Every so many steps all rows go, since the machine may have been slow when that was tried.


class Pace:
    """The seconds that the products of so many rows take; the attention takes as long for each row."""

    def __init__(self):
        self.tries: collections.Counter[int] = collections.Counter()
        self.seconds: dict[int, float] = {}

    def width(self, n: int) -> int:
        """Of n rows, how many to step at once, to make the most ids a second.

        Each number is tried. The rest waits for the next step, and comes first in it.
        """
        widths = range(n, max(n - FEWER, math.ceil(3 * n / 4)) - 1, -1)
        untried = (width for width in widths if self.tries[width] < TRIES)
        if self.tries.total() % AGAIN == 0:
            return n
        return next(untried, None) or max(widths, key=lambda width: self._rate(width) * (WORTH if width == n else 1))

    def note(self, width: int, seconds: float) -> None:
        """Learns how long a step of so many rows took."""
        self.tries[width] += 1
        self.seconds[width] = min(self.seconds.get(width, math.inf), seconds)

    def _rate(self, width):
        return width / self.seconds.get(width, math.inf)
