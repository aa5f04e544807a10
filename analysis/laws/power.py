"""Loss against one quantity (params, compute): the power law without a floor, and no law at all.

Both turn a loss back into the size that has it, which is what effective params are made of.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.optimize import isotonic_regression

from analysis.errors import AnalysisError


@dataclass(frozen=True)
class PowerLaw:
    """L(N) = (N_c / N)^alpha: a straight line in log N and log L.

    `low` and `high` bound the losses it was fitted on; beyond them it extrapolates.
    Source: Kaplan et al. 2020 (2001.08361), eq. 1.1; the control law of Hernandez et al. 2022.
    """

    N_c: float
    alpha: float
    low: float
    high: float

    @classmethod
    def fit(cls, params: ArrayLike, loss: ArrayLike) -> PowerLaw:
        """Least squares in log L: the maximum likelihood fit under relative noise.

        params, loss: arrays of one shape; loss in nats per token. Raises `AnalysisError` for fewer
        than two sizes and where loss does not fall with size.
        """
        log_params, log_loss = _logs(params, loss)
        slope, intercept = np.polyfit(log_params, log_loss, 1)
        if slope >= 0:
            raise AnalysisError(
                "control law: loss does not fall with params; train the controls longer or at "
                "more sizes"
            )
        return cls(
            float(np.exp(intercept / -slope)),
            float(-slope),
            float(np.min(loss)),
            float(np.max(loss)),
        )

    def predict(self, params: ArrayLike) -> np.ndarray:
        """Loss in nats per token at `params`."""
        return (self.N_c / np.asarray(params, float)) ** self.alpha

    def invert(self, loss: ArrayLike) -> np.ndarray:
        """The params at which the law has `loss`."""
        return self.N_c * np.asarray(loss, float) ** (-1 / self.alpha)

    def extrapolates(self, loss: ArrayLike) -> np.ndarray:
        """Where `loss` lies outside the losses that were fitted."""
        return _outside(loss, self.low, self.high)


@dataclass(frozen=True)
class Interpolation:
    """Loss against params through the measured points, a power law between each two of them.

    Monotone by construction: sizes whose mean losses are out of order by noise are pooled first
    (isotonic regression). Beyond the ends the last segment goes on, flagged by `extrapolates`.
    """

    log_params: np.ndarray
    log_loss: np.ndarray

    @classmethod
    def fit(cls, params: ArrayLike, loss: ArrayLike) -> Interpolation:
        """Through the mean log loss of each size; raises as `PowerLaw.fit` does."""
        log_params, log_loss = _logs(params, loss)
        sizes, rows = np.unique(log_params, return_inverse=True)
        runs = np.bincount(rows)
        means = np.bincount(rows, log_loss) / runs
        blocks = isotonic_regression(means, weights=runs, increasing=False).blocks
        weights = np.add.reduceat(runs, blocks[:-1])
        pooled = [
            np.add.reduceat(values * runs, blocks[:-1]) / weights for values in (sizes, means)
        ]
        if len(pooled[0]) < 2:
            raise AnalysisError(
                "control curve: loss does not fall with params; train the controls longer or at "
                "more sizes"
            )
        return cls(*pooled)

    def predict(self, params: ArrayLike) -> np.ndarray:
        """Loss in nats per token at `params`."""
        return np.exp(_interpolate(np.log(params), self.log_params, self.log_loss))

    def invert(self, loss: ArrayLike) -> np.ndarray:
        """The params at which the curve has `loss`."""
        return np.exp(_interpolate(-np.log(loss), -self.log_loss, self.log_params))

    def extrapolates(self, loss: ArrayLike) -> np.ndarray:
        """Where `loss` lies outside the measured losses."""
        return _outside(loss, np.exp(self.log_loss[-1]), np.exp(self.log_loss[0]))


def _logs(params: ArrayLike, loss: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
    params, loss = np.asarray(params, float), np.asarray(loss, float)
    if len(np.unique(params)) < 2:
        raise AnalysisError(
            f"control law: {len(np.unique(params))} size of control; at least two sizes are needed"
        )
    return np.log(params), np.log(loss)


def _interpolate(x: ArrayLike, nodes: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Piecewise linear through (nodes, values), going on straight beyond both ends."""
    segment = np.clip(np.searchsorted(nodes, x) - 1, 0, len(nodes) - 2)
    share = (x - nodes[segment]) / (nodes[segment + 1] - nodes[segment])
    return values[segment] + share * (values[segment + 1] - values[segment])


def _outside(loss: ArrayLike, low: float, high: float) -> np.ndarray:
    loss, slack = np.asarray(loss, float), 1e-9
    return (loss < low * (1 - slack)) | (loss > high * (1 + slack))
