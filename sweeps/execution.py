"""How a sweep's workers carry runs out: nothing here changes what a run computes."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from pydantic import Field

from data_pipelines.config import Config, Count
from data_pipelines.errors import OstinatoError
from scaling.config import RunConfig


class Execution(Config):
    """What the worker processes are told beside the runs."""

    layouts: dict[str, str] = Field(
        default_factory=dict, description="By run id, a layout as Layout.read takes it."
    )
    stacks: dict[str, list[str]] = Field(
        default_factory=dict, description="By run id, the runs that are trained together with it."
    )
    keep: Count = Field(1, description="Checkpoints of a run that are kept, the newest.")
    profile: bool = Field(False, description="Write a trace of some steps of each run.")
    tensorboard: bool = Field(False, description="Write curves for TensorBoard as well.")


def layouts_for(given: str | None, runs: Sequence[RunConfig]) -> dict[str, str]:
    """The layout of each run, by id: `given` is one for all, or a .csv of `ostinato plan --write`.

    Raises OstinatoError on a layout that is none, and on a run whose shape the file has no row for.
    """
    if not given:
        return {}
    from scaling.layout import Layout

    if not given.endswith(".csv"):
        return dict.fromkeys((run.run_id for run in runs), str(Layout.read(given)))
    import pandas as pd

    try:
        table = pd.read_csv(Path(given), keep_default_na=False, dtype={"layout": str})
    except (OSError, ValueError) as error:
        raise OstinatoError(f"layout: {given} cannot be read ({error})") from None
    names = [name for name in table if name in RunConfig.model_fields]
    if "layout" not in table or not names:
        raise OstinatoError(f"layout: {given} is no table that `ostinato plan --write` made")
    table = table[table["fits"]] if "fits" in table else table
    rows = {tuple(map(str, row[:-1])): row[-1] for row in table[[*names, "layout"]].to_numpy()}
    found = {}
    for run in runs:
        key = tuple("" if getattr(run, n) is None else str(getattr(run, n)) for n in names)
        if key not in rows:
            shape = ", ".join(f"{n} {v}" for n, v in zip(names, key, strict=True) if v)
            raise OstinatoError(
                f"layout: {given} has none that fits run {run.run_id} ({shape}); plan this grid anew"
            )
        found[run.run_id] = str(Layout.read(rows[key]))
    return found
