"""The CPU that a run computes on: in how many threads, and what is recorded of it.

XLA splits sums among its threads, so that their last digits, and after some steps of AdamW much
more, depend on how many there are. A run therefore computes in one thread, whatever is free, unless
more are asked for; between kinds of CPU the last digits differ all the same.
"""

from __future__ import annotations

import hashlib
import os
import platform
import re
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import NamedTuple

THREADS = "PJRT_NPROC"
"""Environment variable that sets the threads of JAX's CPU client, read at JAX's first computation."""

COMPILED = "JAX_COMPILATION_CACHE_DIR"
"""Environment variable of where JAX keeps what it compiles, read when JAX is imported."""

_POOL = "tf_XLAEigen"
"""Name of the threads among which XLA splits a computation."""

_FEATURES = r"^(?:flags|Features)\s*: (.+)$"

# Widest first: as XLA's --xla_cpu_max_isa says it, the kernel's flag, and as people say it.
_INSTRUCTION_SETS = (
    ("AVX512", "avx512f", "AVX-512"),
    ("AVX2", "avx2", "AVX2"),
    ("AVX", "avx", "AVX"),
    ("SSE4_2", "sse4_2", "SSE4.2"),
    ("SVE", "sve", "SVE"),
    ("NEON", "asimd", "NEON"),
)


class Processor(NamedTuple):
    """What the digits of a run depend on beside its record and the versions."""

    cpu: str
    """Its name."""
    instruction_set: str
    """The widest that XLA may use: 'AVX-512', 'AVX2', 'NEON', ..."""
    threads: int
    stacked: int = 1
    """Runs computed together: a batched product sums in another order."""


def moved(processors: Sequence[Processor]) -> dict[str, str | int | None]:
    """What is recorded of a run that several have computed, one after the other: no number of
    threads where it changed, and the largest stack."""
    told = {
        name: " then ".join(dict.fromkeys(getattr(each, name) for each in processors))
        for name in ("cpu", "instruction_set")
    }
    counts = {each.threads for each in processors}
    threads = counts.pop() if len(counts) == 1 else None
    return told | {"threads": threads, "stacked": max(each.stacked for each in processors)}


def processor(stacked: int = 1) -> Processor:
    """Of this process, once JAX has begun to compute `stacked` runs."""
    return Processor(cpu_name(), instruction_set(), threads(), stacked)


@cache
def cpu_name() -> str:
    """The name of the CPU, as its maker has it."""
    found = re.search(r"^model name\s*: (.+)$", _cpuinfo(), re.MULTILINE)
    return found[1].strip() if found else platform.processor() or platform.machine()


def instruction_set() -> str:
    """The widest instruction set that the CPU has and --xla_cpu_max_isa in XLA_FLAGS leaves."""
    found = re.search(_FEATURES, _cpuinfo(), re.MULTILINE)
    flags = found[1].split() if found else ["asimd"] if platform.machine() == "arm64" else []
    limit = re.search(r"--xla_cpu_max_isa=(\w+)", os.environ.get("XLA_FLAGS", ""))
    names = [name for name, *_ in _INSTRUCTION_SETS]
    # What is wider than AVX-512 (AMX, BF16) is no limit to it.
    first = names.index(limit[1].upper()) if limit and limit[1].upper() in names else 0
    for _, flag, name in _INSTRUCTION_SETS[first:]:
        if flag in flags:
            return name
    return platform.machine()


def threads() -> int:
    """The threads among which this process's JAX splits a computation on a CPU: those that there
    are, where the system tells, which is what counts; else those that were asked for."""
    tasks = Path("/proc/self/task").glob("*/comm")
    pool = sum(_text(task) == _POOL for task in tasks)
    return pool or int(os.environ.get(THREADS) or os.cpu_count() or 1)


def kind() -> str:
    """A name for the programs that are compiled here: on another kind of CPU they would compute
    other digits, or not run, and JAX's own keys do not tell."""
    features = re.search(_FEATURES, _cpuinfo(), re.MULTILINE)
    digest = hashlib.sha256((features[0] if features else "").encode()).hexdigest()[:8]
    return re.sub(r"\W+", "-", f"{cpu_name()} {instruction_set()} {digest}").strip("-")


@cache
def _cpuinfo() -> str:
    return _text(Path("/proc/cpuinfo"))


def _text(path: Path) -> str:
    try:
        return path.read_text().strip()
    except OSError:  # no such system, or the thread has ended meanwhile
        return ""
