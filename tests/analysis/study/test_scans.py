"""Which runs belong on one curve."""

import pandas as pd

from analysis.study import make_study


def test_each_fraction_is_a_scan_and_shares_the_controls(tables):
    study = make_study(*tables(fractions=(0.1, 0.5)))
    assert list(study.scans.label) == ["f = 0.1", "f = 0.5"]
    assert study.scans.setting.nunique() == 1
    assert set(study.repeated.scan) == {0, 1}


def test_a_setting_that_follows_from_the_size_makes_no_scan(tables):
    results, curves = tables()
    results["learning_rate"] = 0.1 * results.params**-0.3
    assert len(make_study(results, curves).scans) == 1


def test_a_setting_that_varies_within_a_size_makes_scans(tables):
    results, curves = tables(seeds=(0,))
    decayed = results.assign(weight_decay=1.0, run_id=results.run_id + "wd")
    study = make_study(pd.concat([results, decayed], ignore_index=True), curves)
    assert set(study.scans.label) == {"f = 0.5, weight_decay 0.1", "f = 0.5, weight_decay 1.0"}


def test_facts_that_are_told_otherwise_make_scans(tables):
    results, curves = tables(seeds=(0,))
    often, never = (
        results.assign(exposures=e, entities="9 9", run_id=results.run_id + (e or ""))
        for e in ("0 9", None)
    )
    both = make_study(pd.concat([often, never], ignore_index=True), curves)
    assert set(both.scans.label) == {"f = 0.5, exposures 0 to 9", "f = 0.5, exposures none"}
    assert len(make_study(never, curves).scans) == 1


def test_budgets_that_grow_with_the_size_are_grouped_by_tokens_per_param(tables):
    results, _ = tables(seeds=(0,))
    once = results.assign(tokens=20 * results.params)
    twice = results.assign(tokens=40 * results.params, run_id=results.run_id + "2")
    study = make_study(pd.concat([once, twice], ignore_index=True))
    assert list(study.scans.tokens_per_param) == [20, 40]


def test_orders_of_repetition_are_scans_that_share_their_controls(tables):
    results, _ = tables(seeds=(0,))
    uniform = results.assign(order="uniform")
    late = results[results.repeats > 0].assign(order="end", run_id=results.run_id + "end")
    study = make_study(pd.concat([uniform, late], ignore_index=True))
    assert set(study.scans.label) == {"f = 0.5, order uniform", "f = 0.5, order end"}
    assert study.scans.setting.nunique() == 1
    assert study.repeated.groupby("scan").order.nunique().eq(1).all()


def test_a_setting_without_repetition_is_a_scan_of_its_own(tables):
    results, _ = tables(seeds=(0,))
    plain = results[results.repeats == 0].assign(weight_decay=1.0, run_id=results.run_id + "wd")
    late = results[results.repeats > 0].assign(order="end", run_id=results.run_id + "end")
    mixed = [results.assign(order="uniform"), plain.assign(order="uniform"), late]
    study = make_study(pd.concat(mixed, ignore_index=True))
    assert study.scans.label.iloc[-1] == "no repetition, weight_decay 1.0"
    study = make_study(pd.concat([results, plain], ignore_index=True))
    assert list(study.scans.label) == [
        "f = 0.5",
        "no repetition, weight_decay 1.0",
    ]


def test_models_of_one_layer_have_controls_of_their_own(tables):
    results, _ = tables(seeds=(0,))
    flat = results.assign(layers=1, params=results.params // 2, run_id=results.run_id + "flat")
    study = make_study(pd.concat([results, flat], ignore_index=True))
    assert set(study.scans.label) == {"f = 0.5, one layer", "f = 0.5, several layers"}
    assert study.controls.groupby("setting").layers.nunique().eq(1).all()
    deeper = results.assign(layers=3, params=results.params * 2, run_id=results.run_id + "deep")
    assert len(make_study(pd.concat([results, deeper], ignore_index=True)).scans) == 1


def test_corpora_are_told_apart_even_where_they_share_no_size(tables):
    results, _ = tables(seeds=(0,))
    code = results.assign(
        corpus="pycode", params=results.params + 8, run_id=results.run_id + "code"
    )
    study = make_study(pd.concat([results, code], ignore_index=True))
    assert study.scans.setting.nunique() == 2
    assert study.controls.groupby("setting").corpus.nunique().eq(1).all()


def test_a_label_leaves_out_what_most_runs_have_in_common(tables):
    results, curves = tables(seeds=(0, 1, 2))
    decayed = results[results.seed == 0].assign(weight_decay=1.0, run_id=results.run_id + "wd")
    study = make_study(pd.concat([results, decayed], ignore_index=True), curves)
    assert set(study.scans.label) == {"f = 0.5", "f = 0.5, weight_decay 1.0"}
