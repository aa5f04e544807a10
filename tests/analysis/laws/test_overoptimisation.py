"""Gao's laws: where gold turns, and their constants from what they predict."""

import numpy as np
import pytest

from analysis.errors import AnalysisError
from analysis.fitting.fit import fit
from analysis.laws import BestOfN, Reinforced

N = 2.0 ** np.arange(11)
D = np.sqrt(np.log(N) - (N - 1) / N)


@pytest.mark.parametrize(
    "law", [BestOfN(1.2, 0.31), Reinforced(0.8, 0.5)], ids=lambda law: law.name
)
def test_gold_turns_where_the_law_says(law):
    d = np.linspace(0.01, 6, 4001)
    assert d[np.argmax(law.predict(sqrt_kl=d))] == pytest.approx(law.turn, abs=2e-3)
    assert law.predict(sqrt_kl=0) == 0
    log_gain = type(law).log_loss(law, {"sqrt_kl": np.array([0.5, 1.5])})
    np.testing.assert_allclose(np.exp(log_gain), law.predict(sqrt_kl=[0.5, 1.5]))


@pytest.mark.parametrize("law", [BestOfN(1.2, 0.7), Reinforced(0.1, 0.5)], ids=lambda law: law.name)
def test_constants_come_from_gains_of_either_sign(law):
    gain = law.predict(sqrt_kl=D)
    assert gain.min() < 0 < gain.max()
    found = type(law).through(D, gain, np.linspace(0, 1, len(D)))
    np.testing.assert_allclose(found.coordinates(), law.coordinates())


def test_it_is_fitted_as_any_law_where_all_gains_are_above_zero():
    law = BestOfN(1.2, 0.31)
    gain = law.predict(sqrt_kl=D[1:]) * np.exp(np.random.default_rng(0).normal(0, 0.01, 10))
    found = fit(BestOfN, {"sqrt_kl": D[1:]}, gain)
    np.testing.assert_allclose(found.law.coordinates(), law.coordinates(), rtol=0.05)


def test_what_gains_on_never_turns_and_what_only_falls_has_turned():
    assert BestOfN(1.0, -0.1).turn == np.inf and BestOfN(-0.1, 0.2).turn == 0
    assert Reinforced(1.0, 0.0).turn == np.inf
    with pytest.raises(AnalysisError, match="sqrt_kl: 1 values above 0 with an error"):
        BestOfN.through([0, 1, 2], [0, 1, 1], [0, 1, 0])
