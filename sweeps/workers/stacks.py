"""Runs of one shape trained together by one worker: which go together, and their records."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

from scaling.config import RunConfig
from scaling.processor import processor
from sweeps.study import claims
from sweeps.study.store import RunDirectory, StudyDirectory


def stacks_of(runs: Sequence[RunConfig], size: int) -> dict[str, list[str]]:
    """For each run the ids of its stack, its own first: at most `size` that can be trained together."""
    from scaling.lanes import stack_key

    groups: dict[tuple, list[str]] = {}
    for run in runs:
        groups.setdefault(stack_key(run), []).append(run.run_id)
    found = {}
    for ids in groups.values():
        for start in range(0, len(ids), size):
            stack = ids[start : start + size]
            found |= {run_id: [run_id, *(i for i in stack if i != run_id)] for run_id in stack}
    return found


def run_stack(
    configs: Sequence[RunConfig],
    study: StudyDirectory,
    data_dir: Path,
    tell: Callable[..., None],
    should_stop: Callable[[], bool],
    keep: int,
) -> None:
    """Train runs together, those that are not done nor another's, each under a claim of its own.

    Tells of the first as `worker.run_one` does; the others are found done when their turn comes, and
    those that failed are tried once more. Raises Interrupted when stopped.
    """
    from scaling.lanes import Lane, train_together

    with ExitStack() as held:
        mine = []
        for config in configs:
            run = study.run(config.run_id)
            if claims.claim(run.claim):
                held.callback(claims.release, run.claim)
                if run.status()["state"] != "done":
                    mine.append((config, run))
        if not mine or mine[0][0].run_id != configs[0].run_id:
            status = study.run(configs[0].run_id).status()
            tell(
                status["state"] if status["state"] in ("done", "failed") else "taken",
                **_why(status),
            )
            return
        lanes = []
        for number, (config, run) in enumerate(mine):
            held.enter_context(claims.renewing(run.claim))
            first = number == 0
            lanes.append(
                Lane(
                    config,
                    run.checkpoints,
                    on_start=partial(_begin, run, config),
                    on_evaluation=run.evaluation,
                    on_progress=lambda p, first=first: first and tell("progress", **asdict(p)),
                )
            )
        try:
            ends: list[Any] = train_together(
                lanes, data_dir=data_dir, keep=keep, should_stop=should_stop
            )
        except (ArithmeticError, OSError, RuntimeError, TypeError, ValueError) as error:
            traceback.print_exc()
            ends = [error] * len(mine)
        for (_, run), end in zip(mine, ends, strict=True):
            if isinstance(end, Exception):
                run.fail(str(end).splitlines()[0] if str(end) else type(end).__name__)
            else:
                run.finish(end)
        status = mine[0][1].status()
        tell(status["state"], **_why(status))


def _begin(run: RunDirectory, config: RunConfig, step: int) -> None:
    run.begin(config, step, processor())


def _why(status: dict[str, Any]) -> dict[str, Any]:
    """What an event says of a run's end."""
    if status["state"] == "failed":
        return {"error": status["error"]}
    summary = status.get("summary", {})
    return {name: summary[name] for name in ("seconds", "test_loss") if name in summary}
