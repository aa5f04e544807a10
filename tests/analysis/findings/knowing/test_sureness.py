"""Calibration and confidence: the differences that were put in, floors and numbers always beside."""

import numpy as np
import pytest

from analysis.findings.knowing.calibration import CALIBRATION
from analysis.findings.knowing.exchange import EXCHANGE
from analysis.findings.knowing.unseen import UNSEEN
from tests.analysis.findings.knowing.conftest import (
    LADDER,
    SIZES,
    analysed,
    charts,
    ladder_runs,
    rungs,
    told_study,
)

TOLD = EXCHANGE, UNSEEN, CALIBRATION
WORSE = {0: 0.0, 30: 0.0, 300: 0.05}
"""By repeats, what is added to the calibration error on held-out text; to that of facts nothing is."""
FLOOR, PREDICTIONS = 0.02, 8192


def calibrations(run):
    noise = 0.004 * (run["seed"] - 1)
    shared = {"run_id": run["run_id"], "step": 100, "n": PREDICTIONS, "rms_ce_floor": FLOOR}
    shared |= {"ece": 0.02, "brier": 0.2, "accuracy": 0.3, "confidence_gap": 0.01}
    text = {
        "kind": "test",
        "rms_ce": 0.03 + noise + (WORSE[run["repeats"]] + noise / 2) * (run["repeats"] > 0),
    }
    return [
        shared | text | {"temperature": 1.1},
        shared | {"kind": "facts", "rms_ce": 0.25 + noise},
    ]


def bins(run):
    """Over-confident by what was added, in every bin."""
    shared = {"run_id": run["run_id"], "step": 100, "n": PREDICTIONS // 15}
    places = np.linspace(0.1, 0.9, 15)
    return [
        shared | {"kind": kind, "bin": k, "confidence": p, "accuracy": p - WORSE[run["repeats"]]}
        for kind in ("test", "facts")
        for k, p in enumerate(places)
    ]


@pytest.fixture(scope="module")
def found():
    runs = ladder_runs()
    tables = {"knowledge": [row for run in runs for row in rungs(run, LADDER)]}
    tables["calibration"] = [row for run in runs for row in calibrations(run)]
    tables["reliability"] = [row for run in runs for row in bins(run)]
    return analysed(told_study(runs, **tables), *TOLD)


def test_the_change_is_paired_by_seed_and_told_with_floor_and_number(found):
    cells = found.calibrations.set_index(["params", "repeats", "kind"]).loc[SIZES[-1]]
    assert cells.change[300, "test"] == pytest.approx(0.05)
    # What a seed shares with its control falls out: half of its noise is left.
    reach = cells.change_high[300, "test"] - cells.change[300, "test"]
    assert reach == pytest.approx(4.303 * 0.002 / 3**0.5, rel=1e-3)
    assert cells.change[300, "facts"] == pytest.approx(0) and cells.temperature[0, "test"] > 1
    assert np.isnan(cells.temperature[0, "facts"])
    (told,) = (s for s in found.summary if s.startswith("Calibration (RMS-CE)"))
    text, facts = told.split("; ")
    assert (
        "of held-out text it is 0.030 (floor 0.020, n 8,192) without repetition and 0.080" in text
    )
    assert "beside a pool that is seen 300 times, +0.050 (95 %: +0.045 to +0.055)" in text
    assert "of facts it is 0.250 (floor 0.020, n 8,192)" in facts and "includes no effect" in facts


def test_a_reliability_diagram_has_its_error_floor_and_number_above_it(found):
    chart = charts(found, CALIBRATION)["reliability"]
    assert [panel.title.partition(":")[0] for panel in chart.panels] == ["held-out text", "facts"]
    assert chart.panels[0].title == (
        "held-out text: control 0.030 (floor 0.020, n 8,192); E = 300 0.080 (floor 0.020, n 8,192)"
    )
    _, control, worst = chart.panels[0].series
    assert control.x.tolist() == pytest.approx(control.y.tolist())
    assert (worst.x - worst.y).tolist() == pytest.approx([0.05] * 15)
    over = charts(found, CALIBRATION)["calibration-against-repeats"]
    assert {"null floor", "98.3k"} <= {series.name for series in over.panels[0].series}
    assert "n of 8,192 to 8,192" in over.caption


def test_what_was_never_said_is_answered_with_the_confidence_of_the_half_known(found):
    row = found.unseen.query("repeats == 0 and params == 98_304").iloc[0]
    assert (
        row.confidence == pytest.approx(0.4) and row.like == 30
    )  # stated 30 times, p is 0.26 and confidence 0.4
    assert row.accuracy == pytest.approx(1 / 64) and row.n == 4 * LADDER[0]
    (told,) = (s for s in found.summary if s.startswith("Facts that were never stated"))
    assert "with a confidence of 0.40 and right in 0.016 of 2,048 a run, by luck in 0.016" in told
    assert "facts stated 30 times are held with no more confidence" in told
    chart = charts(found, UNSEEN)["confidence-in-the-unseen"]
    sure, right = chart.panels[0].series[:2]
    assert sure.x[0] == right.x[0] < 1 and (sure.y[0], right.y[0]) == pytest.approx((0.4, 1 / 64))
    assert {series.name.split(", ")[1] for series in chart.panels[0].series} == {
        "control",
        "E = 300",
    }
