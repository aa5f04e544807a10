"""The whole analysis of a study, from its tables to numbers and sentences.

analysis = analyse("studies/quick")
analysis.peaks          # where repetition hurts most, one row a size
print(*analysis.summary, sep="\\n")
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict
from itertools import chain
from pathlib import Path

from analysis.files import markdown_table, write_json, write_parquet, write_text
from analysis.findings import FINDINGS, listings
from analysis.findings.finding import Analysis, Finding, find
from analysis.findings.repeats.controls import control_curves
from analysis.study import Study, read_study

__all__ = ["Analysis", "analyse", "write_analysis"]


def analyse(study: Study | str | Path, findings: Iterable[Finding] = FINDINGS) -> Analysis:
    """Analyse a study (or the one in a directory) by every finding of `findings.FINDINGS`, or these.

    Raises `AnalysisError` as `read_study` does.
    """
    if not isinstance(study, Study):
        study = read_study(study)
    laws, _ = control_curves(study)
    return find(findings, study, laws)


def write_analysis(analysis: Analysis, directory: str | Path) -> Path:
    """Write `directory`/analysis: the tables as Parquet, laws and sentences as summary.json, and what is
    listed for a reader as Markdown (`claims.md`), for a README."""
    folder = Path(directory) / "analysis"
    for name, table in (*analysis.tables.items(), ("scans", analysis.study.scans)):
        write_parquet(folder / f"{name}.parquet", table)
    for listing in chain.from_iterable(listings(analysis).values()):
        write_text(folder / f"{listing.key}.md", markdown_table(listing.table))
    content = {
        "study": analysis.study.meta,
        "summary": analysis.summary,
        "notes": analysis.notes,
        "control_laws": {setting: asdict(law) for setting, law in analysis.laws.items()},
        "peaks": analysis.tables.get("peaks"),
    }
    write_json(folder / "summary.json", content)
    return folder
