"""train.py as one uses it: from text or tokens, from nothing or a model, stopped and resumed."""

import json
import re
import shutil
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
from conftest import ROOT, SMALL, VERSE, poem

import gpt2

FIXED = ("--model_name", "small", "--sample_every", 0, "--val_every", 0, "--learning_rate", 1e-2)


@pytest.fixture(scope="module")
def prepared(tmp_path_factory, small_model):
    """A folder with a model called small, a dataset of its tokens, and a run of two steps, run1, set aside."""
    import encoder
    from encoder.dataset.writer import write_dataset
    from poems.corpus import Corpus
    from poems.sources.sources import find_source

    folder = tmp_path_factory.mktemp("prepared")
    shutil.copytree(small_model, folder / "models")
    poems = [f"{poem(number)}{VERSE}" for number in range(40)]
    (folder / "poems.txt").write_text("<|endoftext|>".join(poems))
    enc = encoder.get_encoder("small", str(small_model))
    write_dataset(str(folder / "poems.npz"), Corpus([find_source(str(folder / "poems.txt"))]), enc)
    command = [sys.executable, ROOT / "train.py", "--dataset", "poems.npz", *FIXED, "--steps", 2]
    subprocess.run([*map(str, command)], cwd=folder, check=True, capture_output=True)
    (folder / "checkpoint").rename(folder / "begun")
    return folder


@pytest.fixture
def place(tmp_path, prepared, monkeypatch):
    """A folder with that model and that dataset."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    shutil.copytree(prepared, tmp_path, dirs_exist_ok=True)
    return tmp_path


@pytest.fixture
def begun(place):
    """The same with the run of two steps."""
    (place / "begun").rename(place / "checkpoint")
    return place


@pytest.fixture
def train(run_here):
    def run(*arguments, dataset="poems.npz"):
        return run_here("train.py", "--dataset", dataset, *FIXED, *arguments)

    return run


def log_of(place, run="run1"):
    return [json.loads(line) for line in (place / "checkpoint" / run / "log.jsonl").read_text().splitlines()]


def losses(place, run="run1"):
    records = log_of(place, run)
    assert [record["step"] for record in records] == list(range(1, len(records) + 1))
    return [record["loss"] for record in records]


def test_training_lowers_the_loss_and_leaves_a_run(place, train):
    done = train("--steps", 30, "--batch_size", 4)
    assert done.returncode == 0, done.stderr
    curve = losses(place)
    assert len(curve) == 30
    assert np.mean(curve[-5:]) < np.mean(curve[:5]) - 1
    left = {path.name for path in (place / "checkpoint" / "run1").iterdir()}
    assert {"checkpoint", "hparams.json", "encoder.json", "vocab.bpe", "loss.png", "settings.json"} < left
    gpt2.load_model(str(place / "checkpoint" / "run1"))


@pytest.mark.parametrize(
    "flags",
    [
        ["adamw", "--clip_norm", 1, "--memory_saving_gradients"],
        ["adafactor", "--dtype", "mixed", "--only_train_transformer_layers"],
        ["muon", "--only_train_transformer_layers", "--accumulate_gradients", 2, "--dtype", "bfloat16"],
    ],
    ids=lambda flags: flags[0],
)
def test_a_resumed_run_is_the_run_that_was_never_stopped_to_the_bit(place, train, flags):
    whole = train("--run_name", "whole", "--steps", 12, "--optimizer", *flags)
    for steps in (5, 12):
        part = train("--run_name", "parts", "--steps", steps, "--optimizer", *flags)
        assert whole.returncode == part.returncode == 0, part.stderr
    assert losses(place, "parts") == losses(place, "whole")


def test_what_was_not_saved_is_done_again(place, train):
    train("--run_name", "whole", "--steps", 8, "--save_every", 3)
    shutil.copytree(place / "checkpoint" / "whole", place / "checkpoint" / "cut")
    pointer = place / "checkpoint" / "cut" / "checkpoint"
    pointer.write_text(pointer.read_text().replace("model-8", "model-6"))
    train("--run_name", "cut", "--steps", 8)
    assert losses(place, "cut") == losses(place, "whole")


def test_a_second_process_is_kept_out_of_a_run(begun, train):
    from system.lock import Lock

    before = losses(begun)
    with Lock(str(begun / "checkpoint" / "run1")):
        done = train("--steps", 3)
    assert done.returncode == 1
    assert re.search(r"checkpoint/run1: process \d+ of \S+ trains there; stop it first, or name", done.stderr)
    assert losses(begun) == before
    assert train("--steps", 3).returncode == 0


def test_a_run_that_is_there_already_says_so_and_succeeds(begun, train):
    again = train("--steps", 2)
    assert again.returncode == 0
    assert "checkpoint/run1 is at step 2 already; to train on, give more --steps" in again.stderr
    assert "at step 2 already; to train on, give more --epochs" in train("--epochs", 0.001).stderr


def test_a_resumed_run_says_which_settings_changed(begun, train):
    done = train("--steps", 3, "--batch_size", 2)
    assert "--batch_size was 1, and is 2 now" in done.stderr
    assert "--learning_rate was" not in done.stderr


def test_another_dataset_is_reported(begun, train):
    np.savez(begun / "poems.npz", np.arange(300))
    (begun / "poems.json").unlink()
    done = train("--steps", 3)
    assert re.search(r"not the one of before: it had [\d,]+ tokens to train on, and has 300 tokens now", done.stderr)


def test_epochs_are_counted_in_tokens_whatever_the_batch(begun, train):
    n_tokens = json.loads((begun / "checkpoint" / "run1" / "settings.json").read_text())["data"]["tokens"]
    used, window = 2, SMALL["n_ctx"]
    train("--epochs", (used + 3 * 4) * window / n_tokens, "--batch_size", 4)
    assert len(losses(begun)) == used + 3


def test_what_is_held_out_is_validated(place, train):
    train("--steps", 4, "--val_every", 2)
    records = log_of(place)
    assert ["val_loss" in record for record in records] == [False, True, False, True]


def test_another_dataset_can_be_validated_on(place, train):
    done = train("--steps", 1, "--val_dataset", "poems.txt", "--val_every", 1)
    assert done.returncode == 0, done.stderr
    assert "val_loss" in log_of(place)[0]


def test_samples_are_written_in_the_original_s_files(place, train):
    train("--steps", 4, "--sample_every", 2, "--sample_num", 2, "--sample_length", 8)
    for step in (2, 4):
        text = (place / "samples" / "run1" / f"samples-{step}").read_text()
        assert text.startswith("======== SAMPLE 1 ========\n")
        assert "\n======== SAMPLE 2 ========\n" in text


def test_the_figures_of_samples_are_in_the_log_and_in_tensorboard_at_their_steps(place, train, monkeypatch):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    from gpt2.runs import samples

    monkeypatch.setattr(samples.SampleWriter, "sampled", lambda self: [("O unwritten rose,", VERSE)])
    assert train("--steps", 4, "--sample_every", 2).returncode == 0
    found = [{name: row[name] for name in row if name.startswith("sample_")} for row in log_of(place)]
    assert found[0] == found[2] == {}
    assert found[1] == found[3]
    assert found[1].pop("sample_metre") > 0
    # All of it is in poems.npz; its three lines rhyme as much in any order.
    assert found[1] == {"sample_rhyme_lift": 0, "sample_known": 1, "sample_copied": 1}
    events = EventAccumulator(str(place / "checkpoint" / "run1" / "tensorboard")).Reload()
    assert {"sample_rhyme_lift", "sample_metre", "sample_known", "sample_copied"} < set(events.Tags()["tensors"])
    monkeypatch.setattr(samples, "MOST", 10)
    train("--run_name", "large", "--steps", 1, "--sample_every", 1)
    assert "sample_known" in (row := log_of(place, "large")[0])
    assert "sample_copied" not in row


def test_samples_without_a_word_have_no_figures(place, train, monkeypatch):
    from gpt2.runs import samples

    monkeypatch.setattr(samples.SampleWriter, "sampled", lambda self: [("", "* * *\n"), ("", "")])
    done = train("--steps", 1, "--sample_every", 1)
    assert (done.returncode, "training continues" in done.stderr) == (0, False)
    assert "sample_known" not in log_of(place)[0]


def test_samples_do_not_touch_the_order_of_the_data(place, train):
    train("--run_name", "with", "--steps", 4, "--sample_every", 1, "--sample_length", 4, "--val_every", 1)
    train("--run_name", "without", "--steps", 4)
    assert losses(place, "with") == losses(place, "without")


def test_text_is_encoded_once(place, train):
    dataset = "*.txt"
    assert train("--steps", 1, dataset=dataset).returncode == 0
    [made] = (place / "cache" / "gpt-2-poetry").glob("*.npz")
    before = made.stat().st_mtime_ns
    assert train("--steps", 2, dataset=dataset).returncode == 0
    assert [path.stat().st_mtime_ns for path in (place / "cache" / "gpt-2-poetry").glob("*.npz")] == [before]


def test_a_short_poem_is_enough(place, train):
    (place / "short.txt").write_text("Tell me")
    assert train("--steps", 2, dataset="short.txt").returncode == 0


def test_scratch_needs_no_weights(place, train):
    for path in (place / "models" / "small").glob("model.ckpt*"):
        path.unlink()
    (place / "models" / "small" / "checkpoint").unlink()
    assert train("--steps", 1, "--restore_from", "scratch").returncode == 0


def test_training_can_start_from_a_path(begun, train):
    done = train("--run_name", "second", "--steps", 1, "--restore_from", "checkpoint/run1/model-2")
    assert done.returncode == 0, done.stderr
    assert losses(begun, "second")[0] < losses(begun)[0]
    assert "train.py: checkpoint/run1/model-2, " in done.stderr


def test_a_run_of_2019_is_resumed(place, train, small_model):
    from gpt2.checkpoint import save_model

    save_model(str(place / "checkpoint" / "run1"), gpt2.load_model(str(small_model / "small")), "model-500")
    done = train("--steps", 502)
    assert done.returncode == 0, done.stderr
    assert "no state of an optimizer" in done.stderr
    records = log_of(place)
    assert [record["step"] for record in records] == [501, 502]


def test_a_nan_loss_ends_the_run_and_saves_nothing(begun, train):
    done = train("--steps", 60, "--learning_rate", 1e30, "--optimizer", "adam")
    assert done.returncode == 1
    assert "the save of step 2 is untouched" in done.stderr
    assert '"model-2"' in (begun / "checkpoint" / "run1" / "checkpoint").read_text()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--dataset", "none.npz"], "make it of your poems: python prepare_corpus.py YOUR_POEMS none.npz"),
        (["--dataset", "none.txt"], "none.txt: no such file or folder"),
        (["--model_name", "none"], "models/none: no such model folder"),
        (["--restore_from", "nowhere"], "nowhere: no such model folder"),
        (["--checkpoint_dir", "poems.txt"], "poems.txt/run1: cannot write there"),
        (["--run_name", "r[1]"], "--run_name is 'r[1]', expected a name without"),
        (["--run_name", "../r"], "--run_name is '../r', expected a name without"),
        (["--n_ctx", "33"], "--n_ctx is 33, expected at most 32"),
        (["--dataset", "objects.npz"], "objects.npz: arr_0: holds Python objects, which are never unpickled"),
        (["--dataset", "big.npz"], "big.npz: arr_0: token id 300, expected ids below 300"),
        (["--dataset", "latin.txt"], "latin.txt: byte 3 is not utf-8"),
        (["--dataset", "empty.txt"], "empty.txt: nothing but white space"),
    ],
)
def test_bad_input_is_one_line_and_nothing_is_written(place, run_here, arguments, message):
    np.savez(place / "objects.npz", np.array([{}], object))
    np.savez(place / "big.npz", np.arange(301))
    (place / "latin.txt").write_bytes("caf\xe9 at noon".encode("latin-1"))
    (place / "empty.txt").write_text(" \n")
    base = {"--dataset": "poems.npz", "--model_name": "small", "--steps": "1"} | dict([arguments])
    done = run_here("train.py", *(part for pair in base.items() for part in pair))
    assert done.returncode == 1
    errors = [line for line in done.stderr.splitlines() if not line.startswith("train.py: small,")]
    assert len(errors) == 1, done.stderr
    assert message in errors[0]
    assert not (place / "checkpoint").exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--optimizer", "adamant"], "--optimizer is adamant, expected adam, sgd, adamw, adafactor or muon"),
        (["--dtype", "float64"], "--dtype is float64, expected float32, bfloat16 or mixed"),
        (["--top_k", "-1"], "--top_k is -1, expected at least 0"),
        (["--sample_length", "-1"], "--sample_length is -1, expected at least 1"),
        (["--batch_size", "0"], "--batch_size is 0, expected at least 1"),
        (["--steps", "-1"], "--steps is -1, expected at least 0"),
        (["--learning_rate", "0"], "--learning_rate is 0.0, expected above 0"),
    ],
)
def test_a_wrong_flag_is_one_line_before_any_work(place, train, arguments, message):
    done = train(*arguments)
    assert done.returncode == 2
    assert done.stderr == f"train.py: {message}\n"


def test_a_truncated_model_is_one_line(place, train):
    data = place / "models" / "small" / "model.ckpt.data-00000-of-00001"
    data.write_bytes(data.read_bytes()[:-10])
    done = train("--steps", 1)
    assert done.returncode == 1
    assert "the file was cut short" in done.stderr
    assert not (place / "checkpoint").exists()


def test_a_folder_without_weights_is_an_error(place, train):
    (place / "models" / "small" / "checkpoint").unlink()
    for path in (place / "models" / "small").glob("model.ckpt*"):
        path.unlink()
    done = train("--steps", 1)
    assert done.returncode == 1
    assert "models/small/checkpoint: no such file; the folder holds no weights" in done.stderr


def test_a_run_is_not_written_over_and_the_command_that_began_it_resumes_it(place, train):
    train("--steps", 1, "--restore_from", "scratch")
    refused = train("--steps", 2, "--restore_from", "fresh")
    assert refused.returncode == 1
    assert "checkpoint/run1: a run that has begun, which --restore_from fresh would overwrite" in refused.stderr
    again = train("--steps", 2, "--restore_from", "scratch")
    assert again.returncode == 0, again.stderr
    assert "--restore_from was" not in again.stderr
    assert len(losses(place)) == 2


def test_saves_without_a_checkpoint_file_are_not_written_over(begun, train):
    (begun / "checkpoint" / "run1" / "checkpoint").unlink()
    done = train("--steps", 3)
    assert done.returncode == 1
    assert "checkpoint/run1/checkpoint: no such file; name one of those in it: checkpoint/run1/model-2" in done.stderr


def test_the_vocabulary_is_looked_for_beside_the_weights(begun, train):
    shutil.move(begun / "models" / "small", begun / "models" / "gone")
    done = train("--run_name", "second", "--steps", 1, "--restore_from", "checkpoint/run1/model-2.index")
    assert done.returncode == 0, done.stderr


def test_samples_that_cannot_be_written_do_not_end_the_run(place, train):
    (place / "samples").write_text("")
    done = train("--steps", 2, "--sample_every", 1, "--sample_length", 4)
    assert done.returncode == 0
    assert "the samples of step 1 were not written" in done.stderr
    assert len(losses(place)) == 2


def test_a_dataset_of_another_vocabulary_is_refused(place, train):
    about = json.loads((place / "poems.json").read_text())
    about["vocabulary"]["fingerprint"] = "0" * 64
    (place / "poems.json").write_text(json.dumps(about))
    done = train("--steps", 1)
    assert done.returncode == 1
    assert "poems.npz: made with another vocabulary" in done.stderr


def test_ctrl_c_saves_and_ends(place):
    command = [sys.executable, ROOT / "train.py", "--dataset", "poems.npz", "--model_name", "small"]
    with subprocess.Popen(command, cwd=place, stderr=subprocess.PIPE, text=True) as process:
        log = place / "checkpoint" / "run1" / "log.jsonl"
        while process.poll() is None and not (log.exists() and log.read_text().count("\n") > 3):
            time.sleep(0.05)
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    step = len(losses(place))
    assert f"saved checkpoint/run1 at step {step}" in err
    assert f'"model-{step}"' in (place / "checkpoint" / "run1" / "checkpoint").read_text()


def test_a_run_outlives_its_terminal(place):
    command = [sys.executable, ROOT / "train.py", "--dataset", "poems.npz", "--model_name", "small"]
    log = place / "checkpoint" / "run1" / "log.jsonl"

    def wait_for(steps):
        while process.poll() is None and not (log.exists() and log.read_text().count("\n") >= steps):
            time.sleep(0.05)

    def deaf():
        signal.signal(signal.SIGHUP, signal.SIG_IGN)  # as nohup does

    with subprocess.Popen(command, cwd=place, stderr=subprocess.PIPE, preexec_fn=deaf) as process:
        wait_for(3)
        assert process.stderr is not None
        process.stderr.close()
        process.send_signal(signal.SIGHUP)
        wait_for(log.read_text().count("\n") + 10)
        assert process.poll() is None
        process.send_signal(signal.SIGTERM)
    assert process.returncode == 0
    assert f'"model-{len(losses(place))}"' in (place / "checkpoint" / "run1" / "checkpoint").read_text()


def test_tensorflow_s_start_up_lines_are_not_shown(place, run_script):
    done = run_script("train.py", "--dataset", "poems.npz", "--model_name", "small", "--steps", 1, "--sample_every", 0)
    assert done.returncode == 0
    lines = [line for line in done.stderr.replace("\r", "\n").splitlines() if line.strip() and "/1 [" not in line]
    assert [line for line in lines if not line.startswith("train.py: ")] == []


def test_everything_may_lie_in_another_file_system(place, run_here, monkeypatch):
    import tensorflow as tf

    for path in [*place.glob("models/small/*"), place / "poems.npz", place / "poems.json"]:
        target = f"ram://far/{path.relative_to(place)}"
        tf.io.gfile.makedirs(target.rpartition("/")[0])
        tf.io.gfile.copy(str(path), target, overwrite=True)
    far = ("--models_dir", "ram://far/models", "--checkpoint_dir", "ram://far/checkpoint")
    flags = ("--dataset", "ram://far/poems.npz", "--model_name", "small", "--sample_dir", "ram://far/samples")
    for steps in (2, 4):
        done = run_here("train.py", *far, *flags, "--steps", steps, "--sample_every", 2, "--sample_length", 4)
        assert done.returncode == 0, done.stderr
    with tf.io.gfile.GFile("ram://far/checkpoint/run1/log.jsonl") as file:
        assert [json.loads(line)["step"] for line in file] == [1, 2, 3, 4]
    assert tf.io.gfile.exists("ram://far/samples/run1/samples-4")
    done = run_here("sample.py", "--run_name", "run1", *far, "--length", 4)
    assert done.returncode == 0, done.stderr


def test_accumulated_batches_hold_the_windows_of_one_large_batch(place, train):
    train("--run_name", "large", "--steps", 6, "--optimizer", "sgd", "--batch_size", 4)
    train("--run_name", "small", "--steps", 6, "--optimizer", "sgd", "--accumulate_gradients", 4)
    np.testing.assert_allclose(losses(place, "small"), losses(place, "large"), atol=1e-4, rtol=0)


def test_a_bad_loss_rolls_back_and_continues_with_other_windows(place, train, monkeypatch):
    from gpt2.runs import log as watch

    troubles = [(4, "is nan"), (5, "is nan")]

    def trouble(loss, records, jump):
        if troubles and len(records) == troubles[0][0]:
            return troubles.pop(0)[1]
        return None

    train("--run_name", "calm", "--steps", 8, "--save_every", 3)
    monkeypatch.setattr(watch, "trouble", trouble)
    done = train("--steps", 8, "--save_every", 3, "--on_bad_loss", "roll_back")
    assert done.returncode == 0, done.stderr
    assert "the loss at step 5 is nan; back to the save of step 3, and on with other windows" in done.stderr
    assert "the loss at step 6 is nan; back to the save of step 3, and on with other windows" in done.stderr
    curve, calm = losses(place), losses(place, "calm")
    assert curve[:3] == calm[:3]
    assert curve[3] not in calm  # The same weights as in calm[3], on windows that lie 5 steps further on.
    monkeypatch.undo()
    more = train("--run_name", "run1", "--steps", 9)
    assert more.returncode == 0, more.stderr


def test_going_back_again_and_again_ends(place, train, monkeypatch):
    from gpt2.runs import log as watch

    monkeypatch.setattr(watch, "trouble", lambda loss, records, jump: "is nan" if len(records) == 2 else None)
    done = train("--steps", 8, "--save_every", 1, "--on_bad_loss", "roll_back")
    assert done.returncode == 1
    assert "after going back 3 times; the save of step 2 is untouched" in done.stderr


def test_weights_that_are_bad_on_other_windows_too_are_not_gone_back_to_again(place, train, monkeypatch):
    from gpt2.bundle import read_tensor
    from gpt2.runs import log as watch

    troubles = ["is nan", "is nan"]  # right after the save of step 6, on two windows
    monkeypatch.setattr(
        watch, "trouble", lambda loss, records, jump: troubles.pop() if troubles and len(records) == 6 else None
    )
    done = train("--steps", 8, "--save_every", 3, "--on_bad_loss", "roll_back")
    assert done.returncode == 0, done.stderr
    assert "the loss at step 7 is nan; back to the save of step 6, and on with other windows" in done.stderr
    assert "the loss at step 7 is nan; back to the save of step 3, and on with other windows" in done.stderr
    assert len(losses(place)) == 8
    state = str(place / "checkpoint" / "run1" / "state-8")
    assert [int(read_tensor(state, name)) for name in ("windows", "left_out")] == [8 + 1 + 4, 1 + 4]


def test_held_out_text_with_no_loss_counts_as_a_bad_loss(place, train, monkeypatch):
    from gpt2.training import validation

    validate = iter([{"val_loss": 5.0}, {"val_loss": np.nan}, {"val_loss": 4.0}, {"val_loss": 4.0}])  # step 0 first
    monkeypatch.setattr(validation, "make_validate", lambda *_, **__: lambda: next(validate))
    done = train("--steps", 5, "--save_every", 2, "--val_every", 3, "--on_bad_loss", "roll_back")
    assert done.returncode == 0, done.stderr
    assert "is nan on held-out text; back to the save of step 2" in done.stderr
    assert "NaN" not in (place / "checkpoint" / "run1" / "log.jsonl").read_text()


def test_a_plan_is_none_of_the_run_s_business(begun, train):
    done = train("--plan", "--model_name", "774M", "--optimizer", "adafactor")
    assert done.returncode == 0, done.stderr
    assert "weights         3.10 GB" in done.stdout


def test_a_full_memory_anywhere_ends_in_the_flags(place, train, monkeypatch):
    import tensorflow as tf

    from gpt2.training import validation

    def validate():
        raise tf.errors.ResourceExhaustedError(None, None, "OOM when allocating")

    monkeypatch.setattr(validation, "make_validate", lambda *_, **__: validate)
    done = train("--steps", 3, "--val_every", 2)
    assert done.returncode == 1
    assert "train.py: out of memory; what checkpoint/run1 holds is untouched; " in done.stderr


def test_patience_without_held_out_text_is_refused(place, train):
    done = train("--steps", 3, "--patience", 2, "--val_every", 0)
    assert done.returncode == 1
    assert "--patience 2 counts validations, and there are none" in done.stderr


def test_the_best_is_kept_and_nothing_better_ends_the_run(place, train):
    flags = ("--steps", 60, "--val_every", 1, "--patience", 3, "--learning_rate", 0.3, "--keep", 1)
    done = train(*flags)
    assert done.returncode == 0, done.stderr
    records = log_of(place)
    best = min(records, key=lambda record: record["val_loss"])
    assert len(records) == best["step"] + 3
    run = place / "checkpoint" / "run1"
    assert (run / "best").read_text().startswith(f'model_checkpoint_path: "model-{best["step"]}"')
    gpt2.load_model(str(run / f"model-{best['step']}"))
    assert all(record["val_bits"] > 0 for record in records)
    assert "ends here: not better for 3 validations" in done.stderr
    again = train(*flags)
    assert "has not got better for 3 validations" in again.stderr
    assert log_of(place) == records


def test_a_damaged_save_is_reported_and_the_one_before_it_resumes(place, train):
    train("--run_name", "whole", "--steps", 8, "--save_every", 3)
    shutil.copytree(place / "checkpoint" / "whole", place / "checkpoint" / "damaged")
    data = place / "checkpoint" / "damaged" / "state-8.data-00000-of-00001"
    raw = bytearray(data.read_bytes())
    raw[len(raw) // 2] ^= 1
    data.write_bytes(raw)
    done = train("--run_name", "damaged", "--steps", 10)
    assert done.returncode == 0, done.stderr
    reported = [line for line in done.stderr.splitlines() if "damaged, its bytes" in line]
    assert len(reported) == 1
    assert "checkpoint/damaged/state-8: tensor" in reported[0]
    assert reported[0].endswith("; looking for a save before it")
    train("--run_name", "whole", "--steps", 10)
    assert losses(place, "damaged") == losses(place, "whole")


def test_a_save_that_fails_on_the_way_does_not_end_the_run(place, train, monkeypatch):
    from gpt2.runs import saves

    full = iter([True, True, False, False, True])

    def check_space(folder, needed):
        if next(full):
            raise OSError("no room")

    monkeypatch.setattr(saves, "check_space", check_space)
    done = train("--steps", 4, "--save_every", 1)
    assert done.returncode == 0, done.stderr
    assert "the save of step 1 failed (no room); the one before it still counts; training continues" in done.stderr
    assert len(losses(place)) == 4
    done = train("--steps", 5)
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].endswith("the save of step 5 failed (no room); the one before it still counts")
    assert '"model-4"' in (place / "checkpoint" / "run1" / "checkpoint").read_text()


def test_epochs_prompts_and_tensorboard(place, train):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    (place / "prompts.txt").write_text("Tell me\n\nLife is\n")
    flags = ("--sample_prompts", "prompts.txt", "--sample_every", 4, "--sample_length", 4, "--val_every", 10)
    done = train("--epochs", 0.3, "--batch_size", 4, *flags)
    assert done.returncode == 0, done.stderr
    [printed] = re.findall(r"([0-9,]+) tokens to train on", done.stderr)
    n_tokens = int(printed.replace(",", ""))
    assert len(losses(place)) == -(-0.3 * n_tokens // (4 * 32))
    samples = (place / "samples" / "run1" / "samples-8").read_text()
    assert re.findall(r"SAMPLE (\d) =+\n(Tell me|Life is)?", samples) == [("1", ""), ("2", "Tell me"), ("3", "Life is")]
    events = EventAccumulator(str(place / "checkpoint" / "run1" / "tensorboard")).Reload()
    assert {"samples", "loss", "val_loss", "val_bits"} < set(events.Tags()["tensors"])
    assert json.loads((place / "checkpoint" / "run1" / "layout.json").read_text()) == {"name": "plain"}


def test_a_window_may_be_shorter_than_the_model_s(place, train):
    assert train("--steps", 1, "--n_ctx", 8).returncode == 0
