"""Fitting a law to a table: starts, one batched solve, a bootstrap, and what to distrust."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass

import numpy as np
from numpy.typing import ArrayLike

from analysis.errors import AnalysisError
from analysis.fitting.bootstrap import interval, resample
from analysis.fitting.diagnose import suspicions
from analysis.fitting.solver import HUBER_DELTA, minimise, objectives
from analysis.laws import Law

_POLISHED = 48  # starts that are solved for, the most promising of the grid
_SAME = 1e-6  # relative difference of objective below which two minima are one


@dataclass(frozen=True)
class Fit:
    """A law fitted to a table.

    law: with its constants; samples: constants [resamples, constants] of the bootstrap (natural
    units, in the law's order); residuals: ln L - ln prediction a row; objective: the Huber sum;
    reached: share of the starts that ended in this minimum; warnings: sentences to be read.
    """

    law: Law
    columns: dict[str, np.ndarray]
    loss: np.ndarray
    objective: float
    reached: float
    samples: np.ndarray
    residuals: np.ndarray
    warnings: tuple[str, ...]
    delta: float = HUBER_DELTA
    fixed: tuple[str, ...] = ()

    @property
    def constants(self) -> dict[str, float]:
        """The fitted constants by name."""
        return asdict(self.law)

    @property
    def r2(self) -> float:
        """Share of the variance of the loss that the law explains."""
        error = self.loss - self.law.predict(**self.columns)
        return float(1 - np.sum(error**2) / np.sum((self.loss - self.loss.mean()) ** 2))

    @property
    def aic(self) -> float:
        """Akaike's criterion for normal errors in log loss; comparable on one table only."""
        mean_square = max(float(np.mean(self.residuals**2)), 1e-300)
        return len(self.loss) * np.log(mean_square) + 2 * (len(self.constants) + 1)

    def intervals(self, level: float = 0.95) -> dict[str, tuple[float, float]]:
        """Bootstrap interval of each constant; empty without a bootstrap."""
        if not len(self.samples):
            return {}
        low, high = interval(self.samples, level)
        return {
            name: (float(a), float(b)) for name, a, b in zip(self.constants, low, high, strict=True)
        }

    def predict(self, **columns) -> np.ndarray:
        """Loss in nats per token at the law's columns."""
        return self.law.predict(**columns)

    def predict_interval(self, level: float = 0.95, **columns) -> tuple[np.ndarray, np.ndarray]:
        """Bootstrap interval of the predicted loss."""
        draws = [type(self.law)(*row).predict(**columns) for row in self.samples]
        return interval(np.array(draws), level)

    def as_dict(self, level: float = 0.95) -> dict:
        """Everything but the table and the resamples, for JSON."""
        return {
            "law": self.law.name,
            "equation": self.law.equation,
            "source": self.law.source,
            "constants": self.constants,
            "intervals": self.intervals(level),
            "level": level,
            "rows": len(self.loss),
            "resamples": len(self.samples),
            "objective": self.objective,
            "starts_reached": self.reached,
            "r2": self.r2,
            "aic": self.aic,
            "residual_spread": float(np.std(self.residuals)),
            "warnings": list(self.warnings),
        }


def fit(
    law: type[Law],
    columns: Mapping[str, ArrayLike],
    loss: ArrayLike,
    bootstrap: int = 0,
    clusters: ArrayLike | None = None,
    delta: float = HUBER_DELTA,
    fixed: Mapping[str, float] | None = None,
    seed: int = 0,
) -> Fit:
    """Fit `law` by approach 3 of Hoffmann et al. 2022: the sum of Huber losses of log residuals.

    columns: the law's columns, [rows]; loss: nats per token, [rows]; bootstrap: resamples;
    clusters: a label a row, resampled as one (a seed, a size); fixed: constants that are given, not
    fitted (a column that only they read may then be the same in all rows). Raises `AnalysisError` for values
    that are not finite and positive, and for fewer rows than constants.
    """
    arrays = {name: np.asarray(columns[name], float) for name in law.columns}
    loss = np.asarray(loss, float)
    fixed = dict(fixed or {})
    _check(law, arrays, loss, fixed)
    starts = law.starts(arrays, loss)
    names = law.constant_names()
    free = np.array([name not in fixed for name in names])
    for name, value in fixed.items():
        starts[:, names.index(name)] = np.log(value) if name in law.positive else value
    ones = np.ones(len(loss))
    if len(starts) > _POLISHED:
        at_start = objectives(law, arrays, loss, starts, ones, delta)
        starts = starts[np.argsort(at_start)[:_POLISHED]]
    grid = minimise(law, arrays, loss, starts, ones, delta, free)
    best = int(np.nanargmin(np.where(np.isfinite(grid.objective), grid.objective, np.nan)))
    least = grid.objective[best]
    reached = grid.objective <= least * (1 + _SAME) + 1e-15
    coordinates = grid.coordinates[best]
    found = law.at(coordinates)
    samples, warnings = np.empty((0, len(coordinates))), []
    if not grid.converged[best]:
        warnings.append("The solver did not converge; the constants are where it stopped.")
    if bootstrap:
        labels = None if clusters is None else np.asarray(clusters)
        weights = resample(len(loss), bootstrap, labels, seed)
        draws = minimise(
            law, arrays, loss, np.tile(coordinates, (bootstrap, 1)), weights, delta, free
        )
        samples = np.array([list(asdict(law.at(row)).values()) for row in draws.coordinates])
        if not draws.converged.all():
            missed = int((~draws.converged).sum())
            warnings.append(f"{missed} of {bootstrap} resamples did not converge.")
    residuals = np.log(loss) - np.log(found.predict(**arrays))
    warnings += suspicions(found, arrays, residuals, samples)
    natural = law(*(float(value) for value in asdict(found).values()))
    return Fit(
        *(natural, arrays, loss, float(least), float(reached.mean()), samples, residuals),
        tuple(warnings),
        delta,
        tuple(fixed),
    )


def profile(fitted: Fit, constant: str, values: ArrayLike) -> np.ndarray:
    """The least objective with `constant` held at each of `values`, all else free.

    Where a bootstrap is degenerate (few rows, an edge), a flat profile says that the data do not
    determine the constant.
    """
    law = type(fitted.law)
    place = law.constant_names().index(constant)
    starts = np.tile(fitted.law.coordinates(), (len(np.asarray(values)), 1))
    starts[:, place] = np.log(values) if constant in law.positive else values
    free = np.arange(starts.shape[1]) != place
    ones = np.ones(len(fitted.loss))
    solution = minimise(law, fitted.columns, fitted.loss, starts, ones, fitted.delta, free)
    return solution.objective


def held_out_error(
    law: type[Law], columns: Mapping[str, ArrayLike], loss: ArrayLike, by: ArrayLike
) -> dict:
    """Mean |ln L - ln prediction| on each value of `by`, predicted from all the others.

    by: a label a row, such as its size. Values whose removal leaves fewer rows than constants are
    left out.
    """
    arrays = {name: np.asarray(columns[name], float) for name in law.columns}
    loss, by = np.asarray(loss, float), np.asarray(by)
    whole = fit(law, arrays, loss)
    labels = [label for label in np.unique(by) if (by != label).sum() > len(whole.constants)]
    if not labels:
        return {}
    errors = {}
    for label, law in zip(labels, refit_without(whole, by, labels), strict=True):
        own = by == label
        predicted = law.predict(**{name: values[own] for name, values in arrays.items()})
        errors[label.item()] = float(np.mean(np.abs(np.log(loss[own] / predicted))))
    return errors


def refit_without(fitted: Fit, by: ArrayLike, labels: Sequence) -> list[Law]:
    """The law fitted anew without the rows of each label in turn, all in one batch."""
    law, by = type(fitted.law), np.asarray(by)
    weights = np.array([(by != label).astype(float) for label in labels])
    starts = np.tile(fitted.law.coordinates(), (len(labels), 1))
    free = np.array([name not in fitted.fixed for name in law.constant_names()])
    found = minimise(law, fitted.columns, fitted.loss, starts, weights, fitted.delta, free)
    return [law.at(coordinates) for coordinates in found.coordinates]


def _check(law: type[Law], columns: Mapping, loss: np.ndarray, fixed: Mapping) -> None:
    for name, values in (columns | {"loss": loss}).items():
        bad = np.flatnonzero(~(np.isfinite(values) & (values > 0)))
        if len(bad):
            raise AnalysisError(
                f"{name}: {len(bad)} rows are missing, not finite or not positive (row "
                f"{bad[0] + 1}: {values[bad[0]]:g}); repair or drop them"
            )
    constants = [name for name in law.constant_names() if name not in fixed]
    if len(loss) <= len(constants):
        raise AnalysisError(
            f"{law.name}: {len(loss)} rows for {len(constants)} constants "
            f"({', '.join(constants)}); give at least {len(constants) + 1} rows"
        )
    for name, values in columns.items():
        if len(np.unique(values)) < 2 and not fixed:
            raise AnalysisError(
                f"{name}: the same value ({values[0]:g}) in all rows; {law.name} needs at least "
                "two, or choose a law without this column"
            )
