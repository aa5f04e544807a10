"""Synthetic studies drawn from known laws: a power law in N, and a bump of damage over repeats."""

import numpy as np
import pandas as pd
import pytest

from analysis.report import write_report


def multiplier_at(params, repeats, fraction, worst=0.3):
    """The multiplier that the synthetic runs have: lowest (`worst`) at E = 4e4 N^-0.5."""
    centre = np.log10(4e4 * params**-0.5)
    depth = np.log(worst) * fraction / 0.5
    return np.exp(depth * np.exp(-((np.log10(repeats) - centre) ** 2) / (2 * 0.5**2)))


def control_loss(params):
    """The synthetic control law, nats per token."""
    return (2e9 / params) ** 0.09


@pytest.fixture(scope="session")
def tables():
    """A maker of (results, curves); see its arguments."""
    return make_tables


def make_tables(
    sizes=(24_576, 98_304, 393_216),
    repeats=(4, 16, 64, 256, 1024, 4096),
    fractions=(0.5,),
    seeds=(0, 1),
    control_sizes=(6_144, 1_572_864),
    tokens=4_194_304,
    noise=0.0,
    evaluations=12,
):
    """`noise`: standard deviation of log loss that a run shares with the control of its seed."""
    generator = np.random.default_rng(7)
    results, curves = [], []
    for seed in seeds:
        for params in (*sizes, *control_sizes):
            shared = np.exp(noise * generator.normal())
            cells = [(0.0, 0)]
            if params in sizes:
                cells += [(f, E) for f in fractions for E in repeats]
            for fraction, E in cells:
                effective = params * (multiplier_at(params, E, fraction) if E else 1)
                loss = control_loss(effective) * shared
                memorised = 1 / (1 + 4e4 * params**-0.5 / E) if E else 0.0
                run = f"{params}-{fraction}-{E}-{seed}"
                pool_loss = loss * (1 - memorised) + 0.01
                pool = fraction * tokens / E if E else 0
                row = dict(run_id=run, status="done", corpus="pydocs", vocabulary="bytes")
                row |= dict(context=128, batch_size=64, tokens=tokens, repeated_fraction=fraction)
                row |= dict(realised_fraction=fraction, repeats=E, pool_tokens=pool, seed=seed)
                row |= dict(d_model=int((params / 24) ** 0.5), layers=2, params=params)
                row |= dict(params_total=params + 20_000, learning_rate=3e-3, weight_decay=0.1)
                row |= dict(dtype="float32", attention_only=False, positions="rotary")
                row |= dict(test_loss=loss, pool_loss=pool_loss, ood_loss=loss * 1.3)
                row |= dict(unique_loss=loss * 0.99, repeated_loss=pool_loss if E else None)
                row |= dict(flops=6.0 * params * tokens, seconds=30.0, tokens_per_second=1e5)
                row |= dict(ostinato_version="0.1.0", jax_version="0.10.2", git_commit="abc")
                row |= dict(corpus_digest="d1", platform="cpu")
                results.append(row)
                for step in range(1, evaluations + 1):
                    done = step / evaluations
                    curves.append(
                        dict(run_id=run, step=step * 43, tokens=tokens * done)
                        | dict(test_loss=loss * (1 + 0.4 * (1 - done) ** 2))
                        | dict(pool_loss=pool_loss * (1 + (1 - done)), seconds=30 * done)
                    )
    return pd.DataFrame(results), pd.DataFrame(curves)


@pytest.fixture
def study_dir(tmp_path):
    """A directory that holds a synthetic study."""
    results, curves = make_tables(noise=0.003)
    folder = tmp_path / "synthetic"
    folder.mkdir()
    results.to_parquet(folder / "results.parquet")
    curves.to_parquet(folder / "curves.parquet")
    return folder


@pytest.fixture(scope="session")
def report(tables, tmp_path_factory):
    """The page of a synthetic study's report; its names are markup and formulas."""
    folder = tmp_path_factory.mktemp("study")
    results, curves = tables(noise=0.003)
    for table in (results, curves):
        table["run_id"] = "<img/src=x/onerror=alert(1)>" + table.run_id
    results["corpus"] = "=cmd()"
    results.to_parquet(folder / "results.parquet")
    curves.to_parquet(folder / "curves.parquet")
    return write_report(folder)
