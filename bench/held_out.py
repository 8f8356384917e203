"""What a model has learnt: bits a token and a character of held-out verse, all of it, in windows that do not overlap.

python bench/held_out.py --model models/poet --dataset held_out.npz
"""

import numpy as np

from system import command_line, tensorflow_start


def main(*, model: str, dataset: str) -> None:
    """Prints the bits of the tokens that the dataset holds out, or of all where it holds out none.

    Args:
      model: a model folder or a run folder.
      dataset: an .npz of prepare_corpus.py in its vocabulary.
    """
    tensorflow_start.start_tensorflow()
    import encoder
    import gpt2
    from encoder.dataset import reader
    from gpt2.runs.datasets import characters_of
    from gpt2.training.validation import make_validate

    loaded = gpt2.load_model(model)
    opened = reader.open_dataset(dataset, loaded.hparams.n_vocab)
    tokens = opened.held_out or opened.training
    characters = characters_of(encoder.load_encoder(model))
    sizes = {"batch": 8, "count": len(tokens), "seq": loaded.hparams.n_ctx}
    found = make_validate(loaded, tokens, characters=characters, **sizes)()
    a_token = found["val_loss"] / np.log(2)
    print(f"{model}: {found['val_bits']:.3f} bits a character, {a_token:.3f} a token of {len(tokens):,}")


if __name__ == "__main__":
    command_line.run(main)
