"""A made-up name in a passage (Hernandez et al. 2022, figures 8 and 9): how probable are its tokens
where it is new, and where it has been seen before?"""

from __future__ import annotations

import numpy as np
import pandas as pd

from analysis.figures.chart import ALERT, QUIET, Axis, Chart, Panel, Series, errors
from analysis.figures.choice import size_panels
from analysis.findings.finding import Analysis, Finding, Question
from analysis.rows import groups_of, lowest, run_ids_of
from analysis.study import Study
from analysis.study.scans import in_brackets
from analysis.words import count

PLACES = ("first", "last")
_MEASURED = {f"name_probability_{place}": place for place in PLACES}
_SHOWN = {"first": ("where it is new", QUIET, "o"), "last": ("seen before", ALERT, "s")}


def name_cells(study: Study) -> pd.DataFrame:
    """Means over seeds, a row a (setting, params, repeated_fraction, repeats): the probability of a
    name's tokens at its `first` and at its `last` occurrence, with `*_se`; `seeds` and `run_ids`.
    """
    runs = study.results[study.results.setting >= 0]
    runs = runs.rename(columns=_MEASURED).dropna(subset="last")
    grouped = runs.groupby(["setting", "params", "repeated_fraction", "repeats"])
    cells = grouped[list(PLACES)].mean().join(grouped[list(PLACES)].sem().add_suffix("_se"))
    cells["seeds"], cells["run_ids"] = grouped.size(), run_ids_of(grouped)
    return cells.reset_index()


def name_sentences(cells: pd.DataFrame, study: Study) -> list[str]:
    """Control against the repeats at which a name is least known, a sentence a size that has both."""
    sentences: list[str] = []
    if cells.empty:
        return sentences
    labels = study.setting_labels
    for (setting, params), own in groups_of(cells, ["setting", "params"]):
        control, repeated = own[own.repeats == 0], own[own.repeats > 0]
        if control.empty or repeated.empty:
            continue
        worst = lowest(repeated, "last")
        where = f"N = {count(params)}{in_brackets(labels[setting], fraction=False)}"
        sentences.append(
            f"A name that has been seen in the passage, at {where}: without repetition its tokens "
            f"have a probability of {_last(control.iloc[0])}, after f = {worst.repeated_fraction:g}, "
            f"E = {worst.repeats:,.0f} of {_last(worst)}."
        )
    return sentences


def _last(row: pd.Series) -> str:
    spread = f" ± {row.last_se:.1%}" if row.last_se > 0 else ""
    return f"{row['last']:.1%}{spread} ({row['first']:.1%} where it is new)"


def names_in_context(analysis: Analysis) -> Chart | None:
    """Probability of a name's tokens over repeats, one panel a (scan, size); dashed: the control."""
    cells, panels = analysis.names, []
    if cells.empty or analysis.cells.empty:
        return None
    for scan, params, name in size_panels(analysis.study.scans, analysis.cells):
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
        "standard error over seeds.",
        reading="A model that copies knows the name when it comes back; where both curves lie "
        "together, it reads each name as if it were new.",
        table=cells,
        panels=panels,
        x=Axis("repeats E", log=True),
        y=Axis("probability of the name's tokens", low=0.0),
        legend="the name",
    )


NAMES = Finding(
    "names in context",
    question=Question.ELSE,
    needs={"results": tuple(_MEASURED)},
    tables={"names": lambda analysis: name_cells(analysis.study)},
    sentences=lambda analysis: name_sentences(analysis.names, analysis.study),
    charts=(names_in_context,),
)
