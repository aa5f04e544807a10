"""What a beginning is worth in pairs: is the harm of repeated pre-training passed on to a preference model,
and is it more than test loss foresees?

The pairs multiplier of a beginning stands beside the multiplier of its language model by test loss, and
beside the pairs multiplier of a control, of whatever size, that has its test loss.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from analysis.errors import AnalysisError
from analysis.findings import seeds
from analysis.findings.finding import Analysis, Finding, Question
from analysis.findings.preferences.models import CONTROL, in_pairs
from analysis.laws import Interpolation
from analysis.rows import groups_of, rows_of
from analysis.words import count, share

_KIND = ["comparisons", "temperature"]
_RUN = ["params", "init", "seed"]


def worth(analysis: Analysis) -> pd.DataFrame:
    """One row a (size, kind of comparison, init that is not the size's control): `pairs_multiplier` after
    one epoch, the geometric mean over the pairs (`least_pairs` to `most_pairs`) at which it is not
    extrapolated, each run beside that of its seed begun from the control; `init_repeats`; `multiplier`, `extrapolated`:
    its language model's by test loss; `foreseen`: the pairs multiplier of a control with its test loss,
    between those of the sizes, NaN where none has it, and `beyond`, `pairs_multiplier` over it. With
    intervals over seeds (`*_low`, `*_high`), `seeds` and `run_ids`.
    """
    runs = analysis.preference_models
    runs = runs[(runs.stage == "preference_model") & (runs.epochs == 1) & (runs.accuracy < 1)]
    rows = []
    for (params, *kind), own in groups_of(runs, ["params", *_KIND]):
        alike = runs[(runs[_KIND] == kind).all(axis=1)]
        among = alike[(alike.params == params) | (alike.init == CONTROL)]
        try:
            found = beside_the_control(among, int(params))
        except AnalysisError:
            continue  # no curve to read pairs from
        by_loss = _by_loss(found)
        for init in sorted(set(own.init) - {CONTROL}):
            told = found[(found.init == init) & (found.params == params)]
            if told.empty:
                continue
            row = {"params": params, **dict(zip(_KIND, kind, strict=True)), "init": init}
            row |= _with_ends("pairs_multiplier", told.groupby("seed").log_worth.mean())
            row["init_repeats"] = told.init_repeats.iloc[0]
            row |= {"least_pairs": told.pairs.min(), "most_pairs": told.pairs.max()}
            row |= _language_model(analysis, told)
            foreseen = _foreseen(told, by_loss)
            row["foreseen"] = float(np.exp(foreseen.mean(skipna=False)))
            row |= _with_ends("beyond", told.groupby("seed").log_worth.mean() - foreseen)
            rows.append(row | {"seeds": told.seed.nunique(), "run_ids": list(told.run_id)})
    return pd.DataFrame(rows)


def beside_the_control(runs: pd.DataFrame, params: int) -> pd.DataFrame:
    """The runs with `log_worth`: logarithm of the pairs at which models begun from the controls of that
    size have their accuracy, over their own and less that of the control of their seed. Without the cells
    that lie beyond those controls. Raises `AnalysisError` where they make no curve."""
    runs = runs.assign(wrong=1 - runs.accuracy)
    scan = runs[(runs.params == params) & (runs.init == CONTROL)]
    curve = Interpolation.through(scan.pairs, scan.wrong)
    mean = runs.groupby([*_RUN[:2], "pairs"]).wrong.transform("mean")
    runs = runs.assign(log_worth=np.log(curve.invert(runs.wrong) / runs.pairs))
    control = runs.loc[scan.index].groupby(["pairs", "seed"]).log_worth.mean().rename("of_control")
    runs = runs[~curve.extrapolates(mean)].join(control, on=["pairs", "seed"])
    return runs.assign(log_worth=runs.log_worth - runs.of_control).dropna(subset="log_worth")


def _foreseen(runs: pd.DataFrame, by_loss: pd.Series) -> pd.Series:
    """By seed, the log worth of a control with the test loss after repetition, NaN where none has it."""
    losses = runs[runs.init_repeats > 0].groupby("seed").init_test_loss.first()
    found = np.interp(losses, by_loss.index, by_loss, left=np.nan, right=np.nan)
    return pd.Series(found, losses.index).reindex(runs.seed.unique())


def _by_loss(runs: pd.DataFrame) -> pd.Series:
    """Mean log worth of the controls of each size, by their test loss in rising order."""
    controls = runs[runs.init == CONTROL].groupby("params")[["init_test_loss", "log_worth"]].mean()
    return controls.set_index("init_test_loss").log_worth.sort_index()


def _with_ends(name: str, logs: pd.Series) -> dict[str, float]:
    """The exponential of the mean over seeds, and of its interval's ends."""
    if logs.isna().any():
        return dict.fromkeys((name, f"{name}_low", f"{name}_high"), np.nan)
    ends = np.exp(seeds.over_seeds(logs))
    return dict(zip((name, f"{name}_low", f"{name}_high"), map(float, ends), strict=True))


def _language_model(analysis: Analysis, runs: pd.DataFrame) -> dict[str, float | bool]:
    of = analysis.runs[analysis.runs.run_id.isin(runs.origin)]
    return {"multiplier": float(of.multiplier.mean()), "extrapolated": bool(of.extrapolated.any())}


def after_worst_repeats(analysis: Analysis) -> pd.Series | None:
    """The row of `pairs_worth` of the repeats that are worth least, at the size at which that is known
    best; None where no preference model began after repetition."""
    table = analysis.tables.get("pairs_worth", pd.DataFrame())
    after = table[table.init_repeats > 0] if len(table) else table
    if after.empty:
        return None
    worth = np.log(after.pairs_multiplier).groupby(after.init_repeats).mean()
    after = after[after.init_repeats == worth.idxmin()]
    width = np.log(after.pairs_multiplier_high / after.pairs_multiplier_low).fillna(np.inf)
    return after.loc[width.idxmin()]


def sentences(table: pd.DataFrame) -> list[str]:
    """What each beginning is worth in pairs, and what its test loss would have foreseen."""
    kinds = table[_KIND].drop_duplicates() if len(table) else table
    found = []
    for row in rows_of(table):
        kind = f" on {row.comparisons}" if len(kinds) > 1 else ""
        low, high = row.pairs_multiplier_low, row.pairs_multiplier_high
        text = (
            f"Preference models{kind} of N = {count(row.params)} begun from {row.init} rank as ones begun "
            f"from the control do with {share(row.pairs_multiplier)} times the pairs"
            f"{seeds.told(low, high, share, 1, in_pairs(row.least_pairs, row.most_pairs))}"
        )
        if np.isfinite(row.multiplier):
            known = f"{share(row.multiplier)} times the params"
            told = "less than the smallest control" if row.extrapolated else known
            text += f"; by test loss the model before them is worth {told}"
        if np.isfinite(row.foreseen):
            beyond = seeds.told(row.beyond_low, row.beyond_high, share, 1)
            text += (
                f"; controls of its test loss are worth {share(row.foreseen)} times the pairs, "
                f"which it has {share(row.beyond)} times{beyond}"
            )
        found.append(f"{text}.")
    return found


PAIRS_WORTH = Finding(
    "pairs_worth",
    question=Question.ELSE,
    needs={"preference_model": ("accuracy", "pairs", "epochs")},
    tables={"pairs_worth": worth},
    sentences=lambda analysis: sentences(analysis.pairs_worth),
)
