"""The runs of a sweep that wait for a worker, and which of them comes next."""

from __future__ import annotations

from collections.abc import Iterable, Set
from heapq import heappop, heappush
from itertools import count

from scaling.record import Record


class Backlog:
    """Runs that wait: the longest first, each after those whose weights it uses.

    Taking one costs what there are shapes, however many runs there are.
    """

    def __init__(self, runs: Iterable[Record]):
        runs = list(runs)
        self._unsettled = {run.run_id for run in runs}
        self._ready: dict[tuple, list[tuple[float, int, Record]]] = {}
        self._after: dict[str, list[Record]] = {}
        self._order = count()
        for run in runs:
            self._add(run)

    def __bool__(self) -> bool:
        """Whether a run can be taken now."""
        return bool(self._ready)

    def take(self, shape: tuple | None, compiling: Set[tuple] = frozenset()) -> Record:
        """The longest run, or the longest of this shape if that is within a tenth of it.

        A shape that somebody else is `compiling` comes last: later it is not compiled once more.
        """
        others = self._ready.keys() - (compiling - {shape}) or self._ready.keys()
        longest = min(others, key=lambda found: self._ready[found][0])
        own = self._ready.get(shape) if shape else None
        # Lengths are negative, the longest's the least.
        near = own and own[0][0] <= 0.9 * self._ready[longest][0][0]
        chosen = shape if shape and near else longest
        _, _, run = heappop(self._ready[chosen])
        if not self._ready[chosen]:
            del self._ready[chosen]
        return run

    def put_back(self, run: Record) -> None:
        """A run that was taken waits again, behind all others."""
        self._push(run, 0.0)

    def settle(self, run_id: str) -> None:
        """A run has ended: those that begin with its weights need not wait for it."""
        self._unsettled.discard(run_id)
        for run in self._after.pop(run_id, ()):
            self._add(run)

    def _add(self, run: Record) -> None:
        awaited = next((i for i in run.after if i in self._unsettled), None)
        if awaited:
            self._after.setdefault(awaited, []).append(run)
        else:
            self._push(run, run.flops(0))

    def _push(self, run: Record, length: float) -> None:
        heappush(self._ready.setdefault(run.shape, []), (-length, next(self._order), run))
