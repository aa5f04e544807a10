"""Devices as a mesh, and which axis of a weight or a batch lies on which axis of it.

One device is a mesh of one: there is no second code path.
"""

from __future__ import annotations

from typing import Any

import flax.linen as nn
import jax
import numpy as np
from jax.sharding import Mesh, NamedSharding, PartitionSpec

from data_pipelines.errors import OstinatoError

AXES = ("data", "fsdp", "tensor")
"""Batches are split over data and fsdp, weights over fsdp and tensor."""

RULES = (
    ("batch", ("data", "fsdp")),
    ("embed", "fsdp"),
    ("heads", "tensor"),
    ("mlp", "tensor"),
    ("vocabulary", "tensor"),
    ("layers", None),
)
"""Logical axis of an array to mesh axes."""


def make_mesh(fsdp: int = 1, tensor: int = 1, devices: list | None = None) -> Mesh:
    """A mesh over `devices` (all by default); what fsdp and tensor leave goes to data.

    Raises OstinatoError where the axes do not divide the devices.
    """
    devices = devices or jax.devices()
    if len(devices) % (fsdp * tensor):
        raise OstinatoError(
            f"mesh: fsdp {fsdp} x tensor {tensor} does not divide {len(devices)} devices; "
            f"their product has to be a divisor of {len(devices)}"
        )
    return Mesh(np.array(devices).reshape(-1, fsdp, tensor), AXES)


def check_mesh(mesh: Mesh, config: Any) -> None:
    """Raise OstinatoError where a run's batch or model does not divide over the mesh."""
    batch_ways = mesh.shape["data"] * mesh.shape["fsdp"]
    for field, value, axis, ways in (
        ("batch_size", config.batch_size, "data x fsdp", batch_ways),
        ("d_model", config.d_model, "fsdp", mesh.shape["fsdp"]),
        ("heads", config.heads, "tensor", mesh.shape["tensor"]),
        ("d_ff", config.d_ff, "tensor", mesh.shape["tensor"]),
    ):
        if value % ways:
            raise OstinatoError(
                f"{field}: {value} does not divide over {ways} devices on mesh axis {axis}; "
                f"take a multiple of {ways} or another mesh"
            )


def batch_sharding(mesh: Mesh, leading: int = 0) -> NamedSharding:
    """Sharding of an array whose axis number `leading` is the batch."""
    return NamedSharding(mesh, PartitionSpec(*[None] * leading, ("data", "fsdp")))


def replicated(mesh: Mesh) -> NamedSharding:
    """Sharding of what every device holds whole."""
    return NamedSharding(mesh, PartitionSpec())


def tree_shardings(mesh: Mesh, boxed: Any) -> Any:
    """Shardings of a tree of arrays boxed with their logical axes; unboxed leaves are replicated."""
    return nn.logical_to_mesh_sharding(nn.get_partition_spec(boxed), mesh, RULES)
