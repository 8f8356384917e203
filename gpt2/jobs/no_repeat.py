"""Words in ids: which ids have none, and which would make so many words in a row come a second time.

A word is a run of letters, digits and bytes beyond ASCII but for general punctuation, such as curly quotes, in lower
case; the word that is being written counts.
"""

import collections
import itertools
import re
from collections.abc import Callable

import numpy as np

from encoder.reference import Encoder

WORD = re.compile(rb"[0-9a-z\x80-\xff]+")
PUNCTUATION = range(0x2000, 0x2070)  # The block "General Punctuation" of Unicode.
SIGN = re.compile(rb"\xe2[\x80\x81][\x80-\xbf]")  # One of them in UTF-8, where the block ends a little later.


def wordless(encoder: Encoder) -> np.ndarray:
    """bool [n_vocab]: the ids of white space and punctuation alone, also of a part of one sign, and end-of-text."""

    def has_none(token: bytes) -> bool:
        text = token.decode(errors="ignore")
        return bool(text) and not any(map(str.isalnum, text))

    found = np.array([has_none(token) for token in encoder.vocabulary.token_bytes])
    found[encoder.end_of_text] = True
    for code in PUNCTUATION:
        found[encoder.encode(chr(code))] = True
    return found


class NoRepeat:
    """Keeps any n words in a row from coming twice in a text, the prompt included; called, it watches one text."""

    def __init__(self, encoder: Encoder, n: int):
        self.n = n
        self.tokens = [token.lower() for token in encoder.vocabulary.token_bytes]
        self.tokens[encoder.end_of_text] = b"\n"
        # By the first word in them: the ids that go on with a word, and those that begin one after something else.
        self.within: dict[bytes, list[int]] = collections.defaultdict(list)
        self.after: dict[bytes, list[int]] = collections.defaultdict(list)
        for id, token in enumerate(self.tokens):
            if found := WORD.search(SIGN.sub(b" ", token)):
                (self.after if found.start() else self.within)[found[0]].append(id)

    def __call__(self, prompt: tuple[int, ...]) -> Callable[[int | None], np.ndarray]:
        """A function that is given the ids after a prompt one by one, None at first: the ids that must not follow."""
        followers: dict[tuple[bytes, ...], set[bytes]] = collections.defaultdict(set)
        last: collections.deque[bytes] = collections.deque(maxlen=self.n - 1)
        partial = b""

        def add(token: bytes) -> None:
            nonlocal partial
            text = SIGN.sub(b" ", partial + token)  # A sign may come in several ids.
            words = WORD.findall(text)
            partial = words.pop() if words and WORD.match(text[-1:]) else b""
            for word in words:
                if len(last) == self.n - 1:
                    followers[tuple(last)].add(word)
                last.append(word)

        def feed(id: int | None) -> np.ndarray:
            if id is not None:
                add(self.tokens[id])
            before = tuple(last)
            banned = [
                self.within.get(word[len(partial) :], ())
                for word in followers.get(before, ())
                if word.startswith(partial) and word != partial
            ]
            then = (*before, partial)[-(self.n - 1) :] if self.n > 1 else ()
            then = then if partial else before
            words = followers.get(then, set()) | (
                {partial} if partial and before == then and self._full(last) else set()
            )
            banned += [self.after.get(word, ()) for word in words]
            return np.array(list(itertools.chain.from_iterable(banned)), int)

        for id in prompt:
            add(self.tokens[id])
        return feed

    def _full(self, last) -> bool:
        return len(last) == self.n - 1
