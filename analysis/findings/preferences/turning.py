"""Where gold turns while the proxy rises: the best of n by each preference model (Gao et al. 2023)."""

from __future__ import annotations

import numpy as np
import pandas as pd

from analysis.figures.chart import QUIET, Axis, Chart, Ink, Panel, Series, ramp
from analysis.findings.finding import Analysis, Finding, Question
from analysis.findings.preferences.models import in_short
from analysis.fitting.solving.bootstrap import interval, resample
from analysis.laws import BestOfN
from analysis.rows import groups_of
from analysis.study import Study
from analysis.words import count, plural

_CONSTANTS = ("turn", "alpha", "beta", "law_turn")
_GAINS = ["proxy", "gold", "optimum"]
_RESAMPLES = 200
_JUDGE = ["judge_params", "judge_init", "judge_epochs", "judge_pairs"]
NEEDS = {
    "preference_model": ("accuracy", "pairs", "epochs"),
    "best_of_n": ("correlation",),
    "best_of_n_prompts": ("gold", "sqrt_kl"),
}


def gains(study: Study) -> pd.DataFrame:
    """One row a run and n: `sqrt_kl`, and the mean over prompts of what proxy, gold and the best there
    is (`optimum`) gain over the policy, with `*_se`."""
    drawn = study.details["best_of_n_prompts"]
    grouped = drawn.groupby(["run_id", "n"])
    table = grouped[["sqrt_kl", *_GAINS]].mean()
    return table.join(grouped[_GAINS].sem().add_suffix("_se")).reset_index()


def turns(study: Study, models: pd.DataFrame) -> pd.DataFrame:
    """One row a run: what its preference model is (`models`), its correlation with gold, where
    gold turns (`turn`, `turned` where even the upper end of its interval is within what was sampled),
    and Gao's law through it with the share of variance that it explains; 95 % intervals over prompts."""
    runs = study.stages["best_of_n"]
    of = models.add_prefix("judge_").rename(columns={"judge_run_id": "of"})
    table = runs[["run_id", "of", "policy", "seed", "correlation"]].merge(
        of[
            [
                "of",
                "judge_init",
                "judge_params",
                "judge_pairs",
                "judge_epochs",
                "judge_preference_loss",
            ]
        ],
        on="of",
        how="left",
    )
    drawn = study.details["best_of_n_prompts"]
    fitted = []
    for run_id in table.run_id:
        own = drawn[drawn.run_id == run_id].pivot(index="prompt", columns="n", values="gold")
        d = drawn[drawn.run_id == run_id].groupby("n").sqrt_kl.first().to_numpy()
        fitted.append(_fitted(d, own.to_numpy()))
    columns = [f"{name}{end}" for name in _CONSTANTS for end in ("", "_low", "_high")]
    fits = pd.DataFrame(fitted, table.index, [*columns, "law_r2", "turned"])
    return pd.concat([table, fits], axis=1)


def _fitted(d: np.ndarray, gold_PxN: np.ndarray) -> dict[str, float]:
    """Where the mean over prompts turns and Gao's law through it, and the same of resampled prompts."""
    mean = gold_PxN.mean(axis=0)
    weights = resample(len(gold_PxN), _RESAMPLES) / len(gold_PxN)
    samples = [_constants(d, own) for own in weights @ gold_PxN]
    found = _constants(d, mean)
    for name in list(found):
        low, high = interval(np.array([sample[name] for sample in samples]))
        found |= {f"{name}_low": float(low), f"{name}_high": float(high)}
    law = BestOfN(found["alpha"], found["beta"]).predict(sqrt_kl=d)
    misfit = ((mean - law) ** 2).sum() / ((mean - mean.mean()) ** 2).sum()
    return found | {"law_r2": float(1 - misfit), "turned": float(found["turn_high"] < np.inf)}


def _constants(d: np.ndarray, gain: np.ndarray) -> dict[str, float]:
    law = BestOfN.through(d, gain)
    return {"turn": turn(d, gain), "alpha": law.alpha, "beta": law.beta, "law_turn": law.turn}


def turn(d: np.ndarray, gain: np.ndarray) -> float:
    """d at the top of the parabola through the highest gain and those beside it; inf where the last is
    the highest, 0 where the first is."""
    top = int(np.argmax(gain))
    if top in (0, len(d) - 1):
        return 0.0 if top == 0 else np.inf
    near = slice(top - 1, top + 2)
    square, line, _ = np.polyfit(d[near], gain[near], 2)
    return float(-line / (2 * square))


def sentences(table: pd.DataFrame) -> list[str]:
    """Of how many preference models gold has turned, and where, by what they began with and whether their
    pairs were repeated."""
    told = []
    known = table.dropna(subset=["judge_init"])
    known = known.assign(repeated=known.judge_epochs > 1)
    for (init, repeated), own in groups_of(known, ["judge_init", "repeated"]):
        turned = own[own.turned == 1]
        where = (
            f", at d* between {turned.turn.min():.2f} and {turned.turn.max():.2f}"
            if len(turned)
            else ""
        )
        epochs = f"{own.judge_epochs.min():g} to {own.judge_epochs.max():g} epochs"
        told.append(
            f"By {len(turned)} of {plural(len(own), 'preference model')} begun from {init}, their pairs "
            f"seen {f'in {epochs}' if repeated else 'once'}, the best of n turns against gold within what "
            f"was sampled{where}."
        )
    return told


def turning_chart(analysis: Analysis) -> Chart | None:
    """Gold, and the proxy on gold's scale, against d: a panel a beginning and number of epochs, a colour a
    number of pairs."""
    table, about = analysis.best_of_n_gains, analysis.turns
    table = table.merge(about[["run_id", *_JUDGE, "turn", "turned"]], on="run_id")
    spread = table[table.n == 2].set_index("run_id")
    table["proxy"] *= table.run_id.map(spread.optimum / spread.proxy)
    inks = ramp(table.judge_pairs)
    panels = []
    for (params, init, epochs), own in groups_of(table, _JUDGE[:3]):
        best = own.groupby("sqrt_kl").optimum.mean()
        series = [Series("best there is", best.index.to_numpy(), best.to_numpy(), QUIET, None)]
        for pairs, runs in groups_of(own, "judge_pairs"):
            series += _lines(f"{pairs:,.0f}", runs, inks[pairs])
        times = "once" if epochs == 1 else f"{epochs:g} epochs"
        title = f"N = {count(params)}, from {in_short(init)}, {times}"
        panels.append(Panel(title, series, keys={"params": int(params)}))
    return Chart(
        key="best_of_n",
        title="Proxy and gold at the best of n",
        caption="What the best of n by a preference model gains over the policy that is sampled: in truth "
        "(solid, means over seeds and their standard errors, or over prompts where there is one seed) and "
        "by its own score (dotted, stretched to gold's spread). Rings: where gold turns.",
        reading="Where gold bends down while the proxy rises, the preference model is over-optimised.",
        table=analysis.best_of_n_gains,
        panels=panels,
        x=Axis("d = sqrt(KL), sqrt of nats"),
        y=Axis("gain over the policy"),
        legend="pairs",
    )


def _lines(name: str, runs: pd.DataFrame, ink: Ink) -> list[Series]:
    """Gold and proxy over d, means over seeds, and where gold turns."""
    grouped, ids = runs.groupby("sqrt_kl"), [sorted(set(runs.run_id))]
    mean = grouped[["gold", "proxy"]].mean()
    error = grouped.gold.sem().fillna(grouped.gold_se.mean()).to_numpy()
    d, gold, proxy = mean.index.to_numpy(), mean.gold.to_numpy(), mean.proxy.to_numpy()
    lines = [
        Series(name, d, gold, ink, "o", error=error, run_ids=ids),
        Series(name, d, proxy, ink, None, "dotted", in_legend=False, run_ids=ids),
    ]
    turned = runs[(runs.turned == 1) & (runs.turn > 0)].groupby("run_id").turn.first()
    if len(turned):
        at = turned.to_numpy()
        rings = Series(name, at, np.interp(at, d, gold), ink, "o", None, in_legend=False, ring=True)
        lines.append(rings)
    return lines


TURNING = Finding(
    "turning",
    question=Question.ELSE,
    needs=NEEDS,
    tables={
        "best_of_n_gains": lambda analysis: gains(analysis.study),
        "turns": lambda analysis: turns(analysis.study, analysis.preference_models),
    },
    sentences=lambda analysis: sentences(analysis.turns),
    charts=(turning_chart,),
)
