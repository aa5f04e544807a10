import pytest
import yaml

from data_pipelines.errors import OstinatoError
from sweeps.grids.files import SHIPPED, demonstration, find_grid, load_plan
from sweeps.grids.grid import Grid
from sweeps.grids.plan import expand
from sweeps.grids.select import matches

BASE = {"tokens": "1M", "d_model": 32}


def grid(**fields) -> Grid:
    return Grid.parse({"name": "g", "base": BASE} | fields)


def test_axes_multiply_and_every_run_has_its_control_once():
    plan = expand(
        grid(
            axes={"d_model": [32, 64], "repeats": [10, 100], "seed": [0, 1]},
            base=BASE | {"repeated_fraction": 0.5},
        )
    )
    controls = [run for run in plan.runs if run.is_control]
    assert len(plan.runs) == 2 * 2 * 2 + 4 and plan.identical == 0
    assert {(run.d_model, run.seed) for run in controls} == {(32, 0), (32, 1), (64, 0), (64, 1)}
    for run in plan.runs:
        assert run.control() in controls


def test_zipped_lists_go_together():
    plan = expand(grid(zipped=[{"d_model": [32, 64], "tokens": ["1M", "2M"]}]))
    assert [(run.d_model, run.tokens) for run in plan.runs] == [(32, 999_424), (64, 1_998_848)]


def test_runs_beside_the_product_and_lists_in_them():
    plan = expand(
        grid(axes={"seed": [0, 1]}, runs=[{"d_model": [16, 24]}, {"d_model": 48, "seed": 7}])
    )
    assert [(run.d_model, run.seed) for run in plan.runs] == [
        (32, 0),
        (32, 1),
        (16, 0),
        (24, 0),
        (48, 7),
    ]
    assert [run.d_model for run in expand(grid(runs=[{"d_model": 48}])).runs] == [48]


def test_a_run_takes_probes_as_they_are_and_lists_of_them_as_an_axis():
    plan = expand(grid(runs=[{"probes": ["copying", "heads"]}, {"seed": 1, "probes": []}]))
    assert [(run.seed, run.probes) for run in plan.runs] == [(0, ("copying", "heads")), (1, ())]
    plan = expand(grid(runs=[{"probes": [["copying"], ["heads"], []], "seed": [0, 1]}]))
    assert [run.probes for run in plan.runs[::2]] == [("copying",), ("heads",), ()]
    pools = [{"fraction": 0.1, "repeats": 10}, {"fraction": 0.2, "repeats": 50}]
    _, treated = expand(grid(runs=[{"pools": pools}])).runs
    assert [pool.repeats for pool in treated.pools] == [10, 50]


def test_excluded_runs_are_left_out():
    plan = expand(
        grid(axes={"d_model": [32, 64], "seed": [0, 1]}, exclude=["params > 5e4 and seed == 1"])
    )
    assert [(run.d_model, run.seed) for run in plan.runs] == [(32, 0), (32, 1), (64, 0)]


def test_identical_runs_are_counted_and_trained_once():
    plan = expand(grid(axes={"learning_rate": [1 / 32, 0.01]}, runs=[{"learning_rate": 0.01}]))
    assert len(plan.runs) == 2 and plan.identical == 1


def test_a_value_more_on_an_axis_adds_runs_and_keeps_the_others():
    few = expand(grid(axes={"seed": [0, 1]}))
    more = expand(grid(axes={"seed": [0, 1, 2]}))
    assert {run.run_id for run in few.runs} < {run.run_id for run in more.runs}


@pytest.mark.parametrize("path", sorted(SHIPPED.glob("*.yaml")), ids=lambda path: path.stem)
def test_shipped_grids_expand(path):
    plan = load_plan(find_grid(path.stem))
    assert plan.grid.name == path.stem and plan.grid.description
    assert any(run.is_control for run in plan.runs)


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("name: g\nbase: {tokens: 1M, d_modle: 3}", "d_modle: unknown key; did you mean d_model"),
        ("name: g\nbsae: {}", "bsae: unknown key; did you mean base"),
        ("name: g\nbase: {tokens: 1M, d_model: wide}", "d_model: "),
        ("name: g\naxes: {seed: []}", "seed has no values"),
        ("name: g\naxes: {seed: [1, 1]}", "seed has a value twice"),
        ("name: g\naxes: {seed: [1]}\naxes: {seed: [2]}", "(line 3): axes is given twice"),
        ("name: g\nzipped: [{seed: [1, 2], d_model: [3]}]", "differ in length"),
        ("name: ../up", "name: "),
        ("base: {}", "name: field required"),
        ("- 1", "not a grid"),
        ("name: [", "(line 1)"),
        ("name: !!python/object/apply:os.system ['true']", "could not determine a constructor"),
        (
            "name: g\nbase: {tokens: 1M, d_model: 32}\nexclude: ['parms > 1']\naxes: {seed: [0]}",
            "parms: unknown column; did you mean params",
        ),
    ],
)
def test_bad_grids_are_one_line_that_names_file_and_key(tmp_path, text, line):
    path = tmp_path / "grid.yaml"
    path.write_text(text)
    with pytest.raises(OstinatoError) as error:
        load_plan(path)
    assert line in str(error.value) and "\n" not in str(error.value)


def test_an_unknown_grid_names_the_nearest():
    with pytest.raises(OstinatoError, match="quik: unknown grid; did you mean quick"):
        find_grid("quik")


RUN = {"params": 98304, "repeated_fraction": 0.5, "corpus": "pydocs", "seed": 1}


@pytest.mark.parametrize(
    ("expression", "holds"),
    [
        ("params < 1e6 and repeated_fraction == 0.5", True),
        ("not (params < 1e6)", False),
        ("seed in [0, 2] or corpus == 'pycode'", False),
        ("0 < seed <= 1", True),
        ("params / 2 > 49151", True),
        ("-seed == -1", True),
    ],
)
def test_expressions(expression, holds):
    assert matches(expression, RUN) is holds


@pytest.mark.parametrize(
    "expression",
    [
        "__import__('os')",
        "corpus.upper() == 'X'",
        "params <",
        "parms > 1",
        "[x for x in corpus]",
        "corpus < 1",
        "params / 0 > 1",
    ],
)
def test_expressions_that_are_none_are_refused(expression):
    with pytest.raises(OstinatoError, match=r"^select: "):
        matches(expression, RUN)


def test_a_grid_survives_yaml():
    written = grid(axes={"seed": [0, 1]})
    assert Grid.parse(yaml.safe_load(yaml.safe_dump(written.model_dump()))) == written


@pytest.mark.parametrize("whole", ["facts", "preferences"])
def test_what_is_shown_in_minutes_is_a_part_of_the_whole(whole):
    shown = demonstration(whole)
    assert shown == f"{whole}_quick"
    trained = [run for run in load_plan(find_grid(shown)).runs if run.stage == "pretraining"]
    assert set(trained) <= set(load_plan(find_grid(whole)).runs)


@pytest.mark.parametrize("given", ["quick", "mine.yaml", "facts_quick"])
def test_a_grid_without_a_version_of_minutes_is_its_own(given):
    assert demonstration(given) == given
