"""What the page of the recorded study of facts says of its hypotheses, number by number."""

import numpy as np
import pytest

from analysis.findings.seeds import over_seeds
from tests.recorded import recorded
from tests.sweeps.test_recorded import told

WORST = {6_144: 330, 24_576: 110, 98_304: 110}
"""Of each size the repeat count with the highest mean test loss, templates."""
MIDDLE, LARGE = 24_576, 98_304

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def found():
    return recorded("facts")


def cell(table, params, repeats=None, setting=0, **more):
    """The one row of a table there, at the worst of the size unless told otherwise."""
    repeats = WORST[params] if repeats is None else repeats
    asked = {"setting": setting, "params": params, "repeats": repeats} | more
    (row,) = table[np.logical_and.reduce([table[k] == v for k, v in asked.items()])].to_dict(
        "records"
    )
    return row


def share(row, name):
    """What is missing to 1, in per cent with its interval."""
    ends = (1 - row[name + end] for end in ("", "_high", "_low"))
    return "{:.0%} ({:.0%} to {:.0%})".format(*ends)


def value(row, name, form=".3f"):
    """With its interval."""
    shown = (format(row[name + end], form) for end in ("", "_low", "_high"))
    return "{} ({} to {})".format(*shown)


def of_seeds(values, form=".3f"):
    return value(dict(zip(("x", "x_low", "x_high"), over_seeds(values), strict=True)), "x", form)


def page():
    return told("facts").partition("## As it was set down")[2].partition("## In the report")[0]


def test_the_worst_of_each_size_is_the_one_that_the_page_means(found):
    cells = found.cells[found.cells.scan == 0]
    worst = cells.loc[cells.groupby("params").test_loss.idxmax()]
    assert dict(zip(worst.params, worst.repeats, strict=True)) == WORST


def test_what_a_pool_takes_from_knowledge_and_from_test_loss(found):
    taken = [share(cell(found.lost, params, asked="name"), "kept") for params in WORST]
    assert "1. Open at the two smaller sizes, held at the largest" in page()
    assert f"{taken[0]}, {taken[1]} and {taken[2]} of the bits" in page()
    ratios = [value(cell(found.lost, p, asked="name"), "ratio", ".0f") for p in (MIDDLE, LARGE)]
    assert f"test loss is hurt {ratios[0]} and {ratios[1]} times as much" in page()
    rate = cell(found.exchange, LARGE, asked="name")
    assert f"{value(rate, 'rate', '.2f')} times as many exposures" in page()


def test_calibration_and_what_is_made_up(found):
    for params, repeats in ((MIDDLE, 110), (LARGE, 110), (MIDDLE, 1056), (LARGE, 1056)):
        row = cell(found.calibrations, params, repeats, kind="test")
        assert value(row, "change", "+.3f") in page()
    unseen = found.unseen[(found.unseen.repeats > 0) & found.unseen.setting.isin([0, 1])]
    within = (unseen.change_low > -0.05) & (unseen.change_high < 0.05)
    assert f"whole interval in {within.sum()} of {len(unseen)} cells" in page()
    assert unseen.change.abs().max() < 0.05
    largest = unseen.loc[unseen.change.abs().idxmax()]
    assert value(largest, "change", "+.3f") in page()
    for params in WORST:
        row = cell(found.hallucinations, params)
        assert value(row, "told_false_share_change", "+.3f") in page()


def test_wordings_capacity_and_dose(found):
    runs = found.lost_by_run[
        (found.lost_by_run.params == MIDDLE) & (found.lost_by_run.repeats == WORST[MIDDLE])
    ]
    kept = runs.pivot_table(index="seed", columns="setting", values="kept")
    assert f"differ by {of_seeds(kept[1] - kept[0], '+.3f')}" in page()
    bits = found.capacity.loc[found.capacity.groupby("exposures").bits_per_param.idxmax()]
    hundred, thousand = (
        value(row, "bits_per_param", ".2f")
        for row in bits.sort_values("exposures").to_dict("records")
    )
    assert f"{hundred} bits a param at 100 exposures and {thousand} at 1,000" in page()
    doses = found.doses[found.doses.dose > 1].sort_values("dose").to_dict("records")
    shares = [value(row, "false_share_ratio", ".2f") for row in doses]
    assert "times {}, {}, {} and {}".format(*shares) in page()
    runs = found.study.results[
        found.study.results.exposures.isin(["0 100", "0 100 500", "0 100 1000"])
    ]
    losses = runs.pivot_table(index="seed", columns="exposures", values="test_loss")
    five, ten = (of_seeds(losses[e] - losses["0 100"]) for e in ("0 100 500", "0 100 1000"))
    assert f"test loss by {five} nats at five times and by {ten} at ten" in page()


def test_self_knowledge(found):
    table = found.self_knowledge[found.self_knowledge.group == "all"]
    heads = [cell(table, p, 0, stage="p_ik", predictor="head", after="nothing") for p in WORST]
    assert "{}, {} and {}".format(*(value(row, "auroc", ".2f") for row in heads)) in page()
    assert "by {}, {} and {}".format(*(value(row, "gain", "+.2f") for row in heads)) in page()
    judged = [cell(table, p, 0, stage="p_true", predictor="p_true") for p in (MIDDLE, LARGE)]
    assert "{} and {}".format(*(value(row, "auroc", ".2f") for row in judged)) in page()
    assert "by {} and {}".format(*(value(row, "gain", "+.2f") for row in judged)) in page()
    after = [cell(table, p, stage="p_true", predictor="p_true") for p in (MIDDLE, LARGE)]
    assert "{} and {}".format(*(value(row, "change", "+.2f") for row in after)) in page()
    bare = _auroc(found, "p_true", predictor="p_true", shown=0)
    shown = [
        of_seeds(bare[bare["repeats"].eq(0) & (bare.params == p)].auroc, ".2f")
        for p in (MIDDLE, LARGE)
    ]
    assert "without samples {} and {}".format(*shown) in page()
    told_first = _auroc(found, "p_ik", predictor="head", trained_on="all", target="exact")
    sure = _auroc(found, "p_ik", predictor="confidence")
    more = []
    for params in WORST:
        drops = []
        for runs in (told_first, sure):
            own = runs[(runs.params == params) & (runs["repeats"] == WORST[params])]
            own = own.pivot_table(index="seed", columns="after", values="auroc")
            drops.append(own["nothing"] - own["pool"])
        more.append(of_seeds(drops[0] - drops[1], "+.2f"))
    assert "{}, {} and {}".format(*more) in page()


def _auroc(found, stage, **asked):
    """The rows of a stage's own table that are asked for, beside the run that was judged."""
    table, runs = found.study.details[stage], found.study.results
    asked = {"group": "all"} | asked
    table = table[np.logical_and.reduce([table[k] == v for k, v in asked.items()])]
    of = found.study.stages[stage][["run_id", "of", "seed"]]
    columns = runs[["run_id", "params", "repeats"]].rename(columns={"run_id": "of"})
    return table.merge(of, on="run_id").merge(columns, on="of")
