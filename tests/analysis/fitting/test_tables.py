"""Tables as people bring them to a fit: their names, their units, their bad rows."""

import numpy as np
import pandas as pd
import pytest

from analysis.errors import AnalysisError
from analysis.fitting import fit_table
from analysis.fitting.prepared import AsWritten
from analysis.fitting.questions.compare import compare_on_table
from analysis.fitting.table import prepare_for
from analysis.laws import Chinchilla

LAW = Chinchilla(1.69, 406.4, 410.7, 0.34, 0.28)


def surface(noise=0.003, sizes=(7e7, 1.3e8, 3e8, 7e8, 1.3e9, 2.8e9), seed=0):
    budgets = (2e9, 5e9, 1e10, 2e10, 6e10, 1e11)
    params, tokens = (v.ravel() for v in np.meshgrid(sizes, budgets, indexing="ij"))
    loss = LAW.predict(params=params, tokens=tokens)
    loss = loss * np.exp(noise * np.random.default_rng(seed).normal(size=len(loss)))
    return pd.DataFrame({"params": params, "tokens": tokens, "loss": loss})


TABLE = surface()


def prepared(table, law="chinchilla", **how):
    return prepare_for(law, table, AsWritten(**how))


def in_words(column):
    return [f"{value / 1e9:g}B" if value >= 1e9 else f"{value / 1e6:g}M" for value in column]


AS_PEOPLE_HAVE_THEM = {
    "units": TABLE.assign(params=in_words(TABLE.params), tokens=in_words(TABLE.tokens)),
    "short names": TABLE.rename(columns={"params": "N", "tokens": "D", "loss": "final_loss"}),
    "long names": TABLE.set_axis(["n_params", "n_tokens", "val_loss"], axis=1),
    "spoken names": TABLE.set_axis(["Model Size", "Training Tokens", "Validation Loss"], axis=1),
    "headers with units": TABLE.assign(
        **{"Params (M)": TABLE.params / 1e6, "tokens_B": TABLE.tokens / 1e9}
    )[["Params (M)", "tokens_B", "loss"]],
    "compute": TABLE.assign(C=6 * TABLE.params * TABLE.tokens)[["params", "C", "loss"]],
    "tokens a param": TABLE.assign(tokens_per_param=TABLE.tokens / TABLE.params).drop(
        columns="tokens"
    ),
    "one column twice": TABLE.assign(N=TABLE.params),
    "text": TABLE.map(lambda value: f"{value:,.10g}"),
}


@pytest.fixture(scope="module")
def whole():
    return fit_table("chinchilla", TABLE, bootstrap=0)


@pytest.mark.parametrize("table", AS_PEOPLE_HAVE_THEM.values(), ids=AS_PEOPLE_HAVE_THEM)
def test_one_surface_has_one_fit(table, whole):
    found = fit_table("chinchilla", table, bootstrap=0)
    assert found.constants == pytest.approx(whole.constants, rel=1e-4)


def test_what_was_taken_for_what_is_said_in_one_line():
    understood = prepared(AS_PEOPLE_HAVE_THEM["short names"]).understood
    assert understood[0] == "Read N as params, D as tokens, final_loss as loss."
    assert "nats" in understood[1] and len(understood) == 2
    assert "params: 70M is 70000000." in prepared(AS_PEOPLE_HAVE_THEM["units"]).understood
    assert "No tokens: taken as C/(6 N)." in prepared(AS_PEOPLE_HAVE_THEM["compute"]).understood
    headers = prepared(AS_PEOPLE_HAVE_THEM["headers with units"]).understood
    assert "Params (M): times 1e+06, as its name says." in headers
    whole = TABLE.rename(columns={"params": "Params (M)"})  # the unit is in the numbers already
    assert any("whole already" in said for said in prepared(whole).understood)


@pytest.mark.parametrize(
    ("extra", "both"),
    [("N", "params and N"), ("n_params", "params and n_params"), ("val_loss", "loss and val_loss")],
)
def test_two_candidates_are_named(extra, both):
    with pytest.raises(AnalysisError, match=f"both {both} could be it; say which: --columns"):
        prepared(TABLE.assign(**{extra: 5.0}))
    ours = both.split()[0]
    assert len(prepared(TABLE.assign(**{extra: 5.0}), columns={ours: ours}).table) == 36


@pytest.mark.parametrize("theirs", ["Final Loss", "final_loss", " FINAL loss "])
def test_columns_overrule_give_or_take_blanks_and_case(theirs):
    table = TABLE.rename(columns={"loss": "Final Loss"}).assign(val_loss=1.0)
    assert prepared(table, columns={"loss": theirs}).table.loss.tolist() == TABLE.loss.tolist()


def test_a_column_that_is_not_there_names_the_nearest():
    with pytest.raises(AnalysisError, match=r"no column parms \(for params\); there are: params"):
        prepared(TABLE, columns={"params": "parms"})


@pytest.mark.parametrize(
    ("unit", "name", "written"),
    [
        ("bits", "loss_bits", lambda nats: nats / np.log(2)),
        ("perplexity", "val_ppl", np.exp),
        ("bits-per-byte", "bpb", lambda nats: nats / np.log(2) / 4.2),
    ],
)
def test_losses_become_nats(unit, name, written):
    table = TABLE.assign(**{name: written(TABLE.loss)}).drop(columns="loss")
    told = {"bytes_per_token": 4.2} if unit == "bits-per-byte" else {}
    assert prepared(table, unit=unit, **told).table.loss.to_numpy() == pytest.approx(TABLE.loss)
    with pytest.raises(AnalysisError, match=f"unit: {name} sounds like {unit}; say --unit {unit}"):
        prepared(table, columns={"loss": name})


@pytest.mark.parametrize(
    ("how", "message"),
    [
        ({"unit": "bytes"}, "unit: 'bytes'; write one of nats, bits"),
        ({"unit": "bits-per-byte"}, "bytes-per-token: missing; give the bytes of text"),
        ({"unit": "bits", "bytes_per_token": 4.0}, "bytes-per-token: needed for"),
        ({"decimal": "dot"}, "decimal: 'dot'; write comma or point"),
        ({"columns": {"seed": "s"}}, "columns: chinchilla has no column seed"),
    ],
)
def test_options_that_make_no_sense_are_refused(how, message):
    with pytest.raises(AnalysisError, match=message):
        prepared(TABLE, **how)


def test_nats_that_are_none_are_doubted():
    (warning,) = prepared(TABLE.assign(loss=np.exp(TABLE.loss) * 4)).warnings
    assert "perplexities are told by --unit perplexity" in warning
    (warning,) = prepared(TABLE.assign(params=TABLE.params / 1e7)).warnings
    assert warning.startswith("params: none is above 280; where that counts millions")


@pytest.mark.parametrize(
    ("rows", "told"),
    [
        ({3: "nan", 17: "inf"}, "2 bad rows left out: 2 diverged (rows 4, 18)."),
        ({3: "", 17: "n/a"}, "2 bad rows left out: 2 missing (rows 4, 18)."),
        ({3: "0", 17: "-2.5"}, "2 bad rows left out: 2 not positive (rows 4, 18)."),
        ({3: "oom", 17: "diverged"}, "1 not a number (row 4), 1 diverged (row 18)."),
    ],
)
def test_bad_rows_are_named_or_left_out_by_cause(tmp_path, rows, told):
    cells = TABLE.loss.astype(str)
    for row, cell in rows.items():
        cells[row] = cell
    TABLE.assign(loss=cells).to_csv(tmp_path / "t.csv", index=False)
    with pytest.raises(AnalysisError, match=r"loss: 2 rows .*row 4: .*row 18: .*--drop-bad-rows"):
        prepared(tmp_path / "t.csv")
    found = prepared(tmp_path / "t.csv", drop_bad_rows=True)
    assert len(found.table) == 34 and found.understood[-1].endswith(told)


def test_rows_that_are_there_twice():
    table = pd.concat([TABLE, TABLE.iloc[[4, 9]]])
    with pytest.raises(AnalysisError, match=r"2 rows there twice \(row 37, 38\): leave them out"):
        prepared(table)
    found = prepared(table, drop_bad_rows=True)
    assert len(found.table) == 36 and "2 doubled (rows 37, 38)" in found.understood[-1]
    assert len(prepared(table.assign(seed=[0] * 36 + [1] * 2)).table) == 38


def test_unique_tokens_come_from_epochs():
    table = TABLE.assign(epochs=4)
    found = prepared(table, "data-constrained")
    assert found.table.unique_tokens.to_numpy() == pytest.approx(TABLE.tokens / 4)


@pytest.mark.slow
def test_laws_are_compared_on_tables_at_hand_with_what_each_can_take():
    table = TABLE.rename(columns={"params": "N", "loss": "Loss"})
    found, reasons = compare_on_table(
        ["chinchilla", "kaplan", "data-constrained"], table, fixed={"E": 1.69}, tied=[("A", "B")]
    )
    assert dict(zip(found.law, found.constants, strict=True)) == {"chinchilla": 3, "kaplan": 4}
    assert "data-constrained" in reasons
    with pytest.raises(AnalysisError, match="fix: none of chinchilla, kaplan has a constant P"):
        compare_on_table(["chinchilla", "kaplan"], table, fixed={"P": 1.0})
