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
from analysis.fitting.frontier import APPROACHES, frontier
from analysis.laws import LAWS, Law, OptimalParams
from analysis.study import read_table, require_columns
from analysis.study.stages import FINE_TUNING, LANGUAGE_MODELS, PRETRAINING, with_stages
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
    """Fit a law (or its name in `LAWS`, or "approach-1" and "approach-2") to the table at `path`.

    columns: what the law calls a column -> what the table calls it (params, tokens, loss, ...);
    cluster: a column whose rows of one value are resampled together. A study's results.parquet
    needs no `columns`: its unfinished runs are left out, and its repeated runs too for laws of
    fresh data. Raises `AnalysisError` naming the column or the rows at fault.
    """
    if law in APPROACHES:
        if cluster:
            raise AnalysisError(f"cluster: {law} resamples sizes or computes; leave it out")
        return _fit_frontier(law, path, dict(columns or {}), bootstrap, seed)
    law = find_law(law)
    table = read_table(path)
    table, warnings = prepare(law.name, law.columns, table, dict(columns or {}), str(path))
    labels = None
    if cluster:
        require_columns(table, [cluster], str(path))
        labels = table[cluster].astype(str).to_numpy()
    arrays = {name: table[name].to_numpy() for name in law.columns}
    found = fit(law, arrays, table["loss"].to_numpy(), bootstrap, labels, seed=seed)
    rows = table.index.to_numpy() + 1
    return replace(found, warnings=(*warnings, *found.warnings), rows=rows)


def _fit_frontier(approach: str, path: str | Path, names: dict, bootstrap: int, seed: int) -> Fit:
    """`OptimalParams` through the frontier of the runs; points of one size are resampled together."""
    table = read_table(path)
    compute = "flops" if "tokens" not in names and "flops" in {*names, *table} else "tokens"
    needed = ("params", "tokens" if approach == "approach-1" else compute)
    runs, warnings = prepare(approach, needed, table, names, str(path))
    points = frontier(approach, runs[[*needed, "loss"]])
    clusters = points.params if approach == "approach-1" else points.index
    columns = {"flops": points.flops}
    found = fit(OptimalParams, columns, points.params, bootstrap, clusters, seed=seed)
    return replace(found, warnings=(*warnings, *found.warnings))


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


def prepare(
    law: str, needed: tuple[str, ...], table: pd.DataFrame, names: dict[str, str], where: str
) -> tuple[pd.DataFrame, list[str]]:
    """The rows and columns that the law of that name is fitted on, and sentences on what was left out.

    needed: the law's columns, beside the loss; names: as `fit_table`'s `columns`.
    """
    unknown = set(names) - {*needed, "loss"}
    if unknown:
        raise AnalysisError(
            f"columns: {law} has no column {', '.join(sorted(unknown))}; "
            f"it needs {', '.join((*needed, 'loss'))}"
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
    if "pretrained_run" in table or {"stage", "of"} <= set(table):  # a study's own
        stage = with_stages(table).stage
        tuned, others = stage == FINE_TUNING, ~stage.isin(LANGUAGE_MODELS)
        if tuned.any():
            warnings.append(f"{plural(int(tuned.sum()), 'fine-tuned run')} left out.")
        if others.any():
            told = ", ".join(sorted(set(stage[others])))
            warnings.append(f"{plural(int(others.sum()), 'run')} of other stages left out: {told}.")
        table = table[stage == PRETRAINING]
    table = table.copy()
    for ours, theirs in names.items():
        table[ours] = table[theirs]
    if "loss" not in table and "test_loss" in table:
        table["loss"] = table["test_loss"]
    if "repeated_fraction" in table:
        table, warnings = _with_repetition(law, needed, table, warnings)
    require_columns(table, (*needed, "loss"), where)
    for name in (*needed, "loss"):
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


def _with_repetition(law: str, needed: tuple[str, ...], table: pd.DataFrame, warnings: list[str]):
    """A study's table: its unique tokens, or its controls alone for a law of fresh data."""
    repeated = table.repeated_fraction > 0
    if _FRESH_ONLY in needed:
        if _FRESH_ONLY not in table:
            share = 1 - table.repeated_fraction * (1 - 1 / table.repeats.where(repeated, 1))
            table[_FRESH_ONLY] = table.tokens * share
        return table, warnings
    if "repeated_fraction" not in needed and repeated.any():
        warnings.append(
            f"{plural(int(repeated.sum()), 'run')} with repetition left out: {law} is a law of "
            "fresh data."
        )
        return table[~repeated].copy(), warnings
    return table, warnings
