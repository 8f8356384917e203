"""The figures of the code's structure: python bench/structure.py

Counts what a reader would stumble over: wide folders, long files and functions, functions of many positional
parameters, untyped bags, public parameters without a type.
"""

import ast
import collections
import pathlib
import re
import subprocess
from collections.abc import Iterator

ROOT = pathlib.Path(__file__).resolve().parent.parent
# Formulas on tensors, which take tensors and whose shapes stand in their docstrings.
TENSOR_CODE = {"model.py", "attention.py", "loss.py", "gradients.py", "precision.py"}
BAGS = re.compile(r"\bSimpleNamespace\b|\blocals\(\)|(?<!typing\.)\bAny\b")
MOST_PARAMETERS = 5

Function = ast.FunctionDef | ast.AsyncFunctionDef


def main() -> None:
    """Prints the figures, and what stands behind each of those that should be 0."""
    files = product_files()
    folders = collections.Counter(path.parent for path in files if path.name != "__init__.py" and path.parent.name)
    widest = max(folders, key=lambda folder: folders[folder])
    print(f"{'widest folder':44} {folders[widest]:4}  {widest}")
    print(f"{'files in gpt2/ itself':44} {folders[pathlib.Path('gpt2')]:4}")
    for script in ("train.py", "sample.py", "prepare_corpus.py"):
        print(f"{'lines of ' + script:44} {(ROOT / script).read_text().count(chr(10)):4}")
    print(f"{'lines of README.md':44} {(ROOT / 'README.md').read_text().count(chr(10)):4}")
    show("functions of more than 5 positional parameters", [*many_parameters(files)])
    show("SimpleNamespace, locals(), Any", [*bags(files)])
    show("public parameters without a type", [*untyped(files)])


def product_files() -> list[pathlib.Path]:
    """The files of the product, below the root: no tests, no bench."""
    names = subprocess.run(["git", "ls-files", "*.py"], cwd=ROOT, check=True, capture_output=True, text=True).stdout
    return [path for path in map(pathlib.Path, names.split()) if path.parts[0] not in ("tests", "bench")]


def functions(path: pathlib.Path) -> Iterator[Function]:
    """All functions of a file, also those within others."""
    tree = ast.parse((ROOT / path).read_text())
    yield from (node for node in ast.walk(tree) if isinstance(node, Function))


def positional(function: Function) -> list[ast.arg]:
    """The parameters of a function that may be given by position, without self."""
    parameters = [*function.args.posonlyargs, *function.args.args]
    return [parameter for parameter in parameters if parameter.arg not in ("self", "cls")]


def is_signature(function: Function) -> bool:
    """Whether a function is what a served graph takes: TensorFlow has no other signature than tensors by position."""
    return any("input_signature" in ast.unparse(decorator) for decorator in function.decorator_list)


def many_parameters(files: list[pathlib.Path]) -> Iterator[str]:
    """Functions outside tensor code that take too much by position."""
    for path in files:
        for function in functions(path) if path.name not in TENSOR_CODE else ():
            if (n := len(positional(function))) > MOST_PARAMETERS and not is_signature(function):
                yield f"{path}:{function.lineno} {function.name} {n}"


def bags(files: list[pathlib.Path]) -> Iterator[str]:
    """Lines that hand on what no type describes."""
    for path in files:
        for number, line in enumerate((ROOT / path).read_text().split("\n"), start=1):
            if BAGS.search(line) and not line.lstrip().startswith(("#", "import", "from")):
                yield f"{path}:{number}"


def untyped(files: list[pathlib.Path]) -> Iterator[str]:
    """Parameters without a type, of public functions outside tensor code."""
    for path in files:
        for function in functions(path) if path.name not in TENSOR_CODE else ():
            public = not function.name.startswith("_") or function.name == "__init__"
            for parameter in [*positional(function), *function.args.kwonlyargs] if public else ():
                if parameter.annotation is None:
                    yield f"{path}:{function.lineno} {function.name}({parameter.arg})"


def show(what: str, found: list[str]) -> None:
    """Prints a count, and each of the places."""
    print(f"{what:44} {len(found):4}")
    for place in found:
        print(f"    {place}")


if __name__ == "__main__":
    main()
