"""What a user asks `sample.py` for: its flags, checked together."""

import dataclasses
from typing import TYPE_CHECKING, Annotated, Literal

from gpt2.distributed.workers import Strategy
from system import flags
from system.errors import UserError
from system.flags import AtLeast, AtMost

if TYPE_CHECKING:
    from gpt2.sampling.filters import Filters
    from poetics.curating.sieve import Limits
    from poetics.forms.form import Form

TOP_K = 40
LIMITS = ("min_rhyme", "min_metre", "min_known", "max_repeated", "max_copied")
COUNTS = ("tries", "nsamples", "batch_size", "length", "lines", "stanzas", "no_repeat", "best_of", "particles")


@dataclasses.dataclass(frozen=True, kw_only=True)
class Request:
    """Writes new verse with a model or a run, one sample after another.

    If no model and no run is named and models/124M is missing, models/poet writes, which comes with the project.

    Attributes:
      Who writes
        model_name: a model of the folder of models, a Hugging Face folder or hf://owner/name.
          With --run_name: the model that a run of 2019 was trained from.
          Default: 124M.
        models_dir: the folder of the model folders.
        run_name: a run of train.py.
        checkpoint_dir: the folder of the run folders.
        restore_from: the path of a model folder, a prefix such as checkpoint/run1/model-500, or checkpoint/run1/best
          for the weights of a run that had the lowest loss on held-out text.
      What the verse continues
        prompt: text to continue.
        prompt_file: a file with that text, of as many lines as you like, taken letter for letter; - is standard input.
        prompts: a file of many prompts, one a line; in a .jsonl objects with prompt, nsamples, author, title, tags,
          book.
        interactive: ask for prompts, and write after each; /help there shows more.
        author: whose verse, as the dataset of the run names the authors.
        title: of the poem, in a run trained with --layout poem.
        tags: of the poem, separated by commas.
        book: the number of the book, in a run trained with --layout prefix.
        include_prompt: print the prompt before each sample.
        about: print what the model knows of the poems it was trained on, such as their authors, and write nothing.
      How much
        nsamples: samples of each prompt; with one prompt, 0 continues until Ctrl-C.
        batch_size: samples that are written at a time; with 1 they appear as they are written.
        length: the most tokens of a sample. Default: the window without a prompt, half of it with one.
        stop: end a sample before this text.
        lines: end a sample after this many lines that are not blank, 0 for no such rule.
        stanzas: end a sample after this many stanzas, 0 for no such rule.
      In which form
        form: sonnet, petrarchan, couplets, quatrain, ballad, common, limerick, terza, blank, hiawatha, haiku, or one
          of --forms.
        scheme: which lines rhyme, such as ABAB CDCD; x rhymes with none, a space is an empty line; needs --metre or
          --syllables.
        metre: the foot and the beats of the lines, such as iambic5, anapestic3, dactylic4, or trochaic4,3 for lines by
          turns.
        syllables: the syllables of the lines, such as 5,7,5, in place of a metre.
        forms: a file of more forms, a JSON object such as {"tanka": {"syllables": "5,7,5,7,7"}}.
        dictionary: a file of the words that a poem in a form is made of, with their sounds, for verse in another
          language than English.
        particles: texts that are written at once for each sample in a form; more take more time and fit it better.
      Which words
        temperature: below 1 the likelier tokens become likelier still; 0 takes the likeliest.
        top_k: choose among this many of the likeliest tokens, 0 for all. Default: 40, in a form 0.
        top_p: choose among the likeliest tokens that have this probability together, 0 for top_k instead.
        min_p: choose among tokens at least this many times as likely as the likeliest, such as 0.05.
        typical: choose among the tokens of the most usual surprise that have this probability together, such as 0.9.
        repetition_penalty: above 1 makes the words that were used less likely, such as 1.2.
        no_repeat: let no sequence of this many words occur twice, 0 for no such rule.
        best_of: write this many for each sample, and keep the best.
        by: what makes one the best: its likeness to real English verse, its log-probability, its rhyme or its metre.
        seed: the same seed gives the same samples. Default: that of the samples in --out, or one that is printed.
      Which samples
        min_rhyme: keep texts of whose lines at least this share rhymes; with this and the next ones, others are written
          in the place of those that are not kept.
        min_metre: keep texts with at least this many bits of metre a line; real verse has about 4, prose -1.
        min_known: keep texts with at least this share of words that are words.
        max_repeated: keep texts with at most this share of lines that stand in the same text before.
        max_copied: keep texts with at most this share of words in runs of 8 or more that the corpus has too.
        corpus: where copies are looked for: an .npz, a text file, or gutenberg for the whole Gutenberg Poetry Corpus.
          Default: the dataset of the run.
        tries: texts that are written for each sample at most; if none is kept, the sample is empty.
      How it is computed
        dtype: float32; int8, faster on a CPU and less exact; bfloat16, half the memory on a GPU or a TPU.
        engine: lite for a CPU, xla for GPUs or a TPU, or auto.
        strategy: one device; mirrored, all GPUs of this machine; multi_worker, the machines that TF_CONFIG or Slurm
          names, which share the folder of --out; tpu; or auto, whichever is there. The rows of a batch are shared out,
          and samples are the same on any number of devices.
        tpu: the name of a TPU, or local for this machine's.
        verify: read the whole file that was made for LiteRT before it writes, and make a damaged one again.
      Where it goes
        out: a file for the samples, .txt in the original's form or .jsonl with an object a line; an existing one is
          continued. With --interactive: the file of the samples that you keep. Default: kept.txt there.
        score: a file of text to be scored instead of writing, or a .jsonl of objects with text and possibly prompt;
          author, title, tags and book make the prefix before each.
    """

    model_name: Annotated[str | None, "NAME"] = None
    models_dir: Annotated[str, "FOLDER"] = "models"
    run_name: Annotated[str | None, "NAME"] = None
    checkpoint_dir: Annotated[str, "FOLDER"] = "checkpoint"
    restore_from: Annotated[str | None, "PATH"] = None
    prompt: str = ""
    prompt_file: Annotated[str | None, "FILE"] = None
    prompts: Annotated[str | None, "FILE"] = None
    interactive: bool = False
    author: str = ""
    title: str = ""
    tags: str = ""
    book: str = ""
    include_prompt: bool = False
    about: bool = False
    nsamples: Annotated[int, AtLeast(0)] = 1
    batch_size: Annotated[int, AtLeast(1)] = 1
    length: Annotated[int | None, AtLeast(1)] = None
    stop: str = ""
    lines: Annotated[int, AtLeast(0)] = 0
    stanzas: Annotated[int, AtLeast(0)] = 0
    form: Annotated[str, "NAME"] = ""
    scheme: str = ""
    metre: str = ""
    syllables: Annotated[str, "N,N..."] = ""
    forms: Annotated[str | None, "FILE.json"] = None
    dictionary: Annotated[str | None, "FILE"] = None
    particles: Annotated[int, AtLeast(2)] = 8
    temperature: float = 1.0
    top_k: int | None = None
    top_p: float = 0.0
    min_p: float = 0.0
    typical: float = 0.0
    repetition_penalty: float = 1.0
    no_repeat: Annotated[int, AtLeast(0)] = 0
    best_of: Annotated[int, AtLeast(1)] = 1
    by: Literal["likeness", "logprob", "rhyme", "metre"] = "likeness"
    seed: int | None = None
    min_rhyme: Annotated[float, AtLeast(0), AtMost(1)] = 0.0
    min_metre: float | None = None
    min_known: Annotated[float, AtLeast(0), AtMost(1)] = 0.0
    max_repeated: Annotated[float, AtLeast(0), AtMost(1)] = 1.0
    max_copied: Annotated[float | None, AtLeast(0), AtMost(1)] = None
    corpus: Annotated[str | None, "CORPUS"] = None
    tries: Annotated[int, AtLeast(1)] = 100
    dtype: Literal["float32", "int8", "bfloat16"] = "float32"
    engine: Literal["auto", "lite", "xla"] = "auto"
    strategy: Strategy = "auto"
    tpu: Annotated[str | None, "NAME"] = None
    verify: bool = False
    out: Annotated[str | None, "FILE.txt|FILE.jsonl"] = None
    score: Annotated[str | None, "FILE"] = None

    def __post_init__(self) -> None:
        flags.check_flags(self)
        self._check_values()
        self._check_workers()
        self._check_what_excludes()

    def _check_values(self) -> None:
        """Checks each flag by itself, where its type cannot."""
        from gpt2.jobs import sample_file  # here and below, so that --help does not wait for it
        from poems.prompts import MOST

        for name in COUNTS:
            if (getattr(self, name) or 0) > MOST:
                raise UserError(f"--{name} is {getattr(self, name)}, expected at most {MOST}")
        for name, text in {"prompt": self.prompt, "stop": self.stop, **self.description}.items():
            try:
                text.encode()
            except UnicodeEncodeError:
                raise UserError(f"--{name} is {text!r}, expected text in UTF-8") from None
        self.filters()  # which checks its own
        if self.out is not None:
            sample_file.check_path(self.out)

    def _check_workers(self) -> None:
        """Checks what several workers need to agree."""
        if not self.is_multi_worker:
            return
        from gpt2.distributed import workers

        _, n_workers = workers.find_worker()
        if self.out is None or self.interactive or self.score is not None:
            raise UserError(f"{n_workers} workers meet in a file alone; name it with --out, or take --strategy one")
        if self.seed is None:
            raise UserError(
                "--seed is missing, and each worker would draw another; give all the same, such as --seed 1"
            )
        if self.nsamples == 0:
            raise UserError("--nsamples 0 never ends, and workers join their samples at the end; say how many")

    def _check_what_excludes(self) -> None:
        """Checks flags that exclude each other."""
        from gpt2.sampling import engines

        engines.check_engine(self.engine, self.dtype, self.strategy, self.tpu)
        has_prompt = bool(self.prompt or self.prompt_file or self.prompts)
        if self.interactive and has_prompt:
            raise UserError("--interactive asks for prompts, so it goes without them")
        if self.score is not None and (self.interactive or self.out or has_prompt):
            raise UserError("--score scores the text of its file, so it goes without prompts, --interactive and --out")
        for first, second in (("prompts", "prompt"), ("prompts", "prompt_file"), ("prompt", "prompt_file")):
            if getattr(self, first) and getattr(self, second):
                raise UserError(f"--{first} and --{second} are both given, expected one of them")
        ending = next((name for name in ("length", "stop", "lines", "stanzas") if getattr(self, name)), None)
        if self.has_form and ending:
            raise UserError(f"--{ending} is given with a form, which says itself where a poem ends; leave one out")
        if self.forms is not None and not self.form:
            raise UserError("--forms is given without --form, which names one of its forms; add it")
        if self.dictionary is not None and not self.has_form:
            raise UserError("--dictionary is given without a form, whose words it has; add one, such as --form haiku")
        if self.has_limits and self.best_of > 1:
            raise UserError("--best_of is given with limits such as --min_rhyme, expected one of them")
        if self.corpus is not None and self.max_copied is None:
            raise UserError("--corpus is given without --max_copied, the share of copied words to allow; add it")
        if self.prompts is not None and self.nsamples == 0:
            raise UserError("--nsamples 0 never comes to the second of --prompts; say how many of each")
        if self.restore_from is not None and self.run_name is not None:
            raise UserError("--restore_from and --run_name are both given, expected one of them")

    @property
    def is_multi_worker(self) -> bool:
        """Whether several processes write the samples."""
        from gpt2.distributed import workers

        return not self.tpu and workers.is_multi_worker(self.strategy)

    def filters(self) -> "Filters":
        """How the next token is drawn.

        Raises:
          UserError: a setting out of its range.
        """
        from gpt2.sampling.filters import Filters

        values = {field.name: getattr(self, field.name) for field in dataclasses.fields(Filters)}
        if self.top_k is None:  # With it the particles of a form drift to ever commoner words.
            values["top_k"] = 0 if self.has_form else TOP_K
        return Filters(**values)

    @property
    def has_form(self) -> bool:
        """Whether the samples are to have a form."""
        return bool(self.form or self.scheme or self.metre or self.syllables)

    @property
    def has_limits(self) -> bool:
        """Whether texts are dropped that are not as they should be."""
        return any(getattr(self, name) != getattr(type(self), name) for name in LIMITS)

    def limits(self) -> "Limits | None":
        """What a text must be to be kept; None to keep all."""
        from poetics.curating.sieve import Limits

        if not self.has_limits:
            return None
        values: dict = {name: value for name in LIMITS if (value := getattr(self, name)) is not None}
        return Limits(min_lines=1, open_ends=True, **values)

    def form_asked(self) -> "Form | None":
        """The form of the samples; None for none.

        Raises:
          UserError: no such form.
        """
        from poetics.forms.form import find_form

        if not self.has_form:
            return None
        return find_form(self.form, self.scheme, metre=self.metre, syllables=self.syllables, path=self.forms)

    @property
    def description(self) -> dict[str, str]:
        """What describes the poem, for its prefix; empty texts for what is not known."""
        return {"author": self.author, "title": self.title, "tags": self.tags, "book": self.book}
