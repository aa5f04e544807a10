"""Speed of the analysis room. Run by `make bench`; figures are printed, lines of the design asserted."""

import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from playwright.sync_api import sync_playwright

import analysis
from analysis.fitting import fit
from analysis.fitting.solving.bootstrap import resample
from analysis.fitting.solving.solver import minimise
from analysis.laws import Chinchilla
from analysis.report import write_report
from analysis.study.reading import read
from tests.analysis.conftest import make_tables
from tests.analysis.fitting.test_fit import draw, lbfgs
from tests.analysis.report.test_browser import CHROMIUM, LOSSES
from tests.benchmarks.measure import medians, report, seconds

TRUTH = Chinchilla(1.8172, 482.01, 2085.43, 0.3478, 0.3658)
"""Besiroglu et al. 2024, table 1."""


def test_bootstrap_refits_against_a_loop_of_scipy():
    rows, resamples, by_scipy = 240, 4000, 100
    columns, loss = draw(TRUTH, rows)
    start = fit(Chinchilla, columns, loss).law.coordinates()
    weights = resample(rows, resamples)
    starts = np.tile(start, (resamples, 1))
    first = seconds(lambda: minimise(Chinchilla, columns, loss, starts, weights))

    def ours() -> float:
        return seconds(lambda: minimise(Chinchilla, columns, loss, starts, weights))

    def scipy() -> float:
        each = seconds(lambda: [lbfgs(columns, loss, start, w) for w in weights[:by_scipy]])
        return each * resamples / by_scipy

    mine, theirs = medians(5, ours, scipy)
    report(
        f"{resamples} refits: {mine:.2f} s ({first:.2f} s with compilation), scipy L-BFGS-B "
        f"{theirs:.1f} s (from {by_scipy}), ratio {theirs / mine:.1f} (asked: 10)"
    )
    assert mine < 60 and theirs > 10 * mine


def test_a_spreadsheets_table_is_read(tmp_path):
    values = np.random.default_rng(0).random((100_000, 10)) * 1e6
    table, took = pd.DataFrame(values).add_prefix("column "), []
    for name, how in (("plain", {}), ("decimal commas", {"sep": ";", "decimal": ","})):
        path = tmp_path / f"{name}.csv"
        table.to_csv(path, index=False, **how)
        ours, pandas = medians(
            3,
            lambda path=path: seconds(lambda: read(path)),
            lambda path=path, how=how: seconds(lambda: pd.read_csv(path, **how)),
        )
        took.append(ours)
        report(f"100,000 rows of 10 columns, {name}: {ours:.2f} s, pandas as told {pandas:.2f} s")
    assert max(took) < 10


def test_a_report_of_the_recorded_study(tmp_path):
    recorded = Path(analysis.__file__).parent / "recorded" / "quick"
    study = shutil.copytree(recorded, tmp_path / "quick")
    (took,) = medians(3, lambda: seconds(lambda: write_report(study)))
    size = (study / "report" / "index.html").stat().st_size / 2**20
    report(f"report of 20 runs: {took:.1f} s, {size:.1f} MB (asked: 20 s)")
    assert took < 20


def test_a_report_of_1000_runs_is_built_and_opened(tmp_path):
    if not CHROMIUM:
        pytest.skip("needs chromium on the PATH")
    results, curves = make_tables(
        sizes=[24_576 * 2**n for n in range(6)],
        repeats=[2**n for n in range(1, 14)],
        fractions=(0.1, 0.5),
        seeds=range(6),
        noise=0.003,
        evaluations=30,
    )
    assert 950 < len(results) < 1050
    results.to_parquet(tmp_path / "results.parquet")
    curves.to_parquet(tmp_path / "curves.parquet")
    took = seconds(lambda: write_report(tmp_path))
    page = tmp_path / "report" / "index.html"
    size = page.stat().st_size / 2**20
    drawn = f"document.querySelector('{LOSSES}')?.data?.length > 0"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])

        def visit() -> float:
            with browser.new_page() as tab:
                return seconds(
                    lambda: (tab.goto(page.as_uri()), tab.wait_for_function(drawn, polling=50))
                )

        (opened,) = medians(3, visit)
        browser.close()
    report(
        f"report of {len(results):,} runs: {took:.1f} s, {size:.1f} MB, first figure drawn after "
        f"{opened:.1f} s (asked: 30 s, 15 MB, 2 s)"
    )
    assert took < 30 and size < 15 and opened < 2
