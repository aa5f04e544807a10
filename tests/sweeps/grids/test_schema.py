"""The schema that editors get says what the models say."""

import jsonschema
import pytest
import yaml

from data_pipelines.errors import OstinatoError
from sweeps.grids.files import SHIPPED, load_plan
from sweeps.grids.schema import FILE, grid_schema, schema_text

GRIDS = sorted(SHIPPED.glob("*.yaml"))
VALIDATOR = jsonschema.Draft202012Validator(grid_schema())

BAD = [
    "name: g\nbase: {tokens: 1M, d_modle: 3}",
    "name: g\nbsae: {}",
    "name: g\nbase: {tokens: 1M, d_model: wide}",
    "name: g\nbase: {tokens: 0, d_model: 16}",
    "name: g\nbase: {tokens: 1M, d_model: 16, repeated_fraction: 1.5}",
    "name: g\nbase: {tokens: 1M, d_model: 16, repeated_fraction: 0.5, repeats: 2, order: backwards}",
    "name: g\naxes: {seed: []}",
    "name: ../up",
    "name: ..",
    "base: {}",
    "- 1",
]
GOOD = [
    "name: g\nbase: {tokens: 1M, d_model: 16}",
    "name: g\nbase: {tokens: 4.1e6}\naxes: {d_model: [16, 32], seed: [0, 1]}",
    "name: g\nzipped: [{tokens: [1M, 2M], d_model: [16, 32]}]\nexclude: ['seed > 0']",
    "name: g\nbase: {tokens: 1_000_000}\nruns: [{d_model: [16, 24]}, {d_model: 32, ood_corpus: null}]",
    "name: g\nbase: {tokens: 1M, d_model: 16, pools: [{fraction: 0.1, repeats: 5}]}",
]


def test_the_schema_is_one_and_lies_where_editors_find_it():
    jsonschema.Draft202012Validator.check_schema(grid_schema())
    assert FILE.read_text() == schema_text(), "ostinato schema > sweeps/grids/grid.schema.json"


@pytest.mark.parametrize("path", GRIDS, ids=lambda path: path.stem)
def test_shipped_grids_are_valid(path):
    VALIDATOR.validate(yaml.safe_load(path.read_text()))


@pytest.mark.parametrize("text", [*GOOD, *BAD])
def test_models_and_schema_agree(tmp_path, text):
    path = tmp_path / "grid.yaml"
    path.write_text(text)
    try:
        load_plan(path)
        valid = True
    except OstinatoError:
        valid = False
    assert valid == (text in GOOD)
    assert VALIDATOR.is_valid(yaml.safe_load(text)) == valid
