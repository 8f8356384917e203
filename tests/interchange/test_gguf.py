"""GGUF files: the package gguf reads in them what was converted, and llama.cpp writes the same text."""

import numpy as np
import pytest
from conftest import REFERENCE, ROOT

import encoder
from gpt2.bundle import read_weight
from gpt2.checkpoint import load_model
from gpt2.formats import conversion
from gpt2.hparams import read_hparams, weight_shapes
from system.errors import UserError

pytestmark = pytest.mark.interchange

TINY, POET = str(REFERENCE / "tiny"), str(ROOT / "models" / "poet")
PROMPTS = ("O rose,", "Shall I compare thee\nto", "The winter night —")
# Of a logit. The poet's logits are of the order of 10; q8_0 keeps 7 bits and a sign of weights and of activations.
Q8_ERROR = 0.5


@pytest.fixture(scope="module")
def gguf_file(tmp_path_factory):
    """A function that gives the path of a model in GGUF."""
    made = {}

    def make(folder, dtype):
        if (folder, dtype) not in made:
            path = tmp_path_factory.mktemp("gguf") / f"{dtype}.gguf"
            conversion.convert(folder, str(path), dtype=dtype)
            made[folder, dtype] = str(path)
        return made[folder, dtype]

    return make


def tensors_of(path):
    """The tensors of a GGUF file as float32, by their names."""
    import gguf

    return {tensor.name: gguf.dequantize(tensor.data, tensor.tensor_type) for tensor in gguf.GGUFReader(path).tensors}


def llama_cpp(path, n_ctx):
    """llama.cpp with a model: a function of a prompt and a length, which gives the likeliest text after the prompt,
    and the number of ids of the prompt.
    """
    import xllamacpp

    parameters = xllamacpp.CommonParams()
    parameters.model.path = path
    parameters.n_ctx, parameters.n_parallel, parameters.warmup = n_ctx, 1, False
    parameters.cpuparams.n_threads = 2
    server = xllamacpp.Server(parameters)

    def complete(prompt, length):
        request = {"prompt": prompt, "n_predict": length, "temperature": 0, "ignore_eos": True, "cache_prompt": False}
        answer = server.handle_completions(request)
        return answer["choices"][0]["text"], answer["usage"]["prompt_tokens"]

    return complete


def continuation(folder, prompt, length):
    """The likeliest text after a prompt, end of text aside, by our graph without a past."""
    enc, model = encoder.load_encoder(folder), load_model(folder)
    ids = enc.encode(prompt)
    for _ in range(length):
        logits = model(np.array([ids]))[0, -1].numpy()
        ids.append(int(logits[:-1].argmax()))
    return enc.decode(ids[-length:])


@pytest.mark.parametrize(("dtype", "error"), [("float32", 0), ("float16", 2**-11), ("q8_0", 1 / 254)])
def test_every_weight_is_there(gguf_file, folder, dtype, error):
    """float16 rounds to 11 bits, q8_0 to 1 of 127 steps up to the greatest of 32 numbers and a scale of 11 bits."""
    found = tensors_of(gguf_file(folder, dtype))
    from gpt2.formats.gguf import name_of

    for name in weight_shapes(read_hparams(folder)):
        weight = read_weight(f"{folder}/model.ckpt", name)
        expected = weight[0].T if weight.ndim == 3 else weight
        greatest = np.abs(expected).max()
        np.testing.assert_allclose(found.pop(name_of(name)), expected, rtol=0, atol=greatest * (error + error / 8))
    assert found == {}


def test_the_sizes_and_the_vocabulary_are_those_of_the_model(gguf_file):
    import gguf

    fields = gguf.GGUFReader(gguf_file(POET, "float32")).fields
    enc = encoder.load_encoder(POET)
    assert fields["general.architecture"].contents() == "gpt2"
    assert fields["gpt2.context_length"].contents() == 256
    assert fields["gpt2.attention.head_count"].contents() == 4
    assert fields["tokenizer.ggml.tokens"].contents() == list(enc.vocabulary.tokens)
    assert fields["tokenizer.ggml.eos_token_id"].contents() == enc.n_vocab - 1


@pytest.mark.parametrize("dtype", ["float32", "float16"])
@pytest.mark.parametrize("prompt", PROMPTS)
def test_llama_cpp_writes_the_same_text(gguf_file, dtype, prompt):
    text, n_ids = llama_cpp(gguf_file(POET, dtype), 256)(prompt, 40)
    assert n_ids == len(encoder.load_encoder(POET).encode(prompt))
    assert text == continuation(POET, prompt, 40)


@pytest.mark.parametrize("dtype", ["float32", "float16"])
def test_llama_cpp_writes_the_same_text_with_openais_vocabulary(gguf_file, dtype):
    assert llama_cpp(gguf_file(TINY, dtype), 64)("Tell me not", 40)[0] == continuation(TINY, "Tell me not", 40)


def test_llama_cpp_with_8_bits_chooses_ids_that_are_nearly_the_likeliest(gguf_file):
    enc, model, complete = encoder.load_encoder(POET), load_model(POET), llama_cpp(gguf_file(POET, "q8_0"), 256)
    for prompt in PROMPTS:
        text, _ = complete(prompt, 40)
        start, ids = len(enc.encode(prompt)), enc.encode(prompt + text)
        logits = model(np.array([ids]))[0].numpy()[start - 1 : -1]
        chosen = logits[np.arange(len(logits)), ids[start:]]
        assert (logits.max(axis=1) - chosen < Q8_ERROR).all()


def test_llama_cpp_cuts_text_into_as_many_ids(gguf_file, bpe_cases):
    """Its answers say how many ids a prompt has, not which."""
    short = [
        case
        for case in bpe_cases
        if 0 < len(case["ids"]) < 60 and "\0" not in case["text"] and "<|endoftext|>" not in case["text"]
    ]
    assert len(short) > 200
    complete = llama_cpp(gguf_file(TINY, "q8_0"), 64)
    assert [case["text"] for case in short if complete(case["text"], 1)[1] != len(case["ids"])] == []


def test_a_width_that_8_bits_cannot_have_is_refused(tmp_path, small_model):
    with pytest.raises(UserError, match="n_embd 16 is no multiple of 32; use float16"):
        conversion.convert(str(small_model / "small"), str(tmp_path / "x.gguf"), dtype="q8_0")
