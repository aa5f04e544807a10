import itertools
import multiprocessing
import time

import jax
import numpy as np
import orbax.checkpoint as ocp
import pandas as pd
import pytest

from data_pipelines.errors import OstinatoError
from scaling.checkpoints import Checkpoints
from scaling.config import RunConfig
from scaling.loop import Diverged
from scaling.stages.fine_tuning import FineTuningConfig
from sweeps.study.store import RunDirectory
from tests.scaling.training import train

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def config(mixture) -> RunConfig:
    fields = mixture.model_dump() | {
        "d_model": 32,
        "evaluations": 5,
        "evaluation_tokens": 1024,
        "ood_corpus": None,
        "learning_rate": 0.02,
    }
    return RunConfig.parse(fields)


@pytest.fixture(scope="module")
def finished(config, data_dir):
    rows = []
    summary = train(config, data_dir=data_dir, on_evaluation=rows.append)
    return rows, summary


def test_a_row_an_evaluation_from_before_the_first_step_to_after_the_last(finished, config):
    rows, _ = finished
    assert [row["step"] for row in rows] == [0, 12, 24, 36, 48, 60]
    assert [row["tokens"] for row in rows] == [step * 16 * 32 for step in range(0, 61, 12)]
    assert rows[0]["test_loss"] == pytest.approx(np.log(264), abs=0.5)
    assert rows[0]["train_loss"] is None and rows[-1]["ood_loss"] is None


def test_the_model_learns_and_learns_its_pool_better(finished):
    rows, summary = finished
    assert rows[-1]["test_loss"] < rows[0]["test_loss"] - 2
    assert summary["pool_loss"] < summary["test_loss"] - 0.05
    assert summary["repeated_loss"] < summary["unique_loss"]


def test_training_losses_average_to_the_whole(finished, config):
    f = config.realised_fraction
    for row in finished[0][1:]:
        whole = f * row["repeated_loss"] + (1 - f) * row["unique_loss"]
        assert row["train_loss"] == pytest.approx(whole, rel=2e-3)


def test_the_summary_accounts_for_the_wall_time(finished, config):
    _, summary = finished
    parts = [
        summary[f"{part}_seconds"] for part in ("compile", "feed", "train", "evaluate", "save")
    ]
    assert 0.5 * summary["seconds"] < sum(parts) <= summary["seconds"]
    assert summary["tokens_per_second"] == pytest.approx(config.tokens / summary["train_seconds"])
    assert summary["params"] == config.params and summary["pool_tokens"] == config.pool_tokens
    assert summary["params_total"] == config.params + 2 * 264 * 32


def test_a_run_cut_off_goes_on_to_the_same_end(finished, config, data_dir, tmp_path):
    class CutOff(Exception):
        pass

    def stop_at(step):
        def on_progress(progress):
            if progress.step >= step:
                raise CutOff

        return on_progress

    rows, starts = [], []

    def on_start(step):
        starts.append(step)
        rows[:] = [row for row in rows if row["step"] <= step]

    for step in (14, 15, 40, 10**9):
        try:
            summary = train(
                config,
                data_dir=data_dir,
                checkpoint_dir=tmp_path / "checkpoints",
                checkpoint_seconds=0,
                on_start=on_start,
                on_evaluation=rows.append,
                on_progress=stop_at(step),
            )
        except CutOff:
            continue
    assert starts[0] == 0 and starts == sorted(starts) and starts[-1] >= 24
    expected, _ = finished
    for got, want in zip(rows, expected, strict=True):
        assert {k: v for k, v in got.items() if k != "seconds"} == {
            k: v for k, v in want.items() if k != "seconds"
        }
    again = train(config, data_dir=data_dir, checkpoint_dir=tmp_path / "checkpoints")
    assert again["train_seconds"] == 0 and again["test_loss"] == summary["test_loss"]


def _train_into(place, config, data_dir):
    """What a process that will be killed does: each evaluation and each save as soon as may be."""
    run = RunDirectory(place, place / "claim")

    def note(progress):
        with (place / "progress").open("a") as file:
            print(progress.step, file=file)

    train(
        config,
        data_dir=data_dir,
        checkpoint_dir=run.checkpoints,
        checkpoint_seconds=0,
        on_start=lambda step: run.begin(config, step),
        on_evaluation=run.evaluation,
        on_progress=note,
    )


@pytest.mark.usefixtures("own_cache")
def test_killed_at_ten_moments_a_run_ends_bit_for_bit_as_if_it_had_not_been(
    mixture, data_dir, tmp_path, monkeypatch
):
    fields = {"d_model": 16, "layers": 1, "evaluations": 40, "evaluation_tokens": 512}
    fields |= {"ood_corpus": None}
    config = RunConfig.parse(mixture.model_dump() | fields)
    rng = np.random.default_rng(3)
    monkeypatch.setenv("JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS", "0")
    # A process that has imported all this starts the others, without JAX having computed in it.
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([__name__])

    def start(place):
        place.mkdir(exist_ok=True)
        process = context.Process(target=_train_into, args=(place, config, data_dir))
        process.start()
        return process

    def end_of(process) -> int:
        process.join(300)
        return process.exitcode

    assert end_of(start(tmp_path / "whole")) == 0
    killed, place = 0, tmp_path / "killed"
    progress = place / "progress"

    def noted() -> int:
        return len(progress.read_text().splitlines()) if progress.exists() else 0

    while killed < 10:
        process, until = start(place), noted() + int(rng.integers(1, 9))
        while process.exitcode is None and noted() < until:
            time.sleep(0.002)
        time.sleep(rng.uniform(0, 0.1))  # a save or a row may be half written
        process.kill()
        if end_of(process) == 0:
            break  # it came to its end before all ten
        killed += 1
    assert killed == 10
    assert end_of(start(place)) == 0
    rows, expected = (
        pd.read_parquet(directory / "metrics.parquet").drop(columns="seconds")
        for directory in (place, tmp_path / "whole")
    )
    assert rows.equals(expected) and len(rows) == 41
    taken_up = [int(a) for a, b in itertools.pairwise(progress.read_text().split()) if int(b) == 0]
    assert max(taken_up) > 10
    states = [
        ocp.StandardCheckpointer().restore(directory / "checkpoints" / str(config.steps) / "state")
        for directory in (tmp_path / "whole", place)
    ]
    for a, b in zip(*map(jax.tree.leaves, states), strict=True):
        assert np.array_equal(a, b)


def test_a_directory_for_checkpoints_that_cannot_be_made_is_said_before_anything_else(
    config, data_dir, tmp_path
):
    (tmp_path / "file").touch()
    notes = []
    with pytest.raises(
        OstinatoError, match=r"checkpoints: .*/file/x cannot be written \(.+\); give"
    ):
        train(
            config,
            data_dir=data_dir,
            checkpoint_dir=tmp_path / "file" / "x",
            on_progress=notes.append,
        )
    assert not notes


def test_a_bucket_that_cannot_be_written_is_said_in_one_line(config):
    with pytest.raises(
        OstinatoError, match=r"checkpoints: gs://ostinato.* cannot be written"
    ) as error:
        Checkpoints("gs://ostinato-bucket-that-nobody-made/runs", config)
    assert "\n" not in str(error.value)


def test_as_many_checkpoints_are_kept_as_asked(config, data_dir, tmp_path):
    train(config, data_dir=data_dir, checkpoint_dir=tmp_path, checkpoint_seconds=0, keep=3)
    assert sorted(int(path.name) for path in tmp_path.iterdir()) == [36, 48, 60]


def test_a_checkpoint_of_another_config_is_refused_by_field(config, data_dir, tmp_path):
    train(config, data_dir=data_dir, checkpoint_dir=tmp_path / "checkpoints")
    other = config.model_copy(update={"weight_decay": 0.3})
    with pytest.raises(
        OstinatoError, match=r"weight_decay: the checkpoint in .* was made with 0.1, not 0.3"
    ):
        train(other, data_dir=data_dir, checkpoint_dir=tmp_path / "checkpoints")


def test_a_control_sees_no_repeats_and_measures_a_pool_it_never_saw(config, data_dir):
    summary = train(config.control(), data_dir=data_dir)
    assert summary["repeated_loss"] is None and summary["pool_tokens"] == 0
    assert summary["pool_loss"] == pytest.approx(summary["test_loss"], abs=0.1)


def test_a_loss_that_is_not_finite_stops_the_run_and_names_the_step(config, data_dir):
    wild = config.model_copy(update={"learning_rate": 1e30})
    with pytest.raises(Diverged, match=r"loss is .* at step \d+; lower learning_rate"):
        train(wild, data_dir=data_dir)


def fine_tuned(config, **fields):
    """As `config`, but with the weights of another run."""
    return FineTuningConfig.parse(config.model_dump(exclude={"stage", "of"}) | fields)


def test_fine_tuning_begins_with_the_weights_of_another_run_and_a_new_optimiser(
    config, data_dir, tmp_path
):
    before = train(config, data_dir=data_dir, checkpoint_dir=tmp_path / "before")
    tuned = fine_tuned(config.control(), of=config.run_id, learning_rate=0.01)
    assert tuned.run_id != config.control().model_copy(update={"learning_rate": 0.01}).run_id
    rows = []
    asked = {"data_dir": data_dir, "begins": (config, tmp_path / "before")}
    train(tuned, **asked, on_evaluation=rows.append)
    assert rows[0]["step"] == 0
    assert rows[0]["test_loss"] == pytest.approx(before["test_loss"], rel=1e-6)
    assert rows[-1]["test_loss"] < before["test_loss"]


def test_fine_tuning_needs_the_end_of_the_run_before(config, data_dir, tmp_path):
    longer = config.model_copy(update={"tokens": config.tokens * 2})
    train(config, data_dir=data_dir, checkpoint_dir=tmp_path)
    tuned = fine_tuned(config, of=longer.run_id)
    with pytest.raises(OstinatoError, match=f"of: {longer.run_id} has no final"):
        train(tuned, data_dir=data_dir, begins=(longer, tmp_path))
