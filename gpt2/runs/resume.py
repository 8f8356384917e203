"""What a resumed run has from the command that began it, and what has changed since."""

import dataclasses
import os

from gpt2 import checkpoint_paths
from gpt2.runs.settings import Settings, recipe, with_defaults
from system import files, model_folders
from system.errors import UserError


def read_settings(folder: str) -> dict:
    """The settings of the run as they were noted last; empty for a run of another tool."""
    path = os.path.join(folder, "settings.json")
    if not files.exists(path):
        return {}
    try:
        return files.read_json(path, "the settings of a run", "remove it")
    except UserError:
        return {}  # They only show what has changed; no run should fail for that.


def resume(settings: Settings) -> tuple[Settings, list[str]]:
    """The settings with which a run is resumed, and a line for each that has changed.

    Where a run started from stays as it was, so that the command that began it also resumes it.

    Raises:
      UserError: a flag asks for another start, another model or another optimizer than the run has.
    """
    folder, before = settings.folder, read_settings(settings.folder)
    began = before.get("restore_from")  # not known of a run of another tool
    began = began if isinstance(began, str) else None
    asks_for_start = "restore_from" in settings.given and settings.restore_from != "latest"
    if asks_for_start and not (began and same_start(settings.restore_from, began)):
        raise UserError(
            f"{folder}: a run that has begun, which --restore_from {settings.restore_from} would overwrite; "
            "resume it with --restore_from latest, or name another --run_name"
        )
    model_name = before.get("model_name", settings.model_name)
    names = (settings.model_name, model_folders.OTHER_NAMES.get(settings.model_name))
    if "model_name" in settings.given and model_name not in names:
        raise UserError(
            f"{folder}: a run of {model_name}, which --model_name {settings.model_name} cannot change; "
            "leave it out, or name another --run_name"
        )
    defaults = recipe(began or "latest", str(model_name))
    settings = with_defaults(settings, {name: before.get(name, value) for name, value in defaults.items()})
    settings = dataclasses.replace(settings, restore_from=began or "latest", model_name=model_name)
    for name in ("optimizer", "only_train_transformer_layers"):
        if before.get(name, getattr(settings, name)) != getattr(settings, name):
            raise UserError(
                f"{folder}: a run with --{name} {before[name]}, whose state does not fit {getattr(settings, name)}; "
                f"start another from its weights: --restore_from {checkpoint_paths.find_prefix(folder)} --run_name NAME"
            )
    changed = [name for name, value in before.items() if settings.as_noted().get(name, value) != value]
    return settings, [f"--{name} was {before[name]}, and is {getattr(settings, name)} now" for name in changed]


def moved(folder: str, here: dict) -> list[str]:
    """A line if a run was computed elsewhere until now, so that its losses may differ in their last digits."""
    before = read_settings(folder).get("machine")
    if not isinstance(before, dict) or before == here:
        return []
    differ = [name for name in here if before.get(name) != here[name]]
    was = ", ".join(f"{name} {before.get(name)}" for name in differ)
    return [f"until now {was}; now {', '.join(f'{name} {here[name]}' for name in differ)}: the last digits may differ"]


def other_data(folder: str, data: dict) -> list[str]:
    """A line if a run was trained on another dataset until now, so that its windows are others."""
    before = read_settings(folder).get("data")
    if not isinstance(before, dict) or before == data:
        return []
    was, now = (f"{about.get('tokens', 0):,} tokens" for about in (before, data))
    return [f"the dataset is not the one of before: it had {was} to train on, and has {now} now"]


def same_start(one: str, other: str) -> bool:
    """Whether two values of --restore_from mean one start for a run that has none yet."""
    one, other = (os.path.normpath("fresh" if start == "latest" else start) for start in (one, other))
    return one.removesuffix(".index") == other.removesuffix(".index")
