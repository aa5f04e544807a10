"""A run: the model family, its mesh, and the training of one model on one mixture.

config (what a run is) -> model -> programs (compiled, shared by all runs of a size) -> loop (the one
that drives them) -> stages (pre-training, and what follows it). `probes` say what is measured on the
way. Start at `stages.train`, and at `loop.run`, which reads top to bottom.
"""

import os

from scaling.processor import THREADS

# Before JAX begins, wherever a run is trained from: the digits of a run depend on it.
os.environ.setdefault(THREADS, "1")
