"""Ways to a preference: imitation of the better against ranking, and preferences of another kind first.

Askell et al. 2021 find ranking well ahead of imitation where there are ranks to learn, and hardly so where
what is good is merely told from what is bad; and that pre-training on preferences helps where pairs are few,
binarised ones at least as much as ranked.
"""

from __future__ import annotations

import pandas as pd

from analysis.figures.chart import Axis, Chart, Ink, Panel, Series, errors
from analysis.findings import seeds
from analysis.findings.finding import Analysis, Finding, Question
from analysis.findings.preferences.models import BINARISED, CONTROL, RANKED
from analysis.rows import groups_of, rows_of
from analysis.words import count

IMITATION, FIRST = "ranking less imitation", "{} first"
_LIKE = ["params", "comparisons", "temperature"]
_SHOWN = {
    ("preference_model", CONTROL): ("preference model", Ink("#24292f", "#e6e8eb"), "o"),
    ("imitation", CONTROL): ("imitation", Ink("#b3261e", "#ff8a80"), "s"),
    ("preference_model", CONTROL + RANKED): ("ranked first", Ink("#2f7d4f", "#7ccf9b"), "^"),
    ("preference_model", CONTROL + BINARISED): ("binarised first", Ink("#8a4fbf", "#c79bf0"), "D"),
}
"""By stage and init: its name, ink and marker."""


def contrasts(runs: pd.DataFrame) -> pd.DataFrame:
    """One row a (`contrast`, size, kind of comparison, pairs): `difference` in held-out accuracy after one
    epoch, paired by seed, with its interval, `seeds` and `run_ids`. runs: `models.models`.

    What is set beside models begun from the control: imitation from it ("ranking less imitation"), and
    models pre-trained on preferences since ("ranked first", "binarised first", less those without).
    """
    runs = runs[runs.epochs == 1]
    plain = runs[(runs.stage == "preference_model") & (runs.init == CONTROL)]
    ranking = runs.stage == "preference_model"
    sides = {IMITATION: (plain, runs[(runs.stage == "imitation") & (runs.init == CONTROL)])}
    for way in (RANKED, BINARISED):
        name = FIRST.format(way.split()[1])
        sides[name] = (runs[ranking & (runs.init == CONTROL + way)], plain)
    rows = []
    for contrast, (one, other) in sides.items():
        both = one.merge(other, on=[*_LIKE, "pairs", "seed"], suffixes=("", "_other"))
        both["difference"] = both.accuracy - both.accuracy_other
        for key, own in groups_of(both, [*_LIKE, "pairs"]):
            row = {"contrast": contrast, **dict(zip([*_LIKE, "pairs"], key, strict=True))}
            ends = seeds.over_seeds(own.difference)
            row |= dict(zip(("difference", "low", "high"), ends, strict=True))
            ids = [*own.run_id, *own.run_id_other]
            rows.append(row | {"seeds": len(own), "run_ids": ids})
    return pd.DataFrame(rows)


def sentences(table: pd.DataFrame) -> list[str]:
    """What each way changes, by pairs."""
    found = []
    for (contrast, params, kind, *_), own in (
        groups_of(table, ["contrast", *_LIKE]) if len(table) else ()
    ):
        parts = [
            f"{row.difference:+.3f} on {row.pairs:,.0f} pairs{seeds.told(row.low, row.high, '+.3f', 0)}"
            for row in rows_of(own)
        ]
        if contrast == IMITATION:
            what = f"Accuracy of ranking less that of imitation of the better ({kind}, N = {count(params)})"
        else:
            which = str(contrast).split()[0]
            what = f"What {which} preferences of another kind first add to accuracy (N = {count(params)})"
        found.append(f"{what}: {', '.join(parts)}.")
    return found


def chart(analysis: Analysis) -> Chart | None:
    """Accuracy against pairs, a line a way."""
    if analysis.preference_ways.empty:
        return None
    told = analysis.preference_ways[_LIKE].drop_duplicates()
    table = analysis.preference_cells[analysis.preference_cells.epochs == 1].merge(told, on=_LIKE)
    panels = []
    for (params, kind, _), own in groups_of(table, _LIKE):
        series = []
        for (stage, init), (name, ink, mark) in _SHOWN.items():
            line = own[(own.stage == stage) & (own.init == init)]
            x, y, error = line.pairs.to_numpy(float), line.accuracy.to_numpy(), line.accuracy_se
            ids = list(line.run_ids)
            if len(line):
                series.append(Series(name, x, y, ink, mark, error=errors(error), run_ids=ids))
        panels.append(Panel(f"N = {count(params)}, {kind}", series, keys={"params": int(params)}))
    return Chart(
        key="preference_ways",
        title="Ranking, imitation, and preferences before",
        caption="Accuracy on held-out comparisons after one epoch, begun from the control; means and "
        "standard errors over seeds. Imitation ranks by the probability of a model that is trained on the "
        "better of each pair.",
        reading="Where lines part, the way matters more than the pairs.",
        table=table.drop(columns="run_ids"),
        panels=panels,
        x=Axis("pairs", log=True, counts=True),
        y=Axis("accuracy", low=0.5),
        legend="by",
    )


WAYS = Finding(
    "preference_ways",
    question=Question.ELSE,
    needs={"preference_model": ("accuracy", "pairs", "epochs")},
    tables={"preference_ways": lambda analysis: contrasts(analysis.preference_models)},
    sentences=lambda analysis: sentences(analysis.preference_ways),
    charts=(chart,),
)
