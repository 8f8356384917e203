"""How likely a model finds a text that is there."""

from collections.abc import Iterator

from gpt2.sampling.choosing import check_finite, log_probability


def log_probabilities(engine, prompt: list[int], ids: list[int]) -> Iterator[float]:
    """The log-probability of each id after the prompt, at least one id, and those before it.

    Where they are more than the window holds, the window moves on by half of it: each id but the first few is
    predicted from at least half a window.
    """
    n_ctx = engine.hparams.n_ctx
    whole = (*prompt, *ids)
    done = len(prompt)  # ids whose probability is known, or not asked for
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
