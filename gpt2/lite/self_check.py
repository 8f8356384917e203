"""Whether LiteRT, of whichever version, computes what it should: its logits after a few ids beside those of NumPy.

A file is checked once with each version; an empty file in the cache folder remembers it.
"""

import contextlib
import functools
import os

import ai_edge_litert
import numpy as np

from gpt2 import bundle
from gpt2.lite.lite_engine import LiteEngine
from gpt2.lite.numpy_engine import NumpyModel
from system import files

N_IDS = 4
# The greatest root of the mean squared error, in standard deviations of the logits: in float32 about 1e-6 was seen, in
# int8, which rounds the activations too, up to 0.05. What computes something else is above 1.
MOST = {"float32": 1e-3, "int8": 0.5}


def check(engine: LiteEngine, path: str, dtype: str, prefix: str) -> None:
    """Checks an engine unless the same version of LiteRT has passed with its file.

    Args:
      path: the file that the engine has opened.
      prefix: the checkpoint from which the file was made.
    Raises:
      RuntimeError: the logits are not those of the weights.
      UserError: the checkpoint is damaged.
    """
    name = f"{os.path.basename(path)}-{ai_edge_litert.__version__}"
    mark = os.path.join(files.cache_folder(), "litert", name)
    if os.path.exists(mark):
        return
    n_ids = min(N_IDS, engine.hparams.n_ctx)
    ids = tuple(np.linspace(0, engine.hparams.n_vocab - 1, n_ids).astype(int).tolist())
    found = engine.read(ids).logits
    expected = NumpyModel(engine.hparams, functools.partial(bundle.read_weight, prefix)).logits(ids)[0][-1]
    if not np.isfinite(expected).all():
        return  # The weights have diverged, which is said where a token is drawn.
    error = float(np.sqrt(np.mean((found - expected) ** 2)) / max(expected.std(), np.finfo(np.float32).tiny))
    if not error <= MOST[dtype]:  # nor NaN
        raise RuntimeError(
            f"version {ai_edge_litert.__version__} computes other logits than NumPy, by {error:.2g} of their standard "
            "deviation"
        )
    with contextlib.suppress(OSError):
        os.makedirs(os.path.dirname(mark), exist_ok=True)
        files.write_file(mark, b"")
