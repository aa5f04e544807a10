"""Training a language model on a mixture, alone or in a stack: what `loop.run` drives.

Data in, steps, losses out. `evaluate` measures the held-out losses, the means since the last
evaluation, and what the run's probes find.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import jax
import numpy as np

from data_pipelines.errors import OstinatoError
from data_pipelines.stream import Batch, TrainingData, heldout, open_data, open_store
from scaling.checkpoints import final_params
from scaling.config import RunConfig
from scaling.hosts import host_rows
from scaling.loop import Clock, Evaluation, Lane, Surroundings
from scaling.model.transformer import count_params
from scaling.probes.battery import Battery
from scaling.programs.lanes import Alone, Lanes, Stacked
from scaling.programs.optimiser import Hyper, learning_rates
from scaling.programs.program import Program, program_for
from scaling.programs.step import State, Tally
from scaling.record import Record


class LanguageModelling:
    """The training of one lane or more; a `loop.Training`.

    Raises OstinatoError on data and a layout that do not fit the runs.
    """

    kind: Callable[..., Program] = staticmethod(Program)
    """What is compiled."""

    def __init__(self, lanes: Sequence[Lane], around: Surroundings):
        self._configs = [_trained(lane.record) for lane in lanes]
        self._begins = [
            lane.begins and (_trained(lane.begins[0]), lane.begins[1]) for lane in lanes
        ]
        first = self._configs[0]
        around.layout.mesh(first, around.devices)  # said before anything is read
        data_dir = around.data_dir
        self._data = [open_data(config, data_dir) for config in self._configs]
        self._sets = [
            evaluation_sets(config, data, data_dir)
            for config, data in zip(self._configs, self._data, strict=True)
        ]
        self._rates = [learning_rates(config) for config in self._configs]
        self._hyper = [Hyper.of(config) for config in self._configs]
        self._rows = host_rows(first.batch_size)
        size = self._data[0].vocabulary_size
        self._lanes: Lanes = (
            Alone(program_for(first, size, around.layout, around.devices, self.kind))
            if len(lanes) == 1
            else Stacked(first, size, len(lanes), around.devices, self.kind)
        )
        self._program = self._lanes.program
        facts = self._data[0].facts if first.probes else None
        truth = None if facts is None else facts.truth
        self._battery = Battery(first.probes, self._program, self._sets[0], truth)
        self.steps = first.steps
        self.tokens_a_step = first.batch_size * first.context
        self.evaluations = evaluation_steps(first)
        self.device = self._program.mesh.devices.flat[0]

    @property
    def abstract_state(self) -> State:
        return self._program.abstract_state

    def compile(self) -> float:
        return self._lanes.compile()

    def begin(self) -> State:
        state = self._lanes.init([config.seed for config in self._configs])
        if not any(self._begins):
            return state
        own = [self._lanes.lane(state, number) for number in range(len(self._configs))]
        for number, parent in enumerate(self._begins):
            if parent:
                params = self._inherited(own[number].params, *parent)
                own[number] = own[number].replace(params=params)
        return self._lanes.join(own)

    def _inherited(self, own: Any, parent: RunConfig, checkpoints: Path) -> Any:
        """The weights that a lane begins with in place of its `own`."""
        return final_params(parent, checkpoints, self.abstract_state)

    def join(self, states: Sequence[State]) -> State:
        return self._lanes.join(states)

    def lane(self, state: State, number: int) -> State:
        return self._lanes.lane(state, number)

    def prepare(self, state: State) -> float:
        return self._battery.compile()

    def feed(self, start: int, stop: int) -> list[Batch]:
        return [data.batches(start, stop, self._rows) for data in self._data]

    def train(self, state: State, fed: list[Batch], start: int, stop: int) -> State:
        rates = [own[start:stop] for own in self._rates]
        return self._lanes.train(state, fed, rates, self._hyper)

    def losses(self, state: State) -> list[float]:
        return [training_loss(tally) for tally in self._lanes.tallies(state)]

    def evaluate(self, state: State, step: int, clock: Clock) -> list[Evaluation]:
        start = time.perf_counter()
        names = dict.fromkeys(name for own in self._sets for name in own)
        losses = {
            name: self._lanes.token_losses(state, [own.get(name) for own in self._sets])
            for name in names
        }
        tallies = self._lanes.tallies(state)
        found = []
        for number, (own, tally) in enumerate(zip(self._sets, tallies, strict=True)):
            rate = self._rates[number][step - 1] if step else 0.0
            means = {name: _mean_loss(losses[name][number], own[name]) for name in own}
            found.append(Evaluation(evaluation_row(tally, means, rate), {}))
        probing = time.perf_counter()
        clock.evaluate += probing - start
        if len(found) == 1:  # runs with probes go alone
            on_text = losses["test"][0]
            assert on_text is not None
            last = step == self.steps
            columns, details = self._battery.measure(state.params, on_text, last)
            found = [Evaluation(found[0].row | columns, details)]
        clock.probe += time.perf_counter() - probing
        return found

    def rested(self, state: State) -> State:
        return state.replace(tally=jax.tree.map(lambda leaf: leaf * 0, state.tally))

    def summary(self, state: State, number: int) -> dict[str, Any]:
        config, data = self._configs[number], self._data[number]
        return {
            "params": config.params,
            "params_total": count_params(self._lanes.lane(state, number).params),
            "pool_tokens": config.pool_tokens,
            "realised_fraction": config.realised_fraction,
            "corpus_digest": data.digest,
            "flops": config.flops(data.vocabulary_size),
        }


def _trained(record: Record) -> RunConfig:
    if not isinstance(record, RunConfig):
        raise OstinatoError(f"stage: {record.stage} trains no language model on a mixture")
    return record


def evaluation_steps(config: RunConfig) -> set[int]:
    """The steps after which a run is evaluated."""
    count = min(config.evaluations, config.steps)
    return {round(config.steps * i / count) for i in range(1, count + 1)}


def evaluation_sets(config: RunConfig, data: TrainingData, data_dir: Path) -> dict[str, np.ndarray]:
    """Sequences [n, L + 1] that each of the held-out losses is measured on."""
    limit = max(1, config.evaluation_tokens // config.context)
    sets = {"test": data.heldout("test", limit), "pool": data.pool(limit)}
    if config.ood_corpus:
        sets["ood"] = heldout(open_store(config.ood_corpus, config, data_dir), "test", limit)
    return {name: tokens for name, tokens in sets.items() if len(tokens)}


def evaluation_row(
    tally: Tally, losses: dict[str, float | None], learning_rate: float
) -> dict[str, Any]:
    """A row of a run's curve from its tally and its losses by evaluation set."""
    row = {
        "test_loss": None,
        "pool_loss": None,
        "ood_loss": None,
        "train_loss": mean(
            tally.unique_loss + tally.repeated_loss, tally.unique_tokens + tally.repeated_tokens
        ),
        "unique_loss": mean(tally.unique_loss, tally.unique_tokens),
        "repeated_loss": mean(tally.repeated_loss, tally.repeated_tokens),
        "grad_norm": mean(tally.gradient_norm, tally.steps),
        "learning_rate": float(learning_rate),
    }
    return row | {f"{name}_loss": loss for name, loss in losses.items()}


def _mean_loss(losses_NxL: np.ndarray | None, tokens_NxL: np.ndarray) -> float | None:
    """Of the targets that are no padding."""
    if losses_NxL is None:
        return None
    return mean(losses_NxL.sum(dtype=np.float64), int(np.count_nonzero(tokens_NxL[:, 1:])))


def mean(total: float, count: float) -> float | None:
    """None of nothing."""
    return float(total) / float(count) if count else None


def training_loss(tally: Tally) -> float:
    """The mean loss of a tally; not a number where its gradients were none."""
    loss = mean(
        tally.unique_loss + tally.repeated_loss, tally.unique_tokens + tally.repeated_tokens
    )
    return np.nan if loss is None or not np.isfinite(tally.gradient_norm) else loss
