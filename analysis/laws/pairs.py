"""What pairs of a comparison that are seen more than once are worth to a preference model."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from analysis.laws.constrained import DataConstrained
from analysis.laws.law import Law


@dataclass(frozen=True)
class RepeatedPairs(Law):
    """W = (1 + U_eff/U_0)^-gamma epochs^h / 2, U_eff = U (1 + R (1 - exp(-(epochs - 1)/R))).

    W is the share of held-out comparisons that is ranked wrong, a half without pairs, and U the unique
    pairs. To a reader who has seen them once further epochs are worth R fresh copies at most; the harm
    that they do besides is h for each e-fold of epochs, in the logarithm of W. U_eff: Muennighoff et al. 2023 (2305.16264), eq. 5; the
    harm is ours.
    """

    U_0: float
    gamma: float
    R: float
    h: float

    name: ClassVar[str] = "repeated-pairs"
    columns: ClassVar[tuple[str, ...]] = ("pairs", "epochs")
    positive: ClassVar[tuple[str, ...]] = ("U_0", "gamma", "R")
    equation: ClassVar[str] = (
        "W = (1 + U_eff/U_0)^-gamma epochs^h / 2, U_eff = U (1 + R (1 - exp(-(epochs - 1)/R)))"
    )
    source: ClassVar[str] = "U_eff of Muennighoff et al. 2023, eq. 5; its harm is ours"
    measured: ClassVar[str] = "share ranked wrong"

    @staticmethod
    def log_loss(c, columns, xp=np):
        U, epochs = columns["pairs"], columns["epochs"]
        log_effective = xp.log(U) + xp.log1p(DataConstrained.decay(epochs - 1, c.R, xp))
        learnt = c.gamma * xp.logaddexp(0.0, log_effective - xp.log(c.U_0))
        return c.h * xp.log(epochs) - learnt - np.log(2)

    @classmethod
    def starts(cls, columns, loss):
        middle = np.log(columns["pairs"]).mean()
        return np.array(
            [
                [middle + off, np.log(gamma), np.log(R), h]
                for off in (-4.0, 0.0)
                for gamma in (0.1, 0.4)
                for R in (0.3, 3.0, 30.0)
                for h in (0.0, 0.05)
            ]
        )
