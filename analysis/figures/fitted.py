"""A fit at a glance: what the law predicts against what was measured."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from analysis.figures.chart import NEUTRAL, QUIET, Axis, Chart, Panel, Series, markers, ramp
from analysis.words import count

if TYPE_CHECKING:  # fitting brings JAX, which a figure does not need
    from analysis.fitting import Fit


def fit_chart(fitted: Fit) -> Chart:
    """Measured against predicted loss, and the residuals' table; for `ostinato fit --plot`."""
    predicted = fitted.predict(**fitted.columns)
    table = pd.DataFrame(
        fitted.columns
        | {"loss": fitted.loss, "predicted": predicted, "log_residual": fitted.residuals}
    )
    first = fitted.law.columns[0]
    values = fitted.columns[first]
    inks = ramp(values) if len(np.unique(values)) > 1 else {values[0]: NEUTRAL}
    ends = np.array(
        [min(predicted.min(), fitted.loss.min()), max(predicted.max(), fitted.loss.max())]
    )
    points = Series(
        "measured",
        *(predicted, fitted.loss, NEUTRAL),
        line=None,
        hover=[
            f"{first} {count(v)}: {a:.4f}, predicted {b:.4f}"
            for v, a, b in zip(values, fitted.loss, predicted, strict=True)
        ],
        inks=[inks[value] for value in values],
    )
    constants = ", ".join(f"{name} = {value:.4g}" for name, value in fitted.constants.items())
    return Chart(
        key=f"fit-{fitted.law.name}",
        title=f"{fitted.law.equation}",
        caption=f"{constants}; {len(fitted.loss)} rows, R2 = {fitted.r2:.4f}. {fitted.law.source}.",
        reading=f"Points on the line are as predicted. Colour: {first}, from dark (low) to light.",
        table=table,
        panels=[Panel("", [Series("as predicted", ends, ends, QUIET, None, "dashed"), points])],
        x=Axis(f"predicted {fitted.law.measured}", log=True, counts=predicted.min() > 1e3),
        y=Axis(f"measured {fitted.law.measured}", log=True, counts=predicted.min() > 1e3),
    )


def predicted_against_measured(analysis) -> Chart | None:
    """The multiplier of each cell against the band's prediction for its size from the other sizes."""
    table = analysis.held_out
    if table.empty:
        return None
    inks, shapes = ramp(table.params, "magma"), markers(table.params)
    low = min(table.multiplier.min(), table.predicted.min())
    ends = np.array([low / 1.1, 1.1])
    series = [Series("as predicted", ends, ends, QUIET, None, "dashed")]
    for params, own in table.groupby("params"):
        series.append(
            Series(
                count(params),
                *(
                    own.predicted.to_numpy(),
                    own.multiplier.to_numpy(),
                    inks[params],
                    shapes[params],
                ),
                line=None,
                hover=[
                    f"N = {count(params)}, f = {row.repeated_fraction:g}, E = {row.repeats:,.0f}: "
                    f"measured {row.multiplier:.3f}, predicted {row.predicted:.3f}"
                    for row in own.itertuples()
                ],
                keys={"params": int(params)},
                run_ids=own.run_ids.to_list(),
            )
        )
    error = np.exp(np.abs(np.log(table.predicted / table.multiplier)).mean()) - 1
    return Chart(
        key="predicted-against-measured",
        title="Can the damage be predicted?",
        caption="Measured multiplier of each cell against the prediction for its size by a damage "
        "band (a bump in log E that drifts with N) fitted to the other sizes alone. Mean error: "
        f"{error:.0%}.",
        reading="Points on the dashed line were foreseen from other sizes; below it, the damage was "
        "worse than foreseen.",
        table=table.reset_index(drop=True),
        panels=[Panel("", series)],
        x=Axis("predicted multiplier", log=True),
        y=Axis("measured multiplier", log=True),
        legend="params N",
    )
