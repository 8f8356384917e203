"""Every reader of files that come from elsewhere: a sound file to damage, and how the damaged one is read."""

import dataclasses
import gzip
import json
import os
import pathlib
import zipfile
from collections.abc import Callable, Sequence

import numpy as np

from encoder import reference, vocabulary
from encoder.dataset import reader as dataset_reader
from encoder.dataset.writer import write_dataset
from encoder.trainer import train_vocabulary
from gpt2 import bundle, checkpoint, hparams
from gpt2.formats import hugging_face, safetensors_file
from gpt2.jobs.sample_file import SampleFile
from gpt2.lite import tflite_file
from gpt2.lite.products import ProductsGraph
from gpt2.runs import log, resume
from gpt2.swarm import member
from poems import names, prompts
from poems.corpus import Corpus
from poems.layout import Layout
from poems.sources import book_table
from poems.sources.sources import find_source
from poetics.judging import verse_files

DOCUMENTS = pathlib.Path(__file__).parents[1] / "poems" / "sources" / "documents"
SIZES = hparams.HParams(n_vocab=280, n_ctx=8, n_embd=8, n_head=2, n_layer=1)
VERSE = "Tell me not, in mournful numbers,\nLife is but an empty dream!\n\nFor the soul is dead that slumbers,\n" * 20
ACCENTED = "Où sont les neiges d“antan” ?\nL'été, mûr; naïf\n\n" * 20
ENCODER = reference.Encoder(train_vocabulary([VERSE], SIZES.n_vocab))
ABOUT = {"author": "", "title": "", "tags": "", "book": ""}


@dataclasses.dataclass(frozen=True)
class Reader:
    """A reader to try.

    Attributes:
      prepare: writes sound files into a folder, and gives the paths of those to damage.
      read: reads them; what it gives is compared with what it gave for the sound files if `is_sealed`.
      is_sealed: whether the files carry checksums, so that damage must never be taken for sound.
    """

    prepare: Callable[[str], Sequence[str]]
    read: Callable[[str], object]
    is_sealed: bool = False


def _text_file(name: str, content: bytes, divide: str | None = None) -> Reader:
    """A reader of sources, for a file of this name."""

    def prepare(folder: str) -> Sequence[str]:
        return [_write(folder, name, content)]

    def read(folder: str) -> None:
        for _ in find_source(os.path.join(folder, name), divide=divide).poems():
            pass

    return Reader(prepare, read)


def _written(name: str) -> Reader:
    """A reader of a document that another program wrote."""
    return _text_file(name, (DOCUMENTS / name).read_bytes())


def _member(name: str, member: str) -> Reader:
    """A reader of one member of such a document, which is packed again after it was damaged."""
    with zipfile.ZipFile(DOCUMENTS / name) as archive:
        contents = {other: archive.read(other) for other in archive.namelist()}

    def read(folder: str) -> None:
        packed = os.path.join(folder, name)
        with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
            for other, content in (contents | {member: pathlib.Path(folder, "member").read_bytes()}).items():
                archive.writestr(other, content)
        for _ in find_source(packed).poems():
            pass

    return Reader(lambda folder: [_write(folder, "member", contents[member])], read)


def _write(folder: str, name: str, content: bytes) -> str:
    path = os.path.join(folder, name)
    with open(path, "wb") as file:
        file.write(content)
    return path


def _model(folder: str) -> None:
    """Writes a model folder as small as can be."""
    vocabulary.write_vocabulary(folder, ENCODER.vocabulary)
    hparams.write_hparams(folder, SIZES)
    chance = np.random.default_rng(1)
    weights = {name: chance.normal(size=shape).astype("f") for name, shape in hparams.weight_shapes(SIZES).items()}
    checkpoint.write_bundle(os.path.join(folder, "model.ckpt"), weights)


def _of_model(name: str) -> Callable[[str], Sequence[str]]:
    """Writes a model folder, of which one file is to be damaged."""

    def prepare(folder: str) -> Sequence[str]:
        _model(folder)
        return [os.path.join(folder, name)]

    return prepare


def _json(name: str, content: object) -> Callable[[str], Sequence[str]]:
    return lambda folder: [_write(folder, name, json.dumps(content).encode())]


def _dataset(folder: str) -> Sequence[str]:
    source = _write(folder, "poems.txt", "<|endoftext|>".join(VERSE + str(n) for n in range(6)).encode())
    out = os.path.join(folder, "out.npz")
    write_dataset(out, Corpus([find_source(source)], Layout("poem")), ENCODER)
    return [out, os.path.join(folder, "out.json")]


def _read_dataset(folder: str) -> list[list[int]]:
    found = dataset_reader.open_dataset(os.path.join(folder, "out.npz"), ENCODER.n_vocab)
    return [ids.tolist() for ids in found.arrays.values()]


def _old_npz(folder: str) -> Sequence[str]:
    path = os.path.join(folder, "old.npz")
    np.savez_compressed(path, np.arange(200, dtype=np.int64))
    return [path]


def _read_bundle(folder: str) -> dict[str, bytes]:
    prefix = os.path.join(folder, "model.ckpt")
    return {name: bundle.read_weight(prefix, name).tobytes() for name in bundle.read_shapes(prefix)}


def _tflite(folder: str) -> Sequence[str]:
    _model(folder)
    return [tflite_file.make_file(os.path.join(folder, "model.ckpt"), SIZES, "float32")]


def _read_tflite(folder: str) -> None:
    (path,) = pathlib.Path(folder).glob("*.tflite")
    tflite_file._is_whole(str(path), ProductsGraph(SIZES, "float32"))


def _safetensors(folder: str) -> Sequence[str]:
    path = os.path.join(folder, "model.safetensors")
    tensors = {f"h.{n}.w": np.arange(12, dtype=np.float32).reshape(3, 4) for n in range(3)}
    shapes = {name: tensor.shape for name, tensor in tensors.items()}
    safetensors_file.write_file(path, shapes, tensors.__getitem__)
    return [path]


def _read_safetensors(folder: str) -> None:
    for name, place in safetensors_file.read_header(os.path.join(folder, "model.safetensors")).items():
        safetensors_file.read_tensor(place, name)


def _swarm_member(folder: str) -> Sequence[str]:
    os.makedirs(os.path.join(folder, "members", "anna"))
    state = {"round": 1, "settled": True, "step": 5}
    return [_write(os.path.join(folder, "members", "anna"), "member.json", json.dumps(state).encode())]


def _samples(folder: str) -> Sequence[str]:
    lines = [{"seed": 1, "number": n, "prompt": "", "text": VERSE, "settings": {"seed": 1}} for n in range(1, 6)]
    return [_write(folder, "x.jsonl", "".join(json.dumps(line) + "\n" for line in lines).encode())]


def _log(folder: str) -> Sequence[str]:
    lines = [{"step": n, "loss": 3.0, "tokens_per_s": 10.0} for n in range(20)]
    return [_write(folder, "log.jsonl", "".join(json.dumps(line) + "\n" for line in lines).encode())]


ROWS = "".join(json.dumps({"s": line, "gid": str(n // 30)}) + "\n" for n, line in enumerate(VERSE.split("\n")) if line)
TABLE = "Title,Poem,Poet,Tags\n" + "".join(f'T{n},"{VERSE[:150]}",Anna,"Love,Night"\n' for n in range(8))
BOOK = f"Title: Songs\n\nAuthor: Anna\n\n*** START OF THE PROJECT GUTENBERG EBOOK SONGS ***\n\nI\n\n{VERSE}\n\nII\n\n"
SEVERAL = '{"prompt": "O rose,", "nsamples": 3}\n{"author": "Anna", "title": "T"}\n'
SETTINGS = {"dataset": "a.npz", "model_name": "124M", "batch_size": 2, "machine": {"device": "cpu"}, "data": {}}
NAMED = {"name": "poem", "rules": ["quotes"], "names": {"author": {"Anna": 3}}}

READERS = {
    "text": _text_file("a.txt", VERSE.encode()),
    "packed text": _text_file("a.txt.gz", gzip.compress(VERSE.encode())),
    "book": _text_file("b.txt", (BOOK + VERSE + "*** END OF THE PROJECT GUTENBERG EBOOK SONGS ***\n").encode()),
    "table": _text_file("t.csv", TABLE.encode()),
    "text of another encoding": _text_file("a.txt", ACCENTED.encode("cp1252")),
    "text in parts": _text_file("a.txt", VERSE.replace("\n\n", "\n***\n").encode(), divide="stars"),
    "docx": _written("writer.docx"),
    "odt": _written("odfpy.odt"),
    "epub": _written("ebooklib.epub"),
    "parquet of pandas": _written("pandas.parquet"),
    "parquet of lists": _written("pyarrow.parquet"),
    "text of a docx": _member("python-docx.docx", "word/document.xml"),
    "styles of a docx": _member("python-docx.docx", "word/styles.xml"),
    "text of an odt": _member("odfpy.odt", "content.xml"),
    "page of an epub": _member("ebooklib.epub", "EPUB/text/2.xhtml"),
    "package of an epub": _member("pandoc.epub", "EPUB/content.opf"),
    "rows of JSON": _text_file("r.ndjson", ROWS.encode()),
    "table of books": Reader(
        lambda folder: [_write(folder, "b.csv", b"gid,author,title\n1,Anna,Songs\n2,Bess,Odes\n")],
        lambda folder: book_table.read_books(os.path.join(folder, "b.csv")),
    ),
    "prompts": Reader(
        lambda folder: [_write(folder, "p.jsonl", SEVERAL.encode())],
        lambda folder: prompts.read_many(os.path.join(folder, "p.jsonl"), ABOUT, Layout("poem"), 1),
    ),
    "dataset": Reader(_dataset, _read_dataset, is_sealed=True),
    "dataset of 2019": Reader(
        _old_npz, lambda folder: dataset_reader.open_dataset(os.path.join(folder, "old.npz"), 50257)
    ),
    "layout": Reader(
        _json("layout.json", NAMED), lambda folder: names.read_described(os.path.join(folder, "layout.json"))
    ),
    "settings": Reader(_json("settings.json", SETTINGS), resume.read_settings),
    "log": Reader(_log, lambda folder: list(log.read_log(folder))),
    "samples": Reader(_samples, lambda folder: SampleFile(os.path.join(folder, "x.jsonl"), {"seed": 1}).count()),
    "samples to judge": Reader(_samples, lambda folder: verse_files.read_texts(os.path.join(folder, "x.jsonl"))),
    "sizes": Reader(_of_model("hparams.json"), hparams.read_hparams),
    "ids of tokens": Reader(_of_model("encoder.json"), vocabulary.read_vocabulary),
    "merges": Reader(_of_model("vocab.bpe"), vocabulary.read_vocabulary),
    "index of weights": Reader(_of_model("model.ckpt.index"), _read_bundle, is_sealed=True),
    "weights": Reader(_of_model("model.ckpt.data-00000-of-00001"), _read_bundle, is_sealed=True),
    "tflite": Reader(_tflite, _read_tflite),
    "safetensors": Reader(_safetensors, _read_safetensors),
    "configuration of Hugging Face": Reader(
        _json(
            "config.json", {"model_type": "gpt2", "n_layer": 2, "n_head": 2, "n_embd": 8, "n_ctx": 16, "vocab_size": 9}
        ),
        lambda folder: hugging_face.read_config(os.path.join(folder, "config.json")),
    ),
    "member of a swarm": Reader(_swarm_member, lambda folder: member.read_state(folder, "anna")),
}
