"""The whole analysis on synthetic studies: numbers and sentences."""

import json

import numpy as np
import pandas as pd
import pytest

from analysis.analysis import analyse, write_analysis
from analysis.study import make_study


def test_the_summary_says_where_it_hurts_most(tables):
    summary = analyse(make_study(*tables(sizes=(24_576,), repeats=(16, 256, 4096)))).summary
    assert summary[0] == "Without repetition, test loss falls with params as N^-0.090 (3 sizes)."
    assert summary[1].startswith(
        "At N = 24.6k (f = 0.5), repeating a pool of 8,192 tokens 256 times costs most: "
    )
    assert "(multiplier 0.30)" in summary[1]


def test_a_worst_at_the_edge_is_called_one(tables):
    summary = analyse(make_study(*tables(sizes=(24_576,), repeats=(4, 16, 64)))).summary
    assert summary[1].endswith("edge of the repeats that were tried.")


def test_a_notebook_shows_what_was_found_and_no_tables(tables):
    analysis = analyse(make_study(*tables(sizes=(24_576,), repeats=(16, 256, 4096))))
    first, *rest = repr(analysis).splitlines()
    assert first.startswith(
        f"study: {len(analysis.study.runs)} runs; tables: controls, runs, cells"
    )
    assert rest == list(analysis.summary) and "names" not in first  # a table without rows
    assert len(repr(analysis.study)) < 1000


def test_peaks_move_to_fewer_repeats_as_models_grow(tables):
    peaks = analyse(make_study(*tables())).peaks
    slope = np.polyfit(np.log(peaks.params), np.log(peaks.gaussian_repeats), 1)[0]
    assert slope == pytest.approx(-0.5, abs=0.02)


def test_one_seed_has_no_error_bars_and_says_so(tables):
    analysis = analyse(make_study(*tables(seeds=(3,))))
    assert analysis.cells.multiplier_se.isna().all()
    assert any(note.startswith("One seed") for note in analysis.notes)


def test_without_controls_the_losses_remain(tables):
    results, curves = tables()
    analysis = analyse(make_study(results[results.repeats > 0], curves))
    assert analysis.peaks.empty and analysis.cells.test_loss.notna().all()
    assert any(note.startswith("No controls") for note in analysis.notes)


def test_what_is_written_reads_back(study_dir):
    analysis = analyse(study_dir)
    folder = write_analysis(analysis, study_dir)
    assert not list(folder.glob(".*"))
    pd.testing.assert_frame_equal(pd.read_parquet(folder / "peaks.parquet"), analysis.peaks)
    summary = json.loads((folder / "summary.json").read_text())
    assert tuple(summary["summary"]) == analysis.summary
    assert summary["study"]["git_commit"] == ["abc"]


def test_a_large_study_is_summed_up_by_its_worst_sizes(tables):
    analysis = analyse(make_study(*tables(fractions=(0.03, 0.1, 0.5), seeds=(0,))))
    told = [sentence for sentence in analysis.summary if "costs most" in sentence]
    assert len(analysis.peaks) == 9 and len(told) == 3
