"""OUT.json, what is known of a dataset beside its ids: written with a hash of itself, and checked when it is read."""

import hashlib
import json
import re

from encoder.dataset.npz import REMEDY, json_path
from poems.layout import find_layout
from poems.names import check_names
from system import files
from system.errors import UserError

FORMAT = 3
SEALED_FROM = 3  # Files of earlier formats have no hash of themselves.
SEAL = re.compile(rb', "sha256": "([0-9a-f]{64})"\}\s*\Z')
# What it must contain; files of earlier versions may lack the rest.
NEEDED = {"npz_sha256": str, "vocabulary": dict, "documents": dict, "held_out": dict, "held_out_tokens": int}
NEEDED |= {"sources": list}
OPTIONAL = {"format": int, "made_with": dict, "prefix_marks": dict, "layout": dict, "rules": list, "sha256": str}
OPTIONAL |= dict.fromkeys(("held_out_characters", "held_out_prefix_tokens", "held_out_prefix_characters"), int)
OURS = NEEDED.keys() - {"sources"}  # A .json with one of these keys is no other file of that name.
VOCABULARY = {"n_vocab": int, "fingerprint": str}
SOURCE = {"array": str, "name": str, "n_documents": int, "n_tokens": int}
EXPECTED = "what prepare_corpus.py writes"


def to_bytes(about: dict) -> bytes:
    """The contents of OUT.json: an object of JSON in one line, which ends in the SHA-256 of all that precedes it."""
    body = json.dumps(about, ensure_ascii=False).removesuffix("}").encode(errors="replace")
    return body + f', "sha256": "{hashlib.sha256(body).hexdigest()}"}}\n'.encode()


def read_about(path: str) -> dict:
    """What the .json beside a dataset contains, checked to be whole and of this .npz; empty if there is none.

    Raises:
      UserError: it is damaged, was changed, or describes another .npz.
    """
    beside = json_path(path)
    if not files.exists(beside):
        return {}
    with files.open_file(beside) as file:
        raw = file.read()
    if raw.startswith(b"["):
        return {}  # Some other file of that name.
    remedy = f"{REMEDY}, or move {beside} away"
    text = files.decode(raw, beside, remedy)
    try:
        about = files.parse_json(text, f"what is held out of {path}")
        if not OURS & about.keys():
            return {}  # Some other file of that name.
        check_about(about)
        _check_seal(about, raw)
    except UserError as error:
        raise UserError(f"{beside}: {error}; {remedy}") from None
    if (found := files.remembered(path, "sha256", lambda: files.sha256(path))) != about["npz_sha256"]:
        raise UserError(f"{path}: not the file that {beside} describes (its SHA-256 is {found}); {REMEDY}")
    return about


def check_about(about: dict) -> None:
    """Raises a UserError for a .json of a dataset in which something has another form than `write_dataset` gives it."""
    for key in about.keys() - NEEDED.keys() - OPTIONAL.keys():
        raise UserError(f"found the unknown key {key[:100]!r}, expected {EXPECTED}")
    files.check_keys(about, NEEDED, EXPECTED)
    files.check_keys(about["vocabulary"], VOCABULARY, EXPECTED)
    files.check_keys(about, {key: kind for key, kind in OPTIONAL.items() if key in about}, EXPECTED)
    find_layout(described := about.get("layout", {"name": "plain"}))
    check_names(described.get("names", {}))
    for source in about["sources"]:
        files.check_keys(source, SOURCE, EXPECTED)


def _check_seal(about: dict, raw: bytes) -> None:
    """Raises a UserError if the bytes of a .json are not those of which it contains the hash."""
    if "sha256" not in about and about.get("format", 0) < SEALED_FROM:
        return
    seal = SEAL.search(raw)
    if seal is None or hashlib.sha256(raw[: seal.start()]).hexdigest() != seal[1].decode():
        raise UserError(f"changed since it was written, found another SHA-256 of its contents, expected {EXPECTED}")
