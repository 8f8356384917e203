"""The packages that are asked for have upper bounds, and requirements.lock names a version of each that fits."""

import re
from importlib import metadata

import pytest
from conftest import ROOT
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from test_mistakes import SETUP

BY_DATE = {"regex"}  # whose first number is the year, and says nothing of what breaks
LOCK = (ROOT / "requirements.lock").read_text()


def required(section, option):
    lines = (line.split("#")[0].strip() for line in SETUP[section][option].splitlines())
    return [Requirement(line) for line in lines if line]


NEEDED = [*required("options", "install_requires"), *required("options.extras_require", "train")]
TESTED = [*NEEDED, *required("options.extras_require", "documents"), *required("options.extras_require", "test")]


def locked(name):
    """The versions that the lock file has of a package: more than one where they depend on the Python."""
    return re.findall(rf"^{re.escape(canonicalize_name(name))}==([^ \n]+)", LOCK, re.MULTILINE)


@pytest.mark.parametrize("requirement", NEEDED, ids=lambda requirement: requirement.name)
def test_a_new_major_version_is_not_taken_unseen(requirement):
    assert requirement.name in BY_DATE or any(part.operator in ("<", "==") for part in requirement.specifier)


@pytest.mark.parametrize("requirement", TESTED, ids=lambda requirement: requirement.name)
def test_the_lock_file_has_what_is_asked_for(requirement):
    versions = locked(requirement.name)
    assert versions
    assert all(requirement.specifier.contains(version) for version in versions)
    assert requirement.specifier.contains(metadata.version(requirement.name))


def test_the_lock_file_names_no_registry():
    assert not re.search(r"^--|https?://|file:| @ ", LOCK, re.MULTILINE)


def test_a_tpu_gets_the_same_packages_with_its_own_tensorflow():
    """tensorflow-text alone would bring the other TensorFlow, so README has it installed by itself."""
    lines = (ROOT / "requirements-tpu.txt").read_text().splitlines()
    for_tpu = {str(Requirement(line)) for line in lines if not line.startswith("#")}
    same = {str(requirement) for requirement in NEEDED if not requirement.name.startswith("tensorflow")}
    assert for_tpu == same | {"tensorflow-tpu==2.20.*"}
    assert "--no-deps 'tensorflow-text==2.20.*'" in (ROOT / "README.md").read_text()
