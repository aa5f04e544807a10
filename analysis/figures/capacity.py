"""What memorising costs and what it may cost: capacity share, and the incentive bound."""

from __future__ import annotations

import numpy as np

from analysis.figures.chart import (
    ALERT,
    QUIET,
    Axis,
    Chart,
    Panel,
    Series,
    markers,
    ramp,
)
from analysis.figures.repeats import with_labels
from analysis.memorisation import BITS_PER_PARAM
from analysis.words import count, share


def capacity_share(analysis) -> Chart | None:
    """Share of a model's capacity that the memorised pool fills, over repeats."""
    cells = analysis.cells.dropna(subset=["capacity_share"])
    cells = cells[cells.capacity_share > 0]
    if cells.empty:
        return None
    inks, shapes, panels = ramp(cells.params, "magma"), markers(cells.params), []
    for scan in analysis.study.scans.itertuples():
        own = cells[cells.scan == scan.scan]
        if own.empty:
            continue
        series, rings = [], []
        for params, curve in own.groupby("params"):
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
            worst = curve.loc[curve.damage.idxmax()]
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
        table=with_labels(cells[[*columns, "capacity_share", "seeds", "run_ids"]], analysis),
        panels=panels,
        x=Axis("repeats E", log=True),
        y=Axis("share of capacity", log=True),
        legend="params N",
    )


def incentive(analysis) -> Chart | None:
    """Measured shrinkage 1/m at the peaks against the bound (1 - f)^(-1/alpha)."""
    table = analysis.bound
    table = table[np.isfinite(table.bound) & (table.bound < 1e6)]
    if table.empty:
        return None
    inks, shapes = ramp(table.params, "magma"), markers(table.params)
    ends = np.array([1.0, max(table.bound.max(), table.shrinkage.max()) * 1.2])
    series = [Series("bound", ends, ends, QUIET, None, "dashed")]
    for params, own in table.groupby("params"):
        series.append(
            Series(
                count(params),
                *(own.bound.to_numpy(), own.shrinkage.to_numpy(), inks[params], shapes[params]),
                line=None,
                hover=[
                    f"N = {count(params)}, f = {row.repeated_fraction:g}: 1/m {share(row.shrinkage)}, "
                    f"bound {share(row.bound)}"
                    for row in own.itertuples()
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
        table=with_labels(table, analysis),
        panels=[Panel("", series)],
        x=Axis("bound on 1/m", log=True),
        y=Axis("measured 1/m", log=True),
        legend="params N",
    )
