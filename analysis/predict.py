"""What a mixture will cost, from a study's own fits.

band = fit_damage(analyse("studies/quick"), at=(1e5, 4e6))
predict(band, params=1e5, tokens=4e6, parts=[Part(fraction=0.1, repeats=100)])
"""

from __future__ import annotations

from dataclasses import asdict, dataclass

import numpy as np

from analysis.errors import AnalysisError
from analysis.findings.repeats.budgets import control_between
from analysis.findings.repeats.damage_law import DamageFit, fit_damage
from analysis.fitting.solving.bootstrap import interval
from analysis.laws import Law
from analysis.study.reading import Named, Source, find, read
from analysis.words import count, share

__all__ = ["DamageFit", "Part", "Prediction", "fit_damage", "parts_of_histogram", "predict"]


@dataclass(frozen=True)
class Part:
    """A share of the training tokens (`fraction`, 0 to 1) that is seen `repeats` times."""

    fraction: float
    repeats: float


@dataclass(frozen=True)
class Prediction:
    """The expected cost of a mixture; each value beside its interval (low, high).

    The interval is the expectation's: a single run scatters about it besides, as the study's runs do.
    penalty: nats per token above the control; compute_wasted: 1 - multiplier, the share of the
    compute that a clean run of the same loss would not have needed (at fixed tokens compute goes
    with params); worst: the part that costs most, and its share of the penalty.
    """

    control_loss: float
    loss: float
    penalty: float
    penalty_interval: tuple[float, float]
    effective_params: float
    multiplier: float
    multiplier_interval: tuple[float, float]
    compute_wasted: float
    worst: Part
    worst_share: float
    parts: tuple[tuple[Part, float], ...]
    warnings: tuple[str, ...]

    def as_dict(self) -> dict:
        """For JSON."""
        return asdict(self)

    def sentences(self) -> list[str]:
        """For a reader."""
        low, high = self.multiplier_interval
        text = (
            f"Expected test loss {self.loss:.3f} nats per token, {self.penalty:.3f} above a control "
            f"({self.control_loss:.3f}): as good as {count(self.effective_params)} params without "
            f"repetition (multiplier {share(self.multiplier)}, 95 % {share(low)} to {share(high)}; "
            f"{self.compute_wasted:.0%} of the compute wasted)."
        )
        if len(self.parts) > 1:
            text += (
                f" Worst part: {self.worst.fraction:.3g} of the tokens seen "
                f"{self.worst.repeats:,.0f} times, {self.worst_share:.0%} of the penalty."
            )
        return [text, *self.warnings]


def predict(
    damage: DamageFit, params: float, tokens: float, parts: list[Part], level: float = 0.95
) -> Prediction:
    """The cost of training `params` parameters on `tokens` tokens of which `parts` repeat.

    Parts that are seen once cost nothing; the penalties of the others are added in log loss,
    which no study of ours has tested for more than one part. Raises `AnalysisError` for parts
    that sum to more than 1, for sizes or fractions that are not positive, and for repeats below 1.
    """
    check(params, tokens, parts)
    parts = [part for part in parts if part.repeats > 1]
    control, alphas = control_between(damage.controls, params, tokens)
    control_loss = float(control.predict(params=params))
    band = damage.band.law
    each = np.array([_log_damage(band, params, tokens, part) for part in parts])
    total = float(each.sum())
    totals = np.array(
        [
            sum(_log_damage(type(band)(*row), params, tokens, part) for part in parts)
            for row in damage.band.samples
        ]
    )
    penalty = control_loss * float(np.expm1(total))
    multiplier = float(np.exp(-total / control.alpha))
    least = most = penalty
    low = high = multiplier
    if len(totals):
        with np.errstate(over="ignore"):  # a resample whose control law is all but flat
            multipliers = np.exp(-totals / alphas[: len(totals)])
        low, high = map(float, interval(multipliers, level))
        least, most = map(float, interval(control_loss * np.expm1(totals), level))
    worst = int(np.argmax(each)) if len(each) else 0
    return Prediction(
        control_loss=control_loss,
        loss=control_loss * float(np.exp(total)),
        penalty=penalty,
        penalty_interval=(least, most),
        effective_params=params * multiplier,
        multiplier=multiplier,
        multiplier_interval=(low, high),
        compute_wasted=1 - multiplier,
        worst=parts[worst] if parts else Part(0.0, 1.0),
        worst_share=float(each[worst] / total) if total > 0 else 0.0,
        parts=tuple(zip(parts, map(float, each), strict=True)),
        warnings=(*_outside(damage.ranges, params, tokens, parts), *damage.band.warnings),
    )


def check(params: float, tokens: float, parts: list[Part]) -> None:
    """Raise `AnalysisError` for what `predict` refuses, before anything is computed."""
    for name, value in (("params", params), ("tokens", tokens)):
        if not (np.isfinite(value) and value > 0):
            raise AnalysisError(f"{name}: {value}; give a positive number")
    for part in parts:
        if not 0 < part.fraction <= 1:
            raise AnalysisError(f"fraction: {part.fraction:g}; give more than 0 and at most 1")
        if not 1 <= part.repeats < np.inf:
            raise AnalysisError(f"repeats: {part.repeats:g}; give 1 or more")
    repeated = sum(part.fraction for part in parts if part.repeats > 1)
    if repeated > 1 + 1e-9:
        raise AnalysisError(f"parts: their fractions sum to {repeated:g}; at most 1")


def parts_of_histogram(histogram: Source) -> list[Part]:
    """The parts of a histogram of repeats: columns `repeats` and `token_share` (or `tokens`).

    histogram: a path or a table. `token_share` is the share of the training tokens. Raises
    `AnalysisError` naming what is missing, and rows that are no numbers.
    """
    reading, found = read(histogram, missing="give a histogram that duplicates has written"), {}
    table = reading.table
    for ours in ("repeats", "token_share", "tokens"):
        one = Named(ours) if ours in table else find(ours, table, "histogram")
        if one is not None:
            parsed = reading.numbers(one.column)
            found[ours] = parsed.values * one.factor
            bad = ~np.isfinite(found[ours])
            if bad.any():
                row = int(np.argmax(bad))
                raise AnalysisError(
                    f"histogram: {one.column}: row {row + 1}: {table[one.column].iloc[row]}; give a "
                    "number in each row"
                )
    if "repeats" not in found or not {"token_share", "tokens"} & set(found):
        raise AnalysisError(
            "histogram: needs the columns repeats and token_share (or tokens); there are: "
            + ", ".join(map(str, table.columns))
        )
    shares = found["token_share"] if "token_share" in found else found["tokens"]
    if "token_share" not in found:
        shares = shares / shares.sum()
    return [Part(float(f), float(E)) for f, E in zip(shares, found["repeats"], strict=True)]


def _log_damage(band: Law, params: float, tokens: float, part: Part) -> float:
    columns = {"params": params, "repeats": part.repeats, "repeated_fraction": part.fraction}
    columns |= {"tokens": tokens}
    return float(np.log(band.predict(**columns)))


def _outside(ranges: dict, params: float, tokens: float, parts: list[Part]) -> list[str]:
    """A plain warning for each value that no run of the study had."""
    asked = {"params": [params], "tokens": [tokens]}
    asked["repeated_fraction"] = [part.fraction for part in parts]
    asked["repeats"] = [part.repeats for part in parts]
    warnings = []
    for name, values in asked.items():
        low, high = ranges[name]
        out = sorted({value for value in values if not low * 0.98 <= value <= high * 1.02})
        if out:
            warnings.append(
                f"Outside the study: {name} {', '.join(map(count, out[:4]))} (measured "
                f"{count(low)} to {count(high)}); the figures there are extrapolated."
            )
    return warnings
