"""Commands about what there is to do: the runs of a grid, and the schema of grids."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from data_pipelines.errors import OstinatoError
from sweeps.commands.options import AsJson, DataDir, GridName, Select, app, console, place, stderr
from sweeps.grids.plan import Plan


@app.command(
    epilog="Examples: ostinato plan quick --select 'repeats > 0'; "
    "ostinato plan hernandez2022 --accelerator v5p-16 --write layouts.csv"
)
def plan(
    grid: GridName,
    select: Select = None,
    out: Annotated[
        Path | None,
        place("Say what is done there.", "--out", "-o"),
    ] = None,
    accelerator: Annotated[
        str | None,
        typer.Option(
            help="Compile every shape for a TPU slice, such as v5e-8, v5p-16 or v6e-8 (no TPU is "
            "needed): does it fit, in which layout, how long and at what cost.",
            show_default=False,
        ),
    ] = None,
    utilisation: Annotated[
        float, typer.Option(min=0.01, max=1, help="Share of the peak FLOP/s taken as reached.")
    ] = 0.4,
    prices: Annotated[
        Path | None,
        typer.Option(
            help="YAML of v5e, v5p, v6e to dollars per chip and hour.", show_default=False
        ),
    ] = None,
    write: Annotated[
        Path | None,
        typer.Option(
            help="Write the shapes to a .csv, which sweep --layout takes.", show_default=False
        ),
    ] = None,
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Show every run of a grid: sizes, repetition, FLOPs, what is done. Nothing is trained."""
    from sweeps.commands.telling import tables
    from sweeps.grids.files import find_grid, load_plan

    planned, study = load_plan(find_grid(grid)), None
    if out:
        from sweeps.study.store import StudyDirectory

        study = StudyDirectory(out)
        study.check(planned)
    if select:
        planned = planned.select(select)
    if accelerator:
        _plan_accelerator(planned, accelerator, utilisation, prices, write, data_dir, as_json)
        return
    if write:
        raise OstinatoError("write: there are no layouts to write without --accelerator")
    rows = tables.plan_rows(planned, study)
    if as_json:
        print(json.dumps(rows, indent=1))
    else:
        tables.print_plan(console, planned, rows)


@app.command(epilog="Example: ostinato schema > grid.schema.json")
def schema() -> None:
    """Print the JSON schema of a grid file, with which an editor completes and checks it."""
    from sweeps.grids.schema import schema_text

    print(schema_text(), end="")


def _plan_accelerator(
    planned: Plan,
    name: str,
    utilisation: float,
    prices: Path | None,
    write: Path | None,
    data_dir: Path | None,
    as_json: bool,
) -> None:
    """Print, and perhaps write, what each shape of a plan needs on an accelerator."""
    import pandas as pd

    from data_pipelines.prepare import default_data_dir
    from data_pipelines.system.atomic import replacing
    from scaling.config import RunConfig
    from sweeps.commands.telling import tables
    from sweeps.planning.accelerators import find_accelerator
    from sweeps.planning.search import plan_shapes

    if write and write.suffix != ".csv":
        raise OstinatoError(f"write: {write} is no .csv")
    accelerator = find_accelerator(name, prices)
    with stderr.status("compiling") as status:
        shapes = plan_shapes(
            [run for run in planned.runs if isinstance(run, RunConfig)],
            accelerator,
            data_dir or default_data_dir(),
            utilisation=utilisation,
            progress=status.update,
        )
    rows = [shape.row(accelerator) for shape in shapes]
    if write:
        with replacing(write) as temporary:
            pd.DataFrame(rows).to_csv(temporary, index=False)
    if as_json:
        print(json.dumps(rows, indent=1))
    else:
        tables.print_shapes(console, planned, accelerator, utilisation, shapes)
    if not all(row["fits"] for row in rows):
        raise typer.Exit(1)
