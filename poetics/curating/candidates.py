"""The texts to choose from, each with its own figures."""

import dataclasses
from collections.abc import Iterable, Iterator, Mapping

from poetics.judging import diversity, features, ranking
from poetics.judging.copies import Copies, Index
from poetics.judging.verse_files import Record, Text, lines_of, read_records
from poetics.metre import feet, metre_bits, stress
from poetics.rhyme import schemes
from poetics.rhyme.grades import Grade
from poetics.sounds.words import last_words
from system.errors import UserError

BULKY = ("ids", "logprobs")  # what sample.py writes of a sample that no reader wants


@dataclasses.dataclass(frozen=True)
class Figures:
    """What one text is like.

    Attributes:
      lines: how many with words.
      scheme, form: which lines rhyme within 4 lines, in letters; the name of their form, "" for none.
      foot: the foot that fits best.
      likeness: the log-odds that the text is real verse.
      rhyme, perfect: the share of lines that rhyme within 4 lines; by perfect rhymes alone.
      lift: how much rhymes beyond chance.
      bits: bits of metre a line.
      regular: the share of lines with as many syllables as one of the two before.
      known: the share of words that are words.
      distinct: the share of words that are different.
      repeated: the share of lines that stand in the text before.
      logprob: the mean log-probability a token, where the file has it.
      longest, source: the most words in a row that the corpus has too, and where; None without a corpus.
      copied: the share of words in such runs of at least 8.
    """

    lines: int
    scheme: str
    form: str
    foot: str
    likeness: float
    rhyme: float
    perfect: float
    lift: float
    bits: float
    regular: float
    known: float
    distinct: float
    repeated: float
    logprob: float | None = None
    longest: int | None = None
    source: str | None = None
    copied: float | None = None


@dataclasses.dataclass(frozen=True)
class Candidate:
    """A text to choose or not.

    Attributes:
      file: where it stands.
      record: what the file says of it: `number`, `text`, and where sample.py wrote it `prompt`, `why` and more.
    """

    file: str
    record: Mapping[str, object]

    @property
    def number(self) -> object:
        """Its number in its file."""
        return self.record["number"]

    @property
    def text(self) -> str:
        """What was written."""
        return str(self.record["text"])

    @property
    def prompt(self) -> str:
        """What it continues."""
        return str(self.record.get("prompt") or "")

    @property
    def whole(self) -> str:
        """The text after its prompt, without blank lines around."""
        return (self.prompt + self.text).strip("\r\n")

    @property
    def lines(self) -> Text:
        """The lines with words; the first begins where the last line of the prompt does."""
        return lines_of(self.prompt.rpartition("\n")[2] + self.text)

    @property
    def logprob(self) -> float | None:
        """The mean log-probability a token, where the file has it."""
        found = self.record.get("logprob")
        return float(found) if isinstance(found, int | float) else None


@dataclasses.dataclass(frozen=True)
class Measured:
    """A candidate and its figures; None for those of a text without a word."""

    candidate: Candidate
    figures: Figures | None

    def as_record(self) -> Record:
        """What is written of it: what its own file says, and the figures."""
        kept = {key: value for key, value in self.candidate.record.items() if key not in BULKY}
        figures = dataclasses.asdict(self.figures) if self.figures else {}
        rounded = {key: round(value, 4) if isinstance(value, float) else value for key, value in figures.items()}
        return kept | rounded | {"file": self.candidate.file}


def read_candidates(path: str, most: int | None = None) -> list[Candidate]:
    """The texts of a file, or the first of them.

    Raises:
      UserError: the file has no text with a word in it, or is not what its name promises.
    """
    found = [Candidate(path, record) for record in read_records(path)[:most]]
    if not any(candidate.lines for candidate in found):
        raise UserError(f"{path}: no line with a word in it, expected samples or verse; name another file")
    return found


def measure_all(candidates: Iterable[Candidate], index: Index | None = None) -> Iterator[Measured]:
    """Candidates with their figures; copies are looked for in an index of a corpus, of what the prompt does not say."""
    for candidate in candidates:
        lines = candidate.lines
        figures = measure(lines, index.find(candidate.text) if index else None) if lines else None
        yield Measured(candidate, dataclasses.replace(figures, logprob=candidate.logprob) if figures else None)


def measure(lines: Text, copies: Copies | None = None) -> Figures:
    """The figures of one text of at least one line."""
    ends = last_words(list(lines))
    longest = copies.longest if copies else None
    return Figures(
        lines=len(lines),
        scheme=schemes.letters(schemes.by_nearest(ends)),
        form=schemes.form(ends),
        foot=feet.metre(lines).foot,
        likeness=ranking.quality("\n".join(lines), "likeness"),
        rhyme=schemes.rhyme_rate(ends),
        perfect=schemes.rhyme_rate(ends, least=Grade.PERFECT),
        lift=schemes.rhyme_lift(ends),
        bits=metre_bits.mean_bits(lines),
        regular=features.regularity([stress.count_syllables(line) for line in lines]),
        known=diversity.known_words([lines]),
        distinct=diversity.distinct([lines]),
        repeated=diversity.repeated_lines([lines]),
        longest=None if copies is None else longest.n_words if longest else 0,
        source=f"{longest.source}, line {longest.line}" if longest else None,
        copied=None if copies is None else copies.share(),
    )
