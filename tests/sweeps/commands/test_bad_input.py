"""Bad input is one clear line and an exit code, and nothing is written."""

import shutil

import pytest

from tests.sweeps.command_line import bad, ostinato, prepare, states

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
    found = states(out)
    assert found.count("done") == 1 and found.count("pending") == len(found) - 1


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
