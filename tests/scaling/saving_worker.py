"""A run that saves whenever it may, in a process that a test can kill."""

from pathlib import Path

import jax

import scaling.train
from scaling.config import RunConfig
from sweeps.store import RunDirectory


def main(config: RunConfig, data_dir: Path, place: Path, compiled: Path) -> None:
    """Train in `place`, a line of `progress` each call of the device; `compiled` is kept."""
    jax.config.update("jax_compilation_cache_dir", str(compiled))
    jax.config.update("jax_persistent_cache_min_compile_time_secs", 0)
    scaling.train.CHECKPOINT_SECONDS = 0
    run = RunDirectory(place, place / "claim")

    def note(progress):
        with (place / "progress").open("a") as file:
            print(progress.step, file=file)

    scaling.train.train(
        config,
        data_dir=data_dir,
        checkpoint_dir=run.checkpoints,
        on_start=lambda step: run.begin(config, step),
        on_evaluation=run.evaluation,
        on_progress=note,
    )
