"""What tests of the command line share."""

import pytest

from tests.conftest import made_once
from tests.sweeps.command_line import GRID, ostinato


@pytest.fixture(scope="session")
def grid(text_corpus, session_dir, mixture):
    """Six runs of two sizes, whose text is prepared: so no process of a command loads TensorFlow."""
    path = session_dir / "grid" / "tiny.yaml"
    with made_once(path):
        path.write_text(GRID.format(corpus=text_corpus, tokens=30720))
    return path


@pytest.fixture(scope="session")
def studied(grid, data_dir, session_dir):
    """The study of it, trained by two workers; not to be changed."""
    out = session_dir / "studies" / "tiny"
    with made_once(out) as to_make:
        if to_make:
            ostinato("study", grid, "--out", out, "--jobs", "2", data_dir=data_dir, check=0)
    return out
