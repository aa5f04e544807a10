"""Which runs a study is about."""

import pandas as pd

from analysis import analyse
from analysis.findings.claims.measuring import main_scans
from analysis.study import make_study


def test_a_study_is_about_the_arm_with_most_runs(tables):
    results, curves = tables(fractions=(0.1, 0.5), seeds=(0,))
    arm = tables(sizes=(98_304,), repeats=(64, 256, 1024), seeds=(0,))[0]
    arm = arm.assign(weight_decay=1.0, run_id=arm.run_id + "wd")
    found = analyse(make_study(pd.concat([results, arm], ignore_index=True), curves))
    scans = found.study.scans.set_index("scan").loc[sorted(main_scans(found))]
    assert scans.repeated_fraction.to_list() == [0.1, 0.5] and set(scans.weight_decay) == {0.1}
