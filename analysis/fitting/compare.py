"""Which law a table speaks for: Akaike's criterion, and the prediction of what was held out."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from analysis.errors import AnalysisError
from analysis.fitting.fit import Fit, held_out_error
from analysis.fitting.table import find_law, fit_table


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
        errors = held_out_error(type(one.law), one.columns, one.loss, groups)
        rows.append(
            {
                "law": one.law.name,
                "constants": len(one.constants),
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
    laws: Sequence[str], path: str | Path, columns: dict[str, str] | None = None
) -> tuple[pd.DataFrame, dict[str, str]]:
    """`compare` for laws by name on anybody's table, and why those left out cannot be fitted.

    columns: as `fit_table`'s, for all the laws together: each takes those that it has. Raises
    `AnalysisError` for a column that none has, and where fewer than two laws can be fitted, naming
    the reason of each.
    """
    names = dict(columns or {})
    known = {name: {*find_law(name).columns, "loss"} for name in laws}
    everything = set().union(*known.values())
    if unknown := set(names) - everything:
        raise AnalysisError(
            f"columns: none of {', '.join(laws)} has a column {', '.join(sorted(unknown))}; "
            f"they have {', '.join(sorted(everything))}"
        )
    fits, reasons = [], {}
    for name in laws:
        own = {ours: theirs for ours, theirs in names.items() if ours in known[name]}
        try:
            fits.append(fit_table(name, path, own))
        except AnalysisError as error:
            reasons[name] = str(error)
    if len(fits) < 2:
        raise AnalysisError(
            f"law: {len(fits)} of {len(laws)} laws can be fitted, two are needed to compare; "
            + "; ".join(reasons.values())
        )
    return compare(fits), reasons
