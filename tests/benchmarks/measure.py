"""How benchmarks measure: medians of alternating repetitions, on one pinned core."""

from __future__ import annotations

import os
import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager


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
