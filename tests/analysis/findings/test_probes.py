"""The multiplier by a probe is that of the law the probe was made with."""

import numpy as np
import pytest

from analysis.findings.probes import find_probes, probe_multipliers
from analysis.findings.repeats.effective import effective_params
from analysis.study import make_study


@pytest.fixture(scope="module")
def study(tables):
    results, curves = tables(noise=0.01)
    shared = results.groupby(["params", "seed"]).test_loss.transform("min")
    effective = results.params * (shared / results.test_loss) ** (1 / 0.09)
    results["ood_loss"] = 1.3 * results.test_loss
    results["copying_loss"] = (1e9 / (effective**2 / results.params)) ** 0.2  # damaged twice over
    results["prefix_matching_score"] = 0.05 * np.log(effective)
    results["flat_loss"] = 1.0
    return make_study(results, curves)


def test_probes_are_found(study):
    assert find_probes(study) == ["ood_loss", "copying_loss", "prefix_matching_score", "flat_loss"]


def test_each_probe_has_its_own_multiplier(study):
    runs = effective_params(study)
    table = probe_multipliers(study, runs, find_probes(study))
    assert set(table.probe) == {"ood_loss", "copying_loss", "prefix_matching_score"}
    by = {name: rows.multiplier.to_numpy() for name, rows in table.groupby("probe")}
    test = runs.multiplier_by_law.to_numpy()
    np.testing.assert_allclose(by["ood_loss"], test, rtol=0.1)
    np.testing.assert_allclose(by["prefix_matching_score"], test, rtol=0.1)
    worst = test.argmin()
    assert by["copying_loss"][worst] == pytest.approx(test[worst] ** 2, rel=0.15)


def test_a_study_without_probes_has_none(tables):
    results, curves = tables()
    study = make_study(results.drop(columns="ood_loss"), curves)
    assert find_probes(study) == []
    assert probe_multipliers(study, effective_params(study), []).empty
