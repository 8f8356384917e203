"""What a run starts from, found by names and paths alone: nothing here starts TensorFlow."""

from gpt2 import checkpoint_paths
from system.errors import UserError


def why_over(flags, folder: str, step: int, steps: int | None) -> str | None:
    """Why there is nothing to train, if so."""
    from gpt2.runs import log as watch
    from gpt2.runs.log import read_log

    records = [record for record in read_log(folder) if record["step"] <= step]
    if steps is not None and step >= steps:
        more = "steps" if flags.epochs is None else "epochs"
        return f"{folder} is at step {step} already; to go on, give more --{more}"
    if watch.is_stale(records, flags.patience):
        return f"{folder} has not got better for {flags.patience} validations; to go on, give more --patience"
    return None


def find_start(flags, save: str | None) -> tuple[str | None, str]:
    """Where training starts: the prefix of the weights, None for random ones; and the folder of the vocabulary.

    Raises:
      FileNotFoundError: the weights, or their vocabulary, are not there.
    """
    from system import model_folders

    if save is None and flags.restore_from == "scratch":
        return None, model_folders.model_folder(flags.model_name, flags.models_dir)
    if save:
        prefix = save
    elif flags.restore_from in ("latest", "fresh"):
        prefix = checkpoint_paths.find_prefix(model_folders.model_folder(flags.model_name, flags.models_dir))
    else:
        prefix = checkpoint_paths.find_prefix(flags.restore_from)
    return prefix, checkpoint_paths.vocabulary_of(prefix, flags.model_name, flags.models_dir)


def sizes_of(flags, given: dict, folder: str):
    """The sizes of the model that the flags name, or else of the run in this folder; OpenAI's need not be here."""
    from gpt2.hparams import MODELS, find_hparams, read_hparams
    from system import model_folders

    if given["model_name"] is None and (save := checkpoint_paths.last_save(folder)):
        return find_hparams(save, checkpoint_paths.vocabulary_of(save, flags.model_name, flags.models_dir))
    if flags.restore_from not in ("latest", "fresh", "scratch"):
        return find_hparams(checkpoint_paths.find_prefix(flags.restore_from))
    name = flags.model_name
    known = MODELS.get(name) or MODELS.get(model_folders.OTHER_NAMES.get(name, name))
    return known or read_hparams(model_folders.model_folder(name, flags.models_dir))


def check_n_ctx(flags, hparams) -> None:
    """Raises a ValueError for windows that the model has no positions for."""
    if flags.n_ctx and flags.n_ctx > hparams.n_ctx:
        raise UserError(f"--n_ctx is {flags.n_ctx}, expected at most {hparams.n_ctx}, that of the model")
