"""XLA's flags for processes that tests start."""

EIGHT_DEVICES = "--xla_force_host_platform_device_count=8"

HARDLY_OPTIMISED = "--xla_backend_optimization_level=0"
"""Halves what a program takes to compile, for those that run a second; the last digits differ."""
