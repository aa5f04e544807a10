"""Loss of a mixture of fresh text and a repeated pool: a band of damage over the control law."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from analysis.laws.law import Law


@dataclass(frozen=True)
class DamageBand(Law):
    """ln L/L_control = h f^p g(z), z = (ln E - ln E_peak)/w, E_peak = k N^-a.

    g(z) = exp(-z^2/2) up to the peak and r + (1 - r) exp(-z^2/2) beyond it: past the peak a share r
    of the damage stays, since the fresh tokens that the pool displaced are never seen. Fitted to
    ratios of a run's loss to its control's, so `loss` here is a ratio. k is the worst E at one
    parameter; w is in natural logarithms of E. No paper's law: the bump is Chudnovsky et al. 2026's
    Gaussian in log E, its drift with N Hernandez et al. 2022's power law (section 2), r ours.
    """

    h: float
    p: float
    k: float
    a: float
    w: float
    r: float

    name: ClassVar[str] = "damage-band"
    columns: ClassVar[tuple[str, ...]] = ("params", "repeats", "repeated_fraction")
    positive: ClassVar[tuple[str, ...]] = ("h", "p", "k", "w")
    equation: ClassVar[str] = (
        "ln L/L_control = h f^p (r [z > 0] + (1 - r [z > 0]) exp(-z^2/2)), z = ln(E N^a / k) / w"
    )
    source: ClassVar[str] = (
        "after Chudnovsky et al. 2026, section 4, and Hernandez et al. 2022, section 2"
    )

    @staticmethod
    def log_loss(c, columns, xp=np):
        distance = (xp.log(columns["repeats"]) - c.log_peak(columns, xp)) / c.w
        bump = xp.exp(-0.5 * distance**2)
        shape = xp.where(distance > 0, c.r + (1 - c.r) * bump, bump)
        return c.h * columns["repeated_fraction"] ** c.p * shape

    @classmethod
    def starts(cls, columns, loss):
        log_params, log_repeats = np.log(columns["params"]), np.log(columns["repeats"])
        damage = np.maximum(np.log(loss), 1e-6)
        weight = damage**2  # the worst cells know where the peak is
        middle = np.average(log_params, weights=weight)
        centre = np.average(log_repeats, weights=weight)
        height = np.log(damage.max() / columns["repeated_fraction"].mean())
        return np.array(
            [
                [height, np.log(p), centre + shift + a * middle, a, np.log(w), r]
                for p in (0.7, 1.5)
                for a in (0.0, 0.5, 1.0)
                for w in (0.8, 1.6)
                for shift in (-1.0, 0.0, 1.0)
                for r in (0.0, 0.5)
            ]
        )

    def log_peak(self, columns, xp=np):
        """ln of the worst repeats at the law's columns."""
        return xp.log(self.k) - self.a * xp.log(columns["params"])

    def peak(self, params, **columns) -> np.ndarray:
        """The worst repeats at `params` (and at what else the band moves with)."""
        arrays = {"params": params} | columns
        return np.exp(self.log_peak({name: np.asarray(v, float) for name, v in arrays.items()}))

    def invert(self, loss, params, repeated_fraction, **columns) -> tuple[np.ndarray, np.ndarray]:
        """The fewest and the most repeats at which a run's loss is `loss` times its control's.

        NaN where no repeats do so much damage, and for the most where the damage never falls back
        to it (a share r of the worst stays).
        """
        worst = self.h * np.asarray(repeated_fraction, float) ** self.p
        share = np.log(np.asarray(loss, float)) / worst
        stays = self.r
        with np.errstate(invalid="ignore", divide="ignore"):  # what is told by NaN
            before = -np.sqrt(-2 * np.log(share))
            left = np.where(share > stays, (share - stays) / (1 - stays), np.nan)
            after = np.sqrt(-2 * np.log(left))
        peak = self.peak(params, repeated_fraction=repeated_fraction, **columns)
        return tuple(peak * np.exp(self.w * z) for z in (before, after))


@dataclass(frozen=True)
class MovingBand(DamageBand):
    """A `DamageBand` whose worst repeats move with the budget and the fraction as well:
    E_peak = k N^-a T^b f^g. What the exponents say of the cause: `analysis.findings.cause`.
    """

    b: float
    g: float

    name: ClassVar[str] = "moving-band"
    columns: ClassVar[tuple[str, ...]] = (*DamageBand.columns, "tokens")
    equation: ClassVar[str] = (
        "ln L/L_control = h f^p (r [z > 0] + (1 - r [z > 0]) exp(-z^2/2)), "
        "z = ln(E N^a T^-b f^-g / k) / w"
    )
    source: ClassVar[str] = f"{DamageBand.source}; its move with budget and fraction is ours"

    @classmethod
    def starts(cls, columns, loss):
        """Those of a band that does not move, and of one that keeps the pool's size (capacity)."""
        still = DamageBand.starts(columns, loss)
        moves = [np.array([b, g]) for b, g in ((0.0, 0.0), (1.0, 1.0))]
        place = list(cls.constant_names()).index("k")
        found = []
        for move in moves:
            centre = move @ [
                np.log(columns[name]).mean() for name in ("tokens", "repeated_fraction")
            ]
            rows = np.column_stack([still, np.tile(move, (len(still), 1))])
            rows[:, place] -= centre
            found.append(rows)
        return np.concatenate(found)

    def log_peak(self, columns, xp=np):
        moved = self.b * xp.log(columns["tokens"]) + self.g * xp.log(columns["repeated_fraction"])
        return super().log_peak(columns, xp) + moved
