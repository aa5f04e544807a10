"""For each shape of a grid the first layout that fits an accelerator, and what its runs will cost."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

from data_pipelines.errors import OstinatoError
from data_pipelines.system.cores import available_cores
from data_pipelines.system.pace import Pace
from scaling.config import RunConfig
from scaling.model.config import ModelConfig
from scaling.model.transformer import padded_vocabulary
from scaling.programs.layout import Layout
from sweeps.planning.accelerators import Accelerator
from sweeps.planning.compiler import Compiled, check_compiler, compiled

SHAPE = (*ModelConfig.model_fields, "vocabulary", "context", "batch_size")
"""Fields of a run that decide what is compiled."""

_STATE_BYTES = 16
"""Of a weight: itself, its gradient and AdamW's two moments, float32."""
_REPLICATED = 0.25
"""Share of the memory up to which every chip holds the whole state, sparing the communication."""
_ACTIVATION_BYTES = 60
"""Of a token, a layer and a unit of width, least: a layout that needs more than this leaves for the
memory is not tried. The compiler has the last word on all that are."""


class ShapePlan(NamedTuple):
    """A shape of a grid on an accelerator."""

    shape: dict[str, Any]
    params: int
    runs: int
    tokens: int
    """Of all its runs."""
    layout: Layout | None
    """The first that fits; None where none does."""
    memory: int | None
    """Bytes on a chip."""
    tried: int
    flops: float
    """Of all its runs, by formula."""
    chip_hours: float
    cost: float
    """US dollars."""

    def row(self, accelerator: Accelerator) -> dict[str, Any]:
        """As a row of a table; `layout` as `Layout.read` takes it."""
        return {
            **self.shape,
            "accelerator": accelerator.name,
            "params": self.params,
            "runs": self.runs,
            "tokens": self.tokens,
            "fits": self.layout is not None,
            "layout": None if self.layout is None else str(self.layout),
            "memory_gib": self.memory and round(self.memory / 2**30, 2),
            "hbm_gib": accelerator.hbm_gib,
            "layouts_tried": self.tried,
            "flops": self.flops,
            "hours_a_run": self.chip_hours / self.runs / accelerator.chips,
            "chip_hours": self.chip_hours,
            "cost": self.cost,
        }


def plan_shapes(
    runs: Sequence[RunConfig],
    accelerator: Accelerator,
    cache_dir: Path,
    *,
    utilisation: float = 0.4,
    progress: Callable[[str], None] = lambda note: None,
) -> list[ShapePlan]:
    """A plan for each distinct shape among `runs`, in their order.

    `utilisation` is the share of the peak FLOP/s that training is taken to reach. Raises
    OstinatoError where libtpu is missing, or a shape lies on the accelerator in no way.
    """
    check_compiler()
    shapes: dict[tuple, list[RunConfig]] = {}
    for run in runs:
        shapes.setdefault(tuple(getattr(run, name) for name in SHAPE), []).append(run)
    # What cannot be divided is said before anything is compiled.
    layouts = [list(candidates(group[0], accelerator)) for group in shapes.values()]
    done: list[ShapePlan] = []
    what = f"compiling {len(shapes)} shapes for {accelerator.name}"
    pace = Pace(progress, every=0)
    pace.begin(what)

    def plan(group: list[RunConfig], layouts: list[Layout]) -> ShapePlan:
        found = _plan(group, layouts, accelerator, cache_dir, utilisation)
        done.append(found)
        pace(len(done) / len(shapes))
        return found

    progress(what)
    with ThreadPoolExecutor(available_cores()) as pool:
        return list(pool.map(plan, shapes.values(), layouts))


def candidates(run: RunConfig, accelerator: Accelerator) -> Iterator[Layout]:
    """Layouts to try, the fastest first: weights on every chip if they are small, large
    microbatches, nothing computed twice.

    Raises OstinatoError where the batch divides over the chips in no way.
    """
    chips = accelerator.chips
    tensor = next(
        (
            t
            for t in range(1, chips + 1)
            if chips % t == 0
            and run.batch_size % (chips // t) == 0
            and run.heads % t == run.d_ff % t == 0
        ),
        None,
    )
    if tensor is None:
        raise OstinatoError(
            f"batch_size: {run.batch_size} sequences and {run.heads} heads do not divide over the "
            f"{chips} chips of {accelerator.name}; take a multiple of {chips}"
        )
    ways = chips // tensor
    memory = accelerator.hbm_gib * 2**30
    state = _STATE_BYTES * weights(run) / tensor
    fsdp = 1 if state < _REPLICATED * memory or run.d_model % ways else ways
    per_sequence = _ACTIVATION_BYTES * run.context * run.d_model * run.layers / tensor
    sizes = [n for n in range(run.batch_size, 0, -1) if run.batch_size % n == 0 and n % ways == 0]
    for remat in (False, True):
        for size in sizes:
            needed = state / fsdp + (0 if remat else per_sequence * size / ways)
            if needed < memory:
                microbatch = None if size == run.batch_size else size
                yield Layout(fsdp=fsdp, tensor=tensor, microbatch=microbatch, remat=remat)


def weights(run: RunConfig) -> int:
    """All weights of a run's model, embeddings included."""
    return run.params + 2 * padded_vocabulary(run.vocabulary_size) * run.d_model


def _plan(
    group: list[RunConfig],
    layouts: list[Layout],
    accelerator: Accelerator,
    cache_dir: Path,
    utilisation: float,
) -> ShapePlan:
    run = group[0]
    answer, layout, tried = Compiled(None, False, 0.0), None, 0
    for layout in layouts:
        tried += 1
        answer = compiled(run, layout, accelerator.topology, cache_dir)
        if answer.fits:
            break
    flops = sum(run.flops(run.vocabulary_size) for run in group)
    chip_hours = flops / (accelerator.peak_flops * utilisation) / 3600
    return ShapePlan(
        {name: getattr(run, name) for name in SHAPE},
        run.params,
        len(group),
        sum(run.tokens for run in group),
        layout if answer.fits else None,
        answer.memory,
        tried,
        flops,
        chip_hours,
        chip_hours * accelerator.price,
    )
