"""How much a model can hold: bits of facts a param, where all facts are stated equally often.

Published: 2 bits a param at 1,000 exposures, 1 at 100 (Allen-Zhu & Li 2024, 2404.05405), 3.6 bits of
random text by heart (Morris et al. 2025).
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from analysis.figures.chart import QUIET, Axis, Chart, Panel, Series, errors, markers, ramp
from analysis.findings import seeds
from analysis.findings.finding import Analysis, Finding, Question
from analysis.findings.knowing.lost import known_bits
from analysis.findings.knowing.told import CELL, as_stated, ladders
from analysis.findings.repeats.memorisation import BITS_PER_PARAM
from analysis.findings.seeds import cells_over_seeds
from analysis.rows import groups_of, highest, rows_of
from analysis.words import count

PUBLISHED = {100: 1.0, 1000: 2.0}
"""Bits a param by exposures, embeddings counted (Allen-Zhu & Li 2024)."""
FEWEST_SIZES = 2
_FULL = 0.9
"""Share of the facts' bits above which a model has room for more."""


def capacities(analysis: Analysis) -> pd.DataFrame:
    """One row a (setting, params) without repetition, of ladders with a single rung above zero that
    `FEWEST_SIZES` are told: `exposures`, `bits`, `share` of what there is to know, `bits_per_param` of all
    weights, `bits_per_N` of those that are no embeddings; with intervals over seeds."""
    told = {s: ladder.stated for s, ladder in ladders(analysis.study).items()}
    rungs = as_stated(analysis.study)
    single = [setting for setting, rungs in told.items() if len(rungs) == 1]
    rungs = rungs[rungs.setting.isin(single) & (rungs.repeats == 0)]
    rungs = rungs[rungs.groupby("setting").params.transform("nunique") >= FEWEST_SIZES]
    if rungs.empty:
        return pd.DataFrame()
    stated = rungs[rungs.exposures > 0]
    offered = (stated.n * np.log2(stated["values"])).groupby(stated.run_id).sum().rename("offered")
    runs = known_bits(stated).join(offered, on="run_id")
    runs["exposures"] = runs.setting.map(
        {s: next(iter(rungs)) for s, rungs in told.items() if rungs}
    )
    runs["share"] = runs.bits / runs.offered
    runs["bits_per_param"], runs["bits_per_N"] = (
        runs.bits / runs.params_total,
        runs.bits / runs.params,
    )
    by = [*CELL, "exposures", "params_total"]
    return cells_over_seeds(runs, by, ["bits", "offered", "share", "bits_per_param", "bits_per_N"])


def capacity_sentences(analysis: Analysis) -> list[str]:
    """The most bits a param at each number of exposures, and whether there was more to be known."""
    cells, sentences = analysis.capacity, list[str]()
    for exposures, own in groups_of(cells, "exposures") if len(cells) else ():
        best = highest(own, "bits_per_param")
        published = PUBLISHED.get(exposures)
        beside = f"; published: {published:g}" if published else ""
        aside = seeds.told(best.bits_per_param_low, best.bits_per_param_high, ".2f")
        text = (
            f"Facts that are stated {exposures:,} times are held with up to {best.bits_per_param:.2f} bits "
            f"a param, embeddings counted{aside}, at N = {count(best.params)} ({best.bits_per_N:.2f} a param "
            f"without them{beside})"
        )
        full = best.share > _FULL
        more = "there was no more to be known" if full else f"{best.share:.0%} of what it was told"
        sentences.append(f"{text}: {count(best.bits)} bits, {more}.")
    return sentences


def bits_a_param(analysis: Analysis) -> Chart | None:
    """Bits a param over params, one line a number of exposures, beside what was published."""
    cells = analysis.capacity
    if cells.empty:
        return None
    inks, shapes = ramp(cells.exposures), markers(cells.exposures)
    ends = np.array([cells.params.min() / 1.2, cells.params.max() * 1.2])
    levels = {f"published at {e:,}": bits for e, bits in PUBLISHED.items()}
    levels[f"random text by heart, {BITS_PER_PARAM}"] = BITS_PER_PARAM
    series = [
        Series(name, ends, np.full(2, bits), QUIET, None, line)
        for (name, bits), line in zip(levels.items(), ("dashed", "solid", "dotted"), strict=True)
    ]
    for exposures, own in groups_of(cells, "exposures"):
        line = own.sort_values("params")
        values = line.params.to_numpy(float), line.bits_per_param.to_numpy()
        series.append(
            Series(
                f"{exposures:,} exposures",
                *(*values, inks[exposures], shapes[exposures]),
                error=errors(line.bits_per_param_high - line.bits_per_param),
                hover=[_hover(row) for row in rows_of(line)],
                run_ids=line.run_ids.to_list(),
            )
        )
        series.append(
            Series(
                f"all that is stated {exposures:,} times",
                *(values[0], (line.offered / line.params_total).to_numpy(), inks[exposures]),
                *(None, "dotted"),
            )
        )
    return Chart(
        key="capacity",
        title="How many facts a model holds",
        caption="Bits of facts known a param, embeddings counted, where all facts are stated equally "
        "often, over size; coloured dots: all that a model of the size was told. Grey: 1 bit at 100 "
        "exposures and 2 at 1,000 (Allen-Zhu & Li 2024), 3.6 of random text (Morris et al. 2025). Bars: "
        "95 % over seeds.",
        reading="A line that is level, and below what was told, is a capacity; one that follows what was "
        "told is not.",
        table=cells.drop(columns=["scan", "setting"]),
        panels=[Panel("", series)],
        x=Axis("params N (non-embedding)", log=True, counts=True),
        y=Axis("bits a param", log=True),
        legend="facts",
    )


def _hover(row) -> str:
    return (
        f"N = {count(row.params)}: {count(row.bits)} bits of {count(row.offered)}, "
        f"{row.bits_per_param:.2f} a param, {row.bits_per_N:.2f} without embeddings"
    )


CAPACITY = Finding(
    "capacity for facts",
    question=Question.KNOWS,
    needs={"knowledge": ("asked", "exposures", "n", "values", "bits")},
    tables={"capacity": capacities},
    sentences=capacity_sentences,
    charts=(bits_a_param,),
)
