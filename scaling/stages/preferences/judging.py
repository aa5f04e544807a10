"""Best of n from one set of samples, by the proxy and by gold (Gao et al. 2023, section 3; the estimate
is that of their appendix I and of Nakano et al. 2021).

Of N samples sorted by the proxy the i-th is the best of n drawn from them with probability
C(i - 1, n - 1) / C(N, n). The policy of the best of n is KL = ln n - (n - 1) / n away from the first.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple, cast

import jax
import numpy as np
from scipy.special import gammaln

from data_pipelines.comparisons import gold_of, sides
from data_pipelines.config.comparisons import GIVEN
from data_pipelines.stream import heldout, open_data
from scaling.checkpoints import final_params
from scaling.config import RunConfig
from scaling.loop import Interrupted, Lane, Surroundings
from scaling.probes.probe import Rows
from scaling.processor import processor
from scaling.programs.comparing import Comparing
from scaling.programs.program import program_for
from scaling.sampling import sample
from scaling.stages.preferences.best_of_n import TABLE, BestOfNConfig
from scaling.stages.preferences.records import PreferenceConfig


def weights(n: int, samples: int) -> np.ndarray:
    """Probability that each of `samples`, ascending by score, is the best of n drawn without putting
    back: float64 [samples], of sum 1."""
    i = np.arange(1, samples + 1, dtype=np.float64)
    log_w = np.full(samples, -np.inf)
    log_w[n - 1 :] = _log_choose(i[n - 1 :] - 1, n - 1) - _log_choose(samples, n)
    return np.exp(log_w)


def _log_choose(a, b):
    return gammaln(a + 1) - gammaln(b + 1) - gammaln(a - b + 1)


def divergence(n: np.ndarray | int) -> np.ndarray:
    """KL of the best of n from what it is drawn from, nats, where no two score alike."""
    return np.log(n) - (np.asarray(n) - 1) / n


def best_of(score_PxS: np.ndarray, value_PxS: np.ndarray, n: int) -> np.ndarray:
    """Unbiased estimate of the value of the best of n by score, for each prompt: float64 [P]."""
    order = np.argsort(score_PxS, axis=1, kind="stable")
    return np.take_along_axis(value_PxS, order, axis=1) @ weights(n, score_PxS.shape[1])


class Samples(NamedTuple):
    """A policy's responses to prompts."""

    tokens_PxSxL: np.ndarray
    """Sides, as `data_pipelines.comparisons` has them."""
    log_p_PxS: np.ndarray
    """Log-probability of each response, nats."""
    gold_PxS: np.ndarray


def rows_of(proxy_PxS: np.ndarray, samples: Samples) -> Rows:
    """A row a prompt and n = 1, 2, 4, ...: proxy, gold, log-probability and the best gold that there
    is (`optimum`), all but the log-probability less their means under the policy."""
    P, S = proxy_PxS.shape
    gold = samples.gold_PxS
    rows: Rows = []
    for n in (2**k for k in range(int(np.log2(S)) + 1)):
        found = {
            "proxy": best_of(proxy_PxS, proxy_PxS, n) - proxy_PxS.mean(axis=1),
            "gold": best_of(proxy_PxS, gold, n) - gold.mean(axis=1),
            "optimum": best_of(gold, gold, n) - gold.mean(axis=1),
            "log_p": best_of(proxy_PxS, samples.log_p_PxS, n),
        }
        where = {"n": n, "sqrt_kl": float(np.sqrt(divergence(n)))}
        rows += [
            where | {"prompt": p} | {name: float(own[p]) for name, own in found.items()}
            for p in range(P)
        ]
    return rows


def summary_of(proxy_PxS: np.ndarray, samples: Samples, rows: Rows) -> dict[str, float]:
    """Correlation of proxy and gold within prompts, gains at the largest n, and the n of the most gold."""
    own = [x - x.mean(axis=1, keepdims=True) for x in (proxy_PxS, samples.gold_PxS)]
    length = np.sqrt((own[0] ** 2).sum() * (own[1] ** 2).sum())
    names = ("proxy", "gold", "optimum")
    ns = sorted({row["n"] for row in rows})
    means = {
        n: {name: np.mean([row[name] for row in rows if row["n"] == n]) for name in names}
        for n in ns
    }
    best = max(ns, key=lambda n: means[n]["gold"])
    return {
        "correlation": float((own[0] * own[1]).sum() / length) if length else np.nan,
        **{f"{name}_gain": float(value) for name, value in means[ns[-1]].items()},
        "most_gold": float(means[best]["gold"]),
        "most_gold_n": float(best),
        "sample_log_p": float(samples.log_p_PxS.mean()),
    }


def run(lanes: Sequence[Lane], around: Surroundings) -> list[dict[str, Any] | Exception]:
    """Judge the samples of each lane; its summary. Begins anew where it was stopped.

    Raises OstinatoError as `final_params` and `open_data` do, Interrupted when stopped.
    """
    return [_judged(lane, around) for lane in lanes]


def _judged(lane: Lane, around: Surroundings) -> dict[str, Any]:
    began = time.perf_counter()
    record = cast(BestOfNConfig, lane.record)
    assert lane.begins and record.policy in lane.beside
    judge, checkpoints = cast(PreferenceConfig, lane.begins[0]), lane.begins[1]
    policy, of_policy = lane.beside[record.policy]
    lane.on_start(0)
    devices = tuple(around.devices or jax.devices()[:1])
    drawn = _samples(
        cast(RunConfig, policy), of_policy, judge, around.data_dir, record.prompts, record.samples,
        record.seed, devices,
    )  # fmt: skip
    if around.should_stop():
        raise Interrupted("stopped after its samples were drawn")
    size = judge.vocabulary_size
    program = cast(Comparing, program_for(judge, size, devices=list(devices), kind=Comparing))
    params = final_params(judge, checkpoints, program.abstract_state)
    P, S, L = drawn.tokens_PxSxL.shape
    proxy = program.scores(params, drawn.tokens_PxSxL.reshape(-1, L)).reshape(P, S)
    proxy = proxy.astype(np.float64)
    when = {"step": 0, "tokens": 0}
    rows = rows_of(proxy, drawn)
    row = when | summary_of(proxy, drawn, rows) | {"test_loss": None}
    lane.on_evaluation(row)
    lane.on_details({TABLE: [when | each for each in rows]})
    device = devices[0]
    return row | {
        "seconds": time.perf_counter() - began,
        "platform": device.device_kind,
        "jax_version": jax.__version__,
        **(processor()._asdict() if device.platform == "cpu" else {}),
    }


@lru_cache(maxsize=2)
def _samples(
    policy: RunConfig,
    checkpoints: Path,
    judge: PreferenceConfig,
    data_dir: Path,
    prompts: int,
    samples: int,
    seed: int,
    devices: tuple[Any, ...],
) -> Samples:
    """A policy's samples, kept for the next preference model that judges the same."""
    data = open_data(judge, data_dir)
    program = program_for(policy, data.vocabulary_size, devices=list(devices))
    params = final_params(policy, checkpoints, program.abstract_state)
    rows = sides(heldout(data.store, "validation", prompts))[:, 0]
    shown = np.repeat(rows, samples, axis=0)
    drawn = sample(program, params, shown, np.full(len(shown), GIVEN), seed)
    gold = gold_of(judge, data.store, data_dir)(drawn.tokens_NxL)
    return Samples(
        drawn.tokens_NxL.reshape(len(rows), samples, -1),
        drawn.log_p_NxL[:, GIVEN:].sum(axis=1, dtype=np.float64).reshape(len(rows), samples),
        gold.reshape(len(rows), samples),
    )
