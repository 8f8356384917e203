"""Converts a model from or for other programs: `python models/convert.py checkpoint/run1 my-poet`."""

import dataclasses
import os
import sys
from typing import Annotated, Literal

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

from system import command_line, tensorflow_start
from system.errors import UserError
from system.flags import check_flags


@dataclasses.dataclass(frozen=True, kw_only=True)
class Request:
    """Converts a model into the format of another program, or one of Hugging Face's into OpenAI's layout.

    FROM is a run (checkpoint/run1), a model folder (models/124M), the prefix of one save (checkpoint/run1/model-500),
    a Hugging Face folder with safetensors, or hf://owner/name on its hub. TO must not exist yet.

    Attributes:
      paths: what to convert, and the folder or file to write.
      to: the format of TO. Default: gguf for TO.gguf, else openai if FROM is Hugging Face's, else huggingface.
      dtype: of the weights in TO; q8_0, of 8 bits a number, is for gguf alone.
    """

    paths: Annotated[tuple[str, ...], "FROM TO"] = ()
    to: Literal["huggingface", "openai", "gguf"] | None = None
    dtype: Literal["float32", "float16", "q8_0"] = "float32"

    def __post_init__(self) -> None:
        check_flags(self)
        if len(self.paths) != 2 or not all(self.paths):
            raise UserError(f"{len(self.paths)} paths are given, expected two: FROM and TO; see --help")


def main(request: Request) -> None:
    """Converts one model."""
    tensorflow_start.start_tensorflow()
    from gpt2.formats import conversion

    source, target = request.paths
    model = conversion.convert(source, target, request.to, request.dtype)
    print(f"{target}: {model.hparams.n_params:,} parameters in {request.dtype}, from {model.path}")


if __name__ == "__main__":
    command_line.run(main)
