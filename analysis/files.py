"""Writing what was computed: whole files or none, and tables that a spreadsheet may open safely."""

from __future__ import annotations

import json
import math
import os
from pathlib import Path
from tempfile import NamedTemporaryFile

import numpy as np
import pandas as pd

_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")


def write_bytes(path: Path, content: bytes) -> Path:
    """Write a file so that a reader sees the old content or the new, never half of it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with NamedTemporaryFile(dir=path.parent, prefix=f".{path.name}.", delete=False) as partial:
        try:
            partial.write(content)
            partial.close()
            os.chmod(partial.name, 0o644)  # a temporary file is private to its owner
            os.replace(partial.name, path)
        except BaseException:
            Path(partial.name).unlink(missing_ok=True)
            raise
    return path


def write_text(path: Path, content: str) -> Path:
    """`write_bytes` for text, in UTF-8."""
    return write_bytes(path, content.encode())


def write_json(path: Path, value) -> Path:
    """`value` as indented JSON; what is not finite becomes null."""
    return write_text(path, json.dumps(jsonable(value), indent=1, ensure_ascii=False) + "\n")


def write_parquet(path: Path, table: pd.DataFrame) -> Path:
    """`table` as Parquet, without its index."""
    return write_bytes(path, table.to_parquet(index=False))


def write_csv(path: Path, table: pd.DataFrame) -> Path:
    """`table` as CSV in which no text can be taken for a formula (OWASP, CSV injection)."""
    return write_text(path, spreadsheet_safe(table).to_csv(index=False, lineterminator="\n"))


def markdown_table(table: pd.DataFrame) -> str:
    """`table`, of texts, as Markdown: a line a row, and a bar within a cell escaped."""
    lines = [list(map(str, table)), ["---"] * len(table.columns), *table.astype(str).to_numpy()]
    return "".join(f"| {' | '.join(_in_a_cell(text) for text in line)} |\n" for line in lines)


def spreadsheet_safe(table: pd.DataFrame) -> pd.DataFrame:
    """A copy of `table` whose texts and column names, where a spreadsheet would run them, open with '.

    Lists (the runs behind a row) become one text.
    """
    safe = table.rename(columns=_defused)
    for column in safe.columns[[not _is_numeric(kind) for kind in safe.dtypes]]:
        safe[column] = safe[column].map(_defused)
    return safe


def jsonable(value):
    """`value` in JSON's own types: numpy scalars unwrapped, NaN and infinities as None."""
    if isinstance(value, dict):
        return {str(key): jsonable(item) for key, item in value.items()}
    if isinstance(value, pd.DataFrame):
        return [jsonable(row) for row in value.to_dict("records")]
    if isinstance(value, np.ndarray) and value.dtype.kind in "iufb":
        whole = np.isfinite(value)
        if whole.all():
            return value.tolist()
        shown = value.astype(object)
        shown[~whole] = None
        return shown.tolist()
    if hasattr(value, "tolist"):
        value = value.tolist()
    if isinstance(value, list | tuple):
        return [jsonable(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if value is None or isinstance(value, bool | int | float | str):
        return value
    return None if pd.isna(value) else str(value)


def _in_a_cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


def _defused(value):
    if isinstance(value, list):
        value = " ".join(map(str, value))
    return f"'{value}" if isinstance(value, str) and value.startswith(_FORMULA_STARTS) else value


def _is_numeric(kind) -> bool:
    return pd.api.types.is_numeric_dtype(kind) or pd.api.types.is_bool_dtype(kind)
