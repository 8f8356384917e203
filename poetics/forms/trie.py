"""Words as a tree of letters, in which sums over all words below a node are taken at once."""

from collections.abc import Sequence

import numpy as np


class Trie:
    """Some words in alphabetical order.

    Attributes:
      children: of each node, by letter; node 0 is the root.
      word: the number of the word that ends at each node, or -1.
    """

    def __init__(self, words: Sequence[str]):
        self.children: list[dict[str, int]] = [{}]
        self.word = [-1]
        first = [0]
        for number, word in enumerate(words):
            node = 0
            for letter in word:
                if letter not in self.children[node]:
                    self.children[node][letter] = len(self.children)
                    self.children.append({})
                    self.word.append(-1)
                    first.append(number)
                node = self.children[node][letter]
            self.word[node] = number
        # The words below a node are neighbours: its bounds are its first word and the one after its last.
        self._bounds = np.empty((len(first), 2), np.intp)
        self._bounds[:, 0] = first
        ends = [0] * len(first)
        for node in range(len(first) - 1, -1, -1):
            last = max((ends[child] for child in self.children[node].values()), default=0)
            ends[node] = max(last, self.word[node] + 1)
        self._bounds[:, 1] = ends

    def walk(self, node: int, text: str) -> int:
        """The node that some letters lead to from a node; 0 if there is none."""
        for letter in text:
            node = self.children[node].get(letter, 0)
            if not node:
                return 0
        return node

    def over(self, ufunc: np.ufunc, of_words: np.ndarray) -> np.ndarray:
        """A reduction over the words below each node, such as np.bitwise_or: [words, ...] -> [nodes, ...]."""
        # Nodes are numbered depth first where the words are sorted, so no interval between two pairs is long.
        padded = np.concatenate([of_words, of_words[-1:]])
        return ufunc.reduceat(padded, self._bounds.ravel(), axis=0)[::2]
