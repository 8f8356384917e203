"""What was converted, in transformers, tokenizers, safetensors and CTranslate2; and what transformers wrote, here."""

import os
import pathlib
import subprocess
import sys

import numpy as np
import other_programs
import pytest
from conftest import REFERENCE, ROOT

import encoder
from gpt2.bundle import read_weight
from gpt2.checkpoint import load_model
from gpt2.formats import conversion
from gpt2.formats.hugging_face_weights import name_of
from gpt2.hparams import read_hparams, weight_shapes

pytestmark = pytest.mark.interchange

ERROR = 1e-5  # Of a logit, in float32; logits beyond 1 have it relative to the greatest.
TEXT = "The rose , the thorn's\n\n and it 's end ."
SMALL = {"n_layer": 2, "n_embd": 32, "n_head": 4, "n_positions": 64}


def random_ids(n_vocab, shape):
    return np.random.default_rng(0).integers(n_vocab, size=shape)


@pytest.fixture
def likeliest(folder):
    """The 40 likeliest ids after a prompt, end of text aside, by our graph without a past."""
    model, ids = load_model(folder), encoder.load_encoder(folder).encode("Tell me not")
    for _ in range(40):
        ids.append(int(model(np.array([ids]))[0, -1, :-1].numpy().argmax()))
    return ids[-40:]


def test_the_logits_in_transformers_are_ours(elsewhere, exported, folder):
    sizes = read_hparams(folder)
    ids = random_ids(sizes.n_vocab, [2, sizes.n_ctx])
    theirs, ours = elsewhere(other_programs.logits, exported, ids), load_model(folder)(ids).numpy()
    np.testing.assert_allclose(theirs, ours, rtol=0, atol=ERROR * max(1, np.abs(ours).max()))


def test_the_logits_in_transformers_are_those_of_openais_graph(elsewhere, place):
    reference = np.load(REFERENCE / "tiny" / "reference.npz")
    theirs = elsewhere(other_programs.logits, str(place / "tiny"), reference["tokens"])
    np.testing.assert_allclose(theirs[:, :8], reference["logits_first"], rtol=0, atol=ERROR)
    np.testing.assert_allclose(theirs[:, -4:], reference["logits_last"], rtol=0, atol=ERROR)


def test_the_package_safetensors_reads_every_weight(elsewhere, exported, folder):
    found = elsewhere(other_programs.read_safetensors, os.path.join(exported, "model.safetensors"))
    for name in weight_shapes(read_hparams(folder)):
        weight = read_weight(os.path.join(folder, "model.ckpt"), name)
        np.testing.assert_array_equal(found.pop(f"transformer.{name_of(name)}"), weight.reshape(weight.shape[-2:]))
    assert found == {}


def test_the_package_tokenizers_cuts_text_as_openai_does(elsewhere, place, bpe_cases):
    texts = [case["text"] for case in bpe_cases]
    ids, decoded = elsewhere(other_programs.tokenize, str(place / "tiny"), texts)
    assert len(texts) == 308
    assert [case["text"] for case, found in zip(bpe_cases, ids, strict=True) if found != case["ids"]] == []
    assert decoded == texts


def test_the_package_tokenizers_cuts_text_as_we_do_with_a_vocabulary_of_ones_own(elsewhere, place, bpe_cases):
    texts = [case["text"] for case in bpe_cases]
    enc = encoder.load_encoder(str(ROOT / "models" / "poet"))
    ids, decoded = elsewhere(other_programs.tokenize, str(place / "poet"), texts)
    assert [text for text, found in zip(texts, ids, strict=True) if found != enc.encode(text)] == []
    assert decoded == texts


def test_the_tokenizer_of_transformers_is_the_vocabulary(elsewhere, exported, folder):
    enc = encoder.load_encoder(folder)
    end = enc.n_vocab - 1
    assert elsewhere(other_programs.auto_tokenize, exported, TEXT) == (enc.encode(TEXT), TEXT, end)
    assert elsewhere(other_programs.auto_tokenize, exported, "<|endoftext|>") == ([end], "<|endoftext|>", end)


def test_transformers_reads_the_configuration(elsewhere, exported, folder):
    sizes = read_hparams(folder)
    config, generation = elsewhere(other_programs.configurations, exported)
    expected = {"n_embd": sizes.n_embd, "n_layer": sizes.n_layer, "n_head": sizes.n_head, "vocab_size": sizes.n_vocab}
    assert config.items() >= (expected | {"n_positions": sizes.n_ctx, "eos_token_id": sizes.n_vocab - 1}).items()
    assert generation["eos_token_id"] == sizes.n_vocab - 1


def test_transformers_writes_the_same_40_likeliest_ids(elsewhere, exported, folder, likeliest):
    ids = encoder.load_encoder(folder).encode("Tell me not")
    assert elsewhere(other_programs.greedy, exported, ids, 40) == likeliest


def test_ctranslate2_writes_the_same_40_likeliest_ids(elsewhere, exported, folder, likeliest, tmp_path):
    enc = encoder.load_encoder(folder)
    tokens = [enc.vocabulary.tokens[id] for id in enc.encode("Tell me not")]
    request = (exported, tokens, enc.vocabulary.tokens[-1], 40, str(tmp_path / "theirs"))
    assert elsewhere(other_programs.greedy_by_ctranslate2, *request) == likeliest


def test_a_folder_that_transformers_saved_comes_back_byte_for_byte(elsewhere, exported, folder, tmp_path):
    elsewhere(other_programs.save_again, exported, str(tmp_path / "theirs"))
    assert (tmp_path / "theirs" / "model.safetensors.index.json").exists()
    conversion.convert(str(tmp_path / "theirs"), str(tmp_path / "ours"))
    for name in ("encoder.json", "vocab.bpe"):
        assert (tmp_path / "ours" / name).read_bytes() == pathlib.Path(folder, name).read_bytes()
    for name in weight_shapes(read_hparams(folder)):
        expected = read_weight(os.path.join(folder, "model.ckpt"), name)
        np.testing.assert_array_equal(read_weight(str(tmp_path / "ours" / "model.ckpt"), name), expected)


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
@pytest.mark.parametrize("sizes", [SMALL, {}], ids=["small", "124M"])
def test_a_model_of_transformers_gives_its_logits_here(elsewhere, place, tmp_path, sizes, dtype):
    theirs, ours = str(tmp_path / "theirs"), str(tmp_path / "ours")
    ids = random_ids(50257, [1, 64])
    expected = elsewhere(other_programs.make_random, sizes, dtype, str(place / "tiny"), theirs, ids)
    conversion.convert(theirs, ours)
    np.testing.assert_allclose(load_model(ours)(ids), expected, rtol=0, atol=ERROR)


def test_a_model_of_the_hub_is_found_in_the_cache_of_huggingface_hub(place, tmp_path):
    """Offline, in the layout that the package documents; a process of its own, since it reads HF_HOME at its import."""
    repository = tmp_path / "home" / "hub" / "models--anna--rose"
    for name in ("snapshots", "refs"):
        (repository / name).mkdir(parents=True)
    (repository / "snapshots" / ("0" * 40)).symlink_to(place / "poet")
    (repository / "refs" / "main").write_text("0" * 40)
    environment = os.environ | {"HF_HOME": str(tmp_path / "home"), "HF_HUB_OFFLINE": "1"}
    command = [sys.executable, str(ROOT / "models" / "convert.py")]
    for name, status in (("rose", 0), ("thorn", 1)):
        target = str(tmp_path / name)
        done = subprocess.run([*command, f"hf://anna/{name}", target], env=environment, capture_output=True, text=True)
        assert done.returncode == status
    assert (tmp_path / "rose" / "checkpoint").exists()
    assert done.stderr.startswith("convert.py: hf://anna/thorn: cannot be downloaded (")
    assert done.stderr.count("\n") == 1
