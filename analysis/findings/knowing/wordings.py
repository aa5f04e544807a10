"""Do changing words protect a fact from what is repeated beside it? Templates against verbatim."""

from __future__ import annotations

import pandas as pd

from analysis.findings import seeds
from analysis.findings.finding import Analysis, Finding, Question
from analysis.findings.knowing.told import ladders
from analysis.rows import groups_of, lowest
from analysis.words import count

_WAYS = ("templates", "verbatim")
_SAME = ["exposures", "entities", "params", "repeated_fraction", "repeats", "seed"]


def wordings(analysis: Analysis) -> pd.DataFrame:
    """One row a (ladder, size, repetition) of which facts were stated in both ways: the share of the
    control's bits that is `kept` of those in `templates` and of those `verbatim`, and the `ratio` of the
    two; means over seeds with their intervals."""
    runs = analysis.lost_by_run
    told = ladders(analysis.study)
    if runs.empty or len({ladder.statements for ladder in told.values()}) < 2:
        return pd.DataFrame()
    own = {setting: ladder._asdict() for setting, ladder in told.items()}
    runs = runs.join(pd.DataFrame.from_dict(own, orient="index"), on="setting")
    both = [
        runs[runs.statements == way]
        .set_index(_SAME)[["kept", "run_id"]]
        .rename(columns={"kept": way})
        for way in _WAYS
    ]
    pairs = both[0].join(both[1].drop(columns="run_id"), how="inner").reset_index()
    if pairs.empty:
        return pd.DataFrame()
    pairs["ratio"] = pairs.templates / pairs.verbatim
    return seeds.cells_over_seeds(pairs, _SAME[:-1], [], [*_WAYS, "ratio"])


def wording_sentences(analysis: Analysis) -> list[str]:
    """Which is hurt less at each size, beside the pool that takes most from facts in templates."""
    table, parts = analysis.wordings, list[str]()
    for (_, params), own in groups_of(table, ["exposures", "params"]) if len(table) else ():
        row = lowest(own, "templates")
        parts.append(
            f"{_share(row, 'templates')} and {_share(row, 'verbatim')} at N = {count(params)} beside a pool "
            f"that is seen {row.repeats:,.0f} times, times {row.ratio:.2f}"
            f"{seeds.told(row.ratio_low, row.ratio_high, '.2f', 1.0)}"
        )
    if not parts:
        return []
    return [
        "Of the control's bits facts stated in templates (asked by name) and facts stated verbatim (asked in "
        f"their own words) keep {'; '.join(parts)}."
    ]


def _share(row, way: str) -> str:
    return f"{row[way]:.0%}{seeds.told(row[f'{way}_low'], row[f'{way}_high'], '.0%', 1.0)}"


WORDINGS = Finding(
    "templates against verbatim",
    question=Question.KNOWS,
    needs={"knowledge": ("asked", "exposures", "n", "bits")},
    tables={"wordings": wordings},
    sentences=wording_sentences,
)
