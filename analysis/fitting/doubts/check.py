"""Whether a law can be fitted to a table at all, and if not, which one could."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from analysis.errors import AnalysisError
from analysis.fitting.solving.constraints import Constraints
from analysis.laws import LAWS, Law
from analysis.words import plural


def check(
    law: type[Law], columns: Mapping[str, np.ndarray], loss: np.ndarray, held: Constraints
) -> None:
    """Raise `AnalysisError` for values that are not finite and positive, for fewer rows than
    constants, and for a column that says nothing; where other laws can do with less, naming them.

    columns, loss: [rows]; held: what is fixed and tied.
    """
    for name, values in (*columns.items(), ("loss", loss)):
        bad = np.flatnonzero(~(np.isfinite(values) & (values > 0)))
        if len(bad):
            raise AnalysisError(
                f"{name}: {len(bad)} rows are missing, not finite or not positive (row "
                f"{bad[0] + 1}: {values[bad[0]]:g}); repair or drop them"
            )
    constants = held.free
    if len(loss) <= len(constants):
        raise AnalysisError(
            f"{law.name}: {plural(len(loss), 'row')} for {len(constants)} constants "
            f"({', '.join(constants)}); give at least {len(constants) + 1} rows"
            + _can_be_fitted(columns, len(loss))
        )
    for name, values in columns.items():
        if len(np.unique(values)) < 2 and not held.fixed:
            others = {other: column for other, column in columns.items() if other != name}
            raise AnalysisError(
                f"{name}: the same value ({values[0]:g}) in all rows; {law.name} needs at least two, "
                "or the constants that it tells (--fix)" + _can_be_fitted(others, len(loss))
            )
    if len(np.unique(loss)) < 2:
        raise AnalysisError(
            f"loss: the same value ({loss[0]:g}) in all rows; nothing can be fitted"
        )


def _can_be_fitted(columns: Mapping, rows: int) -> str:
    """'; on these can be fitted: ...', the laws that so many rows and these columns determine."""
    telling = {name for name, values in columns.items() if len(np.unique(values)) > 1}
    laws = [
        law.name
        for law in LAWS.values()
        if telling.issuperset(law.columns) and rows > len(law.constant_names())
    ]
    return f"; what can be fitted to these rows: {', '.join(laws)}" if laws else ""
