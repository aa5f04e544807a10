"""How runs are carried out: layouts by run, traces, TensorBoard, checkpoints kept."""

import gzip
import json

import pandas as pd
import pytest

from data_pipelines.errors import OstinatoError
from sweeps.grids.files import load_plan
from sweeps.workers.execution import layouts_for
from tests.flags import EIGHT_DEVICES, HARDLY_OPTIMISED, with_flags
from tests.sweeps.command_line import bad, ostinato


@pytest.fixture
def runs(grid):
    return load_plan(grid).runs


def test_one_layout_for_all_or_each_shape_its_own(runs, tmp_path):
    assert layouts_for(None, runs) == {}
    assert set(layouts_for("microbatch=8,remat=true", runs).values()) == {"microbatch=8,remat=true"}
    rows = [{"d_model": 16, "head_size": None, "layout": "", "fits": True}]
    rows += [{"d_model": 32, "head_size": None, "layout": "fsdp=8", "fits": True}]
    pd.DataFrame(rows).to_csv(tmp_path / "plan.csv", index=False)
    found = layouts_for(str(tmp_path / "plan.csv"), runs)
    assert {found[run.run_id] for run in runs if run.d_model == 32} == {"fsdp=8"}
    assert {found[run.run_id] for run in runs if run.d_model == 16} == {""}


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("d_model,layout,fits\n16,,True\n32,,False\n", r"none that fits run \w+ \(d_model 32\)"),
        ("d_model,layout\n16,\n32,fdsp=8\n", "layout: fdsp: unknown key"),
        ("name,value\n1,2\n", "is no table that `ostinato plan --write` made"),
    ],
)
def test_a_table_that_lays_out_not_every_run_is_refused(text, fault, runs, tmp_path):
    (tmp_path / "plan.csv").write_text(text)
    with pytest.raises(OstinatoError, match=fault):
        layouts_for(str(tmp_path / "plan.csv"), runs)


@pytest.mark.slow
@pytest.mark.usefixtures("hardly_optimised")
def test_a_run_is_laid_out_traced_and_shown_in_tensorboard_as_asked(
    grid, studied, data_dir, tmp_path, monkeypatch
):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    asked = ("--layout", "microbatch=8,remat=true", "--profile", "--tensorboard", "--keep", 2)
    monkeypatch.setenv("WANDB_MODE", "offline")
    run = load_plan(grid).runs[0]
    ostinato(
        *("train", grid, run.run_id, "--out", tmp_path / "as asked", *asked, "--wandb"),
        data_dir=data_dir,
        check=0,
    )
    curves = [
        pd.read_parquet(study / "curves.parquet").query(f"run_id == '{run.run_id}'")
        for study in (tmp_path / "as asked", studied)
    ]
    assert curves[0].test_loss.tolist() == pytest.approx(curves[1].test_loss.tolist(), abs=1e-4)
    place = tmp_path / "as asked" / "runs" / run.run_id
    trace = json.loads(gzip.decompress(next(place.rglob("perfetto_trace*")).read_bytes()))
    assert len(trace["traceEvents"]) > 100
    events = EventAccumulator(str(place / "tensorboard"), size_guidance={"tensors": 0}).Reload()
    assert [e.step for e in events.Tensors("test_loss")] == curves[0].step.tolist()
    assert list(place.glob(f"wandb/offline-run-*/run-{run.run_id}.wandb"))
    plain = studied / "runs" / run.run_id
    assert not any((plain / name).exists() for name in ("profile", "tensorboard", "wandb"))
    # The TPU compiler is installed here, and silent where there is no TPU.
    assert "TPU" not in (plain / "log.txt").read_text()


@pytest.mark.slow
def test_a_stacked_sweep_finds_what_single_runs_find(
    grid, studied, data_dir, tmp_path, monkeypatch
):
    monkeypatch.setenv("XLA_FLAGS", with_flags(EIGHT_DEVICES, *HARDLY_OPTIMISED)["XLA_FLAGS"])
    asked = ("--out", tmp_path / "out", "--stack", 4, "--jobs", 1)
    ostinato("sweep", grid, *asked, data_dir=data_dir, check=0)
    found = []
    for study in (tmp_path / "out", studied):
        results = pd.read_parquet(study / "results.parquet").set_index("run_id")
        assert (results.status == "done").all()
        curves = pd.read_parquet(study / "curves.parquet")
        assert (results.stacked == (1 if study == studied else 3)).all()
        found.append((results.test_loss, curves.groupby("run_id").size()))
    for got, want in zip(*found, strict=True):
        pd.testing.assert_series_equal(got.sort_index(), want.sort_index(), atol=1e-4, rtol=0)


def test_what_cannot_be_done_is_said_before_anything_is_written(grid, data_dir, tmp_path):
    out = tmp_path / "study"
    sweep = ("sweep", grid, "--out", out)
    bad(ostinato(*sweep, "--layout", "fsdp=x", data_dir=data_dir), "layout: fsdp: write a number")
    bad(ostinato(*sweep, "--layout", "no.csv", data_dir=data_dir), "layout: no.csv cannot be read")
    bad(ostinato("plan", grid, "--write", "x.csv"), "no layouts to write without --accelerator")
    bad(ostinato("plan", grid, "--accelerator", "v5e-7"), "v5e-7: unknown accelerator")
    assert not out.exists()
