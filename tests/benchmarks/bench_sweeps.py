"""Speed of the sweeps room. Run by `make bench`; figures are printed, lines of the design asserted."""

import io
import json
from pathlib import Path
from tempfile import TemporaryDirectory

import pandas as pd
import pytest
from rich.console import Console

from sweeps.commands.telling.display import Display
from sweeps.commands.telling.tables import status_rows
from sweeps.grids.files import load_plan
from sweeps.study.storage import location
from sweeps.study.store import StudyDirectory
from sweeps.workers import local
from tests.benchmarks.measure import medians, report, seconds
from tests.sweeps.cloud_storage import URL, cloud_storage

GRID = """
name: many
base: {{corpus: pydocs, tokens: 1M, d_model: 32, repeated_fraction: 0.5}}
axes:
  repeats: [2, 10, 50, 250]
  seed: [{seeds}]
"""


def _study(path, runs: int) -> StudyDirectory:
    """A study of so many runs (four in five repeat something), none begun."""
    path.mkdir()
    grid = path / "many.yaml"
    grid.write_text(GRID.format(seeds=", ".join(map(str, range(runs // 5)))))
    study = StudyDirectory(path / "study")
    study.create(load_plan(grid), grid)
    assert len(study.plan.runs) == runs
    return study


EMPTY = "tests.sweeps.workers.empty_worker:main"


@pytest.mark.parametrize("terminal", [False, True])
def test_the_engine_adds_little_to_each_of_many_empty_runs(tmp_path, monkeypatch, terminal):
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[2]))
    took = {}
    for runs in (100, 1_000, 10_000):
        study = _study(tmp_path / str(runs), runs)
        display = Display(Console(file=io.StringIO(), force_terminal=terminal), jobs=2)
        asked = study, study.plan.runs, tmp_path, 2, display
        took[runs] = seconds(lambda asked=asked: local.sweep(*asked, program=EMPTY))
        assert len(study.done()) == runs
    each = {runs: (took[runs] - took[100]) / (runs - 100) for runs in (1_000, 10_000)}
    report(
        f"an empty run through the local engine{', live display' if terminal else ''}: "
        + ", ".join(f"{found * 1e3:.1f} ms of {runs:,}" for runs, found in each.items())
        + f" (asked: 20); 100 in {took[100]:.1f} s, workers' start included"
    )
    assert max(each.values()) < 0.02


@pytest.fixture(scope="module")
def finished(tmp_path_factory) -> dict[int, StudyDirectory]:
    """Studies of 100, 1,000 and 10,000 runs with a curve of 13 evaluations each, all done."""
    rows = pd.DataFrame({"step": range(13), "tokens": range(13)}).assign(
        **{f"{name}_loss": 2.0 for name in ("test", "pool", "ood", "train", "unique", "repeated")}
    )
    table = io.BytesIO()
    rows.to_parquet(table, index=False)
    summary = {name: 1.0 for name in ("test_loss", "pool_loss", "flops", "seconds")}
    status = json.dumps({"state": "done", "ended": 0.0, "summary": summary})
    studies = {}
    bucket = tmp_path_factory.mktemp("many") / "bucket"
    bucket.mkdir()
    for runs in (100, 1_000, 10_000):
        studies[runs] = study = _study(bucket / str(runs), runs)
        for config in study.plan.runs:
            path = study.run(config.run_id).path
            path.mkdir(parents=True)
            (path / "status.json").write_text(status)
            (path / "metrics.parquet").write_bytes(table.getvalue())
    return studies


def test_status_of_10000_runs(finished):
    took = {
        runs: medians(3, lambda s=study: seconds(lambda: status_rows(StudyDirectory(s.path))))[0]
        for runs, study in finished.items()
    }
    shown = ", ".join(f"{runs:,} runs {found:.2f} s" for runs, found in took.items())
    report(f"status: {shown} (asked: 3 s for 10,000)")
    assert took[10_000] < 3 and took[10_000] < 20 * took[1_000]


def test_collect_of_10000_runs(finished):
    took = {
        runs: medians(3, lambda s=study: seconds(StudyDirectory(s.path).collect))[0]
        for runs, study in finished.items()
    }
    shown = ", ".join(f"{runs:,} runs {found:.2f} s" for runs, found in took.items())
    report(f"collect: {shown} (asked: seconds)")
    assert took[10_000] < 6 and took[10_000] < 20 * took[1_000]


@pytest.mark.parametrize(("work", "files"), [(status_rows, 1), (StudyDirectory.collect, 2)])
def test_of_10000_runs_in_a_bucket(finished, storage, work, files):
    for runs, study in finished.items():
        before = storage()
        away = location(f"{URL}/{runs}/study")
        there = seconds(lambda place=away: work(StudyDirectory(place)))
        requests = storage() - before
        here = seconds(lambda place=study.path: work(StudyDirectory(place)))
        report(
            f"{work.__name__} of {runs:,} runs from a bucket: {there:.1f} s, {there / here:.1f} times "
            f"as on disk, {requests / runs:.2f} requests a run (asked: seconds)"
        )
        assert requests < files * runs + 50 and there < 60


@pytest.fixture(scope="module")
def storage(finished):
    """A server with the finished studies in its bucket; how many requests it has answered."""
    data = finished[100].path.parents[2]
    # In memory where that can be had: the server waits for the disk at every object it takes.
    memory = "/dev/shm" if Path("/dev/shm").is_dir() else None
    with TemporaryDirectory(dir=memory) as root, cloud_storage(Path(root), data) as requests:
        yield requests
