"""Intervals over seeds, and one slope through several scans."""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import ttest_1samp

from analysis import analyse
from analysis.findings.claims.measuring import main_scans, over_seeds
from analysis.study import make_study


def test_the_interval_is_students():
    values = [0.1, 0.3, 0.2]
    found = ttest_1samp(values, 0).confidence_interval(0.95)
    assert over_seeds(values) == pytest.approx((0.2, found.low, found.high))
    value, low, high = over_seeds(values, log=True)
    assert value == pytest.approx(0.2) and 0 < low < 0.2 < high


def test_one_seed_has_no_interval():
    value, low, high = over_seeds([0.4, np.nan])
    assert value == 0.4 and np.isnan(low) and np.isnan(high)


def test_a_study_is_about_the_arm_with_most_runs(tables):
    results, curves = tables(fractions=(0.1, 0.5), seeds=(0,))
    arm = tables(sizes=(98_304,), repeats=(64, 256, 1024), seeds=(0,))[0]
    arm = arm.assign(weight_decay=1.0, run_id=arm.run_id + "wd")
    found = analyse(make_study(pd.concat([results, arm], ignore_index=True), curves))
    scans = found.study.scans.set_index("scan").loc[sorted(main_scans(found))]
    assert scans.repeated_fraction.to_list() == [0.1, 0.5] and set(scans.weight_decay) == {0.1}
