"""Facts that are stated more often on purpose: does that cut hallucination, and what does it cost?

Miao & Kearns 2025 (2502.08666): repeating 5 % of the examples cut hallucination by up to 40 %, accuracy
kept: the opposite sign to Hernandez et al. 2022.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from analysis.figures.chart import ALERT, NEUTRAL, QUIET, Axis, Chart, Ink, Panel, Series, errors
from analysis.findings import seeds
from analysis.findings.finding import Analysis, Finding, Question
from analysis.findings.knowing.told import Ladder, at_the_end, ladders
from analysis.findings.seeds import cells_over_seeds
from analysis.rows import groups_of, rows_of
from analysis.words import count

_RATIOS = {
    "false_share": ("false, stated unasked", ALERT, "s"),
    "others_false_share": ("false, of the other facts when named", Ink("#8a4fbf", "#c79bf0"), "D"),
    "test_loss": ("test loss", NEUTRAL, "o"),
    "others_probability": ("p(correct) of the other facts", Ink("#2f7d4f", "#7ccf9b"), "^"),
}
"""What is told of a dose, each as a ratio to the same seed without it."""
_LEAST = 1e-3
"""That shares and probabilities count as, so that they have a logarithm."""


def dosed(ladders: dict[int, Ladder]) -> dict[int, tuple[int, float]]:
    """By setting in which some facts are stated more often than all others: the setting in which none is,
    and how many times as often. Both tell equally many entities."""
    found = {}
    for setting, ladder in ladders.items():
        if len(ladder.stated) == 2:
            (often, others), (more, few) = ladder.stated.items()
            for base, plain in ladders.items():
                same = (plain.statements, plain.exposures[0] == 0) == (
                    ladder.statements,
                    ladder.exposures[0] == 0,
                )
                if same and plain.stated == {often: others + few} and few < others:
                    found[setting] = (base, more / often)
    return found


def doses(analysis: Analysis) -> pd.DataFrame:
    """One row a (size, exposures, share of facts, dose): the share of facts stated unasked that is false,
    that of the facts without more exposures when named, test loss (nats per token) and p(correct) of those
    facts, each with its `*_ratio` to the run of the same seed without dose (dose 1), and intervals."""
    told = ladders(analysis.study)
    arms = dosed(told)
    arms |= {base: (base, 1.0) for base, _ in arms.values()}
    runs = analysis.study.controls
    runs = runs[runs.setting.isin(arms)]
    if runs.empty or "false_share" not in runs:
        return pd.DataFrame()
    runs = runs.assign(
        base=runs.setting.map({setting: base for setting, (base, _) in arms.items()}),
        dose=runs.setting.map({setting: dose for setting, (_, dose) in arms.items()}),
        exposures=runs.setting.map({s: min(ladder.stated) for s, ladder in told.items()}),
    )
    runs = runs.join(_of_others(analysis, "knowledge", "probability", runs), on="run_id")
    runs = runs.join(_of_others(analysis, "hallucination", "false_share", runs), on="run_id")
    shares = [name for name in _RATIOS if name != "test_loss"]
    runs[shares] = runs[shares].clip(lower=_LEAST)
    same = ["base", "params", "seed"]
    plain = runs[runs.dose == 1].groupby(same)[list(_RATIOS)].mean().add_prefix("plain_")
    runs = runs.join(plain, on=same)
    for name in _RATIOS:
        runs[f"{name}_ratio"] = runs[name] / runs[f"plain_{name}"]
    by = ["base", "params", "exposures", "dose"]
    return cells_over_seeds(runs, by, list(_RATIOS), [f"{name}_ratio" for name in _RATIOS])


def _of_others(analysis: Analysis, table: str, measure: str, runs: pd.DataFrame) -> pd.Series:
    """A measure of the facts without more exposures, asked for by name, by run."""
    rows = at_the_end(analysis.study, table)
    asked = rows.asked if "asked" in rows else rows.prompt
    often = rows.run_id.map(runs.set_index("run_id").exposures)
    own = rows[(asked == "name") & (rows.exposures == often)]
    return own.groupby("run_id")[measure].mean().rename(f"others_{measure}")


def dose_sentences(analysis: Analysis) -> list[str]:
    """What each dose does to hallucination and to test loss, and whether one lowers the former before it
    raises the latter."""
    table, sentences = analysis.doses, list[str]()
    for (_, params), own in groups_of(table, ["base", "params"]) if len(table) else ():
        plain, own = own[own.dose == 1].iloc[0], own[own.dose > 1]
        parts = [
            f"{row.dose:g} times as often {row.false_share:.0%}, {_times(row, 'false_share', '.2f')}, and "
            f"test loss {_times(row, 'test_loss', '.3f')}"
            for row in rows_of(own)
        ]
        sentences.append(
            f"Where all facts are stated {plain.exposures:,.0f} times, {plain.false_share:.0%} of what is "
            f"stated unasked is false at N = {count(params)}; where a few are stated {'; '.join(parts)}."
        )
        if own.false_share_ratio_low.notna().any():
            sentences.append(_order(own))
    return sentences


def _order(own: pd.DataFrame) -> str:
    lower = own.dose[own.false_share_ratio_high < 1]
    dearer = own.dose[own.test_loss_ratio_low > 1]
    if lower.empty:
        return "No dose lowers hallucination, as far as these seeds tell."
    text = f"The least dose that lowers hallucination is {lower.min():g}"
    if dearer.empty:
        return f"{text}; none raises test loss, as far as these seeds tell."
    before = "before" if lower.min() < dearer.min() else "not before"
    return f"{text}, {before} test loss rises (at {dearer.min():g})."


def _times(row, name: str, form: str) -> str:
    """The ratio to the run without a dose, with its interval."""
    low, high = (getattr(row, f"{name}_ratio_{end}") for end in ("low", "high"))
    return f"times {getattr(row, f'{name}_ratio'):{form}}{seeds.told(low, high, form, 1.0)}"


def over_dose(analysis: Analysis) -> Chart | None:
    """Hallucination, test loss and what is known of the other facts over dose, as shares of what they are
    without one."""
    table, panels = analysis.doses, []
    if table.empty:
        return None
    for (_, params), own in groups_of(table, ["base", "params"]):
        own = own.sort_values("dose")
        x = own.dose.to_numpy(float)
        series = [Series("as without", x[[0, -1]], np.ones(2), QUIET, None, "dotted")]
        for name, (told, ink, marker) in _RATIOS.items():
            ratio = f"{name}_ratio"
            series.append(
                Series(
                    *(told, x, own[ratio].to_numpy(), ink, marker),
                    error=errors((own[f"{ratio}_high"] - own[ratio]).where(own.dose > 1, 0.0)),
                    hover=[_hover(row, name) for row in rows_of(own)],
                    keys={"params": int(params)},
                    run_ids=own.run_ids.to_list(),
                )
            )
        panels.append(Panel(f"N = {count(params)}", series))
    return Chart(
        key="dose",
        title="Stating a few facts more often",
        caption="A few of the facts stated more often than all others, in place of other text; each figure "
        "as a share of what it is in the run of the same seed without. Bars: to the upper end of 95 % over "
        "seeds.",
        reading="A red line below one is what Miao & Kearns 2025 found; a black one above one is the price.",
        table=table.drop(columns="base"),
        panels=panels,
        x=Axis("dose: times as often", log=True),
        y=Axis("share of what it is without", log=True),
        legend="measured",
    )


def _hover(row, name: str) -> str:
    value, ratio = getattr(row, name), getattr(row, f"{name}_ratio")
    return f"stated {row.dose:g} times as often: {_RATIOS[name][0]} {value:.3f}, times {ratio:.3f}"


DOSE = Finding(
    "dose",
    question=Question.KNOWS,
    needs={
        "knowledge": ("asked", "exposures", "probability"),
        "hallucination": ("prompt", "exposures", "false_share"),
    },
    tables={"doses": doses},
    sentences=dose_sentences,
    charts=(over_dose,),
    alone=lambda analysis: set(dosed(ladders(analysis.study))),
)
