"""Studies of facts drawn from known laws: what a model knows, how sure it is, what it makes up.

A fact stated e times is known with p = e^2 / (e^2 + h^2), where h = 50 (98,304 / N)^0.5: four times the
params need half the exposures. A pool seen E times multiplies h by `RATES[E]`, as 1 / rate^2 of the
params would, and makes test loss that of `LOSS[E]` of the params.
"""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from analysis import analyse
from analysis.findings.finding import draw, find
from analysis.findings.repeats.controls import CONTROLS, control_curves
from analysis.findings.repeats.effective import EFFECTIVE_PARAMS
from analysis.study import make_study
from tests.analysis.conftest import control_loss

RATES = {0: 1.0, 30: 1.0, 300: 2.0}
LOSS = {0: 1.0, 30: 1.0, 300: 0.5}
SIZES = (6_144, 24_576, 49_152, 98_304)
LADDER = {0: 512, 3: 512, 30: 256, 300: 64, 1000: 64}
NOISE = 0.03
"""By which seeds 0 and 2 differ from seed 1 in rates."""


def needed(params, repeats=0, seed=1):
    """Exposures at which p is one half."""
    return 50 * (98_304 / params) ** 0.5 * RATES[repeats] * (1 + NOISE * (seed - 1) * (repeats > 0))


def known(exposures, params, repeats=0, seed=1):
    """p(correct); 1/64 where nothing was stated."""
    p = exposures**2 / (exposures**2 + needed(params, repeats, seed) ** 2)
    return np.maximum(p, 1 / 64)


def rungs(run, ladder, how="name", of=known):
    """Rows of `knowledge` at the end of a run: bits are 6 p."""
    rows = []
    for exposures, entities in ladder.items():
        p = float(of(exposures, run["params"], run["repeats"], run["seed"]))
        row = dict(
            run_id=run["run_id"], step=100, asked=how, exposures=exposures, entities=entities
        )
        row |= dict(n=4 * entities, values=64, bits=6 * p if exposures else -3.0, probability=p)
        rows.append(row | dict(confidence=max(p, 0.4), accuracy=p, mass=1.0))
    return rows


def run_of(params, repeats, seed, ladder, statements="templates", **more):
    """A row of the results."""
    told = " ".join(map(str, ladder)), " ".join(map(str, ladder.values()))
    row = dict(corpus="zipf/30MB", tokens=3_399_680, repeated_fraction=0.2 * (repeats > 0))
    row |= dict(repeats=repeats, seed=seed, params=params, params_total=params + 50_000)
    row |= dict(exposures=told[0], entities=told[1], statements=statements)
    row["test_loss"] = control_loss(params * LOSS[repeats])
    row |= more
    name = "-".join(map(str, (statements, *told, params, repeats, seed)))
    return row | {"run_id": name.replace(" ", "_"), "status": "done"}


def told_study(runs, **details):
    """A study of such runs with tables beside them, rows of each."""
    study = make_study(pd.DataFrame(runs))
    return replace(study, details={name: pd.DataFrame(rows) for name, rows in details.items()})


def ladder_runs(statements="templates", seeds=(0, 1, 2)):
    """Controls of all sizes, and the largest beside each pool."""
    cells = [(params, 0) for params in SIZES] + [(SIZES[-1], repeats) for repeats in (30, 300)]
    return [
        run_of(params, repeats, seed, LADDER, statements)
        for params, repeats in cells
        for seed in seeds
    ]


def analysed(study, *findings):
    """What these findings make of a study, after those that read effective params."""
    laws, _ = control_curves(study)
    return find([CONTROLS, EFFECTIVE_PARAMS, *findings], study, laws)


def charts(found, *findings):
    """The charts of findings by key."""
    return {chart.key: chart for own in draw(findings, found).values() for chart in own}


@pytest.fixture(scope="session")
def told():
    """A study of one ladder."""
    runs = ladder_runs()
    return told_study(runs, knowledge=[row for run in runs for row in rungs(run, LADDER)])


@pytest.fixture(scope="session")
def found(told):
    """All that is told of it."""
    return analyse(told)
