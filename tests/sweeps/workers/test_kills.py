"""Kill -9 at any moment: the same command goes on, and ends with what an undisturbed sweep finds."""

import json
import os
import random
import signal
import subprocess
import time

import psutil
import pytest

from sweeps.study.store import StudyDirectory
from tests.processes import living_after
from tests.sweeps.command_line import OSTINATO, assert_equal_findings

KILLS = 20
"""How often something is killed."""


def processes(sweep: psutil.Process) -> tuple[psutil.Process, list[psutil.Process]]:
    """A sweep's process and its workers."""
    try:
        children = sweep.children(recursive=True)
        workers = [child for child in children if "sweeps.workers.worker:main" in child.cmdline()]
    except psutil.NoSuchProcess:
        workers = []
    return sweep, workers


@pytest.mark.slow
@pytest.mark.usefixtures("own_cache")
def test_killed_at_random_moments_a_sweep_ends_as_one_that_was_let_be(
    grid, studied, data_dir, tmp_path
):
    out = tmp_path / "out"
    rng, killed, done_at = random.Random(0), 0, {}
    command = [OSTINATO, "sweep", grid, "--out", out, "--data-dir", data_dir]
    while True:
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as sweep:
            process = psutil.Process(sweep.pid)
            while sweep.poll() is None and killed < KILLS:
                time.sleep(rng.uniform(0, 1.2))
                parent, workers = processes(process)
                what = rng.choice(["sweep", "worker", "both"])
                victims = [parent] if what != "worker" else []
                victims += rng.sample(workers, min(1, len(workers))) if what != "sweep" else []
                for victim in victims:
                    victim.kill()
                if parent in victims:
                    assert not living_after(workers, seconds=1)
                killed += bool(victims)
            sweep.communicate()
        for path in out.glob("runs/*/status.json"):
            if json.loads(path.read_text())["state"] == "done":
                done_at.setdefault(path.parent.name, path.stat().st_mtime_ns)
        if sweep.returncode == 0:
            break
        assert sweep.returncode == -signal.SIGKILL
    assert killed == KILLS
    assert_equal_findings(out, studied)
    study = StudyDirectory(out)
    for run_id, ended in done_at.items():  # what was done has not been touched again
        assert (study.run(run_id).path / "status.json").stat().st_mtime_ns == ended
    assert os.listdir(out / "claims") == []
