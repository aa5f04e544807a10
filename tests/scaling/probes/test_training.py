"""Probes while a model trains: what is told at each evaluation, and what is left as it was."""

from collections import Counter

import numpy as np
import pytest

from data_pipelines.errors import OstinatoError
from scaling.config import RunConfig
from scaling.loop import Interrupted
from scaling.probes.battery import Battery
from tests.scaling.compiling import noted
from tests.scaling.training import train

pytestmark = pytest.mark.slow

ALL = ("ablation", "copying", "heads", "in_context", "vectors")
FIELDS = {
    "d_model": 32,
    "evaluations": 3,
    "evaluation_tokens": 1024,
    "ood_corpus": None,
    "learning_rate": 0.02,
}


def trained(config, data_dir, **more):
    rows, details = [], []
    train(config, data_dir=data_dir, on_evaluation=rows.append, on_details=details.append, **more)
    return rows, details


@pytest.fixture(scope="module")
def config(mixture):
    return RunConfig.parse(mixture.model_dump() | FIELDS | {"probes": ALL})


@pytest.fixture(scope="module")
def probed(config, data_dir):
    return trained(config, data_dir)


def test_each_evaluation_has_the_probes_columns_as_finite_numbers(probed):
    columns = {"in_context_score", "copying_loss", "copying_gain", "random_copying_loss"}
    columns |= {
        "name_loss",
        "name_probability_last",
        "prefix_matching_score",
        "prefix_matching_sum",
    }
    columns |= {"prefix_matching_copying", "previous_token_score"}
    for row in probed[0]:
        assert columns <= row.keys()
        assert np.isfinite([row[name] for name in columns]).all()


def test_what_probes_compile_they_compile_for_the_first_run_of_a_kind(
    config, probed, data_dir, monkeypatch
):
    events, before, compile = noted(), [], Battery.compile

    def looked_at(battery):
        before.append(len(events))
        spent = compile(battery)
        before.append(len(events))
        return spent

    monkeypatch.setattr(Battery, "compile", looked_at)
    rows, _ = trained(config.model_copy(update={"seed": 1}), data_dir)
    start, end = before
    assert start == end == len(events) and rows[0].keys() == probed[0][0].keys()


def test_what_probes_run_they_have_compiled_before_a_run_begins(config, data_dir, monkeypatch):
    another = config.model_copy(update={"d_model": 24})  # no other test's
    events, compiled = noted(), Counter()

    def during(name):
        function = getattr(Battery, name)

        def looked_at(*given):
            before = len(events)
            found = function(*given)
            compiled[name] += events[before:].count("backend_compile_duration")
            return found

        return looked_at

    for name in ("compile", "measure"):
        monkeypatch.setattr(Battery, name, during(name))
    trained(another, data_dir)
    assert compiled == {"compile": 2, "measure": 0}


def test_details_come_with_each_evaluation_and_ablations_and_patterns_at_the_end(probed, config):
    rows, details = probed
    often = {"positions", "copies", "heads", "vectors"}
    assert [set(found) for found in details[:-1]] == [often] * 3
    assert set(details[-1]) == often | {"ablations", "patterns"}
    for row, found in zip(rows, details, strict=True):
        assert {each["step"] for table in found.values() for each in table} == {row["step"]}
        assert len(found["heads"]) == config.layers * config.heads
        assert len(found["positions"]) == config.context
        mean = np.mean([each["loss"] for each in found["positions"]])
        assert mean == pytest.approx(row["test_loss"], rel=1e-5)
    singles = [each for each in details[-1]["ablations"] if each["kind"] == "head"]
    assert len(singles) == 2 * config.layers * config.heads


def test_probes_leave_training_as_it_is(probed, config, data_dir):
    plain, details = trained(config.model_copy(update={"probes": ()}), data_dir)
    assert not any(details)
    assert [row["test_loss"] for row in plain] == [row["test_loss"] for row in probed[0]]


def test_a_stopped_run_goes_on_to_the_same_findings(probed, config, data_dir, tmp_path):
    moments = [(1, "before it was compiled"), (2, "at step 0"), (4, r"at step [1-9]\d*")]
    for asked, moment in moments:
        with pytest.raises(Interrupted, match=f"^stopped {moment}$"):
            trained(config, data_dir, checkpoint_dir=tmp_path, should_stop=stop_at(asked))
    rows, details = trained(config, data_dir, checkpoint_dir=tmp_path)
    assert rows[-1]["copying_loss"] == probed[0][-1]["copying_loss"]
    assert details[-1] == probed[1][-1]


def stop_at(calls):
    """A question that is answered yes from its `calls`-th time on."""
    answers = iter([False] * (calls - 1))
    return lambda: next(answers, True)


def test_a_run_without_probes_has_the_name_it_had_and_one_with_them_another():
    plain = RunConfig(d_model=32, tokens=8192)
    assert plain == RunConfig(d_model=32, tokens=8192, probes=())
    dumped = plain.model_copy(update={"probes": ("heads",)})
    assert dumped.run_id != plain.run_id
    in_any_order = [RunConfig(d_model=32, tokens=8192, probes=p) for p in (ALL, ALL[::-1])]
    assert in_any_order[0].run_id == in_any_order[1].run_id


@pytest.mark.parametrize(("probes", "fault"), [(["ablation"], "add heads"), (["head"], "probes")])
def test_probes_that_cannot_be_are_refused(probes, fault):
    with pytest.raises(OstinatoError, match=fault):
        RunConfig.parse({"d_model": 32, "tokens": 8192, "probes": probes})
