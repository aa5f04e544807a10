"""What every law has: constants, an equation that numpy and JAX can both run, and starts for a fit."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import astuple, dataclass, fields
from itertools import product
from typing import ClassVar

import numpy as np


@dataclass(frozen=True)
class Law(ABC):
    """Loss in nats per token as a function of a table's columns.

    A subclass is a frozen dataclass of its constants (floats) and says:
    columns: what it needs (params, tokens, ...); positive: constants fitted as logarithms;
    `log_loss(constants, columns, xp)`: its equation; `starts`: where a fit begins.
    """

    name: ClassVar[str]
    columns: ClassVar[tuple[str, ...]]
    positive: ClassVar[tuple[str, ...]]
    equation: ClassVar[str]
    source: ClassVar[str]
    measured: ClassVar[str] = "loss (nats per token)"

    @staticmethod
    @abstractmethod
    def log_loss(constants, columns: Mapping, xp=np):
        """ln L for `constants` (an object with the law's fields) on arrays of one shape."""

    @classmethod
    @abstractmethod
    def starts(cls, columns: Mapping, loss: np.ndarray) -> np.ndarray:
        """Starting points [starts, constants] in the solver's coordinates (`coordinates`)."""

    @classmethod
    def constant_names(cls) -> tuple[str, ...]:
        """The constants, in the order of `coordinates`."""
        return tuple(field.name for field in fields(cls))

    @classmethod
    def at(cls, coordinates, xp=np) -> Law:
        """The law at the solver's coordinates (constants, with logarithms of the positive ones)."""
        values = (
            xp.exp(value) if name in cls.positive else value
            for name, value in zip(cls.constant_names(), coordinates, strict=True)
        )
        return cls(*values)

    def coordinates(self) -> np.ndarray:
        """The inverse of `at`."""
        return np.array(
            [
                np.log(value) if name in self.positive else value
                for name, value in zip(self.constant_names(), astuple(self), strict=True)
            ]
        )

    def predict(self, **columns) -> np.ndarray:
        """Loss in nats per token at the law's columns (arrays that broadcast)."""
        arrays = {name: np.asarray(columns[name], float) for name in self.columns}
        with np.errstate(over="ignore"):  # a resample gone astray predicts infinity, and is told of
            return np.exp(type(self).log_loss(self, arrays))


def project(basis, exponents, loss: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Variable projection: for each choice of exponents, the best linear coefficients.

    basis(*choice) gives the [rows, coefficients] matrix whose combination is the loss; exponents
    is a grid per exponent. Coefficients are fitted to relative residuals and kept positive, since
    every term of these laws is. Returns (choices, coefficients), best first.
    Source: Golub and Pereyra 1973.
    """
    choices, found, misfits = list(product(*exponents)), [], []
    for choice in choices:
        relative = basis(*choice) / loss[:, None]
        scale = np.linalg.norm(relative, axis=0)
        if not (np.isfinite(relative).all() and np.isfinite(1 / scale).all()):
            found.append(np.full(len(scale), np.nan))  # beyond what numbers hold
            misfits.append(np.inf)
            continue
        coefficients = np.linalg.lstsq(relative / scale, np.ones(len(loss)))[0] / scale
        coefficients = np.maximum(coefficients, 1e-3 / np.abs(relative).max(axis=0))
        found.append(coefficients)
        misfits.append(np.abs(np.log(np.maximum(relative @ coefficients, 1e-300))).sum())
    order = np.argsort(misfits)
    return np.array(choices)[order], np.array(found)[order]
