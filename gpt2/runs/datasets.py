"""The datasets of a run: what it trains on and what is held out."""

import numpy as np

from system.errors import UserError

MANY = 10  # Epochs, after which verse is learnt by heart: a rule of thumb of 2019.


def find_dataset(path: str, encoding: str, enc, held_out: float = 0.05) -> str:
    """The path of an .npz: the one given, or that of the text given, which is encoded when it is first used."""
    if path.endswith(".npz"):
        from encoder.dataset import reader

        return reader.local_copy(path)
    from tqdm import tqdm

    from encoder.dataset import writer
    from poems.sources import sources

    source = sources.find_source(path, encoding)
    with tqdm(total=source.n_bytes, desc=f"encoding {path}", unit="B", unit_scale=True, disable=None, delay=1) as bar:
        return writer.cached_dataset([source], enc, held_out, progress=bar.update)


def open_datasets(flags, path: str, model, enc, model_folder: str):
    """The dataset, the tokens to validate on, maybe none, and which of those are prefix."""
    from encoder.dataset import reader

    def opened(path):
        return reader.open_dataset(path, model.hparams.n_vocab, enc.fingerprint, model_folder)

    dataset = opened(path)
    if len(dataset.training) < 2:
        raise UserError(f"{path}: {len(dataset.training)} tokens to train on, expected at least 2; prepare more text")
    if not flags.val_dataset:
        return dataset, dataset.held_out, dataset.is_prefix(dataset.held_out)
    other = opened(find_dataset(flags.val_dataset, flags.encoding, enc, held_out=0.0))
    held_out = other.held_out or other.training
    return dataset, held_out, other.is_prefix(held_out)


def about_corpus(flags, model, tokens, held_out, steps: int | None, to_use: int | None, tokens_per_step: int) -> str:
    """One line on the model and on how often it will have seen the dataset, after so many steps and tokens."""
    about = f"{len(held_out):,} held out" if held_out else "none held out, so no validation"
    name = flags.model_name if flags.restore_from in ("latest", "fresh", "scratch") else flags.restore_from
    line = f"{name}, {model.hparams.n_params:,} parameters; {len(tokens):,} tokens to train on, {about}"
    if to_use is None:
        return f"{line}; an epoch is {len(tokens) / tokens_per_step:,.1f} steps"
    epochs = to_use / len(tokens)
    warning = ", so it will learn them by heart: stop earlier (--patience), or bring more" if epochs > MANY else ""
    return f"{line}; {steps:,} steps are {epochs:,.1f} epochs{warning}"


def characters_of(enc):
    """How many characters begin in each token, int64 [n_vocab]; bytes of UTF-8 that go on with one do not count."""
    counts = np.array([sum(byte & 0xC0 != 0x80 for byte in token) for token in enc.vocabulary.token_bytes])
    counts[enc.end_of_text] = 0
    return counts
