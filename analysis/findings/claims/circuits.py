"""The published claims about what else is hurt: copying, induction heads, names, other text."""

from __future__ import annotations

from collections.abc import Callable

import pandas as pd

from analysis.findings.claims.claim import Claim, Measured, Rule
from analysis.findings.claims.damage import HERNANDEZ
from analysis.findings.claims.measuring import main_scans
from analysis.findings.finding import Analysis
from analysis.findings.induction.onset import LEAST_RISE, SCORE
from analysis.findings.induction.onset import formations as formed
from analysis.findings.seeds import over_seeds
from analysis.rows import groups_of, lowest
from analysis.words import count

OLSSON = "Olsson et al. 2022"


def beside_test_loss(probe: str, least: float = 0.0) -> Callable[[Analysis], Measured | None]:
    """A measure of the multiplier by `probe` over that by test loss, each at its own worst repeats (as in
    the paper's figures 5, 6 and 10), at the least fraction from `least` on; below the smallest control
    both count as its."""

    def measure(analysis: Analysis) -> Measured | None:
        table = analysis.probes
        if table.empty:
            return None
        table = table[(table.probe == probe) & table.scan.isin(main_scans(analysis))]
        table = table[table.repeated_fraction >= least - 1e-9]
        table = table.dropna(subset=["multiplier", "by_test_loss"])
        if table.empty:
            return None
        table = table[table.repeated_fraction == table.repeated_fraction.min()]
        seeds = table.groupby("params").seed.nunique()
        params = seeds[seeds == seeds.max()].index.max()
        own = table[table.params == params]
        controls = analysis.study.controls
        controls = controls[controls.setting == own.setting.iloc[0]]
        smallest = controls.params.min() / params
        worst, at = {}, {}
        for column in ("multiplier", "by_test_loss"):
            clipped = own.assign(value=own[column].clip(lower=smallest))
            at[column] = clipped.groupby("repeats").value.mean().idxmin()
            worst[column] = clipped[clipped.repeats == at[column]].groupby("seed").value.mean()
        ratio = (worst["multiplier"] / worst["by_test_loss"]).dropna()
        if ratio.empty:
            return None
        beyond = bool((worst["multiplier"] <= smallest * 1.001).any())
        where = (
            f"N = {count(params)}, f = {own.repeated_fraction.iloc[0]:g}, E = {at['multiplier']:,.0f} "
            f"against {at['by_test_loss']:,.0f}" + ", a bound (smallest control)" * beyond
        )
        return Measured(*over_seeds(ratio, log=True), where, len(ratio))

    return measure


def in_context(analysis: Analysis) -> Measured | None:
    """The in-context-learning score at the end of controls in which heads form, of the size with most
    seeds; not on markov, whose later tokens are harder in themselves."""
    controls = analysis.study.controls
    if "in_context_score" not in controls or not analysis.study.has({"curves": (SCORE,)}):
        return None
    runs = formed(analysis.study)
    if runs.empty:
        return None
    own = controls[controls.run_id.isin(runs.run_id[runs.onset_tokens.notna()])]
    if "corpus" in own:
        own = own[~own.corpus.fillna("").str.startswith("markov/")]
    own = own.dropna(subset=["in_context_score"])
    if own.empty:
        return None
    own = _largest(own)
    where = f"controls in which heads form, N = {count(own.params.iloc[0])}"
    return Measured(*over_seeds(own.in_context_score), where, len(own))


def heads_form(layers: str, smeared: bool) -> Callable[[Analysis], Measured | None]:
    """A measure of prefix matching at the end in controls of "one" or of "several" layers, with smeared
    keys or without, of the size that has most."""

    def measure(analysis: Analysis) -> Measured | None:
        controls = analysis.study.controls
        if not {SCORE, "layers"} <= set(controls):
            return None
        keys = controls.get("smeared_keys", pd.Series(False, controls.index)).fillna(False)
        own = controls[(keys.astype(bool) == smeared)].dropna(subset=[SCORE])
        own = own[(own.layers == 1) if layers == "one" else (own.layers > 1)]
        if own.empty:
            return None
        best = max(
            (cell for _, cell in groups_of(own, ["setting", "params"])),
            key=lambda cell: (cell[SCORE].mean(), len(cell)),
        )
        where = f"N = {count(best.params.iloc[0])}"
        if "corpus" in best:
            where += f", {best.corpus.iloc[0]}"
        return Measured(*over_seeds(best[SCORE]), where, len(best))

    return measure


def bump_beside_heads(analysis: Analysis) -> Measured | None:
    """Tokens at which the training loss has its bump over those at which heads form, over controls."""
    if not analysis.study.has({"curves": (SCORE, "train_loss")}):
        return None
    runs = formed(analysis.study)
    if runs.empty:
        return None
    runs = runs[runs.repeats == 0]
    ratio = (runs.bump_tokens / runs.onset_tokens).dropna()
    if ratio.empty:
        return None
    return Measured(*over_seeds(ratio, log=True), "controls in which heads form", len(ratio))


def names_known(layers: str) -> Callable[[Analysis], Measured | None]:
    """A measure of a name's probability where it comes back, after the worst repeats over without."""
    probability = "name_probability_last"

    def measure(analysis: Analysis) -> Measured | None:
        runs = analysis.study.results
        if not {probability, "layers"} <= set(runs):
            return None
        runs = runs[runs.setting >= 0].dropna(subset=[probability])
        runs = runs[(runs.layers == 1) if layers == "one" else (runs.layers > 1)]
        same = ["setting", "params", "seed"]
        controls = runs[runs.is_control].groupby(same)[probability].mean()
        repeated = runs[~runs.is_control].join(controls.rename("control"), on=same)
        repeated = repeated.assign(ratio=repeated[probability] / repeated.control)
        repeated = repeated.dropna(subset=["ratio"])
        if repeated.empty:
            return None
        grouped = repeated.groupby(["setting", "params", "repeats"]).ratio
        cells = grouped.agg(["mean", "size"]).reset_index()
        worst = lowest(cells[cells["size"] == cells["size"].max()], "mean")
        at = (repeated.setting == worst.setting) & (repeated.params == worst.params)
        own = repeated[at & (repeated.repeats == worst.repeats)]
        where = f"N = {count(worst.params)}, E = {worst.repeats:,.0f}"
        return Measured(*over_seeds(own.ratio, log=True), where, len(own))

    return measure


def _largest(controls: pd.DataFrame) -> pd.DataFrame:
    """The controls of the cell with most seeds, of several the largest size."""
    cells = groups_of(controls, ["setting", "params"])
    return max((own for _, own in cells), key=lambda own: (len(own), own.params.iloc[0]))


def _hurt_more(number: int, name: str, probe: str, published: str, figure: str) -> Claim:
    return Claim(
        number,
        f"{name} against test loss",
        f"{name} is hurt more than test loss (ratio of multipliers, each at its worst repeats)",
        published,
        f"{HERNANDEZ}, {figure}",
        beside_test_loss(probe, 0.5 if probe == "ood_loss" else 0.0),
        none=1.0,
        rule=Rule.BELOW,
    )


def _forms(layers: str, smeared: bool, published: str, rule: Rule) -> Claim:
    keys = f"{layers} layer{'s' if layers == 'several' else ''}" + ", smeared keys" * smeared
    does = "form" if rule is Rule.ABOVE else "never form"
    return Claim(
        14,
        f"induction heads, {keys}",
        f"induction heads {does} in models of {keys} (prefix matching of the best head, controls)",
        published,
        OLSSON,
        heads_form(layers, smeared),
        none=LEAST_RISE,
        rule=rule,
    )


CIRCUITS = [
    _hurt_more(
        *(11, "copying of text", "copying_loss"), "1 / 3 against 1 / 1.15 at f = 0.03", "figure 5"
    ),
    _hurt_more(
        *(11, "copying of random tokens", "random_copying_loss"),
        *("1 / 3 against 1 / 1.15 at f = 0.03", "figure 5"),
    ),
    _hurt_more(
        *(12, "prefix matching", SCORE), "1 / 1.47 against 1 / 1.15 at f = 0.03", "figure 6"
    ),
    Claim(
        13,
        "in-context learning",
        "after the phase change the in-context-learning score (nats) is the same at all sizes",
        "-0.4",
        OLSSON,
        in_context,
        *(-0.4, -0.4),
        none=0.0,
    ),
    _forms("several", False, "heads form in two layers and more", Rule.ABOVE),
    _forms("one", False, "no heads form in one layer", Rule.BELOW),
    _forms("one", True, "with smeared keys one layer suffices", Rule.ABOVE),
    _forms("several", True, "heads form in two layers and more", Rule.ABOVE),
    Claim(
        14,
        "bump and heads",
        "the bump of the training loss lies where heads form (ratio of tokens)",
        "they coincide, taken as within a factor of 2",
        OLSSON,
        bump_beside_heads,
        *(0.5, 2.0),
    ),
    Claim(
        15,
        "names that come back, several layers",
        "repetition takes that much of a name's probability where it comes back (share that is left)",
        "10 % of 92 %, 0.4 % of 68 %",
        f"{HERNANDEZ}, figure 9",
        names_known("several"),
        *(0.004 / 0.68, 0.10 / 0.92),
        none=1.0,
    ),
    Claim(
        15,
        "names that come back, one layer",
        "the same in models of one layer",
        "4 % of 97 %",
        f"{HERNANDEZ}, figure 8",
        names_known("one"),
        *(0.04 / 0.97, 0.04 / 0.97),
        none=1.0,
    ),
    _hurt_more(
        *(16, "out-of-distribution loss", "ood_loss"),
        *("a little more; 0.84 at f = 0.5, 0.75 at f = 0.9", "figure 10"),
    ),
]
