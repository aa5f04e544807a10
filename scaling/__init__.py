"""A run: the model family, its mesh, and the training of one model on one mixture.

config (what a run is) -> model -> program (compiled, shared by all runs of a size) -> train.
Start at `train.train`, which reads top to bottom.
"""

import os

from scaling.processor import THREADS

# Before JAX begins, wherever a run is trained from: the digits of a run depend on it.
os.environ.setdefault(THREADS, "1")
