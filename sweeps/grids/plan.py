"""Plans: the runs of a grid, each once, in the grid's order.

Controls are added by themselves: for every run that repeats something, the same run without.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

from data_pipelines.errors import OstinatoError
from scaling.config import RunConfig
from scaling.record import Record
from scaling.stages import Following
from sweeps.grids.grid import Grid, axes_of
from sweeps.grids.select import matches


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


def expand(grid: Grid, where: str = "") -> Plan:
    """All runs of a grid with their controls, in the grid's order, each once."""
    asked = (
        [
            config
            for config in _configs(grid.base, grid.axes, grid.zipped, where)
            if not any(matches(one, config.columns(), "exclude") for one in grid.exclude)
        ]
        if grid.axes or grid.zipped or not grid.runs
        else []
    )
    for extra in grid.runs:
        axes = axes_of(extra)
        fixed = {name: value for name, value in extra.items() if name not in axes}
        asked += _configs(grid.base | fixed, axes, [], where)
    if grid.exclude and not asked:
        raise OstinatoError(f"{where}: exclude: {grid.exclude} leaves no run; take some of it out")
    runs: dict[str, Record] = {}
    distinct = set()
    for config in asked:
        if not config.is_control:
            control = config.control()
            runs.setdefault(control.run_id, control)
        run_id = config.run_id
        distinct.add(run_id)
        runs.setdefault(run_id, config)
    for asked_for in grid.stages:
        for child in _followers(asked_for, list(runs.values()), where):
            runs.setdefault(child.run_id, child)
    return Plan(grid, tuple(runs.values()), len(asked) - len(distinct))


def _followers(asked: Following, runs: list[Record], where: str) -> list[Record]:
    """What a stage adds to the runs before it; raises OstinatoError where it follows none of them."""
    able = [run for run in runs if asked.accepts(run)]
    parents = [
        run for run, row in zip(able, columns_of(able), strict=True) if matches(asked.select, row)
    ]
    if not parents:
        raise OstinatoError(
            f"{where}: stages: no run that {asked.stage} can follow matches {asked.select!r}"
            + ("" if able else " (none can)")
        )
    try:
        return [child for parent in parents for child in asked.records(parent, runs)]
    except OstinatoError as error:
        raise OstinatoError(f"{where}: {error}") from None


def _configs(base: dict, axes: dict, zipped: list[dict], where: str) -> Iterable[RunConfig]:
    choices = [[{name: value} for value in values] for name, values in axes.items()]
    choices += [
        [dict(zip(group, values, strict=True)) for values in zip(*group.values(), strict=True)]
        for group in zipped
    ]
    for chosen in product(*choices):
        values = dict(base)
        for part in chosen:
            values |= part
        yield RunConfig.parse(values, where)
