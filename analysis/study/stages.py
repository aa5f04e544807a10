"""Which stage each row of a study's results is of, and whose weights it began with.

Language models are pre-trained and fine-tuned; other stages (a head, a preference model, a policy)
have rows in the same table, with columns and losses of their own.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from analysis.study.scans import SHAPE

PRETRAINING, FINE_TUNING = "pretraining", "fine_tuning"
LANGUAGE_MODELS = (PRETRAINING, FINE_TUNING)
_WHOLE = (*SHAPE, "context", "batch_size")


def with_stages(results: pd.DataFrame) -> pd.DataFrame:
    """`results` with `of` (the run whose weights a run began with; older tables: `pretrained_run`)
    and `stage`; where that is not told, fine-tuning if the run is `of` another, else pre-training."""
    if "pretrained_run" in results:
        older = results.pretrained_run
        results = results.assign(pretrained_run=results.get("of", older).fillna(older))
        results = results.drop(columns="of", errors="ignore")
        results = results.rename(columns={"pretrained_run": "of"})
    elif "of" not in results:
        results = results.assign(of=None)
    told = pd.Series(np.where(results.of.notna(), FINE_TUNING, PRETRAINING), results.index)
    return results.assign(stage=results.get("stage", told).fillna(told))


def split_stages(results: pd.DataFrame) -> tuple[pd.DataFrame, dict[str, pd.DataFrame]]:
    """The language models among `results` (as `with_stages` makes them), and the finished runs of
    each other stage by its name."""
    ours = results.stage.isin(LANGUAGE_MODELS)
    if ours.all():
        return results, {}
    others = results[~ours]
    if "status" in others:
        others = others[others.status == "done"]
    stages = {str(name): own.reset_index(drop=True) for name, own in others.groupby("stage")}
    models = results[ours].copy()
    for name in _WHOLE:  # rows that lack a whole number have made the others' fractional
        if name in models and pd.api.types.is_float_dtype(models[name]):
            values = models[name]
            if (values % 1 == 0).all():
                models[name] = values.astype("int64")
    return models, stages
