"""The engine for a CPU computes what TensorFlow computes, whatever the other rows are, and its file is never stale."""

import hashlib
import itertools
import os
import pathlib
import shutil

import numpy as np
import pytest
import tensorflow as tf

from gpt2.checkpoint import save_model, write_bundle
from gpt2.checkpoint_paths import find_prefix
from gpt2.hparams import HParams, read_hparams
from gpt2.lite import text as lite_text
from gpt2.lite import tflite_file
from gpt2.lite.lite_engine import LiteEngine
from gpt2.lite.products import ProductsGraph
from gpt2.model import GPT2, fresh_weights
from gpt2.sampling.batch import Rules, Task, in_order, write_samples
from gpt2.sampling.filters import Filters
from gpt2.sampling.xla_engine import XlaEngine
from system import machine

SMALL = HParams(n_vocab=50, n_ctx=150, n_embd=24, n_head=3, n_layer=2)
IDS = np.random.default_rng(0).integers(0, SMALL.n_vocab, 140).tolist()


@pytest.fixture(scope="module")
def model():
    return GPT2(SMALL, initial=lambda name, shape: fresh_weights(seed=3)(name, shape) * 3)


@pytest.fixture(scope="module")
def prefix(model, tmp_path_factory):
    folder = str(tmp_path_factory.mktemp("model"))
    save_model(folder, model)
    return find_prefix(folder)


@pytest.fixture(scope="module")
def files_made(prefix):
    return {dtype: tflite_file.make_file(prefix, SMALL, dtype) for dtype in ("float32", "int8")}


@pytest.fixture(params=["NumPy attends", "LiteRT attends over long texts"])
def engine(files_made, request, monkeypatch):
    monkeypatch.setattr(lite_text, "LONG", 200 if request.param.startswith("NumPy") else 40)
    return lambda rows, dtype="float32": LiteEngine(files_made[dtype], SMALL, dtype, rows)


@pytest.fixture(scope="module")
def expected(model):
    """The logits after each of IDS."""
    return model(tf.constant([IDS])).numpy()[0]


@pytest.mark.parametrize("n", [1, 5, 100])
def test_logits_are_tensorflow_s(engine, expected, n):
    one = engine(2)
    logits = [one.start([0, 1], tuple(IDS[:n]))]
    logits += [one.step([0, 1], [token, token])[1].copy() for token in IDS[n:]]
    np.testing.assert_allclose(logits, expected[n - 1 :], atol=2e-5)


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float64"])
def test_the_file_of_weights_of_any_float_is_that_of_their_float32_values(model, tmp_path, dtype):
    stored = {name: tf.cast(weight, dtype) for name, weight in model.weights.items()}
    paths = []
    for kind in (dtype, "float32"):
        (tmp_path / kind).mkdir()
        prefix = str(tmp_path / kind / "model.ckpt")
        write_bundle(prefix, {name: tf.cast(tensor, kind) for name, tensor in stored.items()})
        paths.append(tflite_file.make_file(prefix, SMALL, "float32"))
    assert pathlib.Path(paths[0]).read_bytes() == pathlib.Path(paths[1]).read_bytes()


def test_int8_is_near(engine, expected):
    one = engine(1, "int8")
    logits = [one.start([0], tuple(IDS[:3]))] + [one.step([0], [token])[0].copy() for token in IDS[3:]]
    error = np.sqrt(np.mean((np.array(logits) - expected[2:]) ** 2))
    assert 0 < error < 0.05 * expected.std()


def test_all_positions_of_a_text_are_scored(engine, expected):
    logits = np.concatenate([part.copy() for part in engine(1).score(tuple(IDS))])
    np.testing.assert_allclose(logits, expected, atol=2e-5)


def test_a_row_does_not_depend_on_the_others_to_the_last_bit(engine):
    """Other rows are longer, wait, end, begin anew, share its text; up to 3, 7, 8 and 15 go at a time."""
    alone = engine(1)
    wanted = [alone.start([0], tuple(IDS[:9]))] + [alone.step([0], [token])[0].copy() for token in IDS[9:]]
    for rows in (3, 7, 8, 15):
        many = engine(rows)
        for row in range(3, rows):
            many.start([row], tuple(IDS[:row]))
        many.start([0], tuple(IDS[:70]))
        for token in IDS[:50]:
            many.step([0], [token])
        got = [many.start([1, 2], tuple(IDS[:9]))]
        for number, token in enumerate(IDS[9:]):
            if number == 20:
                many.free(0)
            if number == 30:
                many.start([0], tuple(IDS[:9]))
            going = [row for row, text in enumerate(many.texts) if text and (row == 1 or (row + number) % 12)]
            got.append(many.step(going, [token if row == 1 else row for row in going])[going.index(1)].copy())
        np.testing.assert_array_equal(got, wanted)


@pytest.mark.parametrize("n_prompt", [3, 50])
def test_a_row_that_takes_over_the_text_of_another_has_its_logits_to_the_last_bit(engine, n_prompt):
    made = engine(4)
    made.start([0, 1, 2], tuple(IDS[:n_prompt]))
    made.start([3], tuple(IDS[:7]))
    for id in IDS[n_prompt : n_prompt + 40]:  # past a block of keys
        made.step([0, 1], [id, 5])
    made.fork([1, 3], [0, 0])
    first, second, third = made.step([0, 1, 3], [9, 9, 9]).copy()
    assert (first == second).all()
    assert (first == third).all()
    made.step([1], [4])
    alone = engine(1)
    alone.start([0], tuple(IDS[:n_prompt]))
    for id in [*IDS[n_prompt : n_prompt + 40], 9, 4]:
        expected = alone.step([0], [id])
    made.fork([2], [1])
    assert (made.step([2], [6])[0] == alone.step([0], [6])[0]).all()
    assert expected.shape == (1, SMALL.n_vocab)
    made.step([2], [8])
    made.fork([3], [2], 2)  # without the 6 and the 8
    alone.start([0], tuple(IDS[:n_prompt]))
    for id in [*IDS[n_prompt : n_prompt + 40], 9, 4, 7]:
        expected = alone.step([0], [id])
    assert (made.step([3], [7]) == expected).all()


@pytest.mark.parametrize("guess", ["right", "wrong", "its own"])
def test_guesses_change_no_logit_to_the_last_bit(engine, files_made, guess):
    """Also where the text before was another, or longer."""
    alone = engine(1)
    guessing = LiteEngine(files_made["float32"], SMALL, "float32", 1, files_made["int8"])
    for n in (9, 60, 1):
        wanted = [alone.start([0], tuple(IDS[:n]))] + [alone.step([0], [token])[0].copy() for token in IDS[n:]]
        got = [guessing.start([0], tuple(IDS[:n]))]
        for place in range(n, len(IDS)):

            def following(logits, ahead, place=place):
                if place + ahead + 1 == len(IDS):
                    return None
                right = IDS[place + ahead + 1]
                return {"right": right, "wrong": (right + 1) % 50, "its own": int(logits.argmax())}[guess]

            got.append(guessing.step([0], [IDS[place]], following)[0].copy())
        np.testing.assert_array_equal(got, wanted)


@pytest.mark.parametrize("filters", [Filters(), Filters(temperature=0), Filters(top_p=0.9, repetition_penalty=1.3)])
def test_samples_do_not_depend_on_guesses(engine, files_made, filters, monkeypatch):
    """Nor where the window slides, and few passes are needed."""
    guessing = LiteEngine(files_made["float32"], SMALL, "float32", 1, files_made["int8"])
    assert guessing.speculation
    passes = []

    def check(ids, check=guessing.speculation.check):
        passes.append(len(ids))
        return check(ids)

    monkeypatch.setattr(guessing.speculation, "check", check)
    rules = Rules(filters, seed=7, logprobs=True)
    tasks = [Task(1, (4, 6), 320), Task(2, (4, 6), 20), Task(3, tuple(IDS), 30), Task(4, (3,), 1)]
    assert list(write_samples(guessing, tasks, rules)) == (samples := list(write_samples(engine(1), tasks, rules)))
    assert len(passes) < 0.6 * sum(len(sample.ids) for sample in samples)


def test_a_prompt_is_read_once_for_samples_one_after_the_other(engine, monkeypatch):
    one = engine(1)
    read: list[tuple[int, ...]] = []

    def noted(ids, read_text=one.read):
        read.append(ids)
        return read_text(ids)

    monkeypatch.setattr(one, "read", noted)
    tasks = [Task(number, prompt, 5) for number, prompt in enumerate([(4, 6)] * 3 + [(7,)] * 2 + [(4, 6)], start=1)]
    samples = list(write_samples(one, tasks, Rules(seed=7)))
    assert read == [(4, 6), (7,), (4, 6)]
    assert samples == [sample for task in tasks for sample in write_samples(engine(1), [task], Rules(seed=7))]


def test_greedy_is_the_original_continuation(reference_folder, tmp_path):
    with np.load(f"{reference_folder}/reference.npz", allow_pickle=False) as figures:
        greedy = figures["greedy"][0].tolist()
    folder = str(shutil.copytree(reference_folder, tmp_path / "tiny"))
    hparams = read_hparams(folder)
    made = LiteEngine(tflite_file.make_file(find_prefix(folder), hparams, "float32"), hparams, "float32", 1)
    [sample] = write_samples(made, [Task(1, tuple(greedy[:5]), 59)], Rules(Filters(temperature=0)))
    assert greedy[:5] + sample.ids == greedy


def written(engine, n=20, prompt=(4, 6)):
    tasks = (Task(number, prompt, 3 + number * 7 % 60) for number in range(1, n + 1))
    return list(in_order(write_samples(engine, tasks, Rules(seed=7, logprobs=True)), itertools.count(1)))


@pytest.mark.parametrize("rows", [7, 20])
@pytest.mark.parametrize("n_prompt", [1, 2, 70])
def test_samples_do_not_depend_on_the_batch(engine, rows, n_prompt):
    assert written(engine(rows), prompt=tuple(IDS[:n_prompt])) == written(engine(1), prompt=tuple(IDS[:n_prompt]))


def test_samples_are_those_of_xla(engine, model):
    assert [sample.ids for sample in written(engine(4), 8)] == [
        sample.ids for sample in written(XlaEngine(model, 4), 8)
    ]


def windowed(model, prompt, length):
    """Greedy, slow and plain: all that is in the window read again for every token."""
    ids, window = list(prompt), list(prompt)
    for _ in range(length):
        if len(window) > SMALL.n_ctx:
            window = window[-SMALL.n_ctx // 2 :]
        padded = np.zeros([1, SMALL.n_ctx], np.int32)
        padded[0, : len(window)] = window
        token = int(model(tf.constant(padded)).numpy()[0, len(window) - 1].argmax())
        ids.append(token)
        window.append(token)
    return ids[len(prompt) :]


@pytest.mark.parametrize("n_prompt", [2, 150])
def test_past_the_window_its_last_half_is_read_again(engine, model, n_prompt):
    prompt = tuple((IDS * 2)[:n_prompt])
    samples = write_samples(engine(2), [Task(1, prompt, 320), Task(2, (3,), 10)], Rules(Filters(temperature=0)))
    [ids] = [sample.ids for sample in samples if sample.number == 1]
    assert ids == windowed(tf.function(model), prompt, len(ids))
    assert len(ids) == 320 or ids[-1] != SMALL.n_vocab - 1


def test_the_file_is_found_again_and_not_for_other_weights(prefix, files_made, model, tmp_path):
    assert tflite_file.find_file(prefix, SMALL, "float32") == files_made["float32"]
    assert tflite_file.find_file(prefix, SMALL, "int8") == files_made["int8"]
    folder = str(shutil.copytree(os.path.dirname(prefix), tmp_path / "copy"))
    other = GPT2(SMALL, initial=fresh_weights(seed=4))
    for path in (f"{folder}/model.ckpt.index", f"{folder}/model.ckpt.data-00000-of-00001"):
        os.remove(path)
    os.remove(f"{folder}/checkpoint")
    save_model(folder, other)
    assert tflite_file.find_file(find_prefix(folder), SMALL, "float32") is None
    made = tflite_file.make_file(find_prefix(folder), SMALL, "float32")
    assert [name for name in os.listdir(folder) if name.endswith("float32.tflite")] == [os.path.basename(made)]
    expected = other(tf.constant([IDS[:5]])).numpy()[0, -1]
    found = LiteEngine(made, SMALL, "float32", 1).start([0], tuple(IDS[:5]))
    np.testing.assert_allclose(found, expected, atol=2e-5)


def test_a_folder_that_cannot_be_written_leaves_the_file_in_the_cache(prefix, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    folder = str(shutil.copytree(os.path.dirname(prefix), tmp_path / "model"))
    for name in os.listdir(folder):
        if name.endswith(".tflite"):
            os.remove(os.path.join(folder, name))

    def write(path, *arguments, write=tflite_file._write):
        if path.startswith(folder):  # Root may write anywhere.
            raise PermissionError(path)
        write(path, *arguments)

    monkeypatch.setattr(tflite_file, "_write", write)
    found = find_prefix(folder)
    made = tflite_file.make_file(found, SMALL, "float32")
    assert made.startswith(str(tmp_path / "cache" / "gpt-2-poetry"))
    assert tflite_file.find_file(found, SMALL, "float32") == made


def test_models_that_share_the_cache_keep_their_files(prefix, model, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(tflite_file.files, "is_remote", lambda path: True)
    other = str(tmp_path / "other")
    save_model(other, GPT2(SMALL, initial=fresh_weights(seed=4)))
    made = [tflite_file.make_file(path, SMALL, "float32") for path in (prefix, find_prefix(other))]
    assert [tflite_file.find_file(path, SMALL, "float32") for path in (prefix, find_prefix(other))] == made


def test_of_several_that_make_the_file_at_once_the_first_one_s_stays(prefix, tmp_path, monkeypatch):
    found = find_prefix(str(shutil.copytree(os.path.dirname(prefix), tmp_path / "model")))
    path = tflite_file.make_file(found, SMALL, "float32")
    os.remove(path)

    def write(new, *arguments, write=tflite_file._write):
        write(new, *arguments)
        shutil.copy(new, path)
        os.utime(path, (1, 1))

    monkeypatch.setattr(tflite_file, "_write", write)
    assert tflite_file.make_file(found, SMALL, "float32") == path
    assert os.path.getmtime(path) == 1
    assert not [name for name in os.listdir(tmp_path / "model") if name.endswith(".new")]


@pytest.mark.parametrize("dtype", ["float32", "int8"])
@pytest.mark.parametrize("place", ["end", "middle", "in a checksum", "head", "scales", "weights", "checksums"])
def test_a_file_that_was_cut_or_damaged_counts_as_none_and_is_made_again(prefix, tmp_path, dtype, place):
    found = find_prefix(str(shutil.copytree(os.path.dirname(prefix), tmp_path / "model")))
    path = tflite_file.make_file(found, SMALL, dtype)
    with open(path, "rb") as file:
        whole = bytearray(file.read())
    first = ProductsGraph(SMALL, dtype).slots[0].offset
    damaged = {"end": whole[:-1], "middle": whole[: len(whole) // 2]}
    damaged["in a checksum"] = whole[:-34]
    damaged["head"] = whole[:20] + bytes(100) + whole[120:]
    damaged["scales"] = whole[: first // 2] + bytes(byte ^ 1 for byte in whole[first // 2 : first]) + whole[first:]
    damaged["weights"] = whole[: first + 99] + bytes([whole[first + 99] ^ 1]) + whole[first + 100 :]
    damaged["checksums"] = whole[:-33] + bytes([whole[-33] ^ 1]) + whole[-32:]
    with open(path, "wb") as file:
        file.write(damaged[place])
    assert tflite_file.find_file(found, SMALL, dtype) is None
    assert tflite_file.make_file(found, SMALL, dtype) == path
    with open(path, "rb") as file:
        assert file.read() == whole


@pytest.mark.parametrize("dtype", ["float32", "int8"])
@pytest.mark.parametrize("craft", ["bytes", "version", "nan scales", "negative scales", "longer"])
def test_a_head_that_we_would_not_write_never_reaches_litert_whatever_its_hash(prefix, tmp_path, dtype, craft):
    found = find_prefix(str(shutil.copytree(os.path.dirname(prefix), tmp_path / "model")))
    path = tflite_file.make_file(found, SMALL, dtype)
    graph = ProductsGraph(SMALL, dtype)
    with open(path, "rb") as file:
        whole = file.read()
    head, rest = bytearray(whole[: graph.slots[0].offset]), whole[graph.slots[0].offset : graph.n_bytes]
    if craft == "bytes":
        for at in range(100, 1000, 97):
            head[at] ^= 0x55
    elif craft == "version":
        head[4:8] = b"TFL2"
    elif craft == "longer":
        head[-1] = 1
    elif graph.scales:
        value = np.nan if craft == "nan scales" else -1
        every = {name: np.full(len(known.scale), value, np.float32) for name, known in graph.scales.items()}
        head = bytearray(graph.head(every).ljust(len(head), b"\0"))
    else:
        head[50] ^= 1
    crcs = whole[graph.n_bytes : -32]
    with open(path, "wb") as file:
        file.write(bytes(head) + rest + crcs + hashlib.sha256(bytes(head) + crcs).digest())
    assert tflite_file.find_file(found, SMALL, dtype) is None
    assert tflite_file.make_file(found, SMALL, dtype) == path
    with open(path, "rb") as file:
        assert file.read() == whole


def test_a_damaged_checkpoint_leaves_no_half_a_file(prefix, files_made, tmp_path):
    found = find_prefix(str(shutil.copytree(os.path.dirname(prefix), tmp_path / "model")))
    with open(f"{found}.data-00000-of-00001", "r+b") as file:
        file.seek(-100, os.SEEK_END)
        file.write(bytes(100))
    os.remove(str(tflite_file.find_file(found, SMALL, "float32")))
    with pytest.raises(Exception, match=r"model\.ckpt"):
        tflite_file.make_file(found, SMALL, "float32")
    assert not [name for name in os.listdir(tmp_path / "model") if "float32" in name]


def test_nothing_is_told_on_the_terminal_once_it_is_open(files_made, monkeypatch, capfd):
    monkeypatch.setattr(lite_text, "LONG", 40)
    made = LiteEngine(files_made["float32"], SMALL, "float32", 1)
    capfd.readouterr()
    made.start([0], tuple(IDS[:60]))
    made.step([0], [4])
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("dtype", "cpu_flags", "expected"),
    [
        ("float32", {"avx512f"}, {1: 1, 7: 7, 8: 7, 9: 7, 10: 10, 14: 14, 15: 14, 16: 14, 20: 20}),
        ("float32", set(), {8: 8, 9: 9}),
        ("int8", {"avx512f"}, {8: 8, 9: 9}),
    ],
)
def test_one_row_or_two_wait_where_the_others_fill_tiles_of_seven(engine, monkeypatch, dtype, cpu_flags, expected):
    monkeypatch.setattr(machine, "cpu_flags", lambda: cpu_flags)
    one = engine(20, dtype)
    assert {n: one.width(n) for n in expected} == expected
    assert [one.width(n, 3) for n in (1, 5, 8)] == [1, 5, 8] if one.tile == 1 else [4, 7, 7]


def test_quantized_weights_are_the_nearest_of_255(model):
    weight = model.weights["model/wte"].numpy()
    weight[3] = 0
    whole, scales = tflite_file.quantize(weight)
    assert np.abs(whole).max() == 127
    assert (np.abs(whole * scales[:, None] - weight) <= scales[:, None] * 0.5001).all()
    assert (whole[3] == 0).all()
