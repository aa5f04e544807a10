"""Tables that lie beside a study's results: read when they are asked for, by their names."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from pathlib import Path

import pandas as pd

_OWN = ("results", "curves")
_ENDINGS = (".parquet", ".csv", ".tsv")


def table_file(directory: Path, name: str) -> Path | None:
    """The file of that table, Parquet before CSV; None where there is none."""
    paths = (directory / f"{name}{ending}" for ending in _ENDINGS)
    return next((path for path in paths if path.is_file()), None)


class Details(Mapping[str, pd.DataFrame]):
    """The other tables of a study's directory by name, Parquet or CSV; `KeyError` where there is none.

    read: turns a file into a table. Each is read once.
    """

    def __init__(self, directory: Path, read: Callable[[Path], pd.DataFrame]) -> None:
        self._directory, self._read = directory, read
        self._tables: dict[str, pd.DataFrame] = {}

    def __getitem__(self, name: str) -> pd.DataFrame:
        if name not in self._tables:
            path = table_file(self._directory, name)
            if name in _OWN or path is None:
                raise KeyError(name)
            self._tables[name] = self._read(path)
        return self._tables[name]

    def __iter__(self) -> Iterator[str]:
        files = (path for path in self._directory.glob("*") if path.suffix in _ENDINGS)
        return (name for name in sorted({path.stem for path in files}) if name not in _OWN)

    def __len__(self) -> int:
        return sum(1 for _ in self)


class OfRuns(Mapping[str, pd.DataFrame]):
    """The rows of some runs, of each table in `details` that has a `run_id`; each is filtered once."""

    def __init__(self, details: Mapping[str, pd.DataFrame], runs: Collection[str]) -> None:
        self._details, self._runs = details, runs
        self._tables: dict[str, pd.DataFrame] = {}

    def __getitem__(self, name: str) -> pd.DataFrame:
        if name not in self._tables:
            table = self._details[name]
            own = table[table.run_id.isin(self._runs)] if "run_id" in table else table
            self._tables[name] = own
        return self._tables[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._details)

    def __len__(self) -> int:
        return len(self._details)
