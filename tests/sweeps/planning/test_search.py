"""Layouts are found by the TPU compiler, without a TPU."""

import pandas as pd
import pytest

from data_pipelines.errors import OstinatoError
from scaling.config import RunConfig
from scaling.programs.layout import Layout
from sweeps.grids.files import find_grid, load_plan
from sweeps.planning import compiler, search
from sweeps.planning.accelerators import find_accelerator
from sweeps.planning.search import SHAPE, candidates, plan_shapes, weights
from tests.recorded import HOME

V5E = find_accelerator("v5e-8")


def config(**fields) -> RunConfig:
    small = {"d_model": 256, "tokens": "10M", "context": 1024, "batch_size": 16}
    small |= {"vocabulary": "sentencepiece:8192", "dtype": "bfloat16", "ood_corpus": None}
    return RunConfig.parse(small | fields)


def test_every_candidate_divides_and_the_fastest_comes_first():
    run = config(d_model=2048, batch_size=128, context=8192)
    layouts = list(candidates(run, V5E))
    for layout in layouts:
        layout.mesh(run, [object()] * V5E.chips)
    assert all(layout.fsdp == 8 for layout in layouts)  # 16 bytes of 1B weights fit no chip
    assert [layout.remat for layout in layouts] == sorted(layout.remat for layout in layouts)
    sizes = [layout.microbatch or 128 for layout in layouts if layout.remat]
    assert sizes == [128, 64, 32, 16, 8]


def test_small_models_are_on_every_chip_and_small_batches_share_heads():
    assert next(candidates(config(), V5E)) == Layout()
    assert next(candidates(config(batch_size=4), V5E)) == Layout(tensor=2)
    with pytest.raises(OstinatoError, match="batch_size: 3 sequences and 4 heads do not divide"):
        next(candidates(config(batch_size=3), V5E))


def test_without_the_compiler_it_is_said_how_to_install_it(monkeypatch, tmp_path):
    monkeypatch.setattr(compiler, "find_spec", lambda name: None)
    with pytest.raises(OstinatoError, match=r"libtpu.* is not installed; pip install 'ostinato"):
        plan_shapes([config()], V5E, tmp_path)


@pytest.mark.slow
@pytest.mark.usefixtures("among_namesakes")
def test_a_shape_is_compiled_once_for_all_its_runs(tmp_path, monkeypatch):
    small = {"d_model": 128, "context": 256, "attention_only": True, "repeated_fraction": 0.5}
    runs = [config(seed=seed, repeats=5 + seed, **small) for seed in range(3)]
    (found,) = plan_shapes(runs, V5E, tmp_path, utilisation=0.5)
    assert found.layout == Layout() and found.runs == 3 and found.tried == 1
    state = 16 * weights(runs[0]) * 3 / 4  # weights and moments, held between the steps
    assert state < found.memory < 16 * 2**30
    flops = 3 * runs[0].flops(8192)
    assert found.flops == flops
    assert found.chip_hours == pytest.approx(flops / (197e12 * 0.5) / 3600)
    assert found.cost == pytest.approx(found.chip_hours * 1.2)
    monkeypatch.setattr(compiler, "_ask", lambda question: pytest.fail("compiled again"))
    again = runs[0].model_copy(update={"learning_rate": 0.5, "tokens": 10**6})
    assert plan_shapes([again], V5E, tmp_path)[0].memory == found.memory


@pytest.mark.slow
def test_what_does_not_fit_makes_way_for_a_smaller_microbatch(tmp_path, monkeypatch):
    # Tried from a layout on that only the compiler knows not to fit: 16 GiB of activations.
    run = config(
        d_model=128, context=512, batch_size=16384, vocabulary="bytes", attention_only=True
    )
    tried = [Layout(), Layout(microbatch=64)]
    monkeypatch.setattr(search, "candidates", lambda run, accelerator: iter(tried))
    (found,) = plan_shapes([run], V5E, tmp_path)
    assert found.layout == tried[1] and found.tried == 2 and found.memory < 16 * 2**30


@pytest.mark.parametrize("accelerator", ["v5e-8", "v5p-16", "v6e-8"])
def test_the_papers_sizes_are_planned_to_the_end(accelerator):
    """The recorded tables are of the grid that ships, and every size fits."""
    file = HOME / "plans" / f"hernandez2022-{accelerator}.csv"
    table = pd.read_csv(file, keep_default_na=False, dtype={"layout": str})
    runs = load_plan(find_grid("hernandez2022")).runs
    shapes = list(dict.fromkeys(tuple(getattr(run, name) for name in SHAPE) for run in runs))
    assert len(table) == len(shapes) == 8 and table.fits.all()
    assert (table.memory_gib < table.hbm_gib).all()
    for row, shape in zip(table.itertuples(), shapes, strict=True):
        group = [run for run in runs if tuple(getattr(run, name) for name in SHAPE) == shape]
        assert (row.params, row.runs) == (group[0].params, len(group))
        assert row.flops == pytest.approx(sum(r.flops(r.vocabulary_size) for r in group))
        Layout.read(row.layout).mesh(group[0], [object()] * 8)
    row = f"| {accelerator} | {table.chip_hours.sum():,.0f} | {round(table.cost.sum(), -3):,.0f} |"
    assert row in (HOME.parent.parent / "README.md").read_text()
