"""What probes find reaches the store: a run's tables, and the study's."""

import pandas as pd

from scaling.config import RunConfig
from sweeps.grids.files import load_plan
from sweeps.study.store import StudyDirectory

GRID = """
name: probed
base: {tokens: 8192, d_model: 32, probes: [heads, vectors]}
axes: {seed: [0, 1]}
"""


def study(tmp_path):
    source = tmp_path / "probed.yaml"
    source.write_text(GRID)
    plan = load_plan(source)
    directory = StudyDirectory(tmp_path / "study")
    directory.create(plan, source)
    return directory, plan.runs


def told(run, config: RunConfig, steps):
    for step in steps:
        run.evaluation({"step": step, "test_loss": 1.0})
        heads = [{"step": step, "head": head, "prefix_matching": 0.5} for head in range(2)]
        run.details({"heads": heads, "vectors": [{"step": step, "vector": [0.0, step]}]})


def test_a_study_s_tables_hold_the_rows_of_all_runs_with_their_ids(tmp_path):
    directory, runs = study(tmp_path)
    for config in runs:
        run = directory.run(config.run_id)
        run.begin(config, 0)
        told(run, config, (0, 1))
        run.finish({})
    directory.collect()
    heads = pd.read_parquet(directory.path / "heads.parquet")
    assert heads.groupby("run_id").size().to_dict() == {run.run_id: 4 for run in runs}
    vectors = pd.read_parquet(directory.path / "vectors.parquet")
    assert vectors["vector"].map(list).tolist() == [[0, 0], [0, 1]] * 2
    assert not (directory.path / "copies.parquet").exists()
    results = pd.read_parquet(directory.path / "results.parquet")
    assert set(results["probes"]) == {"heads vectors"}


def test_rows_that_a_resumed_run_will_tell_again_are_dropped_from_every_table(tmp_path):
    directory, (config, _) = study(tmp_path)
    run = directory.run(config.run_id)
    run.begin(config, 0)
    told(run, config, (0, 1, 2))
    run.begin(config, 1)
    assert run.metrics()["step"].tolist() == [0, 1]
    assert run.table("heads")["step"].tolist() == [0, 0, 1, 1]
    run.begin(config, 0)
    assert run.table("heads").empty and run.metrics().empty
