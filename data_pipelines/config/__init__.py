"""What a run's data is: the fields of a grid that this room reads, checked as they enter.

`mixture.MixtureConfig` is the data's share of a run's config, `reading` how a user's own files are
read, `fields` what every config here is made of.
"""

from data_pipelines.config.fields import Config, Count, parse_count, told, unknown_name
from data_pipelines.config.mixture import MixtureConfig, PoolShare
from data_pipelines.config.reading import AS_THEY_ARE, Reading

__all__ = [
    "AS_THEY_ARE",
    "Config",
    "Count",
    "MixtureConfig",
    "PoolShare",
    "Reading",
    "parse_count",
    "told",
    "unknown_name",
]
