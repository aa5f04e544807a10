"""Which sizes get a panel of their own, and which runs are shown one by one."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd

from analysis.words import count

_MOST_PANELS = 12


def size_panels(analysis, cells: pd.DataFrame) -> Iterator[tuple]:
    """(scan, params, title) for at most a dozen panels, spread over the sizes of each scan."""
    scans = [s for s in analysis.study.scans.itertuples() if (cells.scan == s.scan).any()]
    scans = scans[:_MOST_PANELS]
    for scan in scans:
        sizes = np.sort(cells.params[cells.scan == scan.scan].unique())
        most = max(1, _MOST_PANELS // len(scans))
        places = np.linspace(len(sizes) - 1, 0, min(most, len(sizes))).round().astype(int)[::-1]
        for params in sizes[places]:
            title = f"N = {count(params)}"
            yield scan, params, f"{title}, {scan.label}" if len(scans) > 1 else title


def runs_told(analysis) -> pd.DataFrame:
    """The runs at the size and in the scan where repetition costs most, with their controls; without
    repetition, all. With `name`: the repeats, or what tells a run's setting from the others."""
    runs, scans = analysis.study.results, analysis.study.scans
    runs = runs[runs.setting >= 0]
    if analysis.peaks.empty:
        told = (
            runs.setting.map(analysis.study.setting_labels)
            .str.removeprefix("no repetition")
            .str.removeprefix(", ")
        )
        return runs.assign(name=told)
    worst = analysis.peaks.loc[analysis.peaks.damage.idxmax()]
    setting = scans.set_index("scan").setting[worst.scan]
    runs = runs[(runs.setting == setting) & (runs.params == worst.params)]
    runs = runs[runs.is_control | (runs.scan == worst.scan)]
    return runs.assign(name=[f"{E:,.0f}" if E else "control" for E in runs.repeats])
