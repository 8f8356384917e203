"""Where stanzas end in lines of verse that have lost their empty lines: by punctuation, rhymes and repeated shapes.

The likeliest division is found by dynamic programming. It consists of stanzas, each of which tends to have the shape of
the one before it, and of running verse, whose paragraphs have any length. Three things count: the signs at each line
end (a full stop, a first word in capitals), lines without a rhyme in their own stanza, and how much the line lengths
and rhymes of a stanza are like those of the stanza before it. Weights are natural logarithms of likelihood ratios,
fitted on 24 books whose stanzas are known.
"""

import numpy as np

from poetics.stanzas.line_ends import Evidence

LONGEST = 24  # lines; what has more is running verse
NEVER = -1e9  # the logarithm of no chance

# How probable it is that a stanza has that many lines, where nothing is known of the one before it.
LENGTHS = {1: 0.046, 2: 0.041, 3: 0.055, 4: 0.406, 5: 0.054, 6: 0.111, 7: 0.035, 8: 0.124, 9: 0.017, 10: 0.026}
LENGTHS |= {11: 0.010, 12: 0.027, 13: 0.006, 14: 0.016, 15: 0.005, 16: 0.005}
RARE_LENGTH = 0.002
SAME_LENGTH = 0.25  # the probability that a stanza repeats the length of the one before it for no other reason
PARAGRAPH_ENDS = 0.05  # the probability that a line of running verse ends a paragraph
RUNNING_BEGINS, RUNNING_ENDS = 0.077, 0.03  # the probabilities of a change after a stanza, and after a paragraph
UNRHYMED, WHOLLY_UNRHYMED = 0.28, 3.0  # against each line without a rhyme in its stanza, and a stanza of only such
RUNNING_UNRHYMED = 0.3  # against each line of running verse without a rhyme near it
NEAR = 4  # lines
# For each character by which a line is nearer in length to its like in the stanza before than to the line before it.
LIKE_LENGTH = 0.024
MOST_APART = 20  # characters
# For each line that rhymes as its like in the stanza before: with none before it, the line before it, another one.
AS_LIKE = np.array([0, 0.24, 0.8])
UNLIKE_RHYME = -0.8

LOG_PARAGRAPH_ENDS, LOG_PARAGRAPH_GOES_ON = np.log(PARAGRAPH_ENDS), np.log(1 - PARAGRAPH_ENDS)
# Into running verse and into a stanza of another length: after a paragraph, and after a stanza.
CHANGES = np.log([[1 - RUNNING_ENDS, RUNNING_BEGINS], [RUNNING_ENDS, 1 - RUNNING_BEGINS]]).tolist()


def stanza_ends(evidence: Evidence) -> np.ndarray:
    """Which lines end a stanza or a paragraph of running verse, the last line always among them: bool [n]."""
    if not len(evidence.signs):
        return np.zeros(0, bool)
    path = _Path(evidence)
    for end in range(1, len(evidence.signs) + 1):
        path.go_on(end)
    return path.ends()


class _Path:
    """The best divisions of the first lines, 0 to n of them, by what they end with.

    A column tells what that is: 0, a paragraph of running verse; else a stanza of that many lines.

    Attributes:
      score: that of each best division: float [n + 1, columns].
      repeats: whether its last stanza has the length of the one before for a reason: bool [n + 1, columns].
      best: the column of the best division, if a stanza of another length or running verse follows: int [n + 1, 2].
      entry: the score of that, the change included: float [n + 1, 2].
      running: the score of the best division that is in the middle of a paragraph: float.
      began: where the paragraph began of the best division in the middle of, or at the end of, one: int [n + 1].
    """

    def __init__(self, evidence: Evidence):
        n = len(evidence.signs)
        self.signs = evidence.signs.tolist()
        lengths = np.array([LENGTHS.get(length, RARE_LENGTH) for length in range(1, LONGEST + 1)])
        self.change = np.log((1 - SAME_LENGTH) * lengths)
        self.same = np.log(SAME_LENGTH + (1 - SAME_LENGTH) * lengths) + np.log(1 - RUNNING_BEGINS) + likeness(evidence)
        open_lines = unrhymed(evidence)
        self.cost = UNRHYMED * open_lines + WHOLLY_UNRHYMED * (open_lines == np.arange(1, LONGEST + 1))
        self.running_cost = (RUNNING_UNRHYMED * ((evidence.before > NEAR) & (evidence.after > NEAR))).tolist()
        self.score = np.full((n + 1, LONGEST + 1), NEVER)
        self.repeats = np.zeros((n + 1, LONGEST + 1), bool)
        self.best = np.zeros((n + 1, 2), int)
        self.entry = np.zeros((n + 1, 2))
        self.entry[0] = np.log(0.5)
        self.running, self.began = NEVER, np.zeros(n + 1, int)

    def go_on(self, end: int) -> None:
        """Takes one more line."""
        lengths = np.arange(1, min(LONGEST, end) + 1)
        starts = end - lengths
        columns = lengths - 1
        changed = self.entry[starts, 1] + self.change[columns]
        repeated = self.score[starts, lengths] + self.same[starts, columns]
        self.repeats[end, lengths] = repeated > changed
        self.score[end, lengths] = np.maximum(changed, repeated) - self.cost[starts, columns] + self.signs[end - 1]
        begins = self.entry[end - 1, 0] > self.running
        self.began[end] = end - 1 if begins else self.began[end - 1]
        self.running = max(self.entry[end - 1, 0], self.running) - self.running_cost[end - 1]
        self.score[end, 0] = self.running + LOG_PARAGRAPH_ENDS + self.signs[end - 1]
        self.running += LOG_PARAGRAPH_GOES_ON
        stanza = 1 + int(self.score[end, 1:].argmax())
        after_stanza, after_running = self.score[end, stanza], self.score[end, 0]
        for column, changes in enumerate(CHANGES):
            scores = after_running + changes[0], after_stanza + changes[1]
            self.best[end, column] = 0 if scores[0] > scores[1] else stanza
            self.entry[end, column] = max(scores)

    def ends(self) -> np.ndarray:
        """The lines at which stanzas and paragraphs of the best division end: bool [n]."""
        found = np.zeros(len(self.signs), bool)
        end, column = len(found), int(self.score[-1].argmax())
        while end > 0:
            found[end - 1] = True
            start = end - column if column else self.began[end]
            if not self.repeats[end, column]:
                column = self.best[start, 1 if column else 0]
            end = start
        return found


def unrhymed(evidence: Evidence) -> np.ndarray:
    """How many lines of a stanza that begins at a line rhyme with none of it: [n, LONGEST], by its length from 1."""
    n = len(evidence.signs)
    counts = np.zeros((n, LONGEST), np.float32)
    for length in range(1, min(LONGEST, n) + 1):
        for k in range(length):
            lines = slice(k, n - length + 1 + k)
            is_open = (evidence.before[lines] > k) & (evidence.after[lines] >= length - k)
            counts[: n - length + 1, length - 1] += is_open
    return counts


def likeness(evidence: Evidence) -> np.ndarray:
    """What speaks for a stanza that begins at a line and is like as many lines before it: [n, LONGEST], by length."""
    n = len(evidence.signs)
    gains = np.zeros((n, LONGEST), np.float32)
    to_neighbour = np.minimum(np.abs(np.diff(evidence.length, prepend=evidence.length[:1])), MOST_APART)
    for length in range(2, min(LONGEST, n // 2) + 1):
        to_like = np.minimum(np.abs(evidence.length[length:] - evidence.length[:-length]), MOST_APART)
        sums = np.cumsum(np.append(0, to_neighbour[length:] - to_like))  # from line `length` on
        starts = np.arange(length, n - length + 1)
        gain = LIKE_LENGTH * (sums[starts] - sums[starts - length])
        for k in range(1, length):
            rhyme, like = (
                np.where(before <= k, before, 0)
                for before in (evidence.before[starts + k], evidence.before[starts + k - length])
            )
            gain += np.where(rhyme != like, UNLIKE_RHYME, AS_LIKE[np.minimum(rhyme, 2)])
        gains[starts, length - 1] = gain
    return gains
