"""A conversation: asks for prompts, writes after each, changes settings in between and keeps what the user likes."""

import contextlib
import dataclasses
import json
import logging
import os
import sys
from collections.abc import Iterable, Iterator, Sequence

from gpt2.jobs import terminal
from gpt2.jobs.job import Job, Prompts, settings_of
from gpt2.jobs.poet import Poet
from gpt2.jobs.request import Request
from gpt2.jobs.sample_file import Fields, add, header
from poems import prompts
from system import files
from system.errors import UserError
from system.flags import flags_of

logger = logging.getLogger("gpt2")

KEPT = "kept.txt"
HISTORY = 1000  # lines that the next conversation remembers
ABOUT = ("author", "title", "tags", "book")
HOW_MUCH = ("lines", "stanzas", "length", "stop", "nsamples", "best_of", "by")
FORM = ("form", "scheme", "metre", "syllables")
WHICH_WORDS = ("temperature", "top_k", "top_p", "min_p", "typical", "repetition_penalty", "no_repeat", "seed")
SETTINGS = (*ABOUT, *HOW_MUCH, *FORM, *WHICH_WORDS)
COMMANDS = ("help", "settings", "keep", "quit", *SETTINGS)

HELP = f"""\
A line is a prompt, and verse that continues it is written; an empty line asks for a poem from nothing.
  \\ at the end of a line    the prompt has another line
  //                        a prompt that begins with /
  /author Emily Dickinson   whose verse; a setting without a value, /author, takes its default again
  /form sonnet              fourteen lines that rhyme; /form takes it back
  /temperature 0.8          below 1 calmer, above 1 wilder
  /seed 7                   the next samples are those of this seed, from number 1 on
  /keep, /keep 3            adds the last sample, or number 3, to the file of what you like
  /settings                 shows what is set
  /quit, or Ctrl-D          ends the conversation; Ctrl-C ends a sample
The arrows move in a line and bring earlier lines back; the tabulator completes commands and names.
Settings, which mean what the flags of sample.py mean:
  {" ".join(f"/{name}" for name in ABOUT)}
  {" ".join(f"/{name}" for name in HOW_MUCH)}
  {" ".join(f"/{name}" for name in FORM)}
  {" ".join(f"/{name}" for name in WHICH_WORDS)}"""


@dataclasses.dataclass
class Conversation:
    """What is set now, and what was written.

    Attributes:
      request: the flags, with all changes; its seed is set.
      kept: the file of what the user likes.
      number: that of the next sample.
      written: the samples so far, as an object each, by their numbers; those of an earlier seed are forgotten.
    """

    request: Request
    poet: Poet
    kept: str = KEPT
    number: int = 1
    written: dict[int, Fields] = dataclasses.field(default_factory=dict)

    def answer(self, text: str) -> None:
        """Writes the samples that continue a prompt.

        Raises:
          UserError: the prompt cannot be continued.
        """
        request = dataclasses.replace(self.request, prompt=text)
        job = Job.of(request, self.poet.enc, self.poet.source)
        job = dataclasses.replace(job, prompts=Prompts(job.prompts.prompts, first=self.number))
        self.number += job.prompts.total or 0
        for sample, prompt in terminal.show_samples(job, self.poet.engine(job)):
            place: Fields = {"seed": job.rules.seed, "number": sample.number}
            written: Fields = {"prompt": prompt.text, "text": job.text(sample, prompt)}
            self.written[sample.number] = place | written | {"settings": settings_of(request, job, self.poet.source)}

    def obey(self, command: str, value: str) -> None:
        """Does what a command asks for.

        Raises:
          UserError: there is no such command, or its value is none.
        """
        if command == "help":
            print(HELP, flush=True)
        elif command == "settings":
            print("\n".join(self.settings()), flush=True)
        elif command == "keep":
            self.keep(value)
        elif command in SETTINGS:
            self.change(command, value)
        else:
            raise UserError(f"/{command} is no command, expected one of those in /help; // begins a prompt with /")

    def settings(self) -> Iterator[str]:
        """A line for each setting that is not its default, and for the seed."""
        for name, flag in flags_of(Request).items():
            value = getattr(self.request, name)
            if name in SETTINGS and value != flag.default:
                yield f"/{name} {value}"

    def change(self, name: str, value: str) -> None:
        """Sets a flag to a value, or to its default if the value is empty; a new seed counts from sample 1 on.

        Raises:
          UserError: the flag does not take the value, or not with this model.
        """
        flag = flags_of(Request)[name]
        changes: dict = {name: flag.parse(value) if value else flag.default}
        changed = dataclasses.replace(self.request, **changes)
        job = Job.of(changed, self.poet.enc, self.poet.source)  # checks the value, and draws a seed where there is none
        self.request = dataclasses.replace(changed, seed=job.rules.seed)
        if name in ABOUT:
            job.tell_strangers(self.poet.source.names)
        if name == "seed":
            self.number, self.written = 1, {}

    def keep(self, value: str) -> None:
        """Adds a sample to the file of what the user likes: that of a number, or the last.

        Raises:
          UserError: no such sample was written.
        """
        number = next((n for n in self.written if str(n) == value), None) if value else max(self.written, default=None)
        if number is None:
            known = f"expected up to {max(self.written)}" if self.written else "nothing was written yet"
            raise UserError(f"/keep {value}: no such sample, {known}" if value else f"/keep: {known}")
        path, sample = self.kept, self.written[number]
        as_json = path.endswith(".jsonl")
        line = (
            json.dumps(sample, ensure_ascii=False) if as_json else f"{header(number)}{sample['prompt']}{sample['text']}"
        )
        with files.open_file(path, "ab") as file:
            add(file, path, f"{line}\n".encode())
        logger.info(f"sample {number} is kept in {path}")


def converse(poet: Poet) -> None:
    """Asks for prompts and commands until there are no more, and numbers the samples through all of them."""
    request, source = poet.request, poet.source
    settled = dataclasses.replace(request, interactive=False, out=None, nsamples=request.nsamples or 1)
    job = Job.of(settled, poet.enc, source)
    job.tell_strangers(source.names)
    settled = dataclasses.replace(settled, seed=job.rules.seed)
    poet.engine(job)  # now, so that the first prompt need not wait
    conversation = Conversation(settled, poet, request.out or KEPT)
    logger.info("a line of verse, or an empty line, and Enter; /help shows the rest, Ctrl-D ends")
    values = [f"{field} {name}" for field, counts in source.names.items() for name in counts]
    with remembered_lines([f"/{line}" for line in (*COMMANDS, *values)]):
        while True:
            try:
                text = ask()
                if text is None or text.split() in (["/quit"], ["/exit"]):
                    return
                if text.startswith("/") and not text.startswith("//"):
                    command, _, value = text[1:].partition(" ")
                    conversation.obey(command.strip(), value.strip())
                else:
                    conversation.answer(text.removeprefix("/"))
            except (UserError, OSError) as error:
                logger.info(str(error))
            except KeyboardInterrupt:
                print(flush=True)


def ask() -> str | None:
    """A prompt from the terminal, or standard input; None at its end.

    Raises:
      UserError: a line of it is not UTF-8.
    """
    lines: list[str] = []
    while not lines or lines[-1].endswith("\\"):
        if lines:
            lines[-1] = lines[-1].removesuffix("\\")
        line = read_line("... " if lines else "> ")
        if line is None:
            return "\n".join(lines) if lines else None
        lines.append(line)
    return "\n".join(lines)


def read_line(mark: str) -> str | None:
    """A line from the terminal, after a mark, or from standard input; None at its end."""
    if sys.stdin.isatty():
        try:
            return input(mark)
        except EOFError:
            print(flush=True)
            return None
        except UnicodeDecodeError as error:
            raise UserError(f"the terminal: byte {error.start} is not UTF-8; give the text as UTF-8") from None
    raw = sys.stdin.buffer.readline()
    return prompts.decode(raw, "standard input").removesuffix("\n") if raw else None


@contextlib.contextmanager
def remembered_lines(known: Sequence[str]) -> Iterator[None]:
    """Makes lines editable, and brings back those of earlier conversations, where the terminal and Python can.

    Args:
      known: lines that the tabulator completes.
    """
    try:
        import readline  # Windows has none: its console edits lines itself.
    except ImportError:
        readline = None  # type: ignore[assignment]
    if readline is None or not sys.stdin.isatty():
        yield
        return
    path = os.path.join(files.cache_folder(), "prompts.history")
    readline.set_completer_delims("")
    readline.set_completer(lambda line, n: dict(enumerate(completions(line, known))).get(n))
    readline.parse_and_bind("bind ^I rl_complete" if "libedit" in (readline.__doc__ or "") else "tab: complete")
    with contextlib.suppress(OSError):
        readline.read_history_file(path)
    try:
        yield
    finally:
        with contextlib.suppress(OSError):  # A history that cannot be kept ends nothing.
            files.make_folder(files.cache_folder())
            readline.set_history_length(HISTORY)
            readline.write_history_file(path)


def completions(line: str, known: Iterable[str]) -> list[str]:
    """The known lines that begin as a command that is being typed."""
    return [other for other in known if line.startswith("/") and other.startswith(line)]
