"""TPU slices as clouds name them: by runtime, topology, hosts and chips."""

from __future__ import annotations

from dataclasses import dataclass

from sweeps.planning.accelerators import Accelerator, find_accelerator, find_gpu


@dataclass(frozen=True)
class _Names:
    sky: str
    """SkyPilot's name of a slice, without its size."""
    runtime: str
    """Software of a TPU VM (cloud.google.com/tpu/docs/runtimes)."""
    node: str
    """GKE's label of a node's TPU (cloud.google.com/kubernetes-engine/docs/concepts/plan-tpus)."""
    single_host: int
    """Most chips on one host; larger slices have hosts of four."""


_TPUS = {
    "v5e": _Names("tpu-v5litepod", "v2-alpha-tpuv5-lite", "tpu-v5-lite-podslice", 8),
    "v5p": _Names("tpu-v5p", "v2-alpha-tpuv5", "tpu-v5p-slice", 4),
    "v6e": _Names("tpu-v6e", "v2-alpha-tpuv6e", "tpu-v6e-slice", 8),
}


@dataclass(frozen=True)
class Slice:
    """A TPU slice as the clouds' interfaces want it."""

    tpu: Accelerator

    @property
    def sky_name(self) -> str:
        """Such as tpu-v5litepod-8."""
        return f"{self._names.sky}-{self.tpu.name.rpartition('-')[2]}"

    @property
    def runtime(self) -> str:
        """Software of its VMs."""
        return self._names.runtime

    @property
    def node(self) -> str:
        """GKE's label for it."""
        return self._names.node

    @property
    def topology(self) -> str:
        """Such as 2x4."""
        return self.tpu.topology.partition(":")[2]

    @property
    def chips_per_host(self) -> int:
        """Chips that one host has."""
        return self.tpu.chips if self.tpu.chips <= self._names.single_host else 4

    @property
    def hosts(self) -> int:
        """Hosts of the slice."""
        return self.tpu.chips // self.chips_per_host

    @property
    def dollars_per_hour(self) -> float:
        """List price on demand."""
        return self.tpu.price * self.tpu.chips

    @property
    def _names(self) -> _Names:
        return _TPUS[self.tpu.generation]


def find_slice(name: str) -> Slice:
    """The TPU slice of a name; raises OstinatoError with the nearest ones."""
    return Slice(find_accelerator(name))


def canonical(name: str) -> str:
    """'v5e-8', 'H100' or 'H100:8' of any of its names; raises OstinatoError with the nearest ones."""
    return find_gpu(name) or find_slice(name).tpu.name
