"""Writes new verse: python sample.py --run_name run1 --prompt "Shall I compare thee" """

import json
from typing import TYPE_CHECKING

from gpt2.jobs.request import Request
from system import command_line, process
from system.errors import UserError

if TYPE_CHECKING:
    from gpt2.jobs.poet import Poet


def main(request: Request) -> None:
    """Writes new verse with a model or a run, one sample after another."""
    from gpt2.jobs import conversation, terminal, to_file
    from gpt2.jobs.job import Job, settings_of
    from gpt2.jobs.poet import Poet
    from gpt2.jobs.sample_file import SampleFile
    from gpt2.jobs.worker_files import Workers
    from poems import names

    poet = Poet(request)
    source, spec = poet.source, poet.spec
    if request.about:
        print("\n".join(names.lines_about(source.prefix, source.layout, source.names)))
        return
    if request.score is not None:
        print_scores(poet, request.score)
        return
    if request.interactive:
        conversation.converse(poet)
        return
    job = Job.of(poet.request, poet.enc, source)
    job.tell_strangers(source.names)
    if request.out is not None:
        file = SampleFile(request.out, settings_of(request, job, source))
        to_file.complete(job, spec, file, Workers.find(request))
        return
    for _ in terminal.show_samples(job, poet.engine(job)):
        pass  # Printing it is all.


def print_scores(poet: "Poet", path: str) -> None:
    """Prints, for each text of a file, an object with its log-probability in nats, perplexity and bits.

    Raises:
      UserError: a text that cannot be encoded, named.
    """
    from poems import prompts

    for prompt, text in prompts.read_texts(path, poet.request.description, poet.source.layout):
        try:
            score = poet.score_laid_out(prompt, text)
        except UserError as error:
            raise UserError(f"{prompt.source}: {error}") from None
        figures = {"tokens": score.tokens, "characters": score.characters, "logprob": round(score.logprob, 4)}
        if score.tokens:
            figures["perplexity"] = round(score.perplexity, 4)
            figures["bits_per_character"] = round(score.bits_per_character, 4)
        print(json.dumps({"text": text[:60]} | figures, ensure_ascii=False), flush=True)


if __name__ == "__main__":
    process.start_with_huge_pages()
    command_line.run(main)
