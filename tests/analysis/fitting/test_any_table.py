"""Whatever a table holds, its fit ends in a result or in one clear line, and every row is accounted for."""

import io
import json
import re
from contextlib import redirect_stdout

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from analysis.errors import AnalysisError
from analysis.files import jsonable
from analysis.fitting import fit_table
from analysis.fitting.frontier import APPROACHES
from analysis.fitting.prepared import AsWritten
from analysis.fitting.questions.chart import fit_chart
from analysis.fitting.questions.groups import fit_each
from analysis.fitting.questions.outlook import optimum, points_of, predicted
from analysis.fitting.solving import solver
from analysis.laws import LAWS
from sweeps.commands.telling import fits as printed

COLUMNS = {name: law.columns for name, law in LAWS.items()} | dict.fromkeys(
    APPROACHES, ("params", "tokens")
)
USUAL = {"params": (1e5, 1e11), "tokens": (1e7, 1e13), "unique_tokens": (1e7, 1e12)}
USUAL |= {"flops": (1e15, 1e25)}
FAR = [5e-324, 1e-300, 1e-30, 1.0, 1e30, 1e160, 1e300, 1.7e308]
BAD = [np.nan, np.inf, -np.inf, 0.0, -1.0]
WORDS = ["", "nan", "1.3B", "1,234", "12 %", "diverged", "1e400", "1e-320", "a\nb", "∞", "True"]


def column(draw, generator, low, high, rows):
    """[rows] of one quantity, as it should be or as it should not."""
    match draw(st.sampled_from(["spread", "spread", "few", "same", "far", "close", "any"])):
        case "spread":
            return np.exp(generator.uniform(np.log(low), np.log(high), rows))
        case "few":
            return generator.choice(np.geomspace(low, high, 3), rows)
        case "same":
            return np.full(rows, draw(st.sampled_from([high, 1e300, 1e-300])))
        case "far":
            return generator.choice(FAR, rows)
        case "close":
            return high * (1 + 1e-15 * generator.integers(0, 3, rows))
    return np.array(draw(st.lists(st.floats(), min_size=rows, max_size=rows)), float)


@st.composite
def tables(draw, names):
    """A table of these columns and a loss: values far apart or all alike, sizes on a line, losses that
    rise, bad cells, rows there twice, numbers as text."""
    rows = draw(st.sampled_from([0, 3, 6, 9, 12, 20]))
    generator = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    columns = {name: column(draw, generator, *USUAL[name], rows) for name in names}
    with np.errstate(all="ignore"):  # a table may hold anything
        if {"params", "tokens"} <= set(columns) and draw(st.integers(0, 3)) == 0:
            columns["tokens"] = 20 * columns["params"]
        if "unique_tokens" in columns and draw(st.booleans()):
            columns["unique_tokens"] = columns["tokens"] / generator.choice([1, 2, 8, 1e6], rows)
        falling = sum(10 * np.abs(values) ** -0.2 for values in columns.values())
        loss = {
            "law": np.nan_to_num(1.7 + falling),
            "rising": 1 + 0.1 * np.abs(np.log(np.abs(columns[names[0]]))),
            "same": np.full(rows, 3.0),
            "noise": generator.uniform(0.01, 10, rows),
            "far": generator.choice(FAR, rows),
        }[draw(st.sampled_from(["law", "law", "rising", "same", "noise", "far"]))]
        loss = loss * np.exp(
            draw(st.sampled_from([0, 1e-3, 0.1, 50])) * generator.normal(size=rows)
        )
    table = pd.DataFrame(columns | {"loss": loss})
    if rows and draw(st.booleans()):
        place, name = draw(st.integers(0, rows - 1)), draw(st.sampled_from(list(table)))
        if draw(st.booleans()):
            table.loc[place, name] = draw(st.sampled_from(BAD))
        else:
            table[name] = [repr(float(value)) for value in table[name]]
            table.loc[place, name] = draw(st.sampled_from(WORDS))
    if rows and draw(st.integers(0, 3)) == 0:
        table = pd.concat([table, table.iloc[: rows // 2]], ignore_index=True)
    if draw(st.booleans()):
        table["recipe"] = [["a", "b"][place % 2] for place in range(len(table))]
    return table


@st.composite
def options(draw, law):
    constants = LAWS[law].constant_names() if law in LAWS else ("k", "a")
    names, found = st.sampled_from(constants), {}
    if draw(st.integers(0, 2)) == 0:
        values = st.sampled_from([0.3, 1.0, 5.0, 1e300, 1e-300, 0.0, -1.0, np.nan])
        found["fixed"] = draw(st.dictionaries(names, values, max_size=2))
    if draw(st.integers(0, 3)) == 0:
        found["tied"] = [(draw(names), draw(names))]
    if draw(st.integers(0, 3)) == 0 and law in LAWS:
        found["cluster"] = draw(st.sampled_from(["none", "params", "recipe"]))
    found["delta"] = draw(st.sampled_from([1e-3, 1e-3, np.inf, 1e-300, 1e300]))
    return found | {"bootstrap": draw(st.sampled_from([0, 3, 120]))}


def in_one_line(work):
    """What `work` returns; None where it says in a line why it cannot."""
    try:
        return work()
    except AnalysisError as error:
        assert str(error) and "\n" not in str(error)


@pytest.mark.slow
@pytest.mark.parametrize("law", ["power", "chinchilla", "additive-penalty", *APPROACHES])
def test_a_fit_of_any_table_ends_in_a_result_or_in_one_line(law, monkeypatch):
    monkeypatch.setattr(solver, "_SWEEPS", 2)  # where nothing can be found, time is all it costs

    @settings(
        max_examples=12,
        derandomize=True,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
        phases=[Phase.generate],
    )
    @given(st.data())
    def holds(data):
        table, asked = data.draw(tables(COLUMNS[law])), data.draw(options(law))
        drop, compute = data.draw(st.integers(0, 4)) > 0, data.draw(st.sampled_from([1e21, 1e300]))
        found = in_one_line(lambda: fit_table(law, table, drop_bad_rows=drop, **asked))
        if "recipe" in table:
            how = AsWritten(drop_bad_rows=drop)
            parts = in_one_line(lambda: fit_each(law, table, "recipe", how, **asked))
            assert parts is None or (len(parts.table()) and parts.differences() is not None)
        if found is None:
            return
        told = " ".join(found.understood)
        bad = re.search(r"(\d+) bad rows? left out", told)
        if found.rows is not None:
            assert len(found.rows) + int(bad[1] if bad else 0) == len(table)
        assert np.isfinite([found.objective, *found.constants.values()]).all()
        json.dumps(jsonable(found.as_dict()), allow_nan=False)
        assert len(fit_chart(found).table) == len(found.loss)
        at = [dict.fromkeys(type(found.law).columns, value) for value in (1e9, 1e-300, 1e300)]
        in_one_line(lambda: optimum(found, [compute]))
        in_one_line(lambda: predicted(found, points_of(found, at)))
        with redirect_stdout(io.StringIO()):
            printed._print_constants(found)

    holds()
