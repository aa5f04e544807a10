"""TensorFlow, TFDS and seqio without their noise: import them from here.

What their C++ parts print while loading (CPU features, GPUs not found), TFDS's progress bars and
absl's warnings are not for a user's terminal. TensorFlow reads text here and nothing else, so
accelerators are hidden from it and left to JAX.

Each is loaded when it is first asked for: TFDS alone says what has been prepared, within a fraction
of a second; TensorFlow, and seqio on top of it, take several, and without Keras a third less.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING, cast

from absl import logging

from data_pipelines.system.garbage import uncollected

if TYPE_CHECKING:
    import seqio
    import tensorflow as tf
    import tensorflow_datasets as tfds

__all__ = ["seqio", "tf", "tfds"]

_MODULES = {"seqio": "seqio", "tf": "tensorflow", "tfds": "tensorflow_datasets"}

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


@contextmanager
def _without_keras() -> Iterator[None]:
    """Keras not to be found, which TensorFlow would load for nobody here, and with it scikit-learn and
    matplotlib; nor the layers that tensorflow_text makes of it. Who asks for `tf.keras` after has it."""
    layers = "tensorflow_text.python.keras"
    hidden = {"keras": None, layers: ModuleType(layers)}
    hidden = {name: stub for name, stub in hidden.items() if name not in sys.modules}
    sys.modules.update(cast(dict[str, ModuleType], hidden))  # None: as if it were not installed
    try:
        yield
    finally:
        for name in hidden:
            del sys.modules[name]


def _load_tensorflow() -> None:
    with _without_stderr(), uncollected(), _without_keras():
        import tensorflow as tf

        # RuntimeError: somebody has used TensorFlow before us; what it sees is theirs to say.
        with suppress(RuntimeError):
            tf.config.set_visible_devices([], "GPU")


logging.set_verbosity(logging.ERROR)


def __getattr__(name: str) -> ModuleType:
    if name not in _MODULES:
        raise AttributeError(name)
    if name != "tfds":
        _load_tensorflow()
    with _without_stderr(), uncollected(), _without_keras():
        module = import_module(_MODULES[name])
    if name == "tfds":
        module.disable_progress_bar()
    globals()[name] = module
    return module
