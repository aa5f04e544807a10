"""Processes as tests look at them."""

import time

import psutil


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
