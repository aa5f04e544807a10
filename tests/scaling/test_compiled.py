"""Ahead of a call, once for arguments of a kind."""

import jax
import numpy as np

from scaling.compiled import make_ready
from tests.scaling.compiling import noted


def test_what_is_ready_is_not_made_again_and_for_another_shape_it_is():
    events, function = noted(), jax.jit(lambda weights, x: x @ weights)
    weights = jax.ShapeDtypeStruct((5, 3), np.float32)

    def made(x) -> int:
        before = events.count("backend_compile_duration")
        assert make_ready(function, weights, x).shape == (len(x), 3)
        return events.count("backend_compile_duration") - before

    few, more = np.zeros((7, 5), np.float32), np.zeros((11, 5), np.float32)
    assert [made(few), made(more)] == [1, 1]
    before = list(events)
    assert [made(few), made(more + 1)] == [0, 0] and events == before
    function(np.zeros((5, 3), np.float32), few)
    assert events.count("backend_compile_duration") == before.count("backend_compile_duration")
