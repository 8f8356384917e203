"""The model, the optimizer and the state that training begins or goes on with, out of the flags of train.py."""

import logging

from gpt2 import checkpoint
from gpt2.hparams import find_hparams, read_hparams
from gpt2.model import GPT2, fresh_weights
from gpt2.runs import saves, settings
from gpt2.training.optimizers import OPTIMIZERS
from system.errors import UserError

logger = logging.getLogger("gpt2")


def load(flags, weights: str | None, model_folder: str, save: str | None):
    """The state to train on from, the optimizer that goes with it, and the names of the weights that it trains.

    Where the last save is damaged, it is the one before it.
    """
    if save:
        find_hparams(save, model_folder)  # If they are damaged, no save is to blame.
    for prefix in saves.good_saves(save) if save else ():
        try:
            return load_from(flags, prefix, model_folder, True)
        except (ValueError, OSError) as error:
            logger.info(f"{str(error).partition(';')[0]}; looking for a save before it")
    if save:
        raise UserError(f"{save}: no good save is left in this run; begin another with --run_name NAME")
    return load_from(flags, weights, model_folder, False)


def load_from(flags, weights: str | None, model_folder: str, is_save: bool):
    """The same from certain weights, None for random ones, which may be those of a save."""
    dtypes = settings.DTYPES[flags.dtype]
    if weights is None:
        model = GPT2(read_hparams(model_folder), fresh_weights(flags.seed), *dtypes)
    else:
        model = checkpoint.load_model(weights, model_folder, *dtypes)
    model.recompute = flags.memory_saving_gradients
    kwargs = {"weight_decay": flags.weight_decay} if flags.optimizer in ("adamw", "muon") else {}
    trained = [name for name in model.weights if "/h" in name or not flags.only_train_transformer_layers]
    optimizer = OPTIMIZERS[flags.optimizer]({name: model.weights[name] for name in trained}, seed=flags.seed, **kwargs)
    state = saves.State(model, optimizer.slots)
    if weights and is_save and not saves.restore_state(weights, state):
        logger.info(f"{weights} has no state of an optimizer, so that begins anew")
    return state, optimizer, trained
