"""Fitting that can be trusted: `fit` a law to arrays, `fit_table` to anybody's file."""

from analysis.fitting.fit import Fit, fit, held_out_error, profile, refit_without
from analysis.fitting.table import fit_table

__all__ = ["Fit", "fit", "fit_table", "held_out_error", "profile", "refit_without"]
