"""Double descent in training time: test loss that falls, rises, and falls again within a run."""

from __future__ import annotations

from math import nan

import numpy as np
import pandas as pd
from scipy.stats import ttest_1samp

from analysis.figures.chart import NEUTRAL, Axis, Chart, Panel, Series, ramp
from analysis.figures.choice import size_panels, with_labels
from analysis.findings.finding import Analysis, Finding, Question
from analysis.rows import groups_of, rows_of, run_ids_of
from analysis.study import Study
from analysis.study.once import once_a_study
from analysis.words import count, plural

_PLACES = ("minimum_tokens", "peak_tokens", "second_descent", "pool_loss_at_peak")
_SURE = 0.05
_SHOWN = 0.0005
"""Nats: the least fall that is told of."""


@once_a_study
def rises(study: Study) -> pd.DataFrame:
    """One row a run with curves: its largest rise of test loss above the minimum before it.

    `rise` (nats per token, 0 for a curve that only falls), `minimum_tokens` and `peak_tokens`
    (where it began and ended), `second_descent` (fall from the peak to the end) and
    `pool_loss_at_peak`. A curve that only falls has rise 0 and NaN for the rest.
    """
    rows = []
    curves = study.curves.dropna(subset="test_loss").sort_values("tokens", kind="stable")
    for run, curve in groups_of(curves, "run_id"):
        if len(curve) < 3:
            continue
        rows.append({"run_id": run} | _rise(curve))
    table = pd.DataFrame(rows, columns=["run_id", "rise", *_PLACES])
    cell = ["run_id", "scan", "setting", "params", "repeated_fraction", "repeats", "seed"]
    return study.results[cell].merge(table, on="run_id")


def rise_by_cell(runs: pd.DataFrame) -> pd.DataFrame:
    """Rises over seeds, beyond the rise of the same seed's control (the noise of evaluation).

    runs: as `rises` makes them. One row a repeated (scan, params, repeats): means, `seeds`,
    `p_value` of a one-sided t-test that the excess is above zero (NaN for one seed), and
    `p_corrected`, the same for as many tests as there are cells (Bonferroni).
    """
    controls = runs[runs.repeated_fraction == 0]
    noise = controls.groupby(["setting", "params", "seed"]).rise.mean().rename("control_rise")
    repeated = runs[runs.repeated_fraction > 0].join(noise, on=["setting", "params", "seed"])
    repeated["excess"] = repeated.rise - repeated.control_rise.fillna(0)
    grouped = repeated.groupby(["scan", "params", "repeats"])
    cells = grouped[["rise", "excess", *_PLACES]].mean()
    cells["seeds"] = grouped.size()
    cells["p_value"] = grouped.excess.apply(_significance)
    cells["p_corrected"] = (cells.p_value * cells.p_value.notna().sum()).clip(upper=1)
    return cells.reset_index()


def descent_sentences(cells: pd.DataFrame, study: Study) -> list[str]:
    """The largest significant rise of each (scan, params), or that there is none.

    cells: as `rise_by_cell` makes them; nothing is said of cells with one seed.
    """
    tested = cells[cells.p_corrected.notna()]
    if tested.empty:
        return []
    sure = tested[tested.p_corrected < _SURE]
    if sure.empty:
        return [
            f"In training time test loss nowhere rises again beyond noise ({plural(len(tested), 'cell')}"
            f" of at least {tested.seeds.min()} seeds)."
        ]
    labels = study.scans.set_index("scan").label
    sentences = []
    for row in rows_of(sure.loc[sure.groupby(["scan", "params"]).excess.idxmax()]):
        where = f", pool loss there {row.pool_loss_at_peak:.2f}"
        falls = row.second_descent > _SHOWN
        end = f"falls by {row.second_descent:.3f}" if falls else "does not fall again"
        sentences.append(
            f"In training time test loss {'descends twice' if falls else 'rises again'} at N = {count(row.params)} "
            f"({labels[row.scan]}), E = {row.repeats:,.0f}: after {count(row.minimum_tokens)} tokens it "
            f"rises by {row.rise:.3f} nats, up to {count(row.peak_tokens)} tokens"
            f"{where if pd.notna(row.pool_loss_at_peak) else ''}, and {end} "
            f"(p = {row.p_corrected:.2g} over {row.seeds} seeds, corrected for "
            f"{plural(len(tested), 'cell')})."
        )
    return sentences


def learning_curves(analysis: Analysis) -> Chart | None:
    """Test loss over training tokens, one line a repeat count, one panel a (scan, size)."""
    curves = mean_curves(analysis.study)
    if curves.empty:
        return None
    inks, panels, shown = ramp(analysis.cells.repeats), [], []
    cells = analysis.cells if len(analysis.cells) else _control_cells(analysis)
    for scan, params, title in size_panels(analysis.study.scans, cells):
        own = curves[(curves.setting == scan.setting) & (curves.params == params)]
        own = own[own.repeated_fraction.isin([0, scan.repeated_fraction])]
        shown.append(own.assign(scan=scan.scan))
        series = [
            Series(
                "control" if repeats == 0 else f"{repeats:,.0f}",
                *(curve.tokens.to_numpy(), curve.test_loss.to_numpy()),
                NEUTRAL if repeats == 0 else inks[repeats],
                None,
                "dashed" if repeats == 0 else "solid",
                keys={
                    "params": int(params),
                    "repeated_fraction": scan.repeated_fraction,
                    "repeats": repeats,
                },
                run_ids=[curve.run_ids.iloc[0]],
            )
            for repeats, curve in groups_of(own, "repeats")
        ]
        panels.append(Panel(title, [*series[1:], *series[:1]]))
    table = pd.concat(shown)
    return Chart(
        key="learning-curves",
        title="Learning curves",
        caption="Test loss while training, mean over seeds; colour: repeats E. Dashed: the control.",
        reading="A curve that falls, rises and falls again descends twice in training time; one "
        "that goes flat while the control still falls is the same effect, milder.",
        table=with_labels(
            table[["scan", "params", "repeats", "tokens", "test_loss", "run_ids"]],
            analysis.study.scans,
        ),
        panels=panels,
        x=Axis("training tokens", log=True, counts=True),
        y=Axis("test loss (nats per token)", log=True),
        legend="repeats E",
    )


def mean_curves(study: Study) -> pd.DataFrame:
    """Test loss of each cell over training tokens, mean over seeds."""
    columns = ["run_id", "setting", "params", "repeated_fraction", "repeats"]
    curves = study.curves.merge(study.results[columns], on="run_id")
    curves = curves[curves.tokens > 0].dropna(subset="test_loss")
    grouped = curves.groupby([*columns[1:], "tokens"])
    means = grouped.test_loss.mean().to_frame()
    return means.assign(run_ids=run_ids_of(grouped)).reset_index()


def _control_cells(analysis: Analysis) -> pd.DataFrame:
    scans = analysis.study.scans
    return analysis.controls.merge(scans[["scan", "setting"]], on="setting")


def _rise(curve: pd.DataFrame) -> dict[str, float]:
    loss, tokens = curve.test_loss.to_numpy(), curve.tokens.to_numpy()
    lowest = np.minimum.accumulate(loss)
    peak = int(np.argmax(loss - lowest))
    rise = float(loss[peak] - lowest[peak])
    if rise == 0:
        return {"rise": 0.0}
    pool = curve.pool_loss.to_numpy() if "pool_loss" in curve else np.full(len(loss), nan)
    return {
        "rise": rise,
        "minimum_tokens": float(tokens[np.argmin(loss[: peak + 1])]),
        "peak_tokens": float(tokens[peak]),
        "second_descent": float(loss[peak] - loss[peak:].min()),
        "pool_loss_at_peak": float(pool[peak]),
    }


def _significance(excess: pd.Series) -> float:
    if len(excess) < 2:
        return nan
    if excess.std() == 0:
        return 0.0 if excess.iloc[0] > 0 else 1.0
    return float(ttest_1samp(excess, 0.0, alternative="greater").pvalue)


DESCENT = Finding(
    "double descent in training time",
    question=Question.HAPPENED,
    tables={"descents": lambda analysis: rise_by_cell(rises(analysis.study))},
    sentences=lambda analysis: descent_sentences(analysis.descents, analysis.study),
    charts=(learning_curves,),
)
