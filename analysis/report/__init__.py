"""The report of a study: one page that opens from the file system, its figures and tables beside it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from analysis.analysis import Analysis, analyse, write_analysis
from analysis.figures.in_print import render_each
from analysis.files import write_bytes, write_csv, write_text
from analysis.findings import FINDINGS, galleries
from analysis.findings.claims.picture import headline_picture
from analysis.report.page import Pictures, page
from analysis.study import Study


def write_report(
    study_dir: str | Path,
    analysis: Analysis | None = None,
    progress: Callable[[str, int, int], None] = lambda what, done, of: None,
) -> Path:
    """Analyse the study in `study_dir` and write its report; returns report/index.html.

    Also written: report/figures/*.svg, *.pdf and *.csv, and analysis/ (the computed tables). Files
    are replaced whole, the page last. `progress` is told what is drawn next, how many steps are done,
    and of how many. Raises `AnalysisError` as `read_study` does.
    """
    analysis = analysis or analyse(study_dir)
    write_analysis(analysis, study_dir)
    report, pictures = Path(study_dir) / "report", _pictures(analysis)
    charts, seeds = list(pictures), _seeds(analysis.study)
    steps = len(charts) + len(seeds)
    for done, chart in enumerate(charts):
        progress(f"drawing {chart.key}", done, steps)
        for kind, content in render_each(chart, ("svg", "pdf")).items():
            write_bytes(report / "figures" / f"{chart.key}.{kind}", content)
        write_csv(report / "figures" / f"{chart.key}.csv", chart.table)
    write_csv(report / "figures" / "runs.csv", analysis.study.runs)
    # What is listed in words alone is not seen of a seed.
    drawn, by_seed = [one for one in FINDINGS if one.charts or not one.listings], {}
    for done, seed in enumerate(seeds, len(charts)):
        progress(f"what seed {seed} says alone", done, steps)
        by_seed[str(seed)] = _pictures(analyse(analysis.study.of_seed(seed), drawn))
    return write_text(report / "index.html", page(analysis, pictures, by_seed))


def _pictures(analysis: Analysis) -> Pictures:
    return Pictures(headline_picture(analysis), galleries(analysis))


def _seeds(study: Study) -> list[int]:
    """Those whose runs are drawn alone as well: all, where there are several to choose from."""
    seeds = sorted(study.results.seed.unique())
    return seeds if len(seeds) > 1 else []
