import json
import os
import subprocess
import sys
import threading
import time

import pytest

from sweeps import claims


@pytest.fixture
def path(tmp_path):
    return tmp_path / "claims" / "run"


def owner(path, **changes):
    identity = json.loads(path.read_text()) | changes
    path.write_text(json.dumps(identity))


def test_a_claim_is_had_by_one_and_can_be_given_back(path):
    assert claims.claim(path) and claims.is_held(path)
    assert not claims.claim(path)
    claims.release(path)
    assert not claims.is_held(path) and claims.claim(path)


def test_a_dead_processs_claim_is_taken_over(path):
    code = f"from pathlib import Path; from sweeps import claims; assert claims.claim(Path({str(path)!r}))"
    subprocess.run([sys.executable, "-c", code], check=True)
    assert path.exists() and not claims.is_held(path)
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


def test_of_many_processes_one_gets_it(path):
    claims.claim(path)
    owner(path, pid=2**22 - 1)  # stale: all of them try to take it over at once
    code = (
        "import sys, time; from pathlib import Path; from sweeps import claims\n"
        "sys.stdin.readline()\n"
        f"print(claims.claim(Path({str(path)!r})), flush=True)\n"
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
    answers = [process.stdout.readline().strip() for process in processes]
    for process in processes:
        process.communicate("\n")
    assert sorted(answers) == ["False"] * 5 + ["True"]
    assert [p.name for p in path.parent.iterdir()] == ["run"]


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
