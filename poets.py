"""All commands under one name, for an installation (gpt2-poets write --form sonnet), and three of them from Python."""

import dataclasses
import os
import runpy
import sys
from typing import TYPE_CHECKING

from system import console

if TYPE_CHECKING:
    from system.flags import Value

COMMANDS = {
    "prepare": ("prepare_corpus", "makes a dataset of poems"),
    "train": ("train", "retrains a model on a dataset"),
    "write": ("sample", "writes verse"),
    "evaluate": ("evaluate", "measures verse beside real verse"),
    "curate": ("curate", "keeps the best of many samples"),
    "convert": ("models.convert", "takes models to other programs and from them"),
    "download": ("models.download", "fetches OpenAI's models"),
    "swarm": ("gpt2.swarm", "looks after runs that average their weights"),
}


def main() -> None:
    """Runs the command that the first argument names, with the flags that follow it."""
    name = sys.argv[1] if len(sys.argv) > 1 else "--help"
    if name in COMMANDS:
        module, _ = COMMANDS[name]
        del sys.argv[1]
        runpy.run_module(module, run_name="__main__", alter_sys=True)
        return
    told = "\n".join(f"  {name:9} {what}" for name, (_, what) in COMMANDS.items())
    if name in ("--help", "-h"):
        print(f"gpt2-poets COMMAND --flag value...\n\n{told}\n\ngpt2-poets COMMAND --help lists the flags of one.")
        return
    print(f"gpt2-poets: unknown command {name!r}, expected one of {', '.join(COMMANDS)}", file=sys.stderr)
    sys.exit(2)


@dataclasses.dataclass(frozen=True)
class Trained:
    """What training left.

    Attributes:
      folder: of the run, which `gpt2.load` takes.
      records: of each step, as its log.jsonl has them: step, loss, val_loss where it was computed, and more.
    """

    folder: str
    records: list[dict] = dataclasses.field(repr=False)

    @property
    def step(self) -> int:
        """The last step; 0 before the first."""
        return self.records[-1]["step"] if self.records else 0

    @property
    def loss(self) -> float | None:
        """That of the last step, in nats a token."""
        return self.records[-1]["loss"] if self.records else None

    @property
    def held_out_loss(self) -> float | None:
        """The last on poems that are not trained on, in nats a token; None if there is none."""
        return next((record["val_loss"] for record in reversed(self.records) if "val_loss" in record), None)


def prepare(*paths: str, **flags: "Value") -> str:
    """Makes a dataset, as prepare_corpus.py does, and returns what it prints.

    Args:
      paths: the sources, and the dataset to write.
      flags: those of prepare_corpus.py, such as model_name="poet".
    Raises:
      FileNotFoundError, UserError: what prepare_corpus.py would complain of.
    """
    console.show_messages_in_python()
    import prepare_corpus
    from encoder.dataset.request import Request

    values: dict = flags  # which Request checks itself
    return "\n".join(prepare_corpus.prepare(Request(sources=paths, **values)))


def train(**flags: "Value") -> Trained:
    """Trains, as train.py does; an interruption saves, ends it, and leaves the signals as they were.

    Args:
      flags: those of train.py, such as dataset="mine.npz", model_name="poet", run_name="mine", epochs=5.
    Raises:
      FileNotFoundError, UserError: what train.py would complain of.
    """
    console.show_messages_in_python()
    import train as script
    from gpt2.runs.settings import Settings, settle

    values: dict = flags  # which Settings checks itself
    settings = Settings(**values, given=frozenset(flags))
    script.main(settings)
    from gpt2.runs.log import read_log

    folder = settle(settings).folder
    return Trained(folder, list(read_log(folder)) if os.path.exists(folder) else [])


def convert(source: str, target: str, **flags: "Value") -> str:
    """Converts a model for or from another program, as models/convert.py does, and returns what it prints.

    Args:
      source: a run, a model, a Hugging Face folder or hf://owner/name.
      target: the folder or the file to write, which does not exist yet.
      flags: those of models/convert.py, such as to="savedmodel", dtype="float16".
    Raises:
      FileNotFoundError, UserError: what models/convert.py would complain of.
    """
    console.show_messages_in_python()
    from models import convert as script

    values: dict = flags  # which Request checks itself
    return script.convert(script.Request(paths=(source, target), **values))


if __name__ == "__main__":
    main()
