"""Which runs a study is about."""

import pandas as pd

from analysis import analyse
from analysis.findings.claims.measuring import best_measured, main_peaks, main_scans
from analysis.study import make_study


def test_a_study_is_about_the_arm_with_most_runs(tables):
    results, curves = tables(fractions=(0.1, 0.5), seeds=(0,))
    arm = tables(sizes=(98_304,), repeats=(64, 256, 1024), seeds=(0,))[0]
    arm = arm.assign(weight_decay=1.0, run_id=arm.run_id + "wd")
    found = analyse(make_study(pd.concat([results, arm], ignore_index=True), curves))
    scans = found.study.scans.set_index("scan").loc[sorted(main_scans(found))]
    assert scans.repeated_fraction.to_list() == [0.1, 0.5] and set(scans.weight_decay) == {0.1}


def test_a_worst_at_an_end_of_what_was_tried_is_no_worst_where_another_lies_between(tables):
    """However many seeds it has."""
    results, curves = tables(fractions=(0.1, 0.5), repeats=(4, 8, 16, 64, 1024), seeds=(0, 1, 2))
    rising = (results.repeated_fraction != 0.1) | (results.repeats <= 16)
    few = (results.repeated_fraction != 0.5) | (results.seed < 2)
    found = analyse(make_study(results[rising & few], curves))
    assert best_measured(main_peaks(found)).repeated_fraction == 0.5
    own = found.claims.set_index("claim").seeds
    assert own["prominence, f = 0.1"] == 0 < own["multiplier at the worst, f = 0.1"]
    whole = analyse(make_study(results, curves))
    assert whole.claims.set_index("claim").seeds["prominence, f = 0.1"] == 3
