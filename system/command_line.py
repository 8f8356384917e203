"""Flags as the scripts take them: checked before any work starts, text kept letter for letter, errors in one line.

`fire` calls the function and writes its help. By itself it calls first and complains after, and reads text as
Python (`1984`, `None`, `a#b`), so the arguments are checked here and handed on in a form it cannot misread.
"""

import difflib
import inspect
import math
import os
import re
import sys
import types
import typing

import fire
from fire import decorators, helptext, trace

from system import console, process, tensorflow_start
from system.errors import UserError

PROJECT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
HELP = ["--help"]
BOOLS = {"True": True, "true": True, "False": False, "false": False}


def run(main) -> None:
    """Calls `main` with the flags of the command line and exits: 1 after an error, 2 after a wrong flag.

    The annotations of `main` say what each flag takes: str, int, float or bool, or one of them `| None`.
    A `UserError` or an OSError is a message to the user, in one line; any other ValueError is a bug and keeps its
    traceback.
    """
    name = os.path.basename(sys.argv[0])
    process.open_closed_streams()
    console.show_messages(name)
    try:
        arguments = spell_out(sys.argv[1:], main)
    except UserError as error:
        _complain(name, error, status=2)
    try:
        if arguments == HELP:
            print(helptext.HelpText(main, trace=trace.FireTrace(main, name=name)), flush=True)
        else:
            _call(main, arguments, name)
    except BrokenPipeError:
        process.silence(1)  # `| head` has enough.
        sys.exit(141)
    except (UserError, OSError) as error:
        _complain(name, error, status=1)
    except KeyboardInterrupt:
        sys.exit(130)
    except MemoryError as error:
        lower = " or ".join(f"--{flag}" for flag in ("batch_size", "length") if flag in flags(main))
        _complain(name, f"not enough memory ({error})" + (f"; lower {lower}" if lower else ""), status=1)
    except Exception as error:
        tensorflow = sys.modules.get("tensorflow")
        if not (tensorflow and isinstance(error, tensorflow.errors.OpError)):
            raise
        _complain(name, error, status=1)  # A full memory, a remote file system that refuses.


def _call(main, arguments, name):
    decorators.SetParseFn(str)(main)
    if any(re.match(r"(--\w+=)?(?!https?:)\w+://", argument) for argument in arguments):
        tensorflow_start.start_tensorflow(look_for_devices=False)  # Quietly, before its file systems import it.
    parsers = {flag: lambda text, flag=flag, kind=kind: parse(flag, text, kind) for flag, kind in flags(main).items()}
    decorators.SetParseFns(**parsers)(main)
    fire.Fire(main, command=arguments, name=name)


def flags(main) -> dict[str, type]:
    """The flags of a script's function and the type that each takes, from its annotations."""
    hints = typing.get_type_hints(main)
    found = {}
    for parameter in inspect.signature(main).parameters.values():
        if parameter.kind is not inspect.Parameter.VAR_POSITIONAL:
            kind = hints[parameter.name]
            if isinstance(kind, types.UnionType):
                kind = next(kind for kind in typing.get_args(kind) if kind is not type(None))
            found[parameter.name] = kind
    return found


def spell_out(arguments: list[str], main) -> list[str]:
    """Each flag as `--name=value`, checked against the signature of `main`; `HELP`, if that is asked for.

    `--help` or `-h` where a value of text is expected is that value.

    Raises:
      ValueError: an unknown flag, a flag without its value, a value of the wrong type, an argument too many.
    """
    kinds = flags(main)
    takes_arguments = any(p.kind is p.VAR_POSITIONAL for p in inspect.signature(main).parameters.values())
    spelt, rest = [], list(arguments)
    while rest:
        argument = rest.pop(0)
        if argument in ("--help", "-h"):
            return HELP
        if not argument.startswith("-"):
            if not takes_arguments:
                raise UserError(f"unexpected argument {argument!r}; a flag is written --name value, see --help")
            spelt.append(argument)
            continue
        flag, equals, value = argument.lstrip("-").partition("=")
        flag = flag.replace("-", "_")
        if flag not in kinds and not equals and kinds.get(flag.removeprefix("no")) is bool:
            flag, equals, value = flag.removeprefix("no"), "=", "False"
        if len(flag) == 1:
            flag = _in_full(flag, kinds)
        if flag not in kinds:
            raise UserError(f"unknown flag {argument.partition('=')[0]}; {_suggestion(flag, kinds)}")
        if not equals and kinds[flag] is bool:
            value = rest.pop(0) if rest and rest[0] in BOOLS else "True"
        elif not equals:
            if not rest or _is_flag(rest[0], kinds):
                found = f"found the flag {rest[0]}; if that is its value: --{flag}={rest[0]}" if rest else ""
                raise UserError(f"--{flag} has no value, expected one of type {kinds[flag].__name__} {found}".strip())
            value = rest.pop(0)
        parse(flag, value, kinds[flag])
        spelt.append(f"--{flag}={value}")
    return spelt


def parse(flag: str, text: str, kind: type):
    """The value of a flag: text as it stands, numbers and truth values strictly.

    Raises:
      ValueError: the text is not of that type.
    """
    try:
        value = BOOLS[text] if kind is bool else kind(text)
        if kind is float and not math.isfinite(value):
            raise ValueError
        return value
    except (KeyError, ValueError):
        raise UserError(f"--{flag} is {text!r}, expected a value of type {kind.__name__}") from None


def _is_flag(text: str, kinds) -> bool:
    return text.startswith("--") and text[2:].partition("=")[0].replace("-", "_") in kinds


def _in_full(letter: str, kinds) -> str:
    """The one flag that begins with this letter, as fire's help offers it; the letter itself when there are several."""
    matches = [kind for kind in kinds if kind.startswith(letter)]
    return matches[0] if len(matches) == 1 else letter


def _suggestion(flag: str, kinds) -> str:
    near = difflib.get_close_matches(flag, kinds, n=1)
    return f"did you mean --{near[0]}?" if near else f"the flags are {', '.join('--' + kind for kind in kinds)}"


def _complain(name: str, error: BaseException | str, status: int) -> typing.NoReturn:
    text = re.sub(r"\{\{.*?\}\}\s*", "", str(error))  # TensorFlow's note on the operation that failed
    print(f"{name}: {' '.join(text.split())}", file=sys.stderr)
    sys.exit(status)
