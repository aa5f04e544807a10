"""What is handed to an engine, and what is kept of it in the study's directory."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from pathlib import Path

from pydantic import Field

from data_pipelines.config import Config, Count

_NAME = r"^[\w.,:=@+/-]+$"
"""Characters that mean nothing to a shell or to YAML."""


class Request(Config):
    """What is asked of an engine for a study's workers."""

    workers: Count = Field(description="Workers that share the runs.")
    time: str | None = Field(
        None,
        pattern=r"^(\d+-)?\d+(:\d{1,2}){0,2}$",
        description="Time limit as Slurm writes it: 90 (minutes), 4:00:00, 2-00:00:00.",
    )
    partition: str | None = Field(None, pattern=_NAME, description="Partition, or queue.")
    cpus: Count = Field(1, description="Cores of a worker.")
    memory: str | None = Field(None, pattern=r"^\d+[KMGT]?$", description="Memory of a worker: 8G.")
    gpus: int = Field(0, ge=0, description="GPUs of a worker.")


@dataclass(frozen=True)
class Job:
    """The workers of a study, for an engine to run."""

    name: str
    out: Path
    command: tuple[str, ...]
    """What each worker runs: ostinato and its arguments, not quoted."""
    request: Request

    @property
    def shell_command(self) -> str:
        """The command for a shell, each argument quoted."""
        return shlex.join(self.command)

    @property
    def directory(self) -> Path:
        """Where texts, records and logs of the study's jobs lie."""
        return self.out / "jobs"


class Submission(Config):
    """A job that an engine has taken."""

    engine: str
    id: str = Field(pattern=_NAME)
    submitted: float = Field(description="Seconds since the epoch.")
    request: Request

    @property
    def label(self) -> str:
        """The name of its files."""
        return f"{self.engine}-{self.id}"
