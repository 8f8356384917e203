"""How many rows to step at a time: whoever multiplies in tiles of 7 rows takes as long for 8 as for 14."""

import collections
import math

FEWER, SHARE = 2, 1 / 4  # Rows that may wait, and of all rows the share.
TRIES = 3  # Steps of so many rows, of which the fastest counts: the first is slow, and another process may disturb one.
WORTH = 1.05  # How much faster fewer rows than all have to be.
AGAIN = 100  # After so many steps a number is tried again, in two, since the machine may have been slow when it was.


class Pace:
    """The seconds that the products of so many rows take; the attention takes as long for each row."""

    def __init__(self):
        self.tries: collections.Counter[int] = collections.Counter()
        self.seconds: dict[int, float] = {}

    def width(self, n: int) -> int:
        """Of n rows, how many to step at once, to make the most ids a second: n or a few less, each of which is tried.

        The rest waits for the next step, and comes first in it.
        """
        widths = range(n, max(n - FEWER, math.ceil(n * (1 - SHARE))) - 1, -1)
        rounds, step = divmod(self.tries.total(), AGAIN)
        if step < 2:
            return widths[rounds % len(widths)]

        def rate(width):
            return width / self.seconds[width] * (WORTH if width == n else 1)

        untried = (width for width in widths if self.tries[width] < TRIES)
        return next(untried, None) or max(widths, key=rate)

    def note(self, width: int, seconds: float) -> None:
        """Learns how long a step of so many rows took."""
        self.tries[width] += 1
        self.seconds[width] = min(self.seconds.get(width, math.inf), seconds)
