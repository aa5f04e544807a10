"""Regularisation arms: how much of the damage of repetition do weight decay and dropout remove?

The arms of a study are its settings that differ in both alone (Kim et al. 2025 and Xue et al. 2023
regularise where a whole corpus is repeated).
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from analysis.figures.chart import Axis, Chart, Heat, Panel
from analysis.findings.finding import Analysis, Finding, Question
from analysis.rows import groups_of, highest, run_ids_of
from analysis.study import Study
from analysis.study.scans import REPETITION, SETTINGS, tell_apart
from analysis.words import count

ARM = ["weight_decay", "dropout"]
_CELL = ["group", "params", "repeated_fraction", "repeats"]


def removed_by_run(study: Study, runs: pd.DataFrame) -> pd.DataFrame:
    """The runs of the cells that have several arms; empty where no cell has.

    runs: as `effective.effective_params` makes them. `removed` is the share of the reference's damage
    that the run has not, `cost` what its arm adds to the loss of its control, `gain` how much lower its
    loss is than the reference's; all against the run of its seed in the arm with the least weight decay
    and dropout. `group` numbers the settings and ways of repetition but for the arm; `label` tells them
    apart.
    """
    runs = runs.dropna(subset=["damage"])
    if not set(ARM) <= set(runs) or runs.empty:
        return pd.DataFrame()
    others = [name for name in (*SETTINGS, *REPETITION) if name in runs and name not in ARM]
    runs = runs.assign(group=runs.groupby(others, dropna=False, sort=False).ngroup())
    several = runs.groupby(_CELL)[ARM].transform("nunique").max(axis=1) > 1
    runs = runs[several]
    if runs.empty:
        return pd.DataFrame()
    reference = runs.sort_values(ARM).groupby([*_CELL, "seed"])[
        ["damage", "control_loss", "test_loss"]
    ]
    runs = runs.join(reference.first().add_prefix("reference_"), on=[*_CELL, "seed"])
    runs["removed"] = 1 - runs.damage / runs.reference_damage
    runs["cost"] = runs.control_loss - runs.reference_control_loss
    runs["gain"] = runs.reference_test_loss - runs.test_loss
    told = tell_apart(runs[others]).to_numpy()
    return runs.assign(label=[", ".join(map(str, row)) for row in told])


def arms(study: Study, runs: pd.DataFrame) -> pd.DataFrame:
    """One row a (cell, arm), means over seeds, with `*_se`; empty where no cell has several arms.

    runs: as `effective.effective_params` makes them. `damage` (nats per token) is to the arm's own
    controls; `removed`, `cost`, `gain`, `group` and `label` as in `removed_by_run`.
    """
    runs = removed_by_run(study, runs)
    if runs.empty:
        return pd.DataFrame()
    measures = ["damage", "removed", "cost", "gain", "test_loss"]
    grouped = runs.groupby([*_CELL, *ARM, "setting"])
    cells = grouped[measures].mean().join(grouped[measures].sem().add_suffix("_se"))
    cells["seeds"], cells["run_ids"] = grouped.size(), run_ids_of(grouped)
    labels = dict(zip(runs.group, runs.label, strict=True))
    return cells.reset_index().assign(label=lambda table: table.group.map(labels))


def arm_sentences(cells: pd.DataFrame) -> list[str]:
    """Which arm removes most of the damage and at what cost, a sentence a cell."""
    sentences: list[str] = []
    if cells.empty:
        return sentences
    for (_, params, fraction, repeats), own in groups_of(cells, _CELL):
        reference = own.sort_values(ARM).iloc[0]
        if not reference.damage > 0:
            continue
        best = highest(own, "removed")
        where = f" ({reference.label})" if reference.label else ""
        text = (
            f"Of the damage at N = {count(params)}, f = {fraction:g}, E = {repeats:,.0f}{where}, "
            f"{reference.damage:.3f} nats with {_arm(reference)}, "
        )
        if best.removed <= 0 or best.name == reference.name:
            sentences.append(f"{text}no arm removes anything.")
            continue
        sentences.append(
            f"{text}{_arm(best)} removes most: {best.removed:.0%}{_spread(best.removed_se, '.1%')}. "
            f"It changes the loss of the controls by {best.cost:+.3f}{_spread(best.cost_se, '.3f')} "
            f"nats, that of the repeated runs by {-best.gain:+.3f}{_spread(best.gain_se, '.3f')}."
        )
    return sentences


def other_arms(cells: pd.DataFrame, runs: pd.DataFrame) -> set[int]:
    """The settings of arms that are variants of what is told already: all but those that have cells
    (of `runs`, as in `arms`) which no other arm has, or else the references."""
    if cells.empty:
        return set()
    cell = ["setting", *_CELL[1:]]
    own = pd.MultiIndex.from_frame(runs.dropna(subset=["damage"])[cell])
    more = set(own[~own.isin(pd.MultiIndex.from_frame(cells[cell]))].get_level_values("setting"))
    others: set[int] = set()
    for _, group in cells.groupby("group"):
        told = more & set(group.setting)
        told = told or set(group.sort_values(ARM).groupby(_CELL).setting.first())
        others |= set(group.setting) - told
    return others


def _arm(row: pd.Series) -> str:
    return f"weight decay {row.weight_decay:g} and dropout {row.dropout:g}"


def _spread(error: float, form: str) -> str:
    return f" ± {error:{form}}" if np.nan_to_num(error) > 0 else ""


def regularisation_map(analysis: Analysis) -> Chart | None:
    """One heat map a (setting, size, repetition): the share of the damage removed."""
    cells = analysis.arms
    if cells.empty:
        return None
    panels = []
    for (label, params, fraction, repeats), own in groups_of(
        cells, ["label", "params", "repeated_fraction", "repeats"]
    ):
        title = f"N = {count(params)}, f = {fraction:g}, E = {repeats:,.0f}"
        panels.append(
            Panel(
                f"{label}, {title}" if label else title,
                heat=_heat(own),
                keys={"params": int(params), "repeated_fraction": fraction},
            )
        )
    return Chart(
        key="regularisation",
        title="What regularisation removes",
        caption="Share of the damage (test loss above the arm's own controls) that each arm removes, "
        "against the least regularised, mean over seeds.",
        reading="Bright: little damage is left. But an arm can come to that by making its controls "
        "worse instead of the repeated runs better; the table has both (cost, gain).",
        table=cells.drop(columns=["group", "setting"]),
        panels=panels,
        x=Axis("weight decay"),
        y=Axis("dropout"),
    )


def _heat(cells: pd.DataFrame) -> Heat:
    grid, runs = (
        cells.pivot(index="dropout", columns="weight_decay", values=name)
        for name in ("removed", "run_ids")
    )
    texts = [
        ["" if np.isnan(share) else f"{share:.0%}" for share in row] for row in grid.to_numpy()
    ]
    return Heat(
        [f"{value:g}" for value in grid.columns],
        [f"{value:g}" for value in grid.index],
        grid.to_numpy(),
        texts,
        "share removed",
        [[ids if isinstance(ids, list) else [] for ids in row] for row in runs.to_numpy()],
        axes="weight decay %{x}, dropout %{y}: %{z:.2f}",
        log=False,
    )


REGULARISATION = Finding(
    "regularisation",
    question=Question.HELPS,
    tables={"arms": lambda analysis: arms(analysis.study, analysis.runs)},
    sentences=lambda analysis: arm_sentences(analysis.arms),
    charts=(regularisation_map,),
    alone=lambda analysis: other_arms(analysis.arms, analysis.runs),
)
