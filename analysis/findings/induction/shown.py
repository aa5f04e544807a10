"""Which runs are shown one by one, where a chart cannot show them all."""

from __future__ import annotations

import numpy as np
import pandas as pd

from analysis.findings.finding import Analysis
from analysis.rows import highest, rows_of
from analysis.words import count

_MOST_RUNS = 4


def runs_told(analysis: Analysis) -> pd.DataFrame:
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
    worst = highest(analysis.peaks, "damage")
    setting = scans.set_index("scan").setting[worst.scan]
    runs = runs[(runs.setting == setting) & (runs.params == worst.params)]
    runs = runs[runs.is_control | (runs.scan == worst.scan)]
    return runs.assign(name=[f"{E:,.0f}" if E else "control" for E in runs.repeats])


def runs_to_show(analysis: Analysis, details: pd.DataFrame) -> list[tuple[str, str, dict]]:
    """(run_id, title, keys) of few runs that `details` has: at the size and seed where repetition
    costs most the control and the repeats tried; without repetition, a control a size and setting."""
    runs = runs_told(analysis)
    runs = runs[runs.run_id.isin(details.run_id)]
    runs = runs[runs.seed == runs.seed.min()].sort_values(["params", "repeats", "run_id"])
    runs = runs.drop_duplicates(["setting", "params", "repeats"])
    if len(runs) > _MOST_RUNS:
        runs = runs.iloc[np.linspace(0, len(runs) - 1, _MOST_RUNS).round().astype(int)]
    shown = []
    for row in rows_of(runs):
        if len(analysis.peaks):
            title = f"E = {row.name}" if row.repeats else row.name
        else:
            title = f"N = {count(row.params)}" + (f", {row.name}" if row.name else "")
        shown.append((row.run_id, title, {"params": int(row.params), "repeats": row.repeats}))
    return shown
