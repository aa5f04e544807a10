"""What the pool takes from a model: memorised bits, the share of its capacity, and why it pays.

Memorised bits are counted against what a model knows without having seen the pool, its control
(unintended memorisation, Morris et al. 2025, 2505.24832).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from math import log

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from analysis.figures.chart import (
    ALERT,
    NEUTRAL,
    QUIET,
    Axis,
    Chart,
    Panel,
    Series,
    errors,
    markers,
    ramp,
)
from analysis.figures.choice import size_panels, with_labels
from analysis.findings.finding import Analysis, Finding, Question
from analysis.laws import PowerLaw
from analysis.rows import groups_of, highest, rows_of
from analysis.study import Study
from analysis.words import count, share

BITS_PER_PARAM = 3.6  # Morris et al. 2025: 3.51 in bfloat16, 3.83 in float32


def memorised(study: Study, runs: pd.DataFrame) -> pd.DataFrame:
    """The repeated runs with `memorised_bits`, `bits_per_param` and `capacity_share` added.

    runs: as `effective.effective_params` makes them. The reference is the control's loss on the
    same pool where it was evaluated, else its test loss. Bits are counted on the mean loss, so
    that sequences below the reference and above it may cancel. NaN without pool loss or control.
    `capacity_share` = bits / (3.6 bits * params_total, or params where the total is not given).
    """
    same = ["setting", "params", "seed"]
    seen = study.controls.dropna(subset="pool_loss")
    reference = seen.groupby(same).pool_loss.mean().rename("reference_loss")
    runs = runs.join(reference, on=same)
    runs["reference_loss"] = runs.reference_loss.fillna(runs.control_loss)
    gained = (runs.reference_loss - runs.pool_loss).clip(lower=0)
    runs["memorised_bits"] = gained / log(2) * runs.pool_tokens
    total = runs.params_total if "params_total" in runs else runs.params
    runs["bits_per_param"] = runs.memorised_bits / total.fillna(runs.params)
    runs["capacity_share"] = runs.bits_per_param / BITS_PER_PARAM
    return runs


def incentive_bound(fraction: ArrayLike, alpha: float) -> np.ndarray:
    """The largest factor of effective params that memorising a share f of the data can be worth.

    (1 - f)^(-1/alpha): a model that spends the rest of itself on memorising loses (1 - f) of the
    loss at most; beyond this shrinkage the training objective no longer pays for it. Derived from
    the argument of Hernandez et al. 2022, section 5.1, with the control law L ~ N^-alpha.
    """
    return (1 - np.asarray(fraction, float)) ** (-1 / alpha)


def against_bound(
    peaks: pd.DataFrame, scans: pd.DataFrame, laws: Mapping[int, PowerLaw]
) -> pd.DataFrame:
    """Each peak's shrinkage 1/m beside the bound of its realised fraction, and whether it keeps it."""
    setting = peaks.scan.map(scans.set_index("scan").setting)
    alpha = setting.map({key: law.alpha for key, law in laws.items()}).astype(float)
    columns = ["repeated_fraction", "realised_fraction", "repeats", "multiplier"]
    table = peaks[["scan", "params", *columns, "run_ids"]].astype(dict.fromkeys(columns, float))
    table["shrinkage"] = 1 / table.multiplier
    table["bound"] = (1 - table.realised_fraction.clip(upper=1 - 1e-12)) ** (-1 / alpha)
    table["within"] = table.shrinkage <= table.bound
    return table.dropna(subset=["multiplier", "bound"]).reset_index(drop=True)


def pool_against_test(analysis: Analysis) -> Chart | None:
    """A path through the repeat counts, one panel a (scan, size)."""
    cells = analysis.cells.dropna(subset=["pool_loss"])
    if cells.empty:
        return None
    inks, panels = ramp(cells.repeats), []
    for scan, params, title in size_panels(analysis.study.scans, cells):
        curve = cells[(cells.scan == scan.scan) & (cells.params == params)]
        keys = {"params": int(params), "repeated_fraction": scan.repeated_fraction}
        x, y = curve.pool_loss.to_numpy(), curve.test_loss.to_numpy()
        control = analysis.controls[
            (analysis.controls.setting == scan.setting) & (analysis.controls.params == params)
        ]
        series = [Series("path", x, y, QUIET, None, in_legend=False, keys=keys)]
        if len(control):
            level = np.full(2, control.test_loss.iloc[0])
            ends = np.array([x.min(), max(x.max(), level[0])])
            line = Series("control", ends, level, NEUTRAL, None, "dashed", keys=keys)
            series.append(replace(line, run_ids=[control.run_ids.iloc[0]]))
        bars = errors(curve.test_loss_se)
        for place, row in enumerate(rows_of(curve)):
            series.append(
                Series(
                    f"{row.repeats:,.0f}",
                    *(np.array([row.pool_loss]), np.array([row.test_loss]), inks[row.repeats]),
                    line=None,
                    error=None if bars is None else bars[place : place + 1],
                    hover=[
                        f"E = {row.repeats:,.0f}: pool loss {row.pool_loss:.3f}, "
                        f"test loss {row.test_loss:.4f}"
                    ],
                    keys=keys | {"repeats": row.repeats},
                    run_ids=[row.run_ids],
                )
            )
        worst = highest(curve, "test_loss")
        ring = (np.array([worst.pool_loss]), np.array([worst.test_loss]), ALERT)
        behind = [worst.run_ids]
        series.append(
            Series("worst repeats", *ring, line=None, ring=True, keys=keys, run_ids=behind)
        )
        panels.append(Panel(title, series))
    columns = ["scan", "params", "repeats", "pool_tokens", "pool_loss", "test_loss", "seeds"]
    table = cells[[*columns, "run_ids"]]
    return Chart(
        key="pool-against-test",
        title="Pool loss against test loss",
        caption="Loss on the repeated pool and on held-out text at the end of training; colour: "
        "repeats E, from few (right) to many (left). Dashed: test loss of the control.",
        reading="Going left, the pool is learnt by heart. Test loss is worst about where pool loss "
        "collapses, and recovers once memorising the pool has become easy.",
        table=with_labels(table, analysis.study.scans),
        panels=panels,
        x=Axis("pool loss (nats per token)"),
        y=Axis("test loss (nats per token)"),
        legend="repeats E",
    )


def capacity_share(analysis: Analysis) -> Chart | None:
    """Share of a model's capacity that the memorised pool fills, over repeats."""
    cells = analysis.cells.dropna(subset=["capacity_share"])
    cells = cells[cells.capacity_share > 0]
    if cells.empty:
        return None
    inks, shapes, panels = ramp(cells.params, "magma"), markers(cells.params), []
    for scan in rows_of(analysis.study.scans):
        own = cells[cells.scan == scan.scan]
        if own.empty:
            continue
        series, rings = [], []
        for params, curve in groups_of(own, "params"):
            keys = {"params": int(params), "repeated_fraction": scan.repeated_fraction}
            x, y = curve.repeats.to_numpy(), curve.capacity_share.to_numpy()
            hover = [
                f"N = {count(params)}, E = {E:,.0f}: {count(bits)} bits, {part:.1%} of capacity"
                for E, bits, part in zip(x, curve.memorised_bits, y, strict=True)
            ]
            series.append(
                Series(
                    *(count(params), x, y, inks[params], shapes[params]),
                    hover=hover,
                    keys=keys,
                    run_ids=curve.run_ids.to_list(),
                )
            )
            worst = highest(curve, "damage")
            ring = (np.array([worst.repeats]), np.array([worst.capacity_share]), ALERT)
            behind = [worst.run_ids]
            rings.append(
                Series("worst repeats", *ring, line=None, ring=True, keys=keys, run_ids=behind)
            )
        panels.append(Panel(scan.label, [*series, *rings]))
    columns = ["scan", "params", "repeats", "pool_tokens", "memorised_bits", "bits_per_param"]
    return Chart(
        key="capacity-share",
        title="Capacity taken by the pool",
        caption="Memorised bits of the pool over the model's capacity, taken as "
        f"{BITS_PER_PARAM} bits per parameter (Morris et al. 2025). Bits are the control's loss on "
        "the pool minus the model's, times the pool's tokens. Rings: the worst repeats.",
        reading="Few repeats leave the pool unlearnt, many make it too small to matter. Damage needs "
        "a pool that is both learnt and large for the model.",
        table=with_labels(
            cells[[*columns, "capacity_share", "seeds", "run_ids"]], analysis.study.scans
        ),
        panels=panels,
        x=Axis("repeats E", log=True),
        y=Axis("share of capacity", log=True),
        legend="params N",
    )


def incentive(analysis: Analysis) -> Chart | None:
    """Measured shrinkage 1/m at the peaks against the bound (1 - f)^(-1/alpha)."""
    table = analysis.bound
    table = table[np.isfinite(table.bound) & (table.bound < 1e6)]
    if table.empty:
        return None
    inks, shapes = ramp(table.params, "magma"), markers(table.params)
    ends = np.array([1.0, max(table.bound.max(), table.shrinkage.max()) * 1.2])
    series = [Series("bound", ends, ends, QUIET, None, "dashed")]
    for params, own in groups_of(table, "params"):
        series.append(
            Series(
                count(params),
                *(own.bound.to_numpy(), own.shrinkage.to_numpy(), inks[params], shapes[params]),
                line=None,
                hover=[
                    f"N = {count(params)}, f = {row.repeated_fraction:g}: 1/m {share(row.shrinkage)}, "
                    f"bound {share(row.bound)}"
                    for row in rows_of(own)
                ],
                keys={"params": int(params)},
                run_ids=own.run_ids.to_list(),
            )
        )
    return Chart(
        key="incentive-bound",
        title="Does memorising pay?",
        caption="How much smaller a model acts at its worst repeats (1/m), against the most that the "
        "training objective can reward: (1 - f)^(-1/alpha), with alpha of the control law.",
        reading="Points below the dashed line keep the bound. Far below, memorising was cheaper than "
        "it could have been and still have paid.",
        table=with_labels(table, analysis.study.scans),
        panels=[Panel("", series)],
        x=Axis("bound on 1/m", log=True),
        y=Axis("measured 1/m", log=True),
        legend="params N",
    )


POOL = Finding("pool against test", question=Question.WHY, charts=(pool_against_test,))
MEMORISATION = Finding(
    "memorisation",
    question=Question.WHY,
    tables={
        "bound": lambda analysis: against_bound(analysis.peaks, analysis.study.scans, analysis.laws)
    },
    charts=(capacity_share, incentive),
)
