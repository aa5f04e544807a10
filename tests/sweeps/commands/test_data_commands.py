"""`ostinato audit` and `ostinato duplicates` on real corpora."""

import json
import shutil

import pandas as pd
import pytest
import yaml

from data_pipelines.stream import store_home
from sweeps.grids.files import load_plan
from tests.sweeps.command_line import bad, ostinato


@pytest.mark.slow
def test_an_audit_of_a_grid_says_what_was_asked_and_what_was_got(grid, data_dir):
    result = ostinato("audit", grid, "--json", "--no-near", data_dir=data_dir, check=0)
    audits = json.loads(result.stdout)
    assert len(audits) == 6 and not any(audit["faults"] for audit in audits)
    assert {tuple(audit["histogram"].items()) for audit in audits} == {
        (),
        (("8", 60),),
        (("40", 12),),
    }
    one = ostinato("audit", grid, audits[1]["run_id"], data_dir=data_dir, check=0)
    assert f"{audits[1]['run_id']}: the claim holds" in one.stdout


@pytest.mark.slow
def test_a_step_is_shown_as_text(grid, data_dir):
    result = ostinato("audit", grid, "--show-step", "3", data_dir=data_dir, check=0)
    lines = [
        line
        for line in result.stdout.splitlines()
        if line.split()[:1] and line.split()[0].isdigit()
    ]
    assert len(lines) == 16
    assert sum(" pool " in line for line in lines) == 8
    late = ostinato("audit", grid, "--show-step", "60", data_dir=data_dir)
    assert late.returncode == 2 and "show-step: 60 is past the end" in late.stderr


@pytest.mark.slow
def test_a_damaged_store_is_mended_before_it_is_audited(grid, data_dir, tmp_path):
    private = shutil.copytree(data_dir, tmp_path / "data")
    read = load_plan(grid).runs[0].data.mixture  # others' stores lie beside it
    shard = next(store_home(read.corpus, read, private).glob("*/train-*.npy"))
    whole = shard.read_bytes()
    shard.write_bytes(whole[:-10])
    ostinato("audit", grid, "--no-near", data_dir=private, check=0)
    assert shard.read_bytes() == whole


@pytest.mark.slow
def test_what_a_corpus_repeats_is_a_table_that_a_grid_takes_as_its_pools(grid, data_dir, tmp_path):
    text = tmp_path / "text"
    text.mkdir()
    lines = [
        f"line {i} of a text that says {i * 7919 % 10007} and {i * 31 % 997} things"
        for i in range(3000)
    ]
    lines += lines[:100] * 3 + lines[100:110] * 30
    (text / "all.jsonl").write_text("".join(f'{{"text": "{line}"}}\n' for line in lines))
    corpus, table = f"text_files:{text}", tmp_path / "pools.csv"
    result = ostinato(
        "duplicates", corpus, "--write", table, "--json", data_dir=tmp_path / "data", check=0
    )
    found = json.loads(result.stdout)
    assert {row["repeats"] for row in found["exact"]} == {1, 4, 31}
    pools = pd.read_csv(table)
    assert list(pools.columns) == ["repeats", "sequences", "tokens", "token_share"]

    values = yaml.safe_load(grid.read_text())
    del values["axes"]["repeats"], values["base"]["repeated_fraction"]
    values["base"]["pools"] = "pools.csv"
    path = tmp_path / "imitation.yaml"
    path.write_text(yaml.safe_dump(values))
    audits = json.loads(
        ostinato("audit", path, "--json", "--no-near", data_dir=data_dir, check=0).stdout
    )
    shares = pools[pools.repeats > 1]
    treated = [audit for audit in audits if audit["histogram"]]
    assert len(audits) == 4 and len(treated) == 2
    for audit in treated:
        assert {int(r) for r in audit["histogram"]} <= set(shares.repeats)
        assert audit["realised"]["repeated_fraction"] == pytest.approx(
            shares.token_share.sum(), abs=0.03
        )


@pytest.fixture
def folder(tmp_path):
    """Texts of a crawler, one of them four times, three that are none, under another name."""
    (tmp_path / "text").mkdir()
    texts = [
        f"text {n} says {n * 7919 % 10007} things to {n * 31 % 997} people" for n in range(300)
    ]
    lines = [json.dumps({"content": text}) for text in texts + texts[:1] * 3]
    lines += ['{"content": null}', '{"content": "\\ud800"}', "nonsense"]
    (tmp_path / "text" / "a.ndjson").write_text("\n".join(lines))
    return tmp_path / "text"


def test_duplicates_of_files_as_they_lie_about(folder, tmp_path):
    def asked(*options):
        return ostinato("duplicates", f"text_files:{folder}", *options, data_dir=tmp_path / "data")

    bad(asked(), "line 1 has no 'text' but content; name the field with text_field (--text-field)")
    bad(asked("--text-field", "content"), "line 304 has null in 'content', line 305 has a lone")
    options = ("--text-field", "content", "--on-bad-record", "skip")
    told = asked(*options).stdout
    assert f"text_files:{folder} all: 303 documents" in told
    causes = "1 broken JSON, 1 lone surrogate, 1 null"
    assert f"left out: 3 of 306 records ({causes})" in told
    found = json.loads(asked(*options, "--json").stdout)
    assert (found["split"], found["documents"], found["left_out"]["null"]) == ("all", 303, 1)
    assert {row["repeats"]: row["documents"] for row in found["exact"]} == {1: 299, 4: 1}
    bad(
        asked("--on-bad-record", "drop"),
        "--on-bad-record: 'drop' is not one of 'refuse', 'skip'; see ",
    )
    bad(
        asked("--vocabulary", "file:none.json"),
        "vocabulary: file:none.json cannot be read (No such",
    )
    assert [*(tmp_path / "data").iterdir()] == []


@pytest.mark.slow
def test_a_grid_says_how_its_files_are_read(grid, folder, tmp_path):
    values = yaml.safe_load(grid.read_text())
    values["base"] |= {"corpus": f"text_files:{folder}", "tokens": 1024, "context": 8}
    values["axes"] = {"d_model": [16], "repeats": [2]}
    path, data_dir = tmp_path / "grid.yaml", tmp_path / "data"
    path.write_text(yaml.safe_dump(values))
    refused = ostinato("audit", path, "--no-near", data_dir=data_dir)
    assert refused.returncode == 2 and "a.ndjson line 1 has no 'text' but content" in refused.stderr
    values["base"] |= {"text_field": "content", "on_bad_record": "skip"}
    path.write_text(yaml.safe_dump(values))
    told = ostinato("audit", path, "--no-near", data_dir=data_dir, check=0).stdout
    assert "303 documents" in told and "left out 1 broken JSON, 1 lone surrogate, 1 null" in told
    (manifest,) = data_dir.glob("packed/*/*/manifest.json")
    left_out = json.loads(manifest.read_text())["records_left_out"]
    assert left_out == {"broken JSON": 1, "lone surrogate": 1, "null": 1}
    again = ostinato("audit", path, "--no-near", data_dir=data_dir, check=0).stdout  # all is there
    assert f"{folder}: 3 records left out (1 broken JSON, 1 lone surrogate, 1 null)" in again
    told = ostinato("audit", path, "--no-near", "--json", data_dir=data_dir, check=0).stdout
    assert all(found["left_out"] == left_out for found in json.loads(told))
    values["base"]["on_bad_record"] = "drop"
    path.write_text(yaml.safe_dump(values))
    bad(ostinato("plan", path), "on_bad_record: give 'refuse' or 'skip' (given: ")


def test_bad_input_is_one_line(grid, tmp_path):
    bad(ostinato("audit", grid, "zzz", data_dir=tmp_path / "data"), "zzz is no run of tiny")
    bad(ostinato("duplicates", "pydoc", data_dir=tmp_path / "data"), "pydoc")
    bad(
        ostinato("duplicates", "pydocs", "--write", "x.txt", data_dir=tmp_path / "data"),
        "neither .csv nor",
    )
    values = (
        grid.read_text()
        .replace("repeated_fraction: 0.5", "pools: no.csv")
        .replace("repeats: [8, 40]", "seed: [0]")
    )
    (tmp_path / "grid.yaml").write_text(values)
    bad(ostinato("audit", tmp_path / "grid.yaml", data_dir=tmp_path / "data"), "no.csv is no table")
    assert not (tmp_path / "data").exists()
