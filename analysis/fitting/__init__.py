"""Fitting that can be trusted: `fit` a law to arrays, `fit_table` to anybody's file."""

from analysis.fitting.fit import fit, held_out_error
from analysis.fitting.fitted import Fit, profile, profile_interval, refit_without
from analysis.fitting.questions.compare import compare
from analysis.fitting.table import fit_table

__all__ = [
    "Fit",
    "compare",
    "fit",
    "fit_table",
    "held_out_error",
    "profile",
    "profile_interval",
    "refit_without",
]
