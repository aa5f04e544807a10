"""Reading a study: its results (one row a run) and its curves (one row an evaluation).

What cannot be used is set aside and said; `scans` tells which runs belong on one curve.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path

import numpy as np
import pandas as pd

from analysis.errors import AnalysisError
from analysis.study.details import Details, OfRuns, table_file
from analysis.study.reading import Reading, read, read_table
from analysis.study.scans import assign_scans
from analysis.study.stages import FINE_TUNING, split_stages, with_stages
from analysis.words import plural

REQUIRED = ("tokens", "repeated_fraction", "repeats", "seed", "params", "test_loss")
LOSSES = ("test_loss", "pool_loss", "ood_loss", "unique_loss", "repeated_loss")
OPTIONAL = ("pool_tokens", "flops", "seconds", *LOSSES[1:])
_POSITIVE, _NOT_NEGATIVE = ["tokens", "params", "test_loss"], ["repeated_fraction", "repeats"]
_NEEDED_FOR = {
    "pool_loss": "memorised bits and the share of capacity",
    "flops": "compute-equivalent loss",
}
PROVENANCE = (
    *("ostinato_version", "jax_version", "git_commit", "corpus_digest"),
    *("platform", "cpu", "instruction_set"),
)


@dataclass(frozen=True)
class Study:
    """A study's tables, checked.

    results: one row a usable run of a language model, with `is_control`, `setting` and `scan`
    (numbers; -1 and -2 for fine-tuned runs, which belong to none) added, `stage` and `of` (the run
    whose weights it began with);
    curves: one row an evaluation of those runs;
    scans: one row a scan, as `scans.assign_scans` makes them;
    details: the tables beside the results by name, such as probes leave them, read when asked for;
    meta: name, provenance and machine; notes: what was set aside and why, one sentence each;
    stages, stage_curves: the finished runs of stages that train no language model, and their curves,
    by the stage's name.
    """

    results: pd.DataFrame = field(repr=False)
    curves: pd.DataFrame = field(repr=False)
    scans: pd.DataFrame = field(repr=False)
    meta: dict = field(default_factory=dict)
    details: Mapping[str, pd.DataFrame] = field(default_factory=dict, repr=False)
    notes: tuple[str, ...] = ()
    stages: Mapping[str, pd.DataFrame] = field(default_factory=dict, repr=False)
    stage_curves: Mapping[str, pd.DataFrame] = field(default_factory=dict, repr=False)

    @cached_property
    def runs(self) -> pd.DataFrame:
        """All of them, of whatever stage: one row a run."""
        others = list(self.stages.values())
        return pd.concat([self.results, *others], ignore_index=True) if others else self.results

    @cached_property
    def controls(self) -> pd.DataFrame:
        """The runs without repetition."""
        return self.results[self.results.is_control]

    @cached_property
    def repeated(self) -> pd.DataFrame:
        """The runs with repetition."""
        return self.results[self.results.repeated_fraction > 0]

    @cached_property
    def setting_labels(self) -> pd.Series:
        """The label of each setting's first scan, by the setting's number."""
        return self.scans.drop_duplicates("setting").set_index("setting").label

    @cached_property
    def fine_tuned(self) -> pd.DataFrame:
        """The runs that began with another run's weights (`of`)."""
        return self.results[self.results.setting < 0]

    def of_seed(self, seed: int) -> Study:
        """The study as that seed's runs alone tell it, with the same settings and scans."""
        results = self.results[self.results.seed == seed].reset_index(drop=True)
        curves = self.curves[self.curves.run_id.isin(results.run_id)].reset_index(drop=True)
        stages = {k: own[own.seed == seed] for k, own in self.stages.items() if "seed" in own}
        runs = set(results.run_id).union(*(own.run_id for own in stages.values()))
        return replace(
            self,
            results=results,
            curves=curves,
            details=OfRuns(self.details, runs),
            stages={**self.stages, **stages},
            stage_curves=OfRuns(self.stage_curves, runs),
        )

    def has(self, needs: Mapping[str, Iterable[str]]) -> bool:
        """Whether each table has the columns named: `results`, `curves`, the runs of a stage by its
        name, or one of `details`."""
        own = {"results": self.results, "curves": self.curves, **self.stages}
        for name, columns in needs.items():
            table = own[name] if name in own else self.details.get(name)
            if table is None or not set(columns) <= set(table):
                return False
        return True


def read_study(directory: str | Path) -> Study:
    """The study in `directory`: `results.parquet`, and `curves.parquet` if there; either may be a CSV.

    Raises `AnalysisError` where the results are missing, unreadable or hold no usable run.
    """
    directory = Path(directory)
    if directory.is_file():
        raise AnalysisError(
            f"{directory}: a file; give the directory of a study, with its table as results.csv or "
            "results.parquet in it"
        )
    found = table_file(directory, "results") or directory / "results.parquet"
    results, said = _numbers_of(read(found, missing="collect the study's runs first"))
    curves_path = table_file(directory, "curves")
    curves = None
    if curves_path:
        curves, more = _numbers_of(read(curves_path))
        said += more
    meta_path = directory / "meta.json"
    meta = json.loads(meta_path.read_text()) if meta_path.exists() else {}
    study = make_study(results, curves, {"name": directory.resolve().name} | meta)
    return replace(study, details=Details(directory, read_table), notes=(*study.notes, *said))


def _numbers_of(reading: Reading) -> tuple[pd.DataFrame, list[str]]:
    """A study's table with numbers where a study has them, and what had to be understood for it."""
    table = reading.table
    found = {name: reading.numbers(name) for name in (*REQUIRED, *OPTIONAL) if name in table}
    values = {k: v.values for k, v in found.items() if not pd.api.types.is_numeric_dtype(table[k])}
    told = [f"{name}: {parsed.said}" for name, parsed in found.items() if parsed.said]
    said = [f"{reading.where}: read as numbers: {'; '.join(told)}."] if told else []
    return table.assign(**values), [*reading.notes, *said]


def make_study(
    results: pd.DataFrame, curves: pd.DataFrame | None = None, meta: dict | None = None
) -> Study:
    """A `Study` from tables at hand, with the same checks as `read_study`."""
    require_columns(results, REQUIRED, "results")
    named = results.get("run_id", pd.Series([f"row-{row}" for row in range(len(results))]))
    results = results.assign(run_id=named.astype(str).to_numpy())
    results, stages = split_stages(with_stages(results))
    results, notes = _usable(results)
    results, scans = _in_scans(results)
    results["is_control"] = (results.repeated_fraction == 0) & (results.setting >= 0)
    if not results.is_control.any():
        notes.append(
            "No controls (repeated_fraction 0): damage, effective params and multiplier cannot be "
            "computed; losses are shown as they are."
        )
    if "vocabulary" in results and results.vocabulary.nunique() > 1:
        names = ", ".join(sorted(results.vocabulary.dropna().astype(str).unique()))
        notes.append(f"Several vocabularies ({names}): losses are compared within each only.")
    if results.seed.nunique() == 1:
        notes.append("One seed: no error bars; differences the size of seed noise cannot be told.")
    notes += _machines(results)
    provenance = {
        name: sorted(results[name].dropna().astype(str).unique())
        for name in PROVENANCE
        if name in results
    }
    if curves is None:
        curves = pd.DataFrame({"run_id": [], "step": [], "tokens": [], "test_loss": []})
    require_columns(curves, ("run_id", "tokens", "test_loss"), "curves")
    of_stages = {k: curves[curves.run_id.isin(own.run_id)] for k, own in stages.items()}
    curves = curves[curves.run_id.isin(results.run_id)].reset_index(drop=True)
    meta = {"name": "study"} | (meta or {}) | provenance
    return Study(results, curves, scans, meta, {}, tuple(notes), stages, of_stages)


def _in_scans(results: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The runs in their scans; those that are fine-tuned in none."""
    tuned = results.stage == FINE_TUNING
    if not tuned.any():
        return assign_scans(results)
    if tuned.all():
        raise AnalysisError("results: all runs are fine-tuned (stage); add those before")
    own, scans = assign_scans(results[~tuned])
    return pd.concat([own, results[tuned].assign(setting=-1, scan=-2)]).sort_index(), scans


def require_columns(table: pd.DataFrame, columns, name: str) -> None:
    """Raise `AnalysisError` naming the columns that `table` lacks."""
    lacking = [column for column in columns if column not in table]
    if lacking:
        raise AnalysisError(
            f"{name}: no column {', '.join(lacking)}; there are: {', '.join(map(str, table.columns))}"
        )


def _usable(results: pd.DataFrame) -> tuple[pd.DataFrame, list[str]]:
    results, notes = results.copy(), []
    twice = results.run_id.duplicated(keep="last")
    if twice.any():
        names = ", ".join(results.run_id[twice].head(5))
        notes.append(f"{twice.sum()} rows repeat a run_id; the last of each counts: {names}.")
        results = results[~twice].copy()
    if "status" in results:
        unfinished = results[results.status != "done"]
        if len(unfinished):
            notes.append(f"{len(unfinished)} runs are not done and are left out.")
        results = results[results.status == "done"].copy()
    for column in (*REQUIRED, *(set(OPTIONAL) & set(results))):
        results[column] = pd.to_numeric(results[column], errors="coerce").astype(float)
    results.loc[results.repeated_fraction == 0, "repeats"] = 0  # a control's may be left empty
    needed = results[list(REQUIRED)]
    good = needed.apply(np.isfinite)
    good[_POSITIVE] &= needed[_POSITIVE] > 0
    good[_NOT_NEGATIVE] &= needed[_NOT_NEGATIVE] >= 0
    faulty = [column for column in REQUIRED if not good[column].all()]
    usable = good.all(axis=1)
    if not usable.any():
        raise AnalysisError(
            "results: no run with status 'done' and a usable number in each of "
            f"{', '.join(REQUIRED)}"
            + (f"; at fault: {', '.join(faulty)}" if faulty else "")
            + "; finish or repair the runs first"
        )
    if faulty:
        bad = [
            f"{name} ({', '.join(good.columns[~row])})"
            for name, row in zip(
                results.run_id[~usable].head(5), good[~usable].to_numpy(), strict=False
            )
        ]
        notes.append(
            f"{plural(int((~usable).sum()), 'run')} left out for a value that is missing, not finite "
            f"or not positive: {', '.join(bad)}."
        )
    results = results[usable].copy()
    notes += _derive(results)
    results[["seed", "params", "tokens"]] = results[["seed", "params", "tokens"]].astype("int64")
    return results.reset_index(drop=True), notes


def _machines(results: pd.DataFrame) -> list[str]:
    """What the study's runs were computed on, where that is not the same for all."""
    if not {"cpu", "instruction_set", "threads"} <= set(results):  # recorded by older versions
        return []
    known = results[results.cpu.notna()]
    kinds = (known.cpu + " (" + known.instruction_set + ")").value_counts()
    threads = known.threads.value_counts(dropna=False).sort_index()
    notes = []
    if len(kinds) > 1:
        told = ", ".join(f"{plural(n, 'run')} on {kind}" for kind, n in kinds.items())
        notes.append(
            f"Several kinds of CPU, between which the last digits of a run differ: {told}."
        )
    if len(threads) > 1 or threads.index.hasnans:
        told = ", ".join(
            f"{plural(n, 'run')} in {'a changing number' if np.isnan(k) else f'{k:g}'}"
            for k, n in zip(threads.index.to_numpy(float), threads, strict=True)
        )
        notes.append(f"Several numbers of threads, on which the digits of a run depend: {told}.")
    together = known[known.stacked > 1] if "stacked" in known else known.iloc[:0]
    if 0 < len(together) < len(known):
        notes.append(
            f"{plural(len(known) - len(together), 'run')} trained alone and {len(together)} in stacks, "
            "on which the last digits of a run depend."
        )
    return notes


def _derive(results: pd.DataFrame) -> list[str]:
    """Add the optional columns that are not there, and say what cannot be computed without them."""
    pool = results.repeated_fraction * results.tokens / results.repeats.where(results.repeats > 0)
    given = results.get("pool_tokens", pd.Series(np.nan, results.index))
    results["pool_tokens"] = given.fillna(pool)
    for column in set(OPTIONAL) - set(results):
        results[column] = np.nan
    repeated = results[results.repeated_fraction > 0]
    return [
        f"No {column}: {what} cannot be computed."
        for column, what in _NEEDED_FOR.items()
        if len(repeated) and repeated[column].isna().all()
    ]
