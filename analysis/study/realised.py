"""What repetition a run has had in fact: a small pool is whole sequences, so that a fraction of 0.1
may have become 0.117. Damage and laws are computed with it; labels and scans say what was asked."""

from __future__ import annotations

import pandas as pd


def realised(runs: pd.DataFrame) -> tuple[pd.Series, pd.Series]:
    """The fraction of the tokens drawn from the pool and the times that was seen, [rows]: those asked
    for (`repeated_fraction`, `repeats`) where nothing else was recorded (`realised_fraction`,
    `pool_tokens`)."""
    asked = pd.to_numeric(runs.repeated_fraction, errors="coerce").astype(float)
    repeats = pd.to_numeric(runs.repeats, errors="coerce").astype(float)
    if "realised_fraction" not in runs:
        return asked, repeats
    got = pd.to_numeric(runs.realised_fraction, errors="coerce").astype(float)
    fraction = got.where((got > 0) & (asked > 0), asked)
    if "pool_tokens" in runs:
        pool = pd.to_numeric(runs.pool_tokens, errors="coerce").astype(float)
        seen = got * runs.tokens / pool.where(pool > 0)
        # One pool is seen as often as was asked for, all but for rounding here.
        differs = (seen / repeats - 1).abs() > 1e-9
        repeats = repeats.where(~((seen > 0) & (asked > 0) & differs), seen)
    return fraction, repeats
