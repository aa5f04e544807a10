"""The command line as a user meets it, with real runs."""

import json
import re

import pandas as pd
import pytest
import typer

from sweeps import cli
from sweeps.commands import app
from sweeps.grids.files import load_plan
from tests.sweeps.command_line import bad, ostinato, states


@pytest.mark.slow
def test_a_study_ends_with_results_curves_and_a_report(studied):
    out = studied
    results, curves = (pd.read_parquet(out / f"{name}.parquet") for name in ("results", "curves"))
    assert len(results) == 6 and (results["status"] == "done").all()
    assert (results["repeated_fraction"] == 0).sum() == 2
    assert results[["test_loss", "pool_loss", "flops", "tokens_per_second"]].notna().all(axis=None)
    assert curves.groupby("run_id").size().tolist() == [5] * 6
    report = out / "report" / "index.html"
    assert report.stat().st_size > 10_000
    for run in load_plan(out / "grid.yaml").runs:
        written = json.loads((out / "runs" / run.run_id / "config.json").read_text())
        assert written == run.model_dump(mode="json")
        row = results.set_index("run_id").loc[run.run_id]
        assert all(
            row[name] == value
            for name, value in written.items()
            if name not in ("pools", "probes", "ood_corpus", "exposures", "entities", "statements")
        )
        assert row["probes"] is None and not run.probes


@pytest.mark.slow
def test_again_it_trains_nothing_and_changes_nothing(studied, grid, data_dir):
    out = studied
    before = {p: p.stat().st_mtime_ns for p in (out / "runs").rglob("status.json")}
    result = ostinato("study", grid, "--out", out, data_dir=data_dir, check=0)
    assert "6 of 6 runs are done already" in result.stdout
    assert str(out / "report" / "index.html") in result.stdout.replace("\n", "")
    assert before == {p: p.stat().st_mtime_ns for p in (out / "runs").rglob("status.json")}


@pytest.mark.slow
@pytest.mark.usefixtures("studied")
def test_a_failed_run_is_named_and_does_not_stop_the_others(grid, data_dir, tmp_path):
    wild = tmp_path / "wild.yaml"
    wild.write_text(
        grid.read_text()
        + "runs:\n  - {d_model: 16, repeated_fraction: 0, learning_rate: 1.0e+30}\n"
    )
    small = ("--select", "d_model == 16", "--jobs", 1)
    result = ostinato("sweep", wild, "--out", tmp_path / "out", *small, data_dir=data_dir, check=1)
    assert "failed: loss is nan at step" in result.stderr and result.stderr.count("\n") == 1
    assert sorted(states(tmp_path / "out")) == ["done"] * 3 + ["failed"] + ["pending"] * 3
    table = ostinato("status", tmp_path / "out", "--json", check=0)
    assert {row["error"] is None for row in json.loads(table.stdout)} == {True, False}


def test_the_plan_is_every_run_with_its_sizes(grid):
    rows = json.loads(ostinato("plan", grid, "--json", check=0).stdout)
    assert len(rows) == 6
    assert {row["pool_tokens"] for row in rows} == {0, 60 * 32, 12 * 32}
    assert {row["params"] for row in rows} == {6144, 24576}
    chosen = ostinato("plan", grid, "--json", "--select", "repeats == 8", check=0)
    assert len(json.loads(chosen.stdout)) == 2
    assert "6 runs" in ostinato("plan", grid, check=0).stdout


def test_a_plan_marks_what_a_small_pool_cannot_hold(grid, tmp_path):
    asked = ostinato("plan", grid, check=0).stdout
    assert "otherwise than asked" not in asked
    path = tmp_path / "small.yaml"
    path.write_text(grid.read_text().replace("repeats: [8, 40]", "repeats: [8, 300]"))
    rows = json.loads(ostinato("plan", path, "--json", check=0).stdout)
    off = [row for row in rows if row["repeats"] == 300]
    # 480 sequences are asked for, in a pool of 1.6: two of them seen 300 times are 600 of 960.
    assert {row["repeated_fraction"] for row in off} == {0.5}
    assert {row["realised_fraction"] for row in off} == {0.625}
    assert {row["realised_repeats"] for row in off} == {300}
    assert {row["realised_repeats"] for row in rows if row["repeats"] == 8} == {8}
    assert {row["realised_repeats"] for row in rows if not row["repeats"]} == {None}
    lines = ostinato("plan", path, check=0).stdout.splitlines()
    assert lines[-1].startswith("2 runs repeat otherwise than asked, as a pool is whole sequences")
    assert "f 0.5 became 0.625; more tokens" in lines[-1]


def test_a_plan_marks_pools_that_are_too_small_to_be(grid, tmp_path):
    path = tmp_path / "pools.yaml"
    pools = "pools: [{fraction: 0.25, repeats: 8}, {fraction: 0.25, repeats: 900}]"
    text = grid.read_text().replace("repeats: [8, 40]", "seed: [0]")
    path.write_text(text.replace("repeated_fraction: 0.5", pools))
    (row, *_) = (
        row
        for row in json.loads(ostinato("plan", path, "--json", check=0).stdout)
        if row["repeats"]
    )
    assert row["repeated_fraction"] == 0.5 and row["realised_fraction"] == 0.25
    assert row["repeats"] == 16 and row["realised_repeats"] == 8
    said = ostinato("plan", path, check=0).stdout
    assert "f 0.5 became 0.25 and 16 repeats became 8 in the mean" in said


def test_a_plan_tells_which_facts_a_run_is_told(grid, tmp_path):
    assert "facts" not in ostinato("plan", grid, check=0).stdout
    path = tmp_path / "facts.yaml"
    path.write_text(
        """
name: facts
base: {corpus: zipf/1MB, vocabulary: "words:400", tokens: 1M, d_model: 16}
runs:
  - {exposures: [0, 3, 10], entities: [50, 20, 10], repeated_fraction: 0.2, repeats: 10}
  - {exposures: [100], entities: [1000], statements: verbatim}
  - {repeated_fraction: 0}
"""
    )
    lines = ostinato("plan", path, check=0).stdout.splitlines()
    assert lines[0].split()[-1] == "facts"
    assert [line.split()[-1] for line in lines[1:4]] == ["a", "a", "b"]
    assert lines[4].split()[-1].endswith("e+10")  # told nothing
    assert lines[6:8] == [
        "facts a (2 runs): 50 x 0, 20 x 3, 10 x 10 times, in templates: 80 entities, 160 statements",
        "facts b (1 run): 1000 x 100 times, verbatim: 1,000 entities, 100,000 statements",
    ]
    rows = json.loads(ostinato("plan", path, "--json", check=0).stdout)
    assert rows[0]["exposures"] == "0 3 10" and rows[2]["statements"] == "verbatim"


def test_no_column_of_a_plan_is_cut(tmp_path):
    lines = ostinato("plan", "quick", "--out", tmp_path / "none", check=0).stdout.splitlines()
    assert lines[0].endswith("state  ") and lines[1].endswith("e+11 pending")


def test_a_study_of_a_file_lies_in_studies_under_its_name(grid, tmp_path, monkeypatch):
    other = tmp_path / "studies" / "tiny" / "other"
    other.mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    bad(ostinato("study", grid), "out: studies/tiny is not empty and holds no study")


def test_without_arguments_the_help_is_printed():
    result = ostinato()
    assert "Commands" in result.stdout and not result.stderr


def test_a_question_left_unanswered_ends_a_command(monkeypatch, capsys):
    def unanswered(**_):
        raise typer.Abort

    monkeypatch.setattr(cli, "app", unanswered)
    with pytest.raises(SystemExit) as ended:
        cli.main()
    assert ended.value.code == 1 and capsys.readouterr().err == "Aborted.\n"


def test_every_command_has_an_example():
    commands = [command.callback.__name__ for command in app.registered_commands]
    assert len(commands) == 16
    listed = ostinato("--help", check=0).stdout
    assert all(name in listed for name in commands)
    for name in commands:
        assert re.search(rf"Examples?: ostinato {name}", ostinato(name, "--help", check=0).stdout)
