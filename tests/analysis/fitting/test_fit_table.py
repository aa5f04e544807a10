"""Files of losses are fitted as they are named, and refused in one line that says why."""

import numpy as np
import pandas as pd
import pytest

from analysis.errors import AnalysisError
from analysis.fitting import fit_table
from analysis.laws import PowerLaw
from tests.analysis.fitting.test_fit import TRUTHS, draw


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda t: t.drop(columns="tokens"), "no column tokens"),
        (lambda t: t.assign(params=t.params.where(t.index != 4)), r"params: 1 row .*row 5: nan"),
        (
            lambda t: t.assign(params=t.params.where(t.index > 6)),
            r"7 rows .*\(row 1: nan; .*row 5: nan; \.\.\.\)",
        ),
        (lambda t: t.assign(test_loss=-t.test_loss), "test_loss|loss: 40 rows .* not positive"),
        (lambda t: t.head(5), "5 rows for 5 .*: power, power-floor, kaplan"),
        (lambda t: t.assign(params=1e7), "params: the same value"),
        (lambda t: t.assign(tokens=1e9), "tokens: the same value .*fitted .*: power, power-floor"),
        (lambda t: t.assign(vocabulary=["bytes", "other"] * 20), "cannot be compared"),
        (lambda t: t.assign(params="many"), "params: 40 rows missing"),
    ],
    ids=[
        "no column",
        "NaN",
        "NaNs",
        "negative",
        "few rows",
        "one size",
        "one budget",
        "tokenizers",
        "text",
    ],
)
def test_a_bad_table_is_refused_in_one_line(tmp_path, change, message):
    columns, loss = draw(TRUTHS[4], rows=40)
    table = pd.DataFrame(
        {"params": columns["params"], "tokens": columns["tokens"], "test_loss": loss}
    )
    change(table).to_csv(tmp_path / "t.csv", index=False)
    with pytest.raises(AnalysisError, match=message) as raised:
        fit_table("chinchilla", tmp_path / "t.csv")
    assert "\n" not in str(raised.value)


def test_anybodys_columns_will_do(tmp_path):
    columns, loss = draw(TRUTHS[4], rows=80, noise=0)
    table = pd.DataFrame({"Model Size": columns["params"], "D": columns["tokens"], "L": loss})
    table.to_parquet(tmp_path / "t.parquet")
    names = {"params": "Model Size", "tokens": "D", "loss": "L"}
    found = fit_table("chinchilla", tmp_path / "t.parquet", names)
    assert found.law.alpha == pytest.approx(0.3478, rel=1e-3)


@pytest.mark.parametrize(("law", "hint"), [("chinchila", "chinchilla"), ("zzz", "power")])
def test_an_unknown_law_names_the_nearest(tmp_path, law, hint):
    with pytest.raises(AnalysisError, match=hint):
        fit_table(law, tmp_path / "t.csv")


def test_a_studys_own_table_fits_its_controls_alone(study_dir):
    found = fit_table("power", study_dir / "results.parquet", bootstrap=200, cluster="seed")
    assert found.law.alpha == pytest.approx(0.09, abs=0.002)
    assert len(found.loss) == 10 and any("with repetition left out" in w for w in found.warnings)
    assert found.as_dict()["intervals"]["alpha"][0] <= found.law.alpha


def test_a_law_of_losses_leaves_out_what_is_fine_tuned_or_of_another_stage(tables, tmp_path):
    results, _ = tables(repeats=())
    alone = fit_table("power", _written(results, tmp_path)).law
    stages = ["pretraining"] * len(results) + ["fine_tuning", "policy", "policy"]
    mixed = pd.concat([results, results.tail(3).assign(test_loss=9.0)], ignore_index=True)
    found = fit_table("power", _written(mixed.assign(stage=stages, of=None), tmp_path))
    assert found.law == alone
    assert found.warnings[:2] == (
        "1 fine-tuned run left out.",
        "2 runs of other stages left out: policy.",
    )


def _written(table, folder):
    table.to_parquet(folder / "results.parquet")
    return folder / "results.parquet"


def test_rows_are_named_as_the_file_has_them(tmp_path):
    columns, loss = draw(PowerLaw(8.8e13, 0.076), rows=30)
    loss[20] *= 1.5
    table = pd.DataFrame({"params": columns["params"], "loss": loss, "status": "done"})
    table.loc[3, "status"] = "failed"
    table.to_csv(tmp_path / "losses.csv", index=False)
    found = fit_table("power", tmp_path / "losses.csv")
    assert found.outliers[0]["row"] == 21
    assert found.outliers[0]["residual"] == pytest.approx(np.log(1.5), abs=0.02)
    assert [row["row"] for row in found.as_dict()["residuals"]][:4] == [1, 2, 3, 5]
    table.assign(vocabulary=["bytes"] * 28 + ["gpt2"] * 2).to_csv(tmp_path / "losses.csv")
    with pytest.raises(
        AnalysisError, match=r"bytes \(27 rows from row 1\), gpt2 \(2 rows from row 29"
    ):
        fit_table("power", tmp_path / "losses.csv")
