"""Which sizes get a panel of their own, and what their scans are called."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd

from analysis.rows import rows_of
from analysis.words import count

_MOST_PANELS = 12


def size_panels(scans: pd.DataFrame, cells: pd.DataFrame) -> Iterator[tuple]:
    """(scan, params, title) for at most a dozen panels, spread over the sizes of each scan.

    scans: a study's; cells: what is shown, with the columns `scan` and `params`.
    """
    shown = [scan for scan in rows_of(scans) if (cells.scan == scan.scan).any()]
    shown = shown[:_MOST_PANELS]
    for scan in shown:
        sizes = np.sort(cells.params[cells.scan == scan.scan].unique())
        most = max(1, _MOST_PANELS // len(shown))
        places = np.linspace(len(sizes) - 1, 0, min(most, len(sizes))).round().astype(int)[::-1]
        for params in sizes[places]:
            title = f"N = {count(params)}"
            yield scan, params, f"{title}, {scan.label}" if len(shown) > 1 else title


def with_labels(table: pd.DataFrame, scans: pd.DataFrame) -> pd.DataFrame:
    """The table with each scan's label in place of its number."""
    labels = scans.set_index("scan").label
    return table.assign(scan=table.scan.map(labels)).reset_index(drop=True)
