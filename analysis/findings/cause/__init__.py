"""What the worst repeat count is: a count, a frequency, or a matter of capacity.

For studies that vary the budget and the fraction beside the size: the peaks are `located`, their
`exponents` fitted and held against three hypotheses, and the curves laid on one another (`collapse`).
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from analysis.figures.chart import QUIET, Axis, Chart, Panel, Series, markers, ramp
from analysis.findings.cause import collapse, exponents
from analysis.findings.cause.located import located_peaks
from analysis.findings.finding import Analysis, Finding, Question
from analysis.findings.repeats.memorisation import BITS_PER_PARAM
from analysis.rows import groups_of, rows_of
from analysis.study.scans import with_arms
from analysis.words import count

_FEWEST = 6
"""Peaks; three exponents are not read off fewer."""


def _located(analysis: Analysis) -> pd.DataFrame:
    """The peaks of the arm with most of them, where both budget and fraction vary among them."""
    peaks = located_peaks(analysis.runs, analysis.study.scans)
    if peaks.empty:
        return peaks
    peaks = peaks[peaks.arm == peaks.arm.mode()[0]].reset_index(drop=True)
    varied = peaks.tokens.nunique() > 1 and peaks.repeated_fraction.nunique() > 1
    if len(peaks) < _FEWEST or not varied:
        return peaks.head(0)
    return exponents.table_of_peaks(peaks)


def _exponents(analysis: Analysis) -> pd.DataFrame:
    peaks = analysis.located
    return exponents.exponents(peaks, _runs(analysis)) if len(peaks) else peaks


def _hypotheses(analysis: Analysis) -> pd.DataFrame:
    peaks = analysis.located
    return exponents.hypotheses(peaks, analysis.exponents) if len(peaks) else peaks


def _scaled(analysis: Analysis) -> pd.DataFrame:
    peaks = analysis.located
    return collapse.scaled(_runs(analysis), peaks) if len(peaks) else peaks


def _spreads(analysis: Analysis) -> pd.DataFrame:
    cells = analysis.scaled
    return collapse.spreads(cells) if len(cells) else cells


def _runs(analysis: Analysis) -> pd.DataFrame:
    """The runs of the arm that is told of."""
    runs = with_arms(analysis.runs, analysis.study.scans).dropna(subset=["damage"])
    return runs[runs.arm == analysis.located.arm.iloc[0]]


def cause_sentences(analysis: Analysis) -> list[str]:
    """The exponents, the hypothesis that they bear out, bits at the peak, and what lays the curves on
    one another."""
    peaks = analysis.located
    if peaks.empty:
        return []
    told = ", ".join(
        f"{row.term}^{row.exponent:.2f} ({row.low:.2f} to {row.high:.2f})"
        for row in rows_of(analysis.exponents)
    )
    ways = "; ".join(
        f"as a {row.hypothesis} it is off by a factor of {np.exp(row.rms):.2f}, weight {row.weight:.2g}"
        + ("" if row.within else ", outside the intervals")
        for row in rows_of(analysis.hypotheses)
    )
    best, least = collapse.best(analysis.spreads)
    before = analysis.spreads.set_index("rescaling").spread[next(iter(collapse.RESCALINGS))]
    sentences = [
        f"The worst repeats of {len(peaks)} damage curves go as {told} (95 %, bootstrap over runs and "
        "peaks).",
        f"Is the worst a count, a frequency or a matter of capacity? {ways[0].upper()}{ways[1:]}.",
        f"Drawn over {best}, the curves lie within {least:.2f} of one another (shares of the damage at "
        f"the peak; over repeats within {before:.2f}).",
    ]
    bits = peaks.bits_per_param.dropna()
    if len(bits):
        sentences.append(
            f"At the worst a model holds {bits.median():.2f} memorised bits a param of the pool "
            f"({bits.min():.2f} to {bits.max():.2f}); published capacity: {BITS_PER_PARAM}."
        )
    return sentences


def foreseen(analysis: Analysis) -> Chart | None:
    """Each peak's repeats over what each hypothesis foresees."""
    peaks = analysis.located
    if peaks.empty:
        return None
    inks, shapes = ramp(peaks.params, "magma"), markers(peaks.repeated_fraction)
    panels = []
    for row in rows_of(analysis.hypotheses):
        both = peaks[[row.hypothesis, "worst"]].to_numpy(float)
        ends = np.array([both.min() / 1.2, both.max() * 1.2])
        series = [Series("as foreseen", ends, ends, QUIET, None, "dashed")]
        for (params, fraction), own in groups_of(peaks, ["params", "repeated_fraction"]):
            series.append(
                Series(
                    f"N = {count(params)}, f = {fraction:g}",
                    *(own[row.hypothesis].to_numpy(), own.worst.to_numpy(), inks[params]),
                    marker=shapes[fraction],
                    line=None,
                    hover=[
                        f"T = {count(T)}: E = {E:,.0f}"
                        for T, E in own[["tokens", "worst"]].to_numpy()
                    ],
                    keys={"params": int(params), "repeated_fraction": fraction},
                    run_ids=own.run_ids.to_list(),
                )
            )
        panels.append(
            Panel(f"a {row.hypothesis} (off by a factor of {np.exp(row.rms):.2f})", series)
        )
    return Chart(
        key="cause",
        title="What the worst repeat count is",
        caption="Worst repeats of each damage curve, located by a fit through the repeat counts round "
        "them, over what each hypothesis foresees with the constants that fit best. A count knows no "
        "budget and no fraction; a frequency goes with the budget; capacity keeps the pool's size.",
        reading="Points on the dashed line are as foreseen; a hypothesis whose points stray is wrong "
        "about what varies between them.",
        table=peaks.drop(columns="arm"),
        panels=panels,
        x=Axis("foreseen repeats E", log=True, counts=True),
        y=Axis("worst repeats E", log=True, counts=True),
    )


def laid_on_one_another(analysis: Analysis) -> Chart | None:
    """All damage curves over repeats, and over the rescaling that brings them nearest."""
    cells = analysis.scaled
    if cells.empty:
        return None
    best, _ = collapse.best(analysis.spreads)
    inks, panels = ramp(cells.params, "magma"), []
    spreads = analysis.spreads.set_index("rescaling").spread
    for name in dict.fromkeys((next(iter(collapse.RESCALINGS)), best)):
        series = []
        rescale = collapse.RESCALINGS[name]
        # Panels of different units share an axis.
        middle = np.exp(np.log(rescale(cells)).mean())
        for (_, params, tokens, fraction), own in groups_of(cells, collapse.CURVE):
            x = rescale(own) / middle
            order = np.argsort(x)
            told = f"N = {count(params)}, T = {count(tokens)}, f = {fraction:g}"
            series.append(
                Series(
                    count(params),
                    *(x[order], own.share.to_numpy()[order], inks[params]),
                    hover=[f"{told}, E = {E:,.0f}" for E in own.repeats.to_numpy()[order]],
                    keys={"params": int(params), "repeated_fraction": fraction},
                    run_ids=[own.run_ids.iloc[i] for i in order],
                )
            )
        panels.append(Panel(f"over {name}: spread {spreads[name]:.2f}", series))
    return Chart(
        key="collapse",
        title="Do the curves fall on one?",
        caption="Damage as a share of the damage at its peak, one curve a size, budget and fraction: "
        "over repeats, and over the rescaling of those tried that brings the curves nearest.",
        reading="Where all curves lie on one another, the unit below is what the damage depends on.",
        table=cells.drop(columns="arm"),
        panels=panels,
        x=Axis("repeats, rescaled (1 is their middle)", log=True),
        y=Axis("share of the damage at the peak"),
        legend="params N",
    )


CAUSE = Finding(
    "cause",
    question=Question.WHY,
    tables={
        "located": _located,
        "exponents": _exponents,
        "hypotheses": _hypotheses,
        "scaled": _scaled,
        "spreads": _spreads,
    },
    sentences=cause_sentences,
    charts=(foreseen, laid_on_one_another),
)
