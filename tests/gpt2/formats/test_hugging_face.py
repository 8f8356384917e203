"""A Hugging Face folder holds the model that was converted, and every way of storing it there is read."""

import json
import pathlib

import numpy as np
import pytest
from tensors import read_tensors, write_tensors

from encoder.reference import Encoder
from encoder.vocabulary import END_OF_TEXT, read_vocabulary
from gpt2.bundle import read_weight
from gpt2.checkpoint import load_model
from gpt2.formats import conversion, hugging_face
from gpt2.hparams import read_hparams, weight_shapes


def change(path, **values):
    path.write_text(json.dumps(json.loads(path.read_text()) | values))


def weights_of(model):
    return {name: model.read(name) for name in weight_shapes(model.hparams)}


def assert_same_weights(model, folder):
    for name, weight in weights_of(model).items():
        np.testing.assert_array_equal(weight, read_weight(str(folder / "model.ckpt"), name))


def test_the_reference_model_comes_back_byte_for_byte(tmp_path, reference_folder):
    conversion.convert(reference_folder, str(tmp_path / "theirs"))
    conversion.convert(str(tmp_path / "theirs"), str(tmp_path / "ours"))
    for name in ("model.ckpt.data-00000-of-00001", "encoder.json", "vocab.bpe"):
        assert (tmp_path / "ours" / name).read_bytes() == pathlib.Path(reference_folder, name).read_bytes()
    assert read_hparams(str(tmp_path / "ours")) == read_hparams(reference_folder)


def test_matrices_have_no_first_axis_and_the_names_of_transformers(written_folder, small_folder):
    tensors = read_tensors(written_folder / "model.safetensors")
    assert len(tensors) == 4 + 12
    w = read_weight(str(small_folder / "model.ckpt"), "model/h0/attn/c_attn/w")
    np.testing.assert_array_equal(tensors["transformer.h.0.attn.c_attn.weight"], w[0])
    assert tensors["transformer.wte.weight"].shape == (300, 16)
    assert tensors["transformer.ln_f.bias"].shape == (16,)


def test_the_config_gives_the_sizes_and_the_end_of_text(written_folder):
    config = json.loads((written_folder / "config.json").read_text())
    sizes = {"vocab_size": 300, "n_positions": 32, "n_embd": 16, "n_head": 2, "n_layer": 1}
    assert config.items() >= (sizes | {"model_type": "gpt2", "eos_token_id": 299}).items()


def test_a_written_folder_has_these_files_and_no_others(written_folder):
    names = {"README.md", "config.json", "generation_config.json", "merges.txt", "model.safetensors"}
    names |= {"tokenizer.json", "tokenizer_config.json", "vocab.json"}
    assert {path.name for path in written_folder.iterdir()} == names


def test_float16_is_stored_and_read_back_as_float32(tmp_path, small_folder):
    conversion.convert(str(small_folder), str(tmp_path / "half"), dtype="float16")
    tensors = read_tensors(tmp_path / "half" / "model.safetensors")
    assert {tensor.dtype for tensor in tensors.values()} == {np.dtype(np.float16)}
    wte = hugging_face.read_folder(str(tmp_path / "half")).read("model/wte")
    expected = read_weight(str(small_folder / "model.ckpt"), "model/wte").astype(np.float16)
    assert wte.dtype == np.float32
    np.testing.assert_array_equal(wte, expected)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_the_float_that_weights_are_stored_in_does_not_matter(folder, small_folder, dtype):
    path = folder / "model.safetensors"
    write_tensors(path, {name: tensor.astype(dtype) for name, tensor in read_tensors(path).items()})
    assert_same_weights(hugging_face.read_folder(str(folder)), small_folder)


def test_bfloat16_is_the_upper_half_of_a_float32(folder):
    path = folder / "model.safetensors"
    tensors = read_tensors(path)
    write_tensors(path, {name: (tensor.view(np.uint32) >> 16).astype(np.uint16) for name, tensor in tensors.items()})
    found = hugging_face.read_folder(str(folder)).read("model/wte")
    exact = tensors["transformer.wte.weight"]
    assert 0 < np.abs(found - exact).max() <= np.abs(exact).max() / 128  # 8 bits of a number are left


def renamed(rename):
    return lambda tensors: {rename(name): tensor for name, tensor in tensors.items()}


def with_masks(tensors):
    mask = np.tril(np.ones([1, 1, 32, 32], np.uint8))
    return tensors | {"transformer.h.0.attn.bias": mask, "h.0.attn.masked_bias": np.array([-1e4], np.float32)}


WAYS = {
    "of the bare model": renamed(lambda name: name.removeprefix("transformer.")),
    "with the masks of old files": with_masks,
    "with the logits' matrix twice": lambda tensors: tensors | {"lm_head.weight": tensors["transformer.wte.weight"]},
    "with the logits' matrix alone": renamed(lambda name: name.replace("transformer.wte", "lm_head")),
    "in another order": lambda tensors: dict(reversed(tensors.items())),
}


@pytest.mark.parametrize("way", WAYS)
def test_weights_are_read(folder, small_folder, way):
    path = folder / "model.safetensors"
    write_tensors(path, WAYS[way](read_tensors(path)))
    assert_same_weights(hugging_face.read_folder(str(folder)), small_folder)


def shard(folder):
    path = folder / "model.safetensors"
    tensors = list(read_tensors(path).items())
    path.unlink()
    weight_map: dict[str, str] = {}
    for number, start in enumerate(range(0, len(tensors), 6), start=1):
        name = f"model-{number:05}-of-00003.safetensors"
        write_tensors(folder / name, dict(tensors[start : start + 6]))
        weight_map |= dict.fromkeys(dict(tensors[start : start + 6]), name)
    (folder / "model.safetensors.index.json").write_text(json.dumps({"metadata": {}, "weight_map": weight_map}))


def test_weights_in_several_files_are_read(folder, small_folder):
    shard(folder)
    assert_same_weights(hugging_face.read_folder(str(folder)), small_folder)


def test_a_vocabulary_of_two_files_is_that_of_the_tokenizer(folder, small_folder):
    (folder / "tokenizer.json").unlink()
    assert hugging_face.read_folder(str(folder)).vocabulary == read_vocabulary(str(small_folder))


def test_a_tokenizer_as_it_was_written_in_2020_is_read(folder, small_folder):
    """OpenAI's models on the hub: no type of the model, no use_regex, merges of one text each."""
    tokenizer = json.loads((folder / "tokenizer.json").read_text())
    del tokenizer["model"]["type"]
    tokenizer["pre_tokenizer"] = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True}
    tokenizer["model"]["merges"] = [" ".join(merge) for merge in tokenizer["model"]["merges"]]
    (folder / "tokenizer.json").write_text(json.dumps(tokenizer))
    assert hugging_face.read_folder(str(folder)).vocabulary == read_vocabulary(str(small_folder))


def test_rows_and_tokens_that_no_text_gives_are_left_out(folder, small_folder, messages):
    tokenizer = json.loads((folder / "tokenizer.json").read_text())
    tokenizer["added_tokens"].append({"id": 300, "content": "<pad>"})
    (folder / "tokenizer.json").write_text(json.dumps(tokenizer))
    tensors = read_tensors(folder / "model.safetensors")
    wte = tensors["transformer.wte.weight"]
    tensors["transformer.wte.weight"] = np.concatenate([wte, np.ones([4, 16], np.float32)])
    write_tensors(folder / "model.safetensors", tensors)
    change(folder / "config.json", vocab_size=304)
    model = hugging_face.read_folder(str(folder))
    assert model.hparams.n_vocab == 300
    assert_same_weights(model, small_folder)
    assert any("left out 1 tokens that no text gives: <pad>" in message for message in messages())
    assert any("left out 4 rows of the embeddings" in message for message in messages())


def test_an_end_of_text_that_is_not_last_moves_there_with_its_row(folder, small_folder):
    """The ids of such a folder are 0 for end of text and ours plus 1 for the rest."""
    tokenizer = json.loads((folder / "tokenizer.json").read_text())
    vocab = {token: id + 1 for token, id in tokenizer["model"]["vocab"].items()} | {END_OF_TEXT: 0}
    tokenizer["model"]["vocab"] = vocab
    tokenizer["added_tokens"][0]["id"] = 0
    (folder / "tokenizer.json").write_text(json.dumps(tokenizer))
    tensors = read_tensors(folder / "model.safetensors")
    tensors["transformer.wte.weight"] = np.roll(tensors["transformer.wte.weight"], 1, axis=0)
    write_tensors(folder / "model.safetensors", tensors)
    assert_same_weights(hugging_face.read_folder(str(folder)), small_folder)


def test_a_converted_folder_gives_the_logits_of_the_original(tmp_path, folder, small_folder):
    conversion.convert(str(folder), str(tmp_path / "ours"))
    ids = np.arange(32)[None]
    expected = load_model(str(small_folder))(ids).numpy()
    np.testing.assert_array_equal(load_model(str(tmp_path / "ours"))(ids).numpy(), expected)


def test_the_tokenizer_is_the_vocabulary(written_folder, small_folder):
    tokenizer = json.loads((written_folder / "tokenizer.json").read_text())
    vocabulary = read_vocabulary(str(small_folder))
    assert tokenizer["model"]["vocab"] == {token: id for id, token in enumerate(vocabulary.tokens)}
    assert [tuple(merge) for merge in tokenizer["model"]["merges"]] == list(vocabulary.merges)
    assert Encoder(vocabulary).encode("Tell me not") == Encoder(
        hugging_face.read_folder(str(written_folder)).vocabulary
    ).encode("Tell me not")
