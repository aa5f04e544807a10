"""A study in a bucket, on a Cloud Storage server of its own."""

import json
import os
import subprocess
import sys
import urllib.request
from pathlib import Path

import pandas as pd
import pytest

from data_pipelines.errors import OstinatoError
from sweeps.grids.files import load_plan
from sweeps.study import storage
from sweeps.study.storage import check_writable, is_remote, location, read_many
from sweeps.study.store import StudyDirectory
from tests.sweeps.cloud_storage import URL, cloud_storage
from tests.sweeps.command_line import bad, ostinato


@pytest.fixture(scope="module")
def requests(tmp_path_factory):
    """A server; how many requests it has answered."""
    with cloud_storage(tmp_path_factory.mktemp("buckets")) as answered:
        yield answered


@pytest.fixture(scope="module")
def bucket(requests) -> str:
    """The URL of an empty bucket, which our commands reach as well."""
    return URL


@pytest.fixture(scope="module")
def both(bucket, grid, tmp_path_factory) -> tuple[StudyDirectory, StudyDirectory]:
    """The same study in a directory and in the bucket: a run done, one at work, one lost, one failed."""
    local = StudyDirectory(tmp_path_factory.mktemp("local") / "tiny")
    plan = load_plan(grid)
    local.create(plan, grid)
    done, working, lost, failed, *_ = plan.runs
    for config in (done, working, lost, failed):
        run = local.run(config.run_id)
        run.begin(config, 0)
        for step in (0, 30):
            run.evaluation({"step": step, "test_loss": 2.0 - step / 100, "pool_loss": None})
    local.run(done.run_id).finish({"test_loss": 1.7, "seconds": 3.0, "tokens_per_second": 9.0})
    local.run(failed.run_id).fail("loss is nan at step 3; lower learning_rate")
    checkpoint = local.run(working.run_id).checkpoints / "30" / "_CHECKPOINT_METADATA"
    checkpoint.parent.mkdir(parents=True)
    checkpoint.write_text("{}")
    claim = local.run(working.run_id).claim
    claim.parent.mkdir()
    claim.write_text(json.dumps({"host": "elsewhere", "pid": 1, "started": 1.0}))
    remote = StudyDirectory(location(f"{bucket}/studies/tiny"))
    remote.path.fs.put(str(local.path), "bucket/studies/tiny", recursive=True)
    return local, remote


@pytest.mark.slow
def test_a_study_in_a_bucket_reads_as_one_on_disk(both, tmp_path):
    local, remote = both
    states = [status["state"] for _, status in remote.statuses()]
    assert states[:5] == ["done", "running", "lost", "failed", "pending"]
    assert list(remote.statuses()) == list(local.statuses())
    for ours, theirs in zip(remote.collect(), local.collect(), strict=True):
        pd.testing.assert_frame_equal(ours, theirs)
    written = remote.path / "results.parquet"
    with written.open("rb") as file:
        pd.testing.assert_frame_equal(
            pd.read_parquet(file), pd.read_parquet(local.path / "results.parquet")
        )
    url = str(remote.path)
    printed = json.loads(ostinato("status", url, "--json", check=0).stdout)
    assert [row["state"] for row in printed] == states
    ostinato("collect", url, "--into", tmp_path / "here", check=0)
    assert (tmp_path / "here" / "curves.parquet").exists()
    ostinato("collect", url, "--into", "gs://bucket/tables", check=0)
    assert (location("gs://bucket/tables") / "curves.parquet").exists()
    planned = ostinato("plan", local.path / "grid.yaml", "--out", url, "--json", check=0).stdout
    assert [row["state"] for row in json.loads(planned)] == states
    for command in ("analyse", "report"):
        bad(ostinato(command, url), f"{url} is a bucket; `ostinato collect {url} --into DIR`")
    assert ostinato("logs", url, check=2).stderr.count("\n") == 1


@pytest.mark.slow
def test_what_runs_in_a_bucket_have_consumed_is_audited(both, grid, data_dir):
    audits = []
    for study in both:
        audit = ("audit", grid, "--out", study.path, "--no-near", "--json")
        result = ostinato(*audit, data_dir=data_dir, check=0)
        assert result.stderr.count(": not begun") == 4
        audits.append(json.loads(result.stdout))
    done, working, *_ = both[0].plan.runs
    steps = {audit["run_id"]: audit["steps"] for audit in audits[0]}
    assert steps == {done.run_id: [0, done.steps], working.run_id: [0, 30]}
    assert audits[0] == audits[1] and not any(audit["faults"] for audit in audits[0])


def test_a_study_is_made_and_extended_in_a_bucket(bucket, grid):
    study, plan = StudyDirectory(location(f"{bucket}/made")), load_plan(grid)
    study.check(plan)
    study.create(plan, grid)
    study.check(plan)
    again = StudyDirectory(location(f"{bucket}/made"))
    assert [run.run_id for run in again.plan.runs] == [run.run_id for run in plan.runs]
    assert json.loads((study.path / "meta.json").read_text())["name"] == "tiny"
    bad(
        ostinato("audit", grid, "--out", study.path),
        "no run that is asked for has consumed anything",
    )


def test_many_files_of_a_bucket_are_read_by_a_request_each(bucket, requests):
    place = location(f"{bucket}/odd*name")
    names = [f"[{i}]/status.json" for i in range(20)]
    for name in names[1:]:
        (place / name).write_bytes(name.encode())
    before = requests()
    assert read_many(place, names) == [None, *(name.encode() for name in names[1:])]
    assert read_many(place, []) == []
    assert 10 < requests() - before < 30  # its log is a little behind


def test_a_bucket_that_cannot_be_written_is_one_line(bucket):
    check_writable(location(f"{bucket}/made"))
    with pytest.raises(OstinatoError, match=r"^out: gs://nobody/x cannot be written: "):
        check_writable(location("gs://nobody/x"))
    bad(ostinato("status", "gs://nobody/x"), "holds no study")
    bad(ostinato("audit", "quick", "--out", "gs://nobody/x"), "holds no study")
    bad(ostinato("logs", "gs://nobody/x"), "bucket: not found: ")


@pytest.mark.parametrize(
    "text", ["gs://bucket", "gs://bucket/../up", "http://bucket/x", "gs://bucket/a\nb"]
)
def test_urls_that_name_no_place_in_a_bucket_are_refused(text):
    with pytest.raises(OstinatoError, match=r"^out: "):
        location(text)


def test_a_bucket_whose_package_is_missing_is_one_line(monkeypatch):
    monkeypatch.setitem(storage.SCHEMES, "s3", "no_such_package")
    with pytest.raises(OstinatoError, match="s3:// needs no_such_package; pip install"):
        location("s3://bucket/x")


def test_paths_stay_paths():
    assert location("studies/quick") == Path("studies/quick")
    assert not is_remote(location("studies/quick"))


_SAVE_AND_RESTORE = """
import jax, numpy as np
from scaling.checkpoints import Checkpoints
from scaling.config import RunConfig
from scaling.programs.layout import Layout
from scaling.programs.program import program_for

config = RunConfig.parse(dict(d_model=16, tokens=30720, context=32, batch_size=16))
program = program_for(config, 264, Layout(), None)
state = program.init(0)
for step in (1, 2):
    saving = Checkpoints("gs://bucket/checkpoints", config)
    saving.save(step, state)
    saving.close()
kept = Checkpoints("gs://bucket/checkpoints", config)
assert kept.steps() == [2], kept.steps()
again = kept.restore(program.abstract_state, 2)
kept.close()
same = jax.tree.map(lambda a, b: (np.asarray(a) == np.asarray(b)).all(), state, again)
assert all(jax.tree.leaves(same))
"""


@pytest.mark.slow
def test_checkpoints_lie_in_a_bucket_and_come_back_bit_for_bit(bucket):
    # In a process of its own: how buckets are reached is settled when the libraries are loaded.
    environment = dict(os.environ) | {
        "TENSORSTORE_GCS_HTTP_URL": os.environ["STORAGE_EMULATOR_HOST"],
        "GOOGLE_AUTH_TOKEN_FOR_TESTING": "anybody",
        "EPATH_USE_TF": "false",
        "JAX_PLATFORMS": "cpu",
    }
    command = [sys.executable, "-c", _SAVE_AND_RESTORE]
    found = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert found.returncode == 0, found.stderr[-2000:]
    listing = "/storage/v1/b/bucket/o?prefix=checkpoints/2/state/"
    with urllib.request.urlopen(os.environ["STORAGE_EMULATOR_HOST"] + listing) as answer:
        assert json.load(answer)["items"]
