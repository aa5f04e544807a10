"""Best of n from one set of samples, on proxies whose outcome is known."""

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.stats import norm

from scaling.stages.preferences.judging import (
    Samples,
    best_of,
    divergence,
    rows_of,
    summary_of,
    weights,
)

P, S = 128, 256


@pytest.fixture(scope="module")
def gold():
    return np.random.default_rng(0).normal(size=(P, S))


def best_normal(n):
    """Mean of the largest of n standard normal numbers."""
    return quad(lambda x: x * n * norm.pdf(x) * norm.cdf(x) ** (n - 1), -10, 10)[0]


def means(proxy, gold, name="gold"):
    rows = rows_of(proxy, Samples(np.zeros((*gold.shape, 1)), np.zeros(gold.shape), gold))
    ns = sorted({row["n"] for row in rows})
    by_n = {n: np.array([row[name] for row in rows if row["n"] == n]) for n in ns}
    return {n: (own.mean(), own.std(ddof=1) / np.sqrt(P)) for n, own in by_n.items()}


@pytest.mark.parametrize("n", [1, 2, 7, 64, 256])
def test_weights_add_up_to_one(n):
    own = weights(n, S)
    assert own.sum() == pytest.approx(1) and (own[: n - 1] == 0).all() and (np.diff(own) >= 0).all()


def test_the_estimate_is_the_mean_over_all_choices_of_n():
    rng = np.random.default_rng(1)
    score, value = rng.normal(size=(2, 1, 6))
    chosen = [
        value[0, max((i, j, k), key=lambda at: score[0, at])]
        for i in range(6)
        for j in range(i)
        for k in range(j)
    ]
    assert best_of(score, value, 3)[0] == pytest.approx(np.mean(chosen))


def test_the_divergence_is_its_formula():
    assert divergence(1) == 0
    # The best of n has the density n F^(n - 1) beside the policy's; n 4: the integral of its logarithm.
    assert divergence(4) == pytest.approx(quad(lambda u: 4 * u**3 * np.log(4 * u**3), 0, 1)[0])


def test_a_proxy_that_is_gold_never_turns(gold):
    found = [mean for mean, _ in means(3 * gold + 1, gold).values()]
    assert (np.diff(found) > 0).all()
    assert found == pytest.approx([mean for mean, _ in means(gold, gold, "optimum").values()])


def test_an_independent_proxy_brings_nothing(gold):
    proxy = np.random.default_rng(2).normal(size=gold.shape)
    found = means(proxy, gold)
    assert found[1] == (pytest.approx(0, abs=1e-12), pytest.approx(0, abs=1e-12))
    assert all(abs(mean) < 3 * error for n, (mean, error) in found.items() if n > 1)


def test_a_gaussian_proxy_brings_its_share_of_the_largest_of_n(gold):
    noise = np.random.default_rng(3).normal(size=gold.shape)
    proxy = 0.6 * gold + 0.8 * noise  # of unit variance, correlation 0.6
    for name, share in (("gold", 0.6), ("proxy", 1.0)):
        for n, (mean, error) in means(proxy, gold, name).items():
            assert abs(mean - share * best_normal(n)) < 4 * error + 1e-9
    samples = Samples(np.zeros((P, S, 1)), np.zeros((P, S)), gold)
    about = summary_of(proxy, samples, rows_of(proxy, samples))
    assert about["correlation"] == pytest.approx(0.6, abs=0.01)
    assert about["most_gold_n"] >= 64 and about["most_gold"] == max(
        mean for mean, _ in means(proxy, gold).values()
    )
