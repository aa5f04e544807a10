"""A law on anybody's CSV or Parquet: which columns, which rows, and what was left out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from difflib import get_close_matches
from pathlib import Path

import numpy as np
import pandas as pd

from analysis.errors import AnalysisError
from analysis.fitting.fit import Fit, fit
from analysis.laws import LAWS, Law
from analysis.tables import read_table, require_columns
from analysis.words import plural

_MOST_ROWS = 5  # named in an error
_FRESH_ONLY = "unique_tokens"  # laws without this column know nothing of repetition


def fit_table(
    law: str | type[Law],
    path: str | Path,
    columns: Mapping[str, str] | None = None,
    bootstrap: int = 0,
    cluster: str | None = None,
    seed: int = 0,
) -> Fit:
    """Fit a law (or its name in `LAWS`) to the table at `path`.

    columns: what the law calls a column -> what the table calls it (params, tokens, loss, ...);
    cluster: a column whose rows of one value are resampled together. A study's results.parquet
    needs no `columns`: its unfinished runs are left out, and its repeated runs too for laws of
    fresh data. Raises `AnalysisError` naming the column or the rows at fault.
    """
    law = find_law(law)
    table = read_table(path)
    table, warnings = prepare(law, table, dict(columns or {}), str(path))
    labels = None
    if cluster:
        require_columns(table, [cluster], str(path))
        labels = table[cluster].astype(str).to_numpy()
    arrays = {name: table[name].to_numpy() for name in law.columns}
    found = fit(law, arrays, table["loss"].to_numpy(), bootstrap, labels, seed=seed)
    rows = table.index.to_numpy() + 1
    return replace(found, warnings=(*warnings, *found.warnings), rows=rows)


def find_law(law: str | type[Law]) -> type[Law]:
    """The law of that name; raises `AnalysisError` naming the nearest ones."""
    if not isinstance(law, str):
        return law
    if law not in LAWS:
        near = get_close_matches(law, LAWS, n=2) or LAWS
        raise AnalysisError(f"{law}: no such law; there are: {', '.join(near)}")
    return LAWS[law]


def prepare(
    law: type[Law], table: pd.DataFrame, names: dict[str, str], where: str
) -> tuple[pd.DataFrame, list[str]]:
    """The rows and columns that `law` is fitted on, and sentences on what was left out."""
    unknown = set(names) - {*law.columns, "loss"}
    if unknown:
        raise AnalysisError(
            f"columns: {law.name} has no column {', '.join(sorted(unknown))}; "
            f"it needs {', '.join((*law.columns, 'loss'))}"
        )
    require_columns(table, names.values(), where)
    warnings = []
    if "status" in table and (table.status != "done").any():
        warnings.append(
            f"{plural(int((table.status != 'done').sum()), 'unfinished run')} left out."
        )
        table = table[table.status == "done"]
    if "vocabulary" in table and table.vocabulary.nunique() > 1:
        raise AnalysisError(
            f"{where}: vocabulary: {_rows_by(table.vocabulary)} in one table; their losses per token "
            "cannot be compared; keep the rows of one and fit those"
        )
    if "pretrained_run" in table and table.pretrained_run.notna().any():
        tuned = table.pretrained_run.notna()
        warnings.append(f"{plural(int(tuned.sum()), 'fine-tuned run')} left out.")
        table = table[~tuned]
    table = table.copy()
    for ours, theirs in names.items():
        table[ours] = table[theirs]
    if "loss" not in table and "test_loss" in table:
        table["loss"] = table["test_loss"]
    if "repeated_fraction" in table:
        table, warnings = _with_repetition(law, table, warnings)
    require_columns(table, (*law.columns, "loss"), where)
    for name in (*law.columns, "loss"):
        given = table[name]
        table[name] = pd.to_numeric(given, errors="coerce").astype(float)
        bad = table.index[~(np.isfinite(table[name]) & (table[name] > 0))]
        if len(bad):
            shown = "; ".join(f"row {row + 1}: {given[row]}" for row in bad[:_MOST_ROWS])
            raise AnalysisError(
                f"{where}: {name}: {plural(len(bad), 'row')} missing, not finite or not positive "
                f"({shown}{'; ...' if len(bad) > _MOST_ROWS else ''}); repair or drop them"
            )
    return table, warnings


def _rows_by(column: pd.Series) -> str:
    """'bytes (40 rows from row 1), gpt2 (2 rows from row 17)'."""
    places = pd.Series(column.index + 1).groupby(column.astype(str).to_numpy())
    return ", ".join(
        f"{name} ({plural(len(rows), 'row')} from row {rows.min()})" for name, rows in places
    )


def _with_repetition(law: type[Law], table: pd.DataFrame, warnings: list[str]):
    """A study's table: its unique tokens, or its controls alone for a law of fresh data."""
    repeated = table.repeated_fraction > 0
    if _FRESH_ONLY in law.columns:
        if _FRESH_ONLY not in table:
            share = 1 - table.repeated_fraction * (1 - 1 / table.repeats.where(repeated, 1))
            table[_FRESH_ONLY] = table.tokens * share
        return table, warnings
    if "repeated_fraction" not in law.columns and repeated.any():
        warnings.append(
            f"{plural(int(repeated.sum()), 'run')} with repetition left out: {law.name} is a law of "
            "fresh data."
        )
        return table[~repeated].copy(), warnings
    return table, warnings
