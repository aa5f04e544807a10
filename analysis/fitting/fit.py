"""Fitting a law to a table: starts, one batched solve, a bootstrap, and what to distrust."""

from __future__ import annotations

import warnings as python_warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, astuple, replace

import numpy as np
from numpy.typing import ArrayLike

from analysis.errors import AnalysisError
from analysis.fitting.doubts.check import check
from analysis.fitting.doubts.diagnose import degenerate, suspicions
from analysis.fitting.doubts.lines import in_a_valley
from analysis.fitting.fitted import Fit, errors_without
from analysis.fitting.solving.bootstrap import resample
from analysis.fitting.solving.constraints import constrain
from analysis.fitting.solving.solver import HUBER_DELTA, minimise, objectives
from analysis.laws import Law

_POLISHED = 48  # starts that are solved for, the most promising of the grid
_AGREEING = 3  # starts that converge to the least minimum, for which no other start is pursued
_SAME = 1e-6  # relative difference of objective below which two minima are one


def fit(
    law: type[Law],
    columns: Mapping[str, ArrayLike],
    loss: ArrayLike,
    bootstrap: int = 0,
    clusters: ArrayLike | None = None,
    delta: float = HUBER_DELTA,
    fixed: Mapping[str, float] | None = None,
    seed: int = 0,
    tied: Iterable[Sequence[str]] = (),
) -> Fit:
    """Fit `law` by approach 3 of Hoffmann et al. 2022: the sum of Huber losses of log residuals.

    columns: the law's columns, [rows]; loss: nats per token, [rows]; bootstrap: resamples;
    clusters: a label a row, resampled as one (a seed, a size); delta: Huber's, inf for half the
    squares; fixed: constants that are given, not fitted (a column that only they read may be the same
    in all rows); tied: groups of constants that are equal. Raises `AnalysisError` for values that are
    not finite and positive, for fewer rows than constants, and for constraints that make no sense.
    """
    arrays = {name: np.asarray(columns[name], float) for name in law.columns}
    loss = np.asarray(loss, float)
    if not delta > 0:
        raise AnalysisError(f"delta: {delta:g}; give a positive number")
    held = constrain(law, fixed, tied)
    check(law, arrays, loss, held)
    ones, moves = np.ones(len(loss)), held.moves()
    with _quiet():
        starts = held.impose(law, _starts(law, arrays, loss))
        if len(starts) > _POLISHED:
            at_start = objectives(law, arrays, loss, starts, ones, delta)
            starts = starts[np.argsort(at_start)[:_POLISHED]]
        grid = minimise(law, arrays, loss, starts, ones, delta, moves, thorough=False)
        reached = _at_the_least(law, grid.objective)
        few = (grid.converged & reached).sum() < min(_AGREEING, len(starts))
        if few and not in_a_valley(arrays, held):
            grid = minimise(law, arrays, loss, grid.coordinates, ones, delta, moves)
            reached = _at_the_least(law, grid.objective)
        written = held.impose(law, grid.coordinates)
        ends = [law(*(float(value) for value in astuple(law.at(point)))) for point in written]
        off = np.array([bool(_run_off(end)) for end in ends])
        places = np.flatnonzero(reached & ~off if (reached & ~off).any() else reached)
        best = int(places[np.argmax(grid.converged[places])])
        natural, coordinates = ends[best], written[best]
        residuals = np.log(loss) - np.log(natural.predict(**arrays))
    _check_end(natural, residuals)
    found = Fit(
        *(natural, arrays, loss, float(grid.objective[best]), float(reached.mean())),
        np.empty((0, len(coordinates))),
        residuals,
        (),
        delta,
        held,
        bool(grid.converged[best]),
    )
    return resampled(found, bootstrap, clusters, seed)


def resampled(fitted: Fit, bootstrap: int, clusters: ArrayLike | None = None, seed: int = 0) -> Fit:
    """The fit with a bootstrap of so many resamples, and what is to be distrusted by it; `clusters` as
    `fit` has them."""
    law, held = type(fitted.law), fitted.held
    samples, warnings, missed = fitted.samples[:0], [], 0
    labels = None if clusters is None else np.asarray(clusters)
    valley = in_a_valley(fitted.columns, held)
    if not fitted.converged and not valley:
        warnings.append("The solver did not converge; the constants are where it stopped.")
    with _quiet():
        if bootstrap:
            weights = resample(len(fitted.loss), bootstrap, labels, seed)
            starts = np.tile(fitted.law.coordinates(), (bootstrap, 1))
            draws = minimise(
                *(law, fitted.columns, fitted.loss, starts, weights, fitted.delta, held.moves()),
                thorough=not valley,
            )
            samples = np.column_stack(astuple(law.at(draws.coordinates.T)))
            missed = int((~draws.converged).sum())
        if missed and not valley:
            warnings.append(f"{missed} of {bootstrap} resamples did not converge.")
        warnings += suspicions(fitted.law, fitted.columns, fitted.residuals, samples, held)
        profiled = degenerate(fitted.law, fitted.residuals, samples, labels) if bootstrap else []
    profiled = [name for name in profiled if name not in held.fixed]
    if profiled:
        warnings.append(
            f"The bootstrap of {', '.join(profiled)} is degenerate (too few groups to resample, or "
            "resamples that all but agree); the interval is the profile likelihood's."
        )
    return replace(fitted, samples=samples, warnings=tuple(warnings), profiled=tuple(profiled))


def _starts(law: type[Law], columns: dict[str, np.ndarray], loss: np.ndarray) -> np.ndarray:
    """The law's starts that are numbers; raises `AnalysisError` where none is."""
    try:
        starts = law.starts(columns, loss)
    except np.linalg.LinAlgError:  # values too far apart for a matrix
        starts = np.empty((0, len(law.constant_names())))
    starts = starts[np.isfinite(starts).all(axis=1)]
    if not len(starts):
        raise _unfitted(law)
    return starts


def _at_the_least(law: type[Law], objective: np.ndarray) -> np.ndarray:
    """Which starts ended at the least objective, all but for rounding."""
    if not np.isfinite(objective).any():
        raise _unfitted(law)
    return objective <= np.nanmin(objective) * (1 + _SAME) + 1e-15


def _run_off(end: Law) -> dict[str, float]:
    """The constants that no number can hold, or that are zero where they have to be above it."""
    return {
        name: value
        for name, value in asdict(end).items()
        if not np.isfinite(value) or (name in type(end).positive and value == 0)
    }


def _check_end(end: Law, residuals: np.ndarray) -> None:
    """Raise `AnalysisError` where the best law is none: a constant of it, or what it predicts, is no
    number."""
    if off := _run_off(end):
        told = ", ".join(f"{name} to {value:g}" for name, value in off.items())
        raise AnalysisError(
            f"{end.name}: runs off, {told}: these rows do not follow {end.equation}; look at them, "
            "try another law, or fix a constant"
        )
    if not np.isfinite(residuals).all():
        raise _unfitted(type(end))


def _unfitted(law: type[Law]) -> AnalysisError:
    return AnalysisError(
        f"{law.name}: cannot be fitted to these rows; look for values of another unit among them"
    )


@contextmanager
def _quiet() -> Iterator[None]:
    """Without numpy's warnings: resamples go astray, and what comes of it is told in words."""
    with np.errstate(all="ignore"), python_warnings.catch_warnings():
        python_warnings.simplefilter("ignore", RuntimeWarning)
        python_warnings.simplefilter("ignore", np.exceptions.RankWarning)
        yield


def held_out_error(
    law: type[Law], columns: Mapping[str, ArrayLike], loss: ArrayLike, by: ArrayLike
) -> dict:
    """Mean |ln L - ln prediction| on each value of `by`, predicted from all the others.

    by: a label a row, such as its size. Values whose removal leaves fewer rows than constants are
    left out.
    """
    return errors_without(fit(law, columns, loss), np.asarray(by))
