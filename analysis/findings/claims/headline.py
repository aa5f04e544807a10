"""The one number that matters of a study, with its interval, beside what was published."""

from __future__ import annotations

from dataclasses import dataclass
from math import isfinite

import numpy as np
import pandas as pd

from analysis.findings.claims.claim import AGREE, DIFFER, Claim, Measured, verdict
from analysis.findings.claims.damage import DAMAGE, MULTIPLIERS
from analysis.findings.claims.measures import multiplier_of
from analysis.findings.claims.measuring import (
    best_measured,
    main_peaks,
    main_scans,
    place,
    runs_at,
)
from analysis.findings.finding import Analysis
from analysis.findings.preferences.models import in_pairs
from analysis.findings.preferences.worth import after_worst_repeats
from analysis.findings.repeats.controls import smallest_control
from analysis.findings.repeats.worst import has_multiplier
from analysis.findings.seeds import Interval, over_seeds
from analysis.rows import groups_of
from analysis.words import count, plural, share

_PAPERS_FRACTION = 0.1  # of which Hernandez et al. 2022 tell in their abstract
_MUCH = 2 / 3  # of a model's size: above it "of 85 % of its size", below "3 times smaller"
_SAID = {AGREE: "They agree", DIFFER: "They differ"}


@dataclass(frozen=True)
class Headline:
    """What stands first in a report.

    title: a sentence without its end; number, unit: the value and what it is; interval: of 95 %, or
    why there is none; published, source: the value that was published and where, '' without one.
    """

    title: str
    number: str
    unit: str
    interval: str
    published: str = ""
    source: str = ""


def headline(analysis: Analysis) -> Headline:
    """Of a study with preference models after repetition what that leaves of their pairs; of another with
    repetition its worst repeats, in the best unit that its controls allow; of one without, induction heads
    where they were measured, the control law, or the loss."""
    worth = after_worst_repeats(analysis)
    if worth is not None:
        return _of_pairs(worth)
    peak = headline_peak(analysis)
    if peak is not None:
        measured = has_multiplier(peak, smallest_control(analysis, peak.scan))
        return (_of_multiplier if measured else _of_damage)(analysis, peak)
    if len(analysis.cells):
        return _of_losses(analysis)
    formed = analysis.tables.get("formations", pd.DataFrame())
    if len(formed):
        seeds = plural(int(formed.seeds.max()), "seed")
        return Headline(
            f"Induction heads form in {formed.formed.sum():.0f} of {formed.seeds.sum():.0f} models "
            "without repetition",
            f"{formed.formed.sum():.0f} of {formed.seeds.sum():.0f}",
            "models in which prefix matching rises while they train",
            f"at most {seeds} a model",
            "two layers",
            "or one with smeared keys, are needed (Olsson et al. 2022).",
        )
    (law,) = (claim for claim in DAMAGE if claim.name == "control law")
    ours = law.measure(analysis)
    if ours is not None:
        return Headline(
            f"Without repetition test loss falls with params as N^-{share(ours.value)}",
            share(ours.value),
            f"exponent of the control law, a {ours.how}",
            _told(Interval(*ours[:3]), ours.seeds),
            law.published,
            _compared(law, ours),
        )
    controls = analysis.study.results
    largest = controls[controls.params == controls.params.max()]
    return Headline(
        f"Test loss comes to {largest.test_loss.mean():.3f} nats per token",
        f"{largest.test_loss.mean():.3f}",
        f"test loss (nats per token), N = {count(largest.params.iloc[0])}",
        _told(over_seeds(largest.test_loss), len(largest)),
    )


def headline_peak(analysis: Analysis) -> pd.Series | None:
    """The worst repeats that are told of: at the fraction of the paper's abstract where one was found
    there, else at the largest; with most seeds there, of several the largest size."""
    peaks = main_peaks(analysis)
    if peaks.empty:
        peaks = analysis.peaks[analysis.peaks.scan.isin(main_scans(analysis))]
    of_papers = np.isclose(peaks.repeated_fraction.astype(float), _PAPERS_FRACTION)
    found = peaks[of_papers & peaks.interior.astype(bool)]
    peaks = found if len(found) else peaks
    return best_measured(peaks[peaks.repeated_fraction == peaks.repeated_fraction.max()])


def nearest_published(fraction: float) -> tuple[float, Claim]:
    """The published multiplier of the fraction nearest to this one."""
    nearest = min(MULTIPLIERS, key=lambda known: abs(np.log(known / fraction)))
    return nearest, MULTIPLIERS[nearest]


def _of_pairs(worth: pd.Series) -> Headline:
    own = Interval(*(worth[f"pairs_multiplier{end}"] for end in ("", "_low", "_high")))
    begun = f"A preference model begun after {worth.init_repeats:,.0f} repeats"
    noise = own.low <= 1 <= own.high
    return Headline(
        f"{begun} ranks as well as one without, or no worse than noise"
        if noise
        else f"{begun} ranks as one without does with {share(own.value)} times the pairs",
        share(own.value),
        "pairs multiplier: the pairs with which a preference model begun without repetition ranks as well, "
        f"over its own (N = {count(worth.params)}, {in_pairs(worth.least_pairs, worth.most_pairs)})",
        _told(own, int(worth.seeds)),
    )


def _of_multiplier(analysis: Analysis, peak: pd.Series) -> Headline:
    ours = multiplier_of(analysis, peak)
    own = Interval(*ours[:3])
    fraction, claim = nearest_published(peak.repeated_fraction)
    below = "below " if peak.extrapolated else ""
    beyond = ", which does worse than the smallest control" if peak.extrapolated else ""
    compared = f"At f = {fraction:g} ({claim.source})."
    if fraction == peak.repeated_fraction:
        compared = _compared(claim, ours)
    return Headline(
        _title(peak, own),
        f"{below}{share(own.value)}",
        f"multiplier at the worst repeats: the size of control that does as well, as a share of the "
        f"model's own ({place(peak)}{beyond})",
        _told(own, ours.seeds, bound=bool(peak.extrapolated and not own.low)),
        claim.published,
        compared,
    )


def _title(peak: pd.Series, own: Interval) -> str:
    opening = f"Repeating {peak.repeated_fraction:.0%} of the data {peak.repeats:,.0f} times"
    if peak.damage <= 0:
        return "No repeat count that was tried does damage"
    if own.low <= 1 <= own.high:
        return f"{opening} costs no more than noise"
    leaves = f"{opening} leaves a model {'worse than' if peak.extrapolated else 'no better than'}"
    if own.value > _MUCH:
        return f"{leaves} one of {own.value:.0%} of its size"
    return f"{leaves} one {_times(1 / own.value)} times smaller"


def _times(factor: float) -> str:
    return f"{factor:.2g}" if factor < 100 else f"{float(f'{factor:.2g}'):,.0f}"


def _of_damage(analysis: Analysis, peak: pd.Series) -> Headline:
    own = over_seeds(runs_at(analysis, peak).damage)
    opening = f"Repeating {peak.repeated_fraction:.0%} of the data {peak.repeats:,.0f} times costs"
    noise = own.low <= 0 <= own.high
    return Headline(
        f"{opening} {'no more than noise' if noise else f'{own.value:.2f} nats per token'}",
        f"{own.value:.3f}",
        f"nats per token above the control at the worst repeats tried ({place(peak)})",
        _told(own, int(peak.seeds)),
    )


def _of_losses(analysis: Analysis) -> Headline:
    """Without controls: the worst repeats against the best, of the curve with most runs."""
    runs = analysis.runs
    curves = (own for _, own in groups_of(runs, ["scan", "params"]))
    own = max(curves, key=len)
    params = own.params.iloc[0]
    losses = own.pivot_table(index="seed", columns="repeats", values="test_loss")
    worst, best = losses.mean().idxmax(), losses.mean().idxmin()
    above = (losses[worst] - losses[best]).dropna()
    where = f"N = {count(params)}, f = {own.repeated_fraction.iloc[0]:g}"
    if worst == best or above.empty:
        own_loss = over_seeds(losses[worst])
        return Headline(
            f"Test loss comes to {own_loss.value:.3f} nats per token after {worst:,.0f} repeats",
            f"{own_loss.value:.3f}",
            f"test loss (nats per token), {where}; no control to compare it with",
            _told(own_loss, len(losses)),
        )
    found = over_seeds(above)
    return Headline(
        f"Of the repeats tried {worst:,.0f} are worst, by {found.value:.2f} nats per token",
        f"{found.value:.3f}",
        f"nats per token above {best:,.0f} repeats, the best ({where}); there are no controls",
        _told(found, len(above)),
    )


def _told(own: Interval, seeds: int, bound: bool = False) -> str:
    if not isfinite(own.low):
        return f"{plural(seeds, 'seed')}: no interval"
    ends = f"at most {share(own.high)}" if bound else f"{share(own.low)} to {share(own.high)}"
    return f"95 %: {ends}, {plural(seeds, 'seed')}"


def _compared(claim: Claim, ours: Measured) -> str:
    way, why = verdict(claim, ours)
    return f"{claim.source}. {_SAID.get(way, 'Whether they agree it cannot tell')}: {why}."
