"""The plan of memory is told before any is taken, and ends in flags that fit."""

import types

import pytest

from gpt2.hparams import MODELS, HParams
from gpt2.model import GPT2
from gpt2.training import loss, memory_plan
from gpt2.training.optimizers import OPTIMIZERS
from system import machine

FLAGS = {
    "batch_size": 1,
    "accumulate_gradients": 1,
    "memory_saving_gradients": False,
    "only_train_transformer_layers": False,
    "clip_norm": 0.0,
    "dtype": "float32",
    "optimizer": "adam",
    "n_ctx": None,
}


def flags(**changed):
    return types.SimpleNamespace(**FLAGS | changed)


def needed(hparams, flags, device="gpu"):
    return sum(memory_plan.plan(hparams, flags, device).values())


def test_weights_and_slots_are_those_of_the_model_and_the_optimizer():
    hparams = HParams(n_vocab=50, n_ctx=8, n_embd=16, n_head=2, n_layer=3)
    model = GPT2(hparams)
    for name, optimizer in OPTIMIZERS.items():
        slots = optimizer(model.weights).slots.values()
        plan = memory_plan.plan(hparams, flags(optimizer=name))
        assert plan["weights"] == sum(4 * weight.shape.num_elements() for weight in model.weights.values())
        assert plan["optimizer"] == sum(4 * slot.shape.num_elements() for slot in slots)


def test_the_loss_has_the_logits_at_once_that_the_plan_counts():
    assert (memory_plan.LOGITS_AT_ONCE, memory_plan.FEWER_LOGITS) == (loss.LARGE_BLOCK, loss.BLOCK)


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("gigabytes", [4, 8, 16, 24, 80])
def test_flags_that_are_told_make_it_fit(name, gigabytes):
    given = flags(batch_size=4)
    changes = memory_plan.fitting(MODELS[name], given, gigabytes * 1e9, "gpu")
    if changes is not None:
        fits = flags(**vars(given) | changes)
        assert needed(MODELS[name], fits) <= gigabytes * 1e9
        assert fits.batch_size * fits.accumulate_gradients == 4
        if needed(MODELS[name], given) <= gigabytes * 1e9:
            assert changes == {}


def test_a_shortage_ends_in_the_flags():
    told = memory_plan.shortage(MODELS["774M"], flags(), "gpu", 6e9)
    assert told is not None
    assert told.endswith("--memory_saving_gradients --dtype mixed --optimizer adafactor")
    assert memory_plan.shortage(MODELS["124M"], flags(), "gpu", 6e9) is None


def test_flags_that_take_less_already_stay():
    given = flags(dtype="bfloat16", optimizer="sgd", batch_size=8)
    assert memory_plan.fitting(MODELS["355M"], given, 3.5e9, "gpu") == {"memory_saving_gradients": True}


def test_what_fits_nowhere_says_so():
    assert "take a smaller model" in memory_plan.remedy(MODELS["1558M"], flags(), "gpu", 1e9)


def test_a_container_s_limit_counts(tmp_path):
    (tmp_path / "memory.max").write_text("3000\n")
    (tmp_path / "memory.current").write_text("2500\n")
    (tmp_path / "memory.stat").write_text("anon 1\ninactive_file 400\n")
    assert machine.free_memory(str(tmp_path)) == 900
    (tmp_path / "memory.max").write_text("max\n")
    assert machine.free_memory(str(tmp_path)) == pytest.approx(machine.free_memory("nowhere"), rel=0.5)
