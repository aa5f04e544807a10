"""Every platform's attention is the same attention."""

from types import SimpleNamespace

import jax
import numpy as np
import pytest

from scaling.mesh import make_mesh
from scaling.model.attention import attention_for, plain, splash


def _results(attend, qkv, slope):
    """What comes out, and the gradients of what goes in, compiled as one."""

    @jax.jit
    def both(qkv, slope):
        out, back = jax.vjp(attend, *qkv)
        return [out, *back(slope)]

    return both(qkv, slope)


@pytest.mark.slow
@pytest.mark.parametrize("head_size", [8, 64])
def test_plain_and_splash_attention_are_the_librarys(head_size):
    def splashed(q, k, v):
        return splash(q, k, v, mesh=make_mesh(devices=jax.devices()[:1]), interpret=True)

    rng = np.random.default_rng(1)
    *qkv, slope = rng.normal(size=(4, 2, 256, 4, head_size)).astype(np.float32)
    library = _results(lambda *qkv: jax.nn.dot_product_attention(*qkv, is_causal=True), qkv, slope)
    for attend in (plain, splashed):
        for got, want in zip(_results(attend, qkv, slope), library, strict=True):
            np.testing.assert_allclose(got, want, atol=2e-4)


@pytest.mark.parametrize(
    ("platform", "context", "dtype", "chosen"),
    [
        ("cpu", 8192, "bfloat16", "plain"),
        ("tpu", 8192, "bfloat16", "splash"),
        ("tpu", 128, "bfloat16", "xla"),
        ("tpu", 8200, "bfloat16", "xla"),
        ("gpu", 8192, "bfloat16", "cudnn"),
        ("gpu", 128, "float32", "xla"),
    ],
)
def test_each_platform_has_its_own(platform, context, dtype, chosen):
    device = SimpleNamespace(platform=platform)
    mesh = SimpleNamespace(devices=np.array([device], object))
    attend = attention_for(mesh, context, 64, dtype)
    if chosen in ("xla", "cudnn"):
        assert attend.func is jax.nn.dot_product_attention
        assert attend.keywords == {"is_causal": True, "implementation": chosen}
    else:
        assert getattr(attend, "func", attend) is {"plain": plain, "splash": splash}[chosen]
