"""What is handed to an engine, and what is kept of it in the study's directory."""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

import yaml
from pydantic import AfterValidator, Field

from data_pipelines.config import Config, Count
from data_pipelines.errors import OstinatoError
from sweeps.engines import limits
from sweeps.study.storage import is_remote
from sweeps.workers.execution import Options

MOUNT = "/ostinato"
"""Where a bucket is mounted on a cloud's machines."""

LAYOUTS = "layouts.csv"
"""Where in a study's directory its workers find the table of layouts that was submitted."""

_WANDB = ("WANDB_MODE", "WANDB_PROJECT", "WANDB_ENTITY", "WANDB_BASE_URL")


def _name(text: str) -> str:
    if not re.fullmatch(r"[\w.,:=@+/-]+", text):
        raise ValueError(
            "letters, digits and .,:=@+/- make a name, such as gpu-long or lab/image:1"
        )
    return text


_Name = Annotated[str, AfterValidator(_name)]
"""Of characters that mean nothing to a shell or to YAML."""


class Request(Config):
    """What is asked of an engine for a study's workers."""

    workers: Count = Field(description="Workers that share the runs.")
    time: Annotated[str, AfterValidator(limits.time_limit)] | None = Field(
        None, description="Time limit, kept as [DAYS-]HH:MM:SS."
    )
    partition: _Name | None = Field(None, description="Partition, or queue.")
    cpus: Count = Field(1, description="Cores of a worker.")
    memory: Annotated[str, AfterValidator(limits.memory)] | None = Field(
        None, description="Memory of a worker, kept as 8G."
    )
    gpus: int = Field(0, ge=0, description="GPUs of a worker.")
    accelerator: str | None = Field(
        None, description="A cloud's accelerator of a worker: v5e-8, H100:8."
    )
    spot: bool = Field(False, description="Cheaper machines that may be taken away.")
    image: _Name | None = Field(None, description="Container image with Ostinato.")

    def refuse(self, engine: str, *names: str) -> None:
        """Raise OstinatoError if one of the fields that an engine has no use for is given."""
        for name in names:
            if getattr(self, name) != type(self).model_fields[name].default:
                raise OstinatoError(f"{name}: {engine} does not take it; leave it out")


@dataclass(frozen=True)
class Job:
    """The workers of a study, for an engine to run."""

    name: str
    out: Path
    """The study's directory or URL."""
    select: str | None
    data_dir: Path
    request: Request
    options: Options = field(default_factory=Options)

    @property
    def directory(self) -> Path:
        """Where texts, records and logs of the study's jobs lie."""
        return self.out / "jobs"

    @property
    def environment(self) -> dict[str, str]:
        """What a cloud's machines have to be told of this one's environment: no secret."""
        names = _WANDB if self.options.wandb else ()
        return {name: os.environ[name] for name in names if name in os.environ}

    @property
    def needs_wandb_key(self) -> bool:
        """Whether its workers have to log in to Weights & Biases."""
        return self.options.wandb and self.environment.get("WANDB_MODE", "online") == "online"

    def sweep(self, *program: str, out: str, options: Sequence[str]) -> str:
        """What a worker runs, for a shell: each argument quoted.

        program: before its first argument; out: where the study lies for the worker; options:
        the engine's own, beside those that were asked for.
        """
        command = [*program, "sweep", f"{out}/grid.yaml", "--out", out, "--no-wait", *options]
        command += self.options.words(layout=f"{out}/{LAYOUTS}")
        return shlex.join(command + (["--select", self.select] if self.select else []))


class Submission(Config):
    """A job that an engine has taken."""

    engine: str
    id: _Name
    submitted: float = Field(description="Seconds since the epoch.")
    request: Request

    @property
    def label(self) -> str:
        """The name of its files."""
        return f"{self.engine}-{self.id}"


def as_yaml(value: dict[str, Any]) -> str:
    """YAML as people write it: keys in order, text of several lines as a block."""
    return yaml.dump(value, Dumper=_Dumper, sort_keys=False, width=200)


class _Dumper(yaml.SafeDumper):
    """Writes nothing but plain data; never an alias."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


_Dumper.add_representer(
    str,
    lambda dumper, text: dumper.represent_scalar(
        "tag:yaml.org,2002:str", text, style="|" if "\n" in text else None
    ),
)


def bucket_and_path(out: Path) -> tuple[str, str]:
    """'gs://bucket' and the path in it."""
    if not is_remote(out):
        raise OstinatoError(f"out: {out} is no bucket; give gs://bucket/study")
    scheme, _, rest = str(out).partition("://")
    bucket, _, path = rest.partition("/")
    return f"{scheme}://{bucket}", path.rstrip("/")


def slug(name: str) -> str:
    """A study's name as clouds take it: lower case, digits, dashes, a letter first."""
    slug = "".join(c if c.isascii() and c.isalnum() else "-" for c in name.lower()).strip("-")
    return slug if slug[:1].isalpha() else f"study-{slug}".rstrip("-")
