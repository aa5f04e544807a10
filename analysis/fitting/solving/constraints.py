"""Constants that are given (`fixed`) or equal to one another (`tied`), for solver, bootstrap and profile."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from analysis.errors import AnalysisError
from analysis.laws import Law


@dataclass(frozen=True)
class Constraints:
    """What a law's constants may not do.

    names: the law's constants; fixed: values of those that are given, natural units; groups: the
    constants that are one, each group in the law's order.
    """

    names: tuple[str, ...]
    fixed: Mapping[str, float] = field(default_factory=dict)
    groups: tuple[tuple[str, ...], ...] = ()

    @property
    def free(self) -> tuple[str, ...]:
        """The constants that are fitted, the first of each group for all of it."""
        followers = {name for group in self.groups for name in group[1:]}
        return tuple(n for n in self.names if n not in self.fixed and n not in followers)

    def with_its_group(self, name: str) -> tuple[str, ...]:
        """The constants that `name` is tied to, itself among them."""
        return next((group for group in self.groups if name in group), (name,))

    def moves(self) -> np.ndarray:
        """The projection [constants, constants] onto the steps that keep to the constraints."""
        return self.basis() @ self.basis().T

    def basis(self) -> np.ndarray:
        """An orthonormal basis of those steps, [constants, free]."""
        columns = []
        for name in self.free:
            group = self.with_its_group(name)
            columns.append([1 / np.sqrt(len(group)) if n in group else 0.0 for n in self.names])
        return np.array(columns, float).reshape(-1, len(self.names)).T

    def impose(self, law: type[Law], points: np.ndarray) -> np.ndarray:
        """`points` [points, constants] moved to where they keep to the constraints."""
        points = np.array(points, float)
        for group in self.groups:
            places = [self.names.index(name) for name in group]
            points[:, places] = points[:, places].mean(axis=1, keepdims=True)
        for name, value in self.fixed.items():
            points[:, self.names.index(name)] = np.log(value) if name in law.positive else value
        return points

    def holding(self, name: str) -> Constraints:
        """The same with `name`, and what is tied to it, held wherever it is put."""
        held = dict.fromkeys(self.with_its_group(name), np.nan)
        return Constraints(self.names, {**self.fixed, **held}, self.groups)


def constrain(
    law: type[Law],
    fixed: Mapping[str, float] | None = None,
    tied: Iterable[Sequence[str]] = (),
) -> Constraints:
    """The constraints on a law's constants. fixed: a value each; tied: groups of names that are equal.

    A constant tied to a fixed one is fixed. Raises `AnalysisError` naming what is no constant of the
    law, what cannot be its value, and ties of constants of two kinds.
    """
    names = law.constant_names()
    fixed, groups = dict(fixed or {}), list[set[str]]()
    _known(law, "fix", fixed)
    for pair in map(set, tied):
        _known(law, "tie", pair)
        if len({name in law.positive for name in pair}) > 1:
            raise AnalysisError(
                f"tie: {' and '.join(sorted(pair))} of {law.name} are of two kinds, one always above "
                "zero; tie exponents to exponents"
            )
        touched = [group for group in groups if group & pair]
        groups = [group for group in groups if not group & pair] + [pair.union(*touched)]
    ordered = tuple(tuple(n for n in names if n in group) for group in groups if len(group) > 1)
    for name, value in fixed.items():
        if not np.isfinite(value) or (name in law.positive and value <= 0):
            kind = "positive " if name in law.positive else "finite "
            raise AnalysisError(f"fix: {name} = {value:g}; give a {kind}number")
    for group in ordered:
        values = {fixed[name] for name in group if name in fixed}
        if len(values) > 1:
            raise AnalysisError(f"fix: {' and '.join(group)} are tied, and fixed to several values")
        if values:
            fixed |= dict.fromkeys(group, values.pop())
    found = Constraints(names, fixed, ordered)
    if not found.free:
        raise AnalysisError(f"fix: all constants of {law.name} are fixed; leave one to be fitted")
    return found


def _known(law: type[Law], option: str, names: Iterable[str]) -> None:
    for name in names:
        if name not in law.constant_names():
            raise AnalysisError(
                f"{option}: {law.name} has no constant {name}; it has "
                f"{', '.join(law.constant_names())}"
            )
