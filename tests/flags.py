"""XLA's flags for processes that tests start."""

import os

EIGHT_DEVICES = "--xla_force_host_platform_device_count=8"

HARDLY_OPTIMISED = "--xla_backend_optimization_level=0"
"""Halves what a program takes to compile, for those that run a second; the last digits differ."""


def with_flags(*flags: str) -> dict[str, str]:
    """An environment's variable: those that the tests themselves were started with stay."""
    return {"XLA_FLAGS": " ".join([os.environ.get("XLA_FLAGS", ""), *flags]).strip()}
