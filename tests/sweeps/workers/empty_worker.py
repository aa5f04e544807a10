"""The real worker, with training that takes no time: what is left is the engine's own."""

import scaling.train


def _train(config, *, on_start, on_evaluation, **_) -> dict:
    on_start(0)
    on_evaluation({"step": config.steps, "test_loss": 1.0})
    return {"test_loss": 1.0, "seconds": 0.0}


scaling.train.train = _train

from sweeps.workers.worker import main  # noqa: E402, F401 - after what it imports has been replaced
