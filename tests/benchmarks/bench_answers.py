"""How soon a command answers, and what takes the time. Run by `make bench`; figures are printed, and
asserted as ratios to the import of a library in the same run."""

import os
import re
import statistics
import subprocess
import sys
from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

from analysis.laws import Chinchilla
from sweeps.grids.files import find_grid, load_plan
from sweeps.study.store import StudyDirectory
from tests.benchmarks.measure import medians, report, seconds

RUNS = 5
_ENTER = "import sys; from sweeps.cli import main; sys.argv[0] = 'ostinato'; main()"
_PARTS = ("tensorflow", "jax", "pandas", "pyarrow", "scipy", "numpy", "typer", "rich", "pydantic")


def _python(code: str, *arguments, **environment: str) -> subprocess.CompletedProcess:
    command = [sys.executable, *code.split("|"), *map(str, arguments)]
    variables = dict(os.environ) | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    return subprocess.run(
        command, env=variables | environment, capture_output=True, text=True, check=True
    )


def _importing(library: str) -> Callable[[], float]:
    return lambda: seconds(lambda: _python(f"-c|import {library}"))


def _answering(*command, **environment: str) -> Callable[[], float]:
    return lambda: seconds(lambda: _python(f"-c|{_ENTER}", *command, **environment))


def _imports(*command, **environment: str) -> str:
    """Milliseconds of a command that its imports take, by library, the largest first."""
    told = _python(f"-X|importtime|-c|{_ENTER}", *command, **environment).stderr
    own = dict.fromkeys((*_PARTS, "the rest"), 0.0)
    for line in re.findall(r"^import time: +(\d+) \| +\d+ \| +(\w+)", told, re.MULTILINE):
        library = line[1].removesuffix("lib") if line[1].startswith("jax") else line[1]
        own[library if library in own else "the rest"] += int(line[0]) / 1e3
    largest = sorted(own.items(), key=lambda item: -item[1])
    shown = ", ".join(f"{name} {took:.0f}" for name, took in largest if took >= 10)
    return f"imports {sum(own.values()):.0f} ms ({shown})"


@pytest.fixture
def losses(tmp_path):
    """36 rows of Chinchilla's law, with the constants of Besiroglu et al. 2024, and noise."""
    params, tokens = (
        v.ravel() for v in np.meshgrid(np.geomspace(1e6, 1e9, 6), np.geomspace(1e8, 1e11, 6))
    )
    law = Chinchilla(1.8172, 482.01, 2085.43, 0.3478, 0.3658)
    loss = law.predict(params=params, tokens=tokens)
    loss *= np.exp(np.random.default_rng(0).normal(0, 0.02, 36))
    path = tmp_path / "losses.csv"
    pd.DataFrame({"params": params, "tokens": tokens, "loss": loss}).to_csv(path, index=False)
    return path


def test_duplicates_of_a_small_folder(tmp_path):
    folder = tmp_path / "text"
    folder.mkdir()
    for number in range(300):
        words = (f"word{(number * 7919 + place * 31) % 997}" for place in range(200))
        (folder / f"{number}.txt").write_text(" ".join(words))
    command = ("duplicates", f"text_files:{folder}", "--data-dir", tmp_path / "data")
    took, pandas, tensorflow = medians(
        RUNS, _answering(*command), _importing("pandas"), _importing("tensorflow")
    )
    report(
        f"duplicates of 300 files: {took:.2f} s (asked: 3), {took / pandas:.1f} times `import pandas`, "
        f"{took / tensorflow:.2f} times `import tensorflow`; {_imports(*command)}"
    )
    assert took < 5 * pandas and took < tensorflow


def test_a_fit_with_intervals(losses, tmp_path):
    command = ("fit", "chinchilla", losses)
    nowhere = {"JAX_ENABLE_COMPILATION_CACHE": "false"}
    kept = {
        "JAX_COMPILATION_CACHE_DIR": str(tmp_path / "compiled"),
        "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0.1",
    }
    _python(f"-c|{_ENTER}", *command, **kept)
    first, bare, again, jax = medians(
        RUNS,
        _answering(*command, **nowhere),
        _answering(*command, "--bootstrap", 0, **nowhere),
        _answering(*command, **kept),
        _importing("jax"),
    )
    compiling = statistics.median([_compiling(losses) for _ in range(3)])
    report(
        f"fit of 36 rows with intervals: {first:.2f} s (asked: 5), {first / jax:.1f} times `import jax`; "
        f"afterwards {again:.2f} s (asked: 4), {again / jax:.1f} times; without intervals {bare:.2f} s; "
        f"tracing and compiling {compiling:.2f} s; {_imports(*command, **kept)}"
    )
    assert first < 8 * jax and again < 5 * jax and again < first


def _compiling(losses) -> float:
    """Seconds by which a process's first fit of a table takes longer than its second."""
    code = (
        "import sys, time; from analysis.fitting import fit_table; took = []\n"
        "for _ in range(2):\n"
        "    start = time.perf_counter(); fit_table('chinchilla', sys.argv[1], bootstrap=256).held_out\n"
        "    took.append(time.perf_counter() - start)\n"
        "print(took[0] - took[1])"
    )
    return float(_python(f"-c|{code}", losses, JAX_ENABLE_COMPILATION_CACHE="false").stdout)


def test_plan_and_status_of_a_small_grid(tmp_path):
    source = find_grid("quick")
    StudyDirectory(tmp_path / "study").create(load_plan(source), source)
    commands = [("plan", "quick"), ("status", tmp_path / "study")]
    *took, pandas = medians(RUNS, *(_answering(*c) for c in commands), _importing("pandas"))
    for command, found in zip(commands, took, strict=True):
        report(
            f"{command[0]} of 20 runs: {found:.2f} s (asked: 1), {found / pandas:.2f} times "
            f"`import pandas`; {_imports(*command)}"
        )
    assert max(took) < 2 * pandas
