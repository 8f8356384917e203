"""Which engine writes: LiteRT on a CPU, without TensorFlow once its file is made; XLA for GPUs, a TPU and the rest."""

import atexit
import concurrent.futures
import glob
import logging
import os

from gpt2.distributed.workers import STRATEGIES
from gpt2.hparams import find_hparams
from system import process, tensorflow_start
from system.errors import UserError

logger = logging.getLogger("gpt2")

ENGINES = ("auto", "lite", "xla")
LITE_DTYPES = ("float32", "int8")
SLOW_TO_READ = 2**28  # Bytes of weights from which on reading them takes more of a step than all else, so guesses pay.


def open_engine(
    prefix: str,
    model_folder: str,
    dtype: str,
    rows: int,
    name: str,
    strategy: str = "auto",
    tpu: str | None = None,
):
    """A `LiteEngine` or a `SpreadEngine` with the weights of a checkpoint, for so many texts at a time.

    Args:
      model_folder: whose `hparams.json` to use where there is none beside the weights.
      name: lite, xla, or auto for the one that is faster here.
      strategy, tpu: which devices of this process write, see `strategy.find_devices`; LiteRT has the CPU as one.
    Raises:
      FileNotFoundError, ValueError: what `load_model` raises; a dtype that the engine, or an engine that the strategy
        does not have; no such TPU.
    """
    check_engine(name, dtype, strategy, tpu)
    accelerated = name == "auto" and dtype == "float32" and has_accelerator()
    if name == "xla" or dtype not in LITE_DTYPES or is_xla_only(strategy, tpu) or accelerated:
        return _open_xla(prefix, model_folder, dtype, rows, strategy, tpu)
    try:
        return _open_lite(prefix, model_folder, dtype, rows)
    except (ImportError, RuntimeError) as error:
        if name == "lite" or dtype == "int8":
            raise UserError(f"{prefix}: LiteRT cannot hold it ({error}); sample with --engine xla") from error
        logger.info(f"LiteRT cannot hold {prefix} ({error}), so XLA writes, more slowly")
        return _open_xla(prefix, model_folder, dtype, rows, strategy, tpu)


def check_engine(name: str, dtype: str, strategy: str = "auto", tpu: str | None = None) -> None:
    """Raises a ValueError for what there is not, and what does not go together."""
    if name not in ENGINES:
        raise UserError(f"--engine is {name}, expected {', '.join(ENGINES)}")
    if dtype not in (*LITE_DTYPES, "bfloat16"):
        raise UserError(f"--dtype is {dtype}, expected float32, bfloat16 or int8")
    if (name, dtype) in (("xla", "int8"), ("lite", "bfloat16")):
        raise UserError(f"--engine {name} has no {dtype}, expected {'lite' if name == 'xla' else 'xla'}")
    if strategy not in STRATEGIES:
        raise UserError(f"--strategy is {strategy}, expected {' or '.join(STRATEGIES)}")
    if tpu and strategy not in ("auto", "tpu"):
        raise UserError(f"--tpu {tpu} is given with --strategy {strategy}, expected tpu")
    if is_xla_only(strategy, tpu) and (name == "lite" or dtype == "int8"):
        lite = "--engine lite" if name == "lite" else "--dtype int8"
        raise UserError(f"{lite} is for a CPU as one device, not for --strategy {'tpu' if tpu else strategy}")


def is_xla_only(strategy: str, tpu: str | None) -> bool:
    """Whether the devices are ones that LiteRT does not know."""
    return bool(tpu) or strategy in ("mirrored", "tpu")


def has_accelerator() -> bool:
    """Whether there is a GPU or a TPU that TensorFlow uses; where there is no sign of any, told without TensorFlow."""
    if glob.glob("/dev/accel*") or os.environ.get("TPU_NAME"):
        return True
    if os.environ.get("CUDA_VISIBLE_DEVICES") in ("", "-1") or not glob.glob("/dev/nvidia[0-9]*"):
        return False
    tensorflow_start.start_tensorflow()
    import tensorflow as tf

    return bool(tf.config.list_physical_devices("GPU"))


def _open_lite(prefix, model_folder, dtype, rows):
    from gpt2.lite.lite_engine import LiteEngine

    hparams = find_hparams(prefix, model_folder)
    guesses = dtype == "float32" and rows == 1 and 4 * hparams.n_params >= SLOW_TO_READ
    paths = _lite_files(prefix, hparams, [dtype, "int8"] if guesses else [dtype])
    # LiteRT's libraries tell the terminal of their end, when Python has nothing more to say to it.
    atexit.register(process.silence, 2)
    with tensorflow_start.tensorflow_start_up_held():
        return LiteEngine(paths[dtype], hparams, dtype, rows, paths["int8"] if guesses else None)


def _lite_files(prefix, hparams, dtypes):
    """The path of the file in each dtype, made where there is none; None where one after the first cannot be."""
    from gpt2.lite import tflite_file

    paths = {dtype: tflite_file.find_file(prefix, hparams, dtype) for dtype in dtypes}
    missing = [dtype for dtype in dtypes if paths[dtype] is None]
    if not missing:
        return paths
    logger.info(f"the first time, {prefix} is written again as LiteRT reads it")
    tensorflow_start.start_tensorflow()
    with concurrent.futures.ThreadPoolExecutor() as pool:
        made = {dtype: pool.submit(tflite_file.make_file, prefix, hparams, dtype) for dtype in missing}
    for dtype, future in made.items():
        try:
            paths[dtype] = future.result()
        except OSError as error:
            if dtype == dtypes[0]:
                raise
            logger.info(f"{error}; without it one text at a time is written more slowly")
    return paths


def _open_xla(prefix, model_folder, dtype, rows, strategy, tpu):
    tensorflow_start.start_tensorflow()
    from gpt2.checkpoint import load_model
    from gpt2.distributed.strategy import find_devices
    from gpt2.sampling.multi_device import MultiDeviceEngine

    return MultiDeviceEngine(lambda: load_model(prefix, model_folder, dtype), find_devices(strategy, tpu), rows)
