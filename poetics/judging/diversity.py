"""How rich the words of texts are, and how much they repeat themselves."""

from collections.abc import Sequence

from poetics.sounds import dictionary
from poetics.sounds.pronunciation import pronounce
from poetics.sounds.words import words


def distinct(texts: Sequence[Sequence[str]], n: int = 1, of_words: int = 4000) -> float:
    """The share of different runs of n words among the first words, of texts given as lines.

    More words have a smaller share of different ones, so only equal numbers of words can be compared.
    """
    found = [word for lines in texts for line in lines for word in words(line)][:of_words]
    runs = list(zip(*(found[i:] for i in range(n)), strict=False))
    return len(set(runs)) / len(runs) if runs else 0.0


def is_known(word: str) -> bool:
    """Whether a word is one: verse uses it, or it is in the dictionary, or is made of such words by a rule."""
    return dictionary.level(word) is not None or pronounce(word).source in ("dictionary", "rule", "compound")


def known_words(texts: Sequence[Sequence[str]]) -> float:
    """The share of words that are words."""
    found = [is_known(word) for lines in texts for line in lines for word in words(line)]
    return sum(found) / max(len(found), 1)


def repeated_lines(texts: Sequence[Sequence[str]]) -> float:
    """The share of lines that stand in the same text before, whatever their case and punctuation."""
    n_lines = n_different = 0
    for lines in texts:
        said = [tuple(words(line)) for line in lines]
        n_lines += len(said)
        n_different += len(set(said))
    return 1 - n_different / n_lines if n_lines else 0.0
