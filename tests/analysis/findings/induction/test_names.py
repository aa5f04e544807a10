"""A name's probability where it comes back, control beside repeated."""

import numpy as np
import pandas as pd
import pytest

from analysis import analyse
from analysis.figures.in_print import draw
from analysis.findings import gallery
from analysis.findings.induction.names import name_cells, names_in_context
from analysis.study import make_study
from tests.analysis.conftest import make_tables


@pytest.fixture(scope="module")
def tables():
    results, curves = make_tables(sizes=(98_304,), repeats=(64, 256), control_sizes=())
    last = results.repeats.map({0: 0.9, 64: 0.5, 256: 0.1}) + 0.02 * results.seed
    return results.assign(name_probability_first=0.01, name_probability_last=last), curves


def test_cells_are_means_over_seeds(tables):
    cells = name_cells(make_study(*tables)).set_index("repeats")
    np.testing.assert_allclose(cells["last"], [0.91, 0.51, 0.11])
    np.testing.assert_allclose(cells.last_se, 0.01)
    assert (cells["first"] == 0.01).all() and (cells.seeds == 2).all()


def test_the_summary_and_the_figure_tell_the_worst(tables):
    analysis = analyse(make_study(*tables))
    (told,) = (s for s in analysis.summary if s.startswith("A name"))
    assert "91.0% ± 1.0%" in told and "E = 256 of 11.0% ± 1.0% (1.0% where it is new)" in told
    chart = names_in_context(analysis)
    last = next(series for series in chart.panels[0].series if series.name == "seen before")
    np.testing.assert_allclose(last.y, [0.51, 0.11])


def test_panels_that_share_an_axis_show_what_any_of_them_holds(tables):
    results, curves = tables
    small = results.assign(layers=1, run_id=results.run_id + "-flat", params=results.params // 2)
    small["name_probability_last"] = 0.02
    study = make_study(pd.concat([small, results], ignore_index=True), curves)
    axes = draw(names_in_context(analyse(study))).axes
    assert len(axes) == 2 and all(ax.get_ylim()[1] > 0.91 for ax in axes)


def test_a_study_without_the_probe_has_no_names():
    analysis = analyse(make_study(*make_tables(sizes=(98_304,), repeats=(64,), control_sizes=())))
    assert analysis.names.empty and "names-in-context" not in [c.key for c in gallery(analysis)]
