"""Makes a model with twice the blocks out of a trained one, that computes the same, to train on from there.

python bench/grow.py --model models/poet --out models/poet8

Behind each block comes a copy of it whose last products, of attention and of the MLP, are zero, so that it adds nothing
yet: a gradient reaches these at once, and through them the rest (G. Chen et al., Net2Net, 2016; Gong et al., Efficient
Training of BERT by Progressively Stacking, 2019).
"""

import dataclasses
import re

from gpt2.formats import openai
from gpt2.hparams import weight_shapes
from system import command_line

BLOCK = re.compile(r"model/h(\d+)/(.*)")
ADDS = re.compile(r"(attn|mlp)/c_proj/[wb]")  # what a block adds to its input


def main(*, model: str, out: str) -> None:
    """Writes the model folder of the grown model.

    Args:
      model: the folder of the trained model.
      out: the folder to write.
    """
    trained = openai.read_prefix(model)
    hparams = dataclasses.replace(trained.hparams, n_layer=2 * trained.hparams.n_layer)

    def read(name):
        if not (block := BLOCK.fullmatch(name)):
            return trained.read(name)
        number, rest = int(block[1]), block[2]
        value = trained.read(f"model/h{number // 2}/{rest}")
        return 0 * value if number % 2 and ADDS.fullmatch(rest) else value

    openai.write_folder(dataclasses.replace(trained, hparams=hparams, read=read), out, "float32")
    print(f"{out}: {hparams.n_params:,} parameters, {len(weight_shapes(hparams))} tensors")


if __name__ == "__main__":
    command_line.run(main)
