"""The two files of a vocabulary: `encoder.json`, the id of each token, and `vocab.bpe`, the merges that make them.

Both write bytes as printable characters, a space as Ġ: `Ġ t` is the merge of a space and a t.
"""

import dataclasses
import functools
import hashlib
import itertools
import json
import os
from collections.abc import Iterable

from poems.long_texts import END_OF_TEXT
from system import files
from system.errors import UserError

MAX_VOCAB = 65536  # Datasets hold ids as uint16.
VERSION = "#version: 0.2"  # OpenAI's vocab.bpe, first line
REMEDY = "copy both files of one model, or download them again: python models/download.py 124M"

# OpenAI, src/encoder.py: these bytes stand for themselves, the others for the characters from U+0100 on.
PRINTABLE = {*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)}
_spare = itertools.count(0x100)
BYTE_CHARACTERS = [chr(byte if byte in PRINTABLE else next(_spare)) for byte in range(256)]
CHARACTER_BYTES = {character: byte for byte, character in enumerate(BYTE_CHARACTERS)}


@dataclasses.dataclass(frozen=True)
class Vocabulary:
    """What the two files hold: the token of each id, end of text last, and the merges, first learnt first."""

    tokens: tuple[str, ...]
    merges: tuple[tuple[str, str], ...]

    @functools.cached_property
    def fingerprint(self) -> str:
        """The SHA-256, in hex, of the two files as `write` would write them, however they were laid out when read."""
        return hashlib.sha256(encoder_json(self) + vocab_bpe(self)).hexdigest()

    @functools.cached_property
    def token_bytes(self) -> list[bytes]:
        """The bytes of each id; end of text gives those of its name."""
        table = CHARACTER_BYTES
        learnt = [bytes([table[character] for character in token]) for token in self.tokens[:-1]]
        return [*learnt, END_OF_TEXT.encode()]


def from_merges(merges: Iterable[tuple[str, str]]) -> Vocabulary:
    """The vocabulary of these merges, its ids in OpenAI's order: the bytes, the merges, end of text."""
    merges = tuple(merges)
    return Vocabulary((*sorted(BYTE_CHARACTERS), *map("".join, merges), END_OF_TEXT), merges)


def read_vocabulary(folder: str) -> Vocabulary:
    """The vocabulary in a folder.

    Raises:
      FileNotFoundError: one of the two files is missing.
      ValueError: one of the two is damaged, or they disagree.
    """
    json_path, bpe_path = (os.path.join(folder, name) for name in ("encoder.json", "vocab.bpe"))
    for path in (json_path, bpe_path):
        if not files.exists(path):
            raise FileNotFoundError(f"{path}: no such file, expected the vocabulary of a model; {REMEDY}")
    tokens = _tokens_of(files.read_json(json_path, "the id of each token", REMEDY), json_path)
    return checked_vocabulary(tokens, parse_merges(files.read_text(bpe_path, REMEDY), bpe_path), json_path, bpe_path)


def checked_vocabulary(
    tokens: list[str], merges: list[tuple[str, str]], tokens_path: str, merges_path: str, remedy: str = REMEDY
) -> Vocabulary:
    """The vocabulary of these tokens and merges, which were read from these paths.

    Raises:
      UserError: end of text is not the last token, a byte is missing, or tokens and merges disagree.
    """
    _check_tokens(tokens, tokens_path, remedy)
    _check_merges(merges, tokens, merges_path, remedy)
    return Vocabulary(tuple(tokens), tuple(merges))


def write_vocabulary(folder: str, vocabulary: Vocabulary) -> None:
    """Writes the two files, byte for byte as OpenAI's are laid out, into a folder that is made if need be."""
    files.make_folder(folder)
    for name, content in (("encoder.json", encoder_json(vocabulary)), ("vocab.bpe", vocab_bpe(vocabulary))):
        files.write_file(os.path.join(folder, name), content)


def encoder_json(vocabulary: Vocabulary) -> bytes:
    """The content of `encoder.json`."""
    return json.dumps({token: id for id, token in enumerate(vocabulary.tokens)}).encode()


def vocab_bpe(vocabulary: Vocabulary) -> bytes:
    """The content of `vocab.bpe`."""
    return "".join(f"{line}\n" for line in (VERSION, *map(" ".join, vocabulary.merges))).encode()


def _tokens_of(ids: dict[str, object], path: str) -> list[str]:
    """The tokens of `encoder.json` in the order of their ids."""
    if len(ids) > MAX_VOCAB:
        raise UserError(
            f"{path}: {len(ids)} tokens, expected at most {MAX_VOCAB}, since datasets hold ids in 16 bits; "
            "train a smaller vocabulary: --train_vocab N"
        )
    tokens: dict[int, str] = {}
    for token, id in ids.items():
        if not isinstance(id, int) or isinstance(id, bool) or not 0 <= id < len(ids) or id in tokens:
            raise UserError(
                f"{path}: {token!r} has id {str(id)[:40]}, expected each of 0 to {len(ids) - 1} once; {REMEDY}"
            )
        tokens[id] = token
    return [tokens[id] for id in range(len(ids))]


def _check_tokens(tokens: list[str], path: str, remedy: str) -> None:
    if not tokens or tokens[-1] != END_OF_TEXT:
        found = f"the last token is {tokens[-1]!r}" if tokens else "no tokens"
        raise UserError(f"{path}: {found}, expected {END_OF_TEXT!r}; {remedy}")
    known = set(tokens)
    for byte, character in enumerate(BYTE_CHARACTERS):
        if character not in known:
            raise UserError(f"{path}: byte {byte:#04x} ({character!r}) is missing, expected all 256; {remedy}")


def parse_merges(text: str, path: str) -> list[tuple[str, str]]:
    """The merges of `vocab.bpe`; Windows line ends, which git may put there, are read as well.

    Raises:
      UserError: no first line with the version, or a line without two tokens.
    """
    version, *lines = text.replace("\r\n", "\n").rstrip("\n").split("\n")
    if not version.startswith("#version"):
        raise UserError(f"{path}: line 1 is {version[:40]!r}, expected {VERSION!r}; {REMEDY}")
    merges = []
    for number, line in enumerate(lines, start=2):
        match line.split(" "):
            case [left, right] if left and right:
                merges.append((left, right))
            case _:
                raise UserError(f"{path}: line {number} is {line[:40]!r}, expected two tokens; {REMEDY}")
    return merges


def _check_merges(merges: list[tuple[str, str]], tokens: list[str], path: str, remedy: str) -> None:
    """Every token but end of text is a byte or the result of one merge, whose parts were there before it."""
    expected = len(tokens) - len(BYTE_CHARACTERS) - 1
    if len(merges) != expected:
        raise UserError(f"{path}: {len(merges)} merges, expected {expected} for {len(tokens)} tokens; {remedy}")
    learnt, made = set(tokens[:-1]), set(BYTE_CHARACTERS)
    for number, (left, right) in enumerate(merges, start=2):
        for token in (left, right, left + right):
            if token not in learnt:
                raise UserError(
                    f"{path}: line {number} merges {left!r} and {right!r}, expected a token {token!r}; {remedy}"
                )
        if left not in made or right not in made or left + right in made:
            raise UserError(
                f"{path}: line {number} merges {left!r} and {right!r}, expected parts that lines above it make "
                f"and a result that none does; {remedy}"
            )
        made.add(left + right)
