"""Gain of gold against how far a policy has gone after a proxy (Gao et al. 2023, arXiv:2210.10760)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import ArrayLike

from analysis.errors import AnalysisError
from analysis.laws.law import Law

_LEAST = 1e-12
"""What stands for a gain that is not above zero, whose logarithm there is not."""


@dataclass(frozen=True)
class BestOfN(Law):
    """R = d (alpha - beta d), d = sqrt(KL) in sqrt of nats: the gold that the best of n by a proxy gains.

    What it predicts is a gain, where other laws have a loss; `through` also takes gains below zero.
    Source: Gao et al. 2023, eq. 1.
    """

    alpha: float
    beta: float

    name: ClassVar[str] = "best-of-n"
    columns: ClassVar[tuple[str, ...]] = ("sqrt_kl",)
    positive: ClassVar[tuple[str, ...]] = ()
    equation: ClassVar[str] = "R = d (alpha - beta d)"
    source: ClassVar[str] = "Gao et al. 2023, eq. 1"
    measured: ClassVar[str] = "gain of gold"

    @staticmethod
    def slope(c, d, xp=np):
        """Gain over d."""
        return c.alpha - c.beta * d

    @classmethod
    def log_loss(cls, c, columns, xp=np):
        d = columns["sqrt_kl"]
        return xp.log(xp.maximum(d * cls.slope(c, d, xp), _LEAST))

    @classmethod
    def starts(cls, columns, loss):
        return cls.through(columns["sqrt_kl"], loss).coordinates()[None]

    @classmethod
    def through(
        cls, sqrt_kl: ArrayLike, gain: ArrayLike, error: ArrayLike | None = None
    ) -> BestOfN:
        """Least squares in the gain, which is linear in the constants, weighted by standard errors.

        Arrays of one shape; d = 0, where there is no gain, says nothing and is left out. Raises
        `AnalysisError` for fewer than two other d.
        """
        d, gain = np.asarray(sqrt_kl, float), np.asarray(gain, float)
        sigma = np.ones_like(d) if error is None else np.asarray(error, float)
        gone = (d > 0) & (sigma > 0)
        if len(np.unique(d[gone])) < 2:
            raise AnalysisError(
                f"sqrt_kl: {len(np.unique(d[gone]))} values above 0 with an error; give two or more"
            )
        d, gain, sigma = d[gone], gain[gone], sigma[gone]
        unit = [cls.slope(cls(*own), d) * d / sigma for own in ((1.0, 0.0), (0.0, 1.0))]
        alpha, beta = np.linalg.lstsq(np.stack(unit, axis=1), gain / sigma)[0]
        return cls(float(alpha), float(beta))

    def predict(self, **columns) -> np.ndarray:
        """Gain at `sqrt_kl`, of either sign."""
        d = np.asarray(columns["sqrt_kl"], float)
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.where(d > 0, d * self.slope(self, d), 0.0)

    @property
    def turn(self) -> float:
        """d* = alpha / 2 beta, where gold turns; inf where it never does, 0 where it only falls."""
        if self.alpha <= 0:
            return 0.0
        return self.alpha / (2 * self.beta) if self.beta > 0 else np.inf


@dataclass(frozen=True)
class Reinforced(BestOfN):
    """R = d (alpha - beta ln d): the same of a policy trained by reinforcement.

    Source: Gao et al. 2023, eq. 1.
    """

    name: ClassVar[str] = "reinforced"
    equation: ClassVar[str] = "R = d (alpha - beta ln d)"

    @staticmethod
    def slope(c, d, xp=np):
        return c.alpha - c.beta * xp.log(d)

    @property
    def turn(self) -> float:
        """d* = exp(alpha / beta - 1), where gold turns; inf where it never does."""
        return float(np.exp(self.alpha / self.beta - 1)) if self.beta > 0 else np.inf
