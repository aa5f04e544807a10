"""What the page of the recorded study of preferences says: each hypothesis that was set down, judged by a
rule from the tables. The rules were written before the study's tables were looked at."""

import numpy as np
import pandas as pd
import pytest

from analysis.findings.preferences import matched
from analysis.findings.preferences.models import BINARISED, CONTROL, RANKED, SCRATCH
from analysis.findings.preferences.worth import beside_the_control
from analysis.findings.seeds import over_seeds
from analysis.words import count, share
from tests.recorded import HOME, recorded
from tests.sweeps.judging import HELD, NOT, OPEN, PART, are_those_set_down, interval, judged
from tests.sweeps.test_recorded import told

WORST, PAST = "x300", "x9600"
SIZES = (24_576, 98_304)
"""With every beginning."""


def once(found):
    """Preference models of one epoch on the better of two samples."""
    runs = found.preference_models
    runs = runs[(runs.stage == "preference_model") & (runs.comparisons == "samples")]
    return runs[runs.epochs == 1]


def worths(found):
    table = found.pairs_worth[found.pairs_worth.comparisons == "samples"]
    return table.set_index(["params", "init"])


def worth_told(row):
    return interval(*(row[f"pairs_multiplier{end}"] for end in ("", "_low", "_high")), ".2f")


def apart(runs, one, other):
    """Mean difference in accuracy of two inits, by seed, with its interval."""
    values = runs.pivot_table(index="seed", columns="init", values="accuracy")
    return over_seeds(values[one] - values[other])


def verdict(*parts):
    """Of a hypothesis of several parts, each True, False (contradicted) or None (open)."""
    if all(part is True for part in parts):
        return HELD
    if any(part is True for part in parts):
        return PART
    return NOT if all(part is False for part in parts) else OPEN


def beyond(low, high, none=0.0):
    """Whether an interval lies above `none`: True, False where below, None where it holds it."""
    return True if low > none else False if high < none else None


def all_of(parts):
    """True where each is; False where one is contradicted; else open."""
    parts = list(parts)
    return True if all(p is True for p in parts) else False if False in parts else None


def the_worst_is_worth_less(found):
    """Begun from the worst repeats (x300) a preference model is worth less than half of the pairs of one
    begun from the control, and at 4,000 pairs and more less than one from scratch."""
    table, parts, text = worths(found), [], []
    for params in SIZES:
        row = table.loc[(params, WORST)]
        parts.append(beyond(-row.pairs_multiplier_high, -row.pairs_multiplier_low, -0.5))
        text.append(f"{worth_told(row)} times the pairs at N = {count(params)}")
    scratch, runs = [], once(found)
    for params in SIZES:
        for pairs in (4_000, 16_000):
            own = runs[(runs.params == params) & (runs.pairs == pairs)]
            value, low, high = apart(own, WORST, SCRATCH)
            scratch.append(beyond(-high, -low))
            text.append(
                f"{interval(value, low, high)} from scratch on {pairs:,} at {count(params)}"
            )
    return verdict(all_of(parts), all_of(scratch)), "; ".join(text)


def past_the_worst_is_between(found):
    """Past the worst (x9,600) the multiplier lies between those of x300 and of the control."""
    table, parts, text = worths(found), [], []
    for params in SIZES:
        worst, past = (table.loc[(params, init)] for init in (WORST, PAST))
        above = beyond(
            past.pairs_multiplier_low - worst.pairs_multiplier_high,
            past.pairs_multiplier_high - worst.pairs_multiplier_low,
        )
        below = beyond(-past.pairs_multiplier_high, -past.pairs_multiplier_low, -1.0)
        parts.append(all_of([above, below]))
        text.append(f"{worth_told(past)} against {worth_told(worst)} at N = {count(params)}")
    return verdict(*parts), "; ".join(text)


def the_advantage_shrinks(found):
    """The init's advantage over scratch shrinks with pairs: at 16,000 it is below a factor of 2."""
    parts, text, runs = [], [], once(found)
    for params in SIZES:
        own = beside_the_control(runs[runs.params == params], params)
        own = own[own.init == SCRATCH].pivot_table(
            index="seed", columns="pairs", values="log_worth"
        )
        logs = {pairs: over_seeds(-own[pairs]) for pairs in own}
        most = logs[16_000]
        shrinks = over_seeds(-(own[16_000] - own[min(logs)]))
        parts.append(
            all_of([beyond(-most.high, -most.low, -np.log(2)), beyond(-shrinks.high, -shrinks.low)])
        )
        told = (f"{interval(*np.exp(each), '.2f')} on {n:,.0f}" for n, each in logs.items())
        text.append(f"{', '.join(told)} at N = {count(params)}")
    return verdict(*parts), "; ".join(text)


def epochs_of(found):
    """Accuracy by size, pairs and seed (rows) and epochs (columns), begun from controls."""
    runs = found.preference_models
    runs = runs[(runs.stage == "preference_model") & (runs.comparisons == "samples")]
    runs = runs[runs.init == CONTROL]
    return runs.pivot_table(index=["params", "pairs", "seed"], columns="epochs", values="accuracy")


def four_epochs_gain(found):
    """Four epochs gain at every U; 64 epochs harm at U = 250 and 1,000 (accuracy below that at 4 epochs)."""
    table = found.preference_gains
    four = table[(table.epochs == 4) & (table.init == CONTROL) & (table.comparisons == "samples")]
    gain = [{"gain": True, "harm": False, "nothing": False}.get(each) for each in four.verdict]
    told = four.verdict.value_counts()
    text = [", ".join(f"{n} of {len(four)} {each}" for each, n in told.items()) + " at four epochs"]
    accuracy, harm = epochs_of(found), []
    for (params, pairs), own in accuracy.groupby(["params", "pairs"]):
        if pairs in (250, 1_000):
            value, low, high = over_seeds(own[64] - own[4])
            harm.append(beyond(-high, -low))
            text.append(f"{interval(value, low, high)} on {pairs:,.0f} at N = {count(params)}")
    return verdict(all_of(gain), all_of(harm)), "; ".join(text)


def imitation_lies_below(found):
    """Imitation lies more than .05 below the preference model on ranked comparisons, and less on binary
    ones (Askell et al. 2021)."""
    runs = found.preference_models
    runs = runs[(runs.epochs == 1) & (runs.init == CONTROL)]
    ends = {}
    for kind in ("samples", "binary"):
        own = runs[(runs.comparisons == kind) & runs.pairs.isin([1_000, 4_000, 16_000])]
        own = own[own.params == SIZES[0]]
        table = own.pivot_table(index=["seed", "pairs"], columns="stage", values="accuracy")
        differ = (table["preference_model"] - table["imitation"]).groupby("seed").mean()
        ends[kind] = over_seeds(differ)
    ranked = beyond(*ends["samples"][1:], 0.05)
    binary = beyond(-ends["binary"].high, -ends["binary"].low, -0.05)
    text = "; ".join(f"{interval(*each)} on {kind}" for kind, each in ends.items())
    return verdict(ranked, binary), f"{text}, means over pairs"


def preferences_first_gain(found):
    """Preference pre-training gains at 250 pairs; binarised gains no less than ranked (Askell et al. 2021)."""
    runs = once(found)
    runs = runs[(runs.pairs == 250) & (runs.params == SIZES[0])]
    ranked, binarised = (apart(runs, CONTROL + way, CONTROL) for way in (RANKED, BINARISED))
    gain = all_of(beyond(*each[1:]) for each in (ranked, binarised))
    less = apart(runs, CONTROL + BINARISED, CONTROL + RANKED)
    no_less = False if less.high < 0 else True if less.low > 0 else None
    text = f"ranked {interval(*ranked)}, binarised {interval(*binarised)}, apart {interval(*less)}"
    return verdict(gain, no_less), text


def gold_turns_sooner(found):
    """Gold turns sooner the fewer pairs; at equal held-out loss sooner after more epochs."""
    runs = found.turns.assign(at=lambda table: table.turn.where(table.turned == 1, np.inf))
    sooner, later = pd.Series(0, range(3)), pd.Series(0, range(3))
    for (*_, seed), own in runs.groupby(["judge_init", "judge_epochs", "judge_params", "seed"]):
        own = own.sort_values("judge_pairs")
        few, many = np.triu_indices(len(own), 1)
        at = own["at"].to_numpy()
        sooner[seed] += int((at[few] < at[many]).sum())
        later[seed] += int((at[few] > at[many]).sum())
    excess = over_seeds((sooner - later) / (sooner + later))
    fewer = beyond(excess.low, excess.high)
    differ = over_seeds(matched.by_seed(found.turns_at_equal_loss))
    couples = found.turns_at_equal_loss.sooner
    by = f", d* by {interval(*differ, '+.2f')}" if np.isfinite(differ.value) else ""
    text = (
        f"with fewer pairs sooner in {sooner.sum()} couples and later in {later.sum()} (excess "
        f"{interval(*excess, '+.2f')}); at equal loss sooner after more epochs in "
        f"{(couples == 1).sum()} couples and later in {(couples == 0).sum()}{by}"
    )
    return verdict(fewer, beyond(-differ.high, -differ.low)), text


def the_law_misses_a_hump(found):
    """Gao's law explains less than nine tenths of the variance of at least one curve that turns: this gold
    has a hump."""
    turned = found.turns[found.turns.turned == 1]
    missed = int((turned.law_r2 < 0.9).sum())
    text = f"{missed} of {len(turned)} curves that turn, the least {turned.law_r2.min():.2f}"
    return HELD if missed else NOT, text


HYPOTHESES = (
    the_worst_is_worth_less,
    past_the_worst_is_between,
    the_advantage_shrinks,
    four_epochs_gain,
    imitation_lies_below,
    preferences_first_gain,
    gold_turns_sooner,
    the_law_misses_a_hump,
)
"""In the order in which they were set down."""


@pytest.fixture(scope="module")
def found():
    return recorded("preferences")


@pytest.mark.slow
@pytest.mark.parametrize("number", range(1, len(HYPOTHESES) + 1))
def test_each_hypothesis_is_judged_as_the_tables_have_it(found, number):
    assert judged(HYPOTHESES, found, number) in told("preferences")


def test_no_hypothesis_is_left_out():
    assert are_those_set_down(HYPOTHESES, HOME / "preferences")


@pytest.mark.slow
def test_the_page_tells_what_repetition_before_leaves_of_the_pairs(found):
    text, table = told("preferences"), worths(found)
    worst, past = (
        [worth_told(table.loc[(params, init)]) for params in SIZES] for init in (WORST, PAST)
    )
    assert f"with {worst[0]} times the pairs at N = 24.6k and {worst[1]} at 98.3k" in text
    row = table.loc[(SIZES[0], WORST)]
    assert f"ranks as with {share(row.pairs_multiplier)} times the pairs" in told()
    assert f"Past the worst it is {past[0]} and {past[1]}" in text
    repeated = table[table.init_repeats > 0]
    assert repeated.extrapolated.all() and repeated.foreseen.isna().all()
    assert not found.laws  # no law of the controls, whose losses lie so near one another
    losses = found.study.controls.groupby("params").test_loss.mean()
    assert f"from {losses.max():.3f} to {losses.min():.3f} nats" in text
    scratch = [
        apart(own, WORST, SCRATCH).value
        for _, own in once(found)[lambda runs: runs.pairs >= 4000].groupby(["params", "pairs"])
        if SCRATCH in set(own.init)
    ]
    assert f"by {-max(scratch):.3f} to {-min(scratch):.3f} in accuracy" in text


@pytest.mark.slow
def test_the_page_tells_what_repeating_the_preferences_does(found):
    text, cells = told("preferences"), found.preference_gains_over_sizes
    assert (cells.verdict == "gain").all() and len(cells) == 9
    assert f"in all nine, by {cells.gain.min():+.3f} to {cells.gain.max():+.3f}" in text
    worth = found.repeated_pairs
    assert f"are worth {worth.R.min():.1f} to {worth.R.max():.1f} fresh copies at most" in text
    assert (worth.h_low < 0).all() and (worth.h_high > 0).all()
    rises = cells[(cells.loss_p_holm < 0.05) & (cells.loss_rise > 0)]
    assert (
        f"held-out loss rises in {len(rises)} of the nine, by up to {cells.loss_rise.max():.1f}"
        in text
    )


@pytest.mark.slow
def test_the_page_tells_where_gold_turns(found):
    text, turns = told("preferences"), found.turns
    control = turns[turns.judge_init == CONTROL]
    seen_once = control.judge_epochs == 1
    for own, words in (
        (control[seen_once], "of {} seen once"),
        (control[~seen_once], "of {} whose"),
    ):
        assert f"{int(own.turned.sum())} {words.format(len(own))}" in text
    last = found.best_of_n_gains.merge(control, on="run_id")
    last = last[(last.n == last.n.max()) & (last.judge_pairs == 16_000)]
    ends = [over_seeds(own.gold) for _, own in last.groupby("judge_epochs")]
    first, again = (interval(*each, "+.2f") for each in ends)
    assert f"gold ends {first} from where it began after one epoch, and {again} after four" in text


@pytest.mark.slow
def test_every_run_that_was_planned_is_there(found):
    stages = {name: len(runs) for name, runs in found.study.stages.items()}
    text = told("preferences")
    assert f"{len(found.study.results)} language models" in text
    for name, words in {
        "preference_model": "preference models",
        "imitation": "imitators",
        "preference_pretraining": "pre-trained on preferences",
        "best_of_n": "samplings of the best of n",
    }.items():
        assert f"{stages[name]} {words}" in text
