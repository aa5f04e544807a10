"""The one run loop: compile, restore, feed, train, tell, evaluate, save, until the end or a stop.

`run` reads top to bottom, in one module with all that it is handed, a little long for that: a
`Training`, of one lane or of several in step. It writes nothing but checkpoints: what it measures goes
to its lanes' callbacks, and where it resumed is told, so that whoever keeps the rows can drop those
that come again.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence, Set
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import jax
import numpy as np

from scaling.checkpoints import Checkpoints
from scaling.probes.probe import Rows
from scaling.processor import processor
from scaling.programs.layout import Layout
from scaling.programs.program import STEPS_AT_ONCE
from scaling.record import Record


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

    compile: float = 0.0
    """Of training, evaluation and probes alike: little of it where another run of its shape went before."""
    feed: float = 0.0
    train: float = 0.0
    evaluate: float = 0.0
    probe: float = 0.0
    save: float = 0.0


@dataclass(frozen=True)
class Lane:
    """One run: its record, where its checkpoints lie (None keeps none), what it begins with, and who
    is told of it.

    begins: the run whose final weights it begins with, and where that one's checkpoints lie; beside:
    the same of every run that it comes `after`, by id.
    on_start gets the step it goes on from; on_evaluation a row each evaluation (losses in nats per
    token); on_details after it what there is for other tables, each row with its `step` and `tokens`.
    """

    record: Record
    checkpoint_dir: Path | None = None
    begins: tuple[Record, Path] | None = None
    beside: Mapping[str, tuple[Record, Path]] = field(default_factory=dict)
    on_start: Callable[[int], None] = lambda step: None
    on_evaluation: Callable[[dict[str, Any]], None] = lambda row: None
    on_details: Callable[[dict[str, Rows]], None] = lambda details: None
    on_progress: Callable[[Progress], None] = lambda progress: None


@dataclass(frozen=True)
class Surroundings:
    """Where and how runs are carried out, which is no part of what they are.

    keep: how many checkpoints of a run stay, the newest; checkpoint_seconds: least time between two of a
    run under way. A trace of the second and third call of the
    device goes to profile_dir, for TensorBoard's profiler or Perfetto. should_stop is asked before
    and after what there is to compile, and between calls of the device; if it says so, what was trained
    is saved first.
    """

    data_dir: Path
    keep: int = 1
    checkpoint_seconds: float = 300.0
    layout: Layout = Layout()  # noqa: RUF009 - frozen
    devices: list[Any] | None = None
    profile_dir: Path | None = None
    should_stop: Callable[[], bool] = lambda: False


class Evaluation(NamedTuple):
    """What is found of one lane at an evaluation."""

    row: dict[str, Any]
    details: dict[str, Rows]


class Training(Protocol):
    """What the loop drives: the states of all lanes, in step.

    `feed` and `train` are of the steps start to stop - 1. A state of the loop is whatever `begin`
    or `join` makes; a lane's own, which its checkpoints have, is as `abstract_state` says.
    """

    @property
    def steps(self) -> int:
        """How many there are."""

    @property
    def tokens_a_step(self) -> int:
        """Of a lane."""

    @property
    def evaluations(self) -> Set[int]:
        """The steps after which it is evaluated, the last among them."""

    @property
    def abstract_state(self) -> Any:
        """Shapes, types and shardings of a lane's state."""

    @property
    def device(self) -> Any:
        """One of those that it runs on."""

    def compile(self) -> float:
        """Compile what there is to compile; returns the seconds it took."""

    def begin(self) -> Any:
        """The state before the first step."""

    def join(self, states: Sequence[Any]) -> Any:
        """The state of the loop, from those of the lanes."""

    def lane(self, state: Any, number: int) -> Any:
        """The state of a lane."""

    def prepare(self, state: Any) -> float:
        """Compile, or find out, what is needed besides; returns the seconds it took."""

    def feed(self, start: int, stop: int) -> Any:
        """The data of some steps."""

    def train(self, state: Any, fed: Any, start: int, stop: int) -> Any:
        """The state after them."""

    def losses(self, state: Any) -> list[float]:
        """Mean training loss of each lane since the last evaluation, nats per token; not finite where
        the lane has diverged. Waits for the device."""

    def evaluate(self, state: Any, step: int, clock: Clock) -> list[Evaluation]:
        """What is found of each lane."""

    def rested(self, state: Any) -> Any:
        """The state after an evaluation: what was summed up since the last one begins anew."""

    def summary(self, state: Any, number: int) -> dict[str, Any]:
        """What is known of a lane at its end, beside its last row."""


def run(
    training: Training, lanes: Sequence[Lane], around: Surroundings
) -> list[dict[str, Any] | Exception]:
    """Train to the end and return the summary of each lane, or why it failed.

    All go on from the newest step that all of them have a checkpoint of. A lane that diverges does
    not stop the others. Raises OstinatoError on checkpoints that do not fit, Interrupted when stopped,
    after saving.
    """
    began, clock = time.perf_counter(), Clock()
    keep = around.keep if len(lanes) == 1 else max(around.keep, 2)  # to have a step in common
    failed: dict[int, Exception] = {}
    found: list[Evaluation] = []
    kept = [
        Checkpoints(lane.checkpoint_dir, lane.record, keep) if lane.checkpoint_dir else None
        for lane in lanes
    ]
    trace = ExitStack()

    def evaluate(tell: bool = True) -> None:
        when = {"step": step, "tokens": step * training.tokens_a_step}
        found[:] = [
            Evaluation(
                when | row | {"seconds": clock.train},
                {table: [when | each for each in rows] for table, rows in details.items()},
            )
            for row, details in training.evaluate(state, step, clock)
        ]
        for number, (lane, (row, details)) in enumerate(zip(lanes, found, strict=True)):
            if tell and number not in failed:
                lane.on_evaluation(row)
                lane.on_details(details)

    try:
        for lane in lanes:
            lane.on_progress(Progress(0, training.steps, np.nan, 0.0, np.nan, "compiling"))
        if around.should_stop():
            raise Interrupted("stopped before it was compiled")
        clock.compile = training.compile()
        state, step = _restored(training, kept)
        first = step
        clock.compile += training.prepare(state)
        for lane in lanes:
            lane.on_start(step)
        if around.should_stop():
            raise Interrupted(f"stopped at step {step}")
        saved = time.perf_counter()
        if step == 0:
            evaluate()
        for call, stop in enumerate(_calls(training, step)):
            if around.profile_dir and call == 1:
                trace.enter_context(
                    jax.profiler.trace(around.profile_dir, create_perfetto_trace=True)
                )
            start = time.perf_counter()
            fed = training.feed(step, stop)
            clock.feed += time.perf_counter() - start

            start = time.perf_counter()
            state = training.train(state, fed, step, stop)
            step = stop
            losses = training.losses(state)
            clock.train += time.perf_counter() - start
            if call == 2:
                trace.close()
            for number, (lane, loss) in enumerate(zip(lanes, losses, strict=True)):
                if number in failed:
                    continue
                if np.isfinite(loss):
                    lane.on_progress(_progress(training, step, first, loss, clock))
                else:
                    failed[number] = Diverged(f"loss is {loss} at step {step}; lower learning_rate")
            if len(failed) == len(lanes):
                break

            if step in training.evaluations:
                evaluate()
                state = training.rested(state)
            done, stop_now = step == training.steps, around.should_stop()
            if done or stop_now or time.perf_counter() - saved > around.checkpoint_seconds:
                start = time.perf_counter()
                for number, checkpoints in enumerate(kept):
                    if checkpoints and number not in failed:
                        checkpoints.save(step, training.lane(state, number))
                saved = time.perf_counter()
                clock.save += saved - start
            if stop_now and not done:
                raise Interrupted(f"stopped at step {step}")
        if not found:  # resumed from the finished state
            evaluate(tell=False)
    finally:
        trace.close()
        start = time.perf_counter()
        for checkpoints in kept:
            if checkpoints:
                checkpoints.close()
        clock.save += time.perf_counter() - start

    trained = (training.steps - first) * training.tokens_a_step
    spent = {
        "seconds": time.perf_counter() - began,
        "tokens_per_second": trained / clock.train if trained else np.nan,
        **{f"{name}_seconds": seconds for name, seconds in asdict(clock).items()},
        "platform": training.device.device_kind,
        "jax_version": jax.__version__,
        **(processor(len(lanes))._asdict() if training.device.platform == "cpu" else {}),
    }
    return [
        failed.get(i) or found[i].row | training.summary(state, i) | spent
        for i in range(len(lanes))
    ]


def _restored(training: Training, kept: Sequence[Checkpoints | None]) -> tuple[Any, int]:
    """The states at the newest step that all lanes have kept, or before the first, and that step."""
    steps = [set(checkpoints.steps()) if checkpoints else set() for checkpoints in kept]
    common = max(set.intersection(*steps), default=0)
    if not common:
        return training.begin(), 0
    abstract = training.abstract_state
    return training.join([own.restore(abstract, common) for own in kept if own]), common


def _calls(training: Training, step: int) -> Iterator[int]:
    """Where each call of the device's loop ends: every STEPS_AT_ONCE, and at each evaluation."""
    for evaluation in sorted(training.evaluations):
        while step < evaluation:
            step = min(step + STEPS_AT_ONCE, evaluation)
            yield step


def _progress(training: Training, step: int, first: int, loss: float, clock: Clock) -> Progress:
    """Where a run is that began at step `first`."""
    spent = clock.train + clock.feed + clock.evaluate + clock.probe
    speed = (step - first) * training.tokens_a_step / spent
    left = (training.steps - step) * training.tokens_a_step / speed
    return Progress(step, training.steps, loss, speed, left)
