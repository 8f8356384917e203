"""All commands under one name, for an installation: gpt2-poets write --form sonnet"""

import runpy
import sys

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


if __name__ == "__main__":
    main()
