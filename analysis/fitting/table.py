"""A law on anybody's table: read, fitted, resampled, and doubted."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from difflib import get_close_matches

import numpy as np

from analysis.errors import AnalysisError
from analysis.fitting.designs import deciding_row, designs, go_together
from analysis.fitting.fit import fit, resampled
from analysis.fitting.fitted import Fit
from analysis.fitting.frontier import APPROACHES, frontier
from analysis.fitting.prepared import AsWritten, Prepared, prepare
from analysis.fitting.solving.solver import HUBER_DELTA
from analysis.laws import LAWS, Law, OptimalParams
from analysis.study import require_columns
from analysis.study.reading import Source, read
from analysis.words import plural

RESAMPLES = 256
"""Where nobody says how many: a tenth of a second, and ends of intervals that are off by a twentieth
of them (in the mean, against 4,000)."""

BY_ROW = "none"
"""The cluster that is none: rows are resampled one by one, whatever their residuals."""

_BY_ACCIDENT = 0.01  # chance below which the rows of one size are taken to go together
_FEWEST_SIZES = 6  # to resample whole


def fit_table(
    law: str | type[Law],
    source: Source,
    columns: Mapping[str, str] | None = None,
    bootstrap: int = RESAMPLES,
    cluster: str | None = None,
    seed: int = 0,
    *,
    unit: str | None = None,
    bytes_per_token: float | None = None,
    decimal: str | None = None,
    drop_bad_rows: bool = False,
    fixed: Mapping[str, float] | None = None,
    tied: Iterable[Sequence[str]] = (),
    delta: float = HUBER_DELTA,
) -> Fit:
    """Fit a law (or its name in `LAWS`, or "approach-1" and "approach-2") to a table.

    source: a path (CSV, JSON lines, Parquet), a DataFrame, or columns by name; columns: what the law
    calls a column -> what the table calls it (params, tokens, loss, ...), where it has none of the
    usual names; bootstrap: resamples for intervals, 0 for none; cluster: a column whose rows of one
    value are resampled together, `BY_ROW` for none, by default params where residuals of one size go
    together; unit, bytes_per_token, decimal, drop_bad_rows: as `prepared.AsWritten`; fixed, tied,
    delta: as `fit`'s. A study's results need no `columns`: their unfinished runs are left out, and
    their repeated runs too for laws of fresh data. Raises `AnalysisError` naming the column or the
    rows at fault.
    """
    how = AsWritten(dict(columns or {}), unit, bytes_per_token, decimal, drop_bad_rows)
    rows = prepare_for(law, source, how)
    return fit_prepared(law, rows, bootstrap, cluster, seed, fixed, tied, delta)


def prepare_for(law: str | type[Law], source: Source, how: AsWritten) -> Prepared:
    """The rows and columns of a table that a law, or an approach by its name, is fitted on."""
    if law in APPROACHES:
        names = {*how.columns}
        if "tokens" not in names and ("flops" in names or "flops" in read(source).table):
            needed = ("params", "tokens" if law == "approach-1" else "flops")
        else:
            needed = ("params", "tokens")
        return prepare(str(law), needed, source, how)
    found = find_law(law)
    return prepare(found.name, found.columns, source, how)


def fit_prepared(
    law: str | type[Law],
    rows: Prepared,
    bootstrap: int = RESAMPLES,
    cluster: str | None = None,
    seed: int = 0,
    fixed: Mapping[str, float] | None = None,
    tied: Iterable[Sequence[str]] = (),
    delta: float = HUBER_DELTA,
) -> Fit:
    """`fit_table` on rows that are prepared already."""
    table, labels, of_rows = rows.table, None, True
    if law in APPROACHES:
        if cluster:
            raise AnalysisError(f"cluster: {law} resamples sizes or computes; leave it out")
        points, of_rows = frontier(str(law), table), False
        arrays = {"flops": points.flops.to_numpy(float)}
        measured, law = points.params.to_numpy(float), OptimalParams
        labels = np.asarray(points.params if "tokens" in points else points.index)
    else:
        law = find_law(law)
        arrays = {name: table[name].to_numpy(float) for name in law.columns}
        measured = table["loss"].to_numpy(float)
    found = fit(law, arrays, measured, 0, delta=delta, fixed=fixed, tied=tied)
    warnings = list(rows.warnings)
    if of_rows:
        found = replace(found, rows=table.index.to_numpy() + 1)
        warnings += designs(found)
        if bootstrap:
            labels, cluster, said = _clusters(found, rows, cluster)
            warnings += said
            warnings += deciding_row(found)
    found = resampled(found, bootstrap, labels, seed)
    told = (*warnings, *found.warnings)
    return replace(found, warnings=told, understood=rows.understood, cluster=cluster)


def _clusters(
    fitted: Fit, rows: Prepared, cluster: str | None
) -> tuple[np.ndarray | None, str | None, list[str]]:
    """The label of each row for the bootstrap, the column it comes from, and what to say of it."""
    if cluster == BY_ROW:
        return None, None, []
    if cluster:
        require_columns(rows.table, [cluster], rows.where)
        labels = rows.table[cluster]
        if (none := np.flatnonzero(labels.isna())).size:
            raise AnalysisError(
                f"{rows.where}: {cluster}: {plural(len(none), 'row')} without (from row "
                f"{rows.table.index[none[0]] + 1}); fill in what is resampled as one, or --cluster {BY_ROW}"
            )
        return labels.astype(str).to_numpy(), cluster, []
    sizes = fitted.columns.get("params")
    if sizes is None or go_together(fitted, sizes) > _BY_ACCIDENT:
        return None, None, []
    why = "Rows of one size are off the law to the same side: "
    if len(np.unique(sizes)) < _FEWEST_SIZES:
        return (
            None,
            None,
            [
                f"{why}intervals, by row, are too narrow; with {_FEWEST_SIZES} sizes they could be resampled "
                "whole."
            ],
        )
    return (
        sizes,
        "params",
        [
            f"{why}intervals are by size, all rows of one resampled together (--cluster {BY_ROW} for rows)."
        ],
    )


def find_law(law: str | type[Law]) -> type[Law]:
    """The law of that name; raises `AnalysisError` naming the nearest ones."""
    if not isinstance(law, str):
        return law
    if law in APPROACHES:
        raise AnalysisError(f"{law}: fitted to optimal params, not to losses; fit it by itself")
    if law not in LAWS:
        near = get_close_matches(law, (*LAWS, *APPROACHES), n=2) or (*LAWS, *APPROACHES)
        raise AnalysisError(f"{law}: no such law; there are: {', '.join(near)}")
    return LAWS[law]
