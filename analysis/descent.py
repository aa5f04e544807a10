"""Double descent in training time: test loss that falls, rises, and falls again within a run."""

from __future__ import annotations

from math import nan

import numpy as np
import pandas as pd
from scipy.stats import ttest_1samp

from analysis.tables import Study
from analysis.words import count, plural

_PLACES = ("minimum_tokens", "peak_tokens", "second_descent", "pool_loss_at_peak")
_SURE = 0.05


def rises(study: Study) -> pd.DataFrame:
    """One row a run with curves: its largest rise of test loss above the minimum before it.

    `rise` (nats per token, 0 for a curve that only falls), `minimum_tokens` and `peak_tokens`
    (where it began and ended), `second_descent` (fall from the peak to the end) and
    `pool_loss_at_peak`. A curve that only falls has rise 0 and NaN for the rest.
    """
    rows = []
    for run, curve in study.curves.groupby("run_id"):
        curve = curve.sort_values("tokens").dropna(subset="test_loss")
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
    for row in sure.loc[sure.groupby(["scan", "params"]).excess.idxmax()].itertuples():
        where = f", pool loss there {row.pool_loss_at_peak:.2f}"
        sentences.append(
            f"In training time test loss descends twice at N = {count(row.params)} "
            f"({labels[row.scan]}), E = {row.repeats:,.0f}: after {count(row.minimum_tokens)} tokens it "
            f"rises by {row.rise:.3f} nats, up to {count(row.peak_tokens)} tokens"
            f"{where if pd.notna(row.pool_loss_at_peak) else ''}, and falls by "
            f"{row.second_descent:.3f} (p = {row.p_corrected:.2g} over {row.seeds} seeds, corrected for "
            f"{plural(len(tested), 'cell')})."
        )
    return sentences


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
