"""What a command loads: seconds of libraries only where it computes with them."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

import analysis
from sweeps.grids.files import find_grid, load_plan
from sweeps.study.store import StudyDirectory

RECORDED = Path(analysis.__file__).parent / "recorded" / "quick"

_RUN = """
import sys
from sweeps.cli import main
heavy, sys.argv = sys.argv[1].split(","), ["ostinato", *sys.argv[2:]]
try:
    main()
finally:
    print("loaded:", *(name for name in heavy if name in sys.modules), file=sys.stderr)
"""

HEAVY = ("tensorflow", "tensorflow_datasets", "seqio", "jax", "pandas", "pyarrow", "scipy", "numpy")


def loaded(*command, heavy=HEAVY, code=0):
    """Those of `heavy` that a command has loaded when it ends with `code`."""
    done = subprocess.run(
        [sys.executable, "-c", _RUN, ",".join(heavy), *map(str, command)],
        capture_output=True,
        text=True,
        env=dict(os.environ) | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        check=False,
    )
    assert done.returncode == code, done.stderr
    return done.stderr.splitlines()[-1].split()[1:]


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    """The quick study, not begun."""
    path, source = tmp_path_factory.mktemp("loading") / "study", find_grid("quick")
    StudyDirectory(path).create(load_plan(source), source)
    return path


@pytest.mark.slow
def test_what_is_planned_and_how_it_stands_is_said_without_a_library_of_numbers(study):
    for command in ("--help", "fit --help", "plan quick", "plan quick --json"):
        assert loaded(*command.split()) == []
    # A grid with probes and a stage.
    assert loaded("plan", "mechanism") == ["numpy"]
    assert loaded("schema") == ["numpy"]  # with the probes, which it lists
    assert loaded("plan", "quick", "--out", study) == loaded("status", study) == []


def test_what_is_refused_is_refused_before_anything_is_loaded():
    for command in ("plan nothing", "status nothing", "audit nothing", "plan quick --select x"):
        assert not {"jax", "pandas", "tensorflow"} & {*loaded(*command.split(), code=2)}


@pytest.mark.slow
def test_findings_are_computed_without_tensorflow():
    sizes = ("--params", "98304", "--tokens", "3.28M", "--fraction", ".5", "--repeats", "400")
    for command in (("predict", RECORDED, *sizes), ("fit", "power", RECORDED / "results.parquet")):
        assert loaded(*command, heavy=HEAVY[:3]) == []


@pytest.mark.slow
def test_an_audit_of_data_that_is_there_needs_no_tensorflow(grid, data_dir):
    command = ("audit", grid, "--data-dir", data_dir)
    loaded(*command)  # makes it, unless another test has
    assert not {"tensorflow", "seqio", "jax"} & {*loaded(*command)}
