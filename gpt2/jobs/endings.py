"""Where a sample ends before it has its full length: at a text, after n lines, after n stanzas.

In bytes, since an id may end in the middle of a character.
"""

import re
from collections.abc import Callable

from encoder.reference import Encoder

BLANK = rb"[^\S\n]*\n"
LINE = rb"[^\S\n]*\S[^\n]*\n"
STOP, LINES, STANZAS = "stop", "lines", "stanzas"


class Endings:
    """The rules of a command; called, it begins to watch one sample.

    Attributes:
      stop: the text at which a sample ends, without it; empty for no such rule.
      lines: after how many lines that are not blank a sample ends, without the line end; 0 for no such rule.
      stanzas: after how many stanzas, separated by blank lines; 0 for no such rule.
    """

    def __init__(self, encoder: Encoder, stop: str = "", lines: int = 0, stanzas: int = 0):
        self.encoder, self.stop, self.lines, self.stanzas = encoder, stop.encode(), lines, stanzas
        # Possessive, so that no stanza is given up line by line to make several of one.
        self.after_lines = re.compile(rb"(?:(?:%b)*+%b){%d}" % (BLANK, LINE, lines))
        self.after_stanzas = re.compile(rb"(?:(?:%b)*+(?:%b)++){%d}%b" % (BLANK, LINE, stanzas, BLANK))

    def __bool__(self) -> bool:
        return bool(self.stop or self.lines or self.stanzas)

    def __call__(self, held: bytes = b"") -> Callable[[int], str | None]:
        """A function that takes the ids of a sample one by one, and returns the rule that ends it there, or None.

        held: the bytes at the beginning of the ids that belong to the prompt.
        """
        text = bytearray()

        def feed(id: int) -> str | None:
            text.extend(self.encoder.decode_bytes([id]))
            return self.find(bytes(text).removeprefix(held))[1]

        return feed

    def find(self, text: bytes) -> tuple[int, str | None]:
        """Where a text ends, and the first rule that ends it there; its length and None if none does."""
        found: list[tuple[int, str]] = []
        if self.stop and (place := text.find(self.stop)) >= 0:
            found.append((place, STOP))
        if self.lines and (match := self.after_lines.match(text)):
            found.append((match.end() - 1, LINES))
        if self.stanzas and (match := self.after_stanzas.match(text)):
            found.append((len(match[0].rstrip()), STANZAS))
        return min(found, default=(len(text), None))

    def text(self, ids: list[int], held: bytes = b"") -> str:
        """The text of a sample, up to where it ends, without the bytes that belong to the prompt."""
        whole = self.encoder.decode_bytes(ids).removeprefix(held)
        return whole[: self.find(whole)[0]].decode(errors="replace")

    def settled(self, text: bytes) -> int:
        """How many bytes of a text that grows are sure to stay, and may be printed."""
        end, why = self.find(text)
        if why:
            return end
        if self.lines or self.stanzas:
            end = len(text.rstrip())
        held = next((n for n in range(min(len(self.stop) - 1, len(text)), 0, -1) if text.endswith(self.stop[:n])), 0)
        return min(end, len(text) - held)
