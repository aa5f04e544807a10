"""Bits lost come out as the share of a model that is lost, beside that by test loss."""

import pytest

from analysis.findings.knowing.lost import LOST
from analysis.findings.knowing.wordings import WORDINGS
from tests.analysis.findings.knowing.conftest import (
    LADDER,
    LOSS,
    RATES,
    SIZES,
    analysed,
    charts,
    known,
    ladder_runs,
    rungs,
    told_study,
)


def test_bits_are_those_of_the_law_and_never_less_than_none(found):
    row = found.lost_by_run.query("repeats == 300 and seed == 1").iloc[0]
    stated = sum(4 * n * 6 * known(e, SIZES[-1], 300) for e, n in LADDER.items() if e)
    assert row.bits == pytest.approx(stated)  # what was never stated counts as none, not as less


def test_both_multipliers_are_what_was_put_in(found):
    cells = found.lost.set_index("repeats")
    for repeats in (30, 300):
        row = cells.loc[repeats]
        # A quarter and half of the largest size are sizes of controls: nothing is read off between.
        assert row.by_knowledge == pytest.approx(RATES[repeats] ** -2, rel=0.01)
        assert row.by_test_loss == pytest.approx(LOSS[repeats])
        assert row.ratio == pytest.approx(row.by_knowledge / row.by_test_loss, rel=0.01)
    assert cells.ratio_low[30] < 1 < cells.ratio_high[30] and cells.ratio_high[300] < 0.6
    assert not cells.bound.any()


def test_which_is_hurt_more_is_told_with_the_interval(found):
    (sentence,) = (s for s in found.summary if s.startswith("Of the bits that the control knows"))
    assert "at N = 98.3k, seen 300 times" in sentence
    assert (
        "multiplier of 0.25 against 0.50 by test loss: knowledge is hurt more (ratio 0.50, 95"
        in sentence
    )
    chart = charts(found, LOST)["knowledge-against-loss"]
    _, by_name, test = chart.panels[0].series
    assert test.y.tolist() == pytest.approx([1.0, 0.5])
    assert by_name.y.tolist() == pytest.approx([1.0, 0.25], rel=0.01) and (by_name.error > 0).all()


def test_below_the_smallest_control_the_ratio_is_a_bound():
    runs = [run for run in ladder_runs() if run["params"] >= SIZES[2]]
    rows = [row for run in runs for row in rungs(run, LADDER)]
    cells = analysed(told_study(runs, knowledge=rows), LOST).lost.set_index("repeats")
    assert cells.bound[300] and not cells.bound[30]
    assert cells.ratio[300] == pytest.approx(1)  # both count as the smallest control, half the size


def test_one_size_loses_bits_and_has_no_multiplier():
    runs = [run for run in ladder_runs() if run["params"] == SIZES[-1]]
    rows = [row for run in runs for row in rungs(run, LADDER)]
    found = analysed(told_study(runs, knowledge=rows), LOST, WORDINGS)
    assert found.lost.by_knowledge.isna().all() and found.lost.kept.notna().all()
    (sentence,) = (s for s in found.summary if s.startswith("Of the bits that the control knows"))
    assert sentence.endswith("at N = 98.3k, seen 300 times.")


def test_templates_are_set_beside_verbatim_seed_by_seed():
    """Facts that are stated verbatim lose nothing in place, and those in templates a quarter."""
    runs = ladder_runs() + ladder_runs("verbatim")
    rows = [row for run in runs for row in rungs(run, LADDER)]
    verbatim = [run for run in runs if run["statements"] == "verbatim"]
    rows += [row for run in verbatim for row in rungs(run | {"repeats": 0}, LADDER, "place")]
    found = analysed(told_study(runs, knowledge=rows), LOST, WORDINGS)
    table = found.wordings.set_index("repeats")
    assert table.verbatim.to_list() == pytest.approx([1, 1])
    lost = found.lost[(found.lost.asked == "name") & (found.lost.repeats == 300)]
    assert table.ratio[300] == pytest.approx(lost.kept.iloc[0]) and table.ratio_high[300] < 0.8
    (sentence,) = (s for s in found.summary if s.startswith("Of the control's bits"))
    assert "100% (95 %: 100% to 100%, includes no effect) at N = 98.3k beside a pool" in sentence
    assert (table.seeds == 3).all()
