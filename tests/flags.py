"""XLA's flags: of the processes that tests run in, and of those that tests start."""

import os

EIGHT_DEVICES = "--xla_force_host_platform_device_count=8"

HARDLY_OPTIMISED = "--xla_backend_optimization_level=0", "--xla_cpu_use_fusion_emitters=false"
"""A fifth of what a program takes to compile, and two to four times what it takes to run."""


def with_flags(*flags: str) -> dict[str, str]:
    """An environment's variable: those that the tests themselves were started with stay."""
    return {"XLA_FLAGS": " ".join([*_given(), *flags])}


def as_users_do() -> dict[str, str]:
    """The same without what has tests hardly optimise."""
    return {"XLA_FLAGS": " ".join(flag for flag in _given() if flag not in HARDLY_OPTIMISED)}


def _given() -> list[str]:
    return os.environ.get("XLA_FLAGS", "").split()
