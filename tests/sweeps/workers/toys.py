"""A probe, a stage and a finding that are none of ours, and a worker that knows them."""

import time
from collections.abc import Sequence
from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
from pydantic import Field

from analysis.figures.chart import Axis, Chart, Panel, Series
from analysis.findings import FINDINGS, Finding
from scaling import loop
from scaling.checkpoints import Checkpoints
from scaling.probes import PROBES, Found, Probe
from scaling.record import Record
from scaling.stages import STAGES, Following, Stage
from sweeps.workers import worker

STEPS = 40


def _count(subject, shown, look) -> Found:
    rows = [{"index": index, "loss": float(loss)} for index, loss in enumerate(look.losses_NxL[0])]
    return Found({"toy_score": float(look.losses_NxL.max())}, {"toys": rows})


TOY_PROBE = Probe(
    "toy", about="the worst loss", columns=("toy_score",), tables=("toys",), measure=_count
)


class TallyConfig(Record):
    """Counts up from the step at which the run before has ended."""

    stage: str = Field("tally", pattern="^tally$")
    by: int = Field(description="What is added a step.")

    @property
    def tables(self) -> tuple[str, ...]:
        return ("tallies",)


class Tallying(Following):
    stage: str = Field("tally", pattern="^tally$")
    by: int = 1

    def accepts(self, parent: Record) -> bool:
        return parent.stage == "pretraining"

    def records(self, parent: Record, runs: Sequence[Record]) -> list[Record]:
        return [TallyConfig(of=parent.run_id, by=self.by)]


class _Counting:
    """What the loop drives."""

    steps, tokens_a_step, evaluations = STEPS, 1, frozenset({STEPS // 2, STEPS})
    abstract_state = {"total": jax.ShapeDtypeStruct((), np.int32)}  # noqa: RUF012

    def __init__(self, lanes):
        ((parent, place),) = [lane.begins for lane in lanes]
        self._start = max(Checkpoints(place, parent).steps())
        self._by = lanes[0].record.by
        self.device = jax.devices()[0]

    def compile(self):
        return 0.0

    def begin(self):
        return {"total": jnp.int32(self._start)}

    def join(self, states):
        return states[0]

    def lane(self, state, number):
        return state

    def prepare(self, state):
        return 0.0

    def feed(self, start, stop):
        return None

    def train(self, state, fed, start, stop):
        time.sleep(0.2)
        return {"total": state["total"] + self._by * (stop - start)}

    def losses(self, state):
        return [0.0]

    def evaluate(self, state, step, clock):
        total = int(state["total"])
        return [loop.Evaluation({"total": total}, {"tallies": [{"half": total / 2}]})]

    def rested(self, state):
        return state

    def summary(self, state, number):
        return {"total": int(state["total"])}


def _run(lanes, around):
    return loop.run(_Counting(lanes), lanes, replace(around, checkpoint_seconds=0))


TOY_STAGE = Stage("tally", TallyConfig, _run, Tallying)


def _halves(analysis) -> Chart:
    table = analysis.tallied
    ways = Series("tally", table.step.to_numpy(), table.half.to_numpy(), run_ids=[[*table.run_id]])
    words = {"title": "Tallies", "caption": "Halves by step.", "reading": "They rise."}
    axes = {"x": Axis("step"), "y": Axis("half of the total")}
    return Chart(key="tallies", table=table, panels=[Panel("", [ways])], **words, **axes)


TOY_FINDING = Finding(
    "tallies",
    needs={"tally": ("total",), "toys": ("loss",), "tallies": ("half",)},
    tables={"tallied": lambda analysis: analysis.study.details["tallies"]},
    sentences=lambda analysis: [
        f"{len(analysis.study.stages['tally'])} run has counted to {analysis.tallied.half.max() * 2:.0f}."
    ],
    charts=(_halves,),
)


def register() -> None:
    """An object and a line each."""
    PROBES.append(TOY_PROBE)
    STAGES.append(TOY_STAGE)
    FINDINGS.append(TOY_FINDING)


def main(*arguments: str) -> int:
    """The worker, in a process that knows them."""
    register()
    return worker.main(*arguments)
