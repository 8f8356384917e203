"""Where weights lie, and whose vocabulary goes with them; told without TensorFlow, before anything slow begins."""

import hashlib
import logging
import os
import re
from collections.abc import Iterable

from system import files, model_folders
from system.errors import UserError

logger = logging.getLogger("gpt2")

NO_NAME = re.compile(r"[/\\*?\[\]{}]")  # of paths, or of the patterns that TensorFlow takes paths for


def check_name(name: str, flag: str) -> None:
    """Raises a UserError for the name of a run or a model that is not plainly the name of one folder.

    Such names have slashes or signs of patterns, line ends or other signs that print nothing, or are `.` or `..`.
    """
    if not name or NO_NAME.search(name) or not name.isprintable() or name != name.strip() or set(name) == {"."}:
        raise UserError(f"{flag} is {name!r}, expected a name without / \\ * ? [ ] {{ }}, in one line")


def find_prefix(path: str, pointer: str = "checkpoint", whole: bool = True) -> str:
    """The prefix of the weights in a folder, as its `checkpoint` says; a prefix, with or without `.index`, is its own.

    So is RUN/best, which stands for those of the run that lost least on held-out text.

    Args:
      pointer: the file that names it.
      whole: whether the weights that it names must be there.
    Raises:
      FileNotFoundError: there is none; names those that a folder without `checkpoint` holds.
      ValueError: `checkpoint` is not what TensorFlow writes, or TensorFlow cannot read from such a path.
    """
    check_path(path)
    path = path.removesuffix(".index")
    if files.exists(path + ".index"):
        return path
    folder, name = os.path.split(path)
    if name == "best" and not files.is_folder(path) and files.is_folder(folder or "."):
        return find_prefix(folder or ".", pointer=name)
    if not files.is_folder(path):
        raise FileNotFoundError(f"{path}: no such model folder, and no weights under that prefix ({path}.index)")
    pointer = os.path.join(path, pointer)
    if not files.exists(pointer):
        found = prefixes_in(path)
        none = "the folder holds no weights; train.py --restore_from scratch begins with random ones"
        remedy = f"name one of those in it: {', '.join(found)}" if found else none
        if any(name.endswith(".safetensors") for name in files.list_folder(path)):
            remedy = f"a Hugging Face folder, expected OpenAI's layout; convert it: python models/convert.py {path} NEW"
        raise FileNotFoundError(f"{pointer}: no such file; {remedy}")
    with files.open_file(pointer) as file:
        text = file.read().decode(errors="replace")
    if not text:
        raise FileNotFoundError(f"{pointer}: empty, since this run has saved nothing yet; train on")
    named = re.search(r'^model_checkpoint_path: "(.*)"', text, re.MULTILINE)
    if not named:
        raise UserError(f'{pointer}: expected a line model_checkpoint_path: "PREFIX", found none; write one')
    # An absolute path is that of the machine it was trained on; the files lie beside `checkpoint` all the same.
    prefix = os.path.join(path, _last_part(named[1]))
    if whole and not files.exists(prefix + ".index"):
        raise FileNotFoundError(f"{prefix}.index: no such file, though {pointer} names it")
    return prefix


def check_path(path: str) -> None:
    """Raises a ValueError for no path, or one that TensorFlow takes for a pattern when it reads weights."""
    if not path:
        raise UserError("a path is empty, expected that of a folder or of weights")
    if found := re.search(r"[*?\[\]{}]", path):
        raise UserError(f"{path}: holds {found[0]}, expected a path without * ? [ ] {{ }}; rename the folder")


def listed_in(folder: str, pointer: str = "checkpoint") -> list[str]:
    """The names of the bundles that `checkpoint` lists and that are there, the oldest first; none without that file."""
    path = os.path.join(folder, pointer)
    if not files.exists(path):
        return []
    with files.open_file(path) as file:
        paths = re.findall(r'^all_model_checkpoint_paths: "(.*)"', file.read().decode(errors="replace"), re.MULTILINE)
    return [name for name in map(_last_part, paths) if files.exists(os.path.join(folder, name) + ".index")]


def _last_part(path: str) -> str:
    return re.split(r"[/\\]", path)[-1]


def prefixes_in(folder: str) -> list[str]:
    """The prefixes of all weights in a folder, also of those that do not count."""
    names = sorted(files.list_folder(folder)) if files.is_folder(folder) else []
    weights = [name for name in names if name.endswith(".index") and not name.startswith("state-")]
    return [os.path.join(folder, name.removesuffix(".index")) for name in weights]


def last_save(folder: str) -> str | None:
    """The prefix that a run resumes from, if it is still there; None where nothing has been saved yet.

    Args:
    Raises:
      FileNotFoundError: saves are there and no `checkpoint` says which counts.
      ValueError: `checkpoint` is not what TensorFlow writes, and no save is there.
    """
    check_path(folder)
    pointer = os.path.join(folder, "checkpoint")
    if not files.exists(pointer):
        return find_prefix(folder) if prefixes_in(folder) else None
    states = steps_in(folder, "state")
    with files.open_file(pointer) as file:
        is_empty = not file.read()
    if is_empty and len(states) < 2:
        return None  # Not even the first save has come to its end.
    try:
        return find_prefix(folder, whole=False)
    except (FileNotFoundError, ValueError):
        if not states:
            raise
    newest = os.path.join(folder, f"model-{states[-1]}")
    logger.info(f"{pointer}: damaged, so {newest} counts, the newest save")
    return newest


def steps_in(folder: str, kind: str) -> list[int]:
    """The steps of the saves that a folder holds, the lowest first."""
    names = [name for name in files.list_folder(folder) if re.fullmatch(rf"{re.escape(kind)}-\d+\.index", name)]
    return sorted(step_of(name.removesuffix(".index")) for name in names)


def step_of(prefix: str) -> int:
    """The step at which weights were saved, by their name; 0 where it tells none."""
    found = re.search(r"-(\d+)$", prefix)
    return int(found[1]) if found else 0


def vocabulary_of(prefix: str, model_name: str, models_dir: str) -> str:
    """The folder of the vocabulary of these weights: their own, or that of the model, for the runs of 2019 have none.

    Raises:
      FileNotFoundError: neither is there.
    """
    beside = os.path.dirname(prefix) or "."
    if files.exists(os.path.join(beside, "encoder.json")):
        return beside
    return model_folders.model_folder(model_name, models_dir)


def hash_of(prefix: str) -> str:
    """What tells these weights from others: the index holds a checksum of every tensor."""
    with files.open_file(f"{prefix}.index") as file:
        return hashlib.sha256(file.read()).hexdigest()[:16]


def write_pointer(
    folder: str, prefix: str, pointer: str = "checkpoint", others: Iterable[str] = (), note: str = ""
) -> None:
    """Makes the bundle of this name the one that counts in the folder, by one rename.

    Args:
      others: the names of older bundles that are listed, as TensorFlow does it.
      note: a line for readers of the file.
    """
    listed = "".join(f'all_model_checkpoint_paths: "{name}"\n' for name in (*others, prefix))
    text = f'model_checkpoint_path: "{prefix}"\n{listed}' + (f"# {note}\n" if note else "")
    files.write_file(os.path.join(folder, pointer), text.encode())
