"""The plan and the status of a study as rows and as printed tables."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from string import ascii_lowercase
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from sweeps.commands.telling.words import duration, short
from sweeps.grids.plan import Plan, columns_of

if TYPE_CHECKING:  # a plan needs no study, and a study no JAX
    from sweeps.planning.accelerators import Accelerator
    from sweeps.planning.search import ShapePlan
    from sweeps.study.store import StudyDirectory


NEAR = 0.01
"""Up to which part of it what was got may differ from what was asked, and not be marked."""


def plan_rows(plan: Plan, study: StudyDirectory | None) -> list[dict[str, Any]]:
    """A row a run: its columns, FLOPs, the repeats that come of its pool, which is whole sequences, and,
    where a study is given, its state there."""
    rows = [
        row
        | {"flops": run.flops(getattr(run, "vocabulary_size", 0))}
        | {"realised_repeats": _realised_repeats(row)}
        for run, row in zip(plan.runs, columns_of(plan.runs), strict=True)
    ]
    if study:
        begun = study.statuses() if (study.path / "grid.yaml").exists() else ()
        states = {run.run_id: status["state"] for run, status in begun}
        rows = [row | {"state": states.get(row["run_id"], "pending")} for row in rows]
    return rows


def print_plan(console: Console, plan: Plan, rows: list[dict[str, Any]]) -> None:
    """The rows as a table, with totals."""
    # One space between columns: with two, a terminal of 80 has no room for the state.
    table = Table(box=None, pad_edge=False, padding=(0, 1, 0, 0), header_style="bold")
    table.add_column("run", no_wrap=True)
    told = _ladders(rows)
    names = ["width", "N", "tokens", "f", "got", "repeats", "pool", "seed", "FLOPs"]
    for name in [*names, "facts"] if told else names:
        table.add_column(name, justify="right", no_wrap=True)
    if rows and "state" in rows[0]:
        table.add_column("state")
    for row in rows:
        pooled = bool(row["repeats"])
        cells = [
            row["run_id"],
            _told(row["d_model"]) or row["stage"],
            _told(row["params"], short),
            _told(row["tokens"], short),
            _told(row["repeated_fraction"], "{:g}".format),
            _marked(f"{row['realised_fraction']:.4f}", "repeated_fraction" in _off(row))
            if pooled
            else "",
            _marked(str(row["repeats"]), "repeats" in _off(row)) if pooled else "",
            f"{row['pool_tokens']:,}" if pooled else "",
            _told(row["seed"]),
            f"{row['flops']:.2e}",
            *([told.get(_ladder(row), "")] if told else []),
        ]
        table.add_row(*cells, *([row["state"]] if "state" in row else []))
    console.print(table)
    tokens, flops = (sum(row[name] or 0 for row in rows) for name in ("tokens", "flops"))
    again = f"; {plan.identical} asked for again and trained once" if plan.identical else ""
    console.print(f"{len(rows)} runs, {short(tokens)} tokens, {flops:.3g} FLOPs{again}")
    for ladder, letter in told.items():
        _print_ladder(console, letter, ladder, sum(_ladder(row) == ladder for row in rows))
    if off := [row for row in rows if _off(row)]:
        _print_off(console, off)


Ladder = tuple[str, str, str]
"""A run's exposures, entities and statements, as its columns have them."""


def _ladder(row: dict[str, Any]) -> Ladder | None:
    """What a run is told, if anything."""
    if not row.get("exposures"):
        return None
    return row["exposures"], row["entities"], row["statements"]


def _ladders(rows: list[dict[str, Any]]) -> dict[Ladder | None, str]:
    """A letter for each ladder of facts among the rows, after z its number."""
    found = dict.fromkeys(ladder for row in rows if (ladder := _ladder(row)))
    letters = [*ascii_lowercase, *map(str, range(27, len(found) + 1))]
    return dict(zip(found, letters, strict=False))


def _print_ladder(console: Console, letter: str, ladder: Ladder | None, runs: int) -> None:
    """How often how many entities are stated, and what that comes to."""
    assert ladder
    exposures, entities = (list(map(int, told.split())) for told in ladder[:2])
    rungs = ", ".join(f"{n} x {e}" for e, n in zip(exposures, entities, strict=True))
    stated = sum(e * n for e, n in zip(exposures, entities, strict=True))
    words = "in templates" if ladder[2] == "templates" else "verbatim"
    console.print(
        f"facts {letter} ({runs} run{'' if runs == 1 else 's'}): {rungs} times, {words}: "
        f"{sum(entities):,} entities, {stated:,} statements",
        soft_wrap=True,
    )


def _print_off(console: Console, rows: list[dict[str, Any]]) -> None:
    """How many runs get another repetition than asked, by how much at most, and what helps."""
    worst = max(rows, key=lambda row: max(_off(row).values()))
    told = {
        "repeated_fraction": f"f {worst['repeated_fraction']:g} became {worst['realised_fraction']:.3g}",
        "repeats": f"{worst['repeats']} repeats became {worst['realised_repeats']:.3g} in the mean",
    }
    console.print(
        f"[yellow]{len(rows)} run{'s' if len(rows) > 1 else ''} repeat{'' if len(rows) > 1 else 's'} "
        f"otherwise than asked[/], as a pool is whole sequences: in {worst['run_id']} "
        f"{' and '.join(told[name] for name in _off(worst))}; more tokens, a shorter context or fewer "
        "repeats come nearer",
        soft_wrap=True,
    )


def _off(row: dict[str, Any]) -> dict[str, float]:
    """By how much what is got differs from what is asked, as a part of that, where it is not near."""
    if not row["repeats"]:
        return {}
    asked = {"repeated_fraction": row["realised_fraction"], "repeats": row["realised_repeats"]}
    off = {name: abs(got / row[name] - 1) for name, got in asked.items() if row[name]}
    # Repeats of several pools are a mean that is told as a whole number.
    if row.get("pools") and abs(row["realised_repeats"] - row["repeats"]) <= 0.5:
        off.pop("repeats")
    return {name: by for name, by in off.items() if by > NEAR}


def _realised_repeats(row: dict[str, Any]) -> float | None:
    """How often a sequence of the pool is seen, in the mean."""
    if not row["repeats"]:
        return None
    return row["realised_fraction"] * row["tokens"] / row["pool_tokens"]


def _marked(cell: str, off: bool) -> str:
    return f"[yellow]{cell}[/]" if off else cell


def print_shapes(
    console: Console,
    plan: Plan,
    accelerator: Accelerator,
    utilisation: float,
    shapes: list[ShapePlan],
) -> None:
    """What each shape of a plan needs on an accelerator, with totals."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in ("N", "runs", "GiB a chip", "layout", "hours a run", "chip-hours", "cost"):
        left = name == "layout"
        table.add_column(name, justify="left" if left else "right", no_wrap=not left)
    for found in shapes:
        row = found.row(accelerator)
        fits, none = f"{row['memory_gib']} of {row['hbm_gib']:g}", "[red]none fits[/]"
        table.add_row(
            short(row["params"]),
            str(row["runs"]),
            fits if row["fits"] else "",
            none if row["layout"] is None else row["layout"] or "as it is",
            f"{row['hours_a_run']:,.1f}",
            f"{row['chip_hours']:,.0f}",
            f"${row['cost']:,.0f}",
        )
    console.print(table)
    hours, cost = (sum(getattr(found, name) for found in shapes) for name in ("chip_hours", "cost"))
    console.print(
        f"{len(plan.runs)} runs of {len(shapes)} shapes on {accelerator.name} ({accelerator.chips} "
        f"chips): {hours:,.0f} chip-hours and ${cost:,.0f} at {utilisation:.0%} of the peak and "
        f"${accelerator.price:.2f} a chip-hour",
        soft_wrap=True,
    )


def status_rows(study: StudyDirectory) -> list[dict[str, Any]]:
    """A row a run: id, sizes, repetition, state, and why it failed or what it found.

    `heartbeat` is how many seconds ago the `host` of a run at work said that it lives.
    """
    from sweeps.study.claims import heartbeat

    rows = []
    for record, status in study.statuses():
        names = ("run_id", "params", "tokens", "repeated_fraction", "repeats", "seed")
        row = record.columns()
        found = {name: row.get(name) for name in names} | {"stage": record.stage}
        summary = status.get("summary", {})
        found |= {"state": status["state"], "error": status.get("error")}
        found |= {"test_loss": summary.get("test_loss"), "seconds": summary.get("seconds")}
        at_work = status["state"] == "running" and heartbeat(study.run(row["run_id"]).claim)
        found["host"], found["heartbeat"] = at_work or (None, None)
        rows.append(found)
    return rows


def print_status(
    console: Console, rows: list[dict[str, Any]], superseded: Sequence[str] = ()
) -> None:
    """The rows as a table, with a count a state, and how many runs on disk are none of the grid's."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in ("run", "N", "f", "repeats", "seed", "state", "test loss", "took", ""):
        left = name in ("run", "state", "")
        table.add_column(name, justify="left" if left else "right", no_wrap=name != "")
    colours = {"done": "green", "failed": "red", "lost": "yellow", "running": "cyan"}
    for row in rows:
        loss, state = row["test_loss"], row["state"]
        table.add_row(
            row["run_id"],
            _told(row["params"], short) or row["stage"],
            _told(row["repeated_fraction"], "{:g}".format),
            str(row["repeats"] or ""),
            _told(row["seed"]),
            f"[{colours.get(state, 'dim')}]{state}[/]",
            f"{loss:.4f}" if loss is not None else "",
            duration(row["seconds"]) if row["seconds"] else "",
            _remark(row),
        )
    console.print(table)
    console.print(
        ", ".join(f"{n} {state}" for state, n in Counter(r["state"] for r in rows).items())
    )
    if superseded:
        console.print(
            f"{len(superseded)} more in runs/ are superseded: not of this grid any more, and in no table",
            soft_wrap=True,
        )


def _told(value: Any, form: Callable[[Any], str] = str) -> str:
    """A value as it is printed; nothing for one that a stage does not have."""
    return "" if value is None or value != value else form(value)


def _remark(row: dict[str, Any]) -> str:
    if row["heartbeat"] is not None:
        return f"[dim]{escape(row['host'])}, heard of {duration(row['heartbeat'])} ago[/]"
    return escape(row["error"] or "")
