"""Writes new verse: python sample.py --run_name run1 --prompt "Shall I compare thee" """

import dataclasses

from gpt2.jobs.request import Request
from system import command_line, process


def main(request: Request) -> None:
    """Writes new verse with a model or a run, one sample after another."""
    import encoder
    from gpt2.formats import foreign
    from gpt2.jobs import conversation, scores, terminal, to_file
    from gpt2.jobs.job import Job, settings_of
    from gpt2.jobs.sample_file import SampleFile
    from gpt2.jobs.source import find_source
    from gpt2.jobs.worker_files import Workers
    from gpt2.sampling.engines import EngineSpec
    from poems import names, prompts

    if request.model_name is not None:
        model_name = foreign.own_name(request.model_name, request.models_dir)
        request = dataclasses.replace(request, model_name=model_name)
    source = find_source(request)
    if request.about:
        print("\n".join(names.lines_about(source.prefix, source.layout, source.names)))
        return
    enc = encoder.load_encoder(source.model_folder)
    spec = EngineSpec(
        source.prefix, source.model_folder, request.dtype, request.engine, strategy=request.strategy, tpu=request.tpu
    )
    if request.score is not None:
        scores.print_scores(spec, enc, prompts.read_texts(request.score, request.description, source.layout))
        return
    if request.interactive:
        conversation.converse(request, enc, source, spec)
        return
    job = Job.of(request, enc, source)
    job.tell_strangers(source.names)
    if request.out is not None:
        file = SampleFile(request.out, settings_of(request, job, source))
        to_file.complete(job, spec, file, Workers.find(request))
        return
    engine = job.open(spec)
    for _ in terminal.show_samples(job, engine):
        pass  # Printing it is all.


if __name__ == "__main__":
    process.start_with_huge_pages()
    command_line.run(main)
