"""How a sweep's workers carry runs out: nothing here changes what a run computes, but for the last
digits, which `threads` does.

`Options` is what is asked for on a command line, of this machine's workers or of another's;
`Execution` is what that comes to for the runs at hand, as the worker processes are told it.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from pydantic import Field

from data_pipelines.config import Config, Count
from data_pipelines.errors import OstinatoError
from scaling.config import RunConfig
from scaling.record import Record
from sweeps.workers.curves import WRITERS
from sweeps.workers.curves import check as check_writers


class _Carried(Config):
    """What is asked for, and told to the worker processes as it is."""

    threads: Count = Field(1, description="Threads that a run computes in on a CPU.")
    keep: Count = Field(1, description="Checkpoints of a run that are kept, the newest.")
    profile: bool = Field(False, description="Write a trace of some steps of each run.")
    tensorboard: bool = Field(False, description="Write curves for TensorBoard as well.")
    wandb: bool = Field(False, description="Send curves to Weights & Biases as well.")

    @property
    def writers(self) -> tuple[str, ...]:
        """Names of the writers that curves go to, beside the runs' own tables."""
        return tuple(writer.name for writer in WRITERS if getattr(self, writer.name))


class Execution(_Carried):
    """What the worker processes are told beside the runs."""

    layouts: dict[str, str] = Field(
        default_factory=dict, description="By run id, a layout as Layout.read takes it."
    )
    stacks: dict[str, list[str]] = Field(
        default_factory=dict, description="By run id, the runs that are trained together with it."
    )


class Options(_Carried):
    """What the commands take: sweep and train carry it out, submit passes it on."""

    layout: str | None = Field(None, description="As `layouts_for` takes it.")
    stack: Count = Field(1, description="Runs of one shape that are trained together.")

    @property
    def layout_table(self) -> Path | None:
        """The .csv of layouts, where there is one."""
        return Path(self.layout) if self.layout and self.layout.endswith(".csv") else None

    def words(self, layout: str | None = None) -> list[str]:
        """The same on a command line; layout: where a table of layouts lies for its reader."""
        layout = layout if layout and self.layout_table else self.layout
        words = []
        for name, field in type(self).model_fields.items():
            value = layout if name == "layout" else getattr(self, name)
            if value != field.default:
                words += [f"--{name}"] if value is True else [f"--{name}", str(value)]
        return words

    def check(self, runs: Sequence[Record]) -> dict[str, str]:
        """The layout of each run; raises OstinatoError on what does not go together or fit them."""
        if self.stack > 1 and (self.layout or self.profile or self.tensorboard):
            raise OstinatoError(
                "stack: goes with neither layout, profile nor tensorboard; leave those out"
            )
        return layouts_for(self.layout, runs)

    def execution(self, runs: Sequence[Record]) -> Execution:
        """For these runs on this machine; raises OstinatoError as `check`, and on what it lacks."""
        layouts = self.check(runs)
        check_writers(self.writers)
        stacks = stacks_of(runs, self.stack) if self.stack > 1 else {}
        carried = {name: getattr(self, name) for name in _Carried.model_fields}
        return Execution(layouts=layouts, stacks=stacks, **carried)


def stacks_of(runs: Sequence[Record], size: int) -> dict[str, list[str]]:
    """For each run the ids of its stack, its own first: at most `size` that can be trained together."""
    groups: dict[tuple, list[str]] = {}
    for run in runs:
        groups.setdefault(tuple(run.alike.items()), []).append(run.run_id)
    found: dict[str, list[str]] = {}
    for ids in groups.values():
        for start in range(0, len(ids), size):
            stack = ids[start : start + size]
            found |= {run_id: [run_id, *(i for i in stack if i != run_id)] for run_id in stack}
    return found


def layouts_for(given: str | None, runs: Sequence[Record]) -> dict[str, str]:
    """The layout of each run, by id: `given` is one for all, or a .csv of `ostinato plan --write`.

    Raises OstinatoError on a layout that is none, and on a run whose shape the file has no row for.
    """
    if not given:
        return {}
    from scaling.programs.layout import Layout

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
        if not isinstance(run, RunConfig):
            continue  # a stage without a model of its own
        values = [getattr(run, name, None) for name in names]
        key = tuple("" if value is None else str(value) for value in values)
        if key not in rows:
            shape = ", ".join(f"{n} {v}" for n, v in zip(names, key, strict=True) if v)
            raise OstinatoError(
                f"layout: {given} has none that fits run {run.run_id} ({shape}); plan this grid anew"
            )
        found[run.run_id] = str(Layout.read(rows[key]))
    return found
