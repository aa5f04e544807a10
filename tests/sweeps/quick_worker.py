"""The real worker, with training that takes no time, and of seed 1 ends its process.

It watches a claim for a moment before it takes it over.
"""

import os
import sys

import scaling.train


def _train(config, *, on_start, **_) -> dict:
    on_start(0)
    if config.seed == 1:
        print("allocating\n\nout of memory\x1b[2J", file=sys.stderr, flush=True)
        os._exit(3)
    return {"test_loss": 1.0, "seconds": 0.0}


scaling.train.train = _train

from sweeps import claims  # noqa: E402
from sweeps.worker import main  # noqa: E402 - after what it imports has been replaced

claims.WATCH_SECONDS = 0.1

if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
