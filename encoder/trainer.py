"""A vocabulary of one's own: byte-pair merges learnt from a text, in the files and the order of GPT-2's."""

import collections
import heapq
import os
from array import array
from collections.abc import Iterable

import encoder
from encoder import reference, vocabulary
from encoder.reference import GONE, PATTERN, check_characters
from encoder.vocabulary import END_OF_TEXT, MAX_VOCAB, Vocabulary
from system import files
from system.errors import UserError

ID_BITS = 16  # MAX_VOCAB ids fit.
PAIR_BITS = 2 * ID_BITS
ID_MASK, PAIR_MASK = (1 << ID_BITS) - 1, (1 << PAIR_BITS) - 1


def train_vocabulary(texts: Iterable[str], n_vocab: int) -> Vocabulary:
    """Learns the merges of the commonest pairs until there are `n_vocab` tokens.

    Pairs are counted within pieces, never across them, and never across `<|endoftext|>`. Of pairs equally common the
    one with the lower left id is taken, then the one with the lower right id, so the same texts, in any order, give
    the same vocabulary.

    Raises:
      ValueError: `n_vocab` out of range, more than these texts have pairs for, or a lone surrogate in a text.
    """
    smallest = len(vocabulary.BYTE_CHARACTERS) + 1
    if not smallest <= n_vocab <= MAX_VOCAB:
        raise UserError(f"n_vocab is {n_vocab}, expected {smallest} to {MAX_VOCAB}")
    tokens = sorted(vocabulary.BYTE_CHARACTERS)
    learner = Learner(count_pieces([texts] if isinstance(texts, str) else texts), tokens)
    merges = []
    while len(tokens) < n_vocab - 1:
        pair = learner.best_pair()
        if pair is None:
            raise UserError(
                f"n_vocab is {n_vocab}, expected at most {len(tokens) + 1}, all that the pairs of this text give; "
                "give more text, or a smaller n_vocab"
            )
        left, right = pair
        learner.merge(left, right, len(tokens))
        merges.append((tokens[left], tokens[right]))
        tokens.append(tokens[left] + tokens[right])
    return vocabulary.from_merges(merges)


def count_pieces(texts: Iterable[str]) -> collections.Counter[bytes]:
    """How often each piece occurs."""
    counts: collections.Counter[str] = collections.Counter()
    for text in texts:
        check_characters(text)
        for part in text.split(END_OF_TEXT):
            counts.update(piece[0] for piece in PATTERN.finditer(part))
    return collections.Counter({piece.encode(): count for piece, count in counts.items()})


class Learner:
    """All different pieces behind one another, as a linked list of ids, and how often each pair stands in it.

    A merge visits the places of its pair and their neighbours, nothing else. A pair is one number, left << 16 | right.
    A count that fell is noticed when its pair comes to the top of the heap; only new pairs can rise.
    """

    def __init__(self, pieces: collections.Counter[bytes], tokens: list[str]):
        byte_ids = [tokens.index(character) for character in vocabulary.BYTE_CHARACTERS]
        self.ids = array("i", [GONE])  # [place]; GONE between pieces, so that no pair crosses
        self.weights = array("q", [0])  # [place], how often the piece of this place occurs
        for piece, weight in pieces.items():
            self.ids.extend(byte_ids[byte] for byte in piece)
            self.ids.append(GONE)
            self.weights.extend([weight] * (len(piece) + 1))
        self.before = array("q", range(-1, len(self.ids) - 1))
        self.after = array("q", range(1, len(self.ids) + 1))
        self.counts: dict[int, int] = collections.defaultdict(int)
        self.places: dict[int, array] = collections.defaultdict(lambda: array("q"))
        for place in range(len(self.ids) - 1):
            self._add(place, place + 1)
        self.heap = [_entry(pair, count) for pair, count in self.counts.items()]
        heapq.heapify(self.heap)

    def best_pair(self) -> tuple[int, int] | None:
        """The commonest pair, of equals the lowest, taken off the heap; None when no pair is left."""
        while self.heap:
            entry = heapq.heappop(self.heap)
            pair = entry & PAIR_MASK
            count = self.counts.get(pair, 0)
            if entry == _entry(pair, count):
                return pair >> ID_BITS, pair & ID_MASK
            if count:
                heapq.heappush(self.heap, _entry(pair, count))
        return None

    def merge(self, left: int, right: int, result: int) -> None:
        """Puts the id `result` in the place of every `left` that `right` follows."""
        ids, before, after = self.ids, self.before, self.after
        risen: set[int] = set()
        for i in sorted(self.places.pop(left << ID_BITS | right)):
            j = after[i]
            if ids[i] != left or ids[j] != right:
                continue  # Merged with another neighbour since it was noted.
            h, k = before[i], after[j]
            for a, b in ((h, i), (i, j), (j, k)):
                self._remove(a, b)
            ids[i], ids[j] = result, GONE
            after[i], before[k] = k, i
            risen.add(self._add(h, i))
            risen.add(self._add(i, k))
        for pair in risen:
            if self.counts.get(pair):
                heapq.heappush(self.heap, _entry(pair, self.counts[pair]))

    def _add(self, i: int, j: int) -> int:
        left, right = self.ids[i], self.ids[j]
        if left == GONE or right == GONE:
            return GONE
        pair = left << ID_BITS | right
        self.counts[pair] += self.weights[i]
        self.places[pair].append(i)
        return pair

    def _remove(self, i: int, j: int) -> None:
        left, right = self.ids[i], self.ids[j]
        if left == GONE or right == GONE:
            return
        pair = left << ID_BITS | right
        self.counts[pair] -= self.weights[i]
        if not self.counts[pair]:
            del self.counts[pair]


def _entry(pair: int, count: int) -> int:
    """What the heap sorts by: the higher count first, then the lower pair."""
    return pair - (count << PAIR_BITS)


def train_encoder(folder: str, texts: Iterable[str], n_vocab: int) -> reference.Encoder:
    """The encoder of a vocabulary trained on these texts, which is written into the folder.

    Raises:
      ValueError: the folder has another vocabulary, or the texts do not give that many tokens.
    """
    trained = train_vocabulary(texts, n_vocab)
    if not any(files.exists(os.path.join(folder, name)) for name in ("encoder.json", "vocab.bpe")):
        vocabulary.write_vocabulary(folder, trained)
    enc = encoder.load_encoder(folder)
    if enc.fingerprint != trained.fingerprint:
        raise UserError(
            f"{folder}: has another vocabulary already, of {enc.n_vocab} tokens, which datasets and models may "
            "depend on; choose another --model_name, or remove encoder.json and vocab.bpe"
        )
    return enc
