"""How benchmarks measure: medians of alternating repetitions, on one pinned core."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from tests.flags import as_users_do

# All benchmarks import this before they compile. No conftest here: every session of tests would load it.
os.environ |= as_users_do()


@contextmanager
def one_core() -> Iterator[None]:
    """This process and its threads on one core, where the system lets one choose."""
    if not hasattr(os, "sched_setaffinity"):
        yield
        return
    cores = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {max(cores)})
    try:
        yield
    finally:
        os.sched_setaffinity(0, cores)


def medians(repetitions: int, *work: Callable[[], float]) -> list[float]:
    """The median of what each of `work` returns, called in turn so that drift hits all alike."""
    found = [[item() for item in work] for _ in range(repetitions)]
    return [statistics.median(column) for column in zip(*found, strict=True)]


def seconds(work: Callable[[], object]) -> float:
    """Wall seconds of a call."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def report(line: str) -> None:
    """Print a finding on a line of its own."""
    print(f"\n  {line}", flush=True)


_MATMUL = """
import statistics, time
import numpy as np
a = np.random.default_rng(0).normal(size=(1024, 1024)).astype(np.float32)
def took():
    start = time.perf_counter()
    a @ a
    return time.perf_counter() - start
print(2 * 1024**3 / statistics.median(took() for _ in range(30)))
"""


def matmul_peak() -> float:
    """FLOP/s of large float32 products on one core."""
    one = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
    with one_core():
        done = subprocess.run(
            [sys.executable, "-c", _MATMUL],
            env=os.environ | one,
            capture_output=True,
            text=True,
            check=True,
        )
    return float(done.stdout)
