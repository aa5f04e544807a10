import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from data_pipelines.errors import OstinatoError
from sweeps.engines.accelerators import canonical
from sweeps.planning.accelerators import GPUS, find_accelerator, find_gpu


@pytest.mark.parametrize(
    ("name", "canonical", "chips", "topology"),
    [
        ("v5e-8", "v5e-8", 8, "v5e:2x4"),
        ("v5litepod-8", "v5e-8", 8, "v5e:2x4"),
        ("tpu-v6e-16", "v6e-16", 16, "v6e:4x4"),
        ("v5p-16", "v5p-16", 8, "v5p:2x2x2"),  # its name counts cores
        ("V5E:8", "v5e-8", 8, "v5e:2x4"),
        ("TPU v5 lite-8", "v5e-8", 8, "v5e:2x4"),
        ("TPUv5e 2x4", "v5e-8", 8, "v5e:2x4"),
        ("tpu-v5-lite-podslice:8", "v5e-8", 8, "v5e:2x4"),
        ("Trillium-8", "v6e-8", 8, "v6e:2x4"),
        ("v5p:2x2x2", "v5p-16", 8, "v5p:2x2x2"),
        ("v5p:4", "v5p-8", 4, "v5p:2x2x1"),  # no slice has 4 cores
    ],
)
def test_a_slice_by_any_of_its_names(name, canonical, chips, topology):
    found = find_accelerator(name)
    assert (found.name, found.chips, found.topology) == (canonical, chips, topology)


@pytest.mark.parametrize(
    ("name", "line"),
    [
        ("v5e-9", "v5e-9: unknown accelerator; did you mean v5e-8 or v5e-4?"),
        ("V5P-17", "V5P-17: unknown accelerator; did you mean v5p-16 or v5p-8?"),
        ("v5p", "v5p: unknown accelerator; v5p comes as v5p-8, v5p-16, "),
        ("v5p:16", "v5p:16 is not clear; 16 chips are v5p-32, 16 cores v5p-16"),
        ("v4-8", "v4-8: unknown accelerator; known: TPUs v5e, v5p, v6e (v5e-8), GPUs A100, "),
        ("T4x", "T4x: unknown accelerator; did you mean T4?"),
        ("t4", "accelerator: T4 is a GPU; give a TPU slice, such as v5e-8, v5p-8, v6e-8"),
    ],
)
def test_an_unknown_slice_is_answered_with_the_nearest_or_with_what_there_is(name, line):
    with pytest.raises(OstinatoError, match=re.escape(line)):
        find_accelerator(name)


@pytest.mark.parametrize(
    ("name", "gpu"),
    [
        *((kind.lower(), kind) for kind in GPUS),
        ("t4-2", "T4:2"),
        ("A100_80gb:8", "A100-80GB:8"),
        ("a100-80gb", "A100-80GB"),
        ("A100-40GB", "A100"),
        ("nvidia-tesla-t4", "T4"),
        ("nvidia-h100-80gb", "H100"),
        ("v5e-8", None),
        ("h100x", None),
    ],
)
def test_a_gpu_by_any_of_its_names(name, gpu):
    assert find_gpu(name) == gpu


@pytest.mark.parametrize("name", ["H100:0", "H100:", "H100:eight", "H100-17"])
def test_a_count_of_gpus_that_is_none_is_answered_with_one_that_is(name):
    with pytest.raises(OstinatoError, match=rf"^accelerator: {name} is no H100 .* write H100:8$"):
        find_gpu(name)


def test_the_memory_of_a_gpu_is_not_taken_for_a_count():
    with pytest.raises(OstinatoError, match="write A100:8, or A100-80GB"):
        find_gpu("A100-80")


_HEADS = st.sampled_from(["tpu-", "TPU ", "v5e", "v5p", "V6E", "v4", "a100", "T4", "80GB", ""])


@pytest.mark.slow
@given(
    st.one_of(st.text(max_size=12), st.tuples(_HEADS, _HEADS, st.text("-:_ x0189")).map("".join))
)
def test_any_name_is_known_or_refused_and_never_answered_with_itself(name):
    try:
        assert canonical(canonical(name)) == canonical(name)
    except OstinatoError as error:
        _, _, meant = str(error).partition("did you mean ")
        assert not meant or name.strip().lower() not in meant.rstrip("?").lower().split(" or ")


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
