"""The commands of `ostinato`, by what they are about, and what they print in `telling`; importing this
registers them."""

from sweeps.commands import data, findings, jobs, plans, runs
from sweeps.commands.options import app

__all__ = ["app", "data", "findings", "jobs", "plans", "runs"]
