"""Which tokens may come next: the filters, in NumPy on the logits of one row, and never a sort of the vocabulary.

A filter gives the ids it keeps, in rising order; what comes after it sees only those.
"""

import dataclasses
import math

import numpy as np

from system.errors import UserError

BLOCKS = 64  # Sets of the vocabulary whose greatest logits are looked at first; found fastest of 16 to 256.
# Within these bounds no logit leaves float32.
COLDEST, HOTTEST = 1e-20, 1e30  # Temperatures; what is below the coldest chooses as that does.
MOST_PENALTY = 1e6  # The penalty, and 1 over it.
NUCLEI = (1024, 8192, 0)  # top_p tries to make its set of this many of the likeliest tokens, at last of all.


@dataclasses.dataclass(frozen=True)
class Filters:
    """How the next token is drawn. In this order: the penalty, the temperature, top_p or top_k, min_p, typical.

    Attributes:
      temperature: the logits are divided by it; 0 takes the likeliest token.
      top_k: keeps every token not below the k-th; 0 keeps all.
      top_p: above 0 it replaces top_k: keeps the likeliest tokens, each while those before it have less than this
        probability together.
      min_p: keeps the tokens at least this many times as likely as the likeliest; 0 keeps all.
      typical: keeps the tokens whose surprise is nearest to the expected, until they have this probability together
        (Meister et al., "Locally Typical Sampling", TACL 2023); 0 or 1 keeps all.
      repetition_penalty: a logit above 0 of a token that is in the text is divided by it, one below multiplied
        (Keskar et al., "CTRL", 2019, mended for negative logits); 1 changes nothing.
    Raises:
      ValueError: a setting out of its range.
    """

    temperature: float = 1.0
    top_k: int = 40
    top_p: float = 0.0
    min_p: float = 0.0
    typical: float = 0.0
    repetition_penalty: float = 1.0

    def __post_init__(self) -> None:
        for name, good, expected in (
            ("temperature", 0 <= self.temperature <= HOTTEST, f"0 to {HOTTEST:.0e}"),
            ("top_k", self.top_k >= 0, "0 or more, 0 keeping all tokens"),
            ("top_p", 0 <= self.top_p <= 1, "0 to 1, 0 for top_k instead"),
            ("min_p", 0 <= self.min_p <= 1, "0 to 1, 0 keeping all tokens"),
            ("typical", 0 <= self.typical <= 1, "0 to 1, 0 keeping all tokens"),
            (
                "repetition_penalty",
                1 / MOST_PENALTY <= self.repetition_penalty <= MOST_PENALTY,
                f"{1 / MOST_PENALTY:.0e} to {MOST_PENALTY:.0e}, 1 changing nothing",
            ),
        ):
            if not good:
                raise UserError(f"{name} is {getattr(self, name)}, expected {expected}")


def kept(logits: np.ndarray, filters: Filters) -> tuple[np.ndarray, np.ndarray]:
    """The ids that all filters but the penalty keep of float32 [n_vocab], and their logits, the greatest being 0."""
    greatest = logits.max()
    temperature = np.float32(max(filters.temperature, COLDEST))
    if filters.top_p > 0:
        scaled = (logits - greatest) / temperature  # the greatest first, so that no temperature makes them infinite
        ids = top_p(scaled, filters.top_p)
    else:
        ids = top_k(logits, filters.top_k)
    rest = (logits[ids] - greatest) / temperature
    if filters.min_p > 0:
        ids, rest = _only(rest >= math.log(filters.min_p), ids, rest)
    if 0 < filters.typical < 1:
        ids, rest = _only(typical(rest, filters.typical), ids, rest)
        rest = rest - rest.max()
    return ids, rest


def top_k(logits: np.ndarray, k: int) -> np.ndarray:
    """The ids of the logits [n] not below the k-th, in rising order; of all with k = 0."""
    n = len(logits)
    if k <= 0 or k >= n:
        return np.arange(n)
    ids = np.flatnonzero(logits >= _bound(logits, k))
    values = logits[ids]
    return ids[values >= np.partition(values, -k)[-k]]


def _bound(logits: np.ndarray, k: int) -> float:
    """A number not above the k-th logit, so that few are left to look at: the k-th of the maxima of disjoint sets."""
    width = len(logits) // BLOCKS
    if width < 2 * k:
        return -np.inf
    maxima = logits[: width * BLOCKS].reshape(BLOCKS, width).max(axis=0)
    return np.partition(maxima, -k)[-k]


def top_p(logits: np.ndarray, p: float) -> np.ndarray:
    """The ids, in rising order, before which the likelier ones have less than p together: at least one."""
    weights = np.exp(logits)
    total = weights.sum(dtype=np.float64)
    for k in NUCLEI:
        ids = top_k(logits, k)
        ordered = np.sort(weights[ids])[::-1]
        sums = np.cumsum(ordered, dtype=np.float64) / total
        if k == 0 or sums[-1] >= p:
            break
    least = ordered[min(int(np.searchsorted(sums, p)), len(sums) - 1)]  # the first whose sum reaches p is the last kept
    return ids[weights[ids] >= least]


def typical(logits: np.ndarray, mass: float) -> np.ndarray:
    """Which of the logits [n] are nearest to the expected surprise and have this mass together, at least one."""
    weights = np.exp(logits - logits.max())
    p = weights / weights.sum()
    surprise = -np.log(np.maximum(p, np.finfo(np.float32).tiny))
    order = np.argsort(np.abs(surprise - (p * surprise).sum()), kind="stable")
    last = min(int(np.searchsorted(np.cumsum(p[order]), mass)), len(p) - 1)
    mask = np.zeros(len(p), bool)
    mask[order[: last + 1]] = True
    return mask


def penalise(logits: np.ndarray, ids: np.ndarray, penalty: float) -> np.ndarray:
    """The logits [n_vocab] with those of these ids made less likely by the penalty."""
    logits = logits.copy()
    logits[ids] = np.where(logits[ids] > 0, logits[ids] / penalty, logits[ids] * penalty)
    return logits


def _only(mask: np.ndarray, *arrays: np.ndarray) -> tuple[np.ndarray, ...]:
    return tuple(array[mask] for array in arrays)
