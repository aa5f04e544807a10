"""The control laws of a study's budgets, and that of a budget between them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from analysis.laws import PowerLaw


@dataclass(frozen=True)
class Control:
    """The law of one budget's controls.

    alphas: the exponent in each of some resamples. tokens: the budget by params; one number where it does
    not go with the size.
    """

    law: PowerLaw
    alphas: np.ndarray
    tokens: pd.Series

    @classmethod
    def of(cls, law: PowerLaw, controls: pd.DataFrame, resamples: int) -> Control:
        """`law` with the exponents that it has under the residual noise of the `controls` it was fitted
        to (a parametric bootstrap)."""
        generator = np.random.default_rng(0)
        log_params = np.log(controls.params.to_numpy(float))
        log_loss = np.log(controls.test_loss.to_numpy())
        line = np.polyfit(log_params, log_loss, 1)
        noise = log_loss - np.polyval(line, log_params)
        freedom = max(1, len(log_loss) - 2)
        spread = np.sqrt(np.sum(noise**2) / freedom) if len(log_loss) > 2 else 0.0
        draws = np.polyval(line, log_params) + spread * generator.normal(
            size=(resamples, len(log_params))
        )
        centred = log_params - log_params.mean()
        alphas = -(draws @ centred) / (centred @ centred)
        return cls(law, np.maximum(alphas, 1e-3), controls.groupby("params").tokens.mean())

    def log_budget(self, params: float) -> float:
        """Logarithm of the tokens that a model of this size is trained on."""
        return float(np.interp(np.log(params), np.log(self.tokens.index), np.log(self.tokens)))


def control_between(
    controls: Sequence[Control], params: float, tokens: float
) -> tuple[PowerLaw, np.ndarray]:
    """The control law of a budget, and resamples of its exponent: between two budgets that were trained
    log loss goes in a straight line with log tokens, beyond them it is that of the nearest."""
    ordered = sorted(controls, key=lambda control: control.log_budget(params))
    budgets = [control.log_budget(params) for control in ordered]
    place = float(np.interp(np.log(tokens), budgets, range(len(budgets))))
    near, far = ordered[int(place)], ordered[int(np.ceil(place))]

    def between(one: ArrayLike, other: ArrayLike) -> np.ndarray:
        return np.asarray(one) + (place - int(place)) * (np.asarray(other) - np.asarray(one))

    alpha = float(between(near.law.alpha, far.law.alpha))
    at_one = between(*(one.law.alpha * np.log(one.law.N_c) for one in (near, far)))
    return PowerLaw(float(np.exp(at_one / alpha)), alpha), between(near.alphas, far.alphas)
