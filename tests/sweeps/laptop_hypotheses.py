"""The hypotheses of the recorded replication, each judged by a rule from its tables."""

import numpy as np
from scipy import stats

from analysis.findings.claims.measuring import main_peaks
from analysis.findings.seeds import over_seeds
from analysis.words import count, share
from tests.sweeps.judging import HELD, NOT, OPEN, PART, interval


def claimed(found, name):
    (own,) = found.claims[found.claims.claim == name].itertuples()
    return own


def main_cells(found, fraction, table="cells"):
    """The rows of a table that are of the main scan of a fraction."""
    own = found.tables[table]
    return own[own.scan == main_peaks(found, fraction).scan.iloc[0]]


def scanned(found, peak):
    """The cells of a peak's curve whose pool has two sequences or more, from the fewest repeats on."""
    own = found.cells[(found.cells.scan == peak.scan) & (found.cells.params == peak.params)]
    context = found.study.runs.context[found.study.runs.params == peak.params].iloc[0]
    return own[own.pool_tokens >= 2 * context].sort_values("repeats")


def inside(found, peak):
    """As was set down: below half of the worst at the fewest repeats and the most of those."""
    ends = scanned(found, peak).damage.iloc[[0, -1]]
    return bool(peak.interior and (ends < peak.damage / 2).all())


def control_law(found):
    """Control loss falls as a power of N."""
    own = found.controls[found.controls.setting == 0].sort_values("params")
    slopes = -np.diff(np.log(own.test_loss)) / np.diff(np.log(own.params))
    off = abs(own.test_loss / found.laws[0].predict(params=own.params) - 1).max()
    text = (
        f"loss falls at every step, but as N^-{slopes[0]:.2f} between the two smallest controls and "
        f"N^-{slopes[-1]:.2f} between the two largest; one power law is off by up to {off:.0%}"
    )
    return HELD if off < 0.02 else PART if (slopes > 0).all() else NOT, text


def worst_inside(found):
    """Non-monotone in repeats at f = 0.5 and 0.9, the worst inside at every size."""
    lie, texts = {}, []
    for fraction in (0.5, 0.9):
        peaks = main_peaks(found, fraction).sort_values("params")
        lie[fraction] = [inside(found, peak) for peak in peaks.itertuples()]
        texts.append(
            f"at f = {fraction:g} the worst lies between counts that do less damage at "
            f"{peaks.interior.sum()} of {len(peaks)} sizes, and is inside, with less than half of it at "
            f"both ends, at {sum(lie[fraction])}"
        )
    every = all(lie[0.5]), all(lie[0.9])
    return HELD if all(every) else PART if any(every) else NOT, "; ".join(texts)


def multipliers(found):
    """As published at f = 0.5, less damage at 0.1, more at 0.9."""
    rows = [claimed(found, f"multiplier at the worst, f = {f:g}") for f in (0.1, 0.5, 0.9)]
    tenth, half, most = rows
    text = (
        f"at N = 186k {share(tenth.value)} ({share(tenth.low)} to {share(tenth.high)}) at f = 0.1, where "
        f"less damage was expected than published; {share(half.value)} ({share(half.low)} to "
        f"{share(half.high)}) at f = 0.5; at most {share(most.high)} at f = 0.9"
    )
    as_expected = tenth.low > 0.55, half.verdict == "agree", most.high < 1 / 73
    return HELD if all(as_expected) else PART if any(as_expected) else NOT, text


def exponent(found):
    """The worst count falls with N, with an exponent nearer -0.5 than -0.96."""
    (worst,) = found.band[found.band.edge == "worst"].itertuples()
    nearer = [abs(each + 0.5) < abs(each + 0.96) for each in worst[4:6]]
    text = (
        f"N^{interval(worst.exponent, worst.low, worst.high, '.2f')}, "
        f"{abs(worst.exponent + 0.5):.2f} from -0.5 and {abs(worst.exponent + 0.96):.2f} from -0.96"
    )
    return HELD if all(nearer) else OPEN if any(nearer) else NOT, text


def descends_twice(found):
    """Test loss descends twice in training time at f = 0.9, and rises less at 0.5."""
    by = {f: main_cells(found, f, "descents").query("seeds > 1") for f in (0.5, 0.9)}
    risen = by[0.9][(by[0.9].p_corrected < 0.05) & (by[0.9].second_descent > 0.0005)]
    half = by[0.5][by[0.5].p_corrected < 0.05]
    text = (
        f"at f = 0.9 loss rises and falls again at {risen.params.nunique()} of 5 sizes, "
        f"by up to {risen.excess.max():.2f} nats; at f = 0.5 by {by[0.5].excess.max():.2f} at "
        f"most, beyond noise in {len(half)} of {len(by[0.5])} cells"
    )
    as_set_down = len(risen) > 0 and by[0.5].excess.max() < risen.excess.max()
    return HELD if as_set_down else NOT, text


def pool_learnt(found):
    """Pool loss at the worst is below a quarter of the control's test loss, and above it left of the band."""
    shares, left = [], []
    for fraction in (0.5, 0.9):
        cells = main_cells(found, fraction).assign(
            share=lambda table: table.pool_loss / (table.test_loss - table.damage)
        )
        for peak in main_peaks(found, fraction).itertuples():
            own = cells[cells.params == peak.params]
            shares.append(own.share[own.repeats == peak.repeats].item())
            left += own.share[own.repeats < peak.half_left].tolist()
    below, above = np.array(shares) < 0.25, np.array(left) > 0.25
    text = (
        f"at the worst it is {min(shares):.0%} to {max(shares):.0%} of the control's loss, below a quarter "
        f"in {below.sum()} of {len(below)} cells; left of the band above a quarter in {above.sum()} of "
        f"{len(above)}"
    )
    return HELD if below.all() and above.all() else PART if below.any() else NOT, text


def bits_held(found):
    """Memorised bits a param at the worst are below 3.6, and alike over sizes."""
    bits = {
        fraction: main_cells(found, fraction)
        .merge(main_peaks(found, fraction)[["params", "repeats"]])
        .bits_per_param
        for fraction in (0.5, 0.9)
    }
    text = "; ".join(
        f"{own.min():.2f} to {own.max():.2f} bits a param at f = {fraction:g}"
        for fraction, own in bits.items()
    )
    below = all((own < 3.6).all() for own in bits.values())
    alike = all(own.max() <= 2 * own.min() for own in bits.values())
    return HELD if below and alike else PART if below else NOT, (
        f"{text}: below 3.6, and {'' if alike else 'not '}within a factor of two over sizes"
    )


def bounded(found):
    """No model shrinks by more than (1-f)^(-1/alpha)."""
    bound = found.bound
    held = (bound.shrinkage <= bound.bound).sum()
    closest = bound.loc[(bound.shrinkage / bound.bound).idxmax()]
    text = (
        f"in {held} of {len(bound)} curves; it comes nearest at f = {closest.repeated_fraction:g}, where "
        f"models shrink {closest.shrinkage:.1f} times, {closest.bound:.1f} at most"
    )
    return HELD if held == len(bound) else NOT, text


def out_of_distribution(found):
    """The other corpus is hurt more than test loss, in effective params."""
    own = claimed(found, "out-of-distribution loss against test loss")
    text = (
        f"{interval(own.value, own.low, own.high, '.2f')} of the multiplier by test loss, {own.how}"
    )
    return HELD if own.high < 1 else NOT if own.low > 1 else OPEN, text


def fine_tuned(found):
    """Fine-tuned after the worst at f = 0.9, a model ends worse than from scratch."""
    runs = found.transfers
    gains = {
        repeats: over_seeds(own.gain)
        for repeats, own in runs[runs.pretrained_fraction == 0.9].groupby("pretrained_repeats")
    }
    none = over_seeds(runs.gain[runs.pretrained_fraction == 0])
    text = (
        f"against scratch loss is lower by {interval(*none)} nats after no repetition, and after f = 0.9 by "
        + ", ".join(f"{interval(*gains[e])} at E = {e:,.0f}" for e in sorted(gains))
    )
    round_it = [gains[e] for e in (120, 240, 480)]
    if all(each.high < 0 for each in round_it):
        return HELD if gains[7680].value > max(g.value for g in round_it) else PART, text
    return NOT if all(each.low > 0 for each in round_it) else OPEN, text


def weight_decay(found):
    """Weight decay of 1 or 3 removes less than 70 % of the damage, or costs controls as much as it removes."""
    arms = found.arms[found.arms.weight_decay.isin([1, 3])]
    peak = main_peaks(found, 0.5).set_index("params").repeats[arms.params.iloc[0]]
    own = arms[arms.repeats == peak].set_index("weight_decay")
    taken = own.removed * (own.damage / (1 - own.removed))
    texts = [
        f"a decay of {decay:g} removes {own.removed[decay]:.0%} ± {own.removed_se[decay]:.0%} of the damage, "
        f"{taken[decay]:.3f} nats, and raises the control's loss by {own.cost[decay]:.3f}"
        for decay in own.index
    ]
    cheap = (own.removed >= 0.7) & (own.cost < taken)
    return NOT if cheap.any() else HELD, f"at E = {peak:,.0f} {'; '.join(texts)}"


def by_seed(found, columns, **asked):
    """Test losses of the main setting, a row a size and a seed, a column as named."""
    runs = found.runs[(found.runs.setting == 0) & (found.runs.repeated_fraction == 0.5)]
    for name, values in asked.items():
        runs = runs[runs[name].isin(values)]
    return runs.pivot_table(index=["params", "seed"], columns=columns, values="test_loss")


def second_rise(found):
    """A pool of one sequence does more damage than one of two."""
    losses = by_seed(
        found, "repeats", params=[24_576, 98_304], repeats=[19_200, 38_400], order=["uniform"]
    )
    rises = losses[38_400] - losses[19_200]
    p = stats.ttest_1samp(rises, 0, alternative="greater").pvalue
    each = " and ".join(
        f"{interval(*over_seeds(own))} nats at N = {count(params)}"
        for params, own in rises.groupby("params")
    )
    text = f"loss after one sequence less that after two is {each}; over {len(rises)} pairs p = {p:.2g}"
    return HELD if p < 0.05 else OPEN, text


def evenly_spaced(found):
    """The order of copies makes no difference beyond 0.05 nats at the worst."""
    losses = by_seed(found, "order", params=[55_296], repeats=[480])
    apart = {order: over_seeds(losses[order] - losses["uniform"]) for order in ("even", "epochs")}
    within = all(own.low > -0.05 and own.high < 0.05 for own in apart.values())
    beyond = any(own.low > 0.05 or own.high < -0.05 for own in apart.values())
    text = (
        f"against copies anywhere, evenly spaced ones come to {interval(*apart['even'])} nats, epochs to "
        f"{interval(*apart['epochs'])}"
    )
    return HELD if within else NOT if beyond else OPEN, text


def with_the_budget(found):
    """The worst count moves with the budget, by an exponent between 0 and 1."""
    own = found.exponents.set_index("term").loc["T"]
    text = f"T^{interval(own.exponent, own.low, own.high, '.2f')}, {own.peaks:.0f} curves"
    return HELD if own.low > 0 and own.high < 1 else OPEN, text


def another_corpus(found):
    """`pycode` behaves alike."""
    scans = found.study.scans
    (scan,) = scans.scan[(scans.corpus == "pycode") & (scans.repeated_fraction > 0)]
    peaks = found.peaks[found.peaks.scan == scan].sort_values("params")
    lie = [inside(found, peak) for peak in peaks.itertuples()]
    text = "; ".join(
        f"at N = {count(peak.params)} worst at E = {peak.repeats:,.0f}, {peak.damage:.2f} nats, "
        f"{'inside' if own else 'not inside'}"
        for peak, own in zip(peaks.itertuples(), lie, strict=True)
    )
    return HELD if all(lie) and len(lie) == 2 else PART if any(lie) else NOT, text


def heads_in_prose(found):
    """Heads form in prose with smeared keys, without them in none, after repetition in none."""
    heads = found.formations.merge(
        found.study.results[["setting", "smeared_keys"]].drop_duplicates(), on="setting"
    )
    formed = heads.set_index(["smeared_keys", "repeats"])
    numbers = {
        name: f"{formed.formed[at]} of {formed.seeds[at]}"
        for name, at in dict(smeared=(True, 0), bare=(False, 0), repeated=(True, 200)).items()
    }
    text = (
        f"with smeared keys they form in {numbers['smeared']} runs, without in {numbers['bare']}, after "
        f"repetition in {numbers['repeated']}"
    )
    return HELD if list(numbers.values()) == ["3 of 3", "0 of 3", "0 of 3"] else NOT, text


HYPOTHESES = (
    control_law,
    worst_inside,
    multipliers,
    exponent,
    descends_twice,
    pool_learnt,
    bits_held,
    bounded,
    out_of_distribution,
    fine_tuned,
    weight_decay,
    second_rise,
    evenly_spaced,
    with_the_budget,
    another_corpus,
    heads_in_prose,
)
"""In the order in which they were set down."""
