"""Makes the model that ships out of a run: OpenAI's layout, float16, nothing but what writing and retraining need.

python bench/ship.py --run checkpoint/poet --out models/poet
"""

import os
import shutil

from system import command_line

FILES = ("encoder.json", "vocab.bpe", "hparams.json")
NAME = "model.ckpt"


def main(*, run: str, out: str) -> None:
    """Writes the model folder.

    Args:
      run: the run folder.
      out: the model folder, which is made.
    """
    import numpy as np
    import tensorflow as tf

    from gpt2 import checkpoint_paths

    os.makedirs(out, exist_ok=True)
    reader = tf.train.load_checkpoint(checkpoint_paths.find_prefix(run))
    names = sorted(reader.get_variable_to_shape_map())
    values = [reader.get_tensor(name).astype(np.float16) for name in names]
    assert all(np.isfinite(value).all() for value in values)
    whole = [""] * len(names)
    tf.raw_ops.SaveV2(prefix=os.path.join(out, NAME), tensor_names=names, shape_and_slices=whole, tensors=values)
    with open(os.path.join(out, "checkpoint"), "w", encoding="utf-8") as file:
        file.write(f'model_checkpoint_path: "{NAME}"\nall_model_checkpoint_paths: "{NAME}"\n')
    for name in FILES:
        shutil.copyfile(os.path.join(run, name), os.path.join(out, name))
    print(f"{out}: {sum(value.size for value in values):,} parameters, {sum(value.nbytes for value in values):,} bytes")


if __name__ == "__main__":
    command_line.run(main)
