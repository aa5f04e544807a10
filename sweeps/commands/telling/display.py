"""A sweep as people see it: a live table on a terminal, a line a finished run elsewhere."""

from __future__ import annotations

import math
import time
from collections import Counter
from collections.abc import Sequence
from typing import Any

from rich.console import Console, Group
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from scaling.config import RunConfig
from scaling.record import Record
from sweeps.commands.telling.words import duration, short
from sweeps.workers.local import Watcher


class Display(Watcher):
    """Shows each run at work (step, loss, tokens/s, time left) and the sweep as a whole."""

    def __init__(self, console: Console, jobs: int):
        self.console, self.jobs = console, jobs
        self.live = (
            Live(console=console, refresh_per_second=4, transient=True)
            if console.is_terminal
            else None
        )

    def started(self, waiting: Sequence[Record], done: int) -> None:
        self.began = time.monotonic()
        self.runs = {run.run_id: run for run in waiting}
        self.total, self.done, self.failed = len(waiting) + done, done, 0
        self.at_work: dict[str, dict[str, Any]] = {}
        self.alike = Counter(_kind(run) for run in waiting)
        self.speeds: dict[tuple, float] = {}
        self.flops_rates: dict[tuple, float] = {}
        self.took: dict[tuple, float] = {}
        if done:
            self.console.print(f"{done} of {self.total} runs are done already")
        if self.live:
            self.live.start()

    def event(self, event: dict[str, Any]) -> None:
        run = self.runs[event["run_id"]]
        if event["event"] == "progress":
            self.at_work[run.run_id] = event
            if event["tokens_per_second"]:
                shape, tokens, flops = _kind(run)
                speed = self.speeds[shape] = event["tokens_per_second"]
                if flops:
                    self.flops_rates[shape] = speed * flops / tokens
        else:
            self.at_work.pop(run.run_id, None)
            del self.runs[run.run_id]
            self.alike[_kind(run)] -= 1
            self._ended(run, event)
        self.tick()

    def _ended(self, run: Record, event: dict[str, Any]) -> None:
        if event["event"] == "failed":
            self.failed += 1
            line = Text.assemble(("failed ", "bold red"), describe(run), f"  {event['error']}")
        else:
            self.done += 1
            if "seconds" in event:
                self.took[_kind(run)] = event["seconds"]
            loss, seconds = event.get("test_loss"), event.get("seconds")
            found = f"  test loss {loss:.4f} in {duration(seconds)}" if loss is not None else ""
            line = Text.assemble(("done   ", "green"), describe(run), found)
        count = f"{self.done + self.failed}/{self.total}"
        left = f", {duration(self._left())} left" if self.runs else ""
        self.console.print(
            Text.assemble((f"{count:>7}  ", "dim"), line, (left, "dim")), soft_wrap=True
        )

    def tick(self) -> None:
        if self.live:
            self.live.update(self._render())

    def ended(self) -> None:
        if self.live:
            self.live.stop()

    def _render(self) -> Group:
        table = Table(box=None, pad_edge=False, header_style="dim")
        for name in ("run", "step", "", "train loss", "tokens/s", "left"):
            table.add_column(name, justify="left" if name in ("run", "") else "right", no_wrap=True)
        for run_id, event in sorted(self.at_work.items()):
            loss, speed = event["loss"], event["tokens_per_second"]
            table.add_row(
                describe(self.runs[run_id]),
                f"{event['step']}/{event['steps']}",
                ProgressBar(event["steps"], event["step"], width=16),
                event["note"] or f"{loss:.3f}",
                f"{speed:,.0f}" if speed else "",
                duration(event["seconds_left"]) if speed else "",
            )
        failed = f", {self.failed} failed" if self.failed else ""
        whole = Text(
            f"{self.done}/{self.total} done{failed}, {len(self.at_work)} at work, "
            f"{duration(time.monotonic() - self.began)} gone, {duration(self._left())} left",
            style="bold",
        )
        return Group(table, whole)

    def _left(self) -> float | None:
        """Seconds until all is done: as long as the last of a kind took, else by the speeds seen; None
        before any was seen."""
        if not (self.speeds or self.took):
            return None
        alike = self.alike.copy()
        left: Counter[float] = Counter()
        for run_id, event in self.at_work.items():
            if event["tokens_per_second"]:
                alike[_kind(self.runs[run_id])] -= 1
                left[event["seconds_left"]] += 1
        for kind, runs in (+alike).items():
            shape, tokens, flops = kind
            speed = self.speeds.get(shape)
            # A shape not seen yet: as many FLOPs a second as the slowest seen.
            slowest = min(self.flops_rates.values(), default=math.inf)
            left[self.took.get(kind, tokens / speed if speed else flops / slowest)] += runs
        together = sum(seconds * runs for seconds, runs in left.items())
        return max(together / self.jobs, max(left, default=0.0))


def _kind(run: Record) -> tuple[tuple, int, float]:
    """What tells how long a run takes: its shape, tokens and FLOPs."""
    return run.shape, getattr(run, "tokens", 0), run.flops(0)


def describe(run: Record) -> str:
    """A run in a few words."""
    if not isinstance(run, RunConfig):
        return f"{run.stage} {run.run_id}" + (f" from {run.of}" if run.of else "")
    if run.stage not in ("pretraining", "fine_tuning"):
        pairs = f"{short(run.pool_size)} pairs x{run.repeats}"
        begun = f"from {run.of or 'scratch'}"
        return f"{run.stage} {short(run.params)} {pairs} {begun} seed {run.seed}"
    repeated = f"f {run.repeated_fraction:g} x{run.repeats}" if run.repeats else "control"
    repeated = f"from {run.of}" if run.of else repeated
    return f"{short(run.params)} {repeated} seed {run.seed}"
