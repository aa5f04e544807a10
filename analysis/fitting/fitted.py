"""A law fitted to a table, and what it can be asked: intervals, profiles, predictions, held-out rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field

import numpy as np
from numpy.typing import ArrayLike

from analysis.errors import AnalysisError
from analysis.fitting.doubts.diagnose import outliers
from analysis.fitting.doubts.lines import in_a_valley
from analysis.fitting.solving.bootstrap import interval
from analysis.fitting.solving.constraints import Constraints, constrain
from analysis.fitting.solving.solver import HUBER_DELTA, minimise
from analysis.laws import Law


@dataclass(frozen=True)
class Fit:
    """A law fitted to a table.

    law: with its constants; samples: constants [resamples, constants] of the bootstrap (natural
    units, in the law's order); residuals: ln L - ln prediction a row; objective: the sum (`objective_is`);
    delta: Huber's, inf for half the squares; reached: share of the starts that ended in this minimum; warnings: sentences to be read;
    converged: whether the solver did; profiled: constants whose interval is the profile's, as their
    bootstrap is degenerate; rows: the place of each row in the file it came from, from 1; constraints:
    what is fixed and tied; understood: how the table was read, sentences; cluster: the column whose
    rows were resampled together.
    """

    law: Law
    columns: dict[str, np.ndarray] = field(repr=False)
    loss: np.ndarray = field(repr=False)
    objective: float
    reached: float
    samples: np.ndarray = field(repr=False)
    residuals: np.ndarray = field(repr=False)
    warnings: tuple[str, ...]
    delta: float = HUBER_DELTA
    constraints: Constraints | None = None
    converged: bool = True
    profiled: tuple[str, ...] = ()
    rows: np.ndarray | None = field(default=None, repr=False)
    understood: tuple[str, ...] = ()
    cluster: str | None = None

    @property
    def held(self) -> Constraints:
        """What is fixed and tied."""
        return self.constraints or constrain(type(self.law))

    @property
    def fixed(self) -> tuple[str, ...]:
        """The constants that were given."""
        return tuple(self.held.fixed)

    @property
    def objective_is(self) -> str:
        """What `objective` is, in words."""
        of = "half the square" if np.isinf(self.delta) else f"Huber's loss (delta {self.delta:g})"
        return (
            f"the sum, not the mean, over {len(self.loss)} rows of {of} of ln loss - ln prediction"
        )

    @property
    def constants(self) -> dict[str, float]:
        """The fitted constants by name."""
        return asdict(self.law)

    @property
    def r2(self) -> float:
        """Share of the variance of the loss that the law explains."""
        scale = self.loss.max()  # of losses beyond 1e154 the squares are no numbers
        with np.errstate(over="ignore"):  # nor are those of a prediction far off: R2 is -inf
            error = (self.loss - self.law.predict(**self.columns)) / scale
            error = np.sum(error**2)
        variance = np.sum((self.loss / scale - np.mean(self.loss / scale)) ** 2)
        return float(1 - error / variance) if variance > 0 else float("nan")

    @property
    def aic(self) -> float:
        """Akaike's criterion for normal errors in log loss; comparable on one table only."""
        mean_square = max(float(np.mean(self.residuals**2)), 1e-300)
        return len(self.loss) * np.log(mean_square) + 2 * (len(self.held.free) + 1)

    def intervals(self, level: float = 0.95) -> dict[str, tuple[float, float]]:
        """Interval of each constant that is not fixed by the bootstrap, or by the profile of those in
        `profiled`; empty without a bootstrap. An open end is -inf or inf."""
        if not len(self.samples):
            return {}
        low, high = interval(self.samples, level)
        found = {
            name: (float(a), float(b))
            for name, a, b in zip(self.constants, low, high, strict=True)
            if name not in self.fixed
        }
        return found | {name: profile_interval(self, name, level) for name in self.profiled}

    @property
    def places(self) -> np.ndarray:
        """Where each row stands in its file, from 1, or else among the arrays that were fitted."""
        return np.arange(1, len(self.loss) + 1) if self.rows is None else self.rows

    @property
    def outliers(self) -> list[dict]:
        """Rows further off than six robust standard deviations, worst first: row and residual."""
        return [
            {"row": int(self.places[place]), "residual": float(self.residuals[place])}
            for place in outliers(self.residuals)
        ]

    @property
    def held_out(self) -> dict:
        """Mean |ln L - ln prediction| of each size, predicted from the others (`held_out_error`);
        empty where there are fewer than three sizes."""
        sizes = self.columns.get("params")
        if sizes is None or len(np.unique(sizes)) < 3:
            return {}
        return errors_without(self, sizes)

    def predict(self, **columns) -> np.ndarray:
        """Loss in nats per token at the law's columns."""
        return self.law.predict(**columns)

    def predict_interval(self, level: float = 0.95, **columns) -> tuple[np.ndarray, np.ndarray]:
        """Bootstrap interval of the predicted loss."""
        if not len(self.samples):
            raise AnalysisError("bootstrap: 0 resamples give no interval; fit with some")
        with np.errstate(all="ignore"):  # of resamples gone astray
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
            "fixed": dict(self.held.fixed),
            "tied": [list(group) for group in self.held.groups],
            "intervals": intervals,
            "interval_methods": {
                name: "profile" if name in self.profiled else "bootstrap" for name in intervals
            },
            "level": level,
            "rows": len(self.loss),
            "resamples": len(self.samples),
            "resampled_by": self.cluster or "row",
            "objective": self.objective,
            "objective_is": self.objective_is,
            "delta": self.delta if np.isfinite(self.delta) else None,
            "converged": self.converged,
            "starts_reached": self.reached,
            "r2": self.r2,
            "aic": self.aic,
            "residual_spread": float(np.std(self.residuals)),
            "residuals": [
                {"row": int(row), "residual": float(residual)}
                for row, residual in zip(self.places, self.residuals, strict=True)
            ],
            "outliers": self.outliers,
            "held_out_error": self.held_out,
            "read": list(self.understood),
            "warnings": list(self.warnings),
        }


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

    freedom = max(1, len(fitted.loss) - len(fitted.held.free))
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
    """The least objective with `constant` held at each of `values`, all else as free as it was (what is
    tied to it held with it).

    Where a bootstrap is degenerate (few rows, an edge), a flat profile says that the data do not
    determine the constant.
    """
    law = type(fitted.law)
    starts = np.tile(fitted.law.coordinates(), (len(np.asarray(values)), 1))
    for name in fitted.held.with_its_group(constant):
        place = law.constant_names().index(name)
        starts[:, place] = np.log(values) if name in law.positive else values
    moves = fitted.held.holding(constant).moves()
    ones = np.ones(len(fitted.loss))
    solution = minimise(law, fitted.columns, fitted.loss, starts, ones, fitted.delta, moves)
    return solution.objective


def errors_without(whole: Fit, by: np.ndarray) -> dict:
    """Mean |ln L - ln prediction| on each value of `by`, predicted from all the others, as
    constrained as the fit is; values that leave too few rows are left out."""
    loss, columns = whole.loss, whole.columns
    labels = [label for label in np.unique(by) if (by != label).sum() > len(whole.held.free)]
    if not labels:
        return {}
    errors = {}
    for label, law in zip(labels, refit_without(whole, by, labels), strict=True):
        own = by == label
        with np.errstate(all="ignore"):  # where the others do not determine the law
            predicted = law.predict(**{k: values[own] for k, values in columns.items()})
            off = np.log(loss[own] / predicted)
        errors[label.item()] = float(np.mean(np.abs(off)))
    return errors


def refit_without(fitted: Fit, by: ArrayLike, labels: Sequence) -> list[Law]:
    """The law fitted anew without the rows of each label in turn, all in one batch."""
    law, by = type(fitted.law), np.asarray(by)
    weights = np.array([(by != label).astype(float) for label in labels])
    starts = np.tile(fitted.law.coordinates(), (len(labels), 1))
    moves = fitted.held.moves()
    table = (fitted.columns, fitted.loss, starts, weights, fitted.delta, moves)
    found = minimise(law, *table, thorough=not in_a_valley(fitted.columns, fitted.held))
    return [law.at(coordinates) for coordinates in found.coordinates]
