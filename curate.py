"""Which of a thousand samples to read: the good ones, the best first, chosen by figures or by hand."""

import dataclasses
import logging
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Literal

from system import command_line, flags
from system.errors import UserError
from system.flags import AtLeast, AtMost

if TYPE_CHECKING:
    from poetics.curating.candidates import Candidate
    from poetics.curating.sieve import Limits, Sifted
    from poetics.judging.copies import Index

logger = logging.getLogger("gpt2")


@dataclasses.dataclass(frozen=True, kw_only=True)
class Request:
    """Chooses the best of many samples: drops what is cut, copied, said twice or does not rhyme, and ranks the rest.

    Attributes:
      Where the samples are
        samples: files that sample.py wrote, .txt or .jsonl, or any verse.
      What is dropped
        min_lines: keep texts of at least this many lines with words.
        open_ends: keep texts that end in the middle of a sentence.
        corpus: what the model was trained on, to find copies of: an .npz, a text file, or gutenberg for all of it.
        max_copied: keep texts with at most this share of words in runs of 8 or more that the corpus has too.
        min_rhyme: keep texts of whose lines at least this share rhymes.
        min_metre: keep texts with at least so many bits of metre a line; real verse has about 4, prose -1.
        min_known: keep texts with at least this share of words that are words.
        max_repeated: keep texts with at most this share of lines that stand in the same text before.
        form: keep texts that rhyme in this form, such as sonnet, couplets or ballad.
      What is kept
        keep: how many of the best.
        by: what makes a text better: its likeness to real English verse, its log-probability, its rhyme or its metre.
        out: the file for them with all their figures; beside it the same name with .txt, to read.
      Where models are
        model_name: the model whose vocabulary an .npz has; without, what the file beside it says.
        models_dir: where models are.
    """

    samples: Annotated[tuple[str, ...], "SAMPLES..."] = ()
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
    model_name: str | None = None
    models_dir: str = "models"

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
    """Reads, measures, sifts, writes, and prints what was dropped and why."""
    from poetics.curating import candidates, shelf, sieve

    limits = request.limits()
    check_paths(request)
    shelf.check_place(request.out)
    texts = [text for path in request.samples for text in candidates.read_candidates(path)]
    check_ranking(texts, request)
    measured = candidates.measure_all(shown_as_bar(texts), index_of(request))
    sifted = sieve.sift(measured, limits, request.by, request.keep)
    print_sifted(sifted)
    for path in shelf.write(request.out, sifted.kept):
        logger.info(f"{path}: written")


def check_paths(request: Request) -> None:
    """Raises a UserError if there are no samples, or if the file for the best ones is one of theirs."""
    from poetics.curating import shelf

    if not request.samples:
        raise UserError("no samples, expected files that sample.py wrote; python curate.py SAMPLES.jsonl")
    if both := set(request.samples) & set(shelf.paths(request.out)):
        raise UserError(f"{both.pop()}: holds the samples, and would be overwritten; name another file with --out")


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
    """The corpus, to look for copies in."""
    if request.corpus is None:
        return None
    from encoder.dataset import to_text
    from poetics.judging.copies import Index

    return Index(to_text.read_corpus(request.corpus, request.model_name, request.models_dir))


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


if __name__ == "__main__":
    command_line.run(main)
