"""Loss, and the multiplier, against repeats: one line a size, one panel a scan."""

from __future__ import annotations

import numpy as np
import pandas as pd

from analysis.figures.chart import (
    ALERT,
    QUIET,
    Axis,
    Chart,
    Panel,
    Series,
    errors,
    markers,
    ramp,
)
from analysis.figures.choice import with_labels
from analysis.findings.finding import Analysis
from analysis.rows import groups_of, rows_of
from analysis.words import count, share

_COLUMNS = ["scan", "repeated_fraction", "params", "repeats", "pool_tokens", "seeds"]


def loss_against_repeats(analysis: Analysis) -> Chart | None:
    """Test loss over repeats, with each size's control as a dashed line."""
    cells = analysis.cells
    if cells.empty:
        return None
    inks, shapes = ramp(cells.params, "magma"), markers(cells.params)
    panels = []
    for scan in rows_of(analysis.study.scans):
        own = cells[cells.scan == scan.scan]
        if own.empty:
            continue
        controls = analysis.controls[analysis.controls.setting == scan.setting]
        controls = controls.set_index("params")
        series = []
        for params, curve in groups_of(own, "params"):
            keys = {"params": int(params), "repeated_fraction": scan.repeated_fraction}
            if params in controls.index:
                ends = curve.repeats.agg(["min", "max"]).to_numpy()
                loss = np.full(2, controls.test_loss[params])
                series.append(
                    Series(
                        f"control, N = {count(params)}",
                        *(ends, loss, inks[params], None, "dashed"),
                        in_legend=False,
                        keys=keys,
                        run_ids=[controls.run_ids[params]],
                    )
                )
            series.append(
                Series(
                    count(params),
                    *(curve.repeats.to_numpy(), curve.test_loss.to_numpy(), inks[params]),
                    shapes[params],
                    error=errors(curve.test_loss_se),
                    hover=_hover(curve),
                    keys=keys,
                    run_ids=curve.run_ids.to_list(),
                )
            )
        series += _worst(analysis.peaks, scan, "test_loss")
        # Beside the damage of f = 0.9 that of 0.1 would be a flat line; tokens may be other tokens.
        scale = f"{scan.repeated_fraction:g} {getattr(scan, 'vocabulary', '')}"
        panels.append(Panel(scan.label, series, scale=scale))
    table = cells[[*_COLUMNS, "test_loss", "test_loss_se", "damage", "damage_se", "run_ids"]]
    return Chart(
        key="loss-against-repeats",
        title="Test loss against repeats",
        caption="Test loss of models trained on the same number of tokens, a share f of which is a "
        "small pool seen E times. Dashed: the size's control, without repetition. Bars: "
        "one standard error over seeds. Rings: the worst repeats of each size. Panels of one f have "
        "one scale of loss.",
        reading="A line that rises from its dashed control and comes back is a double descent in "
        "data: few repeats and very many are nearly harmless, those between are not.",
        table=with_labels(table, analysis.study.scans),
        panels=panels,
        x=Axis("repeats E", log=True),
        y=Axis("test loss (nats per token)"),
        legend="params N",
    )


def multiplier_against_repeats(analysis: Analysis) -> Chart | None:
    """The multiplier over repeats, with the Gaussian in log E where there is one."""
    cells = analysis.cells.dropna(subset="multiplier")
    if cells.empty:
        return None
    inks, shapes = ramp(cells.params, "magma"), markers(cells.params)
    panels = []
    for scan in rows_of(analysis.study.scans):
        own = cells[cells.scan == scan.scan]
        if own.empty:
            continue
        ends = own.repeats.agg(["min", "max"]).to_numpy()
        series = [Series("no damage", ends, np.ones(2), QUIET, None, "dotted")]
        for params, curve in groups_of(own, "params"):
            series.append(
                Series(
                    count(params),
                    *(curve.repeats.to_numpy(), curve.multiplier.to_numpy(), inks[params]),
                    shapes[params],
                    error=errors(curve.multiplier_se),
                    hover=_hover(curve),
                    keys={"params": int(params), "repeated_fraction": scan.repeated_fraction},
                    run_ids=curve.run_ids.to_list(),
                )
            )
        panels.append(Panel(scan.label, [*series, *_worst(analysis.peaks, scan, "multiplier")]))
    columns = [*_COLUMNS, "multiplier", "multiplier_se", "multiplier_by_law", "effective_params"]
    return Chart(
        key="multiplier-against-repeats",
        title="Multiplier against repeats",
        caption="Effective params over params: the size of control that reaches the same test loss, "
        "as a share of the model's own size. Read off the controls by interpolation.",
        reading="0.5 means that half of the model was spent on the repeated tokens: a control of "
        "half the size does as well. Rings: the worst repeats of each size.",
        table=with_labels(cells[[*columns, "extrapolated", "run_ids"]], analysis.study.scans),
        panels=panels,
        x=Axis("repeats E", log=True),
        y=Axis("multiplier N_eff / N", low=0.0, high=1.05),
        legend="params N",
    )


def _worst(peaks: pd.DataFrame, scan, measure: str) -> list[Series]:
    own = peaks[(peaks.scan == scan.scan) & (peaks.damage > 0)] if len(peaks) else peaks
    return [
        Series(
            "worst repeats",
            *(np.array([row.repeats]), np.array([getattr(row, measure)]), ALERT),
            line=None,
            ring=True,
            keys={"params": int(row.params), "repeated_fraction": scan.repeated_fraction},
            run_ids=[row.run_ids],
        )
        for row in rows_of(own)
    ]


def _hover(curve: pd.DataFrame) -> list[str]:
    return [
        f"N = {row.params:,}, E = {row.repeats:,.0f}, pool {count(row.pool_tokens)} tokens: "
        f"test loss {row.test_loss:.4f}"
        + (f", multiplier {share(row.multiplier)}" if np.isfinite(row.multiplier) else "")
        for row in rows_of(curve)
    ]
