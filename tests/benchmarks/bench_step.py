"""Where a training step's time goes, part by part. Run by `make bench`; nothing is asserted.

The compiled step is traced operation by operation, on one core in one thread, and each operation counted
to the part of the model that it was made from; one that XLA has fused of several, to the last of them.

What was tried on its parts, tokens a second to those before it (medians of two or three, on a Xeon with
AVX-512, or where it says so an AMD Zen 3 with AVX2, or one with AVX-512, Zen 4, of ten and fifteen):

    gradients of wide products as wide matrices      25k 1.15, 98k 1.07, 786k 1.03   kept
    the same without a barrier (XLA turns it back)   98k 1.00                        (AMD)
    rows turned tile by tile before such a product   25k 0.96, 98k 1.00, 786k 0.99   compiles 4 s longer
    attention in 1, 4 blocks of queries, not 2       25k 0.97, 0.91; 98k 0.97, 0.95; 786k 1.00, 0.93
    microbatches half, twice as large                25k 0.99, 0.93; 98k 0.97, 0.95; 786k 0.91, 0.99
    without YNN; YNN for products alone              98k 0.98; 0.99                  (AMD)
    products by oneDNN, the rest by YNN (by flags)   25k 0.90, 98k 1.00, 786k 0.98   (of 15, 15, 7 pairs)
    vectors of 256 bits                              98k 0.95                        (AMD)
    one update of all weights as one vector          25k 1.03, 98k 1.00, 786k 1.01   (Zen 4) as many kernels
    activations as [D, B*L]: all products but two of
    attention's are YNN's, its gradient by hand      25k 1.02, 98k 1.04, 786k 0.99   (gradients alone, of 25, 25, 9)
    attention's sums inverted first; its keys turned
    once; its blocks turned before they are joined   98k 1.02; 0.97; 0.97            (Zen 4, itself 1.01)
"""

from __future__ import annotations

import re
import resource
from collections import Counter

import jax
import numpy as np
import pytest

from scaling.config import RunConfig
from scaling.model.products import product
from scaling.programs.optimiser import Hyper
from scaling.programs.program import STEPS_AT_ONCE, Program, program_for
from tests.benchmarks.measure import matmul_peak, medians, one_core, report, seconds

VOCABULARY = 256
REPETITIONS = 5

PARTS = {
    "attention": "attend",
    "rotary positions": "rotate",
    "projections of attention": "blocks._attention",
    "MLP": "blocks._mlp",
    "norms": "norm",
    "unembedding": "unembed",
    "cross-entropy": "cross_entropy",
    "embedding": "jvp(Transformer)",
    "optimiser and sums": "",
}
"""What an operation's name has in it, by the first that it has."""

_INSTRUCTION = re.compile(
    r'^\s*(?:ROOT )?%?(\S+) = \S+ ([\w\-]+)\(.*?metadata=\{op_name="([^"]*)"', re.MULTILINE
)
_HOLDING_OTHERS = ("while", "call", "conditional")


def parts_of(compiled: str) -> dict[str, str]:
    """The part that each instruction of a compiled module's text belongs to."""
    return {
        name: next(part for part, mark in PARTS.items() if mark in made_from)
        for name, kind, made_from in _INSTRUCTION.findall(compiled)
        if kind not in _HOLDING_OTHERS
    }


def flops(config: RunConfig) -> dict[str, float]:
    """A step's, of products forward and backward, by part; of attention what causality leaves."""
    D, A, F, L = config.d_model, config.attention_width, config.d_ff, config.context
    a_token = {
        "attention": config.layers * 2 * A * L / 2,
        "projections of attention": config.layers * 4 * D * A,
        "MLP": config.layers * 2 * D * F,
        "unembedding": D * VOCABULARY,
    }
    return {part: 6 * each * config.batch_size * L for part, each in a_token.items()}


def traced(work, directory) -> Counter[str]:
    """Seconds by operation while `work` runs."""
    with jax.profiler.trace(directory):
        work()
    (file,) = directory.rglob("*.xplane.pb")
    found: Counter[str] = Counter()
    for plane in jax.profiler.ProfileData.from_file(str(file)).planes:
        for line in plane.lines:
            for event in line.events:
                found[event.name] += event.duration_ns / 1e9
    return found


class Steps:
    """A model under training, sixteen steps a call."""

    def __init__(self, config: RunConfig):
        self.program: Program = program_for(config, VOCABULARY)
        self._state, self._hyper = self.program.init(0), Hyper.of(config)
        shape = STEPS_AT_ONCE, config.batch_size, config.context + 1
        self._tokens = np.random.default_rng(0).integers(1, VOCABULARY, shape).astype(np.uint8)
        self()

    def __call__(self) -> None:
        rates = np.full(STEPS_AT_ONCE, 1e-3, np.float32)
        fresh = np.zeros(self._tokens.shape[:2], bool)
        self._state = self.program.train(self._state, self._tokens, fresh, rates, self._hyper)
        jax.block_until_ready(self._state)


@pytest.mark.parametrize(("wide", "narrow"), [(256, 64), (512, 128), (128, 32)])
def test_the_gradient_of_a_product_beside_that_of_the_librarys(wide, narrow):
    rows, rng = 2**15 // narrow, np.random.default_rng(0)
    x, g = (
        rng.normal(size=(STEPS_AT_ONCE, rows, size)).astype(np.float32) for size in (wide, narrow)
    )
    w = jax.numpy.zeros((wide, narrow))

    def timed(multiply):
        def add(total, each):
            return total + jax.vjp(multiply, each[0], w)[1](each[1])[1], None

        summed = jax.jit(lambda x, g: jax.lax.scan(add, w, (x, g))[0])
        jax.block_until_ready(summed(x, g))
        return lambda: seconds(lambda: jax.block_until_ready([summed(x, g) for _ in range(10)]))

    with one_core():
        ours, librarys = medians(2 * REPETITIONS, timed(product), timed(jax.numpy.matmul))
    report(
        f"gradient by [{wide}, {narrow}] weights over {rows} rows: "
        f"{librarys / ours:.2f} times as quick as of jax.numpy.matmul"
    )


@pytest.mark.parametrize(
    ("d_model", "layers"), [(32, 2), (64, 2), (128, 4)], ids=["25k", "98k", "786k"]
)
def test_where_a_steps_time_goes(d_model, layers, tmp_path):
    config = RunConfig.parse({"d_model": d_model, "layers": layers, "tokens": "100M"})
    with one_core():
        steps, peak = Steps(config), matmul_peak()
        of = parts_of(steps.program.lowered()[0].compile().as_text())
        faults = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
        (call,) = medians(REPETITIONS, lambda: seconds(steps))
        faults = resource.getrusage(resource.RUSAGE_SELF).ru_minflt - faults
        found = traced(steps, tmp_path)
    spent: Counter[str] = Counter()
    for name, took in found.items():
        if name in of:
            spent[of[name]] += took
    counted, total = flops(config), sum(spent.values())
    report(
        f"a step at N = {config.params:,}, {steps.program.microbatch_size} sequences at a time: "
        f"{1e3 * call / STEPS_AT_ONCE:.1f} ms, {config.batch_size * config.context * STEPS_AT_ONCE / call / 1e3:.1f}k "
        f"tokens/s, {sum(counted.values()) * STEPS_AT_ONCE / call / peak:.0%} of the matmul peak; "
        f"{faults / REPETITIONS / STEPS_AT_ONCE:.0f} page faults a step"
    )
    for part, took in spent.most_common():
        share = took / total
        own = counted.get(part, 0.0) * STEPS_AT_ONCE / (share * call) / peak
        print(f"    {part:26} {share:6.1%}" + (f"  {own:4.0%} of the peak" if own else ""))
