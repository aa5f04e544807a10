"""P(IK) and P(True): gains on the baseline and changes by repetition come out as they were put in."""

import numpy as np
import pytest

from analysis.findings.knowing.self_knowledge import SELF_KNOWLEDGE
from tests.analysis.findings.knowing.conftest import (
    LADDER,
    SIZES,
    analysed,
    charts,
    ladder_runs,
    rungs,
    told_study,
)

GAIN, CHANGE = 0.04, -0.06
FIGURES = {"n": 900, "rms_ce": 0.03, "rms_ce_floor": 0.02, "ece": 0.02, "brier": 0.1}
FIGURES |= {"accuracy": 0.4, "confidence_gap": 0.0}


def auroc(run, trained):
    """Of the head or grader, and of what needs no training; seeds share half of their noise."""
    noise = 0.004 * (run["seed"] - 1)
    after = (CHANGE + noise) * (run["repeats"] == 300)
    return 0.85 + noise + after + (GAIN + noise / 2) * trained


def stage(name, run):
    """Row of the results of a stage after a run."""
    summary = {"p_ik_auroc": 0.8} if name == "p_ik" else {"p_true_auroc": 0.8}
    return {
        "run_id": f"{name}-{run['run_id']}",
        "of": run["run_id"],
        "stage": name,
        "status": "done",
    } | {
        "seed": run["seed"],
        **summary,
    }


@pytest.fixture(scope="module")
def found():
    runs = [run for run in ladder_runs() if run["params"] == SIZES[-1]]
    tables = {"knowledge": [row for run in runs for row in rungs(run, LADDER)]}
    tables |= {name: [] for name in ("p_ik", "p_true", "p_ik_exposures", "p_true_exposures")}
    for run in runs:
        for name, trained, plain in (
            ("p_ik", "head", "confidence"),
            ("p_true", "p_true", "probability"),
        ):
            own = {"run_id": f"{name}-{run['run_id']}", "step": 1}
            for predictor in (trained, plain):
                learned = predictor == trained
                row = own | FIGURES | {"predictor": predictor, "group": "all"}
                row |= {"auroc": auroc(run, learned)}
                if name == "p_ik":
                    row |= {"target": "exact" if learned else "none", "after": "nothing"}
                    row |= {"trained_on": "all" if learned else "nothing"}
                    if learned:
                        tables[name].append(
                            row | {"target": "samples", "auroc": 0.5}
                        )  # not told of
                    tables[name].append(row | {"group": "never_seen", "auroc": np.nan})
                    tables[name].append(row | {"after": "pool", "auroc": 0.6})
                else:
                    row |= {"shown": 5 if learned else 0}
                    if learned:
                        tables[name].append(row | {"shown": 0, "auroc": 0.5})
                tables[name].append(row)
            for exposures in LADDER:
                row = own | {"predictor": trained, "exposures": exposures, "prediction": 0.3}
                told = {
                    "probability": 0.2,
                    "target": "exact",
                    "trained_on": "all",
                    "after": "nothing",
                }
                other = {"accuracy": 0.2, "shown": 5}
                tables[f"{name}_exposures"].append(row | (told if name == "p_ik" else other))
    stages = [stage(name, run) for run in runs for name in ("p_ik", "p_true")]
    return analysed(told_study(runs + stages, **tables), SELF_KNOWLEDGE)


@pytest.mark.parametrize(("name", "predictor"), [("p_ik", "head"), ("p_true", "p_true")])
def test_gain_and_change_are_paired_by_seed(found, name, predictor):
    table = found.self_knowledge
    own = table[(table.stage == name) & (table.predictor == predictor) & (table.group == "all")]
    own = own[own.after == "nothing"].set_index("repeats")
    assert (own.seeds == 3).all() and own.auroc[0] == pytest.approx(0.89)
    assert own.gain.to_list() == pytest.approx([GAIN] * 3)
    assert own.gain_low[0] == pytest.approx(GAIN - 4.303 * 0.002 / 3**0.5, rel=1e-3)
    assert own.change[300] == pytest.approx(CHANGE) and own.change[30] == pytest.approx(0)


def test_what_could_not_be_measured_is_no_number(found):
    never = found.self_knowledge.query("group == 'never_seen'")
    assert len(never) and never.auroc.isna().all()
    assert found.self_knowledge.query("after == 'pool'").auroc.to_list() == pytest.approx([0.6] * 6)


def test_both_are_told_beside_their_baseline_with_intervals(found):
    ik, true = (s for s in found.summary if s.startswith("P("))
    assert ik.startswith("P(IK) tells what is known with an AUROC of 0.890 (95 %: ")
    assert (
        "+0.040 (95 %: +0.035 to +0.045) on the highest probability; RMS-CE 0.030 (floor 0.020, n 900)"
        in ik
    )
    assert "after a pool that is seen 300 times 0.830, -0.060 (95 %: " in ik
    assert "on the answer's own probability" in true


def test_the_figures_set_them_beside_the_truth(found):
    drawn = charts(found, SELF_KNOWLEDGE)
    names = [panel.title.partition(",")[0] for panel in drawn["self-knowledge"].panels]
    assert names == ["P(IK)", "P(True)"]
    lines = {series.name: series.y for series in drawn["self-knowledge"].panels[0].series}
    assert lines["P(IK)"].tolist() == pytest.approx([0.89, 0.83])
    foreseen, true = drawn["foreseen"].panels[0].series[:2]
    assert foreseen.y.tolist() == pytest.approx([0.3] * len(LADDER))
    assert true.y.tolist() == pytest.approx([0.2] * len(LADDER))
