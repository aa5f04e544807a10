"""Checkpoints of a run by orbax: the whole state, atomically, restored onto any mesh."""

from __future__ import annotations

from typing import Any

import orbax.checkpoint as ocp
from etils import epath

from data_pipelines.errors import OstinatoError
from data_pipelines.identity import filled
from scaling.config import RunConfig
from scaling.programs.step import State
from scaling.record import Record


class Checkpoints:
    """The checkpoints of one run in a directory, on a file system or in a bucket (gs://).

    The newest `keep` stay. Raises OstinatoError where the directory cannot be written.
    """

    def __init__(self, directory: epath.PathLike, record: Record, keep: int = 1):
        self._kind, self.config = type(record), record.model_dump(mode="json")
        place = epath.Path(directory)
        try:
            place.mkdir(parents=True, exist_ok=True)
            self._manager = ocp.CheckpointManager(
                place if "://" in str(directory) else place.absolute(),
                options=ocp.CheckpointManagerOptions(
                    max_to_keep=keep, enable_async_checkpointing=True
                ),
                item_names=("state", "config"),
            )
        except OSError as error:
            reason = error.strerror or str(error).splitlines()[0]
            raise OstinatoError(
                f"checkpoints: {place} cannot be written ({reason}); give another directory"
            ) from None

    def save(self, step: int, state: State) -> None:
        """Save in the background; the files appear whole or not at all."""
        self._manager.save(
            step,
            args=ocp.args.Composite(
                state=ocp.args.StandardSave(state), config=ocp.args.JsonSave(self.config)
            ),
        )

    def steps(self) -> list[int]:
        """The steps whose checkpoints are kept."""
        return list(self._manager.all_steps())

    def restore(self, abstract_state: State, step: int) -> State:
        """The state of a step, laid out as `abstract_state` says.

        Raises OstinatoError, naming the field, if it belongs to another config.
        """
        found = self._manager.restore(
            step, args=ocp.args.Composite(config=ocp.args.JsonRestore())
        ).config
        found = filled(self._kind, found)
        for field, value in self.config.items():
            before = found.get(field)
            if before != value:
                raise OstinatoError(
                    f"{field}: the checkpoint in {self._manager.directory} was made with "
                    f"{before!r}, not {value!r}; give another directory or that value"
                )
        restored = self._manager.restore(
            step, args=ocp.args.Composite(state=ocp.args.StandardRestore(abstract_state))
        )
        return restored.state

    def close(self) -> None:
        """Wait for the saves under way."""
        self._manager.wait_until_finished()
        self._manager.close()


def final_params(record: RunConfig, directory: epath.PathLike, abstract_state: State) -> Any:
    """The weights that a run ended with, laid out as `abstract_state` says.

    Raises OstinatoError where its last checkpoint is not that of its end.
    """
    checkpoints = Checkpoints(directory, record)
    try:
        if record.steps not in checkpoints.steps():
            raise OstinatoError(
                f"of: {record.run_id} has no final checkpoint in {directory}; "
                "delete the run's directory and `ostinato train` it again"
            )
        return checkpoints.restore(abstract_state, record.steps).params
    finally:
        checkpoints.close()
