"""The vocabulary in a Hugging Face folder: `vocab.json` and `merges.txt`, or `tokenizer.json`, which holds both."""

import json
import logging
import os
from typing import NamedTuple

import numpy as np

from encoder.vocabulary import (
    BYTE_CHARACTERS,
    END_OF_TEXT,
    Vocabulary,
    checked_vocabulary,
    encoder_json,
    parse_merges,
    vocab_bpe,
)
from system import files
from system.errors import UserError

logger = logging.getLogger("gpt2")

REMEDY = "use the tokenizer of a GPT-2: byte-level BPE with <|endoftext|>"


class ForeignVocabulary(NamedTuple):
    """A vocabulary in our order, and the id that each of its tokens has in the folder, int64 [n_vocab].

    The ids differ from ours if end of text is not the last token there, or if tokens were added that no text gives,
    such as <pad>: those are left out.
    """

    vocabulary: Vocabulary
    ids: np.ndarray


def read_folder(folder: str) -> ForeignVocabulary:
    """The vocabulary of a folder: that of its `tokenizer.json`, or of `vocab.json` and `merges.txt` if it has none.

    Raises:
      FileNotFoundError: the folder has neither.
      UserError: a file is damaged, or its vocabulary is not byte-level BPE with <|endoftext|>.
    """
    names = ("tokenizer.json", "vocab.json", "merges.txt")
    tokenizer, vocab, merges_txt = (os.path.join(folder, name) for name in names)
    if files.exists(tokenizer):
        return _select(*_read_tokenizer(tokenizer), tokenizer, tokenizer)
    if files.exists(vocab) and files.exists(merges_txt):
        ids = _checked_ids(files.read_json(vocab, "the id of each token", REMEDY), vocab)
        return _select(ids, parse_merges(files.read_text(merges_txt, REMEDY), merges_txt), vocab, merges_txt)
    raise FileNotFoundError(f"{tokenizer}: no such file, and no vocab.json with a merges.txt beside it; {REMEDY}")


def _read_tokenizer(path: str) -> tuple[dict[str, int], list[tuple[str, str]]]:
    """The ids and merges of a `tokenizer.json`, as the package tokenizers writes it."""
    found = files.read_json(path, "a tokenizer", REMEDY, {"model": dict})
    match found:
        case {"model": {"vocab": dict(vocab), "merges": list(merges), **rest}} if rest.get("type", "BPE") == "BPE":
            pass  # Files of 2020, OpenAI's models among them, do not name the type.
        case _:
            raise UserError(f"{path}: its model is not BPE with vocab and merges, expected that; {REMEDY}")
    match found.get("pre_tokenizer"):
        case {"type": "ByteLevel", **options} if options.get("use_regex", True) is True:
            pass
        case other:
            raise UserError(f"{path}: its pre_tokenizer is {str(other)[:80]}, expected ByteLevel; {REMEDY}")
    if found.get("normalizer"):
        logger.info(f"{path}: left out its normalizer; text is encoded as it is")
    added = found.get("added_tokens")
    return _with_added(vocab, added if isinstance(added, list) else [], path), [
        _merge_of(merge, number, path) for number, merge in enumerate(merges, start=1)
    ]


def _with_added(vocab: dict[str, object], added: list[object], path: str) -> dict[str, int]:
    ids = dict(vocab)
    for token in added:
        match token:
            case {"content": str(text), "id": id}:
                ids[text] = id
            case _:
                raise UserError(f"{path}: an added token is {str(token)[:40]}, expected content and id; {REMEDY}")
    return _checked_ids(ids, path)


def _merge_of(merge: object, number: int, path: str) -> tuple[str, str]:
    """A merge, which older files write as one text."""
    match merge.split(" ") if isinstance(merge, str) else merge:
        case [str(left), str(right)] if left and right:
            return left, right
    raise UserError(f"{path}: merge {number} is {str(merge)[:40]}, expected two tokens; {REMEDY}")


def _checked_ids(ids: dict[str, object], path: str) -> dict[str, int]:
    checked: dict[str, int] = {}
    for token, id in ids.items():
        if not isinstance(id, int) or isinstance(id, bool) or id < 0:
            raise UserError(f"{path}: {token[:40]!r} has id {str(id)[:40]}, expected a whole number; {REMEDY}")
        checked[token] = id
    if len(set(checked.values())) < len(checked):
        raise UserError(f"{path}: two tokens have one id; {REMEDY}")
    return checked


def _select(ids: dict[str, int], merges: list[tuple[str, str]], vocab_path: str, merges_path: str) -> ForeignVocabulary:
    """The tokens that text gives, in the order of their ids, and end of text after them."""
    if END_OF_TEXT not in ids:
        raise UserError(f"{vocab_path}: no token {END_OF_TEXT}, expected one; {REMEDY}")
    given = {*BYTE_CHARACTERS, *map("".join, merges)} - {END_OF_TEXT}
    in_order = sorted(ids, key=ids.__getitem__)
    tokens = [*(token for token in in_order if token in given), END_OF_TEXT]
    if left_out := [token for token in in_order if token not in given and token != END_OF_TEXT]:
        more = ", ..." if len(left_out) > 5 else ""
        shown = f"{', '.join(left_out[:5])}{more}"
        logger.info(f"{vocab_path}: left out {len(left_out)} tokens that no text gives: {shown}")
    if ids[END_OF_TEXT] != len(tokens) - 1:
        logger.info(f"{vocab_path}: {END_OF_TEXT} is id {ids[END_OF_TEXT]} there, and {len(tokens) - 1} from now on")
    vocabulary = checked_vocabulary(tokens, merges, vocab_path, merges_path, REMEDY)
    return ForeignVocabulary(vocabulary, np.array([ids[token] for token in tokens]))


def write_folder(folder: str, vocabulary: Vocabulary, n_ctx: int) -> None:
    """Writes `vocab.json`, `merges.txt`, `tokenizer.json` and `tokenizer_config.json`."""
    ends = dict.fromkeys(("bos_token", "eos_token", "unk_token"), END_OF_TEXT)
    config = {
        "tokenizer_class": "GPT2Tokenizer",
        **ends,
        "add_prefix_space": False,
        "clean_up_tokenization_spaces": False,  # else decoding takes spaces before signs away
        "model_max_length": n_ctx,
    }
    contents = {
        "vocab.json": encoder_json(vocabulary),
        "merges.txt": vocab_bpe(vocabulary),
        "tokenizer.json": json.dumps(_tokenizer(vocabulary), ensure_ascii=False).encode(),
        "tokenizer_config.json": f"{json.dumps(config, indent=2)}\n".encode(),
    }
    for name, content in contents.items():
        files.write_file(os.path.join(folder, name), content)


def _tokenizer(vocabulary: Vocabulary) -> dict[str, object]:
    """What the package tokenizers reads: byte-level BPE whose only special token is end of text."""
    end = {"id": len(vocabulary.tokens) - 1, "content": END_OF_TEXT, "special": True, "normalized": False}
    byte_level = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": True}
    return {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": [end | dict.fromkeys(("single_word", "lstrip", "rstrip"), False)],
        "normalizer": None,
        "pre_tokenizer": byte_level,
        "post_processor": byte_level | {"trim_offsets": False},
        "decoder": byte_level,
        "model": {
            "type": "BPE",
            "dropout": None,
            "unk_token": None,
            "continuing_subword_prefix": "",
            "end_of_word_suffix": "",
            "fuse_unk": False,
            "byte_fallback": False,
            "vocab": {token: id for id, token in enumerate(vocabulary.tokens)},
            "merges": vocabulary.merges,
        },
    }
