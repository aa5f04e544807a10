"""What is told to runs, and what probes have found of it by their end."""

from __future__ import annotations

from typing import Any, NamedTuple

import pandas as pd

from analysis.rows import rows_of
from analysis.study import Study

CELL = ["setting", "scan", "params", "repeated_fraction", "repeats"]
"""Runs that differ in their seed alone."""


NEVER = 0.3
"""Where zero exposures stand on a logarithmic axis."""

_ASKED = {"templates": "name", "verbatim": "place"}
"""What is always said in the same words is known in them, and hardly by name."""


class Ladder(NamedTuple):
    """How often how many entities are stated: rungs, ascending."""

    exposures: tuple[int, ...]
    entities: tuple[int, ...]
    statements: str

    @property
    def stated(self) -> dict[int, int]:
        """Entities by exposures, without those that are never stated."""
        rungs = zip(self.exposures, self.entities, strict=True)
        return {exposures: entities for exposures, entities in rungs if exposures}


def ladders(study: Study) -> dict[int, Ladder]:
    """The ladder of each setting whose runs are told facts."""
    results = study.results
    if not {"exposures", "entities"} <= set(results):
        return {}
    found = {}
    for row in rows_of(results[results.setting >= 0].drop_duplicates("setting")):
        if row.exposures not in ("none", None):
            statements = str(getattr(row, "statements", "templates"))
            found[int(row.setting)] = Ladder(
                _rungs(row.exposures), _rungs(row.entities), statements
            )
    return found


def _rungs(told: Any) -> tuple[int, ...]:
    """'0 1 10' as numbers; a table of text may hold a single one as a number."""
    return tuple(int(float(rung)) for rung in str(told).split())


def at_the_end(study: Study, name: str) -> pd.DataFrame:
    """The rows that a probe has left in the table `name` at the end of each run, with that run's `CELL`,
    seed and `params_total`."""
    table = study.details[name]
    last = table[table.step == table.groupby("run_id").step.transform("max")]
    runs = study.results[study.results.setting >= 0]
    runs = runs.assign(params_total=runs.get("params_total", runs.params))
    return last.merge(runs[["run_id", *CELL, "seed", "params_total"]], on="run_id")


def as_stated(study: Study) -> pd.DataFrame:
    """The rows of the table `knowledge` at the end of each run that ask for facts as they were stated: after
    the name where words and order changed, else in their own words."""
    asked = {setting: _ASKED[ladder.statements] for setting, ladder in ladders(study).items()}
    rows = at_the_end(study, "knowledge")
    return rows[rows.asked == rows.setting.map(asked)]


def beside_control(rows: pd.DataFrame, by: list[str], measures: list[str]) -> pd.DataFrame:
    """`rows` with each measure of the control of the same seed, as `control_*`; NaN without one. by: what
    tells the rows of a run apart."""
    same = ["setting", "params", "seed", *by]
    controls = rows[rows.repeats == 0].groupby(same)[measures].mean().add_prefix("control_")
    return rows.join(controls, on=same)


def of_scan(cells: pd.DataFrame, scan: Any, params: float | None = None) -> pd.DataFrame:
    """The cells of a scan and the controls of its setting, of one size if that is given."""
    controls = (cells.setting == scan.setting) & (cells.repeats == 0)
    own = cells[(cells.scan == scan.scan) | controls]
    return own if params is None else own[own.params == params]
