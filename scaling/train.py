"""Train one run: data in, steps, losses out.

`train` reads top to bottom. It writes nothing but checkpoints: what it measures goes to callbacks,
and where it resumed is told, so that whoever keeps the rows can drop those that come again.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import jax
import numpy as np

from data_pipelines.stream import TrainingData, heldout, open_data, open_store
from scaling.checkpoints import Checkpoints, final_params
from scaling.config import RunConfig
from scaling.hosts import host_rows
from scaling.layout import Layout
from scaling.model.transformer import count_params
from scaling.optimiser import Hyper, learning_rates
from scaling.probes.battery import Battery, Details
from scaling.processor import processor
from scaling.program import STEPS_AT_ONCE, Program, State, Tally, program_for

CHECKPOINT_SECONDS = 300.0
"""Least time between two checkpoints of a run under way."""


class Diverged(ArithmeticError):
    """The loss is not a finite number any more; the message names the step."""


class Interrupted(Exception):
    """The run was asked to stop; its state is saved and a later call goes on from it."""


@dataclass(frozen=True)
class Progress:
    """Where a run is."""

    step: int
    steps: int
    loss: float
    """Mean training loss since the last evaluation, nats per token; nan before the first step."""
    tokens_per_second: float
    seconds_left: float
    note: str = ""


@dataclass
class Clock:
    """Where a run's wall time went, in seconds."""

    compiling: float = 0.0
    feeding: float = 0.0
    training: float = 0.0
    evaluating: float = 0.0
    probing: float = 0.0
    saving: float = 0.0


def train(
    config: RunConfig,
    *,
    data_dir: Path,
    checkpoint_dir: Path | None = None,
    pretrained: tuple[RunConfig, Path] | None = None,
    keep: int = 1,
    layout: Layout = Layout(),  # noqa: B008 - frozen
    devices: list[Any] | None = None,
    profile_dir: Path | None = None,
    on_start: Callable[[int], None] = lambda step: None,
    on_evaluation: Callable[[dict[str, Any]], None] = lambda row: None,
    on_details: Callable[[Details], None] = lambda details: None,
    on_progress: Callable[[Progress], None] = lambda progress: None,
    should_stop: Callable[[], bool] = lambda: False,
) -> dict[str, Any]:
    """Train a run to its end and return its summary: final losses, sizes, FLOPs, seconds.

    `pretrained` is the run whose final weights it begins with, and where its checkpoints lie; the
    optimiser begins anew. Goes on from the newest checkpoint in `checkpoint_dir` (None keeps none), of which the newest
    `keep` stay; `on_start` gets the step it goes on from, `on_evaluation` a row each evaluation
    (losses in nats per token), `on_details` after it what the probes have found for other tables,
    each row with its `step` and `tokens`. A trace of the second and third call of the device goes to
    `profile_dir`, for TensorBoard's profiler or Perfetto. `should_stop` is asked between calls of
    the device; if it says so, the state is saved first.
    Raises OstinatoError on data, layout or checkpoints that do not fit, Diverged on a loss that is
    not finite, Interrupted when stopped.
    """
    began, clock = time.perf_counter(), Clock()
    layout.mesh(config, devices)  # what does not divide is said before anything is read
    data = open_data(config, data_dir)
    sets = evaluation_sets(config, data, data_dir)
    rates, hyper = learning_rates(config), Hyper.of(config)
    rows = host_rows(config.batch_size)

    checkpoints = Checkpoints(checkpoint_dir, config, keep) if checkpoint_dir else None
    trace = ExitStack()
    on_progress(Progress(0, config.steps, np.nan, 0.0, np.nan, "compiling"))
    program = program_for(config, data.vocabulary_size, layout, devices)
    clock.compiling = program.compile()
    battery = Battery(config, program, sets["test"])
    measure = partial(_evaluate, program, battery, config, sets, clock)
    try:
        state = checkpoints and checkpoints.restore(program.abstract_state)
        if not state:
            state = program.init(config.seed)
            if pretrained:
                params = final_params(*pretrained, program.abstract_state)
                state = state.replace(params=params)
        step = first = int(state.step)
        clock.probing += battery.compile(state.params)
        on_start(step)
        row, saved = None, time.perf_counter()
        if step == 0:
            row, details = measure(state, 0.0)
            on_evaluation(row)
            on_details(details)
        for number, stop in enumerate(chunks(config, step)):
            if profile_dir and number == 1:
                trace.enter_context(jax.profiler.trace(profile_dir, create_perfetto_trace=True))
            start = time.perf_counter()
            batch = data.batches(step, stop, rows)
            clock.feeding += time.perf_counter() - start

            start = time.perf_counter()
            state = program.train(state, *batch, rates[step:stop], hyper)
            step = stop
            tally = jax.device_get(state.tally)
            clock.training += time.perf_counter() - start
            if number == 2:
                trace.close()
            loss = check_finite(tally, step)
            on_progress(progress_of(config, step, first, loss, clock))

            if step in evaluation_steps(config):
                row, details = measure(state, rates[step - 1])
                on_evaluation(row)
                on_details(details)
                state = state.replace(tally=jax.tree.map(lambda x: x * 0, state.tally))
            done, stop_now = step == config.steps, should_stop()
            due = done or stop_now or time.perf_counter() - saved > CHECKPOINT_SECONDS
            if checkpoints and due:
                start = time.perf_counter()
                checkpoints.save(step, state)
                saved = time.perf_counter()
                clock.saving += saved - start
            if stop_now and not done:
                raise Interrupted(f"stopped at step {step}")
        if row is None:  # resumed from the finished state
            row, _ = measure(state, rates[-1])
    finally:
        trace.close()
        if checkpoints:
            start = time.perf_counter()
            checkpoints.close()
            clock.saving += time.perf_counter() - start

    seconds = time.perf_counter() - began
    return summary_of(config, row, data, program, state, first, clock, seconds)


def summary_of(
    config: RunConfig,
    row: dict[str, Any],
    data: TrainingData,
    program: Program,
    state: State,
    first: int,
    clock: Clock,
    seconds: float,
) -> dict[str, Any]:
    """What is known of a run at its end: the last row, sizes, FLOPs, where the time went."""
    trained = (config.steps - first) * config.batch_size * config.context
    device = program.mesh.devices.flat[0]
    return row | {
        "params": config.params,
        "params_total": count_params(state.params),
        "pool_tokens": config.pool_tokens,
        "realised_fraction": config.realised_fraction,
        "corpus_digest": data.digest,
        "flops": config.flops(data.vocabulary_size),
        "seconds": seconds,
        "tokens_per_second": trained / clock.training if trained else np.nan,
        "compile_seconds": clock.compiling,
        "feed_seconds": clock.feeding,
        "train_seconds": clock.training,
        "evaluate_seconds": clock.evaluating,
        "probe_seconds": clock.probing,
        "save_seconds": clock.saving,
        "platform": device.device_kind,
        "jax_version": jax.__version__,
        **(processor()._asdict() if device.platform == "cpu" else {}),
    }


def evaluation_steps(config: RunConfig) -> set[int]:
    """The steps after which a run is evaluated."""
    count = min(config.evaluations, config.steps)
    return {round(config.steps * i / count) for i in range(1, count + 1)}


def chunks(config: RunConfig, step: int):
    """Where each call of the device's loop ends: every STEPS_AT_ONCE, and at each evaluation."""
    for evaluation in sorted(evaluation_steps(config)):
        while step < evaluation:
            step = min(step + STEPS_AT_ONCE, evaluation)
            yield step


def evaluation_sets(config: RunConfig, data: TrainingData, data_dir: Path) -> dict[str, np.ndarray]:
    """Sequences [n, L + 1] that each of the held-out losses is measured on."""
    limit = max(1, config.evaluation_tokens // config.context)
    sets = {"test": data.heldout("test", limit), "pool": data.pool(limit)}
    if config.ood_corpus:
        sets["ood"] = heldout(open_store(config.ood_corpus, config, data_dir), "test", limit)
    return {name: tokens for name, tokens in sets.items() if len(tokens)}


def _evaluate(
    program: Program,
    battery: Battery,
    config: RunConfig,
    sets: dict[str, np.ndarray],
    clock: Clock,
    state: State,
    learning_rate: float,
) -> tuple[dict[str, Any], Details]:
    """A row of the run's curve (held-out losses, the means of the tally, what probes find in a
    number), and the rest of what they find."""
    start = time.perf_counter()
    token_losses = {
        name: program.token_losses(state.params, tokens) for name, tokens in sets.items()
    }
    losses = {
        name: _mean(token_losses[name].sum(dtype=np.float64), (tokens[:, 1:] != 0).sum())
        for name, tokens in sets.items()
    }
    tally, step = jax.device_get(state.tally), int(state.step)
    row = evaluation_row(program, step, tally, losses, learning_rate)
    probing = time.perf_counter()
    clock.evaluating += probing - start
    found, details = battery.measure(state.params, token_losses["test"], last=step == config.steps)
    clock.probing += time.perf_counter() - probing
    when = {"step": step, "tokens": row["tokens"]}
    details = {table: [when | each for each in rows] for table, rows in details.items()}
    return row | found | {"seconds": clock.training}, details


def evaluation_row(
    program: Program, step: int, tally: Tally, losses: dict[str, float], learning_rate: float
) -> dict[str, Any]:
    """A row of a run's curve from its tally and its losses by evaluation set."""
    row = {
        "step": step,
        "tokens": step * program.batch_size * program.context,
        "test_loss": None,
        "pool_loss": None,
        "ood_loss": None,
        "train_loss": _mean(
            tally.unique_loss + tally.repeated_loss, tally.unique_tokens + tally.repeated_tokens
        ),
        "unique_loss": _mean(tally.unique_loss, tally.unique_tokens),
        "repeated_loss": _mean(tally.repeated_loss, tally.repeated_tokens),
        "grad_norm": _mean(tally.gradient_norm, tally.steps),
        "learning_rate": float(learning_rate),
    }
    return row | {f"{name}_loss": loss for name, loss in losses.items()}


def _mean(total: float, count: float) -> float | None:
    return float(total) / float(count) if count else None


def check_finite(tally: Tally, step: int) -> float:
    """The mean loss of a tally (nats per token); raises Diverged if it is not finite."""
    loss = _mean(
        tally.unique_loss + tally.repeated_loss, tally.unique_tokens + tally.repeated_tokens
    )
    if loss is None or not np.isfinite(loss) or not np.isfinite(tally.gradient_norm):
        raise Diverged(f"loss is {loss} at step {step}; lower learning_rate")
    return loss


def progress_of(config: RunConfig, step: int, first: int, loss: float, clock: Clock) -> Progress:
    """Where a run is that began at step `first`."""
    spent = clock.training + clock.feeding + clock.evaluating + clock.probing
    speed = (step - first) * config.batch_size * config.context / spent
    left = (config.steps - step) * config.batch_size * config.context / speed
    return Progress(step, config.steps, loss, speed, left)
