"""Log-probabilities of given verse, printed."""

import json
import math

from encoder.reference import Encoder
from gpt2.jobs.job import ids_of
from gpt2.sampling.engines import EngineSpec
from gpt2.sampling.scoring import log_probabilities
from poems.prompts import Prompt
from system.errors import UserError


def print_scores(spec: EngineSpec, enc: Encoder, texts: list[tuple[Prompt, str]]) -> None:
    """Prints, for each text after its prompt, an object with its log-probability in nats, perplexity and bits.

    Raises:
      UserError: a text that cannot be encoded, named before the engine is opened.
    """
    encoded = []
    for prompt, text in texts:
        try:
            encoded.append((ids_of(enc, prompt), enc.encode(prompt.held + text, special=True), text))
        except UserError as error:
            raise UserError(f"{prompt.source}: {error}") from None
    engine = spec.open(rows=1)
    for before, ids, text in encoded:
        logprob = sum(log_probabilities(engine, before or [enc.end_of_text], ids))
        figures = {"tokens": len(ids), "characters": len(text), "logprob": round(logprob, 4)}
        if ids:
            figures["perplexity"] = round(math.exp(-logprob / len(ids)), 4)
            figures["bits_per_character"] = round(-logprob / math.log(2) / len(text), 4)
        print(json.dumps({"text": text[:60]} | figures, ensure_ascii=False), flush=True)
