"""Converts a model from or for other programs: `python models/convert.py checkpoint/run1 my-poet`."""

import dataclasses
import os
import sys
from typing import Annotated, Literal

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

from system import command_line
from system.errors import UserError
from system.flags import AtLeast, check_flags


@dataclasses.dataclass(frozen=True, kw_only=True)
class Request:
    """Converts a model into the format of another program, or one of Hugging Face's into OpenAI's layout.

    FROM is a run (checkpoint/run1), a model (poet, models/124M), the prefix of one save (checkpoint/run1/model-500),
    a Hugging Face folder with safetensors, or hf://owner/name on its hub. TO must not exist yet.

    Attributes:
      paths: what to convert, and the folder or file to write.
      to: the format of TO. Default: that of its ending, .gguf or .tflite; else openai if FROM is Hugging Face's, and
        huggingface if it is not.
      dtype: of the weights in TO: float32; float16 but for savedmodel; int8 for tflite; q8_0 for gguf.
      window: the most tokens that the model sees in a .tflite, where each token takes as long as the whole window.
    """

    paths: Annotated[tuple[str, ...], "FROM TO"] = ()
    to: Literal["huggingface", "openai", "gguf", "savedmodel", "tflite"] | None = None
    dtype: Literal["float32", "float16", "int8", "q8_0"] = "float32"
    window: Annotated[int, AtLeast(1)] = 64

    def __post_init__(self) -> None:
        check_flags(self)
        if len(self.paths) != 2 or not all(self.paths):
            raise UserError(f"{len(self.paths)} paths are given, expected two: FROM and TO; see --help")


def main(request: Request) -> None:
    """Converts one model."""
    print(convert(request))


def convert(request: Request) -> str:
    """Converts one model, and returns a line that says so; raises as `gpt2.formats.conversion.convert`."""
    from gpt2.formats import conversion

    source, target = request.paths
    model = conversion.convert(source, target, request.to, request.dtype, request.window)
    return f"{target}: {model.hparams.n_params:,} parameters in {request.dtype}, from {model.path}"


if __name__ == "__main__":
    command_line.run(main)
