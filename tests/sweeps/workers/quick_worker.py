"""The empty worker, whose process ends at seed 1, and which watches a claim for a moment alone."""

import os
import sys

import scaling.stages
from sweeps.study import claims
from tests.sweeps.workers.empty_worker import main  # noqa: F401 - what the process runs

_at_once = scaling.stages.train


def _train(lanes, around) -> list[dict]:
    if lanes[0].record.seed == 1:
        print("allocating\n\nout of memory\x1b[2J", file=sys.stderr, flush=True)
        os._exit(3)
    return _at_once(lanes, around)


scaling.stages.train = _train
claims.WATCH_SECONDS = 0.1
