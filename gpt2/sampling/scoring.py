"""How likely a model finds a given text."""

from collections.abc import Iterator

from gpt2.sampling.choosing import check_finite, log_probability
from gpt2.sampling.engines import Engine


def log_probabilities(engine: Engine, prompt: list[int], ids: list[int]) -> Iterator[float]:
    """The log-probability of each id, given the prompt of at least one id and the ids before it.

    If they do not fit into the window, the window moves on by half its length: each id but the first few is predicted
    from at least half a window.
    """
    n_ctx = engine.hparams.n_ctx
    whole = (*prompt, *ids)
    done = len(prompt)  # ids whose probability is known, or not wanted
    start = 0
    while done < len(whole):
        if done - start >= n_ctx:
            start = done - max(n_ctx // 2, 1)
        window = whole[start : start + n_ctx]
        position = start + 1  # of the id that the next row of logits predicts
        for part in engine.score(window):
            check_finite(part)
            for row in part:
                if done <= position < len(whole):
                    yield log_probability(row, whole[position])
                position += 1
        done = min(position, len(whole))
