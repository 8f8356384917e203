"""The plan of memory is printed before any is taken, and ends in flags that fit."""

import dataclasses
import typing

import pytest

from gpt2.hparams import MODELS, HParams
from gpt2.model import GPT2
from gpt2.training import memory_plan
from gpt2.training.memory_plan import Demand, Optimizer
from gpt2.training.optimizers import OPTIMIZERS
from system import machine


def needed(demand, device="gpu"):
    return sum(memory_plan.plan(demand, device).values())


def test_weights_and_slots_are_those_of_the_model_and_the_optimizer():
    hparams = HParams(n_vocab=50, n_ctx=8, n_embd=16, n_head=2, n_layer=3)
    model = GPT2(hparams)
    for name in typing.get_args(Optimizer):
        slots = OPTIMIZERS[name](model.weights).slots.values()
        plan = memory_plan.plan(Demand(hparams=hparams, optimizer=name))
        assert plan["weights"] == sum(4 * weight.shape.num_elements() for weight in model.weights.values())
        assert plan["optimizer"] == sum(4 * slot.shape.num_elements() for slot in slots)


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("gigabytes", [4, 8, 16, 24, 80])
def test_flags_that_are_printed_make_it_fit(name, gigabytes):
    given = Demand(hparams=MODELS[name], batch_size=4)
    changes = memory_plan.fitting(given, gigabytes * 1e9, "gpu")
    if changes is not None:
        fits = dataclasses.replace(given, **changes)  # type: ignore[arg-type]
        assert needed(fits) <= gigabytes * 1e9
        assert fits.batch_size * fits.accumulate_gradients == 4
        if needed(given) <= gigabytes * 1e9:
            assert changes == {}


def test_a_shortage_ends_in_the_flags():
    printed = memory_plan.shortage(Demand(hparams=MODELS["774M"]), "gpu", 6e9)
    assert printed is not None
    assert printed.endswith("--memory_saving_gradients --dtype mixed --optimizer adafactor")
    assert memory_plan.shortage(Demand(hparams=MODELS["124M"]), "gpu", 6e9) is None


def test_flags_that_take_less_already_stay():
    given = Demand(hparams=MODELS["355M"], dtype="bfloat16", optimizer="sgd", batch_size=8)
    assert memory_plan.fitting(given, 3.5e9, "gpu") == {"memory_saving_gradients": True}


def test_what_fits_nowhere_says_so():
    assert "take a smaller model" in memory_plan.remedy(Demand(hparams=MODELS["1558M"]), "gpu", 1e9)


def test_a_container_s_limit_counts(tmp_path):
    (tmp_path / "memory.max").write_text("3000\n")
    (tmp_path / "memory.current").write_text("2500\n")
    (tmp_path / "memory.stat").write_text("anon 1\ninactive_file 400\n")
    assert machine.free_memory(str(tmp_path)) == 900
    (tmp_path / "memory.max").write_text("max\n")
    assert machine.free_memory(str(tmp_path)) == pytest.approx(machine.free_memory("nowhere"), rel=0.5)
