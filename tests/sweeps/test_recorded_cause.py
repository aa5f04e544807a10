"""What the page of the recorded study of the cause says: each hypothesis that was set down, judged by a
rule from the tables, the curves whose worst was located, and those left out."""

import numpy as np
import pytest
from scipy import stats

from analysis.findings.cause import collapse
from analysis.findings.cause.located import CURVE
from analysis.findings.repeats.memorisation import BITS_PER_PARAM
from analysis.findings.seeds import holm, over_seeds
from analysis.study.scans import with_arms
from analysis.words import count
from tests.recorded import HOME, recorded
from tests.sweeps.judging import HELD, NOT, OPEN, PART, are_those_set_down, interval, judged
from tests.sweeps.test_recorded import told

SAID = {
    "count": "A mere count",
    "frequency": "A frequency",
    "capacity": "A matter of capacity",
}
REACH = 0.02
"""Nats, by which a little repetition was expected neither to help nor to hurt."""


def exponent(found, term):
    return found.exponents.set_index("term").loc[term]


def power(row):
    return f"{row.name}^{interval(row.exponent, row.low, row.high, '.2f')}"


def no_mere_count(found):
    """A mere count is contradicted: b above 0."""
    b = exponent(found, "T")
    return HELD if b.low > 0 else NOT if b.high < 0 else OPEN, f"the worst goes as {power(b)}"


def no_strict_capacity(found):
    """Capacity is contradicted in its strict form: a above -1."""
    a = exponent(found, "N")
    return HELD if a.low > -1 else NOT if a.high < -1 else OPEN, f"the worst goes as {power(a)}"


def with_the_fraction(found):
    """g lies between 0 and 1."""
    g = exponent(found, "f")
    within, without = g.low > 0 and g.high < 1, g.high < 0 or g.low > 1
    return HELD if within else NOT if without else OPEN, f"the worst goes as {power(g)}"


def bits_at_the_worst(found):
    """Bits a parameter at the worst lie below 3.6, and fall with N where a is above -1."""
    peaks = found.located
    slope, low, high = slope_of_bits(peaks)
    below, bits = peaks.bits_per_param.max() < BITS_PER_PARAM, peaks.bits_per_param
    text = (
        f"{bits.min():.2f} to {bits.max():.2f} bits a param over {len(peaks)} curves, going as "
        f"N^{interval(slope, low, high, '.2f')} beside T and f"
    )
    return HELD if below and high < 0 else PART if below or high < 0 else NOT, text


def slope_of_bits(peaks):
    """d ln bits / d ln N beside ln T and ln f, by least squares, with its 95 % by Student's t."""
    logs = np.log(
        peaks[["params", "tokens", "repeated_fraction", "bits_per_param"]].to_numpy(float)
    )
    matrix = np.column_stack([np.ones(len(logs)), logs[:, :3]])
    values, rest, *_ = np.linalg.lstsq(matrix, logs[:, 3])
    free = len(logs) - matrix.shape[1]
    error = np.sqrt(rest[0] / free * np.linalg.inv(matrix.T @ matrix)[1, 1])
    reach = stats.t.ppf(0.975, free) * error
    return values[1], values[1] - reach, values[1] + reach


def on_one_another(found):
    """Over E / E_worst the curves lie nearest; of rescalings without a fitted constant, over the pool f*T/E."""
    spread = found.spreads.set_index("rescaling").spread
    best, _ = collapse.best(found.spreads)
    bare = spread.drop("E / E_worst").idxmin()
    as_said = best == "E / E_worst", bare == "pool f*T/E"
    text = "; ".join(f"over {name} within {value:.2f}" for name, value in spread.items())
    return HELD if all(as_said) else PART if any(as_said) else NOT, text


def a_little(found):
    """A little repetition neither helps nor hurts by more than 0.02 nats."""
    cells = little(found)
    within = all(low > -REACH and high < REACH for _, low, high, _ in cells.values())
    beyond = any(abs(value) > REACH and p < 0.05 for value, _, _, p in cells.values())
    text = "; ".join(
        f"damage of {interval(*own)} nats at E = {E:g}, p = {p:.2g}"
        for E, (*own, p) in cells.items()
    )
    return HELD if within else NOT if beyond else OPEN, f"{text} (Holm over {len(cells)})"


def little(found):
    """Damage at a tenth with its interval and its p by Holm, by repeats, over five seeds each."""
    runs = found.runs[found.runs.repeated_fraction == 0.1]
    assert runs.paired.all() and (runs.groupby("repeats").size() == 5).all()
    cells = {E: own.damage.to_numpy() for E, own in runs.groupby("repeats")}
    corrected = holm([stats.ttest_1samp(own, 0).pvalue for own in cells.values()])
    return {E: (*over_seeds(own), p) for (E, own), p in zip(cells.items(), corrected, strict=True)}


HYPOTHESES = (
    no_mere_count,
    no_strict_capacity,
    with_the_fraction,
    bits_at_the_worst,
    on_one_another,
    a_little,
)
"""In the order in which they were set down."""


@pytest.fixture(scope="module")
def found():
    return recorded("cause")


@pytest.mark.slow
@pytest.mark.parametrize("number", range(1, len(HYPOTHESES) + 1))
def test_each_hypothesis_is_judged_as_the_tables_have_it(found, number):
    assert judged(HYPOTHESES, found, number) in told("cause")


def test_no_hypothesis_is_left_out():
    assert are_those_set_down(HYPOTHESES, HOME / "cause")


@pytest.mark.slow
def test_the_page_tells_what_is_borne_out_and_what_is_contradicted(found):
    """Borne out: all that it says in the intervals and a weight above 0.9; contradicted: some outside."""
    text = told("cause")
    for row in found.hypotheses.itertuples():
        verdict = "borne out" if row.within and row.weight > 0.9 else "open"
        verdict = verdict if row.within else "contradicted"
        assert (
            f"{SAID[row.hypothesis]}: {verdict}, off by a factor of {np.exp(row.rms):.2f}" in text
        )
    assert "goes as " + ", ".join(power(exponent(found, term)) for term in "NTf") in text
    N, T, f = (exponent(found, term) for term in "NTf")
    assert T.low < 0 < T.high < 1 and f.high < 0
    assert f"(N^{N.exponent:.2f}) and with the fraction (f^{f.exponent:.2f})" in told()


@pytest.mark.slow
def test_the_page_tells_the_collapse_the_bits_and_a_little_repetition(found):
    text, bits = told("cause"), found.located.bits_per_param
    spread = found.spreads.set_index("rescaling").spread
    assert (
        f"over E / E_worst the curves lie within {spread['E / E_worst']:.2f} of one another, over "
        f"repeats within {spread['repeats E']:.2f}" in text
    )
    assert spread.drop("E / E_worst").idxmin() == "repeats E"
    assert f"holds {bits.min():.2f} to {bits.max():.2f} memorised bits of the pool a param" in text
    assert all(low < 0 < high for _, low, high, _ in little(found).values())


@pytest.mark.slow
def test_the_page_lists_the_curves_without_a_worst_and_they_are_in_no_law(found):
    runs = with_arms(found.runs, found.study.scans).dropna(subset=["damage"])
    curves = {key[1:] for key in runs.groupby(CURVE).groups}
    located = {tuple(row) for row in found.located[CURVE[1:]].to_numpy()}
    assert located <= curves and found.exponents.peaks.eq(len(located)).all()
    text = told("cause")
    assert f"{len(located)} of {len(curves)} curves" in text
    for N, T, f in sorted(curves - located):
        assert f"N = {count(N)}, T = {T / 1e6:.1f}M, f = {f:g}" in text


def test_every_cell_has_the_seeds_that_were_planned(found):
    runs = found.study.results
    assert len(runs) == 383 and runs.test_loss.notna().all() and found.runs.paired.all()
    assert runs.instruction_set.nunique() == runs.git_commit.nunique() == 1
