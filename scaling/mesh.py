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
BATCH_AXES = ("data", "fsdp")

RULES = (
    ("batch", BATCH_AXES),
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


def batch_ways(mesh: Mesh) -> int:
    """Into how many parts a batch is split."""
    return mesh.shape["data"] * mesh.shape["fsdp"]


def batch_sharding(mesh: Mesh, leading: int = 0) -> NamedSharding:
    """Sharding of an array whose axis number `leading` is the batch."""
    return NamedSharding(mesh, PartitionSpec(*[None] * leading, BATCH_AXES))


def replicated(mesh: Mesh) -> NamedSharding:
    """Sharding of what every device holds whole."""
    return NamedSharding(mesh, PartitionSpec())


def tree_shardings(mesh: Mesh, boxed: Any) -> Any:
    """Shardings of a tree of arrays boxed with their logical axes; unboxed leaves are replicated."""
    return nn.logical_to_mesh_sharding(nn.get_partition_spec(boxed), mesh, RULES)
