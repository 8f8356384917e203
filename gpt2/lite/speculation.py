"""Speculative decoding (Leviathan et al., ICML 2023): a faster model guesses some ids, one pass of ours checks them.

A pass that reads the weights once for several ids takes little longer than one for a single id. The logits are those
of our model at every id, so the text is the same as without guesses; a wrong guess costs nothing but time.
"""

from collections.abc import Callable

import numpy as np

DRAFT, MORE = 0.35, 0.05  # The time of a guess, and of one more id in a pass, as shares of a pass for one id.
MOST = 6  # Guesses at a time.
RATE = 1 / 16  # How fast the share of right guesses follows what is seen.

# guess(logits [n_vocab], ahead) is the id that these logits would choose `ahead` ids after the one that is stepped;
# None where no guess is wanted.
Guess = Callable[[np.ndarray, int], int | None]


class Speculation:
    """The logits of ids that were guessed and checked before they are asked for.

    Attributes:
      draft: the faster model: draft(id, ahead), float32 [n_vocab], the logits after an id that comes `ahead` ids later.
      check: our model: check(ids), float32 [len(ids), n_vocab], the logits after each of the next ids.
      checked: the ids guessed next, in their order, and the logits float32 [n_vocab] after each.
      share: the share of recent guesses that were right.
    """

    def __init__(self, draft: Callable[[int, int], np.ndarray], check: Callable[[list[int]], np.ndarray]):
        self.draft, self.check = draft, check
        self.checked: list[tuple[int, np.ndarray]] = []
        self.share = 0.8

    def step(self, id: int, guess: Guess) -> np.ndarray:
        """The logits float32 [n_vocab] of our model after one more id, good until the next pass.

        Args:
          guess: chooses the ids that are likely to follow, see `Guess`.
        """
        if self.checked:
            self.share += RATE * ((self.checked[0][0] == id) - self.share)
        if not self.checked or self.checked[0][0] != id:
            ids = self._look_ahead(id, guess)
            self.checked = list(zip(ids, self.check(ids), strict=True))
        return self.checked.pop(0)[1]

    def forget(self) -> None:
        """Another text begins."""
        self.checked = []

    def _look_ahead(self, id: int, guess: Guess) -> list[int]:
        """The id and those that the faster model guesses after it."""
        n = worth_guessing(self.share)
        if n == 0:
            self.share += RATE**2 * (1 - self.share)  # so that guessing is tried again after a while
        ids = [id]
        for ahead in range(n):
            following = guess(self.draft(ids[-1], ahead), ahead)
            if following is None:
                break
            ids.append(following)
        return ids


def worth_guessing(share: float) -> int:
    """The number of guesses that makes the most ids a second, if this share of them is right: 0 to MOST."""

    def rate(n: int) -> float:
        return sum(share**right for right in range(n + 1)) / (1 + n * (DRAFT + MORE))

    return max(range(MOST + 1), key=rate)
