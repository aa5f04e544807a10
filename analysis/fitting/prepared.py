"""The rows and columns of anybody's table that a law is fitted on, and what has to be said of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from analysis.errors import AnalysisError
from analysis.study import require_columns
from analysis.study.reading import Named, Reading, Source, find, given, in_nats, read, sound
from analysis.study.realised import realised
from analysis.study.stages import FINE_TUNING, LANGUAGE_MODELS, PRETRAINING, with_stages
from analysis.words import count, plural

_FRESH_ONLY = "unique_tokens"  # laws without this column know nothing of repetition
_MOST = {"params": 1e15, "tokens": 1e18, "unique_tokens": 1e18}
_FEWEST = {"params": 1e3, "tokens": 1e4, "unique_tokens": 1e4}
_LARGEST_LOSS = 20.0  # nats per token: a vocabulary of half a billion, unlearnt


@dataclass(frozen=True)
class AsWritten:
    """How a table is to be read where it does not say it itself.

    columns: what a law calls a column -> what the table calls it; unit: of the loss (`UNITS`), nats
    per token unless said; bytes_per_token: for bits per byte; decimal: "comma" or "point";
    drop_bad_rows: leave out rows without a positive number in each column, and those there twice.
    """

    columns: Mapping[str, str] = field(default_factory=dict)
    unit: str | None = None
    bytes_per_token: float | None = None
    decimal: str | None = None
    drop_bad_rows: bool = False


@dataclass(frozen=True)
class Prepared:
    """table: the law's columns and `loss` in nats per token, positive numbers, beside the table's own,
    with the index of the rows in their file; where: what to call it; understood, warnings: sentences."""

    table: pd.DataFrame
    where: str
    understood: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()

    def keeping(self, rows) -> Prepared:
        """The same with some of its rows."""
        return Prepared(self.table[rows], self.where, self.understood, self.warnings)


def prepare(law: str, needed: tuple[str, ...], source: Source, how: AsWritten) -> Prepared:
    """What the law of that name is fitted on.

    needed: the law's columns, beside the loss. Raises `AnalysisError` naming the column or the rows
    at fault, and for what can be read in two ways.
    """
    unknown = set(how.columns) - {*needed, "loss"} - set(_derived_from(needed))
    if unknown:
        raise AnalysisError(
            f"columns: {law} has no column {', '.join(sorted(unknown))}; "
            f"it needs {', '.join((*needed, 'loss'))}"
        )
    reading = read(source, decimal=how.decimal)
    is_study = {"repeated_fraction", "repeats", "test_loss"} <= set(reading.table)
    reading, warnings = _usable(reading)
    named, derived = _named(needed, reading, how.columns, is_study)
    table, cells = reading.table.copy(), dict[str, list]()
    understood = list(reading.notes)
    if renamed := [f"{one.column} as {ours}" for ours, one in named.items() if one.column != ours]:
        understood.append(f"Read {', '.join(renamed)}.")
    for ours, one in named.items():
        parsed = reading.numbers(one.column)
        values, written = parsed.values, reading.written[one.column]
        if parsed.said:
            understood.append(f"{one.column}: {parsed.said}.")
        if one.factor != 1:
            values, said = _scaled(ours, one, values)
            understood.append(said)
        if ours == "loss":
            convert, said = in_nats(one.column, how.unit, how.bytes_per_token)
            values = convert(values)
            if said and not (is_study and not how.unit):
                understood.append(said)
            if not how.unit and np.nanmedian(np.append(values, 0.0)) > _LARGEST_LOSS:
                warnings.append(
                    f"{one.column}: most losses are above {_LARGEST_LOSS:g}, too much for nats per token; "
                    "perplexities are told by --unit perplexity."
                )
        table[ours], cells[ours] = values, _cells(written)
    for ours, (formula, values) in derived(table).items():
        table[ours], cells[ours] = values, list(values)
        understood.append(f"No {ours}: taken as {formula}.")
    if is_study:
        table, more = _with_repetition(law, needed, table, cells)
        warnings += more
    require_columns(table, (*needed, "loss"), reading.where)
    kept = np.flatnonzero(reading.table.index.isin(table.index))
    given_cells = {
        name: [cells[name][place] for place in kept] if name in cells else list(table[name])
        for name in (*needed, "loss")
    }
    for name in (*needed, "loss"):
        table[name] = table[name].astype(float)
    table, dropped = sound(table, given_cells, (*needed, "loss"), reading.where, how.drop_bad_rows)
    if dropped:
        understood.append(dropped)
    for name, least in _FEWEST.items():
        if name in needed and not is_study and len(table) and table[name].max() < least:
            warnings.append(
                f"{name}: none is above {count(table[name].max())}; where that counts millions or "
                f"billions, write it with the number (70M) or in the header ({name} (M))."
            )
    return Prepared(table, reading.where, tuple(understood), tuple(warnings))


def _cells(written: pd.Series) -> list:
    """Cells as they were written; a blank one of a file of text is '', where no number is NaN."""
    return list(written.fillna("") if written.dtype == "str" else written)


def _usable(reading: Reading) -> tuple[Reading, list[str]]:
    """The finished runs of pre-training, where a table tells of that."""
    table, warnings = reading.table, []
    if "status" in table and (table.status == "done").any() and (table.status != "done").any():
        warnings.append(
            f"{plural(int((table.status != 'done').sum()), 'unfinished run')} left out."
        )
        reading = reading.keeping(table.status == "done")
        table = reading.table
    if "vocabulary" in table and table.vocabulary.nunique() > 1:
        raise AnalysisError(
            f"{reading.where}: vocabulary: {_rows_by(table.vocabulary)} in one table; their losses per "
            "token cannot be compared; keep the rows of one and fit those"
        )
    if "pretrained_run" in table or {"stage", "of"} <= set(table):  # a study's own
        stage = with_stages(table).stage
        tuned, others = stage == FINE_TUNING, ~stage.isin(LANGUAGE_MODELS)
        if tuned.any():
            warnings.append(f"{plural(int(tuned.sum()), 'fine-tuned run')} left out.")
        if others.any():
            told = ", ".join(sorted(set(stage[others])))
            warnings.append(f"{plural(int(others.sum()), 'run')} of other stages left out: {told}.")
        reading = reading.keeping(stage == PRETRAINING)
    return reading, warnings


def _named(
    needed: tuple[str, ...], reading: Reading, columns: Mapping[str, str], is_study: bool
) -> tuple[dict[str, Named], _Derived]:
    """The table's column for each that the law needs, and how those that it lacks come from others."""
    table, where = reading.table, reading.where
    named = {ours: given(ours, theirs, table, where) for ours, theirs in columns.items()}
    if is_study and "loss" not in {*named, *table}:
        named["loss"] = Named("test_loss")
    for ours in (*needed, "loss"):
        taken = {one.column for name, one in named.items() if name != ours}
        if ours not in named and is_study and ours in table:
            named[ours] = Named(ours)
        elif ours not in named and not is_study and (one := find(ours, table, where, taken)):
            named[ours] = one
    derived = _Derived()
    for ours in needed:
        if ours in named or (is_study and ours == _FRESH_ONLY):
            continue
        for formula, sources, values in _FORMULAS.get(ours, ()):
            found = {name: named.get(name) or find(name, table, where) for name in sources}
            if all(found.values()):
                named |= {name: one for name, one in found.items() if one}
                derived.add(ours, formula, sources, values)
                break
    return named, derived


_FORMULAS: Mapping = {
    "tokens": (
        ("C/(6 N)", ("flops", "params"), lambda C, N: C / (6 * N)),
        ("N times tokens per param", ("params", "tokens_per_param"), lambda N, ratio: N * ratio),
        ("unique tokens times epochs", ("unique_tokens", "epochs"), lambda U, E: U * E),
    ),
    "params": (("C/(6 D)", ("flops", "tokens"), lambda C, D: C / (6 * D)),),
    "flops": (("6 N D", ("params", "tokens"), lambda N, D: 6 * N * D),),
    "unique_tokens": (("tokens by epochs", ("tokens", "epochs"), lambda D, E: D / E),),
}
"""How a column comes from others (Hoffmann et al. 2022: C = 6 N D)."""


def _derived_from(needed: tuple[str, ...]) -> set[str]:
    """The columns that those needed may come from."""
    return {
        name for ours in needed for _, sources, _ in _FORMULAS.get(ours, ()) for name in sources
    }


class _Derived:
    """Columns to be computed from others, in order."""

    def __init__(self) -> None:
        self._steps: list[tuple] = []

    def add(self, ours: str, formula: str, sources: tuple[str, ...], values) -> None:
        self._steps.append((ours, formula, sources, values))

    def __call__(self, table: pd.DataFrame) -> dict[str, tuple[str, np.ndarray]]:
        """The formula and the values [rows] of each."""
        with np.errstate(all="ignore"):  # bad rows, told of as such
            return {
                ours: (formula, values(*(table[name].to_numpy(float) for name in sources)))
                for ours, formula, sources, values in self._steps
            }


def _scaled(ours: str, one: Named, values: np.ndarray) -> tuple[np.ndarray, str]:
    """The values times what the header says, unless they are whole already."""
    most = np.nanmax(np.append(values[np.isfinite(values)], 0.0))
    if most * one.factor > _MOST.get(ours, np.inf):
        return values, (
            f"{one.column}: up to {count(most)}, whole already; its unit is not applied again."
        )
    return values * one.factor, f"{one.column}: times {one.factor:g}, as its name says."


def _rows_by(column: pd.Series) -> str:
    """'bytes (40 rows from row 1), gpt2 (2 rows from row 17)'."""
    places = pd.Series(column.index + 1).groupby(column.astype(str).to_numpy())
    return ", ".join(
        f"{name} ({plural(len(rows), 'row')} from row {rows.min()})" for name, rows in places
    )


def _with_repetition(
    law: str, needed: tuple[str, ...], table: pd.DataFrame, cells: dict[str, list]
) -> tuple[pd.DataFrame, list[str]]:
    """A study's table: its unique tokens, or its controls alone for a law of fresh data."""
    repeated = table.repeated_fraction > 0
    if _FRESH_ONLY in needed:
        if _FRESH_ONLY not in table:
            fraction, repeats = realised(table)
            share = 1 - fraction * (1 - 1 / repeats.where(repeated, 1))
            table = table.assign(**{_FRESH_ONLY: table.tokens * share})
        return table, []
    if "repeated_fraction" not in needed and repeated.any():
        left = f"{plural(int(repeated.sum()), 'run')} with repetition left out: {law} is a law of "
        return table[~repeated].copy(), [f"{left}fresh data."]
    return table, []
