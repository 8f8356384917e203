"""GPT-2's byte-pair encoding, one text at a time: what everything faster must agree with."""

import heapq
from collections.abc import Iterable

import regex

from encoder.vocabulary import END_OF_TEXT, Vocabulary
from system.errors import UserError

# OpenAI, src/encoder.py, its alternatives grouped: contractions; words, numbers and signs, each with the space
# before it; white space, which leaves its last character to a word that follows. Merges never cross pieces.
PATTERN = regex.compile(r"'(?:[stmd]|re|ve|ll)| ?(?:\p{L}++|\p{N}++|[^\s\p{L}\p{N}]++)|\s+(?!\S)|\s+")
CACHED_PIECES = 1 << 17  # Some 25 MB; 5 MB of English verse have 53,000 different pieces.
CACHED_LENGTH = 64  # Longer pieces hardly come twice, and could fill the memory.
GONE = -1  # The place of a token that was merged into the one before it.


class Encoder:
    """Text to ids and back, by one vocabulary.

    Attributes:
      vocabulary: what the ids mean; `vocabulary.write_vocabulary` gives a folder a copy of it.
      n_vocab: how many ids there are.
      end_of_text: the id between texts, the last of the vocabulary.
      fingerprint: the same for two encoders exactly when they give the same ids.
    """

    def __init__(self, vocabulary: Vocabulary):
        self.vocabulary = vocabulary
        self.n_vocab = len(vocabulary.tokens)
        self.end_of_text = self.n_vocab - 1
        self.fingerprint = vocabulary.fingerprint
        self._token_bytes = dict(enumerate(vocabulary.token_bytes))  # A dict refuses -1, a list would not.
        self._pieces = PieceCache(vocabulary)

    def encode(self, text: str, special: bool = False) -> list[int]:
        """The ids of a text.

        Args:
          special: whether `<|endoftext|>` in the text means the one id; if not, it is text as any other.
        Raises:
          ValueError: the text holds half of a surrogate pair, which no UTF-8 can express.
        """
        check_characters(text)
        ids: list[int] = []
        for number, part in enumerate(text.split(END_OF_TEXT) if special else [text]):
            if number:
                ids.append(self.end_of_text)
            for piece in PATTERN.finditer(part):
                ids += self._pieces[piece[0]]
        return ids

    def decode(self, ids: Iterable[int]) -> str:
        """The text of ids; a character that was cut, or bytes that are none, give U+FFFD.

        Raises:
          ValueError: an id outside the vocabulary.
        """
        return self.decode_bytes(ids).decode(errors="replace")

    def decode_bytes(self, ids: Iterable[int]) -> bytes:
        """The bytes of ids, which need not be whole characters.

        Raises:
          ValueError: an id outside the vocabulary.
        """
        try:
            return b"".join(map(self._token_bytes.__getitem__, ids))
        except KeyError as error:
            raise UserError(
                f"token id {error.args[0]}, expected 0 to {self.end_of_text}; decode with the vocabulary that encoded"
            ) from None

    def check_size(self, n_vocab: int, folder: str) -> None:
        """Raises a ValueError if a model's vocabulary is of another size than this one."""
        if self.n_vocab != n_vocab:
            raise UserError(
                f"{folder}: encoder.json has {self.n_vocab} tokens, expected {n_vocab} (n_vocab of hparams.json); "
                "they are not of one model"
            )


class PieceCache(dict):
    """The ids of each piece of text, merged when first asked for; emptied when it is full."""

    def __init__(self, vocabulary: Vocabulary):
        ids = {token: id for id, token in enumerate(vocabulary.tokens)}
        self.byte_ids = {value[0]: id for id, value in enumerate(vocabulary.token_bytes) if len(value) == 1}
        self.ranks = {(ids[left], ids[right]): rank for rank, (left, right) in enumerate(vocabulary.merges)}
        self.results = [ids[left + right] for left, right in vocabulary.merges]

    def __missing__(self, piece: str) -> list[int]:
        ids = merge([self.byte_ids[byte] for byte in piece.encode()], self.ranks, self.results)
        if len(piece) <= CACHED_LENGTH:
            if len(self) >= CACHED_PIECES:
                self.clear()
            self[piece] = ids
        return ids


def merge(ids: list[int], ranks: dict[tuple[int, int], int], results: list[int]) -> list[int]:
    """Merges neighbours, the pair of the lowest rank first and of equals the leftmost, until none has a rank.

    A heap of pairs over a linked list of tokens, n log n in the length of the piece: a million letters without a
    space are seconds, not days. A vocabulary makes a token before it merges it, so no pair that appears can outrank
    the one it came from, and the result is that of OpenAI's loop, which merges all pairs of one rank at a time.
    """
    length = len(ids)
    ids = [*ids, GONE]  # The last one stands before the first token as well, as ids[-1].
    before, after = list(range(-1, length)), list(range(1, length + 1))

    def entry(i: int, j: int) -> int | None:
        rank = ranks.get((ids[i], ids[j]))
        return None if rank is None else rank * length + i

    heap = [pair for i in range(length) if (pair := entry(i, i + 1)) is not None]
    heapq.heapify(heap)
    while heap:
        pair = heapq.heappop(heap)
        rank, i = divmod(pair, length)
        j = after[i]
        if entry(i, j) != pair:
            continue  # One of the two was merged with its other neighbour meanwhile.
        ids[i], ids[j] = results[rank], GONE
        after[i] = after[j]
        before[after[i]] = i
        for pair in (entry(before[i], i), entry(i, after[i])):
            if pair is not None:
                heapq.heappush(heap, pair)
    return [id for id in ids if id != GONE]


def check_characters(text: str) -> None:
    """Raises a ValueError if the text holds half of a surrogate pair, which no UTF-8 can express."""
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise UserError(
            f"text: lone surrogate U+{ord(text[error.start]):04X} at character {error.start}, expected whole "
            "characters; read the text with its true encoding"
        ) from None
