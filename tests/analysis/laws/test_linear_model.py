"""The misspecified linear model: the closed form is what happens."""

import pytest

from analysis.errors import AnalysisError
from analysis.laws.linear_model import closed_form, monte_carlo


@pytest.mark.parametrize(
    ("unique", "pool", "repeats"), [(100, 0, 1), (80, 20, 1), (80, 10, 8), (90, 3, 40)]
)
def test_the_closed_form_matches_monte_carlo(unique, pool, repeats):
    formula = closed_form(24, unique, pool, repeats, draws=300)
    done = monte_carlo(24, unique, pool, repeats, draws=300, seed=1)
    for name in ("train", "test"):
        error = (getattr(formula, f"{name}_se") ** 2 + getattr(done, f"{name}_se") ** 2) ** 0.5
        assert getattr(formula, name) == pytest.approx(getattr(done, name), abs=4 * error)


def test_fresh_rows_give_the_textbook_error():
    found = closed_form(24, 125, 0, 1, draws=400)
    assert found.test == pytest.approx(1 + 24 / (125 - 24 - 1), abs=4 * found.test_se)
    assert found.train == pytest.approx(1 - 24 / 125, abs=1e-9)


def test_damage_peaks_at_an_intermediate_pool_and_the_peak_grows_with_size():
    pools, worst = (1, 2, 4, 8, 16, 32, 64, 128), []
    for seen in (24, 96):
        losses = [closed_form(seen, 900, d, 512 / d, draws=20).test for d in pools]
        worst.append(pools[losses.index(max(losses))])
        assert losses[0] < max(losses) > losses[-1]
    assert worst[0] < worst[1]


def test_too_few_rows_are_refused():
    with pytest.raises(AnalysisError, match="give more rows"):
        closed_form(24, 20, 2, 4)
