"""The laws of loss: small typed objects with `fit`, `predict` and, where it makes sense, `invert`."""

from analysis.laws.power import Interpolation, PowerLaw

__all__ = ["Interpolation", "PowerLaw"]
