"""How the words of a language sound in a form: English, or what a dictionary of the user's says; see docs/sampling.md.

A line of a dictionary has a word and its phones as the CMU dictionary has them (`NIGHT  N AY1 T`); or a word, its
stresses and its rhyme, with tabs between (`nacht  1  acht`); or any text, of whose words the vowels are counted.
"""

import collections
import dataclasses
import re
import unicodedata
from collections.abc import Callable, Iterator

from poetics.metre import stress
from poetics.sounds import dictionary
from poetics.sounds.dictionary import Phones, is_vowel
from poetics.sounds.tails import tails
from poetics.sounds.words import LETTER, MARKS, words
from system import files
from system.errors import UserError

WORD = re.compile(rf"'?{LETTER}+(?:['\-]{LETTER}+)*'?")
RHYME_LEVEL = 8  # the base-2 logarithm of how often a word that rhymes comes in 3 million lines of verse, at least
LIGHT, ANY = "1", "5"  # words of one syllable: off the beat mostly, and on it or off it
FREE = "p"  # a syllable on the beat or off it
# Groups of Latin vowels, and single vowels of scripts that write no diphthongs.
VOWELS = re.compile("[aeiouyøœæ]+|[аеиоуыэюяіє]|[αεηιουω]+")
# A line of the CMU dictionary: a word, the number of its pronunciation, and phones of which one is a vowel.
SPOKEN = re.compile(r"(\S+?)(?:\(\d+\))?\s+((?:[A-Z]+[012]?\s+)*[A-Z]+[012](?:\s+[A-Z]+[012]?)*)\s*(?:#.*)?")
# Words at which no line ends, since they lean on the next one.
LEANING = frozenset(
    re.findall(
        r"\S+",
        "the a an of and or nor to my thy your his her our their its with from at for as if than but by o' th' i' an'",
    )
)


@dataclasses.dataclass(frozen=True)
class Language:
    """How words in lower case sound.

    Attributes:
      ways: the ways to say a word, see `stress.word_ways`.
      ends: the ends by which a word may rhyme.
      may_end, may_rhyme: whether a line may end with a word, and with one that another rhymes with.
      rhymes, short_rhymes: how many words, and how many of one syllable, rhyme with the word that sets a rhyme.
    """

    ways: Callable[[str], tuple[str, ...]]
    ends: Callable[[str], tuple[Phones, ...]]
    may_end: Callable[[str], bool]
    may_rhyme: Callable[[str], bool]
    rhymes: int
    short_rhymes: int


def _rhymes_in_english(word: str) -> bool:
    # By the dictionary, since a rhyme that was worked out is more often wrong.
    return (dictionary.level(word) or 0) >= RHYME_LEVEL and bool(dictionary.known(word))


ENGLISH = Language(stress.word_ways, tails, lambda word: word not in LEANING, _rhymes_in_english, 8, 4)


@dataclasses.dataclass(frozen=True)
class Entry:
    """What a line of a dictionary says of a word: how it is said, and the end by which it rhymes, () for none."""

    way: str
    end: Phones


def read_dictionary(path: str) -> tuple[list[str], Language]:
    """The words of a dictionary, in lower case, and how they sound.

    Raises:
      UserError: a line of it is none of a dictionary, or it has no words.
    """
    entries: dict[str, list[Entry]] = collections.defaultdict(list)
    for number, line in enumerate(files.read_text(path).split("\n"), start=1):
        if line.strip() and not line.startswith((";;;", "#")):
            for word, entry in _read_line(line, f"{path}, line {number}"):
                if WORD.fullmatch(word):
                    entries[word].append(entry)
    if not entries:
        raise UserError(f"{path}: no words, expected a line for each such as NIGHT  N AY1 T; see docs/sampling.md")

    def ways(word: str) -> tuple[str, ...]:
        return tuple(dict.fromkeys(entry.way for entry in entries.get(word, []))) or (counted(word),)

    def ends(word: str) -> tuple[Phones, ...]:
        return tuple(dict.fromkeys(entry.end for entry in entries.get(word, []) if entry.end))

    return list(entries), Language(ways, ends, lambda word: True, lambda word: bool(ends(word)), 4, 0)


def counted(word: str) -> str:
    """How a word is said of which the letters alone are known: each group of vowels on the beat or off it."""
    plain = unicodedata.normalize("NFD", word.replace("й", ""))  # which is no vowel, though it looks like one
    n = len(VOWELS.findall("".join(letter for letter in plain if not unicodedata.combining(letter))))
    return FREE * n if n > 1 else ANY


def _read_line(line: str, place: str) -> Iterator[tuple[str, Entry]]:
    if "\t" in line:
        word, stresses, rhyme = (cell.strip() for cell in [*line.split("\t"), ""][:3])
        if not re.fullmatch("[012]+", stresses):
            raise UserError(
                f"{place}: {line[:60]!r}, expected a word, its stresses and its rhyme with tabs between, such as "
                "night, 1 and ait; 1 is a stressed syllable, 0 a weak one"
            )
        yield _even(word), Entry(_way(stresses), (rhyme,) if rhyme else ())
    elif spoken := SPOKEN.fullmatch(line):
        phones = spoken[2].split()
        stresses = "".join(phone[-1] for phone in phones if is_vowel(phone))
        last = max(i for i, phone in enumerate(phones) if phone[-1] in ("12" if stresses.strip("0") else "0"))
        end = tuple(phone.rstrip("012") for phone in phones[last:])
        yield _even(spoken[1]), Entry(_way(stresses), end)
    else:
        for word in words(line):
            yield word, Entry(counted(word), ())


def _even(word: str) -> str:
    return unicodedata.normalize("NFC", word.lower()).translate(MARKS)


def _way(stresses: str) -> str:
    if len(stresses) == 1:
        return LIGHT if stresses == "0" else stress.HEAVY
    return stress.letters_of(stresses)
