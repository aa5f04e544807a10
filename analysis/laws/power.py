"""Loss against one quantity (params, compute): power laws with and without a floor, and no law.

All turn a loss back into the size that has it, which is what effective params are made of.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import ArrayLike

from analysis.errors import AnalysisError
from analysis.laws.law import Law, project

_LARGEST = float(np.log(np.finfo(float).max))
"""Logarithm of the largest N_c that is a number."""


@dataclass(frozen=True)
class PowerLaw(Law):
    """L(N) = (N_c / N)^alpha: a straight line in log N and log L.

    Source: Kaplan et al. 2020 (2001.08361), eq. 1.1; the control law of Hernandez et al. 2022.
    """

    N_c: float
    alpha: float

    name: ClassVar[str] = "power"
    columns: ClassVar[tuple[str, ...]] = ("params",)
    positive: ClassVar[tuple[str, ...]] = ("N_c",)
    equation: ClassVar[str] = "L = (N_c/N)^alpha"
    source: ClassVar[str] = "Kaplan et al. 2020, eq. 1.1"

    @classmethod
    def through(cls, params: ArrayLike, loss: ArrayLike) -> PowerLaw:
        """Least squares in log L: the maximum likelihood fit under relative noise.

        params, loss: arrays of one shape; loss in nats per token. Raises `AnalysisError` for fewer
        than two sizes and where loss does not fall with size, or by so little that N_c is no number.
        """
        log_params, log_loss = _logs(params, loss)
        slope, intercept = np.polyfit(log_params, log_loss, 1)
        if slope >= 0:
            raise AnalysisError(
                "control law: loss does not fall with params; train the controls longer or at "
                "more sizes"
            )
        if intercept > _LARGEST * -slope:
            raise AnalysisError(
                f"control law: loss all but stays with params (N^{slope:.2g}); train the controls longer or "
                "at more sizes"
            )
        return cls(float(np.exp(intercept / -slope)), float(-slope))

    @staticmethod
    def log_loss(c, columns, xp=np):
        return c.alpha * (xp.log(c.N_c) - xp.log(columns["params"]))

    @classmethod
    def starts(cls, columns, loss):
        slope, intercept = np.polyfit(np.log(columns["params"]), np.log(loss), 1)
        slope = min(slope, -1e-3)
        return np.array([[intercept / -slope, -slope]])

    def invert(self, loss: ArrayLike) -> np.ndarray:
        """The params at which the law has `loss`."""
        return self.N_c * np.asarray(loss, float) ** (-1 / self.alpha)


@dataclass(frozen=True)
class FlooredPowerLaw(Law):
    """L(N) = E + A / N^alpha: a power law down to a floor, the entropy of text.

    Source: Henighan et al. 2020 (2010.14701), eq. 1.1.
    """

    E: float
    A: float
    alpha: float

    name: ClassVar[str] = "power-floor"
    columns: ClassVar[tuple[str, ...]] = ("params",)
    positive: ClassVar[tuple[str, ...]] = ("E", "A")
    equation: ClassVar[str] = "L = E + A/N^alpha"
    source: ClassVar[str] = "Henighan et al. 2020, eq. 1.1"

    @classmethod
    def log_loss(cls, c, columns, xp=np):
        falling = xp.log(c.A) - c.alpha * xp.log(columns[cls.columns[0]])
        return xp.logaddexp(xp.log(c.E), falling)

    @classmethod
    def starts(cls, columns, loss):
        x = columns[cls.columns[0]]
        exponents, scales = project(
            lambda alpha: np.stack([np.ones_like(x), x**-alpha], 1),
            (np.geomspace(0.03, 1.5, 16),),
            loss,
        )
        return np.concatenate([np.log(scales), exponents], axis=1)

    def invert(self, loss: ArrayLike) -> np.ndarray:
        """The params (or compute) at which the law has `loss`; NaN at or below the floor."""
        rest = np.asarray(loss, float) - self.E
        return (self.A / np.where(rest > 0, rest, np.nan)) ** (1 / self.alpha)


@dataclass(frozen=True)
class ComputeLaw(FlooredPowerLaw):
    """L(C) = E + K / C^gamma for runs without repetition; here K is `A` and gamma `alpha`.

    Source: Chudnovsky et al. 2026 (2606.24998), eq. 6.
    """

    name: ClassVar[str] = "compute"
    columns: ClassVar[tuple[str, ...]] = ("flops",)
    equation: ClassVar[str] = "L = E + A/C^alpha"
    source: ClassVar[str] = "Chudnovsky et al. 2026, eq. 6"

    def compute_equivalent_loss(self, loss: ArrayLike, flops: ArrayLike) -> np.ndarray:
        """1 - C*(L)/C: the share of the compute that a run wasted (eq. 7); below 0 is a gain."""
        return 1 - self.invert(loss) / np.asarray(flops, float)


@dataclass(frozen=True)
class OptimalParams(Law):
    """N_opt(C) = k C^a through a compute-optimal frontier (`analysis.fitting.frontier`).

    What it predicts is params, where other laws have loss. Source: Hoffmann et al. 2022
    (2203.15556), sections 3.1 and 3.2, who find a = 0.50 and 0.49.
    """

    k: float
    a: float

    name: ClassVar[str] = "optimal-params"
    columns: ClassVar[tuple[str, ...]] = ("flops",)
    positive: ClassVar[tuple[str, ...]] = ("k",)
    equation: ClassVar[str] = "N_opt = k C^a"
    source: ClassVar[str] = "Hoffmann et al. 2022, sections 3.1 and 3.2"
    measured: ClassVar[str] = "compute-optimal params"

    @staticmethod
    def log_loss(c, columns, xp=np):
        return xp.log(c.k) + c.a * xp.log(columns["flops"])

    @classmethod
    def starts(cls, columns, loss):
        a, log_k = np.polyfit(np.log(columns["flops"]), np.log(loss), 1)
        return np.array([[log_k, a]])

    def invert(self, params: ArrayLike) -> np.ndarray:
        """The FLOPs at which `params` are optimal."""
        return (np.asarray(params, float) / self.k) ** (1 / self.a)

    def optimum(self, compute) -> tuple[np.ndarray, np.ndarray]:
        """The compute-optimal (params, tokens) at `compute` = 6 N D FLOPs."""
        params = self.predict(flops=compute)
        return params, np.asarray(compute, float) / (6 * params)

    @property
    def exponents(self) -> tuple[float, float]:
        """a and b of N_opt ~ C^a, D_opt ~ C^b."""
        return self.a, 1 - self.a


@dataclass(frozen=True)
class Interpolation:
    """Loss against params through the measured points, a power law between each two of them.

    Monotone by construction: sizes whose mean losses are out of order by noise are pooled first
    (isotonic regression). Beyond the ends the last segment goes on, flagged by `extrapolates`.
    """

    log_params: np.ndarray
    log_loss: np.ndarray

    @classmethod
    def through(cls, params: ArrayLike, loss: ArrayLike) -> Interpolation:
        """Through the mean log loss of each size; raises as `PowerLaw.through` does."""
        from scipy.optimize import isotonic_regression  # half a second to load, for curves alone

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
        low, high = np.exp(self.log_loss[-1]), np.exp(self.log_loss[0])
        loss, slack = np.asarray(loss, float), 1e-9
        return (loss < low * (1 - slack)) | (loss > high * (1 + slack))


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
