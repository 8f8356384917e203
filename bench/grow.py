"""Makes a model with twice the blocks out of a trained one, that computes the same, to train on from there.

python bench/grow.py --model models/poet --out models/poet8

Behind each block comes a copy of it whose last products, of attention and of the MLP, are zero, so that it adds nothing
yet: a gradient reaches these at once, and through them the rest (G. Chen et al., Net2Net, 2016; Gong et al., Efficient
Training of BERT by Progressively Stacking, 2019).
"""

import json
import os
import re
import shutil

from system import command_line

BLOCK = re.compile(r"model/h(\d+)/(.*)")
ADDS = re.compile(r"(attn|mlp)/c_proj/[wb]$")  # what a block adds to its input


def main(*, model: str, out: str) -> None:
    """Writes the model folder of the grown model.

    Args:
      model: the folder of the trained model.
      out: the folder to write.
    """
    import numpy as np
    import tensorflow as tf

    from gpt2 import checkpoint_paths

    os.makedirs(out, exist_ok=True)
    reader = tf.train.load_checkpoint(checkpoint_paths.find_prefix(model))
    weights = {}
    for name in reader.get_variable_to_shape_map():
        value = reader.get_tensor(name).astype(np.float32)
        if block := BLOCK.fullmatch(name):
            number, rest = int(block[1]), block[2]
            weights[f"model/h{2 * number}/{rest}"] = value
            name = f"model/h{2 * number + 1}/{rest}"
            value = np.zeros_like(value) if ADDS.search(rest) else value
        weights[name] = value
    names = sorted(weights)
    tf.raw_ops.SaveV2(
        prefix=os.path.join(out, "model.ckpt"),
        tensor_names=names,
        shape_and_slices=[""] * len(names),
        tensors=[weights[name] for name in names],
    )
    with open(os.path.join(out, "checkpoint"), "w", encoding="utf-8") as file:
        file.write('model_checkpoint_path: "model.ckpt"\nall_model_checkpoint_paths: "model.ckpt"\n')
    for name in ("encoder.json", "vocab.bpe"):
        shutil.copyfile(os.path.join(model, name), os.path.join(out, name))
    with open(os.path.join(model, "hparams.json"), encoding="utf-8") as file:
        hparams = json.load(file)
    with open(os.path.join(out, "hparams.json"), "w", encoding="utf-8") as file:
        json.dump(hparams | {"n_layer": 2 * hparams["n_layer"]}, file, indent=1)
    print(f"{out}: {sum(value.size for value in weights.values()):,} parameters")


if __name__ == "__main__":
    command_line.run(main)
