"""Loss against params and tokens together: Kaplan's form and Chinchilla's."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from analysis.laws.law import Law, project


@dataclass(frozen=True)
class Chinchilla(Law):
    """L = E + A/N^alpha + B/D^beta, by approach 3.

    Source: Hoffmann et al. 2022 (2203.15556), eq. 2 and section 3.3; fitted as a log-sum-exp, and
    with the sum (not the mean) of Huber losses, as Besiroglu et al. 2024 (2404.10102) ask.
    """

    E: float
    A: float
    B: float
    alpha: float
    beta: float

    name: ClassVar[str] = "chinchilla"
    columns: ClassVar[tuple[str, ...]] = ("params", "tokens")
    positive: ClassVar[tuple[str, ...]] = ("E", "A", "B")
    equation: ClassVar[str] = "L = E + A/N^alpha + B/D^beta"
    source: ClassVar[str] = "Hoffmann et al. 2022, eq. 2"

    @staticmethod
    def log_loss(c, columns, xp=np):
        by_params = xp.log(c.A) - c.alpha * xp.log(columns["params"])
        by_tokens = xp.log(c.B) - c.beta * xp.log(columns["tokens"])
        return xp.logaddexp(xp.logaddexp(xp.log(c.E), by_params), by_tokens)

    @classmethod
    def starts(cls, columns, loss):
        N, D = columns["params"], columns["tokens"]
        grid = np.array([0.1, 0.2, 0.3, 0.4, 0.5, 0.7, 1.0])
        exponents, scales = project(
            lambda alpha, beta: np.stack([np.ones_like(N), N**-alpha, D**-beta], 1),
            (grid, grid),
            loss,
        )
        return np.concatenate([np.log(scales), exponents], axis=1)

    def invert(self, loss, tokens) -> np.ndarray:
        """The params at which `tokens` tokens give `loss`; NaN where no size does."""
        rest = np.asarray(loss) - self.E - self.B / np.asarray(tokens, float) ** self.beta
        return (self.A / np.where(rest > 0, rest, np.nan)) ** (1 / self.alpha)

    def optimum(self, compute) -> tuple[np.ndarray, np.ndarray]:
        """The (params, tokens) of least loss at `compute` = 6 N D FLOPs (Hoffmann eq. 4)."""
        return chinchilla_optimum(self, compute)

    @property
    def exponents(self) -> tuple[float, float]:
        """a and b of N_opt ~ C^a, D_opt ~ C^b (Hoffmann eq. 4)."""
        return chinchilla_exponents(self)


def chinchilla_exponents(law) -> tuple[float, float]:
    """a and b of N_opt ~ C^a, D_opt ~ C^b (Hoffmann eq. 4); NaN where alpha + beta is zero."""
    both = law.alpha + law.beta
    return (law.beta / both, law.alpha / both) if both else (np.nan, np.nan)


def chinchilla_optimum(law, compute) -> tuple[np.ndarray, np.ndarray]:
    """The (params, tokens) of least A/N^alpha + B/D^beta at `compute` = 6 N D (Hoffmann eq. 4)."""
    alpha, beta = np.float64(law.alpha), np.float64(law.beta)  # which may be zero
    both = alpha + beta
    log_G = (np.log(alpha / beta) + np.log(law.A) - np.log(law.B)) / both
    log_product = np.log(np.asarray(compute, float) / 6)
    log_params = log_G + log_product * beta / both
    return np.exp(log_params), np.exp(log_product - log_params)


@dataclass(frozen=True)
class Kaplan(Law):
    """L = [(N_c/N)^(alpha_N/alpha_D) + D_c/D]^alpha_D.

    Source: Kaplan et al. 2020 (2001.08361), eq. 1.5.
    """

    N_c: float
    D_c: float
    alpha_N: float
    alpha_D: float

    name: ClassVar[str] = "kaplan"
    columns: ClassVar[tuple[str, ...]] = ("params", "tokens")
    positive: ClassVar[tuple[str, ...]] = ("N_c", "D_c", "alpha_N", "alpha_D")
    equation: ClassVar[str] = "L = [(N_c/N)^(alpha_N/alpha_D) + D_c/D]^alpha_D"
    source: ClassVar[str] = "Kaplan et al. 2020, eq. 1.5"

    @staticmethod
    def log_loss(c, columns, xp=np):
        by_params = c.alpha_N / c.alpha_D * (xp.log(c.N_c) - xp.log(columns["params"]))
        by_tokens = xp.log(c.D_c) - xp.log(columns["tokens"])
        return c.alpha_D * xp.logaddexp(by_params, by_tokens)

    @classmethod
    def starts(cls, columns, loss):
        N, D = columns["params"], columns["tokens"]
        rows = []
        for alpha_N in (0.05, 0.1, 0.2, 0.4):
            for alpha_D in (0.05, 0.1, 0.2, 0.4):
                _, coefficients = project(
                    lambda p=alpha_N / alpha_D: np.stack([N**-p, 1 / D], 1),
                    (),
                    loss ** (1 / alpha_D),
                )
                scales = np.maximum(coefficients[0], 1e-290)
                N_c = np.log(scales[0]) * alpha_D / alpha_N
                rows.append([N_c, np.log(scales[1]), np.log(alpha_N), np.log(alpha_D)])
        return np.array(rows)

    def invert(self, loss, tokens) -> np.ndarray:
        """The params at which `tokens` tokens give `loss`; NaN where no size does."""
        rest = np.asarray(loss, float) ** (1 / self.alpha_D) - self.D_c / np.asarray(tokens, float)
        return self.N_c * np.where(rest > 0, rest, np.nan) ** (-self.alpha_D / self.alpha_N)

    def optimum(self, compute) -> tuple[np.ndarray, np.ndarray]:
        """The (params, tokens) of least loss at `compute` = 6 N D FLOPs: where the derivative of eq. 1.5
        along N D = C/6 is zero, N^(1 + p) = p N_c^p C / (6 D_c) with p = alpha_N/alpha_D."""
        p = self.alpha_N / self.alpha_D
        log_product = np.log(np.asarray(compute, float) / 6)
        log_params = np.log(p) + p * np.log(self.N_c) + log_product - np.log(self.D_c)
        log_params = log_params / (1 + p)
        return np.exp(log_params), np.exp(log_product - log_params)

    @property
    def exponents(self) -> tuple[float, float]:
        """a and b of N_opt ~ C^a, D_opt ~ C^b."""
        both = self.alpha_N + self.alpha_D
        return self.alpha_D / both, self.alpha_N / both
