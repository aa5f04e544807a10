"""Grids: a YAML file in, the runs of a study out.

A grid is a base config, axes that multiply, runs spelled out, and stages that follow them. Controls
are added by themselves: for every run that repeats something, the same run without.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import product
from pathlib import Path
from typing import Any, get_origin

import yaml
from pydantic import Field, SerializeAsAny, field_validator, model_validator

from data_pipelines.config import Config, unknown_name
from data_pipelines.errors import OstinatoError
from scaling.config import RunConfig
from scaling.record import Record
from scaling.stages import Following, following
from sweeps.grids.plan import Plan, columns_of
from sweeps.grids.select import matches

SHIPPED = Path(__file__).parent
"""Grids that come with Ostinato, named by their files."""


class Grid(Config):
    """What a grid file says; the keys of `base`, `axes`, `zipped` and `runs` are RunConfig's."""

    name: str = Field(pattern=r"^\w[\w.-]*$", description="Name of the study.")
    description: str = Field("", description="What the study asks, in a sentence or two.")
    base: dict[str, Any] = Field(default_factory=dict, description="Values that all runs share.")
    axes: dict[str, list[Any]] = Field(
        default_factory=dict, description="Lists of values that multiply."
    )
    zipped: list[dict[str, list[Any]]] = Field(
        default_factory=list,
        description="Groups of lists of one length that go together, and multiply.",
    )
    runs: list[dict[str, Any]] = Field(
        default_factory=list,
        description="Runs beside the product; a list in one multiplies as an axis does, of probes and "
        "pools, which are lists themselves, a list of lists.",
    )
    stages: list[SerializeAsAny[Following]] = Field(
        default_factory=list,
        description="What follows which of the runs, once they are done, one after the other.",
    )
    exclude: list[str] = Field(
        default_factory=list,
        description="Expressions; runs of the product that match one are left out.",
    )

    @model_validator(mode="before")
    @classmethod
    def _fine_tuning_is_a_stage(cls, values: Any) -> Any:
        """Grids of before there were other stages have a key of its own for it."""
        if isinstance(values, dict) and isinstance(values.get("fine_tuning"), list):
            values = dict(values)
            kind, entries = {"stage": "fine_tuning"}, values.pop("fine_tuning")
            named = [kind | entry if isinstance(entry, dict) else entry for entry in entries]
            values["stages"] = [*(values.get("stages") or []), *named]
        return values

    @field_validator("stages", mode="before")
    @classmethod
    def _of_their_stage(cls, entries: Any) -> Any:
        if not isinstance(entries, list):
            return entries
        return [following(entry) if isinstance(entry, dict) else entry for entry in entries]

    @field_validator("axes")
    @classmethod
    def _axes_are_sound(cls, axes: dict[str, list[Any]]) -> dict[str, list[Any]]:
        _check_axes(axes)
        return axes

    @field_validator("runs")
    @classmethod
    def _axes_of_runs_are_sound(cls, runs: list[dict[str, Any]]) -> list[dict[str, Any]]:
        for run in runs:
            _check_axes(_axes_of(run))
        return runs

    @field_validator("zipped")
    @classmethod
    def _zipped_are_equally_long(
        cls, groups: list[dict[str, list[Any]]]
    ) -> list[dict[str, list[Any]]]:
        for group in groups:
            lengths = {name: len(values) for name, values in group.items()}
            if len(set(lengths.values())) > 1:
                raise ValueError(f"lists of one group differ in length: {lengths}")
            if not any(lengths.values()):
                raise ValueError(f"{', '.join(group) or 'a group'} has no values; give some")
        return groups


_LISTS = {
    name for name, field in RunConfig.model_fields.items() if get_origin(field.annotation) is tuple
}
"""Fields whose value is a list itself."""


def _axes_of(run: dict[str, Any]) -> dict[str, list[Any]]:
    """The lists of a run of a grid that multiply."""
    return {
        name: value
        for name, value in run.items()
        if isinstance(value, list)
        and (name not in _LISTS or (value and all(isinstance(item, list) for item in value)))
    }


def _check_axes(axes: dict[str, list[Any]]) -> None:
    for name, values in axes.items():
        if not values:
            raise ValueError(f"{name} has no values; give some or leave it out")
        if len({repr(value) for value in values}) < len(values):
            raise ValueError(f"{name} has a value twice: {values}")


def find_grid(grid: str) -> Path:
    """The file of a grid given by path or by the name of a shipped one."""
    path = Path(grid)
    if path.suffix in (".yaml", ".yml") or path.exists():
        if not path.is_file():
            raise OstinatoError(f"{path}: no such grid file")
        return path
    shipped = SHIPPED / f"{grid}.yaml"
    if not shipped.exists():
        names = sorted(p.stem for p in SHIPPED.glob("*.yaml"))
        raise OstinatoError(
            f"{unknown_name('grid', grid, names)}; or give the path of a .yaml file"
        )
    return shipped


def load_plan(path: Path) -> Plan:
    """Read a grid file and expand it; raises OstinatoError naming file and key."""
    try:
        values = yaml.load(path.read_text(), Loader=_Loader)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f" (line {mark.line + 1})" if mark else ""
        problem = getattr(error, "problem", None) or "not YAML"
        raise OstinatoError(f"{path}{where}: {problem}") from None
    except (OSError, UnicodeDecodeError) as error:
        raise OstinatoError(f"{path}: cannot be read ({error})") from None
    if not isinstance(values, dict):
        raise OstinatoError(f"{path}: not a grid; it holds no keys such as name, base and axes")
    if isinstance(values.get("base"), dict) and isinstance(values["base"].get("pools"), str):
        values["base"]["pools"] = _read_pools(path.parent / values["base"]["pools"])
    return expand(Grid.parse(values, str(path)), str(path))


def _read_pools(table: Path) -> list[dict[str, Any]]:
    """The pools of a table that `ostinato duplicates --write` made: what is repeated in it."""
    import pandas as pd

    try:
        frame = pd.read_csv(table) if table.suffix == ".csv" else pd.read_parquet(table)
        frame = frame[frame["repeats"] > 1]
        pairs = zip(frame["token_share"].tolist(), frame["repeats"].tolist(), strict=True)
    except (OSError, ValueError, KeyError) as error:
        raise OstinatoError(
            f"pools: {table} is no table of repeats and token_share ({error})"
        ) from None
    return [{"fraction": fraction, "repeats": repeats} for fraction, repeats in pairs]


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
        axes = _axes_of(extra)
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
        return [child for parent in parents for child in asked.follow(parent, runs)]
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


class _Loader(yaml.SafeLoader):
    """Safe YAML that refuses a key given twice."""

    def construct_mapping(self, node, deep=False):
        seen = set()
        for key, _ in node.value:
            name = self.construct_object(key, deep=True)
            if name in seen:
                raise yaml.MarkedYAMLError(
                    problem=f"{name} is given twice", problem_mark=key.start_mark
                )
            seen.add(name)
        return super().construct_mapping(node, deep)
