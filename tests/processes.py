"""Processes as tests start them and look at them."""

import multiprocessing
import time
from multiprocessing.context import ForkServerContext

import psutil


def readers() -> ForkServerContext:
    """Starts processes that have TensorFlow from one that imported it for all of them: seconds each."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["data_pipelines.store.packing"])
    return context


def living_after(processes: list[psutil.Process], seconds: float) -> list[psutil.Process]:
    """Those that have not ended after so long; one that only waits to be buried has."""
    deadline = time.monotonic() + seconds
    while living := [process for process in processes if _lives(process)]:
        if time.monotonic() > deadline:
            return living
        time.sleep(0.02)
    return []


def _lives(process: psutil.Process) -> bool:
    try:
        return process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
