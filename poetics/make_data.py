"""Writes the data files of this package out of the CMU dictionary and the Gutenberg Poetry Corpus.

python -m poetics.make_data cmudict.dict
"""

import collections
import lzma
import math
import os
import sys
from collections.abc import Iterable

from poems import gutenberg
from poetics import dictionary
from poetics.words import words

RAREST = 5  # a word that comes less often has no count
RAREST_SAID = 2  # a word of the dictionary that comes less often is left out


def main(cmudict: str) -> None:
    """Writes data/words.txt.xz."""
    counts = collections.Counter(word for line in gutenberg.read_lines() for word in words(line))
    with open(cmudict, encoding="utf-8") as file:
        write_words(pronunciations(file), counts)


def pronunciations(lines: Iterable[str]) -> dict[str, list[str]]:
    """The pronunciations of each word, from lines such as `again(2) AH0 G EY1 N # comment`."""
    said: dict[str, list[str]] = {}
    for line in lines:
        word, _, phones = line.split("#")[0].strip().partition(" ")
        said.setdefault(word.partition("(")[0], []).append(phones)
    return said


def write_words(said: dict[str, list[str]], counts: collections.Counter[str]) -> None:
    """Writes the words that verse uses, with counts and pronunciations."""
    lines = []
    for word in sorted(word for word, count in counts.items() if count >= RAREST or word in said):
        phones = said.get(word, []) if counts[word] >= RAREST_SAID else []
        level = str(round(math.log2(counts[word]))) if counts[word] >= RAREST else ""
        if phones or level:
            lines.append(f"{word}\t{level}\t{'|'.join(phones)}")
    packed = lzma.compress("\n".join(lines).encode(), preset=9 | lzma.PRESET_EXTREME)
    with open(os.path.join(dictionary.DATA, "words.txt.xz"), "wb") as file:
        file.write(packed)


if __name__ == "__main__":
    main(sys.argv[1])
