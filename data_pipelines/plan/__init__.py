"""Which sequence a run sees at which position: `repeats`, over a `permutation` that is computed."""

from data_pipelines.plan.permutation import Permutation
from data_pipelines.plan.repeats import Pool, RepeatPlan, Slots

__all__ = ["Permutation", "Pool", "RepeatPlan", "Slots"]
