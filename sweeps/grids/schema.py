"""The JSON schema of a grid file, for editors to complete and check what is typed.

Made from the models that read a grid. It knows every key, its values and what they mean; what only
several keys together get wrong (a pool smaller than a sequence) is told by `ostinato plan`.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from scaling.config import RunConfig
from scaling.probes import PROBES
from scaling.record import Record
from scaling.stages import STAGES, Following
from scaling.stages.fine_tuning import FineTuning
from sweeps.grids.files import SHIPPED
from sweeps.grids.grid import Grid

FILE = SHIPPED / "grid.schema.json"
"""Where the schema of this version lies; a grid may begin with `# yaml-language-server: $schema=`."""

_COUNT = {
    "type": "string",
    "pattern": r"^\s*[\d_.]+([eE][+-]?\d+)?\s*[kMBT]?\s*$",
    "description": "A count as people write it: 4.1M, 4_096_000, 1e6.",
}


def grid_schema() -> dict[str, Any]:
    """The schema (JSON Schema draft 2020-12)."""
    run, grid = RunConfig.model_json_schema(), Grid.model_json_schema()
    fields = {
        name: _value(schema)
        for name, schema in run["properties"].items()
        if name not in Record.model_fields
    }
    told = ", ".join(f"{probe.name} ({probe.about})" for probe in PROBES)
    fields["probes"]["items"] = {"enum": [probe.name for probe in PROBES]}
    fields["probes"]["description"] += f" There are: {told}."
    # In a grid's base, a table that `ostinato duplicates` has written may stand for the pools.
    fields["pools"] = {"anyOf": [fields["pools"], {"type": "string"}]}
    one = {name: {"$ref": f"#/$defs/{name}"} for name in fields}
    several = {name: {"type": "array", "minItems": 1, "items": ref} for name, ref in one.items()}
    either = {name: {"anyOf": [one[name], several[name]]} for name in fields}
    keys = grid["properties"]
    keys["stages"]["items"] = {"anyOf": [_following(s.following) for s in STAGES if s.following]}
    keys["fine_tuning"] = {
        "type": "array",
        "items": _following(FineTuning, required=()),
        "description": "Short for stages of fine_tuning.",
    }
    keys["base"] |= _object(one)
    keys["axes"] |= _object(several)
    keys["zipped"] |= {"items": _object(several)}
    keys["runs"] |= {"items": _object(either)}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Ostinato grid",
        **{name: value for name, value in grid.items() if name not in ("title", "$defs")},
        "$defs": fields | run.get("$defs", {}),
    }


def schema_text() -> str:
    """The schema as it is written to a file."""
    return json.dumps(grid_schema(), indent=1) + "\n"


def _following(model: type[Following], required: Sequence[str] = ("stage",)) -> dict[str, Any]:
    """The schema of an entry of a grid's stages."""
    schema = model.model_json_schema()
    schema["properties"] = {name: _value(own) for name, own in schema["properties"].items()}
    stage = schema["properties"]["stage"]
    stage["const"] = stage.get("default")
    schema["required"] = sorted({*schema.get("required", ()), *required})
    return schema


def _object(properties: dict[str, Any]) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "additionalProperties": False}


def _value(schema: dict[str, Any]) -> dict[str, Any]:
    """A field's schema; a whole number that is read from text as well says so."""
    if "ge" not in schema:
        return schema
    # Pydantic leaves `ge` as it is where a validator comes before: those of counts.
    about = {name: schema[name] for name in ("title", "description", "default") if name in schema}
    number = {"type": "number", "minimum": schema["ge"]}
    return about | {"anyOf": [number, _COUNT, {"type": "null"}]}
