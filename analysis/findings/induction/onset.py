"""When something formed: the change point of a score over a run's snapshots.

Whether repetition delays, weakens or prevents the induction heads (Olsson et al. 2022, section 4.5
there) is read from `formations`.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd

from analysis.findings.finding import Finding, Question
from analysis.findings.induction import phase
from analysis.findings.induction.training import heads_while_training
from analysis.rows import groups_of, rows_of, run_ids_of
from analysis.study import Study
from analysis.study.once import once_a_study
from analysis.study.scans import in_brackets
from analysis.words import count, plural

SCORE = "prefix_matching_score"
LEAST_RISE = 0.1
"""A smaller difference between before and after is no change."""


class Onset(NamedTuple):
    """A change of level."""

    tokens: float
    """Where the score passes the middle between both levels; nan where there is no change."""
    before: float
    """Mean score before the change, or of all snapshots."""
    after: float
    """And after it."""


def onset(tokens: np.ndarray, scores: np.ndarray, least: float = LEAST_RISE) -> Onset:
    """The change point of `scores`, one a snapshot in order of `tokens`: the split into two levels
    that leaves the least squares, where the upper one comes later and is higher by `least`."""
    order = np.argsort(tokens, kind="stable")
    tokens, scores = np.asarray(tokens, float)[order], np.asarray(scores, float)[order]
    if len(scores) < 2:
        return Onset(np.nan, *(scores.mean() if len(scores) else np.nan,) * 2)
    residuals = [
        np.var(scores[:k]) * k + np.var(scores[k:]) * (len(scores) - k)
        for k in range(1, len(scores))
    ]
    split = 1 + int(np.argmin(residuals))
    before, after = scores[:split].mean(), scores[split:].mean()
    if after - before < least:
        return Onset(np.nan, scores.mean(), scores.mean())
    middle = (before + after) / 2
    above = 1 + int(np.argmax(scores[1:] >= middle))
    low, high = scores[above - 1], scores[above]
    share = (middle - low) / (high - low) if high > low else 1.0
    share = min(1.0, max(0.0, share))
    return Onset(tokens[above - 1] + share * (tokens[above] - tokens[above - 1]), before, after)


@once_a_study
def formations(study: Study, score: str = SCORE) -> pd.DataFrame:
    """When the heads of each run formed, one row a run of a scan that measured `score`.

    `onset_tokens` (NaN: never), `before` and `after` as `onset` finds them; `lost`: whether the
    score ends lower than it once was by `LEAST_RISE`; beside them the phase change in the other
    curves: `fall_tokens`, where the in-context-learning score falls steepest, `bump_tokens` and
    `bump_height` of the training loss (`phase`; NaN where they were not measured). With the run's
    setting, scan, params, repeated_fraction, repeats and seed.
    """
    columns = ["run_id", "setting", "scan", "params", "repeated_fraction", "repeats", "seed"]
    found = []
    measured = study.curves.dropna(subset=score).sort_values("tokens").groupby("run_id")
    for row in study.results[study.results.setting >= 0][columns].to_dict("records"):
        if row["run_id"] in measured.groups:
            own = measured.get_group(row["run_id"])
            scores = own[score].to_numpy()
            at = onset(own.tokens.to_numpy(), scores)
            row |= {"onset_tokens": at.tokens, "before": at.before, "after": at.after}
            row["lost"] = bool(scores.max() - scores[-1] >= LEAST_RISE)
            found.append(row | _phase_change(own))
    return pd.DataFrame(found)


def _phase_change(curve: pd.DataFrame) -> dict[str, float]:
    found = {"fall_tokens": np.nan, "bump_tokens": np.nan, "bump_height": np.nan}
    if "in_context_score" in curve:
        found["fall_tokens"] = phase.steepest_fall(*_measured(curve, "in_context_score"))
    if "train_loss" in curve:
        tokens, losses = _measured(curve, "train_loss")
        if len(tokens):
            found["bump_tokens"], found["bump_height"] = phase.bump(tokens, losses)
    return found


def _measured(curve: pd.DataFrame, column: str) -> tuple[np.ndarray, np.ndarray]:
    """Tokens and values of `column` where it was measured."""
    tokens, values = curve[["tokens", column]].to_numpy(float).T
    measured = ~np.isnan(values)
    return tokens[measured], values[measured]


def formation_cells(runs: pd.DataFrame) -> pd.DataFrame:
    """`formations` by cell: `seeds`, in how many of them heads `formed`, were `lost` and the training
    loss `bumped`; means over those of `onset_tokens`, `after`, `fall_tokens`, `bump_tokens` and
    `bump_height`, with the standard errors `onset_tokens_se` and `after_se`."""
    if runs.empty:
        return runs
    grouped = runs.groupby(["setting", "params", "repeated_fraction", "repeats"])
    cells = grouped[["onset_tokens", "after", "fall_tokens", "bump_tokens", "bump_height"]].mean()
    cells = cells.join(grouped[["onset_tokens", "after"]].sem().add_suffix("_se"))
    cells["seeds"], cells["formed"] = grouped.size(), grouped.onset_tokens.count()
    cells["lost"], cells["bumped"] = grouped.lost.sum(), grouped.bump_tokens.count()
    cells["run_ids"] = run_ids_of(grouped)
    return cells.reset_index()


def formation_sentences(cells: pd.DataFrame, study: Study) -> list[str]:
    """What happens without repetition at each size, and whether repetition delays, weakens, prevents or
    destroys induction heads there: two standard errors and 5 % later, or `LEAST_RISE` / 2 lower."""
    sentences: list[str] = []
    if cells.empty:
        return sentences
    labels = study.setting_labels
    repeats = cells.groupby("setting").repeats.max() > 0
    for setting, own in groups_of(cells, "setting"):
        where, without = in_brackets(labels[setting], fraction=False), []
        for params, at_size in groups_of(own, "params"):
            repeated, control = at_size[at_size.repeats > 0], at_size[at_size.repeats == 0]
            if control.empty or (repeats[setting] and repeated.empty):
                continue  # nothing to compare with, or a control that only the law in N needs
            alone = control.iloc[0]
            if not alone.formed:
                without.append(alone)
                continue
            size = f"N = {count(params)}{where}"
            sentences.append(f"Induction heads at {size}, without repetition: {_phases(alone)}.")
            if len(repeated):
                sentences += _verdicts(repeated, alone, size)
        if without:
            sentences.append(_none_form(pd.DataFrame(without), where))
    return sentences


def _none_form(controls: pd.DataFrame, where: str) -> str:
    """The sizes of a setting without heads, in one sentence."""
    sizes, runs = map(count, controls.params), plural(int(controls.seeds.sum()), "run")
    smooth = (controls.bump_height >= 0).all() and not controls.bumped.any()
    return (
        f"Induction heads at N = {', '.join(sizes)}{where}, without repetition: none form in {runs}"
        + ", and the training loss has no bump" * bool(smooth)
        + "."
    )


def _phases(row: pd.Series) -> str:
    """The phase change of a cell that has one: heads, in-context-learning score, training loss."""
    runs = plural(int(row.seeds), "run")
    parts = [
        f"they form in {row.formed:.0f} of {runs}, at {count(row.onset_tokens)} tokens, to a prefix "
        f"matching of {row.after:.2f}"
    ]
    if row.fall_tokens > 0:
        parts.append(f"in-context learning sets in fastest at {count(row.fall_tokens)}")
    if row.bumped:
        parts.append(
            f"the training loss bumps by {row.bump_height:.2f} nats, steepest at {count(row.bump_tokens)}"
        )
    return "; ".join(parts)


def _verdicts(repeated: pd.DataFrame, control: pd.Series, where: str) -> list[str]:
    """One sentence a fraction: the repeats by what they do to the heads."""
    sentences = []
    for fraction, cells in groups_of(repeated, "repeated_fraction"):
        told: dict[str, list[str]] = {}
        for row in rows_of(cells.sort_values("repeats")):
            told.setdefault(_verdict(row, control), []).append(_repeats(row))
        parts = [f"{verdict} at {', '.join(at)}" for verdict, at in told.items()]
        sentences.append(f"With f = {fraction:g} at {where} they are {'; '.join(parts)}.")
    return sentences


def _verdict(row, control: pd.Series) -> str:
    if 2 * row.lost >= row.seeds:
        return "destroyed"
    if not row.formed:
        return "prevented"
    noise = 2 * np.hypot(np.nan_to_num(row.onset_tokens_se), np.nan_to_num(control.onset_tokens_se))
    late = row.onset_tokens - control.onset_tokens > max(noise, 0.05 * control.onset_tokens)
    noise = 2 * np.hypot(np.nan_to_num(row.after_se), np.nan_to_num(control.after_se))
    weak = control.after - row.after > max(noise, LEAST_RISE / 2)
    words = [word for word, holds in (("delayed", late), ("weakened", weak)) if holds]
    return " and ".join(words) or "as without repetition"


def _repeats(row) -> str:
    if not row.formed:
        return f"E = {row.repeats:,.0f}"
    some = f"in {row.formed:.0f} of {row.seeds} runs, " if row.formed < row.seeds else ""
    return f"E = {row.repeats:,.0f} ({some}{count(row.onset_tokens)} tokens, prefix matching {row.after:.2f})"


FORMATION = Finding(
    "formation of induction heads",
    question=Question.ELSE,
    needs={"curves": (SCORE,)},
    tables={"formations": lambda analysis: formation_cells(formations(analysis.study))},
    sentences=lambda analysis: formation_sentences(analysis.formations, analysis.study),
    charts=(heads_while_training,),
)
