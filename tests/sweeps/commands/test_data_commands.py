"""`ostinato audit` and `ostinato duplicates` on real corpora."""

import json
import shutil

import pandas as pd
import pytest
import yaml

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
    shard = next(private.glob("packed/text_files-*/*/train-*.npy"))
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
