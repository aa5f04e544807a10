"""What to distrust in a fit: constants that the data do not determine, and rows that do not fit."""

from __future__ import annotations

import numpy as np

from analysis.fitting.solving.bootstrap import interval
from analysis.fitting.solving.constraints import Constraints
from analysis.laws import Law
from analysis.words import plural

_WIDE = 30.0  # a positive constant known to no better than this factor is not known
_EXACT = 1e-6  # residuals of a table without noise, whose resamples agree as they should
_FEW_GROUPS = 5  # resampled whole, fewer give too few distinct resamples
_OUTLYING = 6.0  # robust standard deviations


def suspicions(
    law: Law,
    columns: dict[str, np.ndarray],
    residuals: np.ndarray,
    samples: np.ndarray,
    held: Constraints,
) -> list[str]:
    """Warnings about a fitted law, one sentence each."""
    names = undetermined(law, columns, residuals, samples, held)
    warnings = []
    if names:
        warnings.append(
            f"The data do not determine {', '.join(names)}: many values fit about as well. Use the "
            "law within the measured range only, or add runs that tell them apart."
        )
    rows = outliers(residuals)
    if len(rows):
        listed = ", ".join(f"{row + 1} ({residuals[row]:+.1%})" for row in rows[:5])
        warnings.append(
            f"{plural(len(rows), 'outlying row')} (row: measured above prediction): {listed}. They weigh "
            "little in this fit; look at the runs."
        )
    return warnings


def outliers(residuals: np.ndarray) -> np.ndarray:
    """Rows further off than six robust standard deviations, worst first."""
    centred = np.abs(residuals - np.median(residuals))
    spread = 1.4826 * np.median(centred) + 1e-12
    worst_first = np.argsort(-centred)
    return worst_first[centred[worst_first] > _OUTLYING * spread + 1e-6]


def degenerate(law: Law, residuals: np.ndarray, samples: np.ndarray, clusters) -> list[str]:
    """Constants whose bootstrap says nothing: of all where fewer than five groups are resampled, of
    one whose resamples are all but equal or, many of them, without a number."""
    names = list(law.constant_names())
    if clusters is not None and len(np.unique(np.asarray(clusters))) < _FEW_GROUPS:
        return names
    finite = np.isfinite(samples).mean(axis=0) > 0.9
    low, high = interval(np.where(np.isfinite(samples), samples, np.nan), 0.9)
    spread = high - low > 1e-6 * np.abs(np.nanmedian(samples, axis=0))
    spread |= np.std(residuals) < _EXACT
    return [name for name, good in zip(names, finite & spread, strict=True) if not good]


def undetermined(
    law: Law,
    columns: dict[str, np.ndarray],
    residuals: np.ndarray,
    samples: np.ndarray,
    held: Constraints,
) -> list[str]:
    """Constants whose 95 % range is wider than a factor of 30 (or, of exponents, than 1); none that
    is fixed, and of those that are tied the first.

    The range comes from the bootstrap where there is one, else from the linearised fit.
    """
    names, positive, free = law.constant_names(), type(law).positive, held.free
    if len(samples) >= 100:
        low, high = interval(samples)
        return [
            name
            for name, a, b in zip(names, low, high, strict=True)
            if name in free and (b / max(a, 1e-300) > _WIDE if name in positive else b - a > 1)
        ]
    slopes = _sensitivities(law, columns) @ np.sign(held.basis())
    slopes = np.where(np.isfinite(slopes), slopes, 0)
    scale = np.maximum(np.linalg.norm(slopes, axis=0), 1e-300)
    freedom = max(1, len(residuals) - len(free))
    noise = np.sqrt(np.sum(residuals**2) / freedom)
    singular, axes = np.linalg.svd(slopes / scale)[1:]
    singular = np.maximum(singular, 1e-12)
    errors = 1.96 * noise * np.linalg.norm(axes.T / singular, axis=1) / scale
    return [
        name
        for name, error in zip(free, errors, strict=True)
        if 2 * error > (np.log(_WIDE) if name in positive else 1)
    ]


def _sensitivities(law: Law, columns: dict[str, np.ndarray], step: float = 1e-5) -> np.ndarray:
    """d ln prediction / d coordinates, [rows, constants], by central differences."""
    here = law.coordinates()
    return np.stack(
        [
            (
                law.log_loss(law.at(here + step * axis), columns)
                - law.log_loss(law.at(here - step * axis), columns)
            )
            / (2 * step)
            for axis in np.eye(len(here))
        ],
        axis=1,
    )
