"""What a mixture will cost, from a study's own fits.

band = fit_damage(analyse("studies/quick"))
predict(band, params=1e5, tokens=4e6, parts=[Part(fraction=0.1, repeats=100)])
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from analysis.errors import AnalysisError
from analysis.fitting import Fit, fit, refit_without
from analysis.fitting.bootstrap import interval
from analysis.laws import DamageBand, PowerLaw
from analysis.words import count, share

if TYPE_CHECKING:
    from analysis.study import Analysis

_FEWEST_GROUPS = 6  # of runs that share a control; with fewer, each run is drawn by itself
_SMOOTH = 0.02  # Huber's delta: damage ratios carry noise of this order, not of 1e-3


@dataclass(frozen=True)
class Part:
    """A share of the training tokens (`fraction`, 0 to 1) that is seen `repeats` times."""

    fraction: float
    repeats: float


@dataclass(frozen=True)
class DamageFit:
    """The damage band of a study with the control law beneath it, and the range both were seen in.

    ranges: least and greatest measured value of params, tokens, repeated_fraction and repeats.
    """

    band: Fit
    control: PowerLaw
    control_samples: np.ndarray
    ranges: dict[str, tuple[float, float]]


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


def fit_damage(analysis: Analysis, setting: int = 0, bootstrap: int = 500) -> DamageFit:
    """Fit the damage band to a study's repeated runs, with a bootstrap by size and seed: the runs
    of both share a control, and with it the noise of the control.

    Raises `AnalysisError` where the setting has no control law or fewer than six damaged cells.
    """
    study = analysis.study
    runs = analysis.runs[(analysis.runs.setting == setting) & analysis.runs.damage.notna()]
    controls = study.controls[study.controls.setting == setting]
    if setting not in analysis.laws:
        raise AnalysisError(
            "controls: no control law in this study; train controls of at least two sizes"
        )
    if len(runs) < 6:
        raise AnalysisError(
            f"runs: {len(runs)} repeated runs with a control; at least 6 are needed for the band"
        )
    columns = {name: runs[name].to_numpy(float) for name in DamageBand.columns}
    fixed = _fixed_exponents(columns)
    ratio = (runs.test_loss / runs.control_loss).to_numpy()
    shared = [f"{params} {seed}" for params, seed in zip(runs.params, runs.seed, strict=True)]
    clusters = shared if len(set(shared)) >= _FEWEST_GROUPS else None
    band = fit(DamageBand, columns, ratio, bootstrap, clusters, delta=_SMOOTH, fixed=fixed)
    measured = columns | {"tokens": runs.tokens.to_numpy()}
    ranges = {name: (float(v.min()), float(v.max())) for name, v in measured.items()}
    return DamageFit(band, analysis.laws[setting], _resampled_laws(controls, bootstrap), ranges)


def predict(
    damage: DamageFit, params: float, tokens: float, parts: list[Part], level: float = 0.95
) -> Prediction:
    """The cost of training `params` parameters on `tokens` tokens of which `parts` repeat.

    Parts that are seen once cost nothing; the penalties of the others are added in log loss,
    which no study of ours has tested for more than one part. Raises `AnalysisError` for parts
    that sum to more than 1, and for sizes, fractions or repeats that are not positive.
    """
    parts = [part for part in parts if part.repeats > 1 or part.repeats <= 0]
    _check(params, tokens, parts)
    control_loss = float(damage.control.predict(params=params))
    each = np.array([_log_damage(damage.band.law, params, part) for part in parts])
    total = float(each.sum())
    alphas = damage.control_samples
    totals = np.array(
        [
            sum(_log_damage(DamageBand(*row), params, part) for part in parts)
            for row in damage.band.samples
        ]
    )
    multiplier = float(np.exp(-total / damage.control.alpha))
    if len(totals):
        with np.errstate(over="ignore"):  # a resample whose control law is all but flat
            multipliers = np.exp(-totals / alphas[: len(totals)])
        low, high = interval(multipliers, level)
        penalties = interval(control_loss * np.expm1(totals), level)
    else:
        low = high = multiplier
        penalties = (control_loss * np.expm1(total),) * 2
    worst = int(np.argmax(each)) if len(each) else 0
    return Prediction(
        control_loss=control_loss,
        loss=control_loss * float(np.exp(total)),
        penalty=control_loss * float(np.expm1(total)),
        penalty_interval=(float(penalties[0]), float(penalties[1])),
        effective_params=params * multiplier,
        multiplier=multiplier,
        multiplier_interval=(float(low), float(high)),
        compute_wasted=1 - multiplier,
        worst=parts[worst] if parts else Part(0.0, 1.0),
        worst_share=float(each[worst] / total) if total > 0 else 0.0,
        parts=tuple(zip(parts, map(float, each), strict=True)),
        warnings=(*_outside(damage.ranges, params, tokens, parts), *damage.band.warnings),
    )


def held_out_sizes(runs: pd.DataFrame, laws: dict[int, PowerLaw]) -> pd.DataFrame:
    """Each cell's multiplier beside the one that the band foresees for its size from the others.

    runs: as `effective.effective_params` makes them. Columns `setting`, `params`,
    `repeated_fraction`, `repeats`, `multiplier`, `predicted`, `run_ids`; empty below three sizes or
    where the runs are too few for the band's five constants.
    """
    tables = []
    for setting, law in laws.items():
        own = runs[(runs.setting == setting) & runs.multiplier_by_law.notna()]
        sizes = [
            params
            for params, held in own.groupby("params")
            if own.params[own.params != params].nunique() > 1 and len(own) - len(held) > 8
        ]
        if not sizes:
            continue
        columns = {name: own[name].to_numpy(float) for name in DamageBand.columns}
        ratio = (own.test_loss / own.control_loss).to_numpy()
        fixed = _fixed_exponents(columns)
        whole = fit(DamageBand, columns, ratio, delta=_SMOOTH, fixed=fixed)
        for params, band in zip(sizes, refit_without(whole, own.params, sizes), strict=True):
            held = own.params.to_numpy() == params
            predicted = band.predict(**{name: v[held] for name, v in columns.items()})
            multiplier = own.multiplier_by_law[held]
            tables.append(
                own[held].assign(predicted=predicted ** (-1 / law.alpha), multiplier=multiplier)
            )
    cell = ["setting", "params", "repeated_fraction", "repeats"]
    table = pd.concat(tables) if tables else runs.head(0).assign(predicted=[])
    grouped = table.groupby(cell)
    means = grouped[["multiplier", "predicted"]].mean()
    return means.assign(run_ids=grouped.run_id.agg(list)).reset_index()


def parts_of_histogram(histogram: pd.DataFrame) -> list[Part]:
    """The parts of a histogram of repeats: columns `repeats` and `token_share` (or `tokens`).

    `token_share` is the share of the training tokens. Raises `AnalysisError` naming what is missing.
    """
    if "repeats" not in histogram or not {"token_share", "tokens"} & set(histogram):
        raise AnalysisError(
            "histogram: needs the columns repeats and token_share (or tokens); there are: "
            + ", ".join(map(str, histogram.columns))
        )
    shares = (
        histogram.token_share
        if "token_share" in histogram
        else histogram.tokens / histogram.tokens.sum()
    )
    return [Part(float(f), float(E)) for f, E in zip(shares, histogram.repeats, strict=True)]


def _log_damage(band: DamageBand, params: float, part: Part) -> float:
    columns = {"params": params, "repeats": part.repeats, "repeated_fraction": part.fraction}
    return float(np.log(band.predict(**columns)))


def _fixed_exponents(columns: dict[str, np.ndarray]) -> dict[str, float]:
    """What one size or one fraction cannot tell: the paper's drift of the band, damage in step with f."""
    fixed = {}
    if len(np.unique(columns["params"])) < 2:
        fixed["a"] = 0.53  # between the edges' 0.56 and 0.50, Hernandez et al. 2022, section 2
    if len(np.unique(columns["repeated_fraction"])) < 2:
        fixed["p"] = 1.0
    return fixed


def _resampled_laws(controls: pd.DataFrame, resamples: int) -> np.ndarray:
    """Exponents of the control law under its residual noise (a parametric bootstrap)."""
    generator = np.random.default_rng(0)
    log_params, log_loss = np.log(controls.params.to_numpy()), np.log(controls.test_loss.to_numpy())
    line = np.polyfit(log_params, log_loss, 1)
    noise = log_loss - np.polyval(line, log_params)
    freedom = max(1, len(log_loss) - 2)
    spread = np.sqrt(np.sum(noise**2) / freedom) if len(log_loss) > 2 else 0.0
    draws = np.polyval(line, log_params) + spread * generator.normal(
        size=(resamples, len(log_params))
    )
    centred = log_params - log_params.mean()
    alphas = -(draws @ centred) / (centred @ centred)
    return np.maximum(alphas, 1e-3)


def _check(params: float, tokens: float, parts: list[Part]) -> None:
    for name, value in (("params", params), ("tokens", tokens)):
        if not (np.isfinite(value) and value > 0):
            raise AnalysisError(f"{name}: {value}; give a positive number")
    for part in parts:
        if not 0 < part.fraction <= 1 or part.repeats <= 0:
            raise AnalysisError(
                f"part: fraction {part.fraction:g} seen {part.repeats:g} times; fractions lie in "
                "(0, 1], repeats are at least 1"
            )
    if sum(part.fraction for part in parts) > 1 + 1e-9:
        raise AnalysisError(
            f"parts: their fractions sum to {sum(p.fraction for p in parts):g}; at most 1"
        )


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
