"""The run store: a study's directory, written by many processes, read by anyone.

    grid.yaml  meta.json  results.parquet  curves.parquet  TABLE.parquet
    runs/RUN_ID/  config.json  status.json  metrics.parquet  TABLE.parquet  log.txt  checkpoints/
    claims/RUN_ID

A TABLE is what its probes, or its stage, leave beside the curve (`Record.tables`).
Every file but the logs is replaced whole, so that a reader never sees half of one.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from data_pipelines.errors import OstinatoError
from data_pipelines.system.atomic import replacing
from scaling.config import RunConfig
from scaling.processor import Processor, moved
from scaling.record import Record
from sweeps.grids.files import load_plan
from sweeps.grids.plan import Plan
from sweeps.study import claims, tables
from sweeps.study.provenance import code_version, provenance
from sweeps.study.storage import read_many, write_bytes, write_json

if TYPE_CHECKING:  # half a second to load: not to say how a study stands
    import pandas as pd

STATES = ("pending", "running", "lost", "failed", "done")
"""Of a run: not begun; at work; begun and abandoned; ended by an error; finished."""


@dataclass(frozen=True)
class RunDirectory:
    """The files of one run."""

    path: Path
    claim: Path

    @property
    def checkpoints(self) -> Path:
        """Where its checkpoints lie."""
        return self.path / "checkpoints"

    @property
    def log(self) -> Path:
        """What its process printed."""
        return self.path / "log.txt"

    def last_lines(self, count: int) -> list[str]:
        """The last lines of its log; none where it has not begun."""
        if not self.log.exists():
            return []
        return self.log.read_text(errors="replace").splitlines()[-count:]

    def status(self) -> dict[str, Any]:
        """`state`, and what else is known: step, summary, error."""
        (content,) = read_many(self.path, ["status.json"])
        return self.judge(_parsed(content))

    def judge(self, status: dict[str, Any]) -> dict[str, Any]:
        """The status, with a run that is at work and has no living worker called lost."""
        if status["state"] == "running" and not claims.is_held(self.claim):
            return status | {"state": "lost"}
        return status

    def consumed_steps(self) -> int:
        """Steps whose data is in the newest checkpoint; 0 where there is none."""
        steps = [int(path.name) for path in self.checkpoints.glob("*") if path.name.isdigit()]
        return max(steps, default=0)

    def begin(self, record: Record, step: int, on: Processor | None = None) -> None:
        """Record that a run goes on from `step`, and on what kind of CPU; rows after it are dropped,
        as they come again."""
        write_json(self.path / "config.json", record.model_dump(mode="json"))
        status = {"state": "running", "step": step, "since": time.time()}
        write_json(self.path / "status.json", status | self._processors(step, on))
        for table in ("metrics", *record.tables):
            rows = self.table(table)
            kept = rows[rows["step"] <= step] if len(rows) and step else rows.iloc[:0]
            if len(kept) < len(rows):
                self._write(table, kept)

    def evaluation(self, row: dict[str, Any]) -> None:
        """Add a row to the run's curve."""
        self._add("metrics", [row])

    def details(self, found: dict[str, list[dict[str, Any]]]) -> None:
        """Add rows to tables beside the curve."""
        for table, rows in found.items():
            self._add(table, rows)

    def finish(self, summary: dict[str, Any]) -> None:
        """Record the summary of a run that has come to its end, and whose code brought it there."""
        seen = [Processor(*each) for each in self._processors(sys.maxsize)["processors"]]
        if len(seen) > 1 and "cpu" in summary:
            summary = summary | moved(seen)
        done = {"state": "done", "ended": time.time(), **code_version(), "summary": summary}
        write_json(self.path / "status.json", done)

    def fail(self, error: str) -> None:
        """Record why a run has failed."""
        failed = {"state": "failed", "ended": time.time(), "error": error}
        write_json(self.path / "status.json", failed | self._processors(sys.maxsize))

    def _processors(self, step: int, on: Processor | None = None) -> dict[str, list[list]]:
        """What of a status tells the kinds of CPU that have computed the run up to `step`, and `on`
        which it goes on."""
        (content,) = read_many(self.path, ["status.json"])
        seen = _parsed(content).get("processors", []) if step else []
        return {"processors": seen if on is None or list(on) in seen else [*seen, list(on)]}

    def metrics(self) -> pd.DataFrame:
        """The run's curve so far: a row an evaluation."""
        return self.table("metrics")

    def table(self, name: str) -> pd.DataFrame:
        """A table of the run so far; empty where there is none."""
        import pandas as pd

        try:
            return pd.read_parquet(self.path / f"{name}.parquet")
        except FileNotFoundError:
            return pd.DataFrame()

    def _add(self, table: str, rows: list[dict[str, Any]]) -> None:
        import pandas as pd

        parts = [part for part in (self.table(table), pd.DataFrame(rows)) if len(part)]
        if parts:
            self._write(table, pd.concat(parts, ignore_index=True))

    def _write(self, table: str, rows: pd.DataFrame) -> None:
        if rows.empty:
            (self.path / f"{table}.parquet").unlink(missing_ok=True)
            return
        # None means not measured: a number's column, whatever the first rows hold.
        rows = rows.astype({name: float for name in rows if rows[name].isna().any()})
        with replacing(self.path / f"{table}.parquet") as temporary:
            rows.to_parquet(temporary, index=False)


@dataclass(frozen=True)
class StudyDirectory:
    """A study on disk, or in a bucket; there it is written by workers that have mounted it."""

    path: Path

    def check(self, plan: Plan) -> None:
        """Raise OstinatoError if the directory is another grid's, or is no study's."""
        grid_file = self.path / "grid.yaml"
        if grid_file.exists():
            held = load_plan(grid_file)
            if held.grid.name != plan.grid.name:
                raise OstinatoError(
                    f"out: {self.path} holds the study {held.grid.name!r}, not {plan.grid.name!r}; "
                    "give another directory"
                )
            lost = {run.run_id: run for run in held.runs}.keys() - {run.run_id for run in plan.runs}
            if lost:
                raise OstinatoError(
                    f"out: {self.path} holds {held.grid.name!r} of another grid: {len(lost)} of its "
                    f"{len(held.runs)} runs are not in this one ({_difference(held, plan)}); "
                    "give another directory"
                )
        elif self.path.exists() and (not self.path.is_dir() or any(self.path.iterdir())):
            raise OstinatoError(
                f"out: {self.path} is not empty and holds no study; give another directory"
            )

    def create(self, plan: Plan, source: Path) -> None:
        """Make the directory, or extend the grid it holds; check first."""
        content = source.read_bytes()
        if isinstance((yaml.safe_load(content).get("base") or {}).get("pools"), str):
            # A table beside the source is no part of the study: its rows are.
            content = yaml.safe_dump(plan.grid.model_dump(), sort_keys=False).encode()
        write_bytes(self.path / "grid.yaml", content)
        self.__dict__.pop("plan", None)  # of the grid before
        if not (self.path / "meta.json").exists():
            about = {"name": plan.grid.name, "description": plan.grid.description.strip()}
            write_json(self.path / "meta.json", about | provenance())

    @cached_property
    def plan(self) -> Plan:
        """The runs of the study; raises OstinatoError where the directory holds none."""
        if not (self.path / "grid.yaml").exists():
            raise OstinatoError(f"{self.path}: holds no study (no grid.yaml)")
        return load_plan(self.path / "grid.yaml")

    def run(self, run_id: str) -> RunDirectory:
        """The files of a run."""
        return RunDirectory(self.path / "runs" / run_id, self.path / "claims" / run_id)

    def statuses(self) -> Iterator[tuple[Record, dict[str, Any]]]:
        """Every run of the grid with its status; one that is `collected` is done by its row in the
        study's results, and its files are not here."""
        runs = self.plan.runs
        names = [f"runs/{run.run_id}/status.json" for run in runs]
        contents = read_many(self.path, names)
        absent = {run.run_id for run, content in zip(runs, contents, strict=True) if not content}
        by_row = tables.done_by_row(self.path, absent) if absent else {}
        for record, content in zip(runs, contents, strict=True):
            status = by_row.get(record.run_id) or _parsed(content)
            if status["state"] == "running":  # of few: only for these a claim is looked at
                status = self.run(record.run_id).judge(status)
            yield record, status

    def done(self, collected: bool = True) -> set[str]:
        """Ids of the runs that are done; also by their rows alone, unless not asked for, or what
        begins with their weights has still to be done."""
        statuses = list(self.statuses())
        undone = [record for record, status in statuses if status["state"] != "done"]
        awaited = {run_id for record in undone for run_id in record.after}
        return {
            record.run_id
            for record, status in statuses
            if status["state"] == "done"
            and (not status.get("collected") or (collected and record.run_id not in awaited))
        }

    def superseded(self) -> list[str]:
        """Ids of runs on disk that the grid does not have any more: its defaults have changed since."""
        runs = self.path / "runs"
        found = {path.name for path in runs.iterdir()} if runs.exists() else set()
        return sorted(found - {run.run_id for run in self.plan.runs})

    def collect(self, into: Path | None = None) -> tuple[pd.DataFrame, pd.DataFrame]:
        """Write `results.parquet` (a row a run) and `curves.parquet` (a row an evaluation) from the
        runs' files into the study or another directory, and return them.

        The tables that runs leave beside their curves are written beside them. Runs not done are in
        the results without losses.
        """
        meta = json.loads((self.path / "meta.json").read_text())
        code = {name: meta[name] for name in tables.CODE}
        found = tables.gather(self.path, list(self.statuses()), code)
        tables.write(found, into or self.path)
        return found["results"], found["curves"]


def _parsed(content: bytes | None) -> dict[str, Any]:
    return {"state": "pending"} if content is None else json.loads(content)


def _difference(held: Plan, plan: Plan) -> str:
    """The first key in which two grids' runs differ."""
    for field in RunConfig.model_fields:
        before, after = ({getattr(run, field, None) for run in p.runs} for p in (held, plan))
        if not before <= after:
            return f"{field}: {min(before - after, key=str)} is gone"
    return "combinations of values are gone"
