"""Fine-tuned runs whose loss is that of a known size from scratch."""

from dataclasses import replace

import pandas as pd
import pytest

from analysis import analyse
from analysis.errors import AnalysisError
from analysis.findings import gallery
from analysis.study import make_study
from tests.analysis.conftest import control_loss, make_tables

MULTIPLIERS = {0: 2.0, 256: 0.5}
"""By the repeats before: what size from scratch does as well, as a share of the model's."""


@pytest.fixture(scope="module")
def study():
    """Runs before, from scratch on another corpus, and fine-tuned on it, all at a known law."""
    results, curves = make_tables(repeats=(256,), noise=0.003)
    scratch = results[results.repeats == 0].assign(corpus="pycode")
    scratch["run_id"] = "scratch-" + scratch.run_id
    before = results[results.params == 98_304]
    tuned = before.assign(corpus="pycode", pretrained_run=before.run_id, learning_rate=1.5e-3)
    tuned["run_id"] = "tuned-" + tuned.run_id
    own = scratch.set_index(["params", "seed"]).test_loss
    for row in tuned.index:
        params, seed, repeats = tuned.loc[row, ["params", "seed", "repeats"]]
        times = control_loss(params * MULTIPLIERS[repeats]) / control_loss(params)
        tuned.loc[row, "test_loss"] = own[params, seed] * times
    tuned[["repeats", "repeated_fraction", "pool_tokens"]] = 0
    both = pd.concat([results, scratch, tuned], ignore_index=True)
    more = [
        own.assign(run_id=prefix + own.run_id)
        for prefix, wanted in (("scratch-", scratch), ("tuned-", tuned))
        for own in [curves[(prefix + curves.run_id).isin(wanted.run_id)]]
    ]
    return make_study(both, pd.concat([curves, *more]))


def test_the_multiplier_relative_to_scratch_is_the_size_that_does_as_well(study):
    cells = analyse(study).transfer.set_index("pretrained_repeats")
    assert cells.multiplier[0] == pytest.approx(2.0, rel=0.02)
    assert cells.multiplier[256] == pytest.approx(0.5, rel=0.02)
    assert (cells.seeds == 2).all()
    assert cells.gain[0] > 0 > cells.gain[256]


def test_fine_tuned_runs_are_no_controls_and_in_no_scan(study):
    whole = analyse(study)
    alone = analyse(replace(study, results=study.results[study.results.setting >= 0]))
    assert set(study.fine_tuned.run_id).isdisjoint(study.controls.run_id)
    pd.testing.assert_frame_equal(whole.cells, alone.cells)
    pd.testing.assert_frame_equal(whole.controls, alone.controls)


def test_the_figure_shows_each_history_beside_scratch(study):
    found = analyse(study)
    chart = next(c for c in gallery(found) if c.key == "fine-tuning")
    assert [series.name for series in chart.panels[0].series] == [
        "from scratch",
        "control",
        "E = 256",
    ]
    (told,) = (s for s in found.summary if s.startswith("Fine-tuned"))
    assert "E = 256 (the worst)" in told and "above scratch (multiplier 0.4" in told


def test_a_table_of_fine_tuned_runs_alone_says_what_is_missing(study):
    with pytest.raises(AnalysisError, match="add those before"):
        make_study(study.fine_tuned.drop(columns=["setting", "scan"]))
