"""Which code a result comes from: in a checkout, in an archive of it, and beside somebody else's."""

import runpy
import shutil
import subprocess
import tarfile
from pathlib import Path

import pandas as pd

import sweeps
from sweeps.grids.files import load_plan
from sweeps.study.store import StudyDirectory

FILES = (".gitattributes", "sweeps/study/provenance.py", "sweeps/study/commit.txt")


def test_the_commit_is_known_in_a_checkout_and_in_what_is_sent_to_machines(tmp_path):
    def git(*arguments):
        identity = ("-c", "user.name=a", "-c", "user.email=a@b")
        command = ["git", *identity, "-C", tmp_path, *arguments]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()

    def commit_of(directory):
        return runpy.run_path(directory / "sweeps/study/provenance.py")["code_version"]()[
            "git_commit"
        ]

    git("init", "--quiet")
    (tmp_path / "sweeps/study").mkdir(parents=True)
    for name in FILES:
        shutil.copy(Path(sweeps.__file__).parents[1] / name, tmp_path / name)
    assert commit_of(tmp_path) is None  # beside somebody else's files
    git("add", ".")
    git("commit", "--quiet", "--message", "all of it")
    head = git("rev-parse", "HEAD")
    assert commit_of(tmp_path) == head
    git("archive", "--output", tmp_path / "code.tar", "HEAD")
    (tmp_path / ".gitattributes").write_text("")
    assert commit_of(tmp_path) == f"{head}-dirty"
    with tarfile.open(tmp_path / "code.tar") as archive:
        archive.extractall(tmp_path / "machine", filter="data")
    assert commit_of(tmp_path / "machine") == head


def test_each_run_of_a_study_that_grew_names_the_code_that_finished_it(grid, tmp_path, monkeypatch):
    study = StudyDirectory(tmp_path / "study")
    study.create(load_plan(grid), grid)
    first, second, third, *_ = study.plan.runs
    for run, commit in ((first, "earlier"), (second, "later")):
        code = {"ostinato_version": "9", "git_commit": commit}
        monkeypatch.setattr("sweeps.study.store.code_version", lambda code=code: code)
        study.run(run.run_id).begin(run, 0)
        study.run(run.run_id).finish({"test_loss": 1.0})
    status = study.run(third.run_id).path / "status.json"
    status.parent.mkdir()
    status.write_text('{"state": "done", "summary": {"test_loss": 1.0}}')  # of a version before
    results, _ = study.collect()
    commits = pd.Series(results["git_commit"].to_numpy(), index=results["run_id"])
    assert commits[first.run_id] == "earlier" and commits[second.run_id] == "later"
    assert commits[third.run_id] not in ("earlier", "later")
