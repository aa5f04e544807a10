"""Who trains what: a file a run, made by an atomic link, that other processes respect.

Links are atomic on NFS too. Mounted buckets have none: there the file is created exclusively, which
gcsfuse settles between several mounts when it is closed. A claim is stale when its process is gone
(seen from the same host) or when it has not been renewed for a while (from another one); then it may
be taken over.
"""

from __future__ import annotations

import errno
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

from data_pipelines.system.atomic import replacing

RENEW_SECONDS = 10.0
STALE_SECONDS = 120.0
"""Age at which another host's claim counts as abandoned."""

WATCH_SECONDS = 2 * RENEW_SECONDS
"""How long such a claim is watched before it is taken over."""


def claim(path: Path) -> bool:
    """Try to take a claim for this process; False where a living process has it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    return _make(path, _identity()) or _take_over(path)


def renew(path: Path) -> None:
    """Say that the process that has a claim is alive."""
    os.utime(path)


def release(path: Path) -> None:
    """Give this process's claim back; one that another has taken over is that one's."""
    with suppress(FileNotFoundError):
        if path.read_text() == _identity():
            path.unlink()


def is_held(path: Path) -> bool:
    """Whether a living process has a claim."""
    try:
        return not _is_stale(path, path.read_text())
    except FileNotFoundError:
        return False


def is_alive(path: Path, before: float | None) -> bool:
    """Whether the process that has a claim is seen to live: on this host, or by a renewal since `before`.

    A process of another host that has died looks for `STALE_SECONDS` as if it lived.
    """
    try:
        return not _is_elsewhere(path.read_text()) or renewal(path) != before
    except FileNotFoundError:
        return False


def renewal(path: Path) -> float | None:
    """When a claim was renewed last, in seconds since the epoch; None without one."""
    try:
        return path.stat().st_mtime
    except FileNotFoundError:
        return None


def heartbeat(path: Path) -> tuple[str, float] | None:
    """The host that has a claim, and how many seconds ago it was renewed; None without one."""
    try:
        host, renewed = json.loads(path.read_text())["host"], path.stat().st_mtime
        return host, max(0.0, time.time() - renewed)
    except (FileNotFoundError, ValueError, KeyError):
        return None


def _make(path: Path, text: str) -> bool:
    """Make a file that is not there, whole at once where links can be made; False where it is."""
    whole = path.with_name(f".{path.name}-{uuid.uuid4().hex[:8]}")
    try:
        whole.write_text(text)
        try:
            os.link(whole, path)
        except FileExistsError:
            return False
        except OSError:  # of a mounted bucket: not implemented, not permitted, or an I/O error
            return _create(path, text)
        return True
    finally:
        whole.unlink(missing_ok=True)


def _create(path: Path, text: str) -> bool:
    """Make a file that is not there, without links; False where it is, or another's is kept."""
    try:
        with path.open("x") as file:
            file.write(text)
    except FileExistsError:
        return False
    except OSError as error:
        if error.errno == errno.ESTALE:  # another mount has made it meanwhile
            return False
        raise
    return True


def _identity() -> str:
    """What a claim of this process says."""
    pid = os.getpid()
    return json.dumps({"host": socket.gethostname(), "pid": pid, "started": _started(pid)})


def _is_elsewhere(text: str) -> bool:
    try:
        return json.loads(text)["host"] != socket.gethostname()
    except (ValueError, KeyError):
        return True


def _take_over(path: Path) -> bool:
    """Put this process's claim in a stale one's place; of several that try, one may at a time."""
    try:
        seen = path.read_text()
        if not _is_stale(path, seen) or (_is_elsewhere(seen) and _is_renewed(path)):
            return False
        with _claimed(path.with_name(f".{path.name}-next")) as is_next:
            if not is_next or path.read_text() != seen or not _is_stale(path, seen):
                return False  # somebody else has it by now, or is about to
            with replacing(path) as mine:
                mine.write_text(_identity())
            return True
    except FileNotFoundError:  # given back meanwhile
        return False


@contextmanager
def _claimed(path: Path) -> Iterator[bool]:
    """Whether a claim is had, and that for the block alone."""
    had = claim(path)
    try:
        yield had
    finally:
        if had:
            release(path)


def _is_stale(path: Path, text: str) -> bool:
    """Whether nobody lives who has this claim, as far as can be seen without waiting."""
    try:
        owner = json.loads(text)
        host, pid, started = owner["host"], owner["pid"], owner["started"]
    except (ValueError, KeyError):
        return _is_old(path)
    if host != socket.gethostname():
        return _is_old(path)
    try:
        return abs(_started(pid) - started) > 1
    except psutil.NoSuchProcess:
        return True


def _is_old(path: Path) -> bool:
    """Whether a claim has not been renewed for a while, before or after now.

    A renewal of the far future was made before a clock was set back.
    """
    return abs(time.time() - path.stat().st_mtime) > STALE_SECONDS


def _is_renewed(path: Path) -> bool:
    """Whether a claim of another host that seems old is renewed after all.

    Its age is by the clocks of two hosts, of which one may have jumped: a living process that holds
    it renews it while it is watched.
    """
    before, end = path.stat().st_mtime_ns, time.monotonic() + WATCH_SECONDS
    while time.monotonic() < end:
        time.sleep(min(1.0, WATCH_SECONDS))
        if path.stat().st_mtime_ns != before:
            return True
    return False


def _started(pid: int) -> float:
    """When a living process began, in seconds since the system did: no clock that is set changes it.

    One that has died and waits to be buried lives no more: where the first process of a container
    buries nobody, it waits for ever.
    """
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return psutil.Process(pid).create_time()
    if fields[0] in "ZX":  # field 3 of proc(5), the first after the name
        raise psutil.ZombieProcess(pid)
    return int(fields[19]) / os.sysconf("SC_CLK_TCK")  # field 22


@contextmanager
def renewing(claim: Path) -> Iterator[None]:
    """Renew a claim in the background, also through a long compilation."""
    ended = threading.Event()

    def keep_on():
        while not ended.wait(RENEW_SECONDS):
            with suppress(OSError):  # a network's; the next renewal may go through
                renew(claim)

    thread = threading.Thread(target=keep_on, daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()
