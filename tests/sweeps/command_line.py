"""The command line, called as a user does, and a small grid."""

import io
import os
import re
import signal
import subprocess
import sys
import time
import warnings
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import NamedTuple
from unittest import mock

import pandas as pd

from data_pipelines.prepare import prepare_data
from sweeps import cli
from sweeps.grids.files import load_plan
from sweeps.study.store import StudyDirectory

OSTINATO = Path(sys.executable).parent / "ostinato"

_KEYS = {"results": ["run_id"], "curves": ["run_id", "step"]}

GRID = """
name: tiny
description: Two sizes, two repeat counts, on a directory of text.
base:
  corpus: {corpus}
  context: 32
  batch_size: 16
  tokens: {tokens}
  repeated_fraction: 0.5
  evaluations: 4
  evaluation_tokens: 1024
  ood_corpus: null
axes:
  d_model: [16, 32]
  repeats: [8, 40]
"""


class Result(NamedTuple):
    """How a command has ended."""

    returncode: int
    stdout: str
    stderr: str


def ostinato(*arguments, data_dir=None, check=None, process=False) -> Result:
    """Run a command, in this process unless the process is what is tested; `check` is the exit code
    it has to have."""
    command = [str(OSTINATO), *map(str, arguments)]
    with mock.patch.dict(os.environ, {"OSTINATO_DATA_DIR": str(data_dir)} if data_dir else {}):
        if process:
            done = subprocess.run(command, capture_output=True, text=True, check=False)
            result = Result(done.returncode, done.stdout, done.stderr)
        else:
            result = _in_this_process(command)
    if check is not None:
        assert result.returncode == check, result.stderr + result.stdout
    return result


def _in_this_process(command: list[str]) -> Result:
    out, err, code = io.StringIO(), io.StringIO(), None
    on_stop = signal.getsignal(signal.SIGTERM)  # which a sweep handles from then on
    with (
        mock.patch.object(sys, "argv", command),
        redirect_stdout(out),
        redirect_stderr(err),
        warnings.catch_warnings(),
    ):
        try:
            cli.main()
        except SystemExit as end:
            code = end.code or 0
        finally:
            signal.signal(signal.SIGTERM, on_stop)
    return Result(code, out.getvalue(), err.getvalue())


def prepare(grid: Path, data_dir: Path) -> None:
    """Prepare what a grid's runs read in this process, where TensorFlow is loaded already."""
    read = [run.data for run in load_plan(grid).runs if run.data]
    for data in {(data.mixture.corpus, data.ood_corpus): data for data in read}.values():
        prepare_data(data.mixture, data_dir, ood_corpus=data.ood_corpus)


def bad(result, line):
    """Bad input: exit code 2, one line on stderr, nothing on stdout."""
    assert result.returncode == 2, result.stderr
    assert result.stderr.startswith("ostinato: ") and result.stderr.count("\n") == 1
    assert line in result.stderr
    assert not result.stdout


def until(holds, seconds=120):
    """What `holds` finds, once it finds something."""
    deadline = time.monotonic() + seconds
    while not (found := holds()):
        assert time.monotonic() < deadline
        time.sleep(0.2)
    return found


def states(out: Path) -> list[str]:
    """How each run of a study stands."""
    return [status["state"] for _, status in StudyDirectory(out).statuses()]


def assert_equal_findings(ours: Path, theirs: Path, runs: int | None = None) -> None:
    """Two studies' results and curves are equal bit for bit, but for their order and timings.

    runs: how many of them ours has; all by default.
    """
    done = pd.read_parquet(ours / "results.parquet").query("status == 'done'").run_id
    assert len(done) == (runs or len(pd.read_parquet(theirs / "results.parquet")))
    for name, key in _KEYS.items():
        found = []
        for study in (ours, theirs):
            table = pd.read_parquet(study / f"{name}.parquet").sort_values(key)
            timings = [c for c in table if re.fullmatch(r".*seconds|tokens_per_second", c)]
            table = table[table.run_id.isin(done)].drop(columns=timings)
            found.append(table.reset_index(drop=True))
        pd.testing.assert_frame_equal(*found, check_exact=True, check_dtype=False, check_like=True)


def differences(ours: Path, theirs: Path) -> list[str]:
    """The losses of the curves that differ in any digit between the runs that both studies have."""
    found = [
        pd.read_parquet(study / "curves.parquet").set_index(_KEYS["curves"])
        for study in (ours, theirs)
    ]
    mine, other = found[0].align(found[1], join="inner")
    return [name for name in mine if name.endswith("loss") and not mine[name].equals(other[name])]
