"""The law of damage: what it needs, and what it foresees of a size it has not seen."""

import pytest

from analysis import analyse
from analysis.errors import AnalysisError
from analysis.findings.repeats.damage_law import fit_damage
from analysis.study import make_study


def test_a_study_without_controls_cannot_predict(tables):
    results, curves = tables()
    with pytest.raises(AnalysisError, match="no control law"):
        fit_damage(analyse(make_study(results[results.repeats > 0], curves)))


def test_each_size_is_foreseen_from_the_others(tables):
    analysis = analyse(make_study(*tables(seeds=(0,))))
    assert len(analysis.held_out) == len(analysis.cells)
    assert analysis.held_out.predicted.to_numpy() == pytest.approx(
        analysis.held_out.multiplier.to_numpy(), rel=1e-3
    )
    assert analyse(make_study(*tables(sizes=(24_576, 98_304)))).held_out.empty
