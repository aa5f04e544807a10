"""Hallucination beside a pool and by dose: the ratios that were put in, and which comes first."""

import pytest

from analysis.findings.knowing.dose import DOSE, dosed
from analysis.findings.knowing.hallucination import HALLUCINATION
from analysis.findings.knowing.told import Ladder
from tests.analysis.findings.knowing.conftest import (
    LADDER,
    analysed,
    charts,
    ladder_runs,
    run_of,
    rungs,
    told_study,
)

DOSES = {1: (0.60, 2.00), 2: (0.59, 2.00), 5: (0.45, 2.00), 20: (0.30, 2.20)}
"""By dose: the share of what is stated unasked that is false, and test loss."""
NOISE = 0.01


def ladder(dose):
    return {0: 100, 30: 1000} if dose == 1 else {0: 100, 30: 950, 30 * dose: 50}


def stated(run, false=0.5):
    shares = {"false_share": false, "told_false_share": 0.4, "never_seen_false_share": 0.98}
    return run | shares | {"false_n": 2048, "told_false_n": 1000, "never_seen_false_n": 128}


def dose_study(doses=DOSES, seeds=(0, 1, 2)):
    runs, heard = [], []
    for dose, (false, loss) in doses.items():
        for seed in seeds:
            own = (seed - 1) * NOISE
            more = {"test_loss": loss * (1 + own) * (1 + 0.2 * own * (dose > 1))}
            false_now = false * (1 + own) * (1 + own * (dose > 1))
            runs.append(stated(run_of(24_576, 0, seed, ladder(dose), **more), false_now))
            for exposures in ladder(dose):
                row = {"run_id": runs[-1]["run_id"], "step": 100, "exposures": exposures}
                row |= {"prompt": "name", "statements": 32, "n": 128, "false_share": false_now}
                heard.append(row)
    rows = [row for run in runs for row in rungs(run, dict(told(run)))]
    return told_study(runs, knowledge=rows, hallucination=heard)


def told(run):
    return zip(*(map(int, run[name].split()) for name in ("exposures", "entities")), strict=True)


def test_a_dose_is_found_by_its_ladder():
    plain, more = (
        Ladder((0, 30), (9, 100), "templates"),
        Ladder((0, 30, 60), (9, 95, 5), "templates"),
    )
    assert dosed({3: plain, 7: more}) == {7: (3, 2.0)}
    other = {
        "fewer facts": Ladder((0, 30, 60), (9, 90, 5), "templates"),
        "most of them": Ladder((0, 30, 60), (9, 5, 95), "templates"),
        "other words": Ladder((0, 30, 60), (9, 95, 5), "verbatim"),
        "other exposures": Ladder((0, 20, 60), (9, 95, 5), "templates"),
    }
    assert dosed({3: plain} | {n + 10: ladder for n, ladder in enumerate(other.values())}) == {}


def test_each_dose_is_beside_the_run_of_its_seed_without():
    table = analysed(dose_study(), DOSE).doses.set_index("dose")
    assert table.index.to_list() == [1, 2, 5, 20] and (table.seeds == 3).all()
    for dose, (false, loss) in DOSES.items():
        assert table.false_share_ratio[dose] == pytest.approx(false / 0.60, rel=1e-3)
        assert table.others_false_share_ratio[dose] == pytest.approx(false / 0.60, rel=1e-3)
        assert table.test_loss_ratio[dose] == pytest.approx(loss / 2.00, rel=1e-3)
        assert table.others_probability_ratio[dose] == pytest.approx(1)
    assert table.false_share_ratio_low[2] < 1 < table.false_share_ratio_high[2]
    assert table.false_share_ratio_high[5] < 1


def test_which_comes_first_is_told():
    found = analysed(dose_study(), DOSE)
    (sentence,) = (s for s in found.summary if s.startswith("Where all facts are stated 30 times"))
    assert "60% of what is stated unasked is false at N = 24.6k" in sentence
    assert "5 times as often 45%, times 0.75 (95 %: " in sentence
    assert (
        "The least dose that lowers hallucination is 5, before test loss rises (at 20)."
        in found.summary
    )
    chart = charts(found, DOSE)["dose"]
    assert chart.panels[0].series[1].y.tolist() == pytest.approx([1, 59 / 60, 0.75, 0.5], rel=1e-3)


def test_a_dose_that_does_nothing_is_said_to():
    found = analysed(dose_study({1: (0.60, 2.0), 2: (0.60, 2.0)}), DOSE)
    assert "No dose lowers hallucination, as far as these seeds tell." in found.summary


def test_of_a_ladder_that_no_other_doses_nothing_is_told():
    runs = [stated(run) for run in ladder_runs()]
    row = {"step": 1, "exposures": 0, "prompt": "name", "n": 9, "false_share": 0.5}
    heard = [{"run_id": run["run_id"]} | row for run in runs]
    rows = [row for run in runs for row in rungs(run, LADDER)]
    found = analysed(told_study(runs, knowledge=rows, hallucination=heard), DOSE)
    assert found.doses.empty and not charts(found, DOSE)


def test_one_seed_has_ratios_and_no_verdict():
    found = analysed(dose_study(seeds=(1,)), DOSE)
    assert not any("lowers hallucination" in sentence for sentence in found.summary)
    assert found.doses.false_share_ratio.notna().all()


def test_beside_a_pool_more_is_made_up():
    runs = [stated(run, 0.2 + 0.1 * (run["repeats"] == 300)) for run in ladder_runs()]
    rows = [row for run in runs for row in rungs(run, LADDER)]
    found = analysed(told_study(runs, knowledge=rows), HALLUCINATION)
    cells = found.hallucinations.query("params == 98_304").set_index("repeats")
    assert cells.false_share_change[300] == pytest.approx(0.1)
    assert cells.false_share_change[30] == cells.told_false_share_change[300] == 0
    (sentence,) = (s for s in found.summary if s.startswith("At temperature 1"))
    assert "20% of the facts stated unasked are false (n 2,048 a run)" in sentence
    assert (
        "unasked most beside a pool that is seen 300 times, 30%, a change by +10.0 points"
        in sentence
    )
    assert (
        "of a name that was stated most" in sentence and sentence.count("includes no effect") == 1
    )
    chart = charts(found, HALLUCINATION)["hallucination"]
    lines = {series.name: series.y.tolist() for series in chart.panels[0].series}
    assert lines["unasked"] == pytest.approx([0.2, 0.3]) and lines[
        "unasked, control"
    ] == pytest.approx([0.2, 0.2])
