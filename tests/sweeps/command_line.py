"""The command line, called as a user does, and a small grid."""

import os
import re
import subprocess
import sys
import time
from pathlib import Path

import pandas as pd

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


def ostinato(*arguments, data_dir=None, check=None):
    """Run a command; `check` is the exit code it has to have."""
    environment = dict(os.environ) | ({"OSTINATO_DATA_DIR": str(data_dir)} if data_dir else {})
    result = subprocess.run(
        [OSTINATO, *map(str, arguments)],
        capture_output=True,
        text=True,
        env=environment,
        check=False,
    )
    if check is not None:
        assert result.returncode == check, result.stderr + result.stdout
    return result


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


def assert_equal_findings(ours: Path, theirs: Path) -> None:
    """Two studies' results and curves are equal bit for bit, but for their order and timings."""
    for name, key in _KEYS.items():
        found = []
        for study in (ours, theirs):
            table = pd.read_parquet(study / f"{name}.parquet").sort_values(key, ignore_index=True)
            timings = [c for c in table if re.fullmatch(r".*seconds|tokens_per_second", c)]
            found.append(table.drop(columns=timings))
        pd.testing.assert_frame_equal(*found, check_exact=True)


def differences(ours: Path, theirs: Path) -> list[str]:
    """The losses of the curves that differ in any digit between the runs that both studies have."""
    found = [
        pd.read_parquet(study / "curves.parquet").set_index(_KEYS["curves"])
        for study in (ours, theirs)
    ]
    mine, other = found[0].align(found[1], join="inner")
    return [name for name in mine if name.endswith("loss") and not mine[name].equals(other[name])]
