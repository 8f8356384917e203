"""One side of bench/sample.py, in a process of its own: python bench/sample_sides.py SIDE DTYPE WEIGHTS < ids

It prints an object: tokens a second, and seconds for a long prompt; or, given ids, their perplexity.
"""

import json
import math
import os
import sys
import tempfile
import time

import numpy as np

LENGTH, PROMPT, LONG = 64, 8, 900
BATCHES = (1, 8, 20)
TOP_K = 40
THREADS = os.cpu_count() or 1
WINDOW = 100  # Tokens of a window of the text whose perplexity is measured.


def ours(dtype, prefix, ids):
    from gpt2.sampling import choosing, engines, scoring
    from gpt2.sampling.batch import Rules, Task, write_samples
    from gpt2.sampling.filters import Filters

    def open_engine(rows):
        return engines.EngineSpec(prefix, os.path.dirname(prefix), dtype, "lite").open(rows)

    if ids:
        engine = open_engine(1)
        end_of_text = engine.hparams.n_vocab - 1
        found = [p for part in windows(ids) for p in scoring.log_probabilities(engine, [end_of_text], part)]
        return {"perplexity": math.exp(-float(np.mean(found)))}
    found = {}
    for rows in BATCHES:
        engine = open_engine(rows)
        rules = Rules(Filters(top_k=TOP_K))

        def run(n_prompt, length, engine=engine, rules=rules):
            """Seconds, and how many tokens were written: as good as all, for one in thousands is end-of-text."""
            tasks = [Task(number, tuple(prompt_ids(n_prompt)), length) for number in range(1, engine.rows + 1)]
            start = time.perf_counter()
            n_tokens = sum(len(sample.ids) for sample in write_samples(engine, tasks, rules))
            return time.perf_counter() - start, n_tokens

        run(PROMPT, 8)
        seconds, n_tokens = run(PROMPT, LENGTH)
        found[f"rate {rows}"] = n_tokens / seconds
        found["prefill"], _ = run(LONG, 1)
        seconds, n_tokens = run(LONG, LENGTH)  # The engine still knows the prompt.
        found[f"long {rows}"] = n_tokens / seconds
    logits = np.random.default_rng(0).normal(size=[20, engine.hparams.n_vocab]).astype(np.float32)
    start = time.perf_counter()
    for position in range(20):
        choosing.choose(logits, Filters(top_k=TOP_K), 0, range(20), [position] * 20)
    found["choosing"] = (time.perf_counter() - start) / 20 / (20 / found["rate 20"])
    return found


def ctranslate2(dtype, weights, ids):
    import ctranslate2

    with tempfile.TemporaryDirectory() as folder:
        convert(weights, folder, dtype)
        model = ctranslate2.Generator(folder, compute_type=dtype, intra_threads=THREADS, inter_threads=1)
    if ids:
        texts = [["<|endoftext|>", *(str(id) for id in part)] for part in windows(ids)]
        found = np.concatenate([result.log_probs for result in model.score_batch(texts, max_batch_size=2)])
        return {"perplexity": math.exp(-float(found.mean()))}

    def run(rows, n_prompt, length):
        prompts = [[str(id) for id in prompt_ids(n_prompt)]] * rows
        start = time.perf_counter()
        found = model.generate_batch(
            prompts,
            max_batch_size=rows,
            max_length=length,
            min_length=length,
            sampling_topk=TOP_K,
            include_prompt_in_result=False,
        )
        assert all(len(result.sequences_ids[0]) == length for result in found)
        return time.perf_counter() - start

    found = {}
    for rows in BATCHES:
        run(rows, PROMPT, 8)
        found[f"rate {rows}"] = rows * LENGTH / run(rows, PROMPT, LENGTH)
    # The kinder of its two ways: one prompt with 20 samples of it, not 20 times the prompt.
    start = time.perf_counter()
    model.generate_batch(
        [[str(id) for id in prompt_ids(LONG)]],
        max_length=1,
        min_length=1,
        sampling_topk=TOP_K,
        num_hypotheses=20,
        include_prompt_in_result=False,
    )
    return found | {"prefill": time.perf_counter() - start}


def convert(weights, folder, dtype):
    """Writes a model of CTranslate2's, by its own specification and without the other tools it converts from."""
    from ctranslate2.specs import common_spec, transformer_spec

    with np.load(weights) as file:
        tensors = dict(file)
    hparams = json.loads(str(tensors["hparams"]))
    spec = transformer_spec.TransformerDecoderModelSpec.from_config(
        hparams["n_layer"], hparams["n_head"], pre_norm=True, activation=common_spec.Activation.GELUTanh
    )

    def norm(target, name):
        target.gamma, target.beta = tensors[f"model/{name}/g"], tensors[f"model/{name}/b"]

    def linear(target, name):
        target.weight = np.ascontiguousarray(tensors[f"model/{name}/w"][0].T)
        target.bias = tensors[f"model/{name}/b"]

    decoder = spec.decoder
    decoder.scale_embeddings = False
    decoder.embeddings.weight = decoder.projection.weight = tensors["model/wte"]
    decoder.position_encodings.encodings = tensors["model/wpe"]
    norm(decoder.layer_norm, "ln_f")
    for number, layer in enumerate(decoder.layer):
        norm(layer.self_attention.layer_norm, f"h{number}/ln_1")
        linear(layer.self_attention.linear[0], f"h{number}/attn/c_attn")
        linear(layer.self_attention.linear[1], f"h{number}/attn/c_proj")
        norm(layer.ffn.layer_norm, f"h{number}/ln_2")
        linear(layer.ffn.linear_0, f"h{number}/mlp/c_fc")
        linear(layer.ffn.linear_1, f"h{number}/mlp/c_proj")
    spec.register_vocabulary([*map(str, range(hparams["n_vocab"] - 1)), "<|endoftext|>"])
    for name in ("bos_token", "eos_token", "unk_token"):
        setattr(spec.config, name, "<|endoftext|>")
    spec.config.layer_norm_epsilon = 1e-5
    spec.validate()
    spec.optimize(quantization=None if dtype == "float32" else dtype)
    spec.save(folder)


def transformers(dtype, weights, ids):
    import torch
    from transformers import GPT2Config, GPT2LMHeadModel

    torch.set_num_threads(THREADS)
    with np.load(weights) as file:
        tensors = dict(file)
    hparams = json.loads(str(tensors.pop("hparams")))
    model = GPT2LMHeadModel(GPT2Config(**hparams, n_positions=hparams["n_ctx"])).eval()
    names = {
        f"transformer.{hugging_face_name(name)}": torch.tensor(np.squeeze(value)) for name, value in tensors.items()
    }
    missing, unexpected = model.load_state_dict(names, strict=False)
    assert not unexpected, unexpected
    assert missing == ["lm_head.weight"], missing

    def run(rows, n_prompt, length):
        prompts = torch.tensor([prompt_ids(n_prompt)] * rows)
        start = time.perf_counter()
        with torch.inference_mode():
            model.generate(
                prompts,
                attention_mask=torch.ones_like(prompts),
                max_new_tokens=length,
                min_new_tokens=length,
                do_sample=True,
                top_k=TOP_K,
                pad_token_id=hparams["n_vocab"] - 1,
            )
        return time.perf_counter() - start

    found = {}
    for rows in BATCHES:
        run(rows, PROMPT, 4)
        found[f"rate {rows}"] = rows * LENGTH / run(rows, PROMPT, LENGTH)
    return found | {"prefill": run(20, LONG, 1)}


def hugging_face_name(name):
    """model/h0/attn/c_attn/w -> h.0.attn.c_attn.weight"""
    *scopes, last = name.removeprefix("model/").split("/")
    scopes = [f"h.{scope[1:]}" if scope[:1] == "h" and scope[1:].isdigit() else scope for scope in scopes]
    is_weight = {"g": "weight", "b": "bias", "w": "weight"}
    return ".".join([*scopes, is_weight.get(last, f"{last}.weight")])


def limits(dtype, weights, ids):
    """GB/s of reading a large array and GFLOP/s of float32 products, with all cores."""
    from concurrent.futures import ThreadPoolExecutor

    pool = ThreadPoolExecutor(THREADS)
    parts = np.array_split(np.ones(125_000_000, np.float32), THREADS)
    square = np.ones([2048, 2048], np.float32)
    seconds = {"bandwidth": [], "flops": []}
    for _ in range(5):
        start = time.perf_counter()
        list(pool.map(np.max, parts))
        seconds["bandwidth"].append(time.perf_counter() - start)
        start = time.perf_counter()
        square @ square
        seconds["flops"].append(time.perf_counter() - start)
    return {"bandwidth": 0.5 / min(seconds["bandwidth"]), "flops": 2 * 2048**3 / 1e9 / min(seconds["flops"])}


def prompt_ids(n):
    return [1000 + place for place in range(n)]


def windows(ids):
    return [ids[start : start + WINDOW] for start in range(0, len(ids), WINDOW)]


if __name__ == "__main__":
    side, dtype, weights = sys.argv[1:]
    if side == "ours":
        sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
        from system import process

        process.start_with_huge_pages()  # as sample.py does
    print(json.dumps(globals()[side](dtype, weights, json.load(sys.stdin))))
