"""What tests of the command line share."""

import os
from unittest import mock

import pytest

from tests.conftest import made_once
from tests.flags import HARDLY_OPTIMISED, as_users_do, with_flags
from tests.sweeps.command_line import GRID, ostinato


@pytest.fixture(scope="session")
def grid(text_corpus, session_dir, mixture):
    """Six runs of two sizes, whose text is prepared: so no process of a command loads TensorFlow."""
    path = session_dir / "grid" / "tiny.yaml"
    with made_once(path):
        path.write_text(GRID.format(corpus=text_corpus, tokens=30720))
    return path


@pytest.fixture(autouse=True)
def optimised(monkeypatch):
    """Workers compile as a user's do: what trains the shapes of `studied`, many times, finds them compiled."""
    monkeypatch.setenv("XLA_FLAGS", as_users_do()["XLA_FLAGS"])


@pytest.fixture
def hardly_optimised(optimised, monkeypatch):
    """For a test of a shape of its own, whose digits are compared with no other's: what it starts compiles
    for longer than it trains."""
    monkeypatch.setenv("XLA_FLAGS", with_flags(*HARDLY_OPTIMISED)["XLA_FLAGS"])


@pytest.fixture(scope="session")
def studied(grid, data_dir, session_dir):
    """The study of it, trained by two workers; not to be changed."""
    out = session_dir / "studies" / "tiny"
    with made_once(out) as to_make, mock.patch.dict(os.environ, as_users_do()):
        if to_make:
            ostinato("study", grid, "--out", out, "--jobs", "2", data_dir=data_dir, check=0)
    return out
