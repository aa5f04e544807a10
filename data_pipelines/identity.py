"""What a record is known by: the values that its id is the hash of.

The rule: everything that a record says, but for fields that it has gained since records of its kind
were kept and that say what was so before. Such a field is marked `Added` where it is declared, so
that older records keep their ids, and so do their directories, checkpoints and tables.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from types import MappingProxyType
from typing import Any

from pydantic import BaseModel


@dataclass(frozen=True)
class Added:
    """Marks a field of a record that is younger than records that are kept: Annotated[int, Added(1)].

    absent: what holds where nothing is said of it; it stays what it was when the field was added,
    whatever the field's default becomes. first: the name that the field had at first, if another.
    """

    absent: Any = None
    first: str | None = None


@dataclass(frozen=True)
class Whereabouts:
    """Marks a field that says where something lies: what a record is, it is wherever that is."""


@cache
def added(config: type[BaseModel]) -> Mapping[str, Added]:
    """The marks of a config's fields, by name."""
    marks = {
        name: next((mark for mark in field.metadata if isinstance(mark, Added)), None)
        for name, field in config.model_fields.items()
    }
    return MappingProxyType({name: mark for name, mark in marks.items() if mark})


@cache
def _whereabouts(config: type[BaseModel]) -> frozenset[str]:
    return frozenset(
        name
        for name, field in config.model_fields.items()
        if any(isinstance(mark, Whereabouts) for mark in field.metadata)
    )


def identity(config: BaseModel) -> dict[str, Any]:
    """The values that a config is known by, as JSON has them."""
    values = config.model_dump(mode="json", exclude=set(_whereabouts(type(config))))
    for name, mark in added(type(config)).items():
        value = values.pop(name)
        if getattr(config, name) != mark.absent:
            values[mark.first or name] = value
    return values


def filled(config: type[BaseModel], values: dict[str, Any]) -> dict[str, Any]:
    """Values of a config as an older version wrote them to JSON, with what held then of fields that
    it had not yet, under the names of today."""
    values = dict.fromkeys(_whereabouts(config)) | values
    for name, mark in added(config).items():
        if name not in values:
            absent = list(mark.absent) if isinstance(mark.absent, tuple) else mark.absent
            values[name] = values.pop(mark.first, absent) if mark.first else absent
    return values
