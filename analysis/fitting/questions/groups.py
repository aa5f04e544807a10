"""One law on several tables, or on the parts of one, side by side: has a new recipe another exponent?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from analysis.errors import AnalysisError
from analysis.fitting.fitted import Fit
from analysis.fitting.prepared import AsWritten, Prepared
from analysis.fitting.questions.outlook import exponents
from analysis.fitting.solving.bootstrap import interval
from analysis.fitting.table import RESAMPLES, fit_prepared, prepare_for
from analysis.laws import Law
from analysis.study.reading import Source
from analysis.words import plural


@dataclass(frozen=True)
class SideBySide:
    """fits: by the name of each table or part, in order; left_out: why a part could not be fitted."""

    fits: dict[str, Fit]
    left_out: dict[str, str]

    def table(self, level: float = 0.95) -> pd.DataFrame:
        """One row a constant (and a, b of the compute-optimal size) of each fit: `constant`, `name`,
        `value`, `low`, `high` (NaN without a bootstrap, and for a fixed constant)."""
        rows = []
        for name, fitted in self.fits.items():
            ends = fitted.intervals(level)
            for constant, value in fitted.constants.items():
                low, high = ends.get(constant, (np.nan, np.nan))
                rows.append((constant, name, value, low, high))
            rows += [(key, name, *three) for key, three in exponents(fitted, level).items()]
        return pd.DataFrame(rows, columns=["constant", "name", "value", "low", "high"])

    def differences(self, level: float = 0.95) -> pd.DataFrame:
        """Each constant that two fits are free in, the second's less the first's: `constant`, `first`,
        `second`, `difference`, its interval `low` to `high` (their bootstraps are independent), and
        whether they `differ` (0 lies outside). Empty without a bootstrap."""
        rows = []
        for (one, a), (two, b) in combinations(self.fits.items(), 2):
            first, second = _draws(a), _draws(b)
            for constant in first:
                if constant not in second:
                    continue
                here = second[constant][0] - first[constant][0]
                few = min(len(first[constant][1]), len(second[constant][1]))
                if few == 0:
                    continue
                apart = second[constant][1][:few] - first[constant][1][:few]
                low, high = (float(end) for end in interval(apart, level))
                rows.append((constant, one, two, here, low, high, not low <= 0 <= high))
        names = ["constant", "first", "second", "difference", "low", "high", "differ"]
        return pd.DataFrame(rows, columns=names)


def fit_each(
    law: str | type[Law],
    sources: Source | Sequence[Source] | Mapping[str, Source],
    by: str | None = None,
    how: AsWritten | None = None,
    bootstrap: int = RESAMPLES,
    **options: Any,
) -> SideBySide:
    """Fit a law to each of several tables, or to the rows of each value of the column `by`.

    sources: tables by name, or several (named by their files), or one where `by` is given; options: as
    `fit_prepared` takes them (cluster, fixed, tied, delta). Parts that cannot be fitted are left out,
    with the reason; raises `AnalysisError` where fewer than two can be.
    """
    how, fits, left_out = how or AsWritten(), dict[str, Fit](), dict[str, str]()
    parts = _parts(law, sources, by, how, left_out)
    for seed, (name, rows) in enumerate(
        parts.items()
    ):  # other draws for each: they are independent
        try:
            fits[name] = fit_prepared(law, rows, bootstrap, seed=seed, **options)
        except AnalysisError as error:
            left_out[name] = str(error)
    if len(fits) < 2:
        reasons = "".join(f"; {name}: {reason}" for name, reason in left_out.items())
        raise AnalysisError(
            f"{f'by: {by}' if by else 'tables'}: {len(fits)} of {len(parts)} can be fitted, two are "
            f"needed to compare{reasons}"
        )
    return SideBySide(fits, left_out)


def _parts(
    law: str | type[Law], sources: Any, by: str | None, how: AsWritten, left_out: dict[str, str]
) -> dict[str, Prepared]:
    if by is None:
        return {name: prepare_for(law, one, how) for name, one in _named(sources).items()}
    rows = prepare_for(law, sources, how)
    names = {str(name).casefold(): str(name) for name in rows.table}
    column = by if by in rows.table else names.get(by.strip().casefold())
    if column is None:
        there = ", ".join(map(str, rows.table.columns))
        raise AnalysisError(f"by: {rows.where} has no column {by}; there are: {there}")
    labels = rows.table[column]
    if missing := int(labels.isna().sum()):
        left_out["(none)"] = f"{plural(missing, 'row')} without a {column}"
    values = list(labels.dropna().unique())
    if len(values) > 20:
        raise AnalysisError(f"by: {column} has {len(values)} values; 20 can be set side by side")
    return {str(value): rows.keeping(labels == value) for value in values}


def _named(sources: Any) -> dict[str, Source]:
    """Tables by name: their files' own, with the folder where two are alike."""
    if isinstance(sources, Mapping):
        return {str(name): one for name, one in sources.items()}
    paths = [Path(one) if isinstance(one, str | Path) else None for one in sources]
    names = [path.stem if path else f"table {n}" for n, path in enumerate(paths, 1)]
    if len(set(names)) < len(names):
        names = [str(path) if path else name for path, name in zip(paths, names, strict=True)]
    if len(set(names)) < len(names):
        raise AnalysisError("tables: one is given twice; give each once")
    return dict(zip(names, sources, strict=True))


def _draws(fitted: Fit) -> dict[str, tuple[float, np.ndarray]]:
    """Value and resamples of each constant that is free, and of a and b."""
    found = {
        name: (value, fitted.samples[:, place])
        for place, (name, value) in enumerate(fitted.constants.items())
        if name not in fitted.fixed
    }
    if exponents(fitted):
        law: Any = fitted.law
        both = np.array([type(law)(*row).exponents for row in fitted.samples]).reshape(-1, 2)
        found |= {name: (law.exponents[i], both[:, i]) for i, name in enumerate("ab")}
    return found
