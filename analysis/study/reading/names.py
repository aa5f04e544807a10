"""What people call the columns of a law, and what a header says besides: Params (M), loss_bits."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches

import pandas as pd

from analysis.errors import AnalysisError
from analysis.study.reading.numbers import size

USUAL: Mapping[str, tuple[str, ...]] = {
    "params": (
        *("params", "n", "n_params", "num_params", "nparams", "parameters", "n_parameters"),
        *("num_parameters", "param_count", "parameter_count", "params_count", "model_size"),
        *("model_params", "model_parameters", "non_embedding_params", "nonembedding_params"),
        *("non_embedding_parameters", "params_non_embedding", "n_non_embedding", "non_emb_params"),
        *("trainable_params", "trainable_parameters", "number_of_parameters", "number_of_params"),
    ),
    "tokens": (
        *("tokens", "d", "n_tokens", "num_tokens", "ntokens", "training_tokens", "train_tokens"),
        *("tokens_seen", "tokens_trained", "token_count", "total_tokens", "num_training_tokens"),
        *("n_train_tokens", "number_of_tokens", "data_tokens", "tokens_processed"),
    ),
    "unique_tokens": (
        *("unique_tokens", "u", "n_unique_tokens", "num_unique_tokens", "tokens_unique"),
        *("unique_data", "data_unique", "unique", "u_d", "distinct_tokens"),
    ),
    "flops": (
        *("flops", "c", "compute", "flop", "n_flops", "training_flops", "training_flop"),
        *("train_flops", "total_flops", "compute_flops", "training_compute", "train_compute"),
    ),
    "loss": (
        *("loss", "l", "final_loss", "val_loss", "validation_loss", "valid_loss", "eval_loss"),
        *("test_loss", "train_loss", "training_loss", "dev_loss", "heldout_loss", "held_out_loss"),
        *("nll", "ce", "ce_loss", "cross_entropy", "cross_entropy_loss", "loss_nats", "lm_loss"),
        *("final_val_loss", "final_train_loss", "final_test_loss", "final_eval_loss"),
        *("val_nll", "test_nll", "loss_final", "loss_val", "smoothed_loss"),
    ),
    "tokens_per_param": ("tokens_per_param", "tokens_per_parameter", "d_n", "token_param_ratio"),
    "epochs": ("epochs", "epoch", "n_epochs", "num_epochs"),
    "repeats": ("repeats", "e", "count", "copies", "n_repeats", "num_repeats", "times_seen"),
    "token_share": ("token_share", "share", "share_of_tokens", "fraction", "repeated_fraction"),
}
"""For each of our names the field's, normalised (`normal`)."""

_LESS_USUAL: Mapping[str, tuple[str, ...]] = {
    "params": ("total_params", "params_total", "total_parameters", "n_total", "size", "model"),
    "tokens": ("dataset_size", "data_size", "data", "dataset"),
    "loss": (
        *(
            "bits",
            "loss_bits",
            "val_loss_bits",
            "bits_per_token",
            "bpt",
            "bits_loss",
            "loss_in_bits",
        ),
        *("bpb", "bits_per_byte", "val_bpb", "loss_bpb", "test_bpb", "eval_bpb", "final_bpb"),
        *("ppl", "perplexity", "val_ppl", "test_ppl", "eval_ppl", "final_ppl", "loss_ppl"),
        *("val_perplexity", "test_perplexity", "eval_perplexity", "validation_perplexity"),
    ),
}
"""Taken only where none of the usual names is there."""

_BRACKETS = re.compile(r"^(.*?)\s*[(\[]\s*([^()\[\]]*?)\s*[)\]]\s*$")


@dataclass(frozen=True)
class Named:
    """A column found. column: what the table calls it; factor: what its header multiplies by."""

    column: str
    factor: float = 1.0


def normal(header: object) -> str:
    """A header in lower case, with one underscore for what is neither letter nor figure."""
    return re.sub(r"[^0-9a-z]+", "_", str(header).strip().lower()).strip("_")


def find(ours: str, table: pd.DataFrame, where: str, taken: Iterable[str] = ()) -> Named | None:
    """The column of `table` that is `ours` by one of its usual names, None where there is none.

    taken: columns that serve already. Raises `AnalysisError` naming both where two that differ have
    such a name.
    """
    free = [column for column in map(str, table) if column not in set(taken)]
    for usual in (USUAL.get(ours, (ours,)), _LESS_USUAL.get(ours, ())):
        found = [named for column in free if (named := _named(column, usual))]
        first = next(
            (named for named in found if named.column == ours), found[0] if found else None
        )
        if first is None:
            continue
        others = [one for one in found if not table[one.column].equals(table[first.column])]
        if others:
            raise AnalysisError(
                f"{where}: {ours}: both {first.column} and {others[0].column} could be it; say which: "
                f"--columns {ours}={first.column} (columns={{{ours!r}: {first.column!r}}})"
            )
        return first
    return None


def given(ours: str, theirs: str, table: pd.DataFrame, where: str) -> Named:
    """The column that the user calls `theirs`, give or take blanks and case; raises `AnalysisError`
    naming the nearest."""
    columns = [str(column) for column in table]
    same = [c for c in columns if c == theirs]
    same = same or [c for c in columns if normal(c) == normal(theirs) and normal(c)]
    if len(same) != 1:
        near = get_close_matches(theirs, columns, n=3) or columns
        told = f"{', '.join(same)} are all alike" if same else f"there are: {', '.join(near)}"
        raise AnalysisError(f"{where}: no column {theirs} (for {ours}); {told}")
    usual = (*USUAL.get(ours, (ours,)), *_LESS_USUAL.get(ours, ()))
    return _named(same[0], usual) or Named(same[0], _apart(same[0])[1])


def _named(column: str, usual: tuple[str, ...]) -> Named | None:
    if normal(column) in usual:
        return Named(column)
    stem, factor = _apart(column)
    if normal(stem) in usual:
        return Named(column, factor)
    stem, _, unit = normal(column).rpartition("_")
    stem = stem.removesuffix("_in")
    factor = size(unit) or 1.0
    if stem in usual and factor != 1:
        return Named(column, factor)
    return None


def _apart(column: str) -> tuple[str, float]:
    """A header without the unit in its brackets, and what that multiplies by."""
    if match := _BRACKETS.match(column):
        stem, unit = match.groups()
        if (factor := size(unit)) is not None:
            return stem, factor
        if normal(unit) in ("nats", "nats_token", "nats_per_token", "bits", "ppl", "non_embedding"):
            return stem, 1.0
    return column, 1.0
