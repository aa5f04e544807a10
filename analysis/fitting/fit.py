"""Fitting a law to a table: starts, one batched solve, a bootstrap, and what to distrust."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass

import numpy as np
from numpy.typing import ArrayLike

from analysis.fitting.bootstrap import interval, resample
from analysis.fitting.check import check
from analysis.fitting.diagnose import degenerate, outliers, suspicions
from analysis.fitting.solver import HUBER_DELTA, minimise, objectives
from analysis.laws import Law

_POLISHED = 48  # starts that are solved for, the most promising of the grid
_AGREEING = 3  # starts that converge to the least minimum, for which no other start is pursued
_SAME = 1e-6  # relative difference of objective below which two minima are one


@dataclass(frozen=True)
class Fit:
    """A law fitted to a table.

    law: with its constants; samples: constants [resamples, constants] of the bootstrap (natural
    units, in the law's order); residuals: ln L - ln prediction a row; objective: the Huber sum;
    reached: share of the starts that ended in this minimum; warnings: sentences to be read;
    converged: whether the solver did; profiled: constants whose interval is the profile's, as their
    bootstrap is degenerate; rows: the place of each row in the file it came from, from 1.
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
    converged: bool = True
    profiled: tuple[str, ...] = ()
    rows: np.ndarray | None = None

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
        """Interval of each constant by the bootstrap, or by the profile of those in `profiled`;
        empty without a bootstrap. An open end is -inf or inf."""
        if not len(self.samples):
            return {}
        low, high = interval(self.samples, level)
        found = {
            name: (float(a), float(b)) for name, a, b in zip(self.constants, low, high, strict=True)
        }
        return found | {name: profile_interval(self, name, level) for name in self.profiled}

    @property
    def _places(self) -> np.ndarray:
        """`rows`, or the place of each among the arrays that were fitted."""
        return np.arange(1, len(self.loss) + 1) if self.rows is None else self.rows

    @property
    def outliers(self) -> list[dict]:
        """Rows further off than six robust standard deviations, worst first: row and residual."""
        return [
            {"row": int(self._places[place]), "residual": float(self.residuals[place])}
            for place in outliers(self.residuals)
        ]

    @property
    def held_out(self) -> dict:
        """Mean |ln L - ln prediction| of each size, predicted from the others (`held_out_error`);
        empty where there are fewer than three sizes."""
        sizes = self.columns.get("params")
        if sizes is None or len(np.unique(sizes)) < 3 or self.fixed:
            return {}
        return _errors_without(self, sizes)

    def predict(self, **columns) -> np.ndarray:
        """Loss in nats per token at the law's columns."""
        return self.law.predict(**columns)

    def predict_interval(self, level: float = 0.95, **columns) -> tuple[np.ndarray, np.ndarray]:
        """Bootstrap interval of the predicted loss."""
        draws = [type(self.law)(*row).predict(**columns) for row in self.samples]
        return interval(np.array(draws), level)

    def as_dict(self, level: float = 0.95) -> dict:
        """Everything but the table and the resamples, for JSON: an open end of an interval is null."""
        intervals = {
            name: [end if np.isfinite(end) else None for end in ends]
            for name, ends in self.intervals(level).items()
        }
        return {
            "law": self.law.name,
            "equation": self.law.equation,
            "source": self.law.source,
            "constants": self.constants,
            "intervals": intervals,
            "interval_methods": {
                name: "profile" if name in self.profiled else "bootstrap" for name in intervals
            },
            "level": level,
            "rows": len(self.loss),
            "resamples": len(self.samples),
            "objective": self.objective,
            "converged": self.converged,
            "starts_reached": self.reached,
            "r2": self.r2,
            "aic": self.aic,
            "residual_spread": float(np.std(self.residuals)),
            "residuals": [
                {"row": int(row), "residual": float(residual)}
                for row, residual in zip(self._places, self.residuals, strict=True)
            ],
            "outliers": self.outliers,
            "held_out_error": self.held_out,
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
    fitted (a column that only they read may be the same in all rows). Raises `AnalysisError` for
    values that are not finite and positive, and for fewer rows than constants.
    """
    arrays = {name: np.asarray(columns[name], float) for name in law.columns}
    loss = np.asarray(loss, float)
    fixed = dict(fixed or {})
    check(law, arrays, loss, fixed)
    starts = law.starts(arrays, loss)
    names = law.constant_names()
    free = np.array([name not in fixed for name in names])
    for name, value in fixed.items():
        starts[:, names.index(name)] = np.log(value) if name in law.positive else value
    ones = np.ones(len(loss))
    if len(starts) > _POLISHED:
        at_start = objectives(law, arrays, loss, starts, ones, delta)
        starts = starts[np.argsort(at_start)[:_POLISHED]]
    grid = minimise(law, arrays, loss, starts, ones, delta, free, thorough=False)
    reached = _at_the_least(grid.objective)
    if (grid.converged & reached).sum() < min(_AGREEING, len(starts)):
        grid = minimise(law, arrays, loss, grid.coordinates, ones, delta, free)
        reached = _at_the_least(grid.objective)
    best = int(np.flatnonzero(reached)[np.argmax(grid.converged[reached])])
    least, coordinates = grid.objective[best], grid.coordinates[best]
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
    profiled = degenerate(natural, residuals, samples, clusters) if bootstrap else []
    profiled = [name for name in profiled if name not in fixed]
    if profiled:
        warnings.append(
            f"The bootstrap of {', '.join(profiled)} is degenerate (too few groups to resample, or "
            "resamples that all but agree); the interval is the profile likelihood's."
        )
    return Fit(
        *(natural, arrays, loss, float(least), float(reached.mean()), samples, residuals),
        tuple(warnings),
        delta,
        tuple(fixed),
        bool(grid.converged[best]),
        tuple(profiled),
    )


def _at_the_least(objective: np.ndarray) -> np.ndarray:
    """Which starts ended at the least objective, all but for rounding."""
    return objective <= np.nanmin(objective) * (1 + _SAME) + 1e-15


def profile_interval(
    fitted: Fit, constant: str, level: float = 0.95, points: int = 41
) -> tuple[float, float]:
    """Where the profile of `constant` stays within the likelihood-ratio bound of its minimum.

    The bound: objective <= least + s * chi2(level; 1) / 2, with s = 2 * least / (rows - constants),
    the scale that the residuals themselves show (as of a sum of squares; the Huber sum's slope is
    smaller, so the interval errs on the wide side). An end that is not met within a factor of e^10
    (or, of exponents, 5) is -inf or inf: the data do not bound it.
    """
    from scipy.special import chdtri  # a sixth of a second to load, for profiles alone

    freedom = max(1, len(fitted.loss) - len(fitted.constants))
    bound = fitted.objective * (1 + chdtri(1, 1 - level) / freedom)
    bound += 1e-15 * len(fitted.loss)
    value = fitted.constants[constant]
    positive = constant in type(fitted.law).positive
    ends = []
    for side in (-1, 1):
        reach = (10.0 if positive else 5.0) * side
        inside = 0.0
        for _ in range(3):  # each pass looks closer at where the bound is crossed
            steps = inside + np.linspace(0, 1, points)[1:] * (reach - inside)
            values = value * np.exp(steps) if positive else value + steps
            beyond = np.flatnonzero(~(profile(fitted, constant, values) <= bound))
            if not len(beyond):
                inside = np.inf
                break
            first = beyond[0]
            inside, reach = (steps[first - 1] if first else inside), steps[first]
        if np.isinf(inside):
            ends.append(side * np.inf if not positive or side > 0 else 0.0)
        else:
            ends.append(float(value * np.exp(reach) if positive else value + reach))
    return ends[0], ends[1]


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
    return _errors_without(fit(law, columns, loss), np.asarray(by))


def _errors_without(whole: Fit, by: np.ndarray) -> dict:
    loss, columns = whole.loss, whole.columns
    labels = [label for label in np.unique(by) if (by != label).sum() > len(whole.constants)]
    if not labels:
        return {}
    errors = {}
    for label, law in zip(labels, refit_without(whole, by, labels), strict=True):
        own = by == label
        off = np.log(loss[own] / law.predict(**{k: values[own] for k, values in columns.items()}))
        errors[label.item()] = float(np.mean(np.abs(off)))
    return errors


def refit_without(fitted: Fit, by: ArrayLike, labels: Sequence) -> list[Law]:
    """The law fitted anew without the rows of each label in turn, all in one batch."""
    law, by = type(fitted.law), np.asarray(by)
    weights = np.array([(by != label).astype(float) for label in labels])
    starts = np.tile(fitted.law.coordinates(), (len(labels), 1))
    free = np.array([name not in fitted.fixed for name in law.constant_names()])
    found = minimise(law, fitted.columns, fitted.loss, starts, weights, fitted.delta, free)
    return [law.at(coordinates) for coordinates in found.coordinates]
