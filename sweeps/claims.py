"""Who trains what: a file a run, made by an atomic link, that other processes respect.

Links are atomic on NFS too. A claim is stale when its process is gone (seen from the same host) or
when it has not been renewed for a while (from another one); then it may be taken over.
"""

from __future__ import annotations

import json
import os
import socket
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil

RENEW_SECONDS = 10.0
STALE_SECONDS = 120.0
"""Age at which another host's claim counts as abandoned."""


def claim(path: Path) -> bool:
    """Try to take a claim for this process; False where a living process has it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    mine = path.with_name(f".{path.name}-{uuid.uuid4().hex[:8]}")
    mine.write_text(json.dumps(_identity()))
    try:
        for _ in range(2):
            try:
                os.link(mine, path)
                return True
            except FileExistsError:
                if not _set_aside_if_stale(path):
                    return False
        return False
    finally:
        mine.unlink()


def renew(path: Path) -> None:
    """Say that the process that has a claim is alive."""
    os.utime(path)


def release(path: Path) -> None:
    """Give a claim back."""
    path.unlink(missing_ok=True)


def is_held(path: Path) -> bool:
    """Whether a living process has a claim."""
    try:
        return not _is_stale(path.read_text(), path.stat().st_mtime)
    except FileNotFoundError:
        return False


def _identity() -> dict:
    process = psutil.Process()
    return {"host": socket.gethostname(), "pid": process.pid, "started": process.create_time()}


def _set_aside_if_stale(path: Path) -> bool:
    """Remove a stale claim; of several processes that try, one removes it and none a fresh one."""
    try:
        seen = path.read_text()
        if not _is_stale(seen, path.stat().st_mtime):
            return False
        aside = path.with_name(f".{path.name}-{uuid.uuid4().hex[:8]}")
        os.rename(path, aside)
    except FileNotFoundError:
        return True
    if aside.read_text() != seen:  # somebody else had taken it over in between: theirs again
        with suppress(FileExistsError):
            os.link(aside, path)
        aside.unlink()
        return False
    aside.unlink()
    return True


def _is_stale(text: str, renewed: float) -> bool:
    try:
        owner = json.loads(text)
        host, pid, started = owner["host"], owner["pid"], owner["started"]
    except (ValueError, KeyError):
        return time.time() - renewed > STALE_SECONDS
    if host != socket.gethostname():
        return time.time() - renewed > STALE_SECONDS
    try:
        return abs(psutil.Process(pid).create_time() - started) > 1
    except psutil.NoSuchProcess:
        return True


@contextmanager
def renewing(claim: Path) -> Iterator[None]:
    """Renew a claim in the background, also through a long compilation."""
    ended = threading.Event()

    def keep_on():
        while not ended.wait(RENEW_SECONDS):
            renew(claim)

    thread = threading.Thread(target=keep_on, daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()
