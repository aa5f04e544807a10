"""The commands of `ostinato`, by what they are about; importing this registers them."""

from sweeps.commands import data, findings, jobs, plans, runs
from sweeps.commands.options import app

__all__ = ["app", "data", "findings", "jobs", "plans", "runs"]
