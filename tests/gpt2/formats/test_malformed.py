"""Folders and files that are no model, or a damaged one: each is refused in one line that names the file."""

import json
import struct

import numpy as np
import pytest
from tensors import read_tensors, write_tensors

from gpt2.formats import conversion
from gpt2.formats.foreign import is_hugging_face
from system.errors import UserError


def edit(name):
    """Makes a function that changes an object of JSON into one that changes the file of this name in a folder."""

    def edited(change):
        def damage(folder):
            content = json.loads((folder / name).read_text())
            changed = change(content)
            (folder / name).write_text(json.dumps(content if changed is None else changed))

        return damage

    return edited


config, tokenizer = edit("config.json"), edit("tokenizer.json")


def tensors(change):
    def damage(folder):
        path = folder / "model.safetensors"
        write_tensors(path, change(read_tensors(path)))

    return damage


def raw(name, change):
    def damage(folder):
        (folder / name).write_bytes(change((folder / name).read_bytes()))

    return damage


def header(change):
    """Damages the header of the weights, as bytes; its length is set anew."""

    def changed(content):
        end = 8 + struct.unpack("<Q", content[:8])[0]
        text = change(content[8:end])
        return struct.pack("<Q", len(text)) + text + content[end:]

    return raw("model.safetensors", changed)


def without(name):
    return lambda folder: (folder / name).unlink()


def index(weight_map):
    def damage(folder):
        (folder / "model.safetensors").rename(folder / "model-00001-of-00002.safetensors")
        names = read_tensors(folder / "model-00001-of-00002.safetensors")
        found = dict.fromkeys(names, "model-00001-of-00002.safetensors") | weight_map
        (folder / "model.safetensors.index.json").write_text(json.dumps({"weight_map": found}))

    return damage


def pickled(folder):
    (folder / "model.safetensors").unlink()
    (folder / "pytorch_model.bin").write_bytes(b"\x80\x02}q\x00.")


def adapter(folder):
    (folder / "config.json").unlink()
    (folder / "adapter_config.json").write_text("{}")


def merge_of(tokenizer, merge):
    tokenizer["model"]["merges"][3] = merge


def renumbered(tokenizer):
    tokenizer["model"]["vocab"]["!"] = tokenizer["model"]["vocab"]["#"]


WTE, FIRST = "transformer.wte.weight", "transformer.h.0.ln_1.weight"
# What was done to a good folder, and what the line says of it.
DAMAGES = {
    "no config.json": (without("config.json"), "config.json: no such file"),
    "a config.json of a web page": (raw("config.json", lambda _: b"<html>"), "config.json: found no JSON"),
    "another architecture": (config(lambda c: c | {"model_type": "llama"}), "model_type is llama, expected gpt2"),
    "no architecture": (config(lambda c: c.pop("model_type") and None), "model_type is None, expected gpt2"),
    "another activation": (config(lambda c: c | {"activation_function": "relu"}), "activation_function is relu"),
    "scores scaled by layer": (config(lambda c: c | {"scale_attn_by_inverse_layer_idx": True}), "_layer_idx is True"),
    "another width of the blocks": (config(lambda c: c | {"n_inner": 32}), "n_inner is 32, expected 64"),
    "a size of text": (config(lambda c: c | {"n_embd": "16"}), "n_embd is 16, expected a whole number"),
    "a size below 1": (config(lambda c: c | {"n_layer": 0}), "n_layer is 0, expected a positive integer"),
    "heads that do not divide the width": (config(lambda c: c | {"n_head": 3}), "not a multiple of n_head 3"),
    "more layers than there are": (config(lambda c: c | {"n_layer": 2}), "no tensor h.1.ln_1.weight"),
    "fewer tokens than the vocabulary": (config(lambda c: c | {"vocab_size": 299}), "vocab_size is 299"),
    "a tensor that is missing": (
        tensors(lambda t: {name: tensor for name, tensor in t.items() if name != FIRST}),
        "no tensor h.0.ln_1.weight, expected one of shape [16]",
    ),
    "embeddings that are missing": (
        tensors(lambda t: {name: tensor for name, tensor in t.items() if name != WTE}),
        "no tensor wte.weight",
    ),
    "a tensor of another shape": (tensors(lambda t: t | {FIRST: t[FIRST][:8]}), "shape [8], expected [16]"),
    "a tensor left over": (tensors(lambda t: t | {"extra.weight": t[FIRST]}), "extra.weight has no place"),
    "a tensor with and without prefix": (tensors(lambda t: t | {"wte.weight": t[WTE]}), "wte.weight is there with and"),
    "whole numbers for weights": (tensors(lambda t: t | {FIRST: np.ones(16, np.uint8)}), "is of U8, expected F64"),
    "logits with a matrix of their own": (tensors(lambda t: t | {"lm_head.weight": t[WTE] + 1}), "differs from wte"),
    "an empty file": (raw("model.safetensors", lambda _: b""), "a header of 0 bytes in a file of 0"),
    "a file cut in its weights": (raw("model.safetensors", lambda old: old[:-100]), "bytes, expected"),
    "a file cut in its header": (raw("model.safetensors", lambda old: old[:100]), "expected one that the file holds"),
    "a header of 10 GB": (
        raw("model.safetensors", lambda old: struct.pack("<Q", 10**10) + old[8:]),
        "a header of 10,000,000,000 bytes",
    ),
    "a header that is no JSON": (header(lambda old: b"x" * len(old)), "model.safetensors: found no JSON"),
    "a header that is no text": (header(lambda old: b"\xff" * len(old)), "byte 0xff at 0"),
    "offsets beyond the file": (header(lambda old: old.replace(b"[0,", b"[9,", 1)), "that agree"),
    "an unknown number format": (header(lambda old: old.replace(b'"F32"', b'"Q4"', 1)), "is of Q4, expected F64"),
    "weights that are pickled": (pickled, "pytorch_model.bin: a pickle"),
    "no weights": (without("model.safetensors"), "model.safetensors: no such file; the folder has no weights"),
    "an adapter": (adapter, "an adapter (LoRA)"),
    "a missing shard": (
        index({FIRST: "model-00002-of-00002.safetensors"}),
        "model-00002-of-00002.safetensors: no such",
    ),
    "a shard elsewhere": (index({FIRST: "../../etc/passwd"}), "../../etc/passwd, expected a .safetensors file"),
    "a tensor that no shard holds": (index({"h.9.ln_1.bias": "model-00001-of-00002.safetensors"}), "is not in model-"),
    "no vocabulary": (
        lambda folder: [(folder / name).unlink() for name in ("tokenizer.json", "merges.txt")],
        "tokenizer.json: no such file, and no vocab.json",
    ),
    "another kind of tokenizer": (tokenizer(lambda t: t["model"].update(type="Unigram")), "its model is not BPE"),
    "another pre_tokenizer": (
        tokenizer(lambda t: t.update(pre_tokenizer={"type": "Whitespace"})),
        "expected ByteLevel",
    ),
    "a merge of three": (tokenizer(lambda t: merge_of(t, "a b c")), "merge 4 is a b c, expected two tokens"),
    "a merge into no token": (tokenizer(lambda t: merge_of(t, ["q", "q"])), "merges, expected 42"),
    "two tokens with one id": (tokenizer(renumbered), "two tokens have one id"),
    "an id of text": (tokenizer(lambda t: t["model"]["vocab"].update(a="1")), "'a' has id 1, expected a whole number"),
    "no end of text": (
        tokenizer(lambda t: t["model"]["vocab"].pop("<|endoftext|>") and t.update(added_tokens=[])),
        "no token <|endoftext|>",
    ),
    "an added token without an id": (
        tokenizer(lambda t: t.update(added_tokens=[{"content": "x"}])),
        "an added token is",
    ),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_folder_is_refused_in_one_line_and_leaves_nothing(tmp_path, folder, damage):
    harm, expected = DAMAGES[damage]
    harm(folder)
    assert is_hugging_face(str(folder))
    with pytest.raises((UserError, FileNotFoundError)) as error:
        conversion.convert(str(folder), str(tmp_path / "ours"))
    assert expected in str(error.value)
    assert str(folder) in str(error.value)
    assert "\n" not in str(error.value)
    assert [path.name for path in tmp_path.iterdir()] == [folder.name]


def test_a_gap_between_tensors_is_refused(folder):
    """Bytes that belong to no tensor can hide what a reader does not look for."""
    path = folder / "model.safetensors"
    content = path.read_bytes()
    end = 8 + struct.unpack("<Q", content[:8])[0]
    path.write_bytes(content[:end] + bytes(8) + content[end:])
    with pytest.raises(UserError, match="bytes, expected"):
        conversion.open_model(str(folder))


@pytest.mark.parametrize("name", ["model.safetensors", "model.gguf", "model.tflite"])
def test_a_file_in_place_of_a_folder_is_refused_with_the_remedy(name):
    with pytest.raises(UserError, match="name the folder"):
        conversion.open_model(f"somewhere/{name}")
