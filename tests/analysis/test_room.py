"""The analysis room stands alone, so that a laptop without the others can use it."""

import ast
from pathlib import Path

import pytest

import analysis

SOURCES = sorted(Path(analysis.__file__).parent.rglob("*.py"))


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.stem)
def test_no_other_room_is_imported(path):
    for node in ast.walk(ast.parse(path.read_text())):
        names = [a.name for a in node.names] if isinstance(node, ast.Import) else []
        names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
        rooms = {name.split(".")[0] for name in names}
        assert not rooms & {"data_pipelines", "scaling", "sweeps", "tests"}
