"""Whether `train.py --plan` is right: the memory planned for a step beside what a process really takes for it.

python bench/memory.py --model_name 124M --memory_saving_gradients
"""

from gpt2.hparams import MODELS
from gpt2.training import memory_plan
from gpt2.training.memory_plan import DTYPES, Dtype, Optimizer
from system import command_line, machine, tensorflow_start


def main(
    *,
    model_name: str = "124M",
    batch_size: int = 1,
    accumulate_gradients: int = 1,
    memory_saving_gradients: bool = False,
    only_train_transformer_layers: bool = False,
    clip_norm: float = 0.0,
    dtype: Dtype = "float32",
    optimizer: Optimizer = "adam",
    n_ctx: int | None = None,
) -> None:
    """Trains a random model for two steps, and prints the most memory that this process ever held.

    Args:
      model_name: one of OpenAI's sizes, or poet.
      batch_size: as of train.py.
      accumulate_gradients: as of train.py.
      memory_saving_gradients: as of train.py.
      only_train_transformer_layers: as of train.py.
      clip_norm: as of train.py.
      dtype: as of train.py.
      optimizer: as of train.py.
      n_ctx: as of train.py.
    """
    hparams = MODELS[model_name]
    demand = memory_plan.Demand(
        hparams=hparams,
        batch_size=batch_size,
        accumulate_gradients=accumulate_gradients,
        memory_saving_gradients=memory_saving_gradients,
        only_train_transformer_layers=only_train_transformer_layers,
        clip_norm=clip_norm,
        dtype=dtype,
        optimizer=optimizer,
        n_ctx=n_ctx,
    )
    tensorflow_start.start_tensorflow()
    import tensorflow as tf

    from gpt2.model import GPT2
    from gpt2.training.optimizers import OPTIMIZERS
    from gpt2.training.step import make_train_step

    device = "gpu" if tf.config.list_physical_devices("GPU") else "cpu"
    planned = sum(memory_plan.plan(demand, device).values())
    model = GPT2(hparams, None, *DTYPES[dtype])
    model.recompute = memory_saving_gradients
    trained = [name for name in model.weights if "/h" in name or not only_train_transformer_layers]
    trainer = OPTIMIZERS[optimizer]({name: model.weights[name] for name in trained})
    train_step = make_train_step(model, trainer, trained, clip_norm)
    batches = tf.zeros([accumulate_gradients, batch_size, (n_ctx or hparams.n_ctx) + 1], tf.int32)
    for step in range(2):
        train_step(batches, tf.constant(1e-4), tf.constant(step))
    used = machine.memory_used()
    print(f"planned {planned / 1e9:.2f} GB, used {used / 1e9:.2f} GB, ratio {planned / used:.2f}, on {device}")


if __name__ == "__main__":
    command_line.run(main)
