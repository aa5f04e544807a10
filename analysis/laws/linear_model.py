"""The misspecified linear model with duplicates: the smallest thing in which repetition hurts.

x ~ N(0, I_p), y = x.beta without noise, and the learner sees m < p coordinates of n unique rows and
of d rows that come r times each. What it cannot see acts as noise, which copies share: repeating
it teaches the noise. m stands for params, d for the pool, r for repeats, n for training length.
Source: Chudnovsky et al. 2026 (2606.24998), section 6, eq. 9 and 10.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from analysis.errors import AnalysisError


@dataclass(frozen=True)
class LinearLoss:
    """Mean squared error, in units of the hidden variance: mean over draws and its standard error."""

    train: float
    test: float
    train_se: float
    test_se: float


def closed_form(seen: int, unique: int, pool: int, repeats: float, draws: int = 100, seed: int = 0):
    """Expected loss given the rows (eq. 9 and 10), averaged over `draws` of them; a `LinearLoss`.

    seen: coordinates m; unique: rows n; pool: rows d; repeats: r. Raises `AnalysisError` where there
    are fewer rows than coordinates.
    """
    _check(seen, unique, pool)
    generator, losses = np.random.default_rng(seed), []
    for _ in range(draws):
        C_u, C_d = (_gram(generator, rows, seen) for rows in (unique, pool))
        inverse = np.linalg.inv(C_u + repeats * C_d)
        squared = C_u + repeats**2 * C_d  # copies share their noise, hence r^2
        rows = unique + repeats * pool
        train = (rows - np.trace(squared @ inverse)) / rows
        losses.append((float(train), float(1 + np.trace(inverse @ squared @ inverse))))
    return _summary(losses)


def monte_carlo(
    seen: int,
    unique: int,
    pool: int,
    repeats: int,
    hidden: int = 64,
    draws: int = 100,
    seed: int = 0,
):
    """The same by doing it: rows drawn, duplicated, fitted by least squares; a `LinearLoss`.

    hidden: unseen coordinates p - m, whose coefficients have unit norm together.
    """
    _check(seen, unique, pool)
    generator, losses = np.random.default_rng(seed), []
    for _ in range(draws):
        beta_seen = generator.normal(size=seen)
        beta_hidden = generator.normal(size=hidden)
        beta_hidden /= np.linalg.norm(beta_hidden)
        x = generator.normal(size=(unique + pool, seen))
        y = x @ beta_seen + generator.normal(size=(unique + pool, hidden)) @ beta_hidden
        times = np.repeat([1, repeats], [unique, pool])
        x, y = np.repeat(x, times, axis=0), np.repeat(y, times)
        fitted = np.linalg.lstsq(x, y)[0]
        test = 1 + np.sum((fitted - beta_seen) ** 2)  # over fresh x, whose covariance is I
        losses.append((float(np.mean((y - x @ fitted) ** 2)), float(test)))
    return _summary(losses)


def _gram(generator: np.random.Generator, rows: int, seen: int) -> np.ndarray:
    x = generator.normal(size=(rows, seen))
    return x.T @ x


def _summary(losses: list[tuple[float, float]]) -> LinearLoss:
    means, errors = np.mean(losses, axis=0), np.std(losses, axis=0) / np.sqrt(len(losses))
    return LinearLoss(*map(float, (*means, *errors)))


def _check(seen: int, unique: int, pool: int) -> None:
    if unique + pool <= seen + 1:
        raise AnalysisError(
            f"rows: {unique} unique and {pool} repeated for {seen} seen coordinates; give more rows"
        )
