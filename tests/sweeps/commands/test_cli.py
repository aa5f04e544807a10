"""The command line as a user meets it, with real runs."""

import json
import re
import shutil

import pandas as pd
import pytest
import typer

from sweeps import cli
from sweeps.commands import app
from sweeps.grids.files import load_plan
from sweeps.study.store import StudyDirectory
from tests.sweeps.command_line import bad, ostinato, prepare


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
    states = [status["state"] for _, status in StudyDirectory(tmp_path / "out").statuses()]
    assert sorted(states) == ["done"] * 3 + ["failed"] + ["pending"] * 3
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


BAD_GRIDS = [
    (
        "repeated_fraction: 0.5",
        "repeated_fraction: 1.5",
        "repeated_fraction: give 1 or less (given: 1.5)",
    ),
    ("repeats: [8, 40]", "repeats: [0]", "repeats: 0 with repeated_fraction 0.5"),
    ("repeats: [8, 40]", "repeats: [1000]", "pool smaller than one sequence; at most 480"),
    ("d_model: [16, 32]", "d_model: [wide]", "d_model: write a number such as"),
    ("d_model: [16, 32]", "order: [sorted]", "order: give 'uniform', "),
    ("axes:", "exclude: [sed == 0]\naxes:", "exclude: sed: unknown column; did you mean seed"),
    ("repeats: [8, 40]", "learning_rate: [high]", "learning_rate: give a number (given: 'high')"),
    ("axes:", "axes: 3\nzipped:", "axes: give keys with values (given: 3)"),
    (
        "axes:",
        "stages: [{stage: fine_tuning, corpus: zipf, tokens: x}]\naxes:",
        "4.1M (given: 'x')\n",
    ),
    ("axes:", "fine_tuning: [3]\naxes:", "stages.0: give keys with values (given: 3)"),
    ("repeats: [8, 40]", "repeats: [8]\nexclude: [seed == 0]", "leaves no run"),
    ("context: 32", "contxt: 32", "contxt: unknown key; did you mean context"),
]


@pytest.mark.parametrize(("old", "new", "line"), BAD_GRIDS, ids=[new for _, new, _ in BAD_GRIDS])
def test_bad_grids_are_one_line_and_nothing_is_written(grid, tmp_path, old, new, line):
    path = tmp_path / "bad.yaml"
    path.write_text(grid.read_text().replace(old, new))
    bad(ostinato("study", path, "--out", tmp_path / "out", data_dir=tmp_path / "data"), line)
    assert [p.name for p in tmp_path.iterdir()] == ["bad.yaml"]


@pytest.mark.slow
def test_a_budget_over_the_corpus_says_how_many_tokens_there_are(grid, data_dir, tmp_path):
    path = tmp_path / "long.yaml"
    path.write_text(grid.read_text().replace("tokens: 30720", "tokens: 1B"))
    result = ostinato("sweep", path, "--out", tmp_path / "out", data_dir=data_dir)
    assert result.returncode == 2 and "training tokens at context 32; lower tokens" in result.stderr
    assert not (tmp_path / "out").exists()


@pytest.mark.slow
def test_a_directory_without_text_is_named(grid, tmp_path):
    empty = tmp_path / "empty"
    empty.mkdir()
    path = tmp_path / "empty.yaml"
    lines = grid.read_text().splitlines()
    path.write_text(
        "\n".join(f"  corpus: text_files:{empty}" if "corpus: text" in x else x for x in lines)
    )
    result = ostinato("sweep", path, "--out", tmp_path / "out", data_dir=tmp_path / "data")
    assert result.returncode == 2 and str(empty) in result.stderr and result.stderr.count("\n") == 1
    assert not (tmp_path / "out").exists()


@pytest.mark.slow
def test_an_output_directory_of_another_grid_is_refused(studied, grid, data_dir, tmp_path):
    out = studied
    before = (out / "grid.yaml").read_text()
    other = tmp_path / "other.yaml"
    other.write_text(grid.read_text().replace("name: tiny", "name: huge"))
    bad(
        ostinato("sweep", other, "--out", out, data_dir=data_dir),
        "holds the study 'tiny', not 'huge'",
    )
    other.write_text(grid.read_text().replace("[8, 40]", "[8, 30]"))
    bad(ostinato("sweep", other, "--out", out, data_dir=data_dir), "repeats: 40 is gone")
    assert (out / "grid.yaml").read_text() == before


@pytest.mark.slow
@pytest.mark.usefixtures("studied")
def test_a_study_is_not_continued_on_other_text(grid, text_corpus, tmp_path):
    text = shutil.copytree(text_corpus.removeprefix("text_files:"), tmp_path / "text")
    path, out = tmp_path / "tiny.yaml", tmp_path / "out"
    one = grid.read_text().replace(text_corpus, f"text_files:{text}").replace("[16, 32]", "[16]")
    path.write_text(one)
    select = ("--select", "repeats == 0")
    prepare(path, tmp_path / "data")
    ostinato("sweep", path, "--out", out, *select, data_dir=tmp_path / "data", check=0)
    (text / "more.txt").write_text("Text that was not there when the first run was trained.")
    prepare(path, tmp_path / "data")
    result = ostinato("sweep", path, "--out", out, data_dir=tmp_path / "data")
    assert result.returncode == 2 and result.stderr.count("\n") == 1
    assert f"is not the text that {out} was trained on" in result.stderr
    states = [status["state"] for _, status in StudyDirectory(out).statuses()]
    assert states.count("done") == 1 and states.count("pending") == len(states) - 1


def test_other_bad_input_is_one_line(grid, tmp_path):
    (tmp_path / "file").write_text("x")
    bad(ostinato("plan", "quik"), "quik: unknown grid; did you mean quick")
    bad(ostinato("plan", tmp_path / "no.yaml"), "no such grid file")
    bad(
        ostinato("plan", grid, "--select", "parms > 1"),
        "parms: unknown column; did you mean params",
    )
    bad(ostinato("plan", grid, "--select", "params > 1e12"), "no run of tiny matches")
    bad(ostinato("sweep", grid, "--out", tmp_path), "is not empty and holds no study")
    bad(ostinato("status", tmp_path / "no"), "holds no study")
    bad(ostinato("train", grid, "zzz", "--out", tmp_path / "o"), "zzz names 0 runs")


REFUSED = [
    ("sweep quick --out x --jobs 0", "--jobs: give 1 or more (given: '0')", "; see ostinato sweep"),
    ("sweep quick --out x --jobs two", "--jobs: give a whole number (given: 'two')", "; see "),
    (
        "plan quick --utilisation 3",
        "--utilisation: give 1 or less (given: '3')",
        "; see ostinato plan",
    ),
    (
        "fit power x.csv --delta wide",
        "--delta: give a number (given: 'wide')",
        "; see ostinato fit",
    ),
    (
        "report x --port 99999",
        "--port: give 65535 or less (given: '99999')",
        "; see ostinato report",
    ),
    (
        "duplicates zipf --on-bad-record x",
        "--on-bad-record: 'x' is not one of 'refuse', 'skip'",
        "; see ostinato duplicates",
    ),
    ("plan quick --json=no", "--json: does not take a value", "; see ostinato plan --help"),
    ("sweep quick --jbos 2", "--jbos: unknown option", "; did you mean --jobs?"),
    ("plan quick --zzz", "--zzz: unknown option", "--select"),
    ("sweep quick", "--out: missing", "; see ostinato sweep --help"),
    ("sweep", "GRID: missing", "; see ostinato sweep --help"),
    ("sweep quick --out", "--out: requires an argument", "; see ostinato sweep --help"),
    ("plan quick more", "got unexpected extra argument", "(more); see ostinato plan --help"),
    ("swep quick", "no such command 'swep'", "; did you mean 'sweep'?"),
    ("zzz", "no such command 'zzz'", "; see ostinato --help"),
]


@pytest.mark.parametrize(("command", "fault", "remedy"), REFUSED, ids=[c for c, *_ in REFUSED])
def test_what_the_parser_refuses_is_one_line(command, fault, remedy):
    result = ostinato(*command.split())
    bad(result, f"ostinato: {fault}")
    assert remedy in result.stderr


def test_a_value_of_several_lines_is_told_in_one():
    bad(ostinato("sweep", "quick", "--out", "x", "--jobs", "a\nb"), "--jobs: ")
    bad(ostinato("plan", "quick\nx"), "unknown grid")


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
