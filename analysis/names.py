"""A made-up name in a passage (Hernandez et al. 2022, figures 8 and 9): how probable are its tokens
where it is new, and where it has been seen before?"""

from __future__ import annotations

import pandas as pd

from analysis.scans import in_brackets
from analysis.tables import Study
from analysis.words import count

PLACES = ("first", "last")


def name_cells(study: Study) -> pd.DataFrame:
    """Means over seeds, a row a (setting, params, repeated_fraction, repeats): the probability of a
    name's tokens at its `first` and at its `last` occurrence, with `*_se`; `seeds` and `run_ids`.

    Empty where no run measured them.
    """
    columns = {f"name_probability_{place}": place for place in PLACES}
    if not set(columns) <= set(study.results):
        return pd.DataFrame()
    runs = study.results[study.results.setting >= 0].rename(columns=columns).dropna(subset="last")
    grouped = runs.groupby(["setting", "params", "repeated_fraction", "repeats"])
    cells = grouped[list(PLACES)].mean().join(grouped[list(PLACES)].sem().add_suffix("_se"))
    cells["seeds"], cells["run_ids"] = grouped.size(), grouped.run_id.agg(list)
    return cells.reset_index()


def name_sentences(cells: pd.DataFrame, study: Study) -> list[str]:
    """Control against the repeats at which a name is least known, a sentence a size that has both."""
    sentences = []
    if cells.empty:
        return sentences
    labels = study.setting_labels
    for (setting, params), own in cells.groupby(["setting", "params"]):
        control, repeated = own[own.repeats == 0], own[own.repeats > 0]
        if control.empty or repeated.empty:
            continue
        worst = repeated.loc[repeated["last"].idxmin()]
        where = f"N = {count(params)}{in_brackets(labels[setting], fraction=False)}"
        sentences.append(
            f"A name that has been seen in the passage, at {where}: without repetition its tokens "
            f"have a probability of {_last(control.iloc[0])}, after f = {worst.repeated_fraction:g}, "
            f"E = {worst.repeats:,.0f} of {_last(worst)}."
        )
    return sentences


def _last(row: pd.Series) -> str:
    spread = f" ± {row.last_se:.1%}" if row.last_se > 0 else ""
    return f"{row['last']:.1%}{spread} ({row['first']:.1%} where it is new)"
