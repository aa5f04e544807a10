"""Facts in a run's stream: exactly as often as asked, true, at the same places whatever is repeated."""

import dataclasses

import numpy as np
import pytest

from data_pipelines.audit import audit
from data_pipelines.config import MixtureConfig
from data_pipelines.config.facts import SHORTEST_CONTEXT
from data_pipelines.corpora.synthetic.facts.lexicon import VALUE_TOKENS
from data_pipelines.corpora.synthetic.facts.wording import LONGEST, stated
from data_pipelines.errors import OstinatoError
from data_pipelines.identity import identity
from data_pipelines.prepare import prepare_data
from data_pipelines.stream import Batch, TrainingData, open_data
from tests.conftest import made_once

FIELDS = {
    "vocabulary": "words:300",
    "context": 32,
    "batch_size": 16,
    "tokens": 60 * 16 * 32,
    "exposures": [0, 1, 10, 50],
    "entities": [9, 20, 10, 8],
}


@pytest.fixture(params=["templates", "verbatim"])
def config(text_corpus, data_dir, request):
    config = MixtureConfig(corpus=text_corpus, statements=request.param, **FIELDS)
    with made_once(data_dir / f"facts-{request.param}") as to_make:
        if to_make:
            prepare_data(config, data_dir)
    return config


def repeating(config):
    more = {"repeated_fraction": 0.25, "repeats": 24}
    return MixtureConfig.model_validate(config.model_dump() | more)


@pytest.mark.slow
def test_the_audit_counts_each_statement_by_content(config, data_dir):
    for own in (config, repeating(config)):
        found = audit(open_data(own, data_dir), "run")
        assert found.faults == ()
        assert found.asked["statements"] == 20 + 100 + 400 == found.realised["statements"]
        assert found.realised["repeated_fraction"] == own.realised_fraction
    part = audit(open_data(config, data_dir), "run", stop=7)
    assert part.faults == () and "statements" not in part.asked


@pytest.mark.slow
def test_whatever_is_repeated_the_same_facts_stand_at_the_same_places(config, data_dir):
    plain, repeated = (open_data(own, data_dir) for own in (config, repeating(config)))
    first, second = (data.batches(0, config.steps) for data in (plain, repeated))
    assert np.array_equal(first.facts, second.facts)
    assert np.array_equal(first.tokens[first.facts], second.tokens[second.facts])
    assert not (second.repeated & second.facts).any()
    in_batch = first.facts.sum(axis=1)
    assert in_batch.max() - in_batch.min() <= 1
    rows = first.tokens[first.facts]
    assert (rows[:, 0] == 1).all() and len(rows) == len(plain.facts)
    assert len(stated(rows)[0]) == 520
    unmoved = ~first.facts & ~second.repeated
    assert np.array_equal(first.tokens[unmoved], second.tokens[unmoved])


def spoilt(data, change):
    """The same data with rows of the first batch that `change` has spoilt."""

    @dataclasses.dataclass(frozen=True)
    class Spoilt(TrainingData):
        def batches(self, start, stop, rows=slice(None)):
            batch = super().batches(start, stop, rows)
            tokens = batch.tokens.copy()
            if start == 0:
                change(tokens, batch.facts)
            return Batch(tokens, batch.repeated, batch.facts)

    return Spoilt(data.config, data.plan, data.store, data.facts)


def another_value(tokens, facts):
    row = tokens[tuple(np.argwhere(facts)[0])]
    place = np.flatnonzero(np.isin(row, VALUE_TOKENS))[0]
    row[place] = VALUE_TOKENS[(np.flatnonzero(row[place] == VALUE_TOKENS)[0] + 1) % 64]


def stated_in_filler(tokens, facts):
    tokens[tuple(np.argwhere(~facts)[0])] = tokens[tuple(np.argwhere(facts)[0])]


def cut(tokens, facts):
    tokens[tuple(np.argwhere(facts)[0])][4:] = 0


@pytest.mark.slow
@pytest.mark.parametrize("config", ["templates"], indirect=True)
@pytest.mark.parametrize(
    ("change", "faults"),
    [
        (another_value, ["false_statements: 1, asked 0", "entities_miscounted: 1, asked 0"]),
        (stated_in_filler, ["statements_elsewhere: 2, asked 0"]),
        (cut, ["false_statements: 1, asked 0"]),
    ],
)
def test_what_was_spoilt_is_named(config, data_dir, change, faults):
    found = audit(spoilt(open_data(config, data_dir), change), "spoilt").faults
    assert set(faults) <= set(found)


@pytest.mark.slow
@pytest.mark.parametrize("config", ["templates"], indirect=True)
def test_more_facts_than_the_budget_holds_are_refused(config, data_dir):
    small = MixtureConfig.model_validate(config.model_dump() | {"tokens": 10 * 16 * 32})
    with pytest.raises(OstinatoError, match="rows of facts and 0 of repeats are more than the 160"):
        open_data(small, data_dir)


def test_the_shortest_context_holds_the_longest_statement_and_both_its_ends():
    assert SHORTEST_CONTEXT + 1 == 1 + LONGEST + 1


def test_rungs_are_kept_ascending_and_a_run_without_facts_has_the_name_it_had():
    given = {"tokens": "1M", "vocabulary": "words:300"}
    up = MixtureConfig(exposures=[1, 30], entities=[5, 6], **given)
    assert up == MixtureConfig(exposures=["30", 1], entities=[6, 5], **given)
    assert up.facts_corpus == "facts/5x1_6x30-templates"
    plain = MixtureConfig(statements="verbatim", **given)
    assert plain.facts_corpus is None
    assert not {"exposures", "entities", "statements"} & identity(plain).keys()


@pytest.mark.parametrize(
    ("change", "line"),
    [
        ({"entities": [1]}, "entities: 1 for 2 rungs of exposures"),
        ({"exposures": [4, 4]}, "has a rung twice"),
        ({"exposures": [0], "entities": [5]}, "no entity is stated"),
        (
            {"vocabulary": "bytes"},
            "vocabulary: bytes has no token for each word .* give words:SIZE",
        ),
        ({"context": 13}, "context: 13 is too short for a statement .* give 14 or more"),
        ({"exposures": [-1, 5]}, "exposures.0: give 0 or more"),
    ],
)
def test_facts_that_cannot_be_are_refused_in_a_line(change, line):
    values = {"tokens": "1M", "vocabulary": "words:300", "exposures": [0, 5], "entities": [2, 2]}
    with pytest.raises(OstinatoError, match=line):
        MixtureConfig.parse(values | change)
