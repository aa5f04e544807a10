"""How a run lies on its devices: what may differ between two machines that train the same run."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from data_pipelines.config import Config, Count
from data_pipelines.errors import OstinatoError
from scaling.config import RunConfig
from scaling.mesh import Mesh, batch_ways, make_mesh


class Layout(Config):
    """Mesh axes, accumulation and rematerialisation.

    It changes time and memory and nothing that is computed, so it is no part of a run's identity.
    """

    fsdp: Count = Field(1, description="Devices that share the weights and the batch.")
    tensor: Count = Field(1, description="Devices that share heads, MLP and vocabulary.")
    microbatch: Count | None = Field(
        None,
        description="Sequences, on all devices, whose gradients are computed at once; null for "
        "what fits the cache on a CPU, and the whole batch elsewhere.",
    )
    remat: bool = Field(
        False, description="Compute a block's activations anew in the backward pass."
    )

    @classmethod
    def read(cls, text: str) -> Layout:
        """A layout as it is written on the command line: 'fsdp=8,microbatch=16,remat=true'.

        Raises OstinatoError naming the field.
        """
        pairs = [pair.partition("=") for pair in text.split(",") if pair]
        return cls.parse({name.strip(): value.strip() for name, _, value in pairs}, "layout")

    def __str__(self) -> str:
        """As `read` takes it; '' for the default."""
        changed = self.model_dump(exclude_defaults=True)
        return ",".join(f"{name}={str(value).lower()}" for name, value in changed.items())

    def mesh(self, config: RunConfig, devices: list[Any] | None = None) -> Mesh:
        """The mesh over `devices` (all by default); what fsdp and tensor leave goes to data.

        Raises OstinatoError where devices, batch, microbatch or model do not divide.
        """
        mesh = make_mesh(self.fsdp, self.tensor, devices)
        ways = batch_ways(mesh)
        for field, value, axis, parts in (
            ("batch_size", config.batch_size, "data x fsdp", ways),
            ("microbatch", self.microbatch or config.batch_size, "data x fsdp", ways),
            ("d_model", config.d_model, "fsdp", self.fsdp),
            ("heads", config.heads, "tensor", self.tensor),
            ("d_ff", config.d_ff, "tensor", self.tensor),
        ):
            if value % parts:
                raise OstinatoError(
                    f"{field}: {value} does not divide over {parts} devices on mesh axis {axis}; "
                    f"take a multiple of {parts} or another mesh"
                )
        if self.microbatch and config.batch_size % self.microbatch:
            raise OstinatoError(
                f"microbatch: {self.microbatch} does not divide batch_size {config.batch_size}; "
                "take a divisor of it"
            )
        return mesh
