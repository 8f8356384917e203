"""The loss of a model on held-out text: nats a token and bits a character, with and without prefixes."""

import functools
from collections.abc import Callable

import numpy as np
import tensorflow as tf

from encoder.dataset.reader import Tokens
from gpt2.model import GPT2


def make_validate(
    model: GPT2,
    tokens: Tokens,
    *,
    batch: int,
    count: int,
    seq: int,
    characters: np.ndarray | None = None,
    is_prefix: np.ndarray | None = None,
    compiled: Callable[[Callable], Callable] | None = None,
) -> Callable[[], dict[str, float]]:
    """A function that returns the mean losses, over the same windows each time.

    Args:
      batch: windows at a time.
      count: batches, at most; the windows are spread evenly over the tokens.
      seq: tokens of a window.
      characters: int [n_vocab], how many characters each token begins.
      is_prefix: bool [len(tokens)], which tokens belong to a prefix and not to verse.
      compiled: compiles a function of a tensor; by default with XLA.
    Returns:
      A function that returns `val_loss`, nats a token; with characters also `val_bits`, bits a character; with
      prefixes both also of the verse alone, as `val_verse_loss` and `val_verse_bits`.
    """
    compiled = compiled or functools.partial(tf.function, jit_compile=True)
    losses_of = compiled(functools.partial(token_losses, model))
    starts = window_starts(len(tokens), seq, batch * count)
    everything = np.ones(len(tokens), bool)
    parts = {"val": everything}
    if is_prefix is not None and is_prefix.any():
        parts["val_verse"] = ~is_prefix

    def validate() -> dict[str, float]:
        sums = {part: np.zeros(3) for part in parts}  # nats, tokens, characters
        for first in range(0, len(starts), batch):
            ids = np.zeros([batch, seq + 1], np.int32)
            counted = {part: np.zeros([batch, seq], bool) for part in parts}
            for row, start in enumerate(starts[first : first + batch]):
                length = min(seq + 1, len(tokens) - start)
                ids[row, :length] = tokens.read(start, length)
                for part, chosen in parts.items():
                    counted[part][row, : length - 1] = chosen[start + 1 : start + length]
            losses = losses_of(tf.constant(ids)).numpy()
            for part, these in counted.items():
                n_characters = characters[ids[:, 1:][these]].sum() if characters is not None else 0
                sums[part] += [losses[these].sum(dtype=np.float64), these.sum(), n_characters]
        return figures(sums)

    return validate


def figures(sums: dict[str, np.ndarray]) -> dict[str, float]:
    """The mean losses of each part, from its sums: nats, tokens and characters."""
    found = {}
    for part, (nats, n_tokens, n_characters) in sums.items():
        if n_tokens:
            found[f"{part}_loss"] = float(nats / n_tokens)
        if n_characters:
            found[f"{part}_bits"] = float(nats / np.log(2) / n_characters)
    return found


def window_starts(n_tokens: int, seq: int, most: int) -> list[int]:
    """Where windows of seq tokens to predict start, none of them overlapping another: all, or evenly spread ones."""
    n_windows = -(-(n_tokens - 1) // seq)
    return [int(number) * seq for number in np.linspace(0, n_windows - 1, min(n_windows, most))]


def token_losses(model: GPT2, batch: tf.Tensor) -> tf.Tensor:
    """The cross-entropy of each token given those before it, nats: int32 [batch, seq + 1] -> float32 [batch, seq].

    The logits of one window exist at a time.
    """
    hidden, _ = model.transform(batch[:, :-1])
    wte = tf.cast(model.weights["model/wte"], model.dtype)

    def of_window(inputs: tuple[tf.Tensor, tf.Tensor]) -> tf.Tensor:
        h, labels = inputs  # [seq, n_embd], [seq]
        logits = tf.cast(tf.matmul(h, wte, transpose_b=True), tf.float32)  # [seq, n_vocab]
        return tf.reduce_logsumexp(logits, axis=-1) - tf.gather(logits, labels, batch_dims=1)

    return tf.map_fn(of_window, (hidden, batch[:, 1:]), fn_output_signature=tf.float32)
