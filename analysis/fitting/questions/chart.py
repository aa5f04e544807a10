"""A fit at a glance: what the law predicts against what was measured."""

from __future__ import annotations

import numpy as np
import pandas as pd

from analysis.figures.chart import NEUTRAL, QUIET, Axis, Chart, Panel, Series, ramp
from analysis.fitting.fitted import Fit
from analysis.words import count


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
