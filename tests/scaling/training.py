"""A single run, trained in this process."""

from dataclasses import fields
from pathlib import Path
from typing import Any

from scaling.loop import Lane, Surroundings
from scaling.record import Record
from scaling.stages import train as train_together


def train(record: Record, data_dir: Path, **asked: Any) -> dict[str, Any]:
    """Its summary; `asked` are fields of its `Lane` and its `Surroundings`. Raises what it fails by."""
    around = {field.name for field in fields(Surroundings)} & set(asked)
    surroundings = Surroundings(data_dir, **{name: asked.pop(name) for name in around})
    (end,) = train_together([Lane(record, **asked)], surroundings)
    if isinstance(end, Exception):
        raise end
    return end
