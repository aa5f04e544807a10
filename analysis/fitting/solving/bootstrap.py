"""Resampling: a resample is how often each row was drawn, so that all share one table."""

from __future__ import annotations

import warnings

import numpy as np

_BEYOND = 1e300  # infinities have no percentile between them


def resample(
    rows: int, resamples: int, clusters: np.ndarray | None = None, seed: int = 0
) -> np.ndarray:
    """Weights [resamples, rows]: rows drawn with replacement, or whole clusters of them.

    clusters: a label a row (a run's seed, a size); rows of one label are drawn together.
    """
    generator = np.random.default_rng(seed)
    labels = np.arange(rows) if clusters is None else np.unique(clusters, return_inverse=True)[1]
    count = labels.max() + 1
    drawn = generator.multinomial(count, np.full(count, 1 / count), size=resamples)
    return drawn[:, labels].astype(float)


def interval(samples: np.ndarray, level: float = 0.95) -> tuple[np.ndarray, np.ndarray]:
    """The percentile interval of `samples` along their first axis; NaN samples are left out. An end
    among samples that are beyond numbers is -inf or inf."""
    tail, bounded = 100 * (1 - level) / 2, np.clip(samples, -_BEYOND, _BEYOND)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "All-NaN", RuntimeWarning)  # whose interval is NaN too
        low, high = np.nanpercentile(bounded, [tail, 100 - tail], axis=0)
    far = 1e-9 * _BEYOND
    low, high = (np.where(abs(end) > far, np.copysign(np.inf, end), end)[()] for end in (low, high))
    return low, high
