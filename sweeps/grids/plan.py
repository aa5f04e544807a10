"""Plans: the runs of a grid, each once, in the grid's order."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from data_pipelines.errors import OstinatoError
from scaling.record import Record
from sweeps.grids.select import matches

if TYPE_CHECKING:
    from sweeps.grids.grid import Grid


@dataclass(frozen=True)
class Plan:
    """The runs of a grid, each once, and how many were asked for again."""

    grid: Grid
    runs: tuple[Record, ...]
    identical: int

    def select(self, expression: str) -> Plan:
        """The plan of the runs that match an expression; raises OstinatoError if none does."""
        found = zip(self.runs, columns_of(self.runs), strict=True)
        runs = tuple(run for run, row in found if matches(expression, row))
        if not runs:
            raise OstinatoError(f"select: no run of {self.grid.name} matches {expression!r}")
        return Plan(self.grid, runs, self.identical)

    def share(self, share: str) -> Plan:
        """The runs of the share '0/16', the first of 16 that have equally much to do.

        Raises OstinatoError on anything but a number, a slash and a larger number.
        """
        number, _, count = share.partition("/")
        if not (number.isdigit() and count.isdigit() and int(number) < int(count)):
            raise OstinatoError(f"share: {share!r}; write 0/16 for the first of 16")
        longest_first = sorted(
            self._families().items(),
            key=lambda item: (-sum(run.flops(0) for run in item[1]), item[0]),
        )
        own = [run for _, runs in longest_first[int(number) :: int(count)] for run in runs]
        return Plan(self.grid, tuple(own), self.identical)

    def run(self, run_id: str) -> Record:
        """The run whose id begins so; raises OstinatoError if there is not exactly one."""
        runs = [run for run in self.runs if run.run_id.startswith(run_id)]
        if len(runs) != 1:
            raise OstinatoError(
                f"run_id: {run_id} names {len(runs)} runs of {self.grid.name}; plan and status list them"
            )
        return runs[0]

    def _families(self) -> dict[str, list[Record]]:
        """By the id of its first: runs, and what follows them."""
        families: dict[str, list[Record]] = {}
        home: dict[str, str] = {}
        for run in self.runs:
            first, *others = [home[i] for i in run.after if i in home] or [run.run_id]
            for other in set(others) - {first}:
                families[first] += families.pop(other)
                home |= dict.fromkeys((each.run_id for each in families[first]), first)
            home[run.run_id] = first
            families.setdefault(first, []).append(run)
        return families


def columns_of(runs: Sequence[Record]) -> list[dict[str, Any]]:
    """Each run's columns; what another's stage alone has is None."""
    own = [run.columns() for run in runs]
    names = dict.fromkeys(name for row in own for name in row)
    return [{name: row.get(name) for name in names} for row in own]
