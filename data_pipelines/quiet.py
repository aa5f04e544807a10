"""TensorFlow, TFDS and seqio without their noise: import this module before any of them.

What their C++ parts print while loading (CPU features, GPUs not found), TFDS's progress bars and
absl's warnings are not for a user's terminal. TensorFlow reads text here and nothing else, so
accelerators are hidden from it and left to JAX.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")


@contextmanager
def _without_stderr() -> Iterator[None]:
    """File descriptor 2 closed off: absl's C++ logging knows no other way before it is set up."""
    saved, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 2)
        yield
    finally:
        os.dup2(saved, 2)
        os.close(saved)
        os.close(nowhere)


with _without_stderr():
    import seqio
    import tensorflow as tf
    import tensorflow_datasets as tfds
    from absl import logging

    # RuntimeError: somebody has used TensorFlow before us; what it sees is theirs to say.
    with suppress(RuntimeError):
        tf.config.set_visible_devices([], "GPU")

logging.set_verbosity(logging.ERROR)
tfds.disable_progress_bar()

__all__ = ["seqio", "tf", "tfds"]
