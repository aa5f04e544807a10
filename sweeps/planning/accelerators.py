"""TPU slices by name: chips, memory, peak, price."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path

import yaml
from pydantic import Field, TypeAdapter, ValidationError

from data_pipelines.config import Config, unknown_name
from data_pipelines.errors import OstinatoError

_TABLE = Path(__file__).with_suffix(".yaml")


class Generation(Config):
    """A kind of chip."""

    aliases: tuple[str, ...]
    cores_per_chip: int
    hbm_gib: float
    peak_tflops: float
    price: float = Field(ge=0)
    topologies: dict[int, str]


@dataclass(frozen=True)
class Accelerator:
    """A slice of chips."""

    name: str
    generation: str
    chips: int
    topology: str
    """As the compiler names it, such as 'v5e:2x4'."""
    hbm_gib: float
    """Memory of a chip."""
    peak_flops: float
    """bfloat16 FLOP/s of a chip."""
    price: float
    """US dollars per chip and hour."""


def find_accelerator(name: str, prices: Path | None = None) -> Accelerator:
    """The slice of a name such as 'v5e-8', 'v5litepod-8' or 'v5p-16'.

    `prices` is a YAML file of generation to dollars per chip and hour. Raises OstinatoError on a
    slice that is not known, with the nearest ones, and on a price list that is none.
    """
    kinds = _generations()
    spelt = {alias: kind for kind, g in kinds.items() for alias in (kind, *g.aliases)}
    head, _, count = name.rpartition("-")
    kind = spelt.get(head, "")
    known = {
        f"{each}-{chips * g.cores_per_chip}": chips
        for each, g in kinds.items()
        for chips in g.topologies
    }
    canonical = f"{kind}-{count}" if kind else name
    if canonical not in known:
        raise OstinatoError(unknown_name("accelerator", canonical, known))
    found, chips = kinds[kind], known[canonical]
    return Accelerator(
        canonical,
        kind,
        chips,
        f"{kind}:{found.topologies[chips]}",
        found.hbm_gib,
        found.peak_tflops * 1e12,
        _prices(prices).get(kind, found.price),
    )


@cache
def _generations() -> dict[str, Generation]:
    return TypeAdapter(dict[str, Generation]).validate_python(yaml.safe_load(_TABLE.read_text()))


def _prices(path: Path | None) -> dict[str, float]:
    if path is None:
        return {}
    try:
        prices = TypeAdapter(dict[str, float]).validate_python(yaml.safe_load(path.read_text()))
    except (OSError, yaml.YAMLError, ValidationError) as error:
        reason = str(error).splitlines()[0]
        raise OstinatoError(
            f"prices: {path} is no YAML of generation to dollars per chip and hour ({reason})"
        ) from None
    for kind, price in prices.items():
        if kind not in _generations():
            raise OstinatoError(f"prices: {unknown_name('generation', kind, _generations())}")
        if price < 0:
            raise OstinatoError(f"prices: {price} for {kind}; give dollars per chip and hour")
    return prices
