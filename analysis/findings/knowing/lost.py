"""Bits lost beside loss lost: what a repeated pool takes from knowledge and from test loss, both in
effective params."""

from __future__ import annotations

import numpy as np
import pandas as pd

from analysis.errors import AnalysisError
from analysis.figures.chart import ALERT, NEUTRAL, QUIET, Axis, Chart, Panel, Series, errors
from analysis.figures.choice import size_panels, with_labels
from analysis.findings import seeds
from analysis.findings.finding import Analysis, Finding, Question
from analysis.findings.knowing.told import CELL, as_stated, beside_control
from analysis.findings.seeds import cells_over_seeds
from analysis.laws import Interpolation
from analysis.rows import groups_of, rows_of
from analysis.study.scans import in_brackets
from analysis.words import count, share

_NOTHING = 1e-6
"""Bits that a model counts as knowing at least, so that its share of another's has a logarithm."""

_ASKED = {"name": "by name", "place": "in their own words"}
_WAYS = {
    "by_knowledge": ("knowledge", ALERT, "s"),
    "by_test_loss": ("test loss", NEUTRAL, "o"),
}


def known_bits(rungs: pd.DataFrame) -> pd.DataFrame:
    """One row a run: `bits` known of all facts, the sum over rungs of facts times bits a fact where those
    are above zero; rungs: as `told.as_stated` has them."""
    bits = rungs.n * rungs.bits.clip(lower=0)
    run = [*CELL, "seed", "run_id", "params_total", "asked"]
    return rungs.assign(bits=bits).groupby(run).bits.sum().reset_index()


def lost_by_run(analysis: Analysis) -> pd.DataFrame:
    """One row a repeated run beside the control of its seed: `bits`, `control_bits`, `kept`, their share;
    `damage` (nats per token) and `by_test_loss`, the multiplier; `by_knowledge`, the multiplier by the
    controls' bits over params; `ratio` of the two, those below the smallest control counted as its, and
    `bound`, whether one is."""
    runs = beside_control(known_bits(as_stated(analysis.study)), [], ["bits"])
    found = []
    for _, own in groups_of(runs, "setting"):
        controls, repeated = own[own.repeats == 0], own[own.repeats > 0]
        kept = repeated.bits.clip(lower=_NOTHING) / repeated.control_bits.clip(lower=_NOTHING)
        repeated = repeated.assign(kept=kept, by_knowledge=np.nan)
        smallest = controls.params.min() / repeated.params
        try:
            # What rises with params is inverted as the loss that falls is: upside down.
            curve = Interpolation.through(controls.params, 1 / controls.bits.clip(lower=_NOTHING))
        except AnalysisError:
            pass  # one size, or more of it knows no more: bits alone are told
        else:
            mean = repeated.params.map(controls.groupby("params").bits.mean()).clip(lower=_NOTHING)
            repeated["by_knowledge"] = curve.invert(1 / (mean * kept)) / curve.invert(1 / mean)
        found.append(repeated.assign(smallest=smallest))
    lost = pd.concat(found, ignore_index=True) if found else runs
    if lost.empty:
        return pd.DataFrame()
    loss = analysis.runs.set_index("run_id")[["damage", "multiplier"]]
    lost = lost.join(loss.rename(columns={"multiplier": "by_test_loss"}), on="run_id")
    ways = lost[["by_knowledge", "by_test_loss"]]
    lost["bound"] = ways.lt(lost.smallest, axis=0).any(axis=1)
    knowledge, test = (ways[way].clip(lower=lost.smallest) for way in ways)
    return lost.assign(ratio=knowledge / test)


def lost_cells(analysis: Analysis) -> pd.DataFrame:
    """Means over seeds of `lost_by_run` with their intervals, a row a cell."""
    runs = analysis.lost_by_run
    if runs.empty:
        return runs
    ratios = ["kept", "by_knowledge", "by_test_loss", "ratio"]
    cells = cells_over_seeds(runs, [*CELL, "asked"], ["bits", "control_bits", "damage"], ratios)
    bound = runs.groupby([*CELL, "asked"]).bound.any()
    return cells.join(bound, on=[*CELL, "asked"])


def lost_sentences(analysis: Analysis) -> list[str]:
    """What the worst repeat count for knowledge takes at each size, and whether that is more than it
    takes from test loss."""
    cells, sentences = analysis.lost, list[str]()
    labels = analysis.study.scans.set_index("scan").label
    for (scan, asked), own in groups_of(cells, ["scan", "asked"]) if len(cells) else ():
        where = f"{in_brackets(labels[scan], fraction=True)}, asked {_ASKED[asked]}"
        worst = own.loc[own.groupby("params").kept.idxmin()]
        told = "; ".join(_lost(row) for row in rows_of(worst))
        sentences.append(f"Of the bits that the control knows{where}, a pool takes {told}.")
    return sentences


def _lost(row) -> str:
    text = (
        f"{1 - row.kept:.0%}{seeds.told(1 - row.kept_high, 1 - row.kept_low, '.0%', 0.0)} at "
        f"N = {count(row.params)}, seen {row.repeats:,.0f} times"
    )
    if np.isnan(row.ratio):
        return text
    ratio = f"ratio {row.ratio:.2f}" + ", a bound" * row.bound
    return (
        f"{text}, in effective params a multiplier of {share(row.by_knowledge)} against "
        f"{share(row.by_test_loss)} by test loss: {_verdict(row)}"
        f"{seeds.told(row.ratio_low, row.ratio_high, '.2f', first=ratio)}"
    )


def _verdict(row) -> str:
    if np.isnan(row.ratio_low):
        return "which is hurt more one seed cannot tell"
    if row.ratio_low <= 1 <= row.ratio_high:
        return "which is hurt more these seeds cannot tell"
    return f"{'knowledge' if row.ratio_high < 1 else 'test loss'} is hurt more"


def multipliers_over_repeats(analysis: Analysis) -> Chart | None:
    """Both multipliers over repeats, one panel a (scan, size)."""
    cells, panels = analysis.lost, []
    cells = cells.dropna(subset=["by_knowledge", "by_test_loss"]) if len(cells) else cells
    if cells.empty:
        return None
    for scan, params, name in size_panels(analysis.study.scans, cells):
        own = cells[(cells.scan == scan.scan) & (cells.params == params)]
        ends = np.array([own.repeats.min() / 1.5, own.repeats.max() * 1.5])
        series = [Series("nothing lost", ends, np.ones(2), QUIET, None, "dotted")]
        line = own.sort_values("repeats")
        for way, (told, ink, marker) in _WAYS.items():
            series.append(
                Series(
                    told,
                    *(line.repeats.to_numpy(float), line[way].to_numpy(), ink, marker),
                    error=errors(line[f"{way}_high"] - line[way]),
                    hover=[_hover(row, way) for row in rows_of(line)],
                    keys={"params": int(params), "repeated_fraction": scan.repeated_fraction},
                    run_ids=line.run_ids.to_list(),
                )
            )
        panels.append(Panel(name, series))
    return Chart(
        key="knowledge-against-loss",
        title="Knowledge lost beside loss lost",
        caption="Effective params over params against repeats: by bits, the size of control that knows as "
        "much; by test loss, the one that predicts as well. Bars: to the upper end of 95 % over seeds.",
        reading="Where the red line lies below the black one, repetition costs a model more of what it "
        "knows than its loss on other text tells.",
        table=with_labels(cells, analysis.study.scans),
        panels=panels,
        x=Axis("repeats E", log=True),
        y=Axis("multiplier N_eff / N", log=True),
        legend="measured by",
    )


def _hover(row, way: str) -> str:
    return (
        f"N = {count(row.params)}, E = {row.repeats:,.0f}: multiplier {getattr(row, way):.3f}; "
        f"{row.bits:,.0f} bits of {row.control_bits:,.0f}, {row.damage:+.3f} nats"
    )


LOST = Finding(
    "knowledge lost",
    question=Question.KNOWS,
    needs={"knowledge": ("asked", "exposures", "n", "bits")},
    tables={"lost_by_run": lost_by_run, "lost": lost_cells},
    sentences=lost_sentences,
    charts=(multipliers_over_repeats,),
)
