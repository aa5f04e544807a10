"""What a run is of, and which rows are no language models."""

import numpy as np
import pandas as pd
import pytest

from analysis import analyse
from analysis.study import make_study


@pytest.fixture
def policies(tables):
    """A study's tables, with two rows of another stage among them: one done, one not."""
    results, curves = tables(seeds=(0,))
    results = results.assign(stage="pretraining", of=None)
    toys = [{"run_id": f"toy-{k}", "stage": "toy", "of": results.run_id[0]} for k in range(2)]
    toys = pd.DataFrame(toys).assign(status=["done", "failed"], gold=0.5, seed=0)
    more = pd.DataFrame({"run_id": ["toy-0"] * 3, "tokens": [1, 2, 3], "gold": [0.1, 0.3, 0.5]})
    return pd.concat([results, toys], ignore_index=True), pd.concat([curves, more])


def test_runs_of_another_stage_are_kept_apart_and_not_complained_of(policies, tables):
    study = make_study(*policies)
    assert study.stages["toy"].run_id.tolist() == ["toy-0"] and study.stages["toy"].gold[0] == 0.5
    assert len(study.stage_curves["toy"]) == 3 and not {"toy-0"} & set(study.curves.run_id)
    plain = make_study(*tables(seeds=(0,)))
    assert study.notes == plain.notes and len(study.results) == len(plain.results)
    assert study.results.layers.dtype == plain.results.layers.dtype
    pd.testing.assert_frame_equal(analyse(study).cells, analyse(plain).cells)


def test_another_stage_has_needs_and_a_seed_of_its_own(policies):
    study = make_study(*policies)
    assert study.has({"toy": ("gold",)}) and not study.has({"toy": ("silver",)})
    assert len(study.of_seed(0).stage_curves["toy"]) == 3
    other = study.of_seed(1)
    assert other.stages["toy"].empty and other.stage_curves["toy"].empty


def test_older_tables_name_the_run_they_begin_with_otherwise(tables):
    results, curves = tables(seeds=(0,))
    tuned = results.tail(1).assign(run_id="tuned", pretrained_run=results.run_id.iloc[-1])
    study = make_study(pd.concat([results, tuned], ignore_index=True), curves)
    assert "pretrained_run" not in study.results
    assert study.fine_tuned[["run_id", "stage", "of"]].values.tolist() == [
        ["tuned", "fine_tuning", results.run_id.iloc[-1]]
    ]
    assert (study.results.stage[study.results.setting >= 0] == "pretraining").all()


def test_a_table_of_old_and_new_rows_is_read_as_one(tables):
    results, curves = tables(seeds=(0,))
    old = results.tail(1).assign(run_id="old", pretrained_run=results.run_id.iloc[-1])
    new = results.tail(1).assign(run_id="new", of=results.run_id.iloc[-1], stage="fine_tuning")
    study = make_study(pd.concat([results, old, new], ignore_index=True), curves)
    assert set(study.fine_tuned.run_id) == {"old", "new"}
    assert study.fine_tuned.of.nunique() == 1 and np.all(study.fine_tuned.stage == "fine_tuning")
