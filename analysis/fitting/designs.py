"""Tables whose design leaves constants open, named for what they are, and rows that decide alone."""

from __future__ import annotations

import numpy as np

from analysis.fitting.doubts.lines import in_a_valley, line
from analysis.fitting.fitted import Fit, refit_without
from analysis.words import plural

_FEWEST = 3  # sizes, of which a floor, a scale and an exponent can be told
_MOST_ROWS = 400  # in more, none is tried for deciding alone
_DECIDES = 1.5  # standard errors of all the other rows by which one row moves a constant
_MATTERS = 0.02  # of a constant, below which no move of it matters
_EXPONENTS = {"params": "alpha", "tokens": "beta", "flops": "alpha"}


def designs(fitted: Fit) -> list[str]:
    """What the design of a fit's table cannot tell, one sentence each."""
    columns, free, warnings = fitted.columns, fitted.held.free, []
    if told := line(columns):
        warnings.append(
            f"params and tokens lie on one line ({told}): the loss along that line is all that can be "
            "told, not which exponent is whose. Use the law on the line only, or add runs off it."
        )
    for name, exponent in _EXPONENTS.items():
        if name not in columns or not {"E", exponent} <= {*free}:
            continue
        values = _distinct(columns[name])
        if values < _FEWEST:
            warnings.append(
                f"{plural(values, 'value')} of {name} in all: a floor, a scale and an exponent need "
                f"{_FEWEST} at least, and one more to be tried on; add some, or fix {exponent}."
            )
    unique, tokens = columns.get("unique_tokens"), columns.get("tokens")
    if unique is not None and tokens is not None and (tokens / unique < 1.001).all():
        warnings.append(
            "No row repeats its tokens (unique_tokens is tokens throughout): nothing can be told of "
            "what repetition costs; chinchilla is the law for such rows."
        )
    return warnings


def deciding_row(fitted: Fit) -> list[str]:
    """A sentence on the row without which a constant would be quite another: one that moves it by more
    than one and a half standard errors of all the others (a jackknife without that row)."""
    rows = np.arange(len(fitted.loss))
    free = [type(fitted.law).constant_names().index(name) for name in fitted.held.free]
    if len(rows) > _MOST_ROWS or len(rows) <= len(free) + 2 or np.std(fitted.residuals) < 1e-6:
        return []
    if in_a_valley(fitted.columns, fitted.held):  # where any row moves any constant
        return []
    laws = refit_without(fitted, rows, rows.tolist())
    with np.errstate(all="ignore"):  # refits gone astray
        there = np.array([law.coordinates() for law in laws])[:, free]
        moves = np.abs(there - fitted.law.coordinates()[free])
        others = np.maximum(np.sum(moves**2, axis=0) - moves**2, 0)
        errors = np.sqrt(others) + 1e-12
        share = np.where(moves > _MATTERS, moves / errors, 0)
    row, place = np.unravel_index(int(np.nanargmax(share)), share.shape)
    if not share[row, place] > _DECIDES:
        return []
    name = fitted.held.free[int(place)]
    return [
        f"Row {fitted.places[row]} decides alone: without it {name} is "
        f"{getattr(laws[int(row)], name):.4g}, not {fitted.constants[name]:.4g}, "
        f"{share[row, place]:.1f} standard errors of all the other rows away; look at that run."
    ]


def _distinct(values: np.ndarray) -> int:
    """How many values there are, those within a hundredth of one another being one."""
    logs = np.sort(np.log(values))
    return 1 + int((np.diff(logs) > 0.01).sum())


def go_together(fitted: Fit, labels: np.ndarray, draws: int = 999) -> float:
    """The chance that the residuals of one label agree as much as here by accident: a permutation test
    on ranks (Kruskal and Wallis 1952). 1 where no label has two rows."""
    groups = np.unique(labels, return_inverse=True)[1]
    sizes = np.bincount(groups)
    if len(sizes) < 3 or sizes.max() < 2 or np.std(fitted.residuals) < 1e-6:
        return 1.0
    ranks = np.argsort(np.argsort(fitted.residuals)).astype(float)
    ranks -= ranks.mean()

    def between(order: np.ndarray) -> float:
        return float(np.sum(np.bincount(groups, order) ** 2 / sizes))

    generator, here = np.random.default_rng(0), between(ranks)
    beyond = sum(between(generator.permutation(ranks)) >= here for _ in range(draws))
    return (1 + beyond) / (1 + draws)
