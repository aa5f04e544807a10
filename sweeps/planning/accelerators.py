"""Accelerators by any of the names that people and clouds write: TPU slices with their chips, memory,
peak and price, and GPUs by kind and count."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import yaml
from pydantic import Field, TypeAdapter, ValidationError

from data_pipelines.config import Config, unknown_name
from data_pipelines.errors import OstinatoError

GPUS = ("A100", "A100-80GB", "B200", "H100", "H200", "L4", "P4", "P100", "T4", "V100")
"""GPUs that Google rents out, as SkyPilot spells them."""

_MOST_GPUS = 16
"""That one machine has."""

_GPU_ALIASES = {"a10040gb": "A100", "h10080gb": "H100", "h200141gb": "H200", "v10016gb": "V100"}

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
    """The slice of a name such as 'v5e-8', 'TPU-v5e:8', 'v5litepod-8', 'v5p-16' or 'v5e-2x4'.

    `prices` is a YAML file of generation to dollars per chip and hour. Raises OstinatoError on a
    slice that is not known, with the nearest ones, and on a price list that is none.
    """
    if gpu := find_gpu(name):
        slices = ", ".join(f"{kind}-8" for kind in _generations())
        raise OstinatoError(f"accelerator: {gpu} is a GPU; give a TPU slice, such as {slices}")
    kind, chips = _slice_of(name)
    found = _generations()[kind]
    return Accelerator(
        _slice_name(kind, chips),
        kind,
        chips,
        f"{kind}:{found.topologies[chips]}",
        found.hbm_gib,
        found.peak_tflops * 1e12,
        _prices(prices).get(kind, found.price),
    )


def find_gpu(name: str) -> str | None:
    """'H100' or 'H100:8', as SkyPilot takes it, of 'h100', 'H100-8' or 'nvidia-h100-80gb:8'; None if it
    is no GPU's name. Raises OstinatoError on a count that is none."""
    kinds = {_plain(kind): kind for kind in GPUS} | _GPU_ALIASES
    text = re.sub(r"^(nvidia)?[\s_-]*(tesla)?[\s_-]*", "", name.strip().lower())
    if kind := kinds.get(_plain(text)):
        return kind
    head, count = _parted(text)
    if not (kind := kinds.get(_plain(head))):
        return None
    if not (count.isdecimal() and 1 <= int(count) <= _MOST_GPUS):
        larger = f", or {kind}-80GB" if count == "80" else ""
        raise OstinatoError(
            f"accelerator: {name} is no {kind} with a count from 1 to {_MOST_GPUS}; write {kind}:8{larger}"
        )
    return f"{kind}:{int(count)}"


def _slice_of(name: str) -> tuple[str, int]:
    """The generation and the chips of a slice; raises OstinatoError with the nearest ones."""
    kinds = _generations()
    spelt = {_plain(alias): kind for kind, g in kinds.items() for alias in (kind, *g.aliases)}
    text = re.sub(r"^tpu[\s_-]*", "", name.strip().lower())
    head, size = _parted(text)
    kind = spelt.get(_plain(head)) or spelt.get(_plain(text))
    if kind is None:
        raise OstinatoError(_unknown(name))
    sizes, cores = kinds[kind].topologies, kinds[kind].cores_per_chip
    names = {_slice_name(kind, chips): chips for chips in sizes}
    shapes = {shape: chips for chips, shape in sizes.items()}
    if size in shapes:
        return kind, shapes[size]
    if not size.isdecimal():
        raise OstinatoError(
            f"{name}: unknown accelerator; {kind} comes as {', '.join(names)}: which of them?"
        )
    canonical = f"{kind}-{int(size)}"
    if ":" in text and cores > 1 and int(size) in sizes:
        # In a slice's name the number counts cores; after a colon it counts what a job gets.
        of_chips = _slice_name(kind, int(size))
        if canonical not in names:
            return kind, int(size)
        raise OstinatoError(
            f"accelerator: {name} is not clear; {size} chips are {of_chips}, {size} cores {canonical}"
        )
    if canonical not in names:
        near = sorted(names, key=lambda each: abs(names[each] * cores - int(size)))[:2]
        raise OstinatoError(f"{name}: unknown accelerator; did you mean {' or '.join(near)}?")
    return kind, names[canonical]


def _parted(text: str) -> tuple[str, str]:
    """A name and the count, or the shape such as 2x4, that ends it."""
    head, _, size = re.sub(r"\s*[:_\s]\s*(?=[^:_\s]*$)", "-", text).rpartition("-")
    return (head, size) if head else (size, "")


def _plain(name: str) -> str:
    """A name without what people write differently: case, dashes, blanks."""
    return re.sub(r"[\s_-]", "", name.lower())


def _slice_name(kind: str, chips: int) -> str:
    return f"{kind}-{chips * _generations()[kind].cores_per_chip}"


def _unknown(name: str) -> str:
    """One line for a name that is neither a slice's nor a GPU's: the nearest, or what there is."""
    from difflib import get_close_matches

    slices = [_slice_name(kind, n) for kind, g in _generations().items() for n in g.topologies]
    # A generation that is none differs in a letter from one that is, and is not meant by it.
    is_tpu = re.match(r"(tpu[\s_-]*)?v\d+[a-z]?([:_\s-]|$)", name.strip().lower())
    known = {each.lower(): each for each in (*slices, *GPUS)}
    near = [] if is_tpu else get_close_matches(name.strip().lower(), known, n=3)
    hint = f"did you mean {' or '.join(known[each] for each in near)}?"
    there_is = f"known: TPUs {_listed(_generations())} (v5e-8), GPUs {_listed(GPUS)} (H100:8)"
    return f"{name}: unknown accelerator; {hint if near else there_is}"


def _listed(names: Iterable[str]) -> str:
    return ", ".join(names)


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
