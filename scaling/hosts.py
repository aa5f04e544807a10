"""Several hosts as one machine: joining them, and each host's share of a batch."""

from __future__ import annotations

import os

import jax

from data_pipelines.errors import OstinatoError

HEARTBEAT_SECONDS = 30
"""A host that is silent for this long has failed, and the run with it."""


def join_hosts() -> None:
    """Join the other hosts of this run, where the environment names them.

    On TPU pods and under SLURM JAX finds them; elsewhere OSTINATO_COORDINATOR (host:port),
    OSTINATO_HOSTS (how many) and OSTINATO_HOST (which, from 0) do. To be called before anything
    else of JAX. Raises OstinatoError where the three are incomplete or no numbers.
    """
    names = ("OSTINATO_COORDINATOR", "OSTINATO_HOSTS", "OSTINATO_HOST")
    given = {name: os.environ[name] for name in names if name in os.environ}
    if given:
        try:
            count, number = int(given["OSTINATO_HOSTS"]), int(given["OSTINATO_HOST"])
            address = given["OSTINATO_COORDINATOR"]
        except KeyError as missing:
            raise OstinatoError(
                f"{missing.args[0]}: not set; {', '.join(names)} go together"
            ) from None
        except ValueError as error:
            raise OstinatoError(
                f"OSTINATO_HOSTS, OSTINATO_HOST: {error}; give whole numbers"
            ) from None
        if not 0 <= number < count:
            raise OstinatoError(f"OSTINATO_HOST: {number} is not one of 0 to {count - 1}")
        jax.distributed.initialize(
            address, count, number, heartbeat_timeout_seconds=HEARTBEAT_SECONDS
        )
    elif _cluster_in_environment():
        jax.distributed.initialize(heartbeat_timeout_seconds=HEARTBEAT_SECONDS)


def is_first_host() -> bool:
    """Whether this host is the one that keeps the run's record."""
    return jax.process_index() == 0


def host_rows(batch_size: int) -> slice:
    """The rows of each batch that this host reads.

    Raises OstinatoError where the hosts do not divide the batch.
    """
    hosts, number = jax.process_count(), jax.process_index()
    if batch_size % hosts:
        raise OstinatoError(
            f"batch_size: {batch_size} does not divide over {hosts} hosts; take a multiple of {hosts}"
        )
    share = batch_size // hosts
    return slice(number * share, (number + 1) * share)


def _cluster_in_environment() -> bool:
    """Whether this is one of several hosts of a TPU pod or of a SLURM job step."""
    workers = os.environ.get("TPU_WORKER_HOSTNAMES", "")
    return len(workers.split(",")) > 1 or int(os.environ.get("SLURM_STEP_NUM_TASKS", "1")) > 1
