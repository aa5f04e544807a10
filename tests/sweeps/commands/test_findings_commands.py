"""`ostinato fit`, `predict`, `analyse` and `report` on tables at hand."""

import io
import json
import re
import shutil
import signal
import subprocess
import time
import urllib.request
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from rich.console import Console

import analysis
from sweeps.commands.telling.reports import draw_report
from tests.sweeps.command_line import OSTINATO, bad, ostinato

RECORDED = Path(analysis.__file__).parent / "recorded" / "quick"


@pytest.fixture
def losses(tmp_path):
    """A table of Chinchilla's law, with names of its own."""
    rng = np.random.default_rng(0)
    n, d = (10 ** rng.uniform(low, high, 120) for low, high in ((7, 10), (9, 11)))
    loss = 1.8 + 480 / n**0.35 + 2000 / d**0.37
    path = tmp_path / "losses.csv"
    table = pd.DataFrame({"N": n, "D": d, "val": loss * np.exp(rng.normal(0, 0.002, 120))})
    table.to_csv(path, index=False)
    return path


COLUMNS = ("--columns", "params=N,tokens=D,loss=val")


def test_a_law_is_fitted_to_anyones_table(losses, tmp_path):
    plot = tmp_path / "fit.svg"
    result = ostinato(
        "fit", "chinchilla", losses, *COLUMNS, "--bootstrap", 200, "--json", "--plot", plot, check=0
    )
    found = json.loads(result.stdout)
    assert found["constants"]["alpha"] == pytest.approx(0.35, abs=0.03)
    low, high = found["intervals"]["E"]
    assert low < 1.8 < high
    assert plot.read_text().lstrip().startswith("<?xml")
    text = ostinato("fit", "chinchilla", losses, *COLUMNS, check=0).stdout
    assert "120 rows, R2 0.99" in text
    assert re.search(r"^alpha +0\.3\d+ +0\.3\d+ to 0\.3\d+$", text, re.MULTILINE)
    text = ostinato("fit", "chinchilla", losses, *COLUMNS, "--bootstrap", 0, check=0).stdout
    assert re.search(r"^alpha +0\.3\d+ *$", text, re.MULTILINE)


@pytest.mark.slow
def test_what_a_fit_compiles_is_kept_for_the_next(losses, tmp_path, monkeypatch):
    monkeypatch.delenv("JAX_COMPILATION_CACHE_DIR")
    monkeypatch.delenv("JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS")

    def fit(data_dir, table=losses):
        asked = ("fit", "chinchilla", table, *COLUMNS)
        found = ostinato(*asked, data_dir=data_dir, check=0, process=True)
        assert not found.stderr
        return found.stdout, sorted((data_dir / "compiled").glob("*/*"))

    first, kept = fit(tmp_path / "data")
    assert kept
    half = kept[0].read_bytes()[:9999]
    shorter = tmp_path / "shorter.csv"
    shorter.write_text("\n".join(losses.read_text().splitlines()[:101]))
    assert fit(tmp_path / "data", shorter)[1] == kept
    kept[0].write_bytes(half)  # as a process that is killed leaves it
    assert fit(tmp_path / "data") == (first, kept)
    (tmp_path / "file").touch()
    assert fit(tmp_path / "file" / "data") == (first, [])
    chosen = tmp_path / "chosen"
    monkeypatch.setenv("JAX_COMPILATION_CACHE_DIR", str(chosen))
    monkeypatch.setenv("JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS", "0.1")
    assert fit(tmp_path / "other") == (first, []) and list(chosen.iterdir())


def test_several_laws_are_compared(losses):
    table = ostinato("fit", "power,chinchilla,data-constrained", losses, *COLUMNS, check=0).stdout
    assert "held-out error" in table and "data-constrained is left out" in table
    found = json.loads(
        ostinato("fit", "power,chinchilla", losses, *COLUMNS, "--json", check=0).stdout
    )
    assert {row["law"] for row in found["laws"]} == {"power", "chinchilla"}
    bad(
        ostinato("fit", "power,chinchilla", losses, "--columns", "epochs=D,loss=val"),
        "none of power, chinchilla has a column epochs",
    )
    bad(
        ostinato("fit", "power,chinchilla", losses, *COLUMNS, "--bootstrap", 9),
        "compared without plot",
    )


@pytest.mark.slow
def test_a_recorded_study_is_reported_and_predicts_without_training(tmp_path):
    study = shutil.copytree(RECORDED, tmp_path / "quick")
    ostinato("report", study, check=0)
    page = (study / "report" / "index.html").read_text()
    assert "costs most" in page
    sentences = ostinato("analyse", study, check=0).stdout
    assert sentences.count("costs most") == 1 and "The worst elsewhere" in sentences
    found = ostinato(
        "predict",
        study,
        "--params",
        "24576",
        "--tokens",
        "1.84M",
        "--fraction",
        0.5,
        "--repeats",
        400,
        "--json",
        check=0,
    )
    found = json.loads(found.stdout)
    assert 0 < found["multiplier"] < 0.5 and found["loss"] > found["control_loss"]
    clean = [
        "predict",
        study,
        "--params",
        "24576",
        "--tokens",
        "1.84M",
        "--fraction",
        "0.5",
        "--repeats",
        "1",
    ]
    assert "multiplier 1" in ostinato(*clean, check=0).stdout


def test_a_report_says_how_far_it_is_on_a_terminal_alone(tmp_path):
    runs = pd.read_parquet(RECORDED / "results.parquet")
    runs[runs.repeats == 0].to_parquet(tmp_path / "results.parquet")
    for terminal in (True, False):
        told = io.StringIO()
        draw_report(
            Console(file=told, force_terminal=terminal, highlight=False, width=200), tmp_path
        )
        assert told.getvalue().endswith(f"Report: {tmp_path}/report/index.html\n")
        assert ("computing what was found" in told.getvalue()) == terminal


@pytest.mark.slow
def test_a_report_is_served_on_this_machine_alone(tmp_path):
    study = shutil.copytree(RECORDED, tmp_path / "quick")
    process = subprocess.Popen(
        [OSTINATO, "report", study, "--serve", "--port", "0"], stdout=subprocess.PIPE, text=True
    )
    try:
        address = re.search(r"http://127\.0\.0\.1:\d+/index\.html", process.stdout.readline())[0]
        for _ in range(400):
            try:
                with urllib.request.urlopen(address) as answer:
                    assert b"costs most" in answer.read()
                break
            except OSError:
                time.sleep(0.3)
        else:
            pytest.fail("no report within two minutes")
    finally:
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=30)


def test_what_a_table_holds_is_shown_as_text(losses, tmp_path):
    table = pd.read_csv(losses).astype(object)
    table.loc[0, "val"] = "[red]a\nb\x1b[31m"
    hostile = tmp_path / "hostile.csv"
    table.to_csv(hostile, index=False)
    bad(ostinato("fit", "chinchilla", hostile, *COLUMNS), r"row 1: [red]a\nb\x1b[31m")
    study = tmp_path / "study"
    shutil.copytree(RECORDED, study)
    results = pd.read_parquet(study / "results.parquet")
    results["corpus"] = np.where(np.arange(len(results)) % 2, "pydocs", "[/]=two()")  # two settings
    results.to_parquet(study / "results.parquet")
    assert "corpus [/]=two()" in ostinato("analyse", study, check=0).stdout


def test_bad_input_is_one_line(losses, tmp_path):
    bad(ostinato("fit", "chinchila", losses), "chinchila: no such law; there are: chinchilla")
    bad(ostinato("fit", "power", tmp_path / "no.csv"), "no such table")
    bad(
        ostinato("fit", "power", losses, "--columns", "params"), "columns: 'params'; write params=N"
    )
    bad(ostinato("fit", "power", losses, "--columns", "params=M,loss=val"), "no column M")
    bad(ostinato("fit", "power", losses, "--plot", "x.gif"), "neither .svg")
    bad(
        ostinato("predict", RECORDED, "--params", "1e5", "--tokens", "3M"), "give either --fraction"
    )
    given = ("--fraction", "0.5", "--repeats", "9")
    bad(
        ostinato("predict", RECORDED, "--params", "big", "--tokens", "3M", *given),
        "params: write a number",
    )
    bad(
        ostinato("predict", tmp_path, "--params", "1e5", "--tokens", "3M", *given),
        "collect the study's runs",
    )
    given = ("--params", "1e5", "--tokens", "3M", "--fraction", "5", "--repeats", "9")
    bad(ostinato("predict", tmp_path, *given), "fraction: 5; give")  # before the study is read
    bad(ostinato("report", tmp_path), "collect the study's runs first")


def as_bits(losses, tmp_path):
    table = pd.read_csv(losses)
    path = tmp_path / "bits.tsv"
    told = [f"{n / 1e6:.6f}M" for n in table.N]
    table.assign(N=told, loss_bits=table.val / np.log(2)).drop(columns="val").to_csv(
        path, sep="\t", index=False
    )
    return path


def test_what_was_understood_is_said_and_what_was_not_is_asked(losses, tmp_path):
    bits = as_bits(losses, tmp_path)
    bad(ostinato("fit", "chinchilla", bits), "unit: loss_bits sounds like bits; say --unit bits")
    text = ostinato("fit", "chinchilla", bits, "--unit", "bits", check=0).stdout
    assert "- Read N as params, D as tokens, loss_bits as loss." in text
    assert "bits x ln 2 are nats" in text and re.search(r"^E +1\.[78]", text, re.MULTILINE)
    assert "the sum, not the mean, over 120 rows of Huber's loss (delta 0.001)" in text


def test_the_next_model_and_the_best_size_are_told(losses, tmp_path):
    asked = ("--compute", "1e22", "--at", "params=13B,tokens=5T", "--at", tmp_path / "points.csv")
    (tmp_path / "points.csv").write_text("N,D\n1B,20B\n")
    text = ostinato("fit", "chinchilla", losses, *COLUMNS, *asked, check=0).stdout
    assert re.search(r"^a \(N_opt ~ C\^a\) +0\.5\d* +0\.\d+ to 0\.\d+", text, re.MULTILINE)
    assert re.search(r"^13B +5T +[12]\.\d+ +\d\.\d+ to \d\.\d+", text, re.MULTILINE)
    assert "params 13B, tokens 5T: outside the measured range, params 1.3" in text
    found = json.loads(
        ostinato("fit", "chinchilla", losses, *COLUMNS, *asked, "--json", check=0).stdout
    )
    assert found["optimum"][0]["params_low"] < found["optimum"][0]["params"]
    assert len(found["at"]) == 2 and found["at"][0]["outside"] and not found["at"][1]["outside"]
    line = "compute: power has no compute-optimal size"
    bad(ostinato("fit", "power", losses, "--columns", "loss=val", "--compute", "1e22"), line)
    bad(ostinato("fit", "chinchilla", losses, *COLUMNS, "--at", "params=1B"), "at: tokens missing")


def test_constants_are_fixed_and_tied(losses):
    held = ("--fix", "E=1.8", "--tie", "alpha=beta", "--quadratic")
    text = ostinato("fit", "chinchilla", losses, *COLUMNS, *held, check=0).stdout
    assert re.search(r"^E +1\.8 +fixed", text, re.MULTILINE) and "tied to alpha" in text
    assert "half the square" in text
    bad(ostinato("fit", "chinchilla", losses, *COLUMNS, "--fix", "E"), "fix: 'E'; write E=1.87")
    bad(ostinato("fit", "chinchilla", losses, *COLUMNS, "--fix", "P=1"), "has no constant P")
    bad(ostinato("fit", "chinchilla", losses, *COLUMNS, "--tie", "E=alpha"), "of two kinds")
    bad(ostinato("fit", "chinchilla", losses, *COLUMNS, *held, "--delta", "1"), "delta: Huber's")


def test_bad_rows_are_left_out_when_asked(losses, tmp_path):
    table = pd.read_csv(losses).astype(str)
    table.loc[[3, 17], "val"] = "nan"
    path = tmp_path / "diverged.csv"
    table.to_csv(path, index=False)
    bad(ostinato("fit", "chinchilla", path, *COLUMNS), "row 4: nan; row 18: nan); repair or drop")
    text = ostinato("fit", "chinchilla", path, *COLUMNS, "--drop-bad-rows", check=0).stdout
    assert "2 bad rows left out: 2 diverged (rows 4, 18)." in text and "118 rows" in text


def test_tables_are_set_side_by_side(losses, tmp_path):
    table = pd.read_csv(losses)
    table.assign(val=table.val * 1.1).to_csv(tmp_path / "new.csv", index=False)
    text = ostinato("fit", "chinchilla", losses, tmp_path / "new.csv", *COLUMNS, check=0).stdout
    assert (
        re.search(r"^constant +losses +new", text, re.MULTILINE) and "E differs: new less" in text
    )
    both = pd.concat([table.assign(recipe="x"), table.assign(recipe="y", val=table.val * 1.1)])
    both.to_csv(tmp_path / "both.csv", index=False)
    asked = ("fit", "chinchilla", tmp_path / "both.csv", *COLUMNS, "--by", "recipe")
    found = json.loads(ostinato(*asked, "--json", check=0).stdout)
    assert list(found["fits"]) == ["x", "y"]
    assert {row["constant"]: row["differ"] for row in found["differences"]}["E"]
    bad(ostinato(*asked[:-1], "nothing"), "by: ")


def test_a_histogram_may_be_anybodys(tmp_path):
    (tmp_path / "pools.csv").write_text("copies;share\n1;90 %\n400;10 %\n")
    at = ("--params", "24576", "--tokens", "1.84M", "--pools", tmp_path / "pools.csv")
    assert "multiplier 0." in ostinato("predict", RECORDED, *at, check=0).stdout
