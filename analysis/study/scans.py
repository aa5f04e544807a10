"""Which runs may be drawn on one curve: a study's runs fall into settings and scans.

Runs of one *setting* share their controls: everything but the size, the seed and the repetition is
equal. Within a *scan* the repeated fraction and the order of repetition are equal too, so that only
the size, the repeats and the seed change: damage is read along its repeats. What follows from the
size alone (a learning rate set by rule, 20 tokens per parameter) makes no new setting.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from analysis.words import count

SHAPE = ("params", "params_total", "d_model", "layers", "heads", "d_ff")
FACTS = ("exposures", "entities", "statements")
"""What runs are told beside their corpus; "none" where that is nothing."""
SETTINGS = (
    *("corpus", "vocabulary", "context", "batch_size", "tokens", "unit", "positions"),
    *("attention_only", "smeared_keys", "dtype", "learning_rate", "weight_decay", "dropout"),
    *("warmup_fraction", "final_fraction", "gradient_clip"),
    *FACTS,
)
_FREE = (
    *("corpus", "vocabulary", "context", "unit", "attention_only", "smeared_keys", "depth"),
    *FACTS,
)
"""What no size decides: told apart even where no two of its values meet at one size."""
_OF_SCAN = {"scan", "setting", "repeated_fraction", "label", "tokens"}
REPETITION = ("order", "pools")  # beside the fraction, what a control does not have


def assign_scans(results: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """`results` with the numbers `setting` and `scan` added, facts said of each, and one row a scan.

    A control's `scan` is that of its setting if there is no other, else -1: it serves all of them.
    The scans have `scan`, `setting`, `repeated_fraction`, what tells them apart, and a `label`, which
    leaves out what more than two thirds of the runs have in common.
    """
    told = results[[name for name in FACTS if name in results]].astype(object)
    results = results.assign(**told.where(told.notna(), "none"))
    settings = _telling(_settings(results), results.params)
    results = results.assign(setting=_number(settings))
    repeated = results[results.repeated_fraction > 0]
    order = _telling(repeated[[name for name in REPETITION if name in results]], repeated.params)
    scans = settings.loc[repeated.index].join(order)
    scans = scans.assign(setting=repeated.setting, repeated_fraction=repeated.repeated_fraction)
    bare = results[~results.setting.isin(repeated.setting)]
    bare = settings.loc[bare.index].assign(setting=bare.setting, repeated_fraction=0.0)
    everything = pd.concat([scans, bare])
    unique = everything.drop_duplicates().sort_values(["setting", "repeated_fraction"])
    unique = unique.reset_index(drop=True)
    place = {tuple(row): number for number, row in enumerate(unique.astype(str).to_numpy())}
    results["scan"] = -1
    results.loc[everything.index, "scan"] = [
        place[tuple(row)] for row in everything.astype(str).to_numpy()
    ]
    unique.insert(0, "scan", range(len(unique)))
    apart = [str(name) for name in unique if name not in ("scan", "setting", "repeated_fraction")]
    usual = {name: _usual(everything[name]) for name in apart}
    unique["label"] = [
        _label(row, [name for name in apart if row[name] != usual[name]])
        for row in unique.to_dict("records")
    ]
    return results, unique


def with_arms(runs: pd.DataFrame, scans: pd.DataFrame) -> pd.DataFrame:
    """The runs with the number of their `arm`: all that tells scans apart but for budget and fraction."""
    telling = [name for name in scans if name not in _OF_SCAN]
    arm = scans.groupby(telling, dropna=False).ngroup() if telling else scans.scan * 0
    return runs.assign(arm=runs.scan.map(dict(zip(scans.scan, arm, strict=True))))


def _settings(results: pd.DataFrame) -> pd.DataFrame:
    """The settings of each run, budgets as tokens per parameter where that is what was swept.

    One layer is a setting of its own: without a layer before, no head can form an induction circuit
    (Olsson et al. 2022), so that a law across it and deeper models would be of two architectures.
    """
    table = results[[name for name in SETTINGS if name in results]]
    if "layers" in results:
        table = table.assign(depth=np.where(results.layers == 1, "one layer", "several layers"))
    ratio = (results.tokens / results.params).map(lambda value: float(f"{value:.3g}"))
    swept = (results.groupby("params").tokens.nunique() > 1).any()
    if swept and ratio.nunique() < results.tokens.nunique():
        table = table.drop(columns="tokens").assign(tokens_per_param=ratio)
    return table


def _telling(table: pd.DataFrame, params: pd.Series) -> pd.DataFrame:
    """The columns of `table` that take several values at one size, or that no size decides; but for
    those that follow from the ones before."""
    several = table.groupby(params).nunique(dropna=False).max() > 1
    several |= table.nunique(dropna=False).gt(1) & table.columns.isin(_FREE)
    table = table[[name for name in table if several.get(name, False)]]
    return tell_apart(table)


def tell_apart(table: pd.DataFrame) -> pd.DataFrame:
    """The columns that tell the rows apart, but for those that follow from the ones before; a missing
    value is "none"."""
    table, told = table.astype(object), list[str]()
    table = table.where(table.notna(), "none")
    apart = np.zeros(len(table), np.int64)
    for name in map(str, table):
        finer = _finer(apart, table[name])
        if finer.max(initial=0) > apart.max(initial=0):
            told.append(name)
            apart = finer
    return table[told]


def _number(table: pd.DataFrame) -> pd.Series:
    """Equal rows' common number, in the order in which they first appear."""
    numbers = np.zeros(len(table), np.int64)
    for name in table:
        numbers = _finer(numbers, table[name])
    return pd.Series(numbers, table.index)


def _finer(numbers: np.ndarray, column: pd.Series) -> np.ndarray:
    """Rows numbered anew: apart where they were or where `column` (without gaps) differs."""
    codes = pd.factorize(column)[0]
    return pd.factorize(numbers * (codes.max(initial=0) + 1) + codes)[0]


def _usual(values: pd.Series) -> object:
    """What more than two thirds of them are; None where nothing is."""
    shares = values.value_counts(normalize=True)
    return shares.index[0] if shares.iloc[0] > 2 / 3 else None


def _label(row: dict, told: list[str]) -> str:
    parts = [f"f = {row['repeated_fraction']:g}"] if row["repeated_fraction"] else ["no repetition"]
    for name in told:
        value = row[name]
        if value != value:  # a setting without repetition has no order of it
            continue
        shown = count(value) if isinstance(value, int | float) and value >= 1000 else value
        if name == "exposures":
            shown = " to ".join(dict.fromkeys((str(value).split()[0], str(value).split()[-1])))
        parts.append(shown if name == "depth" else f"{name} {shown}")
    return ", ".join(parts)


def in_brackets(label: str, fraction: bool) -> str:
    """A scan's label as an aside, without its fraction if that is told already: '' if none is left."""
    parts = label.split(", ", 1)
    kept = parts if fraction and label.startswith("f = ") else parts[1:]
    return f" ({', '.join(kept)})" if kept else ""
