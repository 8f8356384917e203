"""Writes the data files of this package out of the CMU dictionary and the Gutenberg Poetry Corpus.

python -m poetics.learning.make_data cmudict.dict
"""

import collections
import lzma
import math
import os
import random
import sys
from collections.abc import Iterable

from poems.sources import gutenberg_corpus
from poetics.judging import real_verse
from poetics.learning import learn_customs, learn_metre
from poetics.sounds import dictionary, spelling
from poetics.sounds.words import words

Counts = tuple[collections.Counter[str], collections.Counter[str]]  # in words of one syllable, and of more

RAREST = 5  # a word that comes less often has no count
PASSAGES = 400
RAREST_SAID = 2  # a word of the dictionary that comes less often is left out


def main(cmudict: str) -> None:
    """Writes all that is learnt in data/, in about five minutes on one core."""
    counts = collections.Counter(word for line in gutenberg_corpus.read_lines() for word in words(line))
    with open(cmudict, encoding="utf-8") as file:
        write_words(pronunciations(file), counts)
    write_ends()
    lines = list(gutenberg_corpus.read_lines())
    learn_customs.write(learn_customs.learn(lines))
    sample = learn_metre.sample(lines)
    learn_metre.write_weights(learn_metre.learn_weights(sample))
    learn_metre.write_tables(learn_metre.learn_tables(sample))
    write_real_verse(lines)


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


def write_ends() -> None:
    """Writes in what phones the dictionary's words end, by their last letters.

    The phones are those from the last vowel on that the letters hold; or from the one before, where the letters hold
    that too and the last vowel bears no stress.
    """
    counts: dict[str, Counts] = collections.defaultdict(lambda: (collections.Counter(), collections.Counter()))
    for word in dictionary.load().said:
        phones = dictionary.known(word)[0]
        vowels = [i for i, phone in enumerate(phones) if dictionary.is_vowel(phone)]
        if not word.isalpha() or len(word) < 3 or not vowels:
            continue
        places = spelling.vowel_groups(word)
        if len(places) > len(vowels) and word.endswith(("e", "es", "ed")):
            places.pop()  # silent
        weak = len(vowels) > 1 and phones[vowels[-1]][-1] == "0"
        last, before = ([0, 0, *places])[-1], ([0, 0, *places])[-2]
        for length in range(len(word) - last, min(dictionary.LONGEST_END, len(word)) + 1):
            with_one_before = weak and length >= len(word) - before
            tail = phones[vowels[-2 if with_one_before else -1] :]
            counts[word[-length:]][len(vowels) > 1][" ".join(tail)] += 1
    kept: dict[str, list[str]] = {}
    for letters, both in sorted(counts.items(), key=lambda item: len(item[0])):
        usual = [count.most_common(1)[0][0] if count else "" for count in both]
        seen_once = sum(map(collections.Counter.total, both)) == 1
        if not (seen_once and len(letters) == 4) and usual != kept.get(letters[1:]):
            kept[letters] = usual
    with lzma.open(os.path.join(dictionary.DATA, "ends.txt.xz"), "wt", encoding="utf-8", preset=9) as file:
        file.writelines("\t".join([letters, *usual]) + "\n" for letters, usual in sorted(kept.items()))


def write_real_verse(lines: list[str]) -> None:
    """Draws the passages of `real_verse`."""
    passage = real_verse.LINES
    firsts = random.Random(1).sample(range(0, len(lines) - passage, passage), PASSAGES)
    with lzma.open(real_verse.path(), "wt", encoding="utf-8", preset=9 | lzma.PRESET_EXTREME) as file:
        file.writelines(f"{line}\n" for first in sorted(firsts) for line in lines[first : first + passage])


if __name__ == "__main__":
    main(sys.argv[1])
