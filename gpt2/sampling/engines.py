"""Which engine writes: LiteRT on a CPU, without TensorFlow; XLA on GPUs and TPUs; XLA or NumPy where LiteRT fails."""

import atexit
import concurrent.futures
import dataclasses
import functools
import glob
import importlib.util
import logging
import os
from collections.abc import Iterator
from typing import Literal, Protocol

import numpy as np

from gpt2.distributed.workers import STRATEGIES
from gpt2.hparams import HParams, find_hparams
from gpt2.lite.speculation import Guess
from system import process, tensorflow_start
from system.errors import UserError

logger = logging.getLogger("gpt2")

EngineName = Literal["auto", "lite", "xla"]
Dtype = Literal["float32", "int8", "bfloat16"]
ENGINES = ("auto", "lite", "xla")
LITE_DTYPES = ("float32", "int8")
# What LiteRT raises where it is not installed, cannot open a file, computes something else, or has other functions now.
LITE_ERRORS = (ImportError, RuntimeError, AttributeError, TypeError, ValueError)
SLOW_TO_READ = 2**28  # Bytes of weights from which on reading them takes most of a step, so that guesses pay.


class Engine(Protocol):
    """A model made ready to write several texts at a time, each in a row of its own, numbered from 0.

    Attributes:
      hparams: the sizes of the model.
      rows: how many texts.
    """

    hparams: HParams
    rows: int

    def start(self, rows: list[int], ids: tuple[int, ...]) -> np.ndarray:
        """Lets rows continue these ids, at least 1 and at most n_ctx: the logits float32 [n_vocab] after them."""

    def width(self, n: int, more: int = 0) -> int:
        """How many of n rows to step at once: n, or fewer if that makes more ids a second.

        more: that many others may step too, if that takes no longer.
        """

    def step(self, rows: list[int], tokens: list[int], guess: Guess | None = None) -> np.ndarray:
        """The logits float32 [len(rows), n_vocab] after one more id of each row, good until the next call.

        Args:
          rows: ascending; the text of each has room in the window.
          tokens: an id for each of the rows.
          guess: predicts the ids that follow, for an engine that computes several in one pass; the logits are the
            same with and without.
        """

    def fork(self, rows: list[int], sources: list[int], behind: int = 0) -> None:
        """Lets rows, ascending, take over the texts of others, none of which is among the rows.

        behind: how many of the last ids that a source has stepped are left out.
        """

    def free(self, row: int) -> None:
        """Ends the text of a row, which may be started again."""

    def score(self, ids: tuple[int, ...]) -> Iterator[np.ndarray]:
        """The logits float32 [seq, n_vocab] after each of at most n_ctx ids, in parts, each good until the next."""


@dataclasses.dataclass(frozen=True)
class EngineSpec:
    """Which engine writes, with which weights and on which devices.

    Attributes:
      prefix: the prefix of the checkpoint.
      model_folder: whose `hparams.json` is read if there is none beside the weights.
      dtype: float32; int8, which LiteRT has alone; or bfloat16, which XLA has alone.
      name: lite, xla, or auto for the faster one here.
      strategy, tpu: which devices of this process write, see `strategy.find_devices`; LiteRT has the CPU as one.
      verify: whether to read all of LiteRT's file of the weights before it is used.
    Raises:
      UserError: choices that exclude each other.
    """

    prefix: str
    model_folder: str
    dtype: Dtype = "float32"
    name: EngineName = "auto"
    strategy: str = "auto"
    tpu: str | None = None
    verify: bool = False

    def __post_init__(self) -> None:
        check_engine(self.name, self.dtype, self.strategy, self.tpu)

    def open(self, rows: int, together: int = 1) -> Engine:
        """The engine, for this many texts at a time.

        together: that many rows, one after another, are on one device, so that they can take over from each other.

        Raises:
          FileNotFoundError, UserError: what `load_model` raises; LiteRT alone is wanted and cannot write; no such TPU.
        """
        accelerated = self.name == "auto" and self.dtype == "float32" and has_accelerator()
        if self.name == "xla" or self.dtype == "bfloat16" or is_xla_only(self.strategy, self.tpu) or accelerated:
            return self._open_xla(rows, together)
        try:
            return self._open_lite(rows)
        except UserError:
            raise  # The checkpoint is damaged.
        except LITE_ERRORS as error:
            if self.name == "lite":
                raise UserError(f"{self.prefix}: LiteRT cannot open it ({error}); sample with --engine auto") from error
            has_xla = self.dtype == "float32" and importlib.util.find_spec("tensorflow")
            other = "XLA" if has_xla else "NumPy"
            logger.info(f"LiteRT cannot write from {self.prefix} ({error}), so {other} does, more slowly")
            return self._open_xla(rows, together) if has_xla else self._open_numpy(rows)

    def _open_lite(self, rows: int) -> Engine:
        from gpt2.lite import self_check
        from gpt2.lite.lite_engine import LiteEngine

        hparams = find_hparams(self.prefix, self.model_folder)
        guesses = self.dtype == "float32" and rows == 1 and 4 * hparams.n_params >= SLOW_TO_READ
        path, draft = self._lite_files(hparams, (self.dtype, "int8") if guesses else (self.dtype,))
        # LiteRT's libraries print on the terminal when they end; Python has nothing more to print by then.
        atexit.register(process.silence, 2)
        with tensorflow_start.tensorflow_start_up_held():
            engine = LiteEngine(path, hparams, self.dtype, rows, draft)
            self_check.check(engine, path, self.dtype, self.prefix)
        return engine

    def _open_numpy(self, rows: int) -> Engine:
        """In float32, whichever dtype is wanted."""
        from gpt2.lite.numpy_engine import NumpyEngine

        return NumpyEngine(self.prefix, find_hparams(self.prefix, self.model_folder), rows)

    def _open_xla(self, rows: int, together: int) -> Engine:
        tensorflow_start.start_tensorflow()
        from gpt2.checkpoint import load_model
        from gpt2.distributed.strategy import find_devices
        from gpt2.sampling.multi_device import MultiDeviceEngine

        devices = find_devices(self.strategy, self.tpu)
        load = functools.partial(load_model, self.prefix, self.model_folder, self.dtype)
        return MultiDeviceEngine(load, devices, rows, together)

    def _lite_files(self, hparams: HParams, dtypes: tuple[Dtype, ...]) -> tuple[str, str | None]:
        """The paths of the files in one dtype or two, made if missing; the second is None if it cannot be made."""
        from gpt2.lite import tflite_file

        paths = {dtype: tflite_file.find_file(self.prefix, hparams, dtype, self.verify) for dtype in dtypes}
        missing = [dtype for dtype in dtypes if paths[dtype] is None]
        if missing:
            logger.info(f"the first time, {self.prefix} is written again as LiteRT reads it")
        with concurrent.futures.ThreadPoolExecutor() as pool:
            made = {dtype: pool.submit(tflite_file.make_file, self.prefix, hparams, dtype) for dtype in missing}
        first = paths[dtypes[0]] or made[dtypes[0]].result()
        for dtype in set(made) - {dtypes[0]}:
            try:
                paths[dtype] = made[dtype].result()
            except OSError as error:
                logger.info(f"{error}; without it one text at a time is written more slowly")
        return first, paths[dtypes[1]] if len(dtypes) > 1 else None


def check_engine(name: str, dtype: str, strategy: str = "auto", tpu: str | None = None) -> None:
    """Raises a UserError for an unknown choice, and for choices that exclude each other."""
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
    """Whether these devices are ones that LiteRT cannot use."""
    return bool(tpu) or strategy in ("mirrored", "tpu")


def has_accelerator() -> bool:
    """Whether there is a GPU or a TPU that TensorFlow uses; imports TensorFlow only if there is a sign of one."""
    if glob.glob("/dev/accel*") or os.environ.get("TPU_NAME"):
        return True
    if os.environ.get("CUDA_VISIBLE_DEVICES") in ("", "-1") or not glob.glob("/dev/nvidia[0-9]*"):
        return False
    tensorflow_start.start_tensorflow()
    import tensorflow as tf

    return bool(tf.config.list_physical_devices("GPU"))
