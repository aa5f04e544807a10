"""Many small runs of one shape at once: stacked on a run axis that is sharded over the devices.

A model that cannot fill an accelerator leaves most of it idle; a row of a heat map, stacked, fills
a pod. Each run keeps its own data, rates, seed, curve and checkpoints, which `train` can go on from,
and gets what it would have got alone, to rounding.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import flax.linen as nn
import jax
import numpy as np
from jax.sharding import Mesh, NamedSharding, PartitionSpec

from data_pipelines.errors import OstinatoError
from data_pipelines.stream import open_data
from scaling.checkpoints import Checkpoints
from scaling.config import ModelConfig, RunConfig
from scaling.optimiser import Hyper, learning_rates
from scaling.program import STEPS_AT_ONCE, Program, State, program_for
from scaling.train import (
    CHECKPOINT_SECONDS,
    Clock,
    Diverged,
    Interrupted,
    Progress,
    check_finite,
    chunks,
    evaluation_row,
    evaluation_sets,
    evaluation_steps,
    progress_of,
    summary_of,
)

SAME = (*ModelConfig.model_fields, "vocabulary", "context", "batch_size", "tokens")
SAME += ("evaluations", "evaluation_tokens")
"""Fields in which runs have to agree to be stacked."""


def stack_key(config: RunConfig) -> tuple:
    """Equal for runs that can be trained together: of one shape, length and evaluations.

    Runs with probes go alone, as those look at one model, and fine-tuned ones, as their weights
    come from elsewhere.
    """
    alone = config.run_id if config.probes or config.pretrained_run else None
    return *(getattr(config, name) for name in SAME), alone


@dataclass(frozen=True)
class Lane:
    """One run of a stack, and who is told of it; as the arguments of `train`."""

    config: RunConfig
    checkpoint_dir: Path | None = None
    on_start: Callable[[int], None] = lambda step: None
    on_evaluation: Callable[[dict[str, Any]], None] = lambda row: None
    on_progress: Callable[[Progress], None] = lambda progress: None


def train_together(
    lanes: Sequence[Lane],
    *,
    data_dir: Path,
    keep: int = 1,
    devices: list[Any] | None = None,
    should_stop: Callable[[], bool] = lambda: False,
) -> list[dict[str, Any] | Diverged]:
    """Train runs to their ends, in step, and return the summary of each, or why it failed.

    All go on from the newest step that all of them have a checkpoint of. A run that diverges does
    not stop the others. Raises OstinatoError on runs that differ in what `SAME` names and on data or
    checkpoints that do not fit, Interrupted when stopped, after saving.
    """
    began, clock = time.perf_counter(), Clock()
    configs = [lane.config for lane in lanes]
    first_config = configs[0]
    if len({stack_key(config) for config in configs}) > 1:
        differing = next(name for name in SAME if len({getattr(c, name) for c in configs}) > 1)
        raise OstinatoError(
            f"{differing}: differs among {len(configs)} runs to be trained together; stack equals"
        )
    data = [open_data(config, data_dir) for config in configs]
    sets = [evaluation_sets(c, d, data_dir) for c, d in zip(configs, data, strict=True)]
    rates = np.stack([learning_rates(config) for config in configs])
    stack = StackedProgram(first_config, data[0].vocabulary_size, len(lanes), devices)
    kept = [
        lane.checkpoint_dir and Checkpoints(lane.checkpoint_dir, lane.config, max(keep, 2))
        for lane in lanes
    ]
    for lane in lanes:
        lane.on_progress(Progress(0, first_config.steps, np.nan, 0.0, np.nan, "compiling"))
    clock.compiling = stack.compile()
    hyper = [Hyper.of(config) for config in configs]
    failed: dict[int, Diverged] = {}
    try:
        state, step = _restore(stack, kept, configs)
        first, saved = step, time.perf_counter()
        for lane in lanes:
            lane.on_start(step)
        rows: list[dict[str, Any]] = []

        def evaluate(tell: bool = True) -> None:
            start = time.perf_counter()
            losses = stack.losses(state, sets)
            tally = jax.device_get(state.tally)
            clock.evaluating += time.perf_counter() - start
            rows[:] = [
                evaluation_row(
                    stack.program,
                    step,
                    jax.tree.map(lambda x, i=i: x[i], tally),
                    losses[i],
                    rates[i][step - 1] if step else 0.0,
                )
                | {"seconds": clock.training}
                for i in range(len(lanes))
            ]
            for i, lane in enumerate(lanes):
                if tell and i not in failed:
                    lane.on_evaluation(rows[i])

        if step == 0:
            evaluate()
        for stop in chunks(first_config, step):
            start = time.perf_counter()
            batches = [each.batches(step, stop) for each in data]
            clock.feeding += time.perf_counter() - start

            start = time.perf_counter()
            state = stack.train(state, batches, rates[:, step:stop], hyper)
            step = stop
            tally = jax.device_get(state.tally)
            clock.training += time.perf_counter() - start
            for i, lane in enumerate(lanes):
                if i in failed:
                    continue
                try:
                    loss = check_finite(jax.tree.map(lambda x, i=i: x[i], tally), step)
                    lane.on_progress(progress_of(lane.config, step, first, loss, clock))
                except Diverged as error:
                    failed[i] = error

            if step in evaluation_steps(first_config):
                evaluate()
                state = state.replace(tally=jax.tree.map(lambda x: x * 0, state.tally))
            done, stop_now = step == first_config.steps, should_stop()
            if done or stop_now or time.perf_counter() - saved > CHECKPOINT_SECONDS:
                start = time.perf_counter()
                for i, checkpoints in enumerate(kept):
                    if checkpoints and i not in failed:
                        checkpoints.save(step, stack.lane(state, i))
                saved = time.perf_counter()
                clock.saving += saved - start
            if stop_now and not done:
                raise Interrupted(f"stopped at step {step}")
        if not rows:  # resumed from the finished state
            evaluate(tell=False)
    finally:
        start = time.perf_counter()
        for checkpoints in kept:
            if checkpoints:
                checkpoints.close()
        clock.saving += time.perf_counter() - start
    seconds = time.perf_counter() - began
    return [
        failed.get(i)
        or summary_of(
            config, row, data[i], stack.program, stack.lane(state, i), first, clock, seconds
        )
        for i, (config, row) in enumerate(zip(configs, rows, strict=True))
    ]


class StackedProgram:
    """A `Program` over lanes, a run in each, sharded over devices.

    Lanes are filled up to a multiple of the devices by copies of the last, whose results are dropped.
    """

    def __init__(self, config: RunConfig, vocabulary_size: int, lanes: int, devices: list | None):
        devices = (devices or jax.devices())[:lanes]
        self.program: Program = program_for(config, vocabulary_size, devices=devices[:1])
        self.count = lanes
        self._lanes = -(-lanes // len(devices)) * len(devices)
        self._mesh = Mesh(np.array(devices), ("runs",))
        self._runs = PartitionSpec("runs")

    def _over(self, function: Callable, arguments: int, shared: int = 0) -> Callable:
        """`function` of one lane for all of them; its last `shared` arguments are the same for all."""
        axes = (0,) * arguments + (None,) * shared
        specs = (self._runs,) * arguments + (PartitionSpec(),) * shared
        return jax.shard_map(
            jax.vmap(function, in_axes=axes),
            mesh=self._mesh,
            in_specs=specs,
            out_specs=self._runs,
            check_vma=False,
        )

    @cached_property
    def _init(self):
        return self._jit(self._over(lambda seed: nn.unbox(self.program.initial(seed)), 1))

    @cached_property
    def _train(self):
        return self._jit(self._over(self.program.steps, 5, shared=1), donate_argnums=0)

    @cached_property
    def _losses(self):
        return self._jit(self._over(self.program.token_losses_of, 2))

    def _jit(self, function: Callable, **asked: Any) -> Callable:
        return jax.jit(function, compiler_options=self.program.compiler_options, **asked)

    def _spread(self, parts: Sequence[Any]) -> Any:
        """Stack a tree a run into one with a lane axis, on the devices."""
        parts = [*parts, *[parts[-1]] * (self._lanes - len(parts))]
        placed = NamedSharding(self._mesh, self._runs)
        return jax.tree.map(lambda *leaves: jax.device_put(np.stack(leaves), placed), *parts)

    def init(self, seeds: Sequence[int]) -> State:
        """The states before the first step."""
        return self._init(self._spread([np.uint32(seed) for seed in seeds]))

    def stacked(self, states: Sequence[State]) -> State:
        """States of single runs as one of the stack."""
        return self._spread(jax.device_get(list(states)))

    def lane(self, state: State, i: int) -> State:
        """The state of one run, as `Program` has it."""
        own = jax.tree.map(lambda leaf: leaf[i], jax.device_get(state))
        return jax.device_put(own, self.program.shardings)

    def train(
        self, state: State, batches: Sequence, rates_RxS: np.ndarray, hyper: Sequence
    ) -> State:
        """Train each lane on its own batches [steps, B, L + 1] at its own rates; `state` is donated."""
        count = rates_RxS.shape[1]

        def filled(array: np.ndarray) -> np.ndarray:
            out = np.zeros((STEPS_AT_ONCE, *array.shape[1:]), array.dtype)
            out[:count] = array
            return out

        return self._train(
            state,
            self._spread([filled(batch.tokens) for batch in batches]),
            self._spread([filled(batch.repeated) for batch in batches]),
            self._spread([filled(rates) for rates in rates_RxS]),
            self._spread(list(hyper)),
            np.int32(count),
        )

    def losses(self, state: State, sets: Sequence[dict[str, np.ndarray]]) -> list[dict[str, float]]:
        """Of each lane the mean losses (nats per token) on each of its sets of sequences."""
        found: list[dict[str, float]] = [{} for _ in range(self.count)]
        for name in {name for own in sets for name in own}:
            size, width = self.program.evaluation_size, self.program.context + 1
            filled = np.zeros((self.count, size, width), np.uint32)
            for i, own in enumerate(sets):
                if name in own:
                    filled[i, : len(own[name])] = own[name]
            sums = np.asarray(self._losses(state.params, self._spread(list(filled))))
            for i, own in enumerate(sets):
                if name in own:
                    targets = np.count_nonzero(own[name][:, 1:])
                    found[i][name] = float(sums[i].sum(dtype=np.float64)) / targets
        return found

    def compile(self) -> float:
        """Compile everything by running it on nothing; returns the seconds it took."""
        start = time.perf_counter()
        state = self.init([0])
        width = self.program.context + 1
        nothing = {"test": np.zeros((1, width), np.uint32)}
        nothing["test"][:] = 1
        self.losses(state, [nothing] * self.count)
        jax.block_until_ready(state)
        return time.perf_counter() - start


def _restore(
    stack: StackedProgram, kept: Sequence[Checkpoints | None], configs: Sequence[RunConfig]
) -> tuple[State, int]:
    """The states at the newest step that all runs have kept, and that step."""
    steps = [set(checkpoints.steps()) if checkpoints else set() for checkpoints in kept]
    common = max(set.intersection(*steps), default=0)
    if not common:
        return stack.init([config.seed for config in configs]), 0
    abstract = stack.program.abstract_state
    states = [checkpoints.restore(abstract, common) for checkpoints in kept]
    return stack.stacked(states), common
