"""One of our runs as the local engine's worker trains it, on given token rows; for bench_training.

Reads the same JSON object from stdin as pytorch_peer and prints the same.
"""

import json
import sys
import time

import jax
import numpy as np

from scaling.config import RunConfig
from scaling.programs.optimiser import Hyper
from scaling.programs.program import STEPS_AT_ONCE, program_for


def main() -> None:
    asked = json.load(sys.stdin)
    names = ("context", "d_model", "layers", "heads", "batch_size")
    config = RunConfig.parse({"tokens": "100M"} | {name: asked[name] for name in names})
    program, state = program_for(config, asked["vocabulary"]), None
    state, hyper = program.init(0), Hyper.of(config)
    rates = np.asarray(asked["rates"], np.float32)
    steps = len(rates)
    rows = np.load(asked["rows"])[: steps * config.batch_size]
    tokens = rows.reshape(steps, config.batch_size, -1)
    repeated = np.zeros(tokens.shape[:2], bool)
    began, sums, counted = 0.0, [], []
    for step in range(0, steps, STEPS_AT_ONCE):
        if step == asked["warm_up"]:
            jax.block_until_ready(state)
            began = time.process_time()
        chunk = slice(step, step + STEPS_AT_ONCE)
        state = program.train(state, tokens[chunk], repeated[chunk], rates[chunk], hyper)
        tally = jax.device_get(state.tally)
        sums.append(float(tally.unique_loss))
        counted.append(float(tally.unique_tokens))
    seconds = time.process_time() - began
    first = len(sums) - asked["last"] // STEPS_AT_ONCE - 1
    trained = (steps - asked["warm_up"]) * config.batch_size * config.context
    last = (sums[-1] - sums[first]) / (counted[-1] - counted[first])
    print(json.dumps({"tokens_per_second": trained / seconds, "loss": last}))


if __name__ == "__main__":
    main()
