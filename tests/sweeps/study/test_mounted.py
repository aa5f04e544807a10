"""A study on a bucket that is mounted, as on a cloud's machines: no hard links, files uploaded late.

The mount is rclone's: a cloud mounts with gcsfuse, which Debian has not. Nothing here but processes that
can be killed looks into it.
"""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from sweeps.study.storage import location, read_many
from sweeps.study.store import StudyDirectory
from tests.sweeps.cloud_storage import cloud_storage
from tests.sweeps.command_line import OSTINATO, assert_equal_findings, ostinato, until


@pytest.fixture
def mounted(tmp_path_factory):
    """A directory that is a mounted bucket; without rclone that is a skip, but on CI a failure."""
    if not os.access("/dev/fuse", os.W_OK):
        pytest.skip("/dev/fuse cannot be opened, so nothing can be mounted")
    lacking = [name for name in ("rclone", "fusermount3") if not shutil.which(name)]
    if lacking and not os.environ.get("CI"):
        pytest.skip(f"{' and '.join(lacking)} not installed (Debian: rclone, fuse3)")
    root = tmp_path_factory.mktemp("mounted")
    directory, log = root / "mount", root / "rclone.log"
    directory.mkdir()
    with cloud_storage(root):
        options = ["--config", "/dev/null", "--cache-dir", root / "cache", "--log-file", log]
        options += ["--gcs-anonymous", "--gcs-no-check-bucket", "--gcs-bucket-policy-only"]
        options += ["--gcs-endpoint", f"{os.environ['STORAGE_EMULATOR_HOST']}/storage/v1/"]
        options += ["--vfs-cache-mode=writes", "--vfs-write-back=2s", "--dir-cache-time=1s"]
        with subprocess.Popen(["rclone", "mount", ":gcs:bucket", directory, *options]) as rclone:
            try:
                until(lambda: str(directory) in Path("/proc/mounts").read_text(), 30)
                yield directory
            finally:
                subprocess.run(["fusermount3", "-u", "-z", directory], check=False)
                rclone.terminate()


@pytest.mark.slow
def test_a_sweep_into_a_mounted_bucket_finds_what_one_on_a_disk_finds(
    mounted, grid, studied, data_dir, tmp_path
):
    few = ("--select", "d_model == 16 and repeats != 40", "--jobs", "2")
    link = [OSTINATO.with_name("python"), "-c", "import os, sys; os.link(*sys.argv[1:])"]
    there = [OSTINATO, "sweep", grid, *few, "--out", mounted / "study", "--data-dir", data_dir]
    swept = subprocess.run(there, capture_output=True, text=True, timeout=120, check=False)
    assert swept.returncode == 0, swept.stdout + swept.stderr
    linked = [mounted / "study" / "meta.json", mounted / "linked"]
    refused = subprocess.run(
        [*link, *linked], capture_output=True, text=True, timeout=30, check=False
    )
    assert "OSError" in refused.stderr  # else the disk would be tested again
    away = location("gs://bucket/study")
    # Files come into the bucket in any order.
    written = [f"{name}.parquet" for name in ("results", "curves")]
    until(lambda: len(StudyDirectory(away).done()) == 2 and all(read_many(away, written)), 60)
    ostinato("collect", away, "--into", tmp_path / "there", check=0)
    assert_equal_findings(tmp_path / "there", studied, runs=2)
