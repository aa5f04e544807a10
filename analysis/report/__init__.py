"""The report of a study: one page that opens from the file system, its figures and tables beside it."""

from __future__ import annotations

from pathlib import Path

from analysis.analysis import Analysis, analyse, write_analysis
from analysis.figures.in_print import render_each
from analysis.files import write_bytes, write_csv, write_text
from analysis.findings import FINDINGS, galleries
from analysis.findings.claims.picture import headline_picture
from analysis.report.page import Pictures, page
from analysis.study import Study


def write_report(study_dir: str | Path, analysis: Analysis | None = None) -> Path:
    """Analyse the study in `study_dir` and write its report; returns report/index.html.

    Also written: report/figures/*.svg, *.pdf and *.csv, and analysis/ (the computed tables). Files
    are replaced whole, the page last. Raises `AnalysisError` as `read_study` does.
    """
    analysis = analysis or analyse(study_dir)
    write_analysis(analysis, study_dir)
    report, pictures = Path(study_dir) / "report", _pictures(analysis)
    for chart in pictures:
        for kind, content in render_each(chart, ("svg", "pdf")).items():
            write_bytes(report / "figures" / f"{chart.key}.{kind}", content)
        write_csv(report / "figures" / f"{chart.key}.csv", chart.table)
    write_csv(report / "figures" / "runs.csv", analysis.study.runs)
    return write_text(report / "index.html", page(analysis, pictures, _by_seed(analysis.study)))


def _pictures(analysis: Analysis) -> Pictures:
    return Pictures(headline_picture(analysis), galleries(analysis))


def _by_seed(study: Study) -> dict[str, Pictures]:
    """The pictures of each seed's runs alone, where there are several seeds to choose from."""
    seeds = sorted(study.results.seed.unique())
    # What is listed in words alone is not seen there.
    drawn = [finding for finding in FINDINGS if finding.charts or not finding.listings]
    return {
        str(seed): _pictures(analyse(study.of_seed(seed), drawn))
        for seed in seeds
        if len(seeds) > 1
    }
