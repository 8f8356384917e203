"""Downloads OpenAI's models, whole and checked: `python models/download.py 124M 355M`.

Each file arrives as FILE.part, which the next run resumes, and gets its name once all are there. `checkpoint`, which
makes a folder a model, gets its name last: after TensorFlow has read every weight against its checksum.
"""

import contextlib
import dataclasses
import hashlib
import itertools
import json
import os
import re
import shutil
import socket
import sys
import time

import requests
from tqdm import tqdm

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

from gpt2.hparams import MODELS, HParams
from system import command_line, files, model_folders, tensorflow_start
from system.errors import UserError

BUCKET = "https://openaipublic.blob.core.windows.net/gpt-2/models"  # OpenAI, download_model.py
WEIGHTS = ("model.ckpt.index", "model.ckpt.data-00000-of-00001")
# In the order that they are fetched: what is small and tells a wrong mirror comes first. OpenAI's model.ckpt.meta,
# a TensorFlow 1 graph, is left where it is.
FILES = ("hparams.json", "checkpoint", "encoder.json", "vocab.bpe", *WEIGHTS)
SIZES = {"encoder.json": 1042301, "vocab.bpe": 456318}
SHA256 = {
    "encoder.json": "196139668be63f3b5d6574427317ae82f612a97c5d1cdaf36ed2256dbf636783",
    "vocab.bpe": "1ce1664773c50f3e0cc8842619a93edc4624525b728b188a9e0be33b7726adc5",
}
SMALL = 1 << 20  # More than any file whose size is not known beforehand: the index of 1558M has some 20 kB.
INDEX_END = bytes.fromhex("57fb808b247547db")  # TensorFlow, tsl/lib/io/format.h: kTableMagicNumber
PAGE_STARTS = (b"<!doctype", b"<html", b"<?xml")

CONNECT_TIMEOUT, READ_TIMEOUT = 10, 30  # seconds without an answer, seconds without a byte
WAITS = (1, 2, 4, 8, 16)  # seconds between tries; after as many failures in a row that brought nothing, it gives up
CHUNK = 1 << 16


def main(*models: str, models_dir: str = "models", mirror: str = BUCKET, verify: bool = False):
    """Download models into models_dir/NAME: 124M (or 117M), 355M (or 345M), 774M, 1558M.

    What is already there and good is left alone, what a stopped run has left is resumed.
    HTTPS_PROXY, HTTP_PROXY, NO_PROXY and REQUESTS_CA_BUNDLE are honoured.

    Args:
      models: the names of the models, one or several.
      models_dir: the folder that holds a folder for each model.
      mirror: where the files lie as NAME/FILE, under OpenAI's newer names (124M); OpenAI's bucket if not given.
      verify: only check the files that are there, without the network.
    """
    check_arguments(models, models_dir, mirror)
    folders = {name: os.path.join(models_dir, name) for name in models}
    faults = {name: find_faults(folders[name], sizes_of(name)) for name in folders}
    if verify:
        for name, found in faults.items():
            print(f"{name}: {'; '.join(dict.fromkeys(found.values())) or 'good'}")
        sys.exit(1 if any(faults.values()) else 0)
    check_space(faults, models_dir)
    for name, found in faults.items():
        if found:
            download(name, folders[name], list(found), mirror.rstrip("/"))
        print(f"{name}: good, in {folders[name]}")


def check_arguments(models: tuple[str, ...], models_dir: str, mirror: str) -> None:
    """Raises ValueError for what cannot be downloaded, from there or to there."""
    names = ", ".join(
        f"{name} (or {model_folders.OTHER_NAMES[name]})" if name in model_folders.OTHER_NAMES else name
        for name in MODELS
    )
    if not models:
        raise UserError(f"no model named, expected one or several of {names}")
    for name in models:
        if released_name(name) not in MODELS:
            raise UserError(f"unknown model {name!r}, expected one or several of {names}")
    if not re.match("https?://[^/]", mirror):
        raise UserError(f"--mirror is {mirror!r}, expected a URL that begins with https:// or http://")
    if files.is_remote(models_dir):
        raise UserError(f"--models_dir is {models_dir}, expected a folder of this computer; copy the model from there")


def released_name(name: str) -> str:
    """The name under which a model lies on the server, of the two that it may have."""
    return name if name in MODELS else model_folders.OTHER_NAMES.get(name, name)


def sizes_of(name: str) -> HParams:
    """The sizes of a model, under either of its names."""
    return MODELS[released_name(name)]


# What a good file is.


def find_faults(folder: str, hparams: HParams) -> dict[str, str]:
    """What is wrong with a model folder: a line for each file that must be fetched, none if the model is good."""
    if not os.path.isdir(folder):
        return dict.fromkeys(FILES, f"{folder}: no such folder")
    found = {file: file_fault(os.path.join(folder, file), hparams) for file in FILES}
    if not any(found[file] for file in WEIGHTS):
        found |= dict.fromkeys(WEIGHTS, weights_fault(folder, hparams))
    return {file: fault for file, fault in found.items() if fault}


def file_fault(path: str, hparams: HParams) -> str:
    """What is wrong with a file or its .part, as far as that file alone can tell; nothing if it is good."""
    if not os.path.isfile(path):
        return f"{path}: missing"
    file = os.path.basename(path).removesuffix(".part")
    size, expected = os.path.getsize(path), exact_size(file, hparams)
    if expected is not None and size != expected:
        return f"{path}: {size:,} bytes, expected {expected:,}"
    with open(path, "rb") as opened:
        if file in SHA256:
            digest = hashlib.file_digest(opened, "sha256").hexdigest()
            return "" if digest == SHA256[file] else f"{path}: SHA-256 is {digest}, expected {SHA256[file]}"
        content = b"" if expected else opened.read(SMALL)
    if file == "hparams.json":
        return hparams_fault(path, content, hparams)
    if file == "checkpoint" and b'model_checkpoint_path: "model.ckpt"' not in content:
        return f"{path}: begins with {content[:40]!r}, expected the name of the weights, model.ckpt"
    if file == "model.ckpt.index" and not content.endswith(INDEX_END):
        return f"{path}: not a whole index of a TensorFlow checkpoint"
    return ""


def exact_size(file: str, hparams: HParams) -> int | None:
    """How long a file must be; None where only its content tells."""
    return 4 * hparams.n_params if file == "model.ckpt.data-00000-of-00001" else SIZES.get(file)


def hparams_fault(path: str, content: bytes, hparams: HParams) -> str:
    """What is wrong with an `hparams.json`."""
    expected = dataclasses.asdict(hparams)
    try:
        found = json.loads(content)
    except ValueError:
        return f"{path}: begins with {content[:40]!r}, expected {json.dumps(expected)}"
    return "" if found == expected else f"{path}: {json.dumps(found)[:200]}, expected {json.dumps(expected)}"


def weights_fault(folder: str, hparams: HParams) -> str:
    """What is wrong with the weights of a folder, after reading every one of them against its checksum."""
    with tensorflow_start.tensorflow_start_up_held():  # Also while it reads: a GPU is looked for at the first tensor.
        from gpt2 import checkpoint

        try:
            checkpoint.check_weights(os.path.join(folder, "model.ckpt"), hparams)
        except ValueError as error:
            return str(error)
    return ""


def check_space(faults: dict[str, dict[str, str]], models_dir: str) -> None:
    """Raises OSError if the disk cannot hold what is still to be fetched."""
    needed = 0
    for name, lacking in faults.items():
        for file in lacking:
            size = exact_size(file, sizes_of(name))
            had = length(os.path.join(models_dir, name, file) + ".part")
            needed += max(0, size - had) if size else SMALL
    place = os.path.abspath(models_dir)
    while not os.path.exists(place):
        place = os.path.dirname(place)
    free = shutil.disk_usage(place).free
    if needed > free:
        raise OSError(
            f"{models_dir}: {free / 1e9:.2f} GB free, but {needed / 1e9:.2f} GB still to download; "
            "make room or name another folder with --models_dir"
        )


# From the server to the disk.


def download(name: str, folder: str, lacking: list[str], mirror: str) -> None:
    """Fetches the files that a model lacks and gives them their names.

    Raises:
      ConnectionError: a file cannot be had from the server.
      ValueError: what the server gave is not that model.
      OSError: the disk is full.
    """
    urls = {file: f"{mirror}/{released_name(name)}/{file}" for file in FILES if file in lacking}
    try:
        with requests.Session() as session:
            for file, url in urls.items():
                fetch_whole(session, url, os.path.join(folder, file) + ".part", sizes_of(name))
        install(folder, list(urls), sizes_of(name))
    except (ConnectionError, ValueError):
        models_dir = os.path.dirname(folder)
        check = f"models/download.py {name} --verify" + (
            f" --models_dir {models_dir}" if models_dir != "models" else ""
        )
        by_hand = f"By hand: download these into {folder}, then check them: python {check}"
        print(by_hand, *urls.values(), sep="\n", file=sys.stderr)
        raise
    except KeyboardInterrupt:
        print(f"{name}: stopped; the next run goes on from here", file=sys.stderr)
        raise
    finally:
        with contextlib.suppress(OSError):
            os.rmdir(folder)  # An empty folder would look like a model that has been downloaded.


def install(folder: str, fetched: list[str], hparams: HParams) -> None:
    """Gives the fetched files their names, `checkpoint` only after the weights have been read.

    Raises:
      ValueError: the weights are not those of the model, or do not agree with their checksums; they are removed.
    """
    paths = {file: os.path.join(folder, file) for file in FILES}
    for file in fetched:
        if file != "checkpoint":
            os.replace(paths[file] + ".part", paths[file])
    if not set(WEIGHTS).isdisjoint(fetched) and (fault := weights_fault(folder, hparams)):
        for file in WEIGHTS:
            os.remove(paths[file])
        raise UserError(f"{fault}; removed these weights, run it again to fetch them anew")
    if "checkpoint" in fetched:
        os.replace(paths["checkpoint"] + ".part", paths["checkpoint"])


def fetch_whole(session: requests.Session, url: str, part: str, hparams: HParams) -> None:
    """Brings a file into `part`, whole and good.

    Raises:
      ConnectionError: the file cannot be had.
      ValueError: what came is not that file; it is removed.
    """
    if not file_fault(part, hparams):
        return
    fetch(session, url, part, exact_size(os.path.basename(part).removesuffix(".part"), hparams))
    if fault := file_fault(part, hparams):
        os.remove(part)
        raise UserError(f"{fault}; removed what {url} gave")


def fetch(session: requests.Session, url: str, part: str, size: int | None) -> None:
    """Brings a file into `part`, going on where an earlier run or a broken connection has stopped.

    Only a file of known size is resumed; the others are small.
    """
    etag, failures, came = None, 0, False
    with tqdm(desc="/".join(url.split("/")[-2:]), total=size, unit="B", unit_scale=True, delay=0.2) as bar:
        while True:
            before = length(part)
            had = before if size and before < size else 0
            try:
                response = ask(session, url, had, size, etag)
                etag = response.headers.get("ETag")
                save(response, part, size, bar)
                return
            except requests.RequestException as error:
                grew = length(part) > before
                failures, came = 1 if grew else failures + 1, came or grew
                if not may_pass(error, came) or failures > len(WAITS):
                    tries = f" ({failures} tries)" if failures > 1 else ""
                    raise ConnectionError(f"{url}: {explain(error)}{tries}") from error
                wait = WAITS[failures - 1]
                bar.write(f"{url}: {explain(error)}; trying again in {wait} s", file=sys.stderr)
                time.sleep(wait)


def ask(session: requests.Session, url: str, had: int, size: int | None, etag: str | None) -> requests.Response:
    """The server's answer, its status and headers checked: the rest of the file (206), or all of it (200)."""
    headers = {"Accept-Encoding": "identity"}
    if had:
        headers["Range"] = f"bytes={had}-"
        if etag and not etag.startswith("W/"):  # A weak one cannot vouch for bytes (RFC 9110, 13.1.5).
            headers["If-Range"] = etag
    try:
        response = session.get(url, headers=headers, stream=True, timeout=(CONNECT_TIMEOUT, READ_TIMEOUT))
    except ValueError as error:  # Of urllib, whose error for an address that is none is no RequestException.
        if isinstance(error, requests.RequestException):
            raise
        raise ConnectionError(f"{url}: the server sends on to an address that is none ({error})") from error
    if response.status_code == 200 or (had and continues(response, had, size, etag)):
        return response
    response.close()
    if had and response.status_code in (206, 416):
        return ask(session, url, 0, size, None)  # The file has changed, or the server cannot count: from the start.
    answer = f"the server answers {response.status_code} {response.reason}"
    if response.status_code >= 500 or response.status_code in (408, 429):
        raise requests.ConnectionError(answer)
    if response.status_code == 407:
        raise requests.exceptions.ProxyError(f"{response.status_code} {response.reason}")
    raise ConnectionError(f"{url}: {answer}")


def continues(response: requests.Response, had: int, size: int | None, etag: str | None) -> bool:
    """Whether an answer is the rest of the same file."""
    found = re.match(r"bytes (\d+)-\d+/(\d+)$", response.headers.get("Content-Range", ""))
    same = etag is None or response.headers.get("ETag") == etag
    return response.status_code == 206 and same and found is not None and found.groups() == (str(had), str(size))


def save(response: requests.Response, part: str, size: int | None, bar: tqdm) -> None:
    """Writes what the server sends into `part`.

    Raises:
      ConnectionError: it is something else than the file; `part` is left as it was.
      requests.RequestException: the connection broke; what has come is kept.
      OSError: it cannot be written; what has come is kept.
    """
    with response:
        chunks = response.iter_content(CHUNK)
        first = next(chunks, b"")
        refuse_another_file(response, first, size)
        os.makedirs(os.path.dirname(part), exist_ok=True)
        try:
            with open(part, "ab" if response.status_code == 206 else "wb") as file:
                bar.initial = bar.n = bar.last_print_n = file.tell()  # So that the rate counts what comes now.
                for chunk in itertools.chain([first], chunks):
                    file.write(chunk)
                    bar.update(len(chunk))
                    if bar.n > (size or SMALL):
                        break  # The check of the file, which comes next, refuses it.
        except requests.RequestException:
            raise
        except OSError as error:
            raise OSError(f"{part}: {error.strerror or error}; what has come is kept for the next run") from error
    if size and bar.n < size:
        raise requests.exceptions.ChunkedEncodingError


def refuse_another_file(response: requests.Response, first: bytes, size: int | None) -> None:
    """Raises ConnectionError for an answer that is a web page or has another length, whatever its status says."""
    kind = response.headers.get("Content-Type", "")
    if "text/html" in kind or first.lstrip()[:9].lower().startswith(PAGE_STARTS):
        raise ConnectionError(f"{response.url}: a web page instead of the file; does the network want you to log in?")
    announced = response.headers.get("Content-Length")
    if size and announced and response.status_code == 200 and announced != str(size):
        raise ConnectionError(f"{response.url}: the server's file has {announced} bytes, expected {size}")


# What went wrong on the way.


def may_pass(error: requests.RequestException, came: bool) -> bool:
    """Whether to try again; a host or a proxy that cannot be reached is worth it only once something has come."""
    if isinstance(error, requests.ConnectionError):
        lasting = isinstance(root_of(error), socket.gaierror) or isinstance(error, requests.exceptions.ProxyError)
        return not concerns_certificate(error) and (came or not lasting)
    return isinstance(error, (requests.Timeout, requests.exceptions.ChunkedEncodingError))


def explain(error: requests.RequestException) -> str:
    """What went wrong, and what to do about it."""
    root = root_of(error)
    reason = getattr(root, "strerror", None) or str(root)
    if concerns_certificate(error):
        return (
            f"the server's certificate is not trusted ({reason}); "
            "if your network has its own authority, name its certificate file in REQUESTS_CA_BUNDLE"
        )
    if isinstance(error, requests.exceptions.ProxyError):
        return f"the proxy fails ({reason}); it is set by HTTPS_PROXY and HTTP_PROXY, and NO_PROXY excepts hosts"
    if isinstance(root, socket.gaierror):
        return f"the host is not found ({reason}); is this computer connected, does it need HTTPS_PROXY?"
    if isinstance(root, TimeoutError):
        return "the server is silent"
    if isinstance(error, requests.exceptions.ChunkedEncodingError):
        return "the connection broke"
    return reason


def concerns_certificate(error: requests.RequestException) -> bool:
    return isinstance(error, requests.exceptions.SSLError) and "certificate" in str(root_of(error))


def root_of(error: BaseException) -> BaseException:
    """The first of the errors that led to this one."""
    while inner := error.__cause__ or error.__context__:
        error = inner
    return error


def length(path: str) -> int:
    """The bytes of a file, none if there is no file."""
    return os.path.getsize(path) if os.path.exists(path) else 0


if __name__ == "__main__":
    command_line.run(main)
