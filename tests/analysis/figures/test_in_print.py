"""What stands in a printed figure: on which scale, in which order, and with no text upon another."""

from itertools import combinations

import numpy as np
import pandas as pd
import pytest

from analysis import analyse
from analysis.figures.chart import Axis, Chart, Heat, Panel, Series
from analysis.figures.in_print import draw
from analysis.findings.repeats.curves import loss_against_repeats
from analysis.study import make_study

WORDS = {"key": "map", "title": "A map", "caption": "", "reading": "", "table": None}


def test_losses_of_one_fraction_are_drawn_on_one_scale_and_those_of_others_on_theirs(tables):
    results, curves = tables(fractions=(0.1, 0.5))
    again = results.assign(weight_decay=1.0, run_id="again-" + results.run_id)
    both = pd.concat([results.assign(weight_decay=0.1), again])
    study = make_study(both, curves)
    chart = loss_against_repeats(analyse(study))
    axes = [ax for ax in draw(chart).axes if ax.get_visible()]
    shown = {}
    for ax, panel in zip(axes, chart.panels, strict=True):
        fraction = panel.title.partition(",")[0]
        shown.setdefault(fraction, set()).add(ax.get_ylim())
        assert ax.yaxis.get_tick_params()["labelleft"]
    assert len(axes) == 4 and shown.keys() == {"f = 0.1", "f = 0.5"}
    small, large = (shown[f"f = {fraction}"] for fraction in (0.1, 0.5))
    assert len(small) == len(large) == 1 and np.ptp([*small]) < np.ptp([*large])


def test_a_legend_lists_numbers_by_size_then_words_then_rings():
    def panel(*names):
        x = np.ones(1)
        return Panel("", [Series(name, x, x, ring=name == "worst") for name in names])

    panels = [panel("worst", "9,600", "control", "186k"), panel("aside", "200", "1.57M", "9,600")]
    axes = {"x": Axis("repeats E"), "y": Axis("loss")}
    chart = Chart(panels=panels, legend="repeats E", **WORDS, **axes)
    (legend,) = draw(chart).legends
    names = [text.get_text() for text in legend.get_texts()]
    assert names == ["200", "9,600", "186k", "1.57M", "control", "aside", "worst"]


@pytest.mark.parametrize(("columns", "rows"), [(1, 1), (3, 1), (8, 5), (12, 5), (20, 8)])
def test_no_text_of_a_heat_map_lies_upon_another(columns, rows):
    values = np.full((rows, columns), 0.0021)
    runs = [[[]] * columns] * rows
    heat = Heat(
        *(
            [f"{38_400 + column:,}" for column in range(columns)],
            [f"{row}k" for row in range(rows)],
        ),
        *(values, [["<0.0021"] * columns] * rows, "multiplier", runs),
    )
    axes = {"x": Axis("repeats E"), "y": Axis("params N")}
    figure = draw(Chart(panels=[Panel("f = 0.9", heat=heat)] * 3, **WORDS, **axes))
    figure.draw_without_rendering()
    for ax in figure.axes[:3]:
        told = [*ax.texts, *ax.get_xticklabels()]
        assert len(ax.texts) == rows * columns
        boxes = [text.get_window_extent() for text in told if text.get_text()]
        assert not [True for one, other in combinations(boxes, 2) if one.overlaps(other)]
    *_, bar = figure.axes
    assert len(figure.axes) == 4 and bar.get_ylabel() == "multiplier"  # one for all
