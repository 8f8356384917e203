"""The names of runs and models are names of folders, on every system."""

import pytest

from gpt2 import checkpoint_paths
from system.errors import UserError


@pytest.mark.parametrize("name", ["run1", "Über den Wolken", "básně-2", "a.b", "..c", "None", "1984"])
def test_a_plain_name_is_taken(name):
    checkpoint_paths.check_name(name, "--run_name")


@pytest.mark.parametrize(
    "name",
    ["", ".", "..", "...", "a\nb", "a\tb", "a\x1b[31mb", "a\u202eb", "a\0b", " a", "a ", "../a", "a/b", "a\\b", "a*"],
)
def test_what_is_not_the_name_of_one_folder_is_refused_in_one_line(name):
    with pytest.raises(UserError, match=r"^--run_name is .*, expected a name without") as error:
        checkpoint_paths.check_name(name, "--run_name")
    assert "\n" not in str(error.value)


def test_a_hugging_face_folder_in_place_of_a_checkpoint_is_named_with_the_remedy(tmp_path):
    (tmp_path / "model.safetensors").touch()
    with pytest.raises(FileNotFoundError, match=r"a Hugging Face folder.* python models/convert.py \S+ NEW"):
        checkpoint_paths.find_prefix(str(tmp_path))
