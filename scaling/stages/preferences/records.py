"""Records of what learns from comparisons, and how a grid asks for them.

A comparison takes the place of a sequence: U pairs seen `epochs` times are a pool of U repeated as
often, by the plan of any run.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, ClassVar, Literal

from pydantic import BeforeValidator, Field, model_validator

from data_pipelines.config import Count
from data_pipelines.config.comparisons import CONTEXT, SIDE, ComparedCorpus
from data_pipelines.errors import OstinatoError
from scaling.config import RunConfig
from scaling.record import Record
from scaling.stages.stage import Following

CALIBRATION = "preference_calibration"
"""Table of what is predicted of held-out comparisons, and how often it is so."""


class RankingConfig(RunConfig):
    """What learns to rank two responses; without `of` from initial weights."""

    @model_validator(mode="after")
    def _reads_comparisons(self):
        ComparedCorpus.parse(self.corpus)
        if self.context != CONTEXT or self.unit != "document":
            raise ValueError(
                f"context: {self.context} and unit {self.unit}, but a comparison is a document of "
                f"{CONTEXT} tokens; give context {CONTEXT} and unit document"
            )
        if self.probes:
            raise ValueError(f"probes: {self.stage} has none; leave them out")
        return self

    @property
    def compared(self) -> ComparedCorpus:
        """What it is trained on."""
        return ComparedCorpus.parse(self.corpus)

    @property
    def shape(self) -> tuple[Any, ...]:
        return (self.stage, *super().shape)

    @property
    def tables(self) -> tuple[str, ...]:
        return (CALIBRATION,)

    def flops(self, vocabulary_size: int) -> float:
        """As a language model's, of both sides of each comparison; the vocabulary is not asked."""
        per_token = 6 * self.params + 6 * self.layers * SIDE * self.attention_width
        return 2.0 * SIDE * self.total_sequences * per_token

    def columns(self) -> dict[str, Any]:
        """Its config and sizes, and what it compares."""
        about = self.compared
        return super().columns() | {
            "pairs": self.pool_size,
            "epochs": self.repeats,
            "comparisons": about.kind,
            "temperature": about.temperature,
        }


class PreferenceConfig(RankingConfig):
    """A preference model: a scalar off the trunk, by Bradley and Terry's loss."""

    stage: str = Field("preference_model", pattern="^preference_model$")


class PreferencePretrainingConfig(PreferenceConfig):
    """A preference model that another one begins with (Askell et al. 2021, section 4)."""

    stage: str = Field("preference_pretraining", pattern="^preference_pretraining$")
    binarised: bool = Field(
        False, description="Ask of each response whether it is good, not which of two is better."
    )

    @property
    def alike(self) -> dict[str, Any]:
        return super().alike | {"binarised": self.binarised}


class ImitationConfig(RankingConfig):
    """A language model fine-tuned on preferred responses, which it then ranks by their probability."""

    stage: str = Field("imitation", pattern="^imitation$")


def _several(value: Any) -> Any:
    return value if isinstance(value, list | tuple) else [value]


_OneOrMore = BeforeValidator(_several, json_schema_input_type=Count | list[Count])
Counts = Annotated[tuple[Count, ...], Field(min_length=1), _OneOrMore]


class Ranking(Following):
    """Learning from comparisons, with the final weights of the runs before and from scratch."""

    model: ClassVar[type[RankingConfig]]

    kind: Literal["samples", "levels", "binary"] = Field(
        "samples",
        description="The better of two responses by gold, the less corrupted of two, or the real one against one corrupted.",
    )
    temperature: float = Field(
        0.0, ge=0, description="Of a preference by gold: 0 for always the better one."
    )
    pairs: Counts = Field(
        description="Different comparisons that are trained on: one or several U."
    )
    epochs: Counts = Field((1,), description="Times that each of them is seen: one or several.")
    presentations: Count | None = Field(
        None, description="Most comparisons seen by a run, pairs x epochs; others are left out."
    )
    corpus_pairs: Count = Field(
        100_000, description="Comparisons that the corpus has, of which each seed draws its own."
    )
    batch_size: Count = Field(50, description="Comparisons in a training step.")
    # Of 0.03, 0.1, 0.3 and 1 the best at 1,000 and 4,000 pairs, from a control as from scratch.
    learning_rate_factor: float = Field(
        0.3, gt=0, description="Peak learning rate, as a share of pre-training's."
    )
    warmup_fraction: float = Field(0.1, ge=0, le=1, description="Share of steps to warm up in.")
    held_out: Count = Field(2048, description="Held-out comparisons that it is measured on.")
    evaluations: Count = Field(4, description="Evaluations, evenly spaced, the last at the end.")
    scratch: bool = Field(True, description="Whether to train one from scratch beside each.")

    def accepts(self, parent: Record) -> bool:
        """Pre-training on zipf in words, whose text has a true preference."""
        return (
            parent.stage == "pretraining"
            and isinstance(parent, RunConfig)
            and parent.corpus.startswith("zipf")
            and parent.vocabulary.startswith("words:")
        )

    def records(self, parent: Record, runs: Sequence[Record]) -> Sequence[Record]:
        """A run for each number of pairs and epochs, from `parent` and, where asked, from scratch."""
        assert isinstance(parent, RunConfig)
        found = []
        for pairs, epochs in ((u, e) for u in self.pairs for e in self.epochs):
            if self.presentations and pairs * epochs > self.presentations:
                continue
            values = self._values(parent, pairs, epochs)
            found.append(self.model.parse(values | {"of": parent.run_id}, "stages"))
            if self.scratch and parent.stage == "pretraining":
                found.append(self.model.parse(values, "stages"))
        return found

    def _values(self, parent: RunConfig, pairs: int, epochs: int) -> dict[str, Any]:
        if pairs * epochs % self.batch_size:
            raise OstinatoError(
                f"stages: pairs: {pairs} seen {epochs} times are no whole batches of "
                f"{self.batch_size}; give a multiple, or another batch_size"
            )
        corpus = ComparedCorpus.beside(
            parent.vocabulary_corpus, self.corpus_pairs, self.kind, self.temperature
        )
        values = parent.control().model_dump()
        values = {name: values[name] for name in RunConfig.model_fields}
        return values | {
            "stage": self.stage,
            "of": None,
            "corpus": str(corpus),
            "vocabulary_of": parent.vocabulary_corpus,
            "unit": "document",
            "context": CONTEXT,
            "batch_size": self.batch_size,
            "tokens": pairs * epochs * CONTEXT,
            "repeated_fraction": 1.0,
            "repeats": epochs,
            "order": "epochs",
            "exposures": (),
            "entities": (),
            "learning_rate": parent.learning_rate * self.learning_rate_factor,
            "warmup_fraction": self.warmup_fraction,
            "evaluations": self.evaluations,
            "evaluation_tokens": self.held_out * CONTEXT,
            "ood_corpus": None,
            "probes": (),
        }


class PreferenceModel(Ranking):
    """Preference models."""

    model: ClassVar = PreferenceConfig
    stage: str = Field("preference_model", pattern="^preference_model$")

    def accepts(self, parent: Record) -> bool:
        """Also a preference model that was trained to be begun with."""
        return super().accepts(parent) or parent.stage == "preference_pretraining"

    def _values(self, parent: RunConfig, pairs: int, epochs: int) -> dict[str, Any]:
        values = super()._values(parent, pairs, epochs)
        if isinstance(parent, PreferencePretrainingConfig):  # whose rate is a share already
            values["learning_rate"] = parent.learning_rate
        return values


class PreferencePretraining(Ranking):
    """Preference models that others begin with."""

    model: ClassVar = PreferencePretrainingConfig
    stage: str = Field("preference_pretraining", pattern="^preference_pretraining$")
    kind: Literal["samples", "levels", "binary"] = Field(
        "levels", description="As of preference models, of comparisons that are others."
    )
    binarised: bool = Field(
        False, description="Ask of each response whether it is good, not which of two is better."
    )
    scratch: bool = Field(False, description="Whether to train one from scratch beside each.")

    def _values(self, parent: RunConfig, pairs: int, epochs: int) -> dict[str, Any]:
        return super()._values(parent, pairs, epochs) | {"binarised": self.binarised}


class Imitation(Ranking):
    """Language models of preferred responses."""

    model: ClassVar = ImitationConfig
    stage: str = Field("imitation", pattern="^imitation$")
    scratch: bool = Field(False, description="Whether to train one from scratch beside each.")
