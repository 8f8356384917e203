"""Downloads OpenAI's models, whole and checked: `python models/download.py 124M 355M`.

Each file arrives as FILE.part, which the next run resumes, and gets its name once all are there. `checkpoint`, which
makes a folder a model, gets its name last: after TensorFlow has read every weight against its checksum.
"""

import contextlib
import dataclasses
import json
import os
import re
import shutil
import sys
from collections.abc import Iterable, Sequence
from typing import Annotated

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

from gpt2.hparams import MODELS, HParams
from system import command_line, files
from system.errors import UserError
from system.model_folders import OTHER_NAMES

BUCKET = "https://openaipublic.blob.core.windows.net/gpt-2/models"  # OpenAI, download_model.py
WEIGHTS = ("model.ckpt.index", "model.ckpt.data-00000-of-00001")
# In the order in which they are fetched: small files that show a wrong mirror come first. OpenAI's model.ckpt.meta,
# a TensorFlow 1 graph, is left where it is.
FILES = ("hparams.json", "checkpoint", "encoder.json", "vocab.bpe", *WEIGHTS)
SIZES = {"encoder.json": 1042301, "vocab.bpe": 456318}
SHA256 = {
    "encoder.json": "196139668be63f3b5d6574427317ae82f612a97c5d1cdaf36ed2256dbf636783",
    "vocab.bpe": "1ce1664773c50f3e0cc8842619a93edc4624525b728b188a9e0be33b7726adc5",
}
SMALL = 1 << 20  # Bytes, more than any file whose size is not known beforehand: the index of 1558M has some 20 kB.
INDEX_END = bytes.fromhex("57fb808b247547db")  # TensorFlow, tsl/lib/io/format.h: kTableMagicNumber


@dataclasses.dataclass(frozen=True, kw_only=True)
class Request:
    """Downloads models into MODELS_DIR/NAME: 124M (or 117M), 355M (or 345M), 774M, 1558M.

    What is there already and good is left alone; what a stopped run has left is resumed. HTTPS_PROXY, HTTP_PROXY,
    NO_PROXY and REQUESTS_CA_BUNDLE are honoured.

    Attributes:
      What to download
        models: the names of the models.
        models_dir: the folder that holds a folder for each model.
        mirror: where the files are, as NAME/FILE under OpenAI's newer names (124M).
        verify: only checks the files that are there, without the network.
    """

    models: Annotated[tuple[str, ...], "NAME..."] = ()
    models_dir: Annotated[str, "FOLDER"] = "models"
    mirror: Annotated[str, "URL"] = BUCKET
    verify: bool = False

    def __post_init__(self) -> None:
        names = ", ".join(f"{name} (or {OTHER_NAMES[name]})" if name in OTHER_NAMES else name for name in MODELS)
        if not self.models:
            raise UserError(f"no model named, expected one or several of {names}")
        for name in self.models:
            if released_name(name) not in MODELS:
                raise UserError(f"unknown model {name!r}, expected one or several of {names}")
        if not re.match("https?://[^/]", self.mirror):
            raise UserError(f"--mirror is {self.mirror!r}, expected a URL that begins with https:// or http://")
        if files.is_remote(self.models_dir):
            raise UserError(
                f"--models_dir is {self.models_dir}, expected a folder of this computer; copy the model from there"
            )


def main(request: Request) -> None:
    """Fetches what is missing or wrong of each model, or, with --verify, only reports it."""
    folders = {name: os.path.join(request.models_dir, name) for name in request.models}
    faults = {name: find_faults(folders[name], sizes_of(name)) for name in folders}
    if request.verify:
        for name, found in faults.items():
            print(f"{name}: {'; '.join(dict.fromkeys(found.values())) or 'good'}")
        sys.exit(1 if any(faults.values()) else 0)
    check_space(((name, file) for name, found in faults.items() for file in found), request.models_dir)
    for name, found in faults.items():
        if found:
            download(name, folders[name], list(found), request.mirror.rstrip("/"))
        print(f"{name}: good, in {folders[name]}")


def released_name(name: str) -> str:
    """The name of a model on the server, of the two that it may have."""
    return name if name in MODELS else OTHER_NAMES.get(name, name)


def sizes_of(name: str) -> HParams:
    """The sizes of a model, under either of its names."""
    return MODELS[released_name(name)]


def find_faults(folder: str, hparams: HParams) -> dict[str, str]:
    """What is wrong with a model folder: a line for each file that must be fetched, none if the model is good."""
    if not os.path.isdir(folder):
        return dict.fromkeys(FILES, f"{folder}: no such folder")
    found = {file: file_fault(os.path.join(folder, file), hparams) for file in FILES}
    if not any(found[file] for file in WEIGHTS):
        found |= dict.fromkeys(WEIGHTS, weights_fault(folder, hparams))
    return {file: fault for file, fault in found.items() if fault}


def file_fault(path: str, hparams: HParams) -> str:
    """What is wrong with a file or its .part, as far as the file alone shows; empty if it is good."""
    if not os.path.isfile(path):
        return f"{path}: missing"
    file = os.path.basename(path).removesuffix(".part")
    size, expected = os.path.getsize(path), exact_size(file, hparams)
    if expected is not None and size != expected:
        return f"{path}: {size:,} bytes, expected {expected:,}"
    if file in SHA256:
        digest = files.sha256(path)
        return "" if digest == SHA256[file] else f"{path}: SHA-256 is {digest}, expected {SHA256[file]}"
    if expected is not None:
        return ""  # the weights, which are read later
    with open(path, "rb") as opened:
        content = opened.read(SMALL)
    good, wanted = {
        "hparams.json": (is_hparams(content, hparams), json.dumps(dataclasses.asdict(hparams))),
        "checkpoint": (b'model_checkpoint_path: "model.ckpt"' in content, "the name of the weights, model.ckpt"),
        "model.ckpt.index": (content.endswith(INDEX_END), "a whole index of a TensorFlow checkpoint"),
    }[file]
    return "" if good else f"{path}: begins with {content[:40]!r}, expected {wanted}"


def exact_size(file: str, hparams: HParams) -> int | None:
    """The bytes that a file must have; None if only its content can be checked."""
    return 4 * hparams.n_params if file == "model.ckpt.data-00000-of-00001" else SIZES.get(file)


def is_hparams(content: bytes, hparams: HParams) -> bool:
    """Whether these are the sizes of a model."""
    try:
        return files.parse_json(content.decode(), "sizes") == dataclasses.asdict(hparams)
    except ValueError:
        return False


def weights_fault(folder: str, hparams: HParams) -> str:
    """What is wrong with the weights of a folder, after reading every one of them against its checksum."""
    from gpt2 import bundle  # late, so that --help does not wait for NumPy

    try:
        bundle.check_weights(os.path.join(folder, "model.ckpt"), hparams)
    except UserError as error:
        return str(error)
    return ""


def check_space(lacking: Iterable[tuple[str, str]], models_dir: str) -> None:
    """Raises OSError if the disk cannot hold what is still to be fetched, given by models and files."""
    needed = 0
    for name, file in lacking:
        part = os.path.join(models_dir, name, f"{file}.part")
        had = os.path.getsize(part) if os.path.exists(part) else 0
        needed += max(0, (exact_size(file, sizes_of(name)) or had + SMALL) - had)
    place = os.path.abspath(models_dir)
    while not os.path.exists(place):
        place = os.path.dirname(place)
    if needed > (free := shutil.disk_usage(place).free):
        raise OSError(
            f"{models_dir}: {free / 1e9:.2f} GB free, but {needed / 1e9:.2f} GB still to download; "
            "make room or name another folder with --models_dir"
        )


def download(name: str, folder: str, lacking: Sequence[str], mirror: str) -> None:
    """Fetches the files that a model lacks and gives them their names.

    Raises:
      ConnectionError: a file cannot be had from the server.
      UserError: what the server gave is not that model.
      OSError: the disk is full.
    """
    urls = {file: f"{mirror}/{released_name(name)}/{file}" for file in FILES if file in lacking}
    try:
        fetch_files(folder, urls, sizes_of(name))
        install(folder, urls, sizes_of(name))
    except (ConnectionError, UserError):
        models_dir = os.path.dirname(folder)
        where = f" --models_dir {models_dir}" if models_dir != "models" else ""
        check = f"python models/download.py {name} --verify{where}"
        by_hand = f"By hand: download these into {folder}, then check them: {check}"
        print(by_hand, *urls.values(), sep="\n", file=sys.stderr)
        raise
    except KeyboardInterrupt:
        print(f"{name}: stopped; the next run resumes here", file=sys.stderr)
        raise
    finally:
        with contextlib.suppress(OSError):
            os.rmdir(folder)  # An empty folder would look like a model that has been downloaded.


def fetch_files(folder: str, urls: dict[str, str], hparams: HParams) -> None:
    """Brings each file, from its URL, into FILE.part, whole and good.

    Raises:
      ConnectionError: a file cannot be had.
      UserError: what came is not that file; it is removed.
    """
    from system import fetch

    with fetch.open_session() as session:
        for file, url in urls.items():
            part = os.path.join(folder, file) + ".part"
            if not file_fault(part, hparams):
                continue
            fetch.fetch(session, url, part, exact_size(file, hparams))
            if fault := file_fault(part, hparams):
                os.remove(part)
                raise UserError(f"{fault}; removed what {url} gave")


def install(folder: str, fetched: Iterable[str], hparams: HParams) -> None:
    """Gives the fetched files their names, `checkpoint` only after the weights have been read.

    Raises:
      UserError: the weights are not those of the model, or do not agree with their checksums; they are removed.
    """
    paths = {file: os.path.join(folder, file) for file in FILES}
    for file in fetched:
        if file != "checkpoint":
            os.replace(paths[file] + ".part", paths[file])
    if not set(WEIGHTS).isdisjoint(fetched) and (fault := weights_fault(folder, hparams)):
        for file in WEIGHTS:
            os.remove(paths[file])
        raise UserError(f"{fault}; removed these weights, run the command again to fetch them")
    if "checkpoint" in fetched:
        os.replace(paths["checkpoint"] + ".part", paths["checkpoint"])


if __name__ == "__main__":
    command_line.run(main)
