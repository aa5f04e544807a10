"""What the pool takes from a model: memorised bits, the share of its capacity, and why it pays.

Memorised bits are counted against what a model knows without having seen the pool, its control
(unintended memorisation, Morris et al. 2025, 2505.24832).
"""

from __future__ import annotations

from math import log

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from analysis.laws import PowerLaw
from analysis.tables import Study

BITS_PER_PARAM = 3.6  # Morris et al. 2025: 3.51 in bfloat16, 3.83 in float32


def memorised(study: Study, runs: pd.DataFrame) -> pd.DataFrame:
    """The repeated runs with `memorised_bits`, `bits_per_param` and `capacity_share` added.

    runs: as `effective.effective_params` makes them. The reference is the control's loss on the
    same pool where it was evaluated, else its test loss. Bits are counted on the mean loss, so
    that sequences below the reference and above it may cancel. NaN without pool loss or control.
    `capacity_share` = bits / (3.6 bits * params_total, or params where the total is not given).
    """
    same = ["setting", "params", "seed"]
    seen = study.controls.dropna(subset="pool_loss")
    reference = seen.groupby(same).pool_loss.mean().rename("reference_loss")
    runs = runs.join(reference, on=same)
    runs["reference_loss"] = runs.reference_loss.fillna(runs.control_loss)
    gained = (runs.reference_loss - runs.pool_loss).clip(lower=0)
    runs["memorised_bits"] = gained / log(2) * runs.pool_tokens
    total = runs.params_total if "params_total" in runs else runs.params
    runs["bits_per_param"] = runs.memorised_bits / total.fillna(runs.params)
    runs["capacity_share"] = runs.bits_per_param / BITS_PER_PARAM
    return runs


def incentive_bound(fraction: ArrayLike, alpha: float) -> np.ndarray:
    """The largest factor of effective params that memorising a share f of the data can be worth.

    (1 - f)^(-1/alpha): a model that spends the rest of itself on memorising loses (1 - f) of the
    loss at most; beyond this shrinkage the training objective no longer pays for it. Derived from
    the argument of Hernandez et al. 2022, section 5.1, with the control law L ~ N^-alpha.
    """
    return (1 - np.asarray(fraction, float)) ** (-1 / alpha)


def against_bound(
    peaks: pd.DataFrame, scans: pd.DataFrame, laws: dict[int, PowerLaw]
) -> pd.DataFrame:
    """Each peak's shrinkage 1/m beside its bound, and whether it keeps it."""
    setting = peaks.scan.map(scans.set_index("scan").setting)
    alpha = setting.map({key: law.alpha for key, law in laws.items()}).astype(float)
    columns = ["repeated_fraction", "repeats", "multiplier"]
    table = peaks[["scan", "params", *columns, "run_ids"]].astype(dict.fromkeys(columns, float))
    table["shrinkage"] = 1 / table.multiplier
    table["bound"] = (1 - table.repeated_fraction.clip(upper=1 - 1e-12)) ** (-1 / alpha)
    table["within"] = table.shrinkage <= table.bound
    return table.dropna(subset=["multiplier", "bound"]).reset_index(drop=True)
