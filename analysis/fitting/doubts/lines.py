"""Params and tokens on one line, D = k N: many laws fit the loss along it equally well."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from analysis.fitting.solving.constraints import Constraints

_ON_ONE_LINE = 0.03  # spread of ln D about a line in ln N, beside that of ln N


def in_a_valley(columns: Mapping[str, np.ndarray], held: Constraints) -> bool:
    """Whether the objective has no one minimum, but a valley along which its constants make up for one
    another: nothing is gained there by looking for its lowest point."""
    return bool(line(columns)) and not held.fixed and not held.groups


def line(columns: Mapping[str, np.ndarray]) -> str:
    """'D = 20 N' or 'D ~ N^0.8' where all rows lie on such a line, else ''."""
    if not {"params", "tokens"} <= set(columns):
        return ""
    x, y = np.log(columns["params"]), np.log(columns["tokens"])
    if np.ptp(x) < 1e-9 or np.ptp(y) < 1e-9:
        return ""
    centred = x - x.mean()
    slope = float(centred @ (y - y.mean()) / (centred @ centred))
    off = y - y.mean() - slope * centred
    if np.std(off) > max(1e-6, _ON_ONE_LINE * min(1.0, float(np.std(x)))):
        return ""
    ratio = float(np.exp(np.median(y - x)))
    return f"D = {ratio:.3g} N" if abs(slope - 1) < 0.02 else f"D ~ N^{slope:.2g}"
