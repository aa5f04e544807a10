"""Which sizes get a panel of their own where there is one panel a size."""

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
