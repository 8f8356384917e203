# ruff: noqa: RUF001 (Greek letters look like Latin ones)
"""How fast verse becomes token ids, beside tiktoken, tokenizers and OpenAI's own loop, and in how much memory.

pip install tiktoken tokenizers
python bench/encode.py
python bench/encode.py --alphabet greek --megabytes 20
python bench/encode.py --peak_memory_gb 2

Every side is measured in a process of its own, so that its tables are cold, one after the other, for several rounds.
All get the same parts of text of 1 MB, out of memory, and have to give the same ids. The peers read OpenAI's two
files as we do: what they would download is the same vocabulary.
"""

import functools
import hashlib
import importlib
import importlib.metadata
import importlib.util
import itertools
import json
import os
import platform
import resource
import statistics
import subprocess
import sys
import tempfile
import time

import numpy as np
import regex

import encoder
from encoder import vocabulary
from encoder.bulk import BulkEncoder
from poems.sources import gutenberg_corpus
from system import command_line, machine

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
VOCABULARY = os.path.join(ROOT, "tests", "reference", "tiny")
PART = 1_000_000  # characters
SLOW_MB = 4  # What the slow ones encode, which would take minutes for all.
OPENAIS_PATTERN = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"  # src/encoder.py
# What tiktoken takes for GPT-2: the same pieces, found faster.
TIKTOKENS_PATTERN = r"'(?:[sdmt]|ll|ve|re)| ?\p{L}++| ?\p{N}++| ?[^\s\p{L}\p{N}]++|\s++$|\s+(?!\S)|\s"
# For verse in letters beyond ASCII: the same words spelt otherwise.
ALPHABETS = {
    "latin": {},
    "accented": str.maketrans("eu'", "éù’"),
    "greek": str.maketrans("abcdefghijklmnopqrstuvwxyz", "αβψδεφγηιξκλμνοπκρστθωςχυζ")
    | str.maketrans("ABCDEFGHIJKLMNOPQRSTUVWXYZ", "ΑΒΨΔΕΦΓΗΙΞΚΛΜΝΟΠΚΡΣΤΘΩΣΧΥΖ"),
}
SIDES = {
    "ours": (None, "ours", 1),
    "tiktoken, 1 thread": ("tiktoken", "tiktoken", 1),
    "tiktoken, 2 threads": ("tiktoken", "tiktoken", 2),
    "tokenizers, 1 thread": ("tokenizers", "tokenizers", 1),
    "OpenAI's loop": (None, "openai", 1),
}
SLOW = ("tokenizers", "openai")


def main(
    *,
    text: str | None = None,
    megabytes: int = 100,
    rounds: int = 5,
    alphabet: str = "latin",
    peak_memory_gb: int | None = None,
    side: str | None = None,
) -> None:
    """Prints rates in megabytes of UTF-8 a second, medians of the rounds, and their ratios.

    Args:
      text: a file of UTF-8 to encode. Default: the Gutenberg Poetry Corpus, if it is installed.
      megabytes: how much of it.
      rounds: how often each side is measured.
      alphabet: latin, or verse spelt in other letters: accented, greek.
      peak_memory_gb: measure instead the memory we need for 100 MB of text and for that many GB.
      side: for the processes that this one starts.
    """
    if side is not None:
        print(json.dumps(measure(text, **json.loads(side))))
        return
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "verse.txt")
        size = write_text(path, text, megabytes, alphabet)
        print(about_here())
        if peak_memory_gb is not None:
            report_memory(path, peak_memory_gb)
        else:
            report_rates(path, size, rounds)


def write_text(path, source, megabytes, alphabet):
    """Writes the text that all sides get, and gives its bytes."""
    left = megabytes * 1_000_000
    with open(path, "w", encoding="utf-8", newline="") as file:
        for line in read_lines(source):
            if left <= 0:
                break
            line = line.translate(ALPHABETS[alphabet])
            left -= len(line.encode())
            file.write(line)
    return os.path.getsize(path)


def read_lines(source):
    if source is None:
        yield from (f"{line}\n" for line in gutenberg_corpus.read_lines())
    else:
        with open(source, encoding="utf-8", newline="") as file:
            yield from file


def report_rates(path, size, rounds):
    sides = {name: how for name, how in SIDES.items() if how[0] is None or importlib.util.find_spec(how[0])}
    for name in SIDES.keys() - sides.keys():
        print(f"{name:24} absent: pip install {SIDES[name][0]}")
    rates = {name: [] for name in sides}
    hashes = {}
    for _ in range(rounds):
        for name, (_, what, n) in sides.items():
            limit = min(size, SLOW_MB * 1_000_000) if what in SLOW else size
            done = in_new_process(path, what=what, n=n, limit=limit)
            rates[name].append(done["bytes"] / done["seconds"] / 1e6)
            hashes.setdefault(done["bytes"], set()).add(done["ids"])
    assert all(len(found) == 1 for found in hashes.values()), f"the sides disagree: {hashes}"
    print(f"{size / 1e6:.1f} MB of text, first pass; MB/s, median of {rounds} (lowest to highest)")
    medians = {name: statistics.median(found) for name, found in rates.items()}
    for name, found in rates.items():
        slow = f"  over its first {SLOW_MB} MB" if sides[name][1] in SLOW else ""
        print(f"{name:24} {medians[name]:7.1f}  ({min(found):.1f} to {max(found):.1f}){slow}")
    for ours, peer in itertools.product(list(SIDES)[:1], list(SIDES)[1:]):
        if peer in medians:
            print(f"{ours} / {peer}: {medians[ours] / medians[peer]:.2f}")


def report_memory(path, gigabytes):
    for limit in (100_000_000, gigabytes * 1_000_000_000):
        done = in_new_process(path, what="memory", n=1, limit=limit)
        print(f"ours, {done['bytes'] / 1e6:.0f} MB of text: peak resident memory {done['peak']:.0f} MB")


def in_new_process(path, **how):
    command = [sys.executable, os.path.abspath(__file__), "--text", path, "--side", json.dumps(how)]
    return json.loads(subprocess.check_output(command))


def measure(path, what, n, limit):
    """What one side does: the bytes, the seconds and a hash of the ids; or else the memory we need."""
    if what == "memory":
        return measure_memory(path, limit)
    parts = read_parts(path, limit)
    encode = {"ours": ours, "tiktoken": tiktoken, "tokenizers": tokenizers, "openai": openai}[what](n)
    n_bytes = sum(len(part.encode()) for part in parts)
    out, size, lists = np.zeros(n_bytes, np.uint16), 0, []
    start = time.perf_counter()
    for ids in encode(parts):
        if isinstance(ids, list):
            lists.append(ids)
        else:
            out[size : size + len(ids)] = ids
            size += len(ids)
    seconds = time.perf_counter() - start
    found = np.array(list(itertools.chain.from_iterable(lists)), np.uint16) if lists else out[:size]
    return {"bytes": n_bytes, "seconds": seconds, "ids": hashlib.sha256(found.tobytes()).hexdigest()}


def read_parts(path, limit):
    """Parts of text that end where a line does, so that encoding them one by one gives the ids of the whole."""
    parts, held = [], ""
    with open(path, encoding="utf-8", newline="") as file:
        while limit > 0 and (block := file.read(PART)):
            limit -= len(block.encode())
            held += block
            end = held.rstrip().rfind("\n")
            while end > 0 and held[end - 1].isspace():
                end = held.rfind("\n", 0, end)
            parts.append(held[:end])
            held = held[end:]
    return [*parts, held]


def ours(_):
    enc = encoder.load_encoder(VOCABULARY)
    return lambda parts: BulkEncoder(enc).encode_stream(parts)


def tiktoken(n):
    """As arrays, which is faster than as lists, with one thread; the batch of several gives only lists."""
    tiktoken = importlib.import_module("tiktoken")
    known = vocabulary.read_vocabulary(VOCABULARY)
    ranks = {value: id for id, value in enumerate(known.token_bytes[:-1])}
    special = {vocabulary.END_OF_TEXT: len(ranks)}
    enc = tiktoken.Encoding("gpt2", pat_str=TIKTOKENS_PATTERN, mergeable_ranks=ranks, special_tokens=special)
    if n == 1:
        return lambda parts: (enc.encode_to_numpy(part, disallowed_special=()) for part in parts)
    return lambda parts: enc.encode_ordinary_batch(parts, num_threads=n)


def tokenizers(n):
    os.environ["RAYON_NUM_THREADS"] = str(n)
    names = (os.path.join(VOCABULARY, name) for name in ("encoder.json", "vocab.bpe"))
    tokenizer = importlib.import_module("tokenizers").ByteLevelBPETokenizer(*names)
    return lambda parts: (tokenizer.encode(part).ids for part in parts)


def openai(n):
    """The way of openai/gpt-2: a dict of the words met before, for others all pairs looked at again and again."""
    known = vocabulary.read_vocabulary(VOCABULARY)
    ids = {token: id for id, token in enumerate(known.tokens)}
    ranks = {pair: rank for rank, pair in enumerate(known.merges)}
    pattern = regex.compile(OPENAIS_PATTERN)

    @functools.cache
    def merge(piece):
        tokens = [vocabulary.BYTE_CHARACTERS[byte] for byte in piece.encode()]
        while found := [ranks[pair] for pair in itertools.pairwise(tokens) if pair in ranks]:
            tokens = join_pairs(tokens, known.merges[min(found)])
        return [ids[token] for token in tokens]

    def encode(part):
        return list(itertools.chain.from_iterable(map(merge, pattern.findall(part))))

    return lambda parts: map(encode, parts)


def join_pairs(tokens, pair):
    joined, i = [], 0
    while i < len(tokens):
        step = 2 if tuple(tokens[i : i + 2]) == pair else 1
        joined.append("".join(tokens[i : i + step]))
        i += step
    return joined


def measure_memory(path, limit):
    """Encodes n bytes: the text again and again, its letters shifted, so that there are ever new words."""
    done = 0

    def texts():
        nonlocal done
        for shift in itertools.count():
            small = "abcdefghijklmnopqrstuvwxyz"
            shifted = small[shift % 26 :] + small[: shift % 26]
            letters = str.maketrans(small + small.upper(), shifted + shifted.upper())
            with open(path, encoding="utf-8", newline="") as file:
                while done < limit and (block := file.read(PART)):
                    done += len(block.encode())
                    yield block.translate(letters)
            if done >= limit:
                return

    start = time.perf_counter()
    for _ in BulkEncoder(encoder.load_encoder(VOCABULARY)).encode_stream(texts()):
        pass
    seconds = time.perf_counter() - start
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6
    return {"bytes": done, "seconds": seconds, "peak": peak}


def about_here():
    """The machine and the versions, in a line."""
    packages = ("numpy", "regex", "tiktoken", "tokenizers")
    found = [f"{name} {importlib.metadata.version(name)}" for name in packages if importlib.util.find_spec(name)]
    return f"{os.cpu_count()} cores, {machine.cpu_name()}; Python {platform.python_version()}, {', '.join(found)}"


if __name__ == "__main__":
    command_line.run(main)
