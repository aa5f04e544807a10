"""The published claims about what comes after repetition, and what helps against it."""

from __future__ import annotations

from collections.abc import Callable

import pandas as pd

from analysis.findings.claims.claim import Claim, Measured, Rule
from analysis.findings.claims.damage import HERNANDEZ
from analysis.findings.finding import Analysis
from analysis.findings.regularisation import ARM, removed_by_run
from analysis.findings.seeds import over_seeds
from analysis.rows import groups_of, lowest
from analysis.words import count


def tuned_multiplier(analysis: Analysis) -> Measured | None:
    """The multiplier of fine-tuned runs on the scan from scratch, after the worst repeats."""
    runs = analysis.transfers
    if runs.empty:
        return None
    runs = runs[runs.pretrained_fraction > 0].dropna(subset=["multiplier"])
    cell = ["corpus", "params", "pretrained_fraction", "pretrained_repeats"]
    cells = runs.groupby(cell).multiplier.agg(["mean", "size"]).reset_index()
    if cells.empty:
        return None
    worst = lowest(cells[cells["size"] == cells["size"].max()], "mean")
    own = runs[(runs[cell] == worst[cell].to_numpy()).all(axis=1)]
    where = (
        f"N = {count(worst.params)} on {worst.corpus}, after f = {worst.pretrained_fraction:g}, "
        f"E = {worst.pretrained_repeats:,.0f}"
    )
    return Measured(*over_seeds(own.multiplier, log=True), where, len(own))


def removed(by: str, value: float) -> Callable[[Analysis], Measured | None]:
    """A measure of the share of the damage that an arm removes which differs from the least regularised
    in `by` alone: the one whose `by` is nearest to `value`, in the cell with most damage."""

    def measure(analysis: Analysis) -> Measured | None:
        runs = removed_by_run(analysis.study, analysis.runs)
        if runs.empty:
            return None
        found = []
        for _, own in groups_of(runs, ["group", "params", "repeated_fraction", "repeats"]):
            least = own[ARM].min()
            (other,) = (name for name in ARM if name != by)
            arms = own[(own[other] == least[other]) & (own[by] > least[by])]
            if len(arms):
                nearest = arms[by].loc[(arms[by] - value).abs().idxmin()]
                found.append((own.reference_damage.mean(), arms[arms[by] == nearest]))
        if not found:
            return None
        arm = max(found, key=lambda one: one[0])[1]
        return Measured(*over_seeds(arm.removed), _arm(arm.iloc[0], by), arm.seed.nunique())

    return measure


def _arm(run: pd.Series, by: str) -> str:
    label = f"{run.label}, " if run.label else ""
    return f"{label}N = {count(run.params)}, E = {run.repeats:,.0f}, {by.replace('_', ' ')} {run[by]:g}"


REMEDIES = [
    Claim(
        17,
        "fine-tuning after the worst repeats",
        "fine-tuned on other text a model does as well as one of that share of its size from scratch",
        "1 / 1.6",
        f"{HERNANDEZ}, section 5.4 and figure 12",
        tuned_multiplier,
        *(1 / 1.6, 1 / 1.6),
        none=1.0,
    ),
    Claim(
        23,
        "what weight decay removes",
        "weight decay of 1 removes that share of the damage of repetition",
        "about 0.7",
        "Lovelace et al. 2026",
        removed("weight_decay", 1.0),
        *(0.7, 0.7),
        none=0.0,
    ),
    Claim(
        23,
        "what dropout removes",
        "dropout of 0.1 removes damage of repetition (share of it)",
        "most of it",
        "Xue et al. 2023",
        removed("dropout", 0.1),
        none=0.0,
        rule=Rule.ABOVE,
    ),
]
