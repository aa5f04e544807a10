"""What configs are made of: a frozen model that refuses in one line, and counts as people write them."""

from __future__ import annotations

import re
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from data_pipelines.errors import OstinatoError

_SUFFIXES = {"": 1, "k": 10**3, "M": 10**6, "B": 10**9, "T": 10**12}


def parse_count(value: Any) -> Any:
    """Read a count as people write it: 4_096_000, 4.1e6 (a string to YAML), '4.1M', '100B'."""
    if isinstance(value, str):
        match = re.fullmatch(r"\s*([\d_.]+(?:[eE][+-]?\d+)?)\s*([kMBT]?)\s*", value)
        if not match:
            raise ValueError("write a number such as 4096000, 4.1e6 or 4.1M")
        value = float(match[1].replace("_", "")) * _SUFFIXES[match[2]]
    return round(value) if isinstance(value, float) else value


Count = Annotated[int, BeforeValidator(parse_count), Field(ge=1)]
"""A positive whole number that may be written with an exponent or a suffix k, M, B, T."""


class Config(BaseModel):
    """A frozen config that refuses what it does not know."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    @classmethod
    def parse(cls, values: dict[str, Any], where: str = ""):
        """Validate `values`; raises OstinatoError with one line naming the first bad field."""
        try:
            return cls.model_validate(values)
        except ValidationError as error:
            raise OstinatoError(_one_line(error, cls, where)) from None


def _one_line(error: ValidationError, model: type[BaseModel], where: str) -> str:
    # A misspelt key also leaves a field missing: the misspelling is the one to name.
    first = min(error.errors(), key=lambda e: e["type"] == "missing")
    field = ".".join(str(part) for part in first["loc"])
    prefix = f"{where}: " if where else ""
    if first["type"] == "extra_forbidden":
        return f"{prefix}{unknown_name('key', field, model.model_fields)}"
    message = first["msg"].removeprefix("Value error, ")
    message = message[0].lower() + message[1:]
    given = "" if first["type"] == "missing" or not field else f" (given: {first['input']!r})"
    return f"{prefix}{field + ': ' if field else ''}{message}{given}"


def unknown_name(kind: str, name: str, known) -> str:
    """One line for a name that is not among `known`: the nearest ones, or all of a short list."""
    from difflib import get_close_matches

    known = sorted(known)
    near = get_close_matches(name, known, n=3)
    hint = f"did you mean {' or '.join(near)}?" if near else f"known: {', '.join(known)}"
    return f"{name}: unknown {kind}; {hint}"
