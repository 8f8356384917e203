"""Words in ids: which ids contain none, and which would repeat n words in a row.

A word is a run of letters, digits and bytes beyond ASCII except general punctuation, such as curly quotes, in lower
case; the word that is being written counts.
"""

import collections
import re
from collections.abc import Callable, Iterator

import numpy as np

from encoder.reference import Encoder

WORD = re.compile(rb"[0-9a-z\x80-\xff]+")
PUNCTUATION = range(0x2000, 0x2070)  # The block "General Punctuation" of Unicode.
SIGN = re.compile(rb"\xe2[\x80\x81][\x80-\xbf]")  # A sign of that block in UTF-8, or of the 16 after it.


def wordless(encoder: Encoder) -> np.ndarray:
    """bool [n_vocab]: the ids of white space and punctuation alone, or of part of one sign, and end-of-text."""

    def has_none(token: bytes) -> bool:
        text = token.decode(errors="ignore")
        return bool(text) and not any(map(str.isalnum, text))

    found = np.array([has_none(token) for token in encoder.vocabulary.token_bytes])
    found[encoder.end_of_text] = True
    for code in PUNCTUATION:
        found[encoder.encode(chr(code))] = True
    return found


class NoRepeat:
    """Keeps any n words in a row from being repeated in a text, the prompt included; called, it watches one text.

    Attributes:
      tokens: the bytes of each id, in lower case.
      continuing: by the first word in them, the ids that begin with it, and so continue the word before.
      beginning: by the first word in them, the ids that begin with something else, and so begin a word.
    """

    def __init__(self, encoder: Encoder, n: int):
        self.n = n
        self.tokens = [token.lower() for token in encoder.vocabulary.token_bytes]
        self.tokens[encoder.end_of_text] = b"\n"
        self.continuing: dict[bytes, list[int]] = collections.defaultdict(list)
        self.beginning: dict[bytes, list[int]] = collections.defaultdict(list)
        for id, token in enumerate(self.tokens):
            if found := WORD.search(SIGN.sub(b" ", token)):
                (self.beginning if found.start() else self.continuing)[found[0]].append(id)

    def __call__(self, prompt: tuple[int, ...]) -> Callable[[int | None], np.ndarray]:
        """A function that takes the ids after a prompt one by one, None at first: the ids that must not follow."""
        words = _Words(self.n)
        for id in prompt:
            words.add(self.tokens[id])

        def feed(id: int | None) -> np.ndarray:
            if id is not None:
                words.add(self.tokens[id])
            banned = [self.continuing.get(rest, ()) for rest in words.rests()]
            banned += [self.beginning.get(word, ()) for word in words.next_words()]
            return np.array([id for ids in banned for id in ids], int)

        return feed


class _Words:
    """The words of a text that grows.

    Attributes:
      last: the last n - 1 whole words.
      partial: the beginning of a word at the end of the text, which may continue; empty if there is none.
      followers: the words that have followed any n - 1 words.
    """

    def __init__(self, n: int):
        self.last: collections.deque[bytes] = collections.deque(maxlen=n - 1)
        self.partial = b""
        self.followers: dict[tuple[bytes, ...], set[bytes]] = collections.defaultdict(set)

    def add(self, token: bytes) -> None:
        """Adds the bytes of an id."""
        text = SIGN.sub(b" ", self.partial + token)  # A sign may come in several ids.
        words = WORD.findall(text)
        self.partial = words.pop() if words and WORD.match(text[-1:]) else b""
        for word in words:
            if len(self.last) == self.last.maxlen:
                self.followers[tuple(self.last)].add(word)
            self.last.append(word)

    def rests(self) -> Iterator[bytes]:
        """What would make the word that is being written one that followed the same words before."""
        for word in self.followers.get(tuple(self.last), ()):
            if word.startswith(self.partial) and word != self.partial:
                yield word[len(self.partial) :]

    def next_words(self) -> set[bytes]:
        """The words that followed the last n - 1 words before, if the word that is being written ends here."""
        if not self.partial:
            return self.followers.get(tuple(self.last), set())
        last = collections.deque([*self.last, self.partial], self.last.maxlen)
        itself = {self.partial} if last == self.last else set()  # "a a" ends as it began: now a follows a.
        return self.followers.get(tuple(last), set()) | itself
