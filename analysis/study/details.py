"""Tables that lie beside a study's results: read when they are asked for, by their names."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from pathlib import Path

import pandas as pd

_OWN = ("results", "curves")


class Details(Mapping[str, pd.DataFrame]):
    """The other Parquet tables of a study's directory by name; `KeyError` where there is none.

    read: turns a file into a table. Each is read once.
    """

    def __init__(self, directory: Path, read: Callable[[Path], pd.DataFrame]) -> None:
        self._directory, self._read = directory, read
        self._tables: dict[str, pd.DataFrame] = {}

    def __getitem__(self, name: str) -> pd.DataFrame:
        if name not in self._tables:
            path = self._directory / f"{name}.parquet"
            if name in _OWN or not path.is_file():
                raise KeyError(name)
            self._tables[name] = self._read(path)
        return self._tables[name]

    def __iter__(self) -> Iterator[str]:
        names = (path.stem for path in sorted(self._directory.glob("*.parquet")))
        return (name for name in names if name not in _OWN)

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
