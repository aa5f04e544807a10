"""Two hosts, real processes joined over loopback, sweep a grid as one worker."""

import os
import socket
import subprocess

import pandas as pd
import pytest

from sweeps.grids.files import load_plan
from tests.sweeps.command_line import OSTINATO, ostinato


@pytest.mark.slow
@pytest.mark.usefixtures("hardly_optimised")
def test_two_hosts_train_each_run_together_and_leave_what_is_done(grid, data_dir, tmp_path):
    out = tmp_path / "out"
    first = load_plan(grid).runs[0].run_id
    ostinato("train", grid, first, "--out", out, data_dir=data_dir, check=0)
    alone = pd.read_parquet(out / "results.parquet").set_index("run_id").loc[first]
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [OSTINATO, "sweep", grid, "--out", out, "--select", "d_model == 16"]
    processes = [
        subprocess.Popen(
            command,
            env=os.environ
            | {
                "OSTINATO_COORDINATOR": f"127.0.0.1:{port}",
                "OSTINATO_HOSTS": "2",
                "OSTINATO_HOST": str(number),
                "OSTINATO_DATA_DIR": str(data_dir),
            },
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for number in range(2)
    ]
    printed = [process.communicate(timeout=180) for process in processes]
    assert [process.returncode for process in processes] == [0, 0], printed
    assert "1 of 3 runs are done already" in printed[0][0]
    results = pd.read_parquet(out / "results.parquet").set_index("run_id")
    assert (results["status"] == "done").sum() == 3
    assert results.loc[first, "test_loss"] == alone["test_loss"]
