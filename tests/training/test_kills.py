"""A run that is killed, at any moment, ends with the losses of one that never was, to the bit."""

import itertools
import json
import random
import shutil
import subprocess
import sys

import pytest
from conftest import ALL, ROOT, VERSE

STEPS = 20
FLAGS = {
    "adam": ["--accumulate_gradients", 2, "--noise", 0.1],
    "sgd": ["--accumulate_gradients", 2, "--noise", 0.1, "--memory_saving_gradients"],
    "adamw": ["--clip_norm", 1, "--schedule", "cosine", "--warmup", 3, "--dtype", "bfloat16"],
    "muon": ["--dtype", "mixed", "--accumulate_gradients", 2, "--clip_norm", 1],
    "adafactor": ["--dtype", "mixed", "--only_train_transformer_layers", "--noise", 0.1],
}


@pytest.fixture(scope="module")
def place(tmp_path_factory, small_model):
    """A folder with a model called small, and a dataset of its tokens."""
    import encoder
    from encoder.dataset.writer import write_dataset
    from poems.corpus import Corpus
    from poems.sources.sources import find_source

    folder = tmp_path_factory.mktemp("kills")
    shutil.copytree(small_model, folder / "models")
    words = random.Random(0)
    poems = ["\n".join(" ".join(words.sample(VERSE.split(), 5)) for _ in range(4)) for _ in range(60)]
    (folder / "poems.txt").write_text("<|endoftext|>".join(poems))
    enc = encoder.get_encoder("small", str(small_model))
    write_dataset(str(folder / "poems.npz"), Corpus([find_source(str(folder / "poems.txt"))]), enc)
    return folder


@pytest.fixture(scope="module")
def train(place):
    """Runs train.py in a child of one process that has TensorFlow; see killing.py."""
    command = [sys.executable, str(ROOT / "tests" / "killing.py")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        questions, answers = process.stdin, process.stdout
        assert questions is not None
        assert answers is not None

        def run(run_name, *flags, **kill):
            fixed = ["--dataset", "poems.npz", "--model_name", "small", "--sample_every", 0, "--learning_rate", 1e-2]
            argv = [*fixed, "--save_every", 5, "--run_name", run_name, *flags]
            print(json.dumps({"argv": list(map(str, argv)), "cwd": str(place), **kill}), file=questions, flush=True)
            answer = json.loads(answers.readline())
            assert answer["status"] in (0, 1 if "limit" in kill else -9), answer["err"]
            return answer

        yield run
        questions.close()


def losses(place, run_name):
    """The loss of each step, as its digits stand in the log, of whole lines alone."""
    lines = (place / "checkpoint" / run_name / "log.jsonl").read_text().split("\n")[:-1]
    assert [json.loads(line)["step"] for line in lines] == list(range(1, len(lines) + 1))
    return [line.partition('"loss": ')[2].partition(",")[0] for line in lines]


@pytest.mark.slow
@pytest.mark.parametrize("optimizer", FLAGS if ALL else ["adam"])
def test_kills_at_random_moments_change_no_loss(place, train, optimizer):
    flags = ["--optimizer", optimizer, *FLAGS[optimizer], "--val_every", 0, "--steps", STEPS]
    whole = train(f"{optimizer}-whole", *flags)
    expected = losses(place, f"{optimizer}-whole")
    assert len(set(expected)) == STEPS
    moments = random.Random(optimizer)
    kills = 0
    for number in itertools.count():
        name = f"{optimizer}-killed-{number}"
        while train(name, *flags, seconds=moments.uniform(0, 0.8 * whole["seconds"]))["status"] != 0:
            kills += 1
            found = losses(place, name)
            assert found == expected[: len(found)]
        assert losses(place, name) == expected
        if kills >= (5 if ALL else 3):
            break


@pytest.mark.slow
def test_kills_after_every_operation_of_a_save_change_no_loss(place, train):
    """One run is killed again and again, each time in the first save after it was resumed."""
    steps = 120 if ALL else 40
    val_every = 5 if ALL else 0  # With it, the best weights are saved as well.
    flags = ["--optimizer", "sgd", "--noise", 0.1, "--val_every", val_every, "--keep", 1, "--steps", steps]
    operations = train("whole", *flags)["operations"]
    assert {what.split()[0] for what in operations} == {"write", "flush", "open", "rename"}
    expected = losses(place, "whole")
    # Later saves remove older ones, which is a few operations more: until no kill comes any more.
    for kill in itertools.count() if ALL else range(4, len(operations), len(operations) // 2):
        status = train("killed", *flags, operation=kill)["status"]
        found = losses(place, "killed")
        assert found == expected[: len(found)]
        if status == 0:
            assert kill > len(operations)
            break
    else:
        assert train("killed", *flags)["status"] == 0
    assert losses(place, "killed") == expected


@pytest.mark.slow
def test_a_disk_that_is_full_loses_nothing(place, train):
    flags = ["--optimizer", "adam", "--val_every", 0, "--steps", STEPS]
    train("roomy", *flags)
    # The weights of the small model still find room, and Adam's state, twice as large, does not.
    full = train("full", *flags, limit=50_000)
    run = place / "checkpoint" / "full"
    assert full["status"] == 1
    failures = [line for line in full["err"].replace("\r", "\n").splitlines() if "failed" in line]
    assert len(failures) == STEPS // 5 + 1
    assert all("failed (" in line and "the one before it still counts" in line for line in failures)
    assert (run / "checkpoint").read_text() == ""
    assert not [*run.glob("model-*"), *run.glob("state-*")]
    assert train("full", *flags)["status"] == 0
    assert losses(place, "full") == losses(place, "roomy")
