"""P(True): a run goes on from its final weights and learns to grade answers that it has sampled itself.

Kadavath et al. 2022, section 3, ask a large model as it is; one as small as these has to be taught what
it is asked. A row is `name attribute | five own samples | answer ?`, or the same without the samples, and
what is learnt is the probability of `True` against `False` after it, and nothing of the row itself: of
judges' facts alone, so that nothing false is ever said of the entities that are asked about. Samples and
answers are those of the run before, whose knowledge is in question.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import NamedTuple

import jax
import numpy as np

from data_pipelines.corpora.synthetic.facts.wording import Questions
from scaling.loop import Clock, Evaluation, Lane, Surroundings
from scaling.probes.probe import Rows
from scaling.programs.optimiser import Hyper, learning_rates
from scaling.programs.program import program_for
from scaling.programs.step import State
from scaling.stages.knowing.following import LONGEST, SHOWN
from scaling.stages.knowing.grader import grader_for
from scaling.stages.knowing.questions import GRADING, Answered, answered
from scaling.stages.knowing.scores import Predictions, tables
from scaling.stages.knowing.told import Asked, OfToldRun

BATCH = 32
"""Answers in a step."""


class Own(NamedTuple):
    """A model's answers to questions, one each, sampled at temperature 1."""

    asked: Asked
    samples_QxS: np.ndarray
    """What else it has sampled, values (0..63)."""
    answer_Q: np.ndarray

    @classmethod
    def drawn(cls, asked: Asked, seed: Sequence[int]) -> Own:
        """Fresh ones, independent of the samples beside them."""
        drawn = asked.sampled(SHOWN + 1, seed)
        return cls(asked, drawn[:, :SHOWN], drawn[:, SHOWN])

    @property
    def right_Q(self) -> np.ndarray:
        """Which are."""
        return self.answer_Q == self.asked.questions.value_Q

    def rows(self, shown_Q: np.ndarray, vocabulary_size: int) -> Answered:
        """To be graded, with the samples where they are `shown`."""
        samples = np.where(shown_Q[:, None], self.samples_QxS, -1)
        return answered(self.asked.questions, samples, self.answer_Q, vocabulary_size)


def predictions(own: Own, said: dict[int, np.ndarray]) -> list[Predictions]:
    """What is `said` of answers by the samples that are shown, and what they say of themselves."""
    by_name = {("p_true", shown): each for shown, each in said.items()}
    by_name["probability", 0] = own.asked.p_of(own.answer_Q)
    by_name["agreement", SHOWN] = (own.samples_QxS == own.answer_Q[:, None]).mean(axis=1)
    exposures, right = own.asked.exposures_Q, own.right_Q
    return [
        Predictions({"predictor": name, "shown": shown}, each, right, exposures, right)
        for (name, shown), each in by_name.items()
    ]


class Grading(OfToldRun):
    """The fine-tuning of one run, and what it says at its end of answers to those that are asked."""

    tokens_a_step = BATCH * LONGEST

    def __init__(
        self,
        lanes: Sequence[Lane],
        around: Surroundings,
        graded: int,
        passes: int,
        learning_rate: float,
    ):
        super().__init__(lanes, around)
        parent, self._size = self.parent, self.data.vocabulary_size
        larger = self._size + len(GRADING)
        self._grader = grader_for(program_for(parent, larger, around.layout, around.devices))
        self._graded, self._passes = graded, passes
        self.steps = max(1, graded * passes // BATCH)
        self.evaluations = {self.steps}
        tokens = self.steps * parent.batch_size * parent.context
        tuned = parent.model_copy(update={"tokens": tokens, "learning_rate": learning_rate})
        self._rates, self._hyper = learning_rates(tuned), Hyper.of(tuned)

    @property
    def abstract_state(self) -> State:
        return self._grader.program.abstract_state

    def compile(self) -> float:
        return self._grader.compile(BATCH, LONGEST)

    def begin(self) -> State:
        return self._grader.begin(self.params, self.parent.seed)

    def prepare(self, state: State) -> float:
        """Has the run before answer what is learnt from as well."""
        start = time.perf_counter()
        self.tell("answering")
        generator = np.random.default_rng((self.parent.seed, 2))
        judged = np.resize(generator.permutation(len(self.judged.row_Q)), self._graded)
        chosen = Questions(*(each[judged] for each in self.judged))
        own = Own.drawn(self.put(chosen), (self.parent.seed, 3))
        self._rows = own.rows(np.arange(self._graded) % 2 == 0, self._size)
        self._right = own.right_Q
        passes = [generator.permutation(self._graded) for _ in range(self._passes)]
        self._order = np.resize(np.concatenate(passes), (self.steps, BATCH))
        return time.perf_counter() - start

    def feed(self, start: int, stop: int) -> tuple[Answered, np.ndarray]:
        order_SxB = self._order[start:stop]
        return Answered(*(each[order_SxB] for each in self._rows)), self._right[order_SxB]

    def train(self, state: State, fed: tuple[Answered, np.ndarray], start: int, stop: int) -> State:
        return self._grader.train(state, *fed, self._rates[start:stop], self._hyper)

    def losses(self, state: State) -> list[float]:
        """Mean loss of True and False, nats an answer."""
        tally = jax.device_get(state.tally)
        return [float(tally.unique_loss / tally.steps) if tally.steps else np.nan]

    def rested(self, state: State) -> State:
        return state.replace(tally=jax.tree.map(lambda leaf: leaf * 0, state.tally))

    def evaluate(self, state: State, step: int, clock: Clock) -> list[Evaluation]:
        """At the end: before it has learnt what it is asked, there is nothing to measure."""
        if step < self.steps:
            return [Evaluation(dict.fromkeys(("train_loss", *_COLUMNS)), {})]
        start = time.perf_counter()
        self.tell("grading")
        own = Own.drawn(self.put(self.asked), (self.parent.seed, 4))
        said = {
            shown: self._grader.p_true(
                state.params, own.rows(np.full(len(own.answer_Q), shown > 0), self._size)
            )
            for shown in (SHOWN, 0)
        }
        found = tables("p_true", predictions(own, said))
        row = {"train_loss": self.losses(state)[0]} | _columns(found["p_true"])
        clock.probe += time.perf_counter() - start
        return [Evaluation(row, found)]


_MEASURED = ("auroc", "brier", "rms_ce", "rms_ce_floor", "n")
_COLUMNS = (*(f"p_true_{name}" for name in _MEASURED), "p_true_unshown_auroc", "probability_auroc")


def _columns(rows: Rows) -> dict[str, float]:
    """Of the results: all that are asked, with samples shown; without; the answers' own probability."""
    shown, unshown, own, _ = (row for row in rows if row["group"] == "all")
    values = [*(shown[name] for name in _MEASURED), unshown["auroc"], own["auroc"]]
    return dict(zip(_COLUMNS, values, strict=True))
