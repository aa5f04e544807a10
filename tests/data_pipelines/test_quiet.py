"""How TensorFlow and seqio are loaded."""

import subprocess
import sys

import pytest

_ASKED_LATER = """
import sys
from data_pipelines.system.quiet import seqio, tf
assert seqio.ByteVocabulary().encode_tf(tf.constant("ab")).numpy().tolist() == [100, 101]
assert not {"keras", "sklearn", "matplotlib"} & set(sys.modules)
assert tf.keras.layers.Dense(3)(tf.ones((2, 4))).shape == (2, 3)
from tensorflow_text.python.keras.layers import ToDense
assert issubclass(ToDense, tf.keras.layers.Layer)
import keras
from data_pipelines.system.quiet import tfds
assert sys.modules["keras"] is keras
"""


@pytest.mark.slow
def test_keras_is_loaded_for_who_asks_for_it_alone():
    done = subprocess.run(
        [sys.executable, "-c", _ASKED_LATER], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
