"""What a new wing needs: a probe, a stage and a finding, each by one object and one registration."""

import threading
import time
from pathlib import Path

import pandas as pd
import psutil
import pytest

from analysis.findings import FINDINGS
from analysis.report import write_report
from data_pipelines.errors import OstinatoError
from scaling.config import RunConfig
from scaling.probes import PROBES
from scaling.stages import STAGES
from sweeps.grids.files import load_plan
from sweeps.study.store import StudyDirectory
from sweeps.workers import local
from tests.sweeps.command_line import ostinato
from tests.sweeps.workers import toys

GRID = """
name: toys
base: {{corpus: "{corpus}", context: 32, batch_size: 16, tokens: 15360, d_model: 16,
       evaluations: 2, evaluation_tokens: 1024, ood_corpus: null, probes: [toy]}}
axes: {{repeated_fraction: [0.5], repeats: [8], seed: [0, 1]}}
stages:
  - {{stage: tally, select: "repeats == 8 and seed == 0", by: 3}}
"""


@pytest.fixture
def registered(monkeypatch):
    """The toys are on the lists, here as in the workers."""
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[2]))
    before = [*PROBES], [*STAGES], [*FINDINGS]
    toys.register()
    yield
    PROBES[:], STAGES[:], FINDINGS[:] = before


@pytest.fixture
def toy_grid(text_corpus, tmp_path):
    path = tmp_path / "toys.yaml"
    path.write_text(GRID.format(corpus=text_corpus))
    return path


def test_without_its_line_a_name_is_unknown(toy_grid):
    with pytest.raises(OstinatoError, match="stages: stage: tally: unknown stage"):
        load_plan(toy_grid)
    with pytest.raises(OstinatoError, match="probes: toy: unknown probe"):
        RunConfig.parse({"tokens": "1M", "d_model": 32, "probes": ["toy"]})


@pytest.mark.slow
@pytest.mark.usefixtures("registered", "studied", "own_cache")
def test_a_probe_a_stage_and_a_finding_arrive_by_an_object_and_a_line_each(
    toy_grid, mixture, data_dir, tmp_path
):
    study, plan = StudyDirectory(tmp_path / "study"), load_plan(toy_grid)
    study.create(plan, toy_grid)
    tally = plan.runs[-1]
    assert (tally.stage, plan.run(tally.of).seed) == ("tally", 0)

    outcome = _swept_while_killing(study, plan, tally, data_dir)
    assert not outcome.failed and len(outcome.done) == len(plan.runs) == 5
    study.collect()

    curves = pd.read_parquet(study.path / "curves.parquet").set_index("run_id")
    trained = [run.run_id for run in plan.runs[:-1]]
    assert (curves.toy_score[trained] >= curves.test_loss[trained]).all()
    told = pd.read_parquet(study.path / "toys.parquet")
    assert told.groupby("run_id").size().to_dict() == dict.fromkeys(trained, 3 * 32)

    results = pd.read_parquet(study.path / "results.parquet").set_index("run_id")
    parent = plan.run(tally.of)
    assert results.total[tally.run_id] == parent.steps + 3 * toys.STEPS  # none twice, none lost
    assert results.of[tally.run_id] == parent.run_id and results.stage[tally.run_id] == "tally"
    halves = pd.read_parquet(study.path / "tallies.parquet")
    assert halves.step.tolist() == [0, toys.STEPS // 2, toys.STEPS]
    assert curves.total[tally.run_id].tolist() == [2 * half for half in halves.half]

    page = write_report(study.path).read_text()
    assert f"<p>1 run has counted to {parent.steps + 3 * toys.STEPS}.</p>" in page
    assert '<section class="card wide" id="tallies"' in page
    assert (study.path / "report" / "figures" / "tallies.svg").exists()
    for command in ("status", "collect"):
        ostinato(command, study.path, check=0)


def _swept_while_killing(study, plan, tally, data_dir) -> local.Outcome:
    """How a sweep ends whose worker is killed once the tally has kept something."""
    run = study.run(tally.run_id)

    def kill():
        while not run.consumed_steps():
            time.sleep(0.02)
        for child in psutil.Process().children(recursive=True):
            if toys.__name__ in " ".join(child.cmdline()):
                child.kill()

    killer = threading.Thread(target=kill, daemon=True)
    killer.start()
    outcome = local.sweep(
        study, plan.runs, data_dir, 1, local.Watcher(), program=f"{toys.__name__}:main"
    )
    killer.join(1)
    assert not killer.is_alive()
    return outcome
