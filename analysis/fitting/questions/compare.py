"""Which law a table speaks for: Akaike's criterion, and the prediction of what was held out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from analysis.errors import AnalysisError
from analysis.fitting.fitted import Fit, errors_without
from analysis.fitting.table import find_law, fit_table
from analysis.study.reading import Source


def compare(fits: Sequence[Fit], by: np.ndarray | None = None) -> pd.DataFrame:
    """One row a law, best first: `law`, `constants` (how many), `aic`, `aic_above` the best,
    `weight` (Akaike's, of all), `r2`, and `held_out_error`: mean |ln L - ln prediction| over groups
    of rows that were predicted from the others.

    fits: of several laws to the same losses, else `AnalysisError`; by: a label a row, by default
    its params, else each row is a group of its own. The best is by held-out error where every law
    has one (AIC knows nothing of extrapolation), else by AIC.
    """
    first = fits[0].loss
    for one in fits[1:]:
        if len(one.loss) != len(first) or not np.allclose(one.loss, first):
            raise AnalysisError(
                f"{one.law.name}: fitted to {len(one.loss)} rows and {fits[0].law.name} to "
                f"{len(first)}; laws can be compared on the same rows only"
            )
    rows = []
    for one in fits:
        groups = by if by is not None else one.columns.get("params", np.arange(len(first)))
        errors = errors_without(one, np.asarray(groups))
        rows.append(
            {
                "law": one.law.name,
                "constants": len(one.held.free),
                "aic": one.aic,
                "r2": one.r2,
                "held_out_error": float(np.mean(list(errors.values()))) if errors else np.nan,
            }
        )
    table = pd.DataFrame(rows)
    table["aic_above"] = table.aic - table.aic.min()
    relative = np.exp(-table.aic_above / 2)
    table["weight"] = relative / relative.sum()
    best = "aic" if table.held_out_error.isna().any() else "held_out_error"
    return table.sort_values(best).reset_index(drop=True)


def compare_on_table(
    laws: Sequence[str], source: Source, columns: Mapping[str, str] | None = None, **options: Any
) -> tuple[pd.DataFrame, dict[str, str]]:
    """`compare` for laws by name on anybody's table, and why those left out cannot be fitted; arguments
    and errors as `fits_on_table` has them."""
    fits, reasons = fits_on_table(laws, source, columns, **options)
    return compare(fits), reasons


def fits_on_table(
    laws: Sequence[str],
    source: Source,
    columns: Mapping[str, str] | None = None,
    *,
    fixed: Mapping[str, float] | None = None,
    tied: Iterable[Sequence[str]] = (),
    **options: Any,
) -> tuple[list[Fit], dict[str, str]]:
    """Laws by name, each fitted to one table without intervals, and why those left out cannot be.

    columns, fixed, tied: as `fit_table`'s, for all the laws together: each takes those that it has;
    options: the others of `fit_table`. Raises `AnalysisError` for a column or a constant that none
    has, and where fewer than two laws can be fitted, naming the reason of each.
    """
    names, fixed, ties = dict(columns or {}), dict(fixed or {}), [tuple(pair) for pair in tied]
    classes = {name: find_law(name) for name in laws}
    known = {name: {*law.columns, "loss"} for name, law in classes.items()}
    _known_to_one("columns", "column", names, known)
    constants = {name: {*law.constant_names()} for name, law in classes.items()}
    _known_to_one("fix", "constant", fixed, constants)
    _known_to_one("tie", "constant", [name for pair in ties for name in pair], constants)
    fits, reasons = [], {}
    for name, law in classes.items():
        own = {ours: theirs for ours, theirs in names.items() if ours in known[name]}
        held = {constant: value for constant, value in fixed.items() if constant in constants[name]}
        pairs = [pair for pair in ties if constants[name].issuperset(pair)]
        try:
            fits.append(fit_table(law, source, own, 0, fixed=held, tied=pairs, **options))
        except AnalysisError as error:
            reasons[name] = str(error)
    if len(fits) < 2:
        raise AnalysisError(
            f"law: {len(fits)} of {len(laws)} laws can be fitted, two are needed to compare; "
            + "; ".join(reasons.values())
        )
    return fits, reasons


def _known_to_one(
    option: str, what: str, names: Iterable[str], known: Mapping[str, set[str]]
) -> None:
    everything = set().union(*known.values())
    if unknown := set(names) - everything:
        raise AnalysisError(
            f"{option}: none of {', '.join(known)} has a {what} {', '.join(sorted(unknown))}; "
            f"they have {', '.join(sorted(everything))}"
        )
