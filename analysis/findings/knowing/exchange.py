"""The exchange rate: how often a fact has to be stated to be known, beside a pool that is repeated.

p(correct) is a model's exact probability of the true value, bits log2 of the values less its
cross-entropy; both are means over the facts of a rung of exposures.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy.special import logit

from analysis.figures.chart import NEUTRAL, Axis, Chart, Panel, Series, errors, markers, ramp
from analysis.figures.choice import size_panels, with_labels
from analysis.findings import seeds
from analysis.findings.finding import Analysis, Finding, Question
from analysis.findings.knowing.told import CELL, at_the_end, beside_control, ladders, of_scan
from analysis.findings.seeds import cells_over_seeds
from analysis.rows import groups_of, highest, rows_of
from analysis.study.scans import in_brackets
from analysis.words import count

KNOWN = 0.5
"""Probability at which a fact counts as known."""
FEWEST_RUNGS = 3
"""Of fewer no curve over exposures is drawn."""

_LEAST = 1e-6
"""Probability from 0 and from 1 at which odds end."""

_MEASURES = ["probability", "bits", "confidence", "accuracy"]
_ASKED = {"name": "asked by name", "place": "asked in the words of its statement"}


def by_exposures(analysis: Analysis) -> pd.DataFrame:
    """One row a (cell, way of asking, exposures): means over seeds with their intervals."""
    rows = at_the_end(analysis.study, "knowledge")
    return cells_over_seeds(rows, [*CELL, "asked", "exposures"], _MEASURES)


def rates(analysis: Analysis) -> pd.DataFrame:
    """One row a (cell, way of asking) of ladders with `FEWEST_RUNGS`: `needed`, the exposures after which
    a fact is known with probability `KNOWN`, and `rate`, how many times as many that is as in the control
    of the same seed; with intervals. NaN where some seed's facts are never known so well."""
    told = {
        s for s, ladder in ladders(analysis.study).items() if len(ladder.stated) >= FEWEST_RUNGS
    }
    rows = at_the_end(analysis.study, "knowledge")
    rows = rows[rows.setting.isin(told) & (rows.exposures > 0)]
    if rows.empty:
        return pd.DataFrame()
    run = [*CELL, "seed", "run_id", "asked"]
    found = [
        (*key, needed(own.exposures.to_numpy(float), own.probability.to_numpy(float)))
        for key, own in groups_of(rows, run)
    ]
    runs = beside_control(pd.DataFrame(found, columns=[*run, "needed"]), ["asked"], ["needed"])
    runs["rate"] = runs.needed / runs.control_needed
    return cells_over_seeds(runs, [*CELL, "asked"], [], ["needed", "rate"])


def needed(exposures: np.ndarray, probability: np.ndarray, known: float = KNOWN) -> float:
    """The exposures at which p(correct) first reaches `known`; NaN where it does at none, or at the first already.

    Between rungs log odds go straight: they rise about evenly with log exposures.
    """
    order = np.argsort(exposures)
    x, z = np.log(exposures[order]), logit(probability[order].clip(_LEAST, 1 - _LEAST))
    above = np.flatnonzero(z >= logit(known))
    if not len(above) or above[0] == 0:
        return np.nan
    last = int(above[0])
    share = (logit(known) - z[last - 1]) / (z[last] - z[last - 1])
    return float(np.exp(x[last - 1] + share * (x[last] - x[last - 1])))


def rate_sentences(analysis: Analysis) -> list[str]:
    """How much more often a fact has to be stated beside a pool, a sentence a (scan, way of asking): of
    the largest size at every repeat count, of the others where it is most."""
    table, sentences = analysis.exchange, list[str]()
    for scan in rows_of(analysis.study.scans) if len(table) else ():
        for asked, own in groups_of(of_scan(table, scan), "asked"):
            where = f"{in_brackets(scan.label, fraction=True)}, {_ASKED[asked]}"
            sizes = [cells for _, cells in groups_of(own, "params")]
            sentences += _rate_sentence(sizes[-1], where)
            most = [highest(c, "rate") for c in sizes[:-1] if c.rate[c.repeats > 0].notna().any()]
            if most:
                told = [
                    f"at N = {count(row.params)} beside {row.repeats:,.0f} times {_rate(row)}"
                    for row in most
                ]
                sentences.append(f"At other sizes it takes most {'; '.join(told)}.")
    return sentences


def _rate_sentence(cells: pd.DataFrame, where: str) -> list[str]:
    control, beside = cells[cells.repeats == 0], cells[cells.repeats > 0]
    if control.empty:
        return []
    opening = f"At N = {count(control.params.iloc[0])}{where}, "
    often = control.needed.iloc[0]
    if np.isnan(often):
        return [f"{opening}no number of exposures makes all seeds know facts with p = {KNOWN}."]
    text = f"{opening}a fact is known with p = {KNOWN} after {often:,.0f} exposures"
    if beside.empty:
        return [f"{text}."]
    parts = [f"{row.repeats:,.0f} times {_rate(row)}" for row in rows_of(beside)]
    return [f"{text}; beside a pool that is seen {'; '.join(parts)}."]


def _rate(row) -> str:
    if np.isnan(row.needed):
        return "never"
    aside = seeds.told(row.rate_low, row.rate_high, ".2f", 1.0)
    return f"after {row.needed:,.0f}, {row.rate:.2f} times as many{aside}"


def known_against_exposures(analysis: Analysis) -> Chart | None:
    """p(correct) over exposures, one line a repeat count."""
    return _over_exposures(
        analysis,
        "probability",
        key="exchange-rate",
        title="What it takes to know a fact",
        caption="Probability of the true value, mean over the facts of a rung, against the times that "
        "they were stated; one line a pool repeat count.",
        reading="The distance of a coloured line to the right of the black one is the exchange rate: how "
        "many times as often a fact has to be stated beside a pool that is repeated.",
        axis=Axis("p(correct)", low=0.0, high=1.0),
    )


def bits_against_exposures(analysis: Analysis) -> Chart | None:
    """Bits a fact over exposures, one line a repeat count."""
    return _over_exposures(
        analysis,
        "bits",
        key="bits-against-exposures",
        title="Bits of a fact",
        caption="log2 of the number of values less the cross-entropy of the true one, mean over the facts "
        "of a rung, against the times that they were stated.",
        reading="Below zero a model is surer of wrong values than an even guess would be: it has learned "
        "that values are certain before it has learned which.",
        axis=Axis("bits a fact"),
    )


def _over_exposures(
    analysis: Analysis,
    measure: str,
    *,
    key: str,
    title: str,
    caption: str,
    reading: str,
    axis: Axis,
) -> Chart | None:
    cells, panels = analysis.known, []
    told = {
        s for s, ladder in ladders(analysis.study).items() if len(ladder.stated) >= FEWEST_RUNGS
    }
    cells = cells[cells.setting.isin(told) & (cells.exposures > 0)] if len(cells) else cells
    if cells.empty:
        return None
    inks, shapes = ramp(cells.repeats[cells.repeats > 0]), markers(cells.repeats)
    for scan, params, name in size_panels(analysis.study.scans, cells):
        for asked, own in groups_of(of_scan(cells, scan, params), "asked"):
            series = [
                Series(
                    f"E = {repeats:,.0f}" if repeats else "control",
                    *(line.exposures.to_numpy(float), line[measure].to_numpy()),
                    inks[repeats] if repeats else NEUTRAL,
                    shapes[repeats],
                    error=errors(line[f"{measure}_high"] - line[measure]),
                    hover=[_hover(row) for row in rows_of(line)],
                    keys={"params": int(params), "repeats": repeats},
                    run_ids=line.run_ids.to_list(),
                )
                for repeats, line in groups_of(own, "repeats")
            ]
            several = cells.asked.nunique() > 1
            panels.append(Panel(f"{name}, {_ASKED[asked]}" if several else name, series))
    return Chart(
        key=key,
        title=title,
        caption=f"{caption} Bars: 95 % over seeds.",
        reading=reading,
        table=with_labels(cells, analysis.study.scans),
        panels=panels,
        x=Axis("exposures", log=True, counts=True),
        y=axis,
        legend="pool",
    )


def _hover(row) -> str:
    return (
        f"stated {row.exposures:,} times, E = {row.repeats:,.0f}: p(correct) {row.probability:.3f}, "
        f"{row.bits:.2f} bits, confidence {row.confidence:.2f}, accuracy {row.accuracy:.2f}"
    )


EXCHANGE = Finding(
    "exchange rate",
    question=Question.KNOWS,
    needs={"knowledge": ("asked", "exposures", *_MEASURES)},
    tables={"known": by_exposures, "exchange": rates},
    sentences=rate_sentences,
    charts=(known_against_exposures, bits_against_exposures),
)
