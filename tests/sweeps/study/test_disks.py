"""Disks that are full or read-only: one line, and a study that can still be read and continued."""

import os
import subprocess

import pandas as pd
import pytest

from tests.sweeps.command_line import bad, ostinato


@pytest.fixture
def disk(tmp_path):
    """A file system of 200 KiB of its own."""
    path = tmp_path / "disk"
    path.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=200k", "tmpfs", path]
    done = subprocess.run(mount, capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"cannot mount a small disk: {done.stderr.strip()}")
    yield path
    subprocess.run(["umount", path], check=True)


def remount(disk, options):
    subprocess.run(["mount", "-o", f"remount,{options}", disk], check=True)


@pytest.mark.slow
@pytest.mark.usefixtures("studied")
def test_a_full_or_read_only_disk_is_one_line_and_the_study_goes_on_after(
    grid, data_dir, disk, tmp_path
):
    one, out = tmp_path / "one.yaml", disk / "study"
    one.write_text(grid.read_text().replace("[16, 32]", "[32]").replace("[8, 40]", "[8]"))
    command = ("sweep", one, "--out", out, "--jobs", 1)
    full = ostinato(*command, data_dir=data_dir)
    assert full.returncode != 0 and "Traceback" not in full.stderr
    assert "No space left on device" in full.stderr
    assert ostinato("status", out, check=0).stdout.count("24.6k") == 2
    assert not [name for name in os.listdir(out) if name.startswith(".")]

    remount(disk, "ro")
    bad(ostinato("collect", out), "Read-only file system")
    bad(ostinato(*command, data_dir=data_dir), "Read-only file system")
    ostinato("status", out, check=0)

    remount(disk, "rw,size=100m")
    ostinato(*command, data_dir=data_dir, check=0)
    assert (pd.read_parquet(out / "results.parquet")["status"] == "done").all()
