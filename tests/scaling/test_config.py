import pickle

import pytest

from data_pipelines.errors import OstinatoError
from scaling.config import RunConfig


def run(**fields) -> RunConfig:
    return RunConfig.parse({"tokens": "1M", "d_model": 64} | fields)


@pytest.mark.parametrize(
    ("d_model", "layers", "params"),
    [  # Hernandez et al. 2022; sizes quoted in the paper or implied by its family
        (256, 2, 1.57e6),
        (384, 3, 5.31e6),
        (512, 4, 12.6e6),
        (768, 6, 42.5e6),
        (1024, 8, 101e6),
        (1280, 10, 197e6),
        (1536, 12, 340e6),
        (2048, 16, 805e6),
    ],
)
def test_the_dial_gives_the_papers_family(d_model, layers, params):
    config = run(d_model=d_model)
    assert (config.layers, config.heads) == (layers, d_model // 64)
    assert config.params == 12 * layers * d_model**2
    assert config.params == pytest.approx(params, rel=5e-3)


def test_small_sizes_keep_two_layers_and_grow_in_order():
    family = [run(d_model=d) for d in (16, 32, 48, 64, 96, 128, 256)]
    assert all(config.layers >= 2 and config.d_model % config.heads == 0 for config in family)
    assert [c.params for c in family] == sorted({c.params for c in family})


def test_attention_only_models_have_a_third_of_the_params():
    assert run(attention_only=True).params * 3 == run().params


def test_a_copy_is_known_by_its_own_values():
    one = run(repeated_fraction=0.5, repeats=10)
    known = one.run_id
    for copied in (one.model_copy(), one.model_copy(deep=True), pickle.loads(pickle.dumps(one))):
        assert copied == one and hash(copied) == hash(one) and copied.run_id == known
    assert one.control().run_id == run().run_id != known == one.run_id


def test_a_run_is_known_by_its_resolved_config():
    assert run().run_id == run(layers=2, learning_rate=1 / 64, repeats=5).run_id
    assert run(head_size=None, mlp="gelu").run_id == run().run_id != run(mlp="swiglu").run_id
    ids = {run().run_id, run(seed=1).run_id, run(layers=3).run_id, run(weight_decay=0).run_id}
    assert len(ids) == 4
    config = run(repeated_fraction=0.5, repeats=10)
    assert RunConfig.model_validate_json(config.model_dump_json()) == config


def test_fields_younger_than_a_recorded_run_leave_its_id_alone():
    recorded = {"corpus": "pydocs", "tokens": 3_276_800, "repeated_fraction": 0.5, "repeats": 10}
    first = RunConfig.parse(recorded | {"d_model": 32})
    # As version 0.1.0 recorded it.
    assert first.run_id == "62fdb5d388be", "mark a new field as Added (data_pipelines.identity)"
    assert RunConfig.parse(recorded | {"d_model": 32, "dropout": 0}).run_id == first.run_id
    for changed in ({"dropout": 0.1}, {"smeared_keys": True}):
        assert RunConfig.parse(recorded | {"d_model": 32} | changed).run_id != first.run_id


def test_a_control_differs_in_repetition_alone():
    treated = run(repeated_fraction=0.5, repeats=10, order="even", seed=3)
    control = treated.control()
    assert control.is_control and control.run_id == run(seed=3).run_id


def test_flops_are_six_per_weight_and_token_plus_attention():
    config = run(d_model=512, context=128)
    assert config.flops(0) == pytest.approx(6 * config.params * config.tokens, rel=0.05)
    assert config.flops(1000) - config.flops(0) == 6 * config.tokens * 1000 * 512


@pytest.mark.parametrize(
    ("fields", "line"),
    [
        ({"d_model": 200}, "d_model: 200 is no width of the family"),
        ({"heads": 5}, "heads: 5 does not divide d_model 64"),
        ({"d_model": 66, "layers": 2, "heads": 22}, "heads: 22 gives heads of odd size 3"),
        ({"d_model": "wide"}, "d_model: "),
        ({"learning_rate": 0}, "learning_rate: "),
        ({"dtype": "float16"}, "dtype: "),
        ({"learning_rat": 1}, "learning_rat: unknown key; did you mean learning_rate?"),
    ],
)
def test_bad_fields_are_named_in_one_line(fields, line):
    with pytest.raises(OstinatoError) as error:
        run(**fields)
    assert str(error.value).startswith(line) and "\n" not in str(error.value)
