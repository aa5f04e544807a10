"""The figures of a study: charts made from its tables, drawn for print here and by the report."""

from __future__ import annotations

from analysis.figures.ablation import ablated_heads, induction_against_random
from analysis.figures.band import bad_band
from analysis.figures.capacity import capacity_share, incentive
from analysis.figures.chart import Chart
from analysis.figures.curves import learning_curves
from analysis.figures.fitted import fit_chart, predicted_against_measured
from analysis.figures.heads import (
    attention_patterns,
    head_map,
    loss_trajectories,
)
from analysis.figures.heatmap import multiplier_map
from analysis.figures.in_print import draw, render, render_each
from analysis.figures.names import names_in_context
from analysis.figures.params import loss_against_params
from analysis.figures.pool import pool_against_test
from analysis.figures.probes import probes_against_test
from analysis.figures.regularisation import regularisation_map
from analysis.figures.repeats import loss_against_repeats, multiplier_against_repeats
from analysis.figures.slice import vertical_slice
from analysis.figures.training import (
    copying_while_training,
    heads_while_training,
    in_context_slope,
    in_context_while_training,
    training_loss_bump,
)
from analysis.figures.transfer import fine_tuning

__all__ = ["Chart", "draw", "fit_chart", "gallery", "render", "render_each"]

_FIGURES = (
    loss_against_repeats,
    multiplier_map,
    multiplier_against_repeats,
    loss_against_params,
    pool_against_test,
    learning_curves,
    bad_band,
    vertical_slice,
    probes_against_test,
    regularisation_map,
    fine_tuning,
    names_in_context,
    heads_while_training,
    copying_while_training,
    in_context_while_training,
    in_context_slope,
    training_loss_bump,
    head_map,
    attention_patterns,
    ablated_heads,
    induction_against_random,
    loss_trajectories,
    capacity_share,
    incentive,
    predicted_against_measured,
)


def gallery(analysis) -> list[Chart]:
    """Every chart that the analysis (`study.analyse`) has the numbers for."""
    charts = (figure(analysis) for figure in _FIGURES)
    return [chart for chart in charts if chart is not None]
