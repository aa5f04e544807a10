"""Grid files: one that is shipped or a user's, read into a plan."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from data_pipelines.config import unknown_name
from data_pipelines.errors import OstinatoError
from sweeps.grids.grid import Grid
from sweeps.grids.plan import Plan, expand

SHIPPED = Path(__file__).parent
"""Grids that come with Ostinato, named by their files."""


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


def demonstration(grid: str) -> str:
    """The shipped grid that shows in minutes what this one, named so, asks in hours; itself without."""
    quick = f"{grid}_quick"
    return quick if (SHIPPED / f"{quick}.yaml").exists() else grid


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
