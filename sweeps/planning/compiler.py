"""Compile a run's programs for a TPU topology and ask the compiler what memory they take.

libtpu carries the compiler and needs no TPU for it. Each compilation is a process of its own, as
libtpu talks and may die; its answer is kept under a hash of all that it depends on.
"""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from functools import cache
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

from data_pipelines.errors import OstinatoError
from data_pipelines.system.atomic import write_json
from data_pipelines.system.children import child
from scaling.config import RunConfig
from scaling.programs.layout import Layout

_SOURCES = (
    *("mesh", "model.attention", "model.transformer"),
    *(f"programs.{name}" for name in ("layout", "optimiser", "program", "step")),
)
"""Modules of `scaling` whose text decides what is compiled."""
_LEAST_EFFORT = {"exec_time_optimization_effort": -1.0}
"""Of XLA, to make a program quick that nobody runs: a third of the time to compile it. Of the sizes of
hernandez2022 all get the layouts of full effort, and memory within 2 % of it, the smallest 17 % more."""


class Compiled(NamedTuple):
    """What the compiler says."""

    memory: int | None
    """Bytes on a chip at the fullest, in training; None where it says only that it does not fit."""
    fits: bool
    seconds: float


def check_compiler() -> None:
    """Raise OstinatoError if there is no libtpu."""
    if find_spec("libtpu") is None:
        raise OstinatoError(
            "accelerator: libtpu, which compiles for TPUs, is not installed; "
            "pip install 'ostinato[tpu]' (no TPU is needed)"
        )


def compiled(config: RunConfig, layout: Layout, topology: str, cache_dir: Path) -> Compiled:
    """Compile the training of a run's shape; from the cache where it is known.

    Evaluation goes through the same microbatches and keeps nothing for a way back: it fits where
    training does.

    Raises OstinatoError where the compiler fails for another reason than memory.
    """
    # Nothing but the shape counts.
    shape = config.control().model_copy(update={"seed": 0, "tokens": 0, "learning_rate": 1.0})
    question = {
        "config": shape.model_dump(mode="json"),
        "vocabulary_size": config.vocabulary_size,
        "layout": layout.model_dump(),
        "topology": topology,
    }
    key = hashlib.sha256(json.dumps([question, _toolchain()], sort_keys=True).encode())
    path = cache_dir / "compiled" / f"{key.hexdigest()[:24]}.json"
    if not path.exists():
        write_json(path, _ask(question))
    return Compiled(**json.loads(path.read_text()))


@cache
def _toolchain() -> dict[str, str]:
    versions = {
        name: metadata.version(name) for name in ("jax", "jaxlib", "libtpu", "flax", "optax")
    }
    source = hashlib.sha256(Path(__file__).read_bytes())
    for name in _SOURCES:
        spec = find_spec(f"scaling.{name}")
        assert spec and spec.origin
        source.update(Path(spec.origin).read_bytes())
    return versions | {"source": source.hexdigest()}


def _ask(question: dict) -> dict:
    environment = os.environ | {
        "JAX_PLATFORMS": "cpu",
        "TPU_SKIP_MDS_QUERY": "1",
        "ALLOW_MULTIPLE_LIBTPU_LOAD": "1",
    }
    environment.pop("XLA_FLAGS", None)
    done = subprocess.run(
        child(f"{__name__}:main"),
        input=json.dumps(question),
        env=environment,
        capture_output=True,
        text=True,
    )
    if done.returncode:
        lines = done.stderr.strip().splitlines() or [f"exit code {done.returncode}"]
        raise OstinatoError(
            f"accelerator: compiling d_model {question['config']['d_model']} for "
            f"{question['topology']} with layout {question['layout']} failed: {lines[-1]}"
        )
    return json.loads(done.stdout.splitlines()[-1])


def main() -> None:
    """Answer one question from stdin."""
    import time

    import jax
    from jax.experimental import topologies

    from scaling.programs.program import program_for

    question = json.load(sys.stdin)
    generation, shape = question["topology"].split(":")
    single = {"chips_per_host_bounds": (1, 1, 1)} if shape == "1x1" else {}
    topology = topologies.get_topology_desc(
        platform="tpu", topology_name=f"{generation}:{shape}", **single
    )
    config = RunConfig.model_construct(**question["config"])
    layout = Layout.parse(question["layout"])
    program = program_for(config, question["vocabulary_size"], layout, list(topology.devices))
    start = time.perf_counter()
    try:
        training, _ = program.lowered()
        told = training.compile(compiler_options=_LEAST_EFFORT).memory_analysis()
        memory = told.peak_memory_in_bytes + told.generated_code_size_in_bytes
        answer = {"memory": memory, "fits": True}
    except jax.errors.JaxRuntimeError as error:
        if "RESOURCE_EXHAUSTED" not in str(error):
            raise
        answer = {"memory": None, "fits": False}
    print(json.dumps(answer | {"seconds": time.perf_counter() - start}))
