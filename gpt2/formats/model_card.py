"""The model card, `README.md` of a Hugging Face folder: what the model was trained on, its losses and settings."""

import re
from collections.abc import Mapping, Sequence

from encoder.dataset.npz import json_path
from gpt2.formats.stored_model import StoredModel, Training
from gpt2.runs.log import best
from system import files
from system.errors import UserError
from system.model_folders import OTHER_NAMES

# The names on the hub of the models that a run may start from.
BASES = {"124M": "gpt2", "355M": "gpt2-medium", "774M": "gpt2-large", "1558M": "gpt2-xl"}
BASES |= {other: BASES[name] for name, other in OTHER_NAMES.items() if name in BASES}
# The settings that change what a model learns; the others are about samples, saves, paths and devices.
SETTINGS: tuple[str, ...] = (
    "batch_size",
    "accumulate_gradients",
    "learning_rate",
    "schedule",
    "warmup",
    "optimizer",
    "weight_decay",
)
SETTINGS += ("clip_norm", "only_train_transformer_layers", "dtype", "n_ctx", "noise", "seed")
USE = """## Use

```python
from transformers import pipeline

write = pipeline("text-generation", "{name}")
print(write("O rose,", max_new_tokens=60, do_sample=True, top_k=40)[0]["generated_text"])
```

This folder was written by gpt-2-poetry, which writes with it as well: `python sample.py --model_name {name}`."""


def write_card(model: StoredModel, name: str) -> str:
    """The card of a model, in Markdown.

    Args:
      name: what the model is called.
    """
    sizes, name = model.hparams, _plain(name)
    base = _base(model.training)
    head = ["library_name: transformers", "pipeline_tag: text-generation"]
    head += [f"base_model: openai-community/{base}"] if base else []
    head += ["tags:", "- gpt2", *(["- poetry"] if model.training else [])]
    about = (
        f"A GPT-2 of {sizes.n_params:,} parameters: {sizes.n_layer} layers of width {sizes.n_embd} with {sizes.n_head} "
        f"heads, a window of {sizes.n_ctx:,} tokens, and a vocabulary of {sizes.n_vocab:,}."
    )
    training = _about_training(model.training, base) if model.training else []
    return "\n".join(["---", *head, "---", "", f"# {name}", "", about, "", *training, USE.format(name=name), ""])


def _base(training: Training | None) -> str | None:
    """The name on the hub of the model that the training started from, if it is one of OpenAI's."""
    if training and training.settings.get("restore_from") in ("latest", "fresh"):
        return BASES.get(str(training.settings.get("model_name")))
    return None


def _about_training(training: Training, base: str | None) -> list[str]:
    settings = training.settings
    other = "random weights" if settings.get("restore_from") == "scratch" else "other weights"
    lines = ["## Training", "", f"Trained from {f'OpenAI {base}' if base else other}, on {_dataset(settings)}."]
    lines += _sources(settings)
    if training.records:
        lines += ["", "| step | loss | held-out loss | held-out bits a character |", "| --- | --- | --- | --- |"]
        lines += [_row(record) for record in _chosen(training.records)]
        lines += ["", "Losses are in nats a token."]
    lines += ["", "| setting | value |", "| --- | --- |"]
    shown = [name for name in SETTINGS if settings.get(name) not in (None, "", False)]
    return [*lines, *(f"| {name} | {_plain(settings[name])} |" for name in shown), ""]


def _dataset(settings: Mapping[str, object]) -> str:
    """The name of the dataset without its folder, which says more of a computer than of a model; its size and hash."""
    match settings.get("data"):
        case {"tokens": int(tokens), "sha256": str(digest)}:
            return f"{_base_name(settings.get('dataset'))} ({tokens:,} tokens, SHA-256 {_plain(digest)})"
    return _base_name(settings.get("dataset"))


def _sources(settings: Mapping[str, object]) -> list[str]:
    """A line for each source of the dataset, if its description is still where the run found it."""
    try:
        path = json_path(str(settings.get("dataset")))
        about = files.read_json(path, "a dataset", "prepare it again", {"sources": list, "npz_sha256": str})
    except (OSError, UserError):
        return []
    match settings.get("data"):
        case {"sha256": digest} if digest == about["npz_sha256"]:
            return ["", *map(_source, about["sources"])]
    return []


def _source(source: object) -> str:
    match source:
        case {"name": str(name), "n_documents": int(documents), "n_tokens": int(tokens)}:
            return f"- {_base_name(name)}: {documents:,} texts, {tokens:,} tokens"
    return "- a source"


def _chosen(records: Sequence[dict]) -> list[dict]:
    """The first record, the last, and the best on held-out text, in their order."""
    chosen = {record["step"]: record for record in (records[0], best(records), records[-1]) if record}
    return [chosen[step] for step in sorted(chosen)]


def _row(record: dict) -> str:
    figures = (record.get(name) for name in ("loss", "val_loss", "val_bits"))
    cells = (f"{figure:.3f}" if isinstance(figure, float) else "" for figure in figures)
    return f"| {' | '.join((str(record['step']), *cells))} |"


def _base_name(path: object) -> str:
    return _plain(re.split(r"[/\\]", str(path).rstrip("/\\"))[-1]) or "an unnamed dataset"


def _plain(text: object) -> str:
    """Text without what Markdown or YAML would take for a mark or a new line."""
    return " ".join(re.sub(r"[^\w .,:+()-]+", " ", str(text))[:200].split())
