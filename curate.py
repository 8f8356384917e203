"""Which of a thousand samples to read: python curate.py --run_name run1 --n 1000 --keep 20 --out best.jsonl"""

import dataclasses
import logging
import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Literal

from system import command_line, flags, process
from system.errors import UserError
from system.flags import AtLeast, AtMost

if TYPE_CHECKING:
    from poetics.curating.candidates import Candidate
    from poetics.curating.ratings import Ratings
    from poetics.curating.sieve import Limits, Sifted
    from poetics.judging.copies import Index

logger = logging.getLogger("gpt2")


@dataclasses.dataclass(frozen=True, kw_only=True)
class Request:
    """Chooses the best of many samples: drops what is cut, copied or said twice, and ranks the rest.

    Attributes:
      Where the samples are
        samples: files that sample.py wrote, .txt or .jsonl, or any verse. Without, a run or a model writes them first.
        run_name: the run that writes them; its dataset is the corpus in which copies are looked for.
        model_name: the model that writes them, if no run does. With SAMPLES: the model whose vocabulary an .npz has;
          without, what the file beside it says.
        models_dir: where models are.
        checkpoint_dir: where runs are.
        n: how many to write. They go to a file beside --out, which the same command completes after a stop.
        prompt: text that they continue.
        lines: end a sample after this many lines that are not blank, 0 for no such rule.
        batch_size: samples that are written at a time.
        seed: the same seed gives the same samples. Default: that of the samples there, or one that is printed.
      What is dropped
        min_lines: keep texts of at least this many lines with words.
        open_ends: keep texts that end in the middle of a sentence.
        corpus: what the model was trained on, to find copies of: an .npz, a text file, or gutenberg for all of it.
        max_copied: keep texts with at most this share of words in runs of 8 or more that the corpus has too.
        min_rhyme: keep texts of whose lines at least this share rhymes.
        min_metre: keep texts with at least this many bits of metre a line; real verse has about 4, prose -1.
        min_known: keep texts with at least this share of words that are words.
        max_repeated: keep texts with at most this share of lines that stand in the same text before.
        form: keep texts that rhyme in this form, such as sonnet, couplets or ballad.
      What is kept
        keep: how many of the best.
        by: what makes a text better: its likeness to real English verse, its log-probability, its rhyme or its metre.
        out: the file for them with all their figures; beside it the same name with .txt, to read.
        rate: show the best in the terminal, without their figures, and keep those that you keep. Answers are kept in a
          file beside --out, from which the same command goes on.
        at_once: how many are shown together; of two you may prefer one, which makes a pair to tune a model on.
    """

    samples: Annotated[tuple[str, ...], "SAMPLES..."] = ()
    run_name: Annotated[str | None, "NAME"] = None
    model_name: Annotated[str | None, "NAME"] = None
    models_dir: Annotated[str, "FOLDER"] = "models"
    checkpoint_dir: Annotated[str, "FOLDER"] = "checkpoint"
    n: Annotated[int, AtLeast(1)] = 1000
    prompt: str = ""
    lines: Annotated[int, AtLeast(0)] = 14
    batch_size: Annotated[int, AtLeast(1)] = 20
    seed: int | None = None
    min_lines: Annotated[int, AtLeast(1)] = 4
    open_ends: bool = False
    corpus: Annotated[str | None, "CORPUS"] = None
    max_copied: Annotated[float, AtLeast(0), AtMost(1)] = 0.0
    min_rhyme: Annotated[float, AtLeast(0), AtMost(1)] = 0.0
    min_metre: float | None = None
    min_known: Annotated[float, AtLeast(0), AtMost(1)] = 0.0
    max_repeated: Annotated[float, AtLeast(0), AtMost(1)] = 1.0
    form: Annotated[str | None, "NAME"] = None
    keep: Annotated[int, AtLeast(1)] = 20
    by: Literal["likeness", "logprob", "rhyme", "metre"] = "likeness"
    out: Annotated[str, "FILE.jsonl"] = "best.jsonl"
    rate: bool = False
    at_once: Annotated[int, AtLeast(1), AtMost(2)] = 2

    def __post_init__(self) -> None:
        flags.check_flags(self)

    def limits(self) -> "Limits":
        """What a text must be to be kept.

        Raises:
          UserError: there is no form of this name.
        """
        from poetics.curating.sieve import Limits
        from poetics.rhyme import schemes

        if self.form is not None and self.form not in (forms := schemes.form_names()):
            raise UserError(f"--form is {self.form}, expected one of {', '.join(forms)}")
        return Limits(**{field.name: getattr(self, field.name) for field in dataclasses.fields(Limits)})


def main(request: Request) -> None:
    """Writes samples if none are named; reads, measures, sifts, writes, and prints what was dropped and why."""
    from poetics.curating import candidates, ratings, shelf, sieve

    limits = request.limits()
    check_paths(request)
    shelf.check_place(request.out)
    answers = ratings.Ratings(beside(request, "ratings")) if request.rate else None
    if request.samples:
        texts = [text for path in request.samples for text in candidates.read_candidates(path)]
    else:
        texts = candidates.read_candidates(write_samples(request), request.n)
    check_ranking(texts, request)
    measured = candidates.measure_all(shown_as_bar(texts), index_of(request))
    sifted = sieve.sift(measured, limits, request.by, request.keep)
    print_sifted(sifted)
    if answers:
        sifted = rate(sifted, answers, request)
    for path in shelf.write(request.out, sifted.kept):
        logger.info(f"{path}: written")


def check_paths(request: Request) -> None:
    """Raises a UserError if there are no samples, or if the file for the best ones is one of theirs."""
    from poetics.curating import shelf

    if request.samples and request.run_name is not None:
        raise UserError(f"samples are named, and --run_name {request.run_name} to write others; expected one of them")
    if not request.samples and request.run_name is None and request.model_name is None:
        raise UserError("no samples, expected files that sample.py wrote, or --run_name NAME, a run to write them")
    if both := set(request.samples) & set(shelf.paths(request.out)):
        raise UserError(f"{both.pop()}: holds the samples, and would be overwritten; name another file with --out")


def write_samples(request: Request) -> str:
    """Writes what is missing of the samples, as sample.py does, and returns the path of their file."""
    import sample
    from gpt2.jobs.request import Request as Order

    path = beside(request, "samples")
    shared = ("run_name", "model_name", "models_dir", "checkpoint_dir", "prompt", "lines", "batch_size", "seed")
    sample.main(Order(**{name: getattr(request, name) for name in shared}, nsamples=request.n, out=path))
    return path


def beside(request: Request, what: str) -> str:
    """The path of another file that goes with --out."""
    return f"{os.path.splitext(request.out)[0]}.{what}.jsonl"


def check_ranking(texts: "Sequence[Candidate]", request: Request) -> None:
    """Raises a UserError if texts are to be ranked by what their files do not say."""
    if request.by == "logprob":
        for text in texts:
            if text.logprob is None and text.lines:
                raise UserError(
                    f"{text.file}: number {text.number} has no log-probability, expected a .jsonl that sample.py "
                    "wrote; rank by another figure: --by likeness"
                )


def index_of(request: Request) -> "Index | None":
    """The corpus, to look for copies in: the one that is named, or the dataset of the run."""
    from gpt2.jobs import source

    run = os.path.join(request.checkpoint_dir, request.run_name) if request.run_name is not None else None
    return source.index_of(request.corpus, run, request.model_name, request.models_dir)


def shown_as_bar(texts: "list[Candidate]") -> "Sequence[Candidate]":
    """The texts, counted on the terminal while they are measured."""
    from tqdm import tqdm

    from system.console import SCREEN

    return tqdm(texts, unit="text", disable=None, dynamic_ncols=True, file=SCREEN)


def print_sifted(sifted: "Sifted") -> None:
    """Why how many were dropped, and the figures of those that were kept beside the others."""
    from poetics.curating import shelf, sieve

    n_kept, n_dropped = len(sifted.kept), len(sifted.dropped)
    print(f"{n_kept + n_dropped:,} texts, of which {n_kept:,} are kept; {n_dropped:,} are dropped:")
    for reason, count in sieve.reasons(sifted.dropped).items():
        print(f"{count:>9,} {reason}")
    print(shelf.table({"kept": sifted.kept, "dropped": [text.text for text in sifted.dropped]}))


def rate(sifted: "Sifted", answers: "Ratings", request: Request) -> "Sifted":
    """Shows the best, and returns what the reader kept in place of them; writes the pairs."""
    from poetics.curating import shelf, sieve, terminal
    from poetics.curating.ratings import key_of

    terminal.rate(sifted.kept, answers, request.at_once)
    verdicts = answers.verdicts()
    texts = sifted.kept + [text.text for text in sifted.dropped]
    kept, dropped = ([text for text in texts if verdicts.get(key_of(text)) is verdict] for verdict in (True, False))
    print(f"by hand {len(kept)} kept and {len(dropped)} dropped:")
    print(shelf.table({"kept": kept, "dropped": dropped}))
    if missing := len(verdicts) - len(kept) - len(dropped):
        logger.info(f"{answers.path} has answers on {missing} texts that are in none of the files")
    answers.write_pairs(pairs := beside(request, "pairs"))
    logger.info(f"{pairs}: written, pairs: {len(answers.pairs())}")
    return sieve.Sifted(kept, [])


if __name__ == "__main__":
    process.start_with_huge_pages()
    command_line.run(main)
