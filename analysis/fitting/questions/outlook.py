"""What a fit is asked for: the best size for a compute, the loss of a run that has not been made yet,
and how far outside the measured runs either lies."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from analysis.errors import AnalysisError
from analysis.fitting.doubts.lines import line
from analysis.fitting.fitted import Fit
from analysis.fitting.solving.bootstrap import interval
from analysis.study.reading import Source, find, number, read
from analysis.words import count

_EDGE = 1.02  # beyond the measured range by less than this is within it
_OFF = 1.1  # tokens a param that are off the line of the table


def exponents(fitted: Fit, level: float = 0.95) -> dict[str, tuple[float, float, float]]:
    """a and b of N_opt ~ C^a, D_opt ~ C^b: value, low and high end of the bootstrap's interval (NaN
    without one). Empty for laws without a compute-optimal size, and where the table cannot tell."""
    if not hasattr(fitted.law, "exponents") or line(fitted.columns):
        return {}
    draws = np.array([law.exponents for law in _laws(fitted)]).reshape(-1, 2)
    low, high = _ends(draws, level)
    values = fitted.law.exponents
    return {name: (float(values[i]), float(low[i]), float(high[i])) for i, name in enumerate("ab")}


def optimum(fitted: Fit, compute: ArrayLike, level: float = 0.95) -> pd.DataFrame:
    """The size of least loss for each `compute` in FLOPs (6 N D): one row each of `compute`, `params`,
    `tokens`, `tokens_per_param`, `loss` (nats per token; NaN for approaches 1 and 2), each but the
    first with the ends of its interval `*_low`, `*_high`, and `outside`, a sentence or ''.

    Raises `AnalysisError` for a law that has no such size, and where params and tokens lie on one line.
    """
    law = fitted.law
    if not hasattr(law, "optimum"):
        raise AnalysisError(
            f"compute: {law.name} has no compute-optimal size; fit chinchilla, kaplan or approach-2"
        )
    if told := line(fitted.columns):
        raise AnalysisError(
            f"compute: params and tokens lie on one line ({told}), which tells nothing of other ratios; "
            "add runs off it, or ask for the loss on it with --at"
        )
    computes = np.atleast_1d(np.asarray(compute, float))
    _positive("compute", computes)
    measured = fitted.columns.get("flops")
    if measured is None:
        logs = np.log(fitted.columns["params"]) + np.log(fitted.columns["tokens"])
        measured = np.exp(np.clip(np.log(6) + logs, -700, 700))  # a product may be beyond numbers
    with np.errstate(all="ignore"):  # of resamples gone astray, and of laws without an optimum: NaN
        here = _optima(law, computes)
        draws = np.array([_optima(drawn, computes) for drawn in _laws(fitted)])
    low, high = _ends(draws.reshape(-1, *here.shape), level)
    names = ("params", "tokens", "tokens_per_param", "loss")
    rows = []
    for place, value in enumerate(computes):
        row: dict[str, Any] = {"compute": float(value)}
        for i, name in enumerate(names):
            row |= {
                name: here[i, place],
                f"{name}_low": low[i, place],
                f"{name}_high": high[i, place],
            }
        rows.append(row | {"outside": _beyond("compute", float(value), measured)})
    return pd.DataFrame(rows)


def points_of(fitted: Fit, asked: Sequence[str | Mapping[str, float] | Source]) -> pd.DataFrame:
    """The points that a loss is asked for: the law's columns, one row a point.

    asked: 'params=13e9,tokens=5e12' (units as in 13B), the same as a dictionary of numbers, or a table
    (path or DataFrame). Tokens that only unique_tokens lacks are taken as all unique; flops as 6 N D.
    Raises `AnalysisError` naming what is missing.
    """
    tables = []
    for one in asked:
        if isinstance(one, str) and "=" in one:
            tables.append(pd.DataFrame([_pairs(one)]))
        elif isinstance(one, Mapping) and all(np.isscalar(value) for value in one.values()):
            tables.append(pd.DataFrame([dict(one)]))
        else:
            tables.append(_columns_of(fitted, one))
    table = pd.concat(tables, ignore_index=True)
    needed = type(fitted.law).columns
    if "unique_tokens" in needed and "tokens" in table:
        given = table.get("unique_tokens", pd.Series(np.nan, table.index))
        table["unique_tokens"] = given.fillna(table.tokens)
    if "flops" in needed and "flops" not in table and {"params", "tokens"} <= set(table):
        table["flops"] = 6 * table.params * table.tokens
    if lacking := [name for name in needed if name not in table or table[name].isna().any()]:
        example = ",".join(f"{name}=1e9" for name in needed)
        raise AnalysisError(f"at: {', '.join(lacking)} missing; write --at {example}")
    if extra := [name for name in table if name not in (*needed, "params", "tokens", "flops")]:
        raise AnalysisError(
            f"at: {fitted.law.name} has no {', '.join(map(str, extra))}; it has {', '.join(needed)}"
        )
    for name in needed:
        _positive(f"at: {name}", table[name].to_numpy(float))
    return table[list(needed)].astype(float)


def predicted(fitted: Fit, points: pd.DataFrame, level: float = 0.95) -> pd.DataFrame:
    """`points` (as `points_of` gives them) with `loss` (nats per token, what the law expects), the ends
    of its interval `low` and `high` (NaN without a bootstrap), and `outside`, a sentence or ''.

    The interval is the law's own, as the rows leave it open; a run scatters about it besides.
    """
    columns = {name: points[name].to_numpy(float) for name in type(fitted.law).columns}
    loss = fitted.predict(**columns)
    low = high = np.full(len(points), np.nan)
    if len(fitted.samples):
        low, high = fitted.predict_interval(level, **columns)
    outside = [
        _outside(fitted, {k: float(v[i]) for k, v in columns.items()}) for i in range(len(points))
    ]
    return points.assign(loss=loss, low=low, high=high, outside=outside)


def _outside(fitted: Fit, point: Mapping[str, float]) -> str:
    """How far a point lies outside the measured rows."""
    told = [_beyond(name, value, fitted.columns[name]) for name, value in point.items()]
    if (on := line(fitted.columns)) and {"params", "tokens"} <= set(point):
        x, y = np.log(fitted.columns["params"]), np.log(fitted.columns["tokens"])
        slope, level = np.polyfit(x, y, 1)
        off = np.exp(abs(np.log(point["tokens"]) - slope * np.log(point["params"]) - level))
        if off > _OFF:
            told.append(f"{off:.3g} times off the line {on} that all rows lie on")
    return "; ".join(part for part in told if part)


def _beyond(name: str, value: float, measured: np.ndarray) -> str:
    low, high = float(measured.min()), float(measured.max())
    told = "{:.3g}".format if name in ("compute", "flops") else count
    if value > high * _EDGE:
        return f"{name} {value / high:.3g} times the largest measured ({told(high)})"
    if value < low / _EDGE:
        return f"{name} {low / value:.3g} times below the least measured ({told(low)})"
    return ""


def _laws(fitted: Fit) -> list[Any]:
    return [type(fitted.law)(*row) for row in fitted.samples]


def _optima(law: Any, computes: np.ndarray) -> np.ndarray:
    """params, tokens, tokens per param and loss, [4, computes]."""
    params, tokens = law.optimum(computes)
    loss = np.full(len(computes), np.nan)
    if "params" in law.columns:
        loss = law.predict(params=params, tokens=tokens, unique_tokens=tokens)
    return np.stack([params, tokens, tokens / params, loss])


def _ends(draws: np.ndarray, level: float) -> tuple[np.ndarray, np.ndarray]:
    """Ends of the interval along the first axis; NaN of no draws."""
    if not len(draws):
        return (np.full(draws.shape[1:], np.nan),) * 2
    return interval(np.where(np.isfinite(draws), draws, np.nan), level)


def _pairs(text: str) -> dict[str, float]:
    found = {}
    for pair in text.split(","):
        name, _, value = (part.strip() for part in pair.partition("="))
        if not name or not np.isfinite(number(value)):
            raise AnalysisError(f"at: {pair.strip()!r}; write params=13e9,tokens=5e12, or a table")
        found[name] = number(value)
    return found


def _columns_of(fitted: Fit, source: Any) -> pd.DataFrame:
    """The law's columns in a table of points, by the names that people use."""
    reading = read(source, missing="write params=13e9,tokens=5e12, or give a table of points")
    found = {}
    for name in dict.fromkeys((*type(fitted.law).columns, "params", "tokens")):
        if one := find(name, reading.table, reading.where):
            found[name] = reading.numbers(one.column).values * one.factor
    return pd.DataFrame(found)


def _positive(name: str, values: np.ndarray) -> None:
    bad = values[~(np.isfinite(values) & (values > 0))]
    if len(bad):
        raise AnalysisError(f"{name}: {bad[0]:g}; give a positive number")
