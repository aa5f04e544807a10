"""What stages of a run that was told facts begin with, and what of a `loop.Training` they have alike."""

from __future__ import annotations

from collections.abc import Sequence, Set
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np

from data_pipelines.corpora.synthetic.facts.wording import Questions, after_the_name
from data_pipelines.stream import open_data
from scaling.checkpoints import final_params
from scaling.config import RunConfig
from scaling.loop import Lane, Progress, Surroundings
from scaling.probes.knowing.answers import Answers, ask, draw
from scaling.programs.program import program_for
from scaling.stages.knowing.questions import halves


class Asked(NamedTuple):
    """Questions, and what a model says to them."""

    questions: Questions
    exposures_Q: np.ndarray
    """Of whom each asks."""
    answers: Answers

    @property
    def p_correct_Q(self) -> np.ndarray:
        """Exact probability that an answer is right."""
        return self.p_of(self.questions.value_Q)

    def p_of(self, value_Q: np.ndarray) -> np.ndarray:
        """The model's probability of an answer to each."""
        log_p = np.take_along_axis(self.answers.log_p_QxV, value_Q[:, None], axis=1)
        return np.exp(log_p[:, 0], dtype=np.float64)

    def sampled(self, count: int, seed: Sequence[int]) -> np.ndarray:
        """Answers at temperature 1, [Q, count]."""
        return draw(self.answers.log_p_QxV, count, seed)


class OfToldRun:
    """A stage of one lane, and the run that it is of: its program, its data, its final weights.

    Raises OstinatoError where that run's data is not there, or the layout does not fit it.
    """

    def __init__(self, lanes: Sequence[Lane], around: Surroundings):
        (self._lane,) = lanes
        assert self._lane.begins
        parent, self._place = self._lane.begins
        assert isinstance(parent, RunConfig)  # as a grid's entry accepts
        self.parent = parent
        self.data = open_data(parent, around.data_dir)
        assert self.data.facts
        self.truth = self.data.facts.truth
        self.subject = program_for(parent, self.data.vocabulary_size, around.layout, around.devices)
        self.device = self.subject.mesh.devices.flat[0]
        judges, asked = halves(self.truth)
        # Heads and graders are scored on entities that they have learnt nothing from.
        assert not np.intersect1d(judges, asked).size
        self.judged, self.asked = (after_the_name(self.truth, own) for own in (judges, asked))

    @cached_property
    def params(self) -> Any:
        """The weights that the run ended with."""
        return final_params(self.parent, self._place, self.subject.abstract_state)

    def put(self, questions: Questions) -> Asked:
        """Questions to the run's model."""
        exposures = self.truth.exposures_E[questions.entity_Q]
        return Asked(questions, exposures, ask(self.subject, self.params, questions))

    def tell(self, doing: str) -> None:
        """What is being done, in a word or two."""
        self._lane.on_progress(Progress(0, self.steps, np.nan, 0.0, np.nan, doing))

    # As `loop.Training` says; a measurement has no steps.

    steps, tokens_a_step = 0, 0
    evaluations: Set[int] = frozenset({0})

    @property
    def abstract_state(self) -> Any:
        return self.subject.abstract_state.params

    def compile(self) -> float:
        return 0.0

    def begin(self) -> Any:
        return self.params

    def join(self, states: Sequence[Any]) -> Any:
        return states[0]

    def lane(self, state: Any, number: int) -> Any:
        return state

    def prepare(self, state: Any) -> float:
        return 0.0

    def feed(self, start: int, stop: int) -> Any:
        return None

    def train(self, state: Any, fed: Any, start: int, stop: int) -> Any:
        return state

    def losses(self, state: Any) -> list[float]:
        return [np.nan]

    def rested(self, state: Any) -> Any:
        return state

    def summary(self, state: Any, number: int) -> dict[str, Any]:
        return {}
