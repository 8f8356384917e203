"""train.py as one uses it: from text or tokens, from nothing or a model."""

import json
import re
import shutil

import numpy as np
from conftest import SMALL, VERSE, log_of, losses

import gpt2


def test_training_lowers_the_loss_and_leaves_a_run(place, train):
    done = train("--steps", 30, "--batch_size", 4)
    assert done.returncode == 0, done.stderr
    curve = losses(place)
    assert len(curve) == 30
    assert np.mean(curve[-5:]) < np.mean(curve[:5]) - 1
    left = {path.name for path in (place / "checkpoint" / "run1").iterdir()}
    assert {"checkpoint", "hparams.json", "encoder.json", "vocab.bpe", "loss.png", "settings.json"} < left
    gpt2.load_model(str(place / "checkpoint" / "run1"))


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


def test_the_vocabulary_is_looked_for_beside_the_weights(begun, train):
    shutil.move(begun / "models" / "small", begun / "models" / "gone")
    done = train("--run_name", "second", "--steps", 1, "--restore_from", "checkpoint/run1/model-2.index")
    assert done.returncode == 0, done.stderr


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


def test_a_plan_is_none_of_the_run_s_business(begun, train):
    done = train("--plan", "--model_name", "774M", "--optimizer", "adafactor")
    assert done.returncode == 0, done.stderr
    assert "weights         3.10 GB" in done.stdout


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
