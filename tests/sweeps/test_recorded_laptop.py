"""What the page of the recorded replication says: where the worst lies, and of each of its hypotheses."""

import numpy as np
import pandas as pd
import pytest

from analysis.findings.claims.headline import headline_peak
from analysis.findings.claims.measuring import main_peaks
from analysis.findings.repeats.controls import smallest_control
from analysis.words import count, share
from tests.recorded import HOME, recorded
from tests.sweeps.judging import are_those_set_down, judged
from tests.sweeps.laptop_hypotheses import HYPOTHESES, inside, scanned
from tests.sweeps.test_recorded import told


@pytest.fixture(scope="module")
def found():
    return recorded("laptop")


@pytest.mark.parametrize("number", range(1, len(HYPOTHESES) + 1))
def test_each_hypothesis_is_judged_as_the_tables_have_it(found, number):
    assert judged(HYPOTHESES, found, number) in told("laptop")


def test_no_hypothesis_is_left_out():
    assert are_those_set_down(HYPOTHESES, HOME / "laptop")


def test_the_worst_of_half_lies_inside_at_every_size_and_the_page_says_where(found):
    """Below half of it at both ends; pools of one sequence are a question of their own, as was set down."""
    text = told("laptop")
    half, most = main_peaks(found, 0.5), main_peaks(found, 0.9)
    assert half.params.nunique() == 5 and half.params.max() > 30 * half.params.min()
    for peak in half.itertuples():
        assert inside(found, peak) and len(scanned(found, peak)) >= 8
        assert peak.half_left < peak.repeats < peak.half_right
    low, high = half.repeats.min(), half.repeats.max()
    assert f"{low:,.0f} to {high:,.0f} repeats" in text
    top = half.loc[half.params.idxmax()]
    assert (
        f"control of {count(top.effective_params)}: a multiplier of {share(top.multiplier)}" in text
    )
    assert f"damage of {most.damage.min():.2f} to {most.damage.max():.2f} nats" in text
    assert (
        most.extrapolated.all()
        and "as bad at each size as a control of 384 params, or worse" in text
    )
    assert set(smallest_control(found, scan) for scan in most.scan) == {384}
    (worst,) = found.band[found.band.edge == "worst"].itertuples()
    assert f"N^{worst.exponent:.2f} (95 % {worst.low:.2f} to {worst.high:.2f})" in text
    assert -0.96 < worst.low < -0.56 < worst.high
    assert f"the worst count falls as N^{worst.exponent:.2f}" in told()


def test_the_projects_readme_tells_what_its_three_figures_show(found):
    text, peak = told(), headline_peak(found)
    assert (peak.repeated_fraction, peak.params, peak.seeds) == (0.1, 185_856, 3)
    assert f"(186k parameters, {peak.repeats:.0f} repeats, three seeds)" in text
    assert f"as well as a control of {count(peak.effective_params)}" in text
    assert f"{peak.multiplier:.2f} ± {peak.multiplier_se:.2f}" in text
    heads = found.formations.set_index(["setting", "repeats"])
    smeared = heads.index[heads.formed > 0].get_level_values("setting").item()
    assert (
        heads.formed[smeared, 0] == heads.seeds[smeared, 0] == 3 and not heads.formed[smeared, 200]
    )
    assert f"after {heads.onset_tokens[smeared, 0] / 1e6:.1f}M tokens" in text
    gain = found.transfer.set_index("pretrained_repeats").gain
    assert (gain > 0).all()
    assert (
        f"by {gain[0]:.2f} nats after no repetition, by {gain[240]:.2f} after the worst count"
        in text
    )
    assert f"{gain[7680]:.2f} after a pool seen 7,680 times" in text


def test_the_page_tells_what_another_kind_of_cpu_changes(found):
    twice = pd.read_csv(HOME / "laptop" / "trained_twice.csv")
    runs = found.study.results.set_index("run_id").loc[twice.run_id].reset_index()
    assert (runs.test_loss == twice.avx2).all() and (runs.instruction_set == "AVX2").all()
    changed = (twice.avx512 - twice.avx2).abs()
    where = np.select(
        [runs.repeated_fraction == 0, runs.repeats < 1000], ["without", "round"], "past"
    )
    most = changed.groupby(where).max()
    text = told("laptop")
    assert (
        f"differ by {most['without']:.3f} nats at most without repetition, by {most['round']:.3f} round "
        f"the worst at f = 0.9 and by {most['past']:.3f} past it" in text
    )
    kinds = found.study.results.instruction_set.value_counts()
    assert f"{kinds['AVX-512']} were trained with AVX-512, {kinds['AVX2']} with AVX2" in text
