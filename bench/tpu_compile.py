"""What the compiler of a TPU makes of a training or a sampling step, on a machine without one: time, memory, FLOP.

python bench/tpu_compile.py --model_name 1558M --topology v5e:2x2

Needs `pip install -e '.[tpu-check]'`, under Linux. The weights are zeros that share their memory, so this takes none.
"""

import functools
import os
import time

from system import command_line, tensorflow_start

GIGABYTE = 1e9
ROOM = 15.7e9  # Bytes that a program may take of the 16 GB of a TPU v5e; the rest is the system's.


def main(
    *,
    model_name: str = "124M",
    topology: str = "v5e:2x2",
    step: str = "train",
    batch_size: int = 1,
    n_ctx: int | None = None,
    optimizer: str = "adafactor",
    dtype: str = "mixed",
    memory_saving_gradients: bool = True,
    models_dir: str = "models",
) -> None:
    """Compiles one step for one core of a TPU and prints a row of the README's table.

    Args:
      model_name: one of OpenAI's sizes, or a model of the folder of models.
      topology: of the TPU, such as v5e:2x2 or v4:2x2x1.
      step: train, or sample for the next token of each row.
      batch_size: windows, or rows that are sampled.
      n_ctx: tokens of a window, or of the past. Default: the model's.
      optimizer: adam, sgd, adamw or adafactor.
      dtype: float32, bfloat16, or mixed; a sampling step takes bfloat16 for mixed.
      memory_saving_gradients: compute each block again for its gradient.
      models_dir: the folder of the model folders.
    """
    if step not in ("train", "sample"):
        raise ValueError(f"--step is {step}, expected train or sample")
    tensorflow_start.start_tensorflow()
    from gpt2.hparams import MODELS, read_hparams
    from system import model_folders

    hparams = MODELS.get(model_name) or read_hparams(model_folders.model_folder(model_name, models_dir))
    n_ctx = n_ctx or hparams.n_ctx
    if step == "train":
        function, arguments = training_step(
            hparams, batch_size, n_ctx, optimizer=optimizer, dtype=dtype, recompute=memory_saving_gradients
        )
    else:
        function, arguments = sampling_step(hparams, batch_size, n_ctx, dtype)
    hlo = function.experimental_get_compiler_ir(*arguments)(stage="hlo_serialized")
    start = time.monotonic()
    memory, flop = compile_for_tpu(hlo, topology)
    seconds = time.monotonic() - start
    # An output that is written in place of an argument takes no room of its own.
    output = memory.output_size_in_bytes - memory.alias_size_in_bytes
    parts = [memory.argument_size_in_bytes, output, memory.temp_size_in_bytes, memory.generated_code_size_in_bytes]
    sizes = " | ".join(f"{part / GIGABYTE:.2f}" for part in [*parts, sum(parts)])
    print("| model | step | batch | compiled in s | arguments GB | outputs | temporary | code | total | TFLOP | fits |")
    fits = "yes" if sum(parts) <= ROOM else "no"
    print(f"| {model_name} | {step} | {batch_size} | {seconds:.0f} | {sizes} | {flop / 1e12:.3f} | {fits} |")


def training_step(hparams, batch_size: int, n_ctx: int, *, optimizer: str, dtype: str, recompute: bool):
    """A training step, and what it is called with."""
    import tensorflow as tf

    from gpt2.model import GPT2
    from gpt2.training.memory_plan import DTYPES
    from gpt2.training.optimizers import OPTIMIZERS
    from gpt2.training.step import make_train_step

    model = GPT2(hparams, shared_zeros(), *DTYPES[dtype])
    model.recompute = recompute
    function = tf.function(make_train_step(model, OPTIMIZERS[optimizer](model.weights)), jit_compile=True)
    scalars = tf.TensorSpec([], tf.float32), tf.TensorSpec([], tf.int32)
    return function, [tf.TensorSpec([1, batch_size, n_ctx + 1], tf.int32), *scalars]


def sampling_step(hparams, batch_size: int, n_ctx: int, dtype: str):
    """The step of the engine that takes one more token of each row, and what it is called with."""
    import tensorflow as tf

    from gpt2.model import GPT2
    from gpt2.sampling.xla_engine import XlaEngine

    engine = XlaEngine(GPT2(hparams, shared_zeros(), "float32" if dtype == "float32" else "bfloat16"), batch_size)
    engine._make_room(n_ctx)
    return engine.decode, [tf.TensorSpec([batch_size], tf.int32)] * 2


def shared_zeros():
    """Initial weights without memory: variables of one shape share one tensor until they are written."""
    import tensorflow as tf

    zeros = functools.cache(tf.zeros)
    return lambda name, shape: zeros(shape)


def compile_for_tpu(hlo: bytes, topology: str):
    """Compiles a serialized HLO module for the first core of a TPU.

    Returns:
      The compiler's memory statistics, and the FLOP that it counts, of a loop those of one turn.
    """
    # libtpu asks the network what TPU this machine has, and lets one process at a time have it; there is none.
    os.environ |= {"TPU_SKIP_MDS_QUERY": "1", "ALLOW_MULTIPLE_LIBTPU_LOAD": "1"}
    import numpy as np
    from jax._src import compiler
    from jax._src.interpreters import mlir
    from jax._src.lib import xla_client
    from jax._src.lib.mlir import ir
    from jax.experimental import topologies

    with tensorflow_start.tensorflow_start_up_held():  # which also holds what libtpu complains of
        device = topologies.get_topology_desc(platform="tpu", topology_name=topology).devices[0]
    options = compiler.get_compile_options(1, 1, device_assignment=np.array([[device.id]]))
    with mlir.make_ir_context():
        module = ir.Module.parse(xla_client._xla.mlir.hlo_to_stablehlo(hlo))
        remove_copies(module, ir)
        devices = xla_client.DeviceList((device,))
        executable = device.client.compile(module, executable_devices=devices, compile_options=options)
    return executable.get_compiled_memory_stats(), executable.cost_analysis()["flops"]


def remove_copies(module, ir) -> None:
    """Puts the operand of each `mhlo.copy` in its place, which the conversion leaves and the compiler refuses."""
    copies = []

    def note(operation):
        if operation.name == "mhlo.copy":
            copies.append(operation)
        return ir.WalkResult.ADVANCE

    module.operation.walk(note)
    for copy in copies:
        copy.results[0].replace_all_uses_with(copy.operands[0])
        copy.erase()


if __name__ == "__main__":
    command_line.run(main)
