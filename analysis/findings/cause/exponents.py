"""Is the worst repeat count a count, a frequency, or a matter of capacity?

log E_worst = c + a log N + b log T + g log f. A mere count would have b = g = 0; a frequency (a
sequence comes back every so many tokens) b = 1 and g = 0; capacity (the pool fills the model, so that
f*T/E_worst goes with N alone) a = -1, b = 1, g = 1. Only f separates the last two.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from analysis.findings.cause.located import CURVE, Cells, cells_of, locate
from analysis.rows import groups_of, rows_of

TERMS = {"params": "N", "tokens": "T", "repeated_fraction": "f"}

HYPOTHESES: dict[str, dict[str, float]] = {
    "count": {"tokens": 0.0, "repeated_fraction": 0.0},
    "frequency": {"tokens": 1.0, "repeated_fraction": 0.0},
    "capacity": {"params": -1.0, "tokens": 1.0, "repeated_fraction": 1.0},
}
"""The exponents that each says; what it leaves open is fitted."""

RESAMPLES = 400


def exponents(peaks: pd.DataFrame, runs: pd.DataFrame, level: float = 0.95) -> pd.DataFrame:
    """The exponents of E_worst in what varies among `peaks` (`located.located_peaks`, of one arm), by
    least squares: `term`, `exponent`, `low`, `high` (percentiles of a bootstrap over runs and peaks).

    runs: with arms (`study.scans.with_arms`). In each resample the runs of every cell are drawn anew, a
    cell of one run with the scatter of the others; the peaks are located again and drawn as well.
    """
    terms = [name for name in TERMS if peaks[name].nunique() > 1]
    values = fitted(peaks, terms)
    draws = _draws(peaks, runs, terms)
    tail = 100 * (1 - level) / 2
    ends = (
        np.percentile(draws, [tail, 100 - tail], axis=0) if len(draws) else np.full((2, 3), np.nan)
    )
    return pd.DataFrame(
        {
            "term": [TERMS[name] for name in terms],
            "exponent": values[1:],
            "low": ends[0][: len(terms)],
            "high": ends[1][: len(terms)],
            "peaks": len(peaks),
        }
    )


def hypotheses(peaks: pd.DataFrame, found: pd.DataFrame) -> pd.DataFrame:
    """How well each of `HYPOTHESES` foresees the worst repeats: `rms` (of ln E), `aic_above` the best
    (Akaike 1974, normal errors), `weight` (of Akaike's), `within` (whether each exponent that it says
    lies in the interval of `exponents`)."""
    rows = []
    low, high = (dict(zip(found.term, found[name], strict=True)) for name in ("low", "high"))
    for name, said in HYPOTHESES.items():
        rest = predicted(peaks, said) - np.log(peaks.worst.to_numpy(float))
        free = 1 + sum(peaks[term].nunique() > 1 for term in TERMS if term not in said)
        tested = [(TERMS[term], value) for term, value in said.items() if TERMS[term] in low]
        rows.append(
            {
                "hypothesis": name,
                "rms": float(np.sqrt(np.mean(rest**2))),
                "aic": len(rest) * np.log(np.mean(rest**2)) + 2 * free,
                "within": all(low[term] <= value <= high[term] for term, value in tested),
            }
        )
    table = pd.DataFrame(rows)
    above = table.pop("aic") - table.assign(aic=[row["aic"] for row in rows]).aic.min()
    weight = np.exp(-above / 2)
    return table.assign(aic_above=above, weight=weight / weight.sum())


def predicted(peaks: pd.DataFrame, said: dict[str, float]) -> np.ndarray:
    """ln E_worst of each peak where some exponents are given and the others, and c, are fitted."""
    given = sum(value * np.log(peaks[name].to_numpy(float)) for name, value in said.items())
    free = [name for name in TERMS if name not in said and peaks[name].nunique() > 1]
    matrix = _matrix(peaks, free)
    rest = np.log(peaks.worst.to_numpy(float)) - given
    return given + matrix @ np.linalg.lstsq(matrix, rest)[0]


def fitted(peaks: pd.DataFrame, terms: list[str]) -> np.ndarray:
    """c and the exponents of `terms`, by least squares."""
    return np.linalg.lstsq(_matrix(peaks, terms), np.log(peaks.worst.to_numpy(float)))[0]


def _matrix(peaks: pd.DataFrame, terms: list[str]) -> np.ndarray:
    columns = [np.log(peaks[name].to_numpy(float)) for name in terms]
    return np.column_stack([np.ones(len(peaks)), *columns])


def _draws(peaks: pd.DataFrame, runs: pd.DataFrame, terms: list[str]) -> np.ndarray:
    """Exponents of resamples [draws, terms]."""
    generator = np.random.default_rng(0)
    keys = {tuple(row) for row in rows_of(peaks[CURVE])}
    curves = [
        (np.log([float(own[name].iloc[0]) for name in terms]), cells_of(own))
        for key, own in groups_of(runs, CURVE)
        if key in keys
    ]
    scatter, found = _scatter(runs), []
    for _ in range(RESAMPLES):
        drawn = generator.integers(0, len(curves), len(curves))
        again = [(curves[i][0], locate(_again(curves[i][1], scatter, generator))[0]) for i in drawn]
        again = [(at, worst) for at, worst in again if np.isfinite(worst)]
        matrix = np.array([[1.0, *at] for at, _ in again])
        if len(again) > len(terms) + 1 and np.linalg.matrix_rank(matrix) == len(terms) + 1:
            found.append(np.linalg.lstsq(matrix, np.log([worst for _, worst in again]))[0][1:])
    return np.array(found)


def _scatter(runs: pd.DataFrame) -> float:
    """Standard deviation of ln damage among the runs of a cell, pooled; 0 where no cell has several."""
    runs = runs[runs.damage > 0]
    grouped = np.log(runs.damage).groupby([runs[name] for name in (*CURVE, "repeats")])
    freedom = float((grouped.size() - 1).sum())
    total = float((grouped.var(ddof=1) * (grouped.size() - 1)).sum())
    return float(np.sqrt(total / freedom)) if freedom else 0.0


def _again(cells: Cells, scatter: float, generator: np.random.Generator) -> Cells:
    """A curve whose runs are drawn anew within each cell."""
    drawn = [
        own[generator.integers(0, len(own), len(own))]
        if len(own) > 1
        else own * np.exp(scatter * generator.normal())
        for own in cells.damage
    ]
    return Cells(cells.repeats, drawn)


def table_of_peaks(peaks: pd.DataFrame) -> pd.DataFrame:
    """The peaks with what each hypothesis foresees for them (E)."""
    told = {name: np.exp(predicted(peaks, said)) for name, said in HYPOTHESES.items()}
    return peaks.assign(**told)


def best(table: pd.DataFrame) -> str:
    """The hypothesis with the most weight."""
    return next(row.hypothesis for row in rows_of(table.sort_values("aic_above")))
