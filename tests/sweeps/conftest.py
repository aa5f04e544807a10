"""What tests of the command line share."""

import pytest

from tests.sweeps.command_line import GRID


@pytest.fixture(scope="session")
def grid(text_corpus, tmp_path_factory):
    path = tmp_path_factory.mktemp("grid") / "tiny.yaml"
    path.write_text(GRID.format(corpus=text_corpus, tokens=30720))
    return path
