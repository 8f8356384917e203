"""Rating in the terminal: texts shown, a key typed, the answer kept at once."""

import itertools
import shutil
from collections.abc import Callable, Sequence

from poetics.curating.candidates import Measured
from poetics.curating.ratings import Key, Ratings, key_of, next_shown

KEYS = {
    1: {"k": "keep", "d": "drop"},
    2: {"l": "left", "r": "right", "b": "both", "n": "neither"},
}
QUESTIONS = {
    1: "k keep, d drop; s later, u undo, q stop here: ",
    2: "l left is better, r right is better, b keep both, n keep neither; s later, u undo, q stop here: ",
}
GAP = "   |   "


def rate(texts: Sequence[Measured], ratings: Ratings, at_once: int, ask: Callable[[str], str] = input) -> None:
    """Shows texts that have no answer yet, the best first, until all have one or the reader stops.

    Args:
      at_once: how many are shown together, 1 or 2.
      ask: prints a question and returns the line that was typed; EOFError ends rating.
    """
    later: set[Key] = set()  # asked again when the command is run again
    while shown := next_shown(texts, ratings.verdicts().keys() | later, at_once):
        print(f"\n{_progress(texts, ratings)}\n\n{layout(shown, shutil.get_terminal_size().columns)}\n")
        keys = KEYS[len(shown)]
        try:
            typed = ask(QUESTIONS[len(shown)]).strip().lower()[:1]
        except (EOFError, KeyboardInterrupt):
            print()
            return
        if typed == "q":
            return
        if typed in keys:
            ratings.add(shown, keys[typed])
        elif typed == "s":
            later |= {key_of(text) for text in shown}
        elif typed != "u":
            print("that is none of these keys")
        elif not ratings.undo():
            print("there is no answer to take back")


def layout(shown: Sequence[Measured], width: int) -> str:
    """One text, or two: side by side where they fit into the width, else one above the other."""
    if len(shown) == 1:
        return shown[0].candidate.whole
    left, right = (text.candidate.whole.expandtabs().split("\n") for text in shown)
    columns = max(map(len, left))
    if columns + len(GAP) + max(map(len, right)) <= width:
        rows = itertools.zip_longest(left, right, fillvalue="")
        return "\n".join(f"{one:{columns}}{GAP}{other}".rstrip() for one, other in rows)
    return "\n".join(["LEFT", *left, "", "RIGHT", *right])


def _progress(texts: Sequence[Measured], ratings: Ratings) -> str:
    verdicts = ratings.verdicts()
    found = [verdicts[key_of(text)] for text in texts if key_of(text) in verdicts]
    return f"{len(found)} of {len(texts)} rated, {sum(found)} kept"
