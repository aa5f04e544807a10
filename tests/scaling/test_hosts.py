"""Two real processes, joined over loopback, train as one."""

import json
import os
import socket
import subprocess
import sys
import time

import pytest

from data_pipelines.errors import OstinatoError
from scaling.config import RunConfig
from scaling.hosts import HEARTBEAT_SECONDS, host_rows, join_hosts
from tests.scaling.training import train

pytestmark = pytest.mark.slow

_RUN = """
import json, sys, time
from pathlib import Path
import scaling.hosts
scaling.hosts.HEARTBEAT_SECONDS = int(sys.argv[4])
scaling.hosts.join_hosts()
import jax
from scaling.config import RunConfig
from tests.scaling.training import train
assert jax.process_count() == 2
rows = []
config = RunConfig.model_validate_json(sys.argv[1])
def pause(progress):
    if progress.step and float(sys.argv[3]):
        print("at step", progress.step, flush=True)
        time.sleep(float(sys.argv[3]))
train(config, data_dir=Path(sys.argv[2]), on_evaluation=rows.append, on_progress=pause)
print(json.dumps(rows))
"""


@pytest.fixture(scope="module")
def config(mixture) -> RunConfig:
    fields = {"d_model": 16, "layers": 1, "evaluations": 3, "evaluation_tokens": 512}
    return RunConfig.parse(mixture.model_dump() | fields | {"ood_corpus": None})


@pytest.fixture(scope="module", autouse=True)
def compiled(tmp_path_factory):
    """What the first two hosts compile, the next two need not; and no other test reads what a host
    that was killed may have half written."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("JAX_COMPILATION_CACHE_DIR", str(tmp_path_factory.mktemp("compiled")))
        yield


def _start_two(config, data_dir, pause=0, heartbeat=HEARTBEAT_SECONDS) -> list[subprocess.Popen]:
    """Two hosts that pause for so many seconds after a step, and are lost after `heartbeat`."""
    words = [config.model_dump_json(), data_dir, pause, heartbeat]
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    return [
        subprocess.Popen(
            [sys.executable, "-c", _RUN, *map(str, words)],
            env=os.environ
            | {
                "OSTINATO_COORDINATOR": f"127.0.0.1:{port}",
                "OSTINATO_HOSTS": "2",
                "OSTINATO_HOST": str(number),
            },
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for number in range(2)
    ]


@pytest.mark.parametrize("killed", [0, 1], ids=["the first", "another"])
def test_a_host_that_dies_fails_the_run_within_a_minute(killed, config, data_dir):
    slow = config.model_copy(update={"evaluations": 60})  # a pause of a second after each step
    assert HEARTBEAT_SECONDS <= 30
    processes = _start_two(slow, data_dir, pause=1, heartbeat=10)
    for process in processes:
        while not process.stdout.readline().startswith("at step"):
            assert process.poll() is None, process.stderr.read()
    died = time.monotonic()
    processes[killed].kill()
    _, said = processes[1 - killed].communicate(timeout=60)
    assert processes[1 - killed].returncode != 0 and said
    assert time.monotonic() - died < 20  # twice its heartbeat
    processes[killed].communicate()


def test_two_hosts_that_read_half_a_batch_each_train_as_one_does(config, data_dir):
    processes = _start_two(config, data_dir)
    printed = [process.communicate(timeout=120) for process in processes]
    assert [process.returncode for process in processes] == [0, 0], printed
    first, second = (json.loads(out.splitlines()[-1]) for out, _ in printed)  # gloo prints too
    alone = []
    train(config, data_dir=data_dir, on_evaluation=alone.append)
    for name in ("test_loss", "pool_loss", "repeated_loss", "unique_loss"):
        assert [row[name] for row in first] == [row[name] for row in second]
        for got, want in zip(first, alone, strict=True):
            assert got[name] == (want[name] and pytest.approx(want[name], abs=1e-4))


def test_one_host_reads_all():
    assert host_rows(64) == slice(0, 64)


def test_hosts_that_do_not_divide_the_batch_are_refused(monkeypatch):
    monkeypatch.setattr("jax.process_count", lambda: 3)
    with pytest.raises(OstinatoError, match="batch_size: 64 does not divide over 3 hosts"):
        host_rows(64)


@pytest.mark.parametrize(
    ("environment", "line"),
    [
        ({"OSTINATO_HOST": "0"}, "OSTINATO_HOSTS: not set"),
        ({"OSTINATO_HOST": "x", "OSTINATO_HOSTS": "2"}, "give whole numbers"),
        ({"OSTINATO_HOST": "2", "OSTINATO_HOSTS": "2"}, "OSTINATO_HOST: 2 is not one of 0 to 1"),
    ],
)
def test_a_host_that_is_named_badly_is_told(monkeypatch, environment, line):
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    if "OSTINATO_HOSTS" in environment:
        monkeypatch.setenv("OSTINATO_COORDINATOR", "127.0.0.1:1")
    with pytest.raises(OstinatoError, match=line):
        join_hosts()
