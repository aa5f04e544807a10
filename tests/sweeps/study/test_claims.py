"""Claims between processes and hosts, on file systems with links and on those without."""

import errno
import io
import json
import os
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from pathlib import Path

import pytest

from sweeps.study import claims

NO_LINKS = """
import os
def link(*_):
    raise OSError(38, "Function not implemented")  # as gcsfuse has it
os.link = link
"""


@pytest.fixture(params=["links", "no links"])
def start(request) -> str:
    """What a process begins with on a file system with links, or on one without."""
    return {"links": "", "no links": NO_LINKS}[request.param]


@pytest.fixture
def path(tmp_path, start, monkeypatch):
    monkeypatch.setattr(os, "link", os.link)  # and back again
    exec(start, {})
    return tmp_path / "claims" / "run"


def owner(path, **changes):
    identity = json.loads(path.read_text()) | changes
    path.write_text(json.dumps(identity))


def claiming(path) -> list[str]:
    """A process that takes a claim and ends."""
    code = f"from pathlib import Path; from sweeps.study import claims; assert claims.claim(Path({str(path)!r}))"
    return [sys.executable, "-c", code]


def test_a_claim_is_had_by_one_and_can_be_given_back(path):
    assert claims.claim(path) and claims.is_held(path)
    assert not claims.claim(path)
    claims.release(path)
    assert not claims.is_held(path) and claims.claim(path)


def test_a_claim_that_another_has_taken_over_is_not_given_back_for_it(path):
    claims.claim(path)
    owner(path, host="elsewhere")  # this one was taken for dead, and wakes up
    claims.release(path)
    assert claims.is_held(path)


def test_a_dead_processs_claim_is_taken_over(path):
    subprocess.run(claiming(path), check=True)
    assert path.exists() and not claims.is_held(path)
    assert claims.claim(path) and claims.is_held(path)


def test_a_dead_processs_claim_is_taken_over_before_anyone_has_buried_it(path):
    with subprocess.Popen(claiming(path)) as process:
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
        assert process.returncode is None and not claims.is_held(path)
        assert claims.claim(path) and claims.is_held(path)


def test_a_reused_process_id_is_not_its_owner(path):
    claims.claim(path)
    owner(path, started=1.0)
    assert not claims.is_held(path) and claims.claim(path)


def test_another_hosts_claim_is_respected_until_it_is_not_renewed(path, monkeypatch):
    monkeypatch.setattr(claims, "WATCH_SECONDS", 0.1)
    claims.claim(path)
    owner(path, host="elsewhere", pid=1)
    assert claims.is_held(path) and not claims.claim(path)
    old = time.time() - claims.STALE_SECONDS - 1
    os.utime(path, (old, old))
    assert not claims.is_held(path)
    claims.renew(path)
    assert claims.is_held(path)
    os.utime(path, (old, old))
    assert claims.claim(path)


@pytest.mark.slow
def test_of_many_processes_one_gets_each(path, start):
    names = [f"run{number}" for number in range(300)]
    for name in names:  # stale: all of them try to take it over at once
        claims.claim(path.with_name(name))
        owner(path.with_name(name), pid=2**22 - 1)
    code = start + (
        "import sys; from pathlib import Path; from sweeps.study import claims\n"
        f"sys.stdin.readline(); paths = [Path({str(path)!r} + str(n)) for n in range(300)]\n"
        "print(*[path.name for path in paths if claims.claim(path)], flush=True)\n"
        "sys.stdin.readline()"
    )
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        for _ in range(6)
    ]
    for process in processes:
        process.stdin.write("go\n")
        process.stdin.flush()
    had = [name for process in processes for name in process.stdout.readline().split()]
    for process in processes:
        process.communicate("\n")
    assert sorted(had) == sorted(names)
    assert {p.name for p in path.parent.iterdir()} == set(names)


def test_a_process_that_died_while_taking_over_holds_nobody_up(path):
    claims.claim(path)
    owner(path, pid=2**22 - 1)
    right = path.with_name(".run-next")
    claims.claim(right)
    assert not claims.claim(path)
    owner(right, pid=2**22 - 1)
    assert claims.claim(path) and not right.exists()


def test_a_claim_that_another_mount_has_made_meanwhile_is_not_had(path, monkeypatch):
    exec(NO_LINKS, {})
    opened = Path.open

    @contextmanager
    def closed_late():
        yield io.StringIO()
        raise OSError(errno.ESTALE, "Stale file handle")  # as gcsfuse tells the later one

    def late(self, mode="r", *rest, **named):
        return closed_late() if mode == "x" else opened(self, mode, *rest, **named)

    monkeypatch.setattr(Path, "open", late)
    assert not claims.claim(path)


@pytest.mark.slow
@pytest.mark.parametrize("jump", [-86400, 86400])
def test_a_clock_that_jumps_takes_no_claim_from_a_living_process(path, jump, monkeypatch):
    claims.claim(path)
    now = time.time()
    os.utime(path, (now + jump, now + jump))  # renewed before the clock was set
    assert claims.is_held(path) and not claims.claim(
        path
    )  # this host: by the process, not the clock
    owner(path, host="elsewhere")
    os.utime(path, (now + jump, now + jump))
    monkeypatch.setattr(claims, "WATCH_SECONDS", 3.0)
    renewal = threading.Timer(0.5, claims.renew, [path])  # its owner lives
    renewal.start()
    assert not claims.claim(path) and claims.is_held(path)
    renewal.join()


@pytest.mark.parametrize("jump", [-86400, 86400])
def test_a_dead_hosts_claim_is_taken_over_whatever_the_clocks_say(path, jump, monkeypatch):
    claims.claim(path)
    owner(path, host="elsewhere")
    os.utime(path, (time.time() + jump, time.time() + jump))
    monkeypatch.setattr(claims, "WATCH_SECONDS", 0.1)
    assert not claims.is_held(path) and claims.claim(path)
