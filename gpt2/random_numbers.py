"""Random numbers without state: functions of a seed and a counter, bit for bit the same in NumPy and in a graph.

Threefry-2x32 with 20 rounds (Salmon et al., "Parallel Random Numbers: As Easy as 1, 2, 3", SC 2011). The same lines
serve NumPy arrays and tensors: in uint32 a product is a shift to the left, and a quotient one to the right.
"""

from collections.abc import Callable, Sequence

import numpy as np

ROTATIONS = ((13, 15, 26, 6), (17, 29, 16, 24))  # Random123, threefry.h: R_32x2
PARITY = 0x1BD11BDA  # Random123, threefry.h: SKEIN_KS_PARITY32
ROUNDS = 20


def threefry(key: Sequence, counter: Sequence) -> tuple:
    """Two words of 32 random bits for each counter.

    Args:
      key: two uint32 numbers or arrays.
      counter: two uint32 arrays or tensors of one shape, or of shapes that broadcast.
    """
    keys = [*key, key[0] ^ key[1] ^ np.uint32(PARITY)]
    x0, x1 = counter[0] + keys[0], counter[1] + keys[1]
    for group in range(ROUNDS // 4):
        for rotation in ROTATIONS[group % 2]:
            x0 = x0 + x1
            x1 = x0 ^ (x1 * np.uint32(2**rotation) + x1 // np.uint32(2 ** (32 - rotation)))
        x0 = x0 + keys[(group + 1) % 3]
        x1 = x1 + keys[(group + 2) % 3] + np.uint32(group + 1)
    return x0, x1


def key_of(seed: int) -> tuple[np.uint32, np.uint32]:
    """The key that a seed stands for; seeds alike in their last 64 bits are one."""
    return np.uint32(seed % 2**32), np.uint32(seed // 2**32 % 2**32)


def unit_float(bits: np.ndarray, cast: Callable) -> np.ndarray:
    """Evenly spread float32 in [0, 1), from the upper 23 of 32 bits; `cast` makes uint32 float32.

    23, not 24: times any sum of probabilities it then rounds to less than that sum.
    """
    return cast(bits // np.uint32(2**9)) * np.float32(2**-23)


def uniform(seed: int, *counter) -> np.ndarray:
    """NumPy's side: float32 in [0, 1) for each pair of counters, integers or integer arrays of 32 bits."""
    words = [np.atleast_1d(np.asarray(word)).astype(np.uint32) for word in counter]
    with np.errstate(over="ignore"):
        return unit_float(threefry(key_of(seed), words)[0], lambda bits: bits.astype(np.float32))


def integers(seed: int, below: int, *counter) -> np.ndarray:
    """NumPy's side: int64 from 0 to below - 1 for each pair of counters, drawn with 64 bits."""
    words = [np.atleast_1d(np.asarray(word)).astype(np.uint32) for word in counter]
    with np.errstate(over="ignore"):
        high, low = threefry(key_of(seed), words)
    return ((high.astype(np.uint64) << np.uint64(32) | low) % np.uint64(below)).astype(np.int64)
