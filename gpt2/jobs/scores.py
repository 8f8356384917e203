"""Log-probabilities of given verse, printed."""

import json
import math

from system.errors import UserError


def print_scores(open_engine, enc, texts) -> None:
    """Prints, for each text after its prompt, an object with its log-probability, perplexity, bits per character."""
    from gpt2.jobs.job import ids_of
    from gpt2.sampling.scoring import log_probabilities

    encoded = []
    for prompt, text in texts:
        try:
            encoded.append((ids_of(enc, prompt), enc.encode(text), text))
        except ValueError as error:
            raise UserError(f"{prompt.source}: {error}") from None
    engine = open_engine(rows=1)
    for before, ids, text in encoded:
        logprob = sum(log_probabilities(engine, before or [enc.end_of_text], ids))
        figures = {"tokens": len(ids), "characters": len(text), "logprob": round(logprob, 4)}
        if ids:
            figures["perplexity"] = round(math.exp(-logprob / len(ids)), 4)
            figures["bits_per_character"] = round(-logprob / math.log(2) / len(text), 4)
        print(json.dumps({"text": text[:60]} | figures, ensure_ascii=False), flush=True)
