"""A study's tables: gathered from its runs' files, and gone on from where those are elsewhere.

A run whose row is in `results.parquet` counts as done without its directory, so that a study can be
trained over several machines and sittings, and its tables be kept without its checkpoints.
"""

from __future__ import annotations

import io
from collections.abc import Sequence, Set
from pathlib import Path
from typing import TYPE_CHECKING, Any

from scaling.record import Record
from sweeps.grids.plan import columns_of
from sweeps.study.storage import read_many, write_bytes

if TYPE_CHECKING:  # half a second to load: not to say how a study stands
    import pandas as pd
    import pyarrow as pa

CODE = ("ostinato_version", "git_commit")
"""What a row and a status say of whose code brought a run to its end."""


def done_by_row(study: Path, wanted: Set[str]) -> dict[str, dict[str, Any]]:
    """The statuses of those of the `wanted` runs that the study's results have as done, and whose
    curves are there as well, by id."""
    curves = _read(study, "curves", ["run_id"])
    wanted = wanted & set(curves.column("run_id").to_pylist()) if curves is not None else set()
    table = _read(study, "results") if wanted else None  # wide, and most often for nothing
    if table is None:
        return {}
    found = {}
    for row in table.to_pylist():
        if row.get("run_id") not in wanted or row.get("status") != "done":
            continue
        summary = {name: value for name, value in row.items() if value is not None}
        code = {name: row.get(name) for name in CODE}
        found[row["run_id"]] = {"state": "done", "collected": True, "summary": summary} | code
    return found


def gather(
    study: Path, statuses: Sequence[tuple[Record, dict[str, Any]]], code: dict[str, Any]
) -> dict[str, pd.DataFrame]:
    """All tables by name: `results` (a row a run), `curves` (a row an evaluation), and what runs
    leave beside their curves. Rows of runs that are done by them are kept.

    code: whose it is where a status does not say.
    """
    import pandas as pd

    results = []
    columns = columns_of([record for record, _ in statuses])
    for (_, status), own in zip(statuses, columns, strict=True):
        row = own | {"status": status["state"]}
        # The row again: a summary ends with the learning rate of the last step.
        said = {name: value for name, value in row.items() if value is not None}
        code_of_run = {name: status.get(name, version) for name, version in code.items()}
        summary = dict(status.get("summary", {}))
        summary.pop("pretrained_run", None)  # what older tables call `of`
        results.append(row | summary | said | code_of_run)
    begun = [(record, status) for record, status in statuses if status["state"] != "pending"]
    tables = {"results": pd.DataFrame(results), "curves": _gathered(study, "metrics", begun)}
    for name in dict.fromkeys(table for record, _ in begun for table in record.tables):
        having = [(record, status) for record, status in begun if name in record.tables]
        if len(found := _gathered(study, name, having)):
            tables[name] = found
    return tables


def write(tables: dict[str, pd.DataFrame], into: Path) -> None:
    """Replace each table's file whole."""
    for name, table in tables.items():
        content = io.BytesIO()
        table.to_parquet(content, index=False)
        write_bytes(into / f"{name}.parquet", content.getvalue())


def _gathered(
    study: Path, table: str, begun: Sequence[tuple[Record, dict[str, Any]]]
) -> pd.DataFrame:
    """A table of runs, one below the other, from their files or from the table that is there."""
    import pandas as pd
    import pyarrow as pa
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    names = [
        "" if status.get("collected") else f"runs/{record.run_id}/{table}.parquet"
        for record, status in begun
    ]
    files = [name for name in names if name]
    contents = dict(zip(files, read_many(study, files), strict=True))
    # Also of a run whose status has come into a bucket before its curve.
    elsewhere = {
        record.run_id
        for (record, status), name in zip(begun, names, strict=True)
        if status["state"] == "done" and contents.get(name) is None
    }
    kept = _read(study, "curves" if table == "metrics" else table) if elsewhere else None
    parts = []
    for (record, _), name in zip(begun, names, strict=True):
        content, run_id = contents.get(name), record.run_id
        if content is not None:
            # Threads cost a small file five times what reading it does.
            rows = pq.ParquetFile(pa.BufferReader(content)).read(use_threads=False)
            rows = rows.replace_schema_metadata(None)
            parts.append(rows.append_column("run_id", pa.repeat(run_id, len(rows))))
        elif kept is not None and run_id in elsewhere:
            own = kept.filter(pc.equal(kept.column("run_id"), run_id))
            parts.append(own.select([*(n for n in own.column_names if n != "run_id"), "run_id"]))
    if not parts:
        return pd.DataFrame()
    return pa.concat_tables(parts, promote_options="permissive").to_pandas()


def _read(study: Path, name: str, columns: list[str] | None = None) -> pa.Table | None:
    """A table of a study as it was gathered, or columns of it; None where there is none."""
    (content,) = read_many(study, [f"{name}.parquet"])
    if content is None:
        return None
    import pyarrow as pa
    import pyarrow.parquet as pq

    table = pq.ParquetFile(pa.BufferReader(content))
    if not set(columns or ()) <= set(table.schema_arrow.names):
        return None  # of a study in which nothing has been evaluated
    return table.read(columns, use_threads=False).replace_schema_metadata(None)
