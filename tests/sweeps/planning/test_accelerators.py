import pytest

from data_pipelines.errors import OstinatoError
from sweeps.planning.accelerators import find_accelerator


@pytest.mark.parametrize(
    ("name", "canonical", "chips", "topology"),
    [
        ("v5e-8", "v5e-8", 8, "v5e:2x4"),
        ("v5litepod-8", "v5e-8", 8, "v5e:2x4"),
        ("tpu-v6e-16", "v6e-16", 16, "v6e:4x4"),
        ("v5p-16", "v5p-16", 8, "v5p:2x2x2"),  # its name counts cores
    ],
)
def test_a_slice_by_any_of_its_names(name, canonical, chips, topology):
    found = find_accelerator(name)
    assert (found.name, found.chips, found.topology) == (canonical, chips, topology)


@pytest.mark.parametrize("name", ["v5e-9", "v5p", "h100", "v5e:8"])
def test_an_unknown_slice_is_answered_with_the_nearest(name):
    with pytest.raises(OstinatoError, match=rf"{name}: unknown accelerator; (did you mean|known:)"):
        find_accelerator(name)


def test_prices_can_be_replaced(tmp_path):
    prices = tmp_path / "prices.yaml"
    prices.write_text("v5e: 0.25\n")
    assert find_accelerator("v5e-8", prices).price == 0.25
    assert find_accelerator("v6e-8", prices).price == find_accelerator("v6e-8").price > 0


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("v5e: -1", "prices: -1.0 for v5e; give dollars"),
        ("v5x: 1", "prices: v5x: unknown generation; did you mean"),
        ("- v5e", "is no YAML of generation to dollars"),
        ("v5e: cheap", "is no YAML of generation to dollars"),
    ],
)
def test_a_price_list_that_is_none_is_refused(text, fault, tmp_path):
    (tmp_path / "prices.yaml").write_text(text)
    with pytest.raises(OstinatoError, match=fault):
        find_accelerator("v5e-8", tmp_path / "prices.yaml")
