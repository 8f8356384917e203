"""What samples continue: a text, laid out as the poems were that a model was trained on."""

import dataclasses
import functools
import sys
from collections.abc import Callable, Iterator
from typing import TypeVar

from poems import layout, names
from poems.layout import Layout
from system import files
from system.errors import UserError

Result = TypeVar("Result")

MOST = 2**31 - 1  # Of anything that is counted: random numbers and regular expressions count in 32 bits.
FIELDS = ("author", "title", "tags", "book")


@dataclasses.dataclass(frozen=True)
class Prompt:
    """A text to continue.

    Attributes:
      pieces: its parts, to be encoded one by one, so that the end of a prefix is the end of an id.
      begins: whether the text is the beginning of a poem, and so follows end-of-text.
      nsamples: how many samples continue the text, 0 for no end.
      source: the file and the line that the text comes from, if it is one of many.
      about: what is known of the poem, by field, as the dataset would spell it.
    """

    pieces: tuple[str, ...]
    begins: bool
    nsamples: int
    source: str = dataclasses.field(default="", compare=False)
    about: tuple[tuple[str, str], ...] = dataclasses.field(default=(), compare=False)

    @property
    def text(self) -> str:
        return "".join(self.pieces)

    @property
    def held(self) -> str:
        """The space at its end, if there is one: it belongs to the word that follows, as it does in a dataset."""
        return " " if self.text.endswith(" ") else ""


def lay_out(text: str, about: dict[str, str], described: Layout, nsamples: int) -> Prompt:
    """A prompt with the prefix of the poem that `about` describes, if anything is known of the poem.

    Args:
      about: of FIELDS, what is known; tags separated by commas.
    Raises:
      UserError: a field that no prefix of this layout has.
    """
    known = {name: value for name, value in about.items() if value}
    if not known:
        return Prompt((text,) if text else (), False, nsamples)
    allowed = names.FIELDS[described.name]
    for name in known:
        if name not in allowed:
            flags = " and ".join(f"--{name}" for name in allowed) or "--prompt alone"
            raise UserError(
                f"--{name} is no part of what this model was trained on, whose layout is {described.name}; give {flags}"
            )
    known = spelled(known, described)
    begun = functools.partial(Prompt, begins=True, nsamples=nsamples, about=tuple(known.items()))
    tags = [tag.strip() for tag in known.pop("tags", "").split(",")]
    prefix = layout.prefix_of(described, tags=tags, **known)
    if described.name == "poem":
        return begun((prefix, text) if text else (prefix,))
    # In training every line has the prefix, except an empty one; the last line is to be continued.
    lines = text.split("\n")
    pieces, rest = [], ""
    for number, line in enumerate(lines, start=1):
        is_last = number == len(lines)
        if line.strip() or is_last:
            pieces.append(rest + prefix)
            rest = ""
        rest += line if is_last else f"{line}\n"
    pieces.append(rest)
    return begun(tuple(filter(None, pieces)))


def spelled(about: dict[str, str], described: Layout) -> dict[str, str]:
    """What describes a poem, its title and author spelled by the rules that those of the dataset went through."""
    from poems.cleaning.rules import mend_name  # here, since it takes a while and few prompts need it

    mended = {name: mend_name(about[name], described.rules) for name in ("title", "author") if name in about}
    return about | mended if described.rules else about


def read_text(path: str) -> str:
    """A file of UTF-8, or standard input for -, letter for letter, except a byte order mark and Windows' line ends.

    Raises:
      UserError: a byte that is not UTF-8.
    """
    if path == "-":
        return decode(sys.stdin.buffer.read(), "standard input")
    return files.read_text(path).replace("\r\n", "\n")


def decode(raw: bytes, source: str) -> str:
    """The text of bytes that were read from a source, which an error names; see `read_text`."""
    return files.decode(raw, source, "give the text as UTF-8").replace("\r\n", "\n")


def read_many(path: str, about: dict[str, str], described: Layout, nsamples: int) -> list[Prompt]:
    """The prompts of a file: one a line, or in a .jsonl an object a line with `prompt`, `nsamples` and FIELDS.

    A line that lacks `nsamples` or a field has the one given here.

    Raises:
      UserError: naming the line that is no prompt.
    """
    read = _read_object if path.endswith(".jsonl") else lay_out
    lines = _read_lines(path, read_text(path), lambda line: read(line, about, described, nsamples))
    found = [dataclasses.replace(prompt, source=source) for source, prompt in lines]
    if not found:
        raise UserError(f"{path}: no prompts, expected one a line")
    return found


def read_texts(path: str, about: dict[str, str], described: Layout) -> list[tuple[Prompt, str]]:
    """The texts of a file, each after its prompt: the whole file, or `text` and possibly `prompt` of a .jsonl's lines.

    Raises:
      UserError: naming the line without a text.
    """
    content = read_text(path)
    if not path.endswith(".jsonl"):
        return [(lay_out("", about, described, 1), content)]

    def read(line: str) -> tuple[Prompt, str]:
        expected = 'an object such as {"text": "O rose,"}'
        given = files.parse_json(line, expected, {"text": str})
        files.check_keys({"prompt": ""} | given, {"prompt": str}, expected)
        return _lay_out_again(given.get("prompt", ""), about, described), given["text"]

    lines = _read_lines(path, content, read)
    return [(dataclasses.replace(prompt, source=source), text) for source, (prompt, text) in lines]


def _read_lines(path: str, content: str, read: Callable[[str], Result]) -> Iterator[tuple[str, Result]]:
    """The result of `read` for each line that is not empty, after its file and number, which errors name."""
    for number, line in enumerate(content.split("\n"), start=1):
        if line:
            source = f"{path}: line {number}"
            try:
                yield source, read(line)
            except UserError as error:
                raise UserError(f"{source}: {error}") from None


def _lay_out_again(text: str, about: dict[str, str], described: Layout) -> Prompt:
    """A prompt with its prefix, whether the text already has it, as the prompts in files of samples have, or not."""
    without = text.replace(lay_out("", about, described, 1).text, "")
    again = lay_out(without, about, described, 1)
    return again if again.text == text else lay_out(text, about, described, 1)


def _read_object(line: str, about: dict[str, str], described: Layout, nsamples: int) -> Prompt:
    expected = 'an object such as {"prompt": "O rose,", "nsamples": 3}'
    given = files.parse_json(line, expected)
    kinds = dict.fromkeys(("prompt", *FIELDS), str) | {"nsamples": int}
    for name in given:
        if name not in kinds:
            raise UserError(f"unknown key {name}, expected {', '.join(kinds)}")
    files.check_keys(given, {name: kinds[name] for name in given}, expected)
    if not 1 <= given.get("nsamples", 1) <= MOST:
        raise UserError(f"nsamples is {given['nsamples']}, expected 1 to {MOST}")
    about = about | {name: given[name] for name in FIELDS if name in given}
    return lay_out(given.get("prompt", ""), about, described, given.get("nsamples", nsamples))
