"""The real worker, with training that takes no time: what is left is the engine's own."""

import scaling.stages


def _train(lanes, around) -> list[dict]:
    for lane in lanes:
        lane.on_start(0)
        lane.on_evaluation({"step": lane.record.steps, "test_loss": 1.0})
    return [{"test_loss": 1.0, "seconds": 0.0} for _ in lanes]


scaling.stages.train = _train

from sweeps.workers.worker import main  # noqa: E402, F401 - after what it imports has been replaced
