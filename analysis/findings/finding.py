"""What a finding is, and the analysis that findings are written into and told from."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, fields, replace
from enum import Enum

import pandas as pd

from analysis.errors import AnalysisError
from analysis.figures.chart import Chart
from analysis.laws import PowerLaw
from analysis.study import Study
from analysis.words import plural


class Question(Enum):
    """What a reader asks of a study, in the order of asking, as the report has it in its headings."""

    HAPPENED = "What happened"
    LARGE = "How large is it"
    WORST = "Where is it worst"
    WHY = "Why"
    ELSE = "What else is hurt"
    KNOWS = "What does it know"
    HELPS = "What helps"
    OTHER = "What else was found"
    PUBLISHED = "Against what was published"
    UNKNOWN = "What we do not know"


@dataclass(frozen=True, eq=False)
class Analysis:
    """What a study says.

    laws: the control law of each setting that has one; tables: what the findings have computed, by
    name (`analysis.tables["peaks"]`, or `analysis.peaks`); summary, notes: sentences for a reader;
    answers: those of the summary under the questions that they answer, a tuple a finding.
    A finding is given the analysis as the findings before it have left it.
    """

    study: Study
    laws: Mapping[int, PowerLaw]
    tables: Mapping[str, pd.DataFrame] = field(default_factory=dict)
    summary: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    answers: Mapping[Question, tuple[tuple[str, ...], ...]] = field(default_factory=dict)

    def __getattr__(self, name: str) -> pd.DataFrame:
        tables = self.__dict__.get("tables", {})
        if name in tables:
            return tables[name]
        raise AttributeError(f"no table {name!r} in this analysis; there are: {', '.join(tables)}")

    def __repr__(self) -> str:
        """What a notebook shows: what was found, and the tables that it stands in."""
        held = ", ".join(name for name, table in self.tables.items() if len(table))
        study = f"{self.study.meta.get('name', 'A study')}: {plural(len(self.study.runs), 'run')}"
        return "\n".join([f"{study}; tables: {held or 'none'}", *self.summary])

    def __dir__(self) -> Iterable[str]:
        return [*super().__dir__(), *self.tables]

    def but_for(self, settings: set[int]) -> Analysis:
        """The same without these settings: their laws, and their rows in tables by setting or scan."""
        if not settings:
            return self
        scans = self.study.scans
        without = set(scans.scan[scans.setting.isin(settings)])
        kept = {}
        for name, table in self.tables.items():
            for column, left_out in (("setting", settings), ("scan", without)):
                if column in table:
                    table = table[~table[column].isin(left_out)]
            kept[name] = table
        laws = {setting: law for setting, law in self.laws.items() if setting not in settings}
        return replace(self, laws=laws, tables=kept)


@dataclass(frozen=True)
class Listing:
    """A table for a reader: `key` names its file; every cell is text."""

    key: str
    title: str
    caption: str
    table: pd.DataFrame


@dataclass(frozen=True)
class Finding:
    """What is told of one phenomenon, declared once.

    name: what it is called; question: which of a reader's it answers; needs: the columns it cannot do without, by the table of the study that
    has them (`Study.has`): where they are not there its tables are empty and it tells nothing;
    tables: a function of the analysis so far for each table, by the name it is written under;
    sentences: what was found, for the summary; notes: what a reader has to know besides; charts:
    functions that give a `Chart`, or None where the numbers for it are not there; listings: likewise;
    alone: the settings that it tells of by itself, which the others' sentences leave out.
    """

    name: str
    question: Question = Question.OTHER
    needs: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    tables: Mapping[str, Callable[[Analysis], pd.DataFrame]] = field(default_factory=dict)
    sentences: Callable[[Analysis], list[str]] | None = None
    notes: Callable[[Analysis], list[str]] | None = None
    charts: tuple[Callable[[Analysis], Chart | None], ...] = ()
    listings: tuple[Callable[[Analysis], Listing | None], ...] = ()
    alone: Callable[[Analysis], set[int]] | None = None


def find(findings: Iterable[Finding], study: Study, laws: Mapping[int, PowerLaw]) -> Analysis:
    """The analysis of a study by these findings: their tables in order, then what they tell.

    Raises `AnalysisError` where two findings have a table of one name.
    """
    findings = list(findings)
    tables: dict[str, pd.DataFrame] = {}
    found = Analysis(study, laws, tables)
    for finding in findings:
        for name, table in finding.tables.items():
            if name in tables or name in _RESERVED:
                raise AnalysisError(
                    f"{finding.name}: its table {name!r} has a name that is taken; rename it"
                )
            tables[name] = table(found) if study.has(finding.needs) else pd.DataFrame()
    telling = [finding for finding in findings if study.has(finding.needs)]
    alone = {each.name: each.alone(found) for each in telling if each.alone}
    notes, summary = list(study.notes), list[str]()
    answers: dict[Question, tuple[tuple[str, ...], ...]] = {}
    for finding in telling:
        aside = set().union(*(own for name, own in alone.items() if name != finding.name))
        notes += finding.notes(found) if finding.notes else []
        told = tuple(finding.sentences(found.but_for(aside)) if finding.sentences else ())
        if told:
            summary += told
            answers[finding.question] = (*answers.get(finding.question, ()), told)
    return replace(found, summary=tuple(summary), notes=tuple(notes), answers=answers)


def draw(findings: Iterable[Finding], analysis: Analysis) -> dict[Question, list[Chart]]:
    """The charts that the analysis has the numbers for, under the questions that they answer, in the
    order of asking; in that of `findings` under each."""
    charts: dict[Question, list[Chart]] = {question: [] for question in Question}
    for finding in findings:
        if analysis.study.has(finding.needs):
            drawn = (chart(analysis) for chart in finding.charts)
            charts[finding.question] += [chart for chart in drawn if chart is not None]
    return {question: own for question, own in charts.items() if own}


_RESERVED = {"scans", *(each.name for each in fields(Analysis))}
"""Names of tables that would hide what an analysis has besides, or be written over."""
