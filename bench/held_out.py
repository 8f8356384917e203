"""What a run has learnt: bits a token on the held-out verse, beside a model that knows only how often tokens come.

python bench/held_out.py --run_name demo --dataset demo.npz
"""

import os

import numpy as np

from system import command_line, tensorflow_start


def main(*, run_name: str = "demo", dataset: str = "demo.npz", checkpoint_dir: str = "checkpoint") -> None:
    """Compares a run with two unigram models on the verse that its dataset holds out, all of it.

    Args:
      run_name: the run to measure.
      dataset: an .npz of prepare_corpus.py.
      checkpoint_dir: the folder of the run folders.
    """
    tensorflow_start.start_tensorflow()
    import gpt2
    from encoder.dataset import reader
    from gpt2.training.validation import make_validate

    model = gpt2.load_model(os.path.join(checkpoint_dir, run_name))
    opened = reader.open_dataset(dataset, model.hparams.n_vocab)
    training, held_out = (tokens.read(0, len(tokens)) for tokens in (opened.training, opened.held_out))
    seq = model.hparams.n_ctx
    run = make_validate(model, opened.held_out, batch=8, count=len(held_out), seq=seq)()["val_loss"] / np.log(2)
    trained = unigram_bits(np.bincount(training, minlength=model.hparams.n_vocab) + 1, held_out)
    own = unigram_bits(np.bincount(held_out, minlength=model.hparams.n_vocab), held_out)
    print(f"{'bits a token on':40} {len(held_out):,} held-out tokens")
    print(f"{run_name:40} {run:.3f}")
    print(f"{'unigram model of the training tokens':40} {trained:.3f}  ({trained - run:.3f} more)")
    print(f"{'unigram model of the same tokens':40} {own:.3f}  ({own - run:.3f} more)")


def unigram_bits(counts: np.ndarray, ids: np.ndarray) -> float:
    """Mean bits a token under the probabilities that these counts give."""
    return float(-np.log2(counts[ids] / counts.sum()).mean())


if __name__ == "__main__":
    command_line.run(main)
