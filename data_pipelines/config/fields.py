"""What configs are made of: a frozen model that refuses in one line, and counts as people write them."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from data_pipelines.errors import OstinatoError

_SUFFIXES = {"": 1, "k": 10**3, "M": 10**6, "B": 10**9, "T": 10**12}


def parse_count(value: Any) -> Any:
    """Read a count as people write it: 4_096_000, 4.1e6 (a string to YAML), '4.1M', '100B'.

    Raises ValueError on what is no number, and on yes and no, which are numbers to Python.
    """
    if isinstance(value, str):
        match = re.fullmatch(r"\s*(\d[\d_]*(?:\.[\d_]*)?(?:[eE][+-]?\d+)?)\s*([kMBT]?)\s*", value)
        value = float(match[1].replace("_", "")) * _SUFFIXES[match[2]] if match else math.nan
    if isinstance(value, bool) or (isinstance(value, float) and not math.isfinite(value)):
        raise ValueError("write a number such as 4096000, 4.1e6 or 4.1M")
    return round(value) if isinstance(value, float) else value


Count = Annotated[int, BeforeValidator(parse_count), Field(ge=1)]
"""A positive whole number that may be written with an exponent or a suffix k, M, B, T."""


class Config(BaseModel):
    """A frozen config that refuses what it does not know; its validator is built when first asked for."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False, defer_build=True)

    @classmethod
    def parse(cls, values: dict[str, Any], where: str = ""):
        """Validate `values`; raises OstinatoError with one line naming the first bad field."""
        try:
            return cls.model_validate(values)
        except ValidationError as error:
            raise OstinatoError(_one_line(error, cls, where)) from None


_REMEDIES = (
    {f"int_{fault}": "give a whole number" for fault in ("type", "parsing", "from_float")}
    | {f"float_{fault}": "give a number" for fault in ("type", "parsing")}
    | {f"bool_{fault}": "give true or false" for fault in ("type", "parsing")}
    | {f"{kind}_type": "give a list" for kind in ("list", "tuple")}
    | {f"{kind}_type": "give keys with values" for kind in ("dict", "model")}
    | {
        "string_type": "give text",
        "finite_number": "give a number",
        "literal_error": "give {expected}",
        "string_pattern_mismatch": "give what matches {pattern}",
        "greater_than": "give more than {gt}",
        "greater_than_equal": "give {ge} or more",
        "less_than": "give less than {lt}",
        "less_than_equal": "give {le} or less",
    }
)
"""What helps against pydantic's faults, by their type, in words without its types and parsers."""


def told(fault: Mapping[str, Any]) -> str:
    """One of a ValidationError's `errors()` in a user's words: the remedy, and what was given."""
    context = {name: _plain(value) for name, value in fault.get("ctx", {}).items()}
    if isinstance(context.get("error"), OstinatoError):
        return str(context["error"])  # which names the part at fault, and what it was given
    remedy = _REMEDIES.get(fault["type"], "").format(**context)
    message = remedy or fault["msg"].removeprefix("Value error, ").rstrip(".")
    message, given = message[0].lower() + message[1:], repr(fault["input"])
    is_told = fault["type"] == "missing" or (fault["type"] == "value_error" and given in message)
    return message if is_told else f"{message} (given: {given})"


def _plain(value: Any) -> Any:
    """1 for the 1.0 that a field's bound is."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _one_line(error: ValidationError, model: type[BaseModel], where: str) -> str:
    # A misspelt key also leaves a field missing: the misspelling is the one to name.
    first = min(error.errors(), key=lambda e: e["type"] == "missing")
    field = ".".join(str(part) for part in first["loc"])
    prefix = f"{where}: " if where else ""
    if first["type"] == "extra_forbidden":
        return f"{prefix}{unknown_name('key', field, model.model_fields)}"
    if not field:  # a check of several fields, which names them
        return f"{prefix}{first['msg'].removeprefix('Value error, ')}"
    return f"{prefix}{field}: {told(first)}"


def unknown_name(kind: str, name: str, known) -> str:
    """One line for a name that is not among `known`: the nearest ones, or all of a short list."""
    from difflib import get_close_matches

    known = sorted(known)
    near = get_close_matches(name, known, n=3)
    hint = f"did you mean {' or '.join(near)}?" if near else f"known: {', '.join(known)}"
    return f"{name}: unknown {kind}; {hint}"
