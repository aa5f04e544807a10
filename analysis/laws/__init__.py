"""The laws of loss: small typed objects with `predict` and `invert`; `fitting.fit` finds their constants."""

from analysis.laws.constrained import AdditivePenalty, DataConstrained, DataConstrainedGeometric
from analysis.laws.joint import Chinchilla, Kaplan
from analysis.laws.law import Law
from analysis.laws.mixture import DamageBand, MovingBand
from analysis.laws.overoptimisation import BestOfN, Reinforced
from analysis.laws.pairs import RepeatedPairs
from analysis.laws.power import ComputeLaw, FlooredPowerLaw, Interpolation, OptimalParams, PowerLaw

LAWS: dict[str, type[Law]] = {
    law.name: law
    for law in (
        *(PowerLaw, FlooredPowerLaw, ComputeLaw, Kaplan, Chinchilla),
        *(DataConstrained, DataConstrainedGeometric, AdditivePenalty),
    )
}
"""Every law by the name it has on the command line."""

__all__ = [
    "LAWS",
    "AdditivePenalty",
    "BestOfN",
    "Chinchilla",
    "ComputeLaw",
    "DamageBand",
    "DataConstrained",
    "DataConstrainedGeometric",
    "FlooredPowerLaw",
    "Interpolation",
    "Kaplan",
    "Law",
    "MovingBand",
    "OptimalParams",
    "PowerLaw",
    "Reinforced",
    "RepeatedPairs",
]
