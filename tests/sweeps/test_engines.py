"""What engines render, without any of them at hand."""

import shlex

import pytest

from data_pipelines.errors import OstinatoError
from sweeps.engines import engine_named
from tests.sweeps.command_line import bad, ostinato


def test_a_batch_script_quotes_what_comes_from_the_user(grid, tmp_path):
    out, select = tmp_path / "a b;`x`", "repeats > 8 and corpus != '$(rm -rf /)'"
    script = ostinato(
        *("submit", grid, "--to", "slurm", "--out", out, "--dry-run", "--workers", 3),
        *("--select", select, "--time", "1-00:00:00", "--gpus", 1, "--data-dir", tmp_path / "$d"),
        check=0,
    ).stdout
    assert not out.exists()
    (command,) = (line for line in script.splitlines() if " sweep " in line)
    words = shlex.split(command)
    assert words[words.index("--select") + 1] == select
    assert words[words.index("--out") + 1] == str(out)
    assert words[words.index("--data-dir") + 1] == str(tmp_path / "$d")
    assert "#SBATCH --array=0-2" in script and "#SBATCH --gpus=1" in script


def test_bad_input_of_submit_is_one_line(grid, tmp_path, monkeypatch):
    asked = ("submit", grid, "--out", tmp_path / "out")
    bad(ostinato(*asked, "--to", "slrum"), "to: slrum: unknown engine; did you mean slurm")
    bad(ostinato(*asked, "--to", "slurm", "--time", "soon"), "time: ")
    bad(ostinato(*asked, "--to", "slurm", "--partition", "a;b"), "partition: ")
    bad(ostinato(*asked[:-1], "a\nb", "--to", "slurm"), "out: ")
    bad(ostinato(*asked, "--to", "slurm", "--select", "params > 1e12"), "no run of tiny matches")
    monkeypatch.setenv("PATH", str(tmp_path))
    bad(ostinato(*asked, "--to", "slurm", "--yes"), "slurm: sbatch is not on the PATH")
    bad(ostinato("logs", tmp_path), "no job was submitted")
    bad(ostinato("cancel", tmp_path), "holds no study")
    assert not (tmp_path / "out").exists()


def test_an_unknown_engine_names_the_nearest():
    with pytest.raises(OstinatoError, match="did you mean slurm"):
        engine_named("slurn")
