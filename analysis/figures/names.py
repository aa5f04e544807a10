"""How well a name is known that stands in the passage before (Hernandez et al. 2022, figs. 8, 9)."""

from __future__ import annotations

import numpy as np

from analysis.figures.chart import ALERT, QUIET, Axis, Chart, Panel, Series, errors
from analysis.figures.choice import size_panels
from analysis.names import PLACES, name_sentences

_SHOWN = {"first": ("where it is new", QUIET, "o"), "last": ("seen before", ALERT, "s")}


def names_in_context(analysis) -> Chart | None:
    """Probability of a name's tokens over repeats, one panel a (scan, size); dashed: the control."""
    cells, panels = analysis.names, []
    if cells.empty or analysis.cells.empty:
        return None
    for scan, params, name in size_panels(analysis, analysis.cells):
        own = cells[(cells.setting == scan.setting) & (cells.params == params)]
        curve = own[(own.repeated_fraction == scan.repeated_fraction) & (own.repeats > 0)]
        control = own[own.repeats == 0]
        if curve.empty:
            continue
        ends, series = np.array([curve.repeats.min() / 1.5, curve.repeats.max() * 1.5]), []
        for place in PLACES:
            label, ink, marker = _SHOWN[place]
            keys = {"params": int(params)}
            for row in control.to_dict("records"):
                level, runs = np.full(2, row[place]), [row["run_ids"]]
                dashed = (ink, None, "dashed")
                series.append(
                    Series(f"{label}, control", ends, level, *dashed, keys=keys, run_ids=runs)
                )
            values = curve.repeats.to_numpy(), curve[place].to_numpy()
            error, runs = errors(curve[f"{place}_se"]), curve.run_ids.to_list()
            series.append(Series(label, *values, ink, marker, error=error, keys=keys, run_ids=runs))
        panels.append(Panel(name, series))
    if not panels:
        return None
    return Chart(
        key="names-in-context",
        title="A name that comes back",
        caption="Mean probability of the tokens of a made-up name after its first one, at its first "
        "occurrence in a held-out passage and at its fifth. Dashed: without repetition. Bars: one "
        f"standard error over seeds. {' '.join(name_sentences(cells, analysis.study))}",
        reading="A model that copies knows the name when it comes back; where both curves lie "
        "together, it reads each name as if it were new.",
        table=cells,
        panels=panels,
        x=Axis("repeats E", log=True),
        y=Axis("probability of the name's tokens", low=0.0),
        legend="the name",
    )
