"""What the tests of sample.py share."""

import pytest


@pytest.fixture
def sample(place, run_here):
    def run(*arguments):
        return run_here("sample.py", "--model_name", "small", "--length", 6, "--seed", 4, *arguments)

    return run
