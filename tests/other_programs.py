"""What tests/interchange asks of programs that PyTorch belongs to, in a process without TensorFlow.

Both bring a copy of LLVM, and crash in one process.
"""

import os
from collections.abc import Mapping

import numpy as np


def logits(folder: str, ids: np.ndarray) -> np.ndarray:
    """The logits float32 [batch, seq, n_vocab] of transformers after ids [batch, seq]."""
    return _logits(_load(folder), ids)


def greedy(folder: str, ids: list[int], length: int) -> list[int]:
    """The likeliest ids after these, end of text aside, by transformers."""
    import torch

    model = _load(folder)
    end = [model.config.eos_token_id]
    written = model.generate(torch.tensor([ids]), max_new_tokens=length, do_sample=False, suppress_tokens=end)
    return written[0, len(ids) :].tolist()


def greedy_by_ctranslate2(folder: str, tokens: list[str], end: str, length: int, place: str) -> list[int]:
    """The likeliest ids after these tokens, end of text aside, by CTranslate2, which writes its model to a place."""
    import ctranslate2

    ctranslate2.converters.TransformersConverter(folder).convert(place)
    found = ctranslate2.Generator(place).generate_batch(
        [tokens], max_length=length, sampling_topk=1, include_prompt_in_result=False, suppress_sequences=[[end]]
    )
    return found[0].sequences_ids[0]


def tokenize(folder: str, texts: list[str]) -> tuple[list[list[int]], list[str]]:
    """The ids of texts by the package tokenizers, to which <|endoftext|> is text; and the texts of those."""
    import tokenizers

    tokenizer = tokenizers.Tokenizer.from_file(os.path.join(folder, "tokenizer.json"))
    tokenizer.encode_special_tokens = True
    ids = [tokenizer.encode(text).ids for text in texts]
    return ids, [tokenizer.decode(each, skip_special_tokens=False) for each in ids]


def auto_tokenize(folder: str, text: str) -> tuple[list[int], str, int]:
    """The ids of a text by the tokenizer of transformers, the text of those, and the id of end of text."""
    import transformers

    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    ids = tokenizer(text)["input_ids"]
    return ids, str(tokenizer.decode(ids)), tokenizer.eos_token_id


def save_again(folder: str, to: str) -> None:
    """Loads a model and its tokenizer with transformers and saves them, the weights in several files."""
    import transformers

    _load(folder).save_pretrained(to, max_shard_size="2MB")
    transformers.AutoTokenizer.from_pretrained(folder).save_pretrained(to)


def make_random(sizes: Mapping, dtype: str, tokenizer: str, to: str, ids: np.ndarray) -> np.ndarray:
    """Saves a model of transformers with random weights, and gives its logits, computed in float32, after these ids."""
    import torch
    import transformers

    torch.manual_seed(0)
    model = transformers.GPT2LMHeadModel(transformers.GPT2Config(**sizes)).to(getattr(torch, dtype)).eval()
    model.save_pretrained(to)
    transformers.AutoTokenizer.from_pretrained(tokenizer).save_pretrained(to)
    return _logits(model.to(torch.float32), ids)


def read_safetensors(path: str) -> dict[str, np.ndarray]:
    """The tensors of a file, by the package safetensors."""
    from safetensors import numpy as safetensors

    return safetensors.load_file(path)


def configurations(folder: str) -> tuple[dict, dict]:
    """The configuration of a folder, and that of its generation, by transformers."""
    import transformers

    classes = (transformers.AutoConfig, transformers.GenerationConfig)
    config, generation = (kind.from_pretrained(folder).to_dict() for kind in classes)
    return config, generation


def _load(folder: str):
    import transformers

    return transformers.GPT2LMHeadModel.from_pretrained(folder).eval()


def _logits(model, ids: np.ndarray) -> np.ndarray:
    import torch

    with torch.no_grad():
        return model(torch.tensor(ids)).logits.numpy()
