"""Where the pieces of GPT-2's pattern begin, found by array operations over the bytes of a text.

Whether a piece begins at a byte depends on a few characters around it alone. So a text is looked at through windows
that overlap a little, all bytes of a window at once.
"""

import functools
from collections.abc import Iterator

import numpy as np
import regex

END = 0xFE  # Stands for the end of a text; no UTF-8 holds this byte.
MARGIN = 16  # Bytes beside a window that are seen with it, four characters at least.
WINDOW = 1 << 18  # Bytes at once: more are no faster.

OTHER, LETTER, NUMBER, WHITE = range(4)  # the classes of characters that the pattern tells apart
CLASSES = {LETTER: r"\p{L}+", NUMBER: r"\p{N}+", WHITE: r"\s+"}
CONTRACTIONS = ("s", "t", "m", "d", "re", "ve", "ll")


def find_starts(data: np.ndarray) -> Iterator[np.ndarray]:
    """The positions where pieces begin and the one where the last of them ends, in several arrays.

    Args:
      data: uint8 [MARGIN + n + MARGIN], UTF-8 between margins of END. An END in it is a piece of its own, and what
        stands before and after it is cut as if it stood alone.
    Yields:
      int64 [n_pieces + 1]; each array begins with the position that ended the one before.
    """
    at, stop, size = MARGIN, len(data) - MARGIN, WINDOW
    while at < stop:
        until = min(at + size, stop)
        starts = np.flatnonzero(_begins(data[at - MARGIN : until + MARGIN])[MARGIN:-MARGIN])
        starts += at
        if until == stop:
            yield np.append(starts, stop)
            return
        if len(starts) == 1:
            size *= 2  # for a piece as long as the window
        else:
            yield starts
            at, size = int(starts[-1]), WINDOW


def _begins(data):
    """Whether a piece begins at each byte; in the margins this may be wrong."""
    beyond_ascii = data.max() >= 0x80
    letter, number, space, white = _classify(data, beyond_ascii)
    begins = np.zeros(len(data), bool)
    # A piece begins where the class changes, but a space goes with what follows it.
    here = begins[1:]
    np.not_equal(letter[1:], letter[:-1], out=here)
    here |= number[1:] != number[:-1]
    here |= white[1:] != white[:-1]
    here &= ~space[:-1]
    # White space leaves its last character to what follows.
    begins[:-1] |= white[:-1] > white[1:]
    if beyond_ascii:
        _keep_characters_whole(data, white, begins)
        end = data == END
        begins |= end
        begins[1:] |= end[:-1]
    _join_contractions(data, begins)
    return begins


def _classify(data, beyond_ascii):
    """Whether each byte is of a letter, of a number, a space, of any white space; four bool [n]."""
    letter = (data | 0x20) - ord("a") < 26  # Below the a, unsigned numbers wrap around.
    number = data - ord("0") < 10
    space = data == ord(" ")
    white = (data - ord("\t") < 5) | space
    if beyond_ascii:
        white |= data == END
        for at, size, classes in _characters(data):
            for members, name in ((letter, LETTER), (number, NUMBER), (white, WHITE)):
                chosen = at[classes == name]
                for offset in range(size):
                    members[chosen + offset] = True
    return letter, number, space, white


def _characters(data):
    """Where the characters of 2 bytes begin, their size and their classes; then those of 3 bytes, and of 4."""
    lead = np.flatnonzero((data >= 0xC0) & (data < END))
    lead = lead[: np.searchsorted(lead, len(data) - 3)]
    first = data[lead]
    for size, low, high in ((2, 0xC0, 0xE0), (3, 0xE0, 0xF0), (4, 0xF0, END)):
        at = lead[(first >= low) & (first < high)]
        if len(at):
            code = (data[at] & (0x7F >> size)).astype(np.int32)
            for offset in range(1, size):
                code = code << 6 | data[at + offset] & 0x3F
            yield at, size, character_classes(0x110000 if size == 4 else 0x10000).take(code)


def _keep_characters_whole(data, white, begins):
    """Where white space leaves its last character to what follows, that begins with its first byte, not its last."""
    last = np.flatnonzero((white[:-1] > white[1:]) & (data[:-1] >= 0x80) & (data[:-1] < 0xC0))
    size = 2 + (data[last - 1] < 0xC0)  # No white space has 4 bytes.
    begins[last] = False
    begins[last + 1 - size] = True


def _join_contractions(data, begins):
    """Joins an apostrophe that begins a piece with the s, t, m, d, re, ve or ll after it."""
    at = np.flatnonzero((data[:-3] == ord("'")) & begins[:-3])
    size = _contraction_sizes().take(data[at + 1].astype(np.int64) << 8 | data[at + 2])
    at, size = at[size > 0], size[size > 0]
    begins[at + 1] = False
    begins[at + size] = True


@functools.cache
def _contraction_sizes():
    """The bytes of a contraction, by the two bytes after its apostrophe; 0 where there is none; uint8 [65536]."""
    sizes = np.zeros((256, 256), np.uint8)
    for letters in CONTRACTIONS:
        first, *second = letters.encode()
        sizes[first, second or slice(None)] = 1 + len(letters)
    return sizes.ravel()


@functools.cache
def character_classes(n: int) -> np.ndarray:
    """The classes of the first n characters of Unicode, uint8 [n]."""
    characters = np.arange(n, dtype="<u4").tobytes().decode("utf-32-le", "surrogatepass")
    classes = np.full(n, OTHER, np.uint8)
    for name, pattern in CLASSES.items():
        for run in regex.finditer(pattern, characters):
            classes[run.start() : run.end()] = name
    return classes
