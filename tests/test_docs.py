"""README and docs: their commands run in the order in which a reader types them, and every flag is explained once."""

import contextlib
import importlib
import io
import itertools
import pathlib
import re
import shlex
import shutil
import subprocess
import sys
from typing import NamedTuple

import pytest
from conftest import ROOT, VERSE, poem

from system import command_line, files, flags

PAGES = ("README.md", *(f"docs/{name}.md" for name in ("corpus", "training", "sampling", "devices", "swarm")))
PAGES += tuple(f"docs/{name}.md" for name in ("serving", "formats", "since-2019", "benchmarks", "design"))
PAGES += ("docs/poet.md", "docs/poetics.md", "docs/curating.md", "docs/convert.md", "docs/python.md")
# Where the flags of each script are explained; --strategy and --tpu of two scripts are explained together.
FLAGS = {
    "prepare_corpus": ("docs/corpus.md",),
    "train": ("docs/training.md", "docs/devices.md", "docs/swarm.md"),
    "sample": ("docs/sampling.md", "docs/devices.md"),
    "models.download": ("docs/formats.md",),
    "models.convert": ("docs/convert.md",),
    "evaluate": ("docs/poetics.md",),
    "curate": ("docs/curating.md",),
}
BLOCK = re.compile(r"(?:<!-- not run: (?P<why>[^\n]+) -->\n)?```(?P<kind>\w*)\n(?P<text>.*?)```", re.S)


class Block(NamedTuple):
    """Commands of a page, and why they are not run, if so."""

    commands: list[str]
    why: str | None


def blocks(page: str) -> list[Block]:
    text = (ROOT / page).read_text()
    return [Block(block["text"].replace("\\\n", " ").splitlines(), block["why"]) for block in BLOCK.finditer(text)]


@pytest.fixture(scope="module")
def place(tmp_path_factory, small_model):
    """A folder as the README leaves it: its commands were run there, with a small model in place of 124M."""
    place = tmp_path_factory.mktemp("reader")
    (place / "verse").mkdir()
    for number in range(20):
        (place / "verse" / f"{number}.txt").write_text(poem(number) + VERSE)
    (place / "table.csv").write_text(f'Title,Poem,Poet,Tags\nDust,"{poem(30)}",Anna,\nSalt,"{poem(31)}",Ben,\n')
    (place / "poems.txt").write_text("<|endoftext|>".join(poem(number) for number in range(40, 60)))
    (place / "many.txt").write_text("\n***\n".join(poem(number) for number in range(80, 100)))
    (place / "opening.txt").write_text("Tell me\nnot\n")
    (place / "sonnets.txt").write_text(poem(70))
    shutil.copytree(pathlib.Path(small_model) / "small", place / "stub" / "124M")
    run_page(place, "README.md", itertools.count(1))
    return place


def run_page(place: pathlib.Path, page: str, starts) -> None:
    """Runs the commands of a page, one after the other; a training run without an end gets two steps more."""
    for block in blocks(page):
        for command in () if block.why else block.commands:
            words = shlex.split(command, comments=True)
            if words[:2] == ["python", "train.py"] and not {"--steps", "--epochs", "--plan"} & set(words):
                words += ["--steps", str(2 * next(starts))]  # The reader presses Ctrl-C.
            if words:
                status, said = run(place, words)
                assert status == 0, f"{page}: {command}\n{said}"


def run(place: pathlib.Path, words: list[str]) -> tuple[object, str]:
    """The exit status of a command and its messages; our scripts run in this process, which has TensorFlow already."""
    if words[:2] == ["python", "models/download.py"]:
        for name in words[2:]:
            shutil.copytree(place / "stub" / name, place / "models" / name)
        return 0, ""
    assert words[0] == "python"
    if not words[1].endswith(".py"):
        done = subprocess.run([sys.executable, *words[1:]], cwd=ROOT, capture_output=True, text=True)
        return done.returncode, done.stdout
    messages = io.StringIO()
    with contextlib.chdir(place), pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", words[1:])
        patch.setattr(files, "cache_folder", lambda: str(place / "cache"))
        with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(messages):
            try:
                command_line.run(importlib.import_module(words[1].removesuffix(".py").replace("/", ".")).main)
            except SystemExit as end:
                return end.code, messages.getvalue()
    return 0, messages.getvalue()


@pytest.mark.parametrize("page", PAGES[1:])
def test_the_commands_of_a_page_run_in_their_order(place, page):
    run_page(place, page, itertools.count(10))


@pytest.mark.parametrize("page", PAGES)
def test_every_block_is_of_commands_or_says_why_it_is_not_run(page):
    kinds = {block["kind"] for block in BLOCK.finditer((ROOT / page).read_text()) if not block["why"]}
    assert kinds <= {"sh"}


@pytest.mark.parametrize("script", FLAGS)
def test_every_flag_is_explained_on_one_page(script):
    main = importlib.import_module(script).main
    known = {name for name, flag in flags.flags_of(flags.carrier_of(main) or main).items() if not flag.is_rest}
    cells = [
        cell for page in FLAGS[script] for cell in re.findall(r"^\| (`--[^|]*) \|", (ROOT / page).read_text(), re.M)
    ]
    explained = [name for cell in cells for name in re.findall(r"--(\w+)", cell)]
    others = set(explained) - known
    assert sorted(name for name in explained if name in known) == sorted(known)
    assert script not in ("prepare_corpus", "models.download") or not others


@pytest.mark.parametrize("page", PAGES)
def test_links_and_files_named_in_backticks_exist(page):
    text = (ROOT / page).read_text()
    links = [link.partition("#")[0] for link in re.findall(r"\]\((?!http)([^)#][^)]*)\)", text)]
    missing = [link for link in links if not ((ROOT / page).parent / link).exists()]
    named = re.findall(r"`((?:system|poems|encoder|gpt2|tests|bench|models|docs)/[\w/.-]+\.\w+)`", text)
    missing += [name for name in named if not (ROOT / name).exists()]
    assert missing == []


def test_the_readme_is_short_and_begins_with_a_command():
    lines = (ROOT / "README.md").read_text().splitlines()
    assert len(lines) <= 130
    assert any(line.startswith(("make ", "pip ")) for line in lines[:16])


def test_all_say_the_same_version():
    number = command_line.version().rpartition(" ")[2]
    (newest, *_) = re.findall(r"^## (\S+)$", (ROOT / "CHANGELOG.md").read_text(), re.M)
    (cited,) = re.findall(r"^version: (\S+)$", (ROOT / "CITATION.cff").read_text(), re.M)
    assert newest == cited == number
