"""The optimizers by the names that --optimizer gives them."""

from gpt2.training.adaptive import Adafactor, Adam, AdamW
from gpt2.training.muon import Muon
from gpt2.training.updates import SGD

OPTIMIZERS: dict[str, type[SGD]] = {"adam": Adam, "sgd": SGD, "adamw": AdamW, "adafactor": Adafactor, "muon": Muon}
