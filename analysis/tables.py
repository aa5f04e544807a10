"""Reading a study: its results (one row a run) and its curves (one row an evaluation).

A study's runs fall into *scans*. Within a scan only the size, the repeats and the seed change, so
that a control law can be drawn through its controls and damage read off along its repeats.
Between scans something else changes: the repeated fraction, the budget, the corpus, a
regulariser. A setting that follows from the size alone (a learning rate set by rule, a budget of
20 tokens per parameter) makes no new scan.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd

from analysis.errors import AnalysisError

REQUIRED = ("tokens", "repeated_fraction", "repeats", "seed", "params", "test_loss")
SHAPE = ("params", "params_total", "d_model", "layers", "heads", "d_ff")
SETTINGS = (
    *("corpus", "vocabulary", "context", "batch_size", "tokens", "unit", "positions"),
    *("attention_only", "dtype", "learning_rate", "weight_decay", "dropout"),
)
LOSSES = ("test_loss", "pool_loss", "ood_loss", "unique_loss", "repeated_loss")
OPTIONAL = ("pool_tokens", "flops", "seconds", *LOSSES[1:])
PROVENANCE = ("ostinato_version", "jax_version", "git_commit", "corpus_digest", "platform")


@dataclass(frozen=True)
class Study:
    """A study's tables, checked.

    results: one row a usable run, with `scan` (a number) and `is_control` added;
    curves: one row an evaluation of those runs;
    scans: one row a scan: `scan`, `label`, `repeated_fraction` and the settings that tell them apart;
    meta: name, provenance and machine; notes: what was set aside and why, one sentence each.
    """

    results: pd.DataFrame
    curves: pd.DataFrame
    scans: pd.DataFrame
    meta: dict = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    @property
    def controls(self) -> pd.DataFrame:
        """The runs without repetition."""
        return self.results[self.results.is_control]

    @property
    def repeated(self) -> pd.DataFrame:
        """The runs with repetition."""
        return self.results[~self.results.is_control]


def read_study(directory: str | Path) -> Study:
    """The study in `directory` (`results.parquet`, and `curves.parquet` if there).

    Raises `AnalysisError` where the results are missing, unreadable or hold no usable run.
    """
    directory = Path(directory)
    results = read_table(directory / "results.parquet", missing="collect the study's runs first")
    curves_path = directory / "curves.parquet"
    curves = read_table(curves_path) if curves_path.exists() else None
    meta_path = directory / "meta.json"
    meta = json.loads(meta_path.read_text()) if meta_path.exists() else {}
    return make_study(results, curves, {"name": directory.resolve().name} | meta)


def read_table(path: str | Path, missing: str = "check the path") -> pd.DataFrame:
    """A Parquet or CSV file as a table; raises `AnalysisError` where it cannot be read."""
    path = Path(path)
    if not path.is_file():
        raise AnalysisError(f"{path}: no such table; {missing}")
    try:
        return pd.read_csv(path) if path.suffix == ".csv" else pd.read_parquet(path)
    except Exception as error:  # parsers raise what they like; the reader needs the path
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise AnalysisError(f"{path}: not a readable CSV or Parquet table ({reason})") from error


def make_study(
    results: pd.DataFrame, curves: pd.DataFrame | None = None, meta: dict | None = None
) -> Study:
    """A `Study` from tables at hand, with the same checks as `read_study`."""
    require_columns(results, REQUIRED, "results")
    results, notes = _usable(results)
    results["is_control"] = results.repeated_fraction == 0
    results.loc[results.is_control, "repeats"] = 0
    results, scans = _assign_scans(results)
    if not results.is_control.any():
        notes.append(
            "No controls (repeated_fraction 0): damage, effective params and multiplier cannot be "
            "computed; losses are shown as they are."
        )
    if results.seed.nunique() == 1:
        notes.append("One seed: no error bars; differences the size of seed noise cannot be told.")
    provenance = {
        name: sorted(results[name].dropna().astype(str).unique())
        for name in PROVENANCE
        if name in results
    }
    if curves is None:
        curves = pd.DataFrame({"run_id": [], "step": [], "tokens": [], "test_loss": []})
    require_columns(curves, ("run_id", "tokens", "test_loss"), "curves")
    curves = curves[curves.run_id.isin(results.run_id)].reset_index(drop=True)
    return Study(
        results, curves, scans, {"name": "study"} | (meta or {}) | provenance, tuple(notes)
    )


def require_columns(table: pd.DataFrame, columns, name: str) -> None:
    """Raise `AnalysisError` naming the columns that `table` lacks."""
    lacking = [column for column in columns if column not in table]
    if lacking:
        raise AnalysisError(
            f"{name}: no column {', '.join(lacking)}; there are: {', '.join(map(str, table.columns))}"
        )


def _usable(results: pd.DataFrame) -> tuple[pd.DataFrame, list[str]]:
    results, notes = results.copy(), []
    if "run_id" not in results:
        results["run_id"] = [f"row-{row}" for row in range(len(results))]
    results["run_id"] = results["run_id"].astype(str)
    if "status" in results:
        unfinished = results[results.status != "done"]
        if len(unfinished):
            notes.append(f"{len(unfinished)} runs are not done and are left out.")
        results = results[results.status == "done"].copy()
    for column in (*REQUIRED, *(set(OPTIONAL) & set(results))):
        results[column] = pd.to_numeric(results[column], errors="coerce").astype(float)
    for column in OPTIONAL:
        if column not in results:
            results[column] = np.nan
    numbers = results[list(REQUIRED)].to_numpy()
    finite = np.isfinite(numbers).all(axis=1) & (results.test_loss > 0) & (results.params > 0)
    if (~finite).any():
        names = ", ".join(results.run_id[~finite].head(5))
        notes.append(
            f"{(~finite).sum()} runs have a missing, non-finite or non-positive value in one of "
            f"{', '.join(REQUIRED)} and are left out: {names}."
        )
    results = results[finite].copy()
    if results.empty:
        raise AnalysisError(
            "results: no run with status 'done' and a finite, positive test_loss; "
            "finish or repair the runs first"
        )
    results[["seed", "params", "tokens"]] = results[["seed", "params", "tokens"]].astype("int64")
    return results.reset_index(drop=True), notes


def _assign_scans(results: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Number the scans; a control belongs to every fraction of its settings, so it is scan -1 where several share it."""
    keys = [name for name in SETTINGS if name in results]
    constant_ratio = "tokens" in keys and _varies_within_size(results, "tokens")
    table = results[keys].copy()
    if constant_ratio:
        ratio = (results.tokens / results.params).map(lambda value: float(f"{value:.3g}"))
        if ratio.nunique() < results.tokens.nunique():
            table = table.drop(columns="tokens").assign(tokens_per_param=ratio)
    table = table[
        [name for name in table if _varies_within_size(table.assign(params=results.params), name)]
    ]
    table = table.astype(object).where(table.notna(), "none")
    setting = (
        pd.Series(list(map(tuple, table.to_numpy())), index=results.index)
        if len(table.columns)
        else pd.Series([()] * len(results), index=results.index)
    )
    codes, settings = pd.factorize(setting)
    results["setting"] = codes
    fractions = results[~results.is_control].groupby("setting").repeated_fraction.unique()
    rows, number = [], {}
    for code, values in enumerate(settings):
        for fraction in sorted(fractions.get(code, [])) or [0.0]:
            number[code, fraction] = len(rows)
            differs = dict(zip(table.columns, values, strict=True))
            rows.append(
                {"scan": len(rows), "setting": code, "repeated_fraction": fraction} | differs
            )
    results["scan"] = [
        number.get((code, fraction), -1)
        for code, fraction in zip(results.setting, results.repeated_fraction, strict=True)
    ]
    scans = pd.DataFrame(rows)
    scans["label"] = [_label(row, table.columns) for row in rows]
    return results, scans


def _varies_within_size(table: pd.DataFrame, column: str) -> bool:
    return bool((table.groupby("params")[column].nunique(dropna=False) > 1).any())


def _label(row: dict, columns) -> str:
    parts = [f"f = {row['repeated_fraction']:g}"] if row["repeated_fraction"] else ["no repetition"]
    return ", ".join(
        parts
        + [
            f"{name} {row[name]:,}" if isinstance(row[name], int) else f"{name} {row[name]}"
            for name in columns
        ]
    )
