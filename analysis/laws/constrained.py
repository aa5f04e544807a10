"""Loss on data seen more than once: Muennighoff's effective data and Lovelace's penalty.

Columns: params N, tokens D, unique_tokens U; repeats of the whole are R = D/U - 1.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from analysis.laws.joint import Chinchilla, chinchilla_exponents, chinchilla_optimum
from analysis.laws.law import Law

_COLUMNS = ("params", "tokens", "unique_tokens")


@dataclass(frozen=True)
class DataConstrained(Law):
    """L = E + A/N'^alpha + B/D'^beta, D' = U + U R_D* (1 - exp(-R/R_D*)), N' likewise.

    N' counts from U_N, the compute-optimal params for U tokens. Equal to Chinchilla's law where
    nothing repeats. Source: Muennighoff et al. 2023 (2305.16264), eq. 5 and 6.
    """

    E: float
    A: float
    B: float
    alpha: float
    beta: float
    R_D: float
    R_N: float

    name: ClassVar[str] = "data-constrained"
    columns: ClassVar[tuple[str, ...]] = _COLUMNS
    positive: ClassVar[tuple[str, ...]] = ("E", "A", "B", "alpha", "beta", "R_D", "R_N")
    equation: ClassVar[str] = "L = E + A/N'^alpha + B/D'^beta, D' = U + U R_D (1 - exp(-R/R_D))"
    source: ClassVar[str] = "Muennighoff et al. 2023, eq. 5-6"

    @staticmethod
    def decay(repeats, star, xp=np):
        """The value of `repeats` repeats, in fresh copies: at most `star`."""
        return star * -xp.expm1(-repeats / star)

    @classmethod
    def log_loss(cls, c, columns, xp=np):
        N, D, U = (columns[name] for name in _COLUMNS)
        G = (c.alpha * c.A / (c.beta * c.B)) ** (1 / (c.alpha + c.beta))
        U = xp.minimum(U, D)
        U_N = xp.minimum(N, G * (G * U) ** (c.beta / c.alpha))
        effective_tokens = U * (1 + cls.decay(D / U - 1, c.R_D, xp))
        effective_params = U_N * (1 + cls.decay(N / U_N - 1, c.R_N, xp))
        by_params = xp.log(c.A) - c.alpha * xp.log(effective_params)
        by_tokens = xp.log(c.B) - c.beta * xp.log(effective_tokens)
        return xp.logaddexp(xp.logaddexp(xp.log(c.E), by_params), by_tokens)

    @classmethod
    def starts(cls, columns, loss):
        base = Chinchilla.starts(columns, loss)[:12]
        base = np.concatenate([base[:, :3], np.log(np.maximum(base[:, 3:], 1e-3))], axis=1)
        stars = np.log([[2, 2], [5, 20], [20, 5], [20, 20]])
        return np.array([[*row, *star] for row in base for star in stars])

    def invert(self, loss: float, tokens: float, unique_tokens: float) -> float:
        """The params at which `tokens` tokens of `unique_tokens` give `loss`; NaN where none do."""
        return _least_params(self, loss, tokens, unique_tokens)

    def optimum(self, compute) -> tuple[np.ndarray, np.ndarray]:
        """The (params, tokens) of least loss at `compute` = 6 N D FLOPs of fresh tokens."""
        return chinchilla_optimum(self, compute)

    @property
    def exponents(self) -> tuple[float, float]:
        """a and b of N_opt ~ C^a, D_opt ~ C^b on fresh tokens (Hoffmann et al. 2022, eq. 4)."""
        return chinchilla_exponents(self)

    def effective_tokens(self, tokens, unique_tokens) -> np.ndarray:
        """D': the fresh tokens that `tokens` tokens drawn from `unique_tokens` are worth."""
        U = np.minimum(unique_tokens, tokens)
        return U * (1 + type(self).decay(np.asarray(tokens, float) / U - 1, self.R_D))


@dataclass(frozen=True)
class DataConstrainedGeometric(DataConstrained):
    """The same with the exact geometric series, each repeat worth R*/(1+R*) of the last.

    Source: Muennighoff et al. 2023, appendix A, before its exponential approximation.
    """

    name: ClassVar[str] = "data-constrained-geometric"
    equation: ClassVar[str] = "as data-constrained, D' = U + U R_D (1 - (R_D/(1 + R_D))^R)"
    source: ClassVar[str] = "Muennighoff et al. 2023, appendix A"

    @staticmethod
    def decay(repeats, star, xp=np):
        return star * -xp.expm1(-repeats * xp.log1p(1 / star))


@dataclass(frozen=True)
class AdditivePenalty(Law):
    """L = E + A/N^alpha + B/D^beta + P R^delta (N/U)^kappa.

    With kappa > 0 a larger model may do worse. Source: Lovelace et al. 2026 (2605.01640).
    """

    E: float
    A: float
    B: float
    alpha: float
    beta: float
    P: float
    delta: float
    kappa: float

    name: ClassVar[str] = "additive-penalty"
    columns: ClassVar[tuple[str, ...]] = _COLUMNS
    positive: ClassVar[tuple[str, ...]] = ("E", "A", "B", "P", "delta")
    equation: ClassVar[str] = "L = E + A/N^alpha + B/D^beta + P R^delta (N/U)^kappa"
    source: ClassVar[str] = "Lovelace et al. 2026"

    @staticmethod
    def log_loss(c, columns, xp=np):
        N, D, U = (columns[name] for name in _COLUMNS)
        repeats = xp.maximum(D / U - 1, 1e-12)  # a logarithm of no repeats, with a gradient
        penalty = xp.log(c.P) + c.delta * xp.log(repeats) + c.kappa * xp.log(N / U)
        return xp.logaddexp(Chinchilla.log_loss(c, columns, xp), penalty)

    @classmethod
    def starts(cls, columns, loss):
        N, D, U = (columns[name] for name in _COLUMNS)
        base, rows = Chinchilla.starts(columns, loss)[:12], []
        repeats = np.maximum(D / U - 1, 0)
        for row in base:
            excess = loss - np.exp(Chinchilla.log_loss(Chinchilla.at(row), columns))
            for delta in (0.3, 1.0):
                for kappa in (0.0, 0.5):
                    shape = repeats**delta * (N / U) ** kappa
                    P = max(shape @ excess / max(shape @ shape, 1e-300), 1e-6)
                    rows.append([*row, np.log(P), np.log(delta), kappa])
        return np.array(rows)

    def invert(self, loss: float, tokens: float, unique_tokens: float) -> float:
        """The least params at which `tokens` tokens of `unique_tokens` give `loss`, larger models
        being able to have it again; NaN where none do."""
        return _least_params(self, loss, tokens, unique_tokens)

    def optimum(self, compute) -> tuple[np.ndarray, np.ndarray]:
        """The (params, tokens) of least loss at `compute` = 6 N D FLOPs of fresh tokens."""
        return chinchilla_optimum(self, compute)

    @property
    def exponents(self) -> tuple[float, float]:
        """a and b of N_opt ~ C^a, D_opt ~ C^b on fresh tokens (Hoffmann et al. 2022, eq. 4)."""
        return chinchilla_exponents(self)


def _least_params(law: Law, loss: float, tokens: float, unique_tokens: float) -> float:
    """The smallest size with that loss, sought where loss falls with size; NaN where there is none."""

    def excess(log_params):
        at = {"params": np.exp(log_params), "tokens": tokens, "unique_tokens": unique_tokens}
        return law.predict(**at) - loss

    sizes = np.linspace(0.0, 60.0, 601)  # one parameter to 1e26
    lowest = int(np.argmin(excess(sizes)))
    if lowest == 0 or excess(sizes[0]) < 0 or excess(sizes[lowest]) > 0:
        return float("nan")
    from scipy.optimize import brentq  # half a second to load, for inversions alone

    return float(np.exp(brentq(excess, sizes[0], sizes[lowest])))
