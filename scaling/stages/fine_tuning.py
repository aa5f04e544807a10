"""Fine-tuning: a language model goes on from the final weights of another run, on another corpus."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

from pydantic import Field

from data_pipelines.config import Count
from data_pipelines.errors import OstinatoError
from data_pipelines.identity import Added
from scaling.config import RunConfig
from scaling.record import Record
from scaling.stages.pretraining import compile_alone, run
from scaling.stages.stage import Following, Stage


class FineTuningConfig(RunConfig):
    """A run that begins with another run's final weights; the optimiser begins anew."""

    stage: Annotated[str, Added("fine_tuning")] = Field("fine_tuning", pattern="^fine_tuning$")
    of: Annotated[str, Added(None, first="pretrained_run")] = Field(
        pattern=r"^[0-9a-f]{12}$",
        description="Id of the run of the study whose final weights this one begins with.",
    )


class FineTuning(Following):
    """Runs that begin with the final weights of others, and one from scratch beside each."""

    stage: str = Field("fine_tuning", pattern="^fine_tuning$")
    corpus: str = Field(description="Corpus to fine-tune on.")
    tokens: Count = Field(description="Training tokens of fine-tuning.")
    learning_rate_factor: float = Field(
        0.5, gt=0, description="Peak learning rate, as a share of pre-training's."
    )
    warmup_fraction: float = Field(0.02, ge=0, le=1, description="Share of steps to warm up in.")

    def accepts(self, parent: Record) -> bool:
        """Pre-training on another corpus."""
        return parent.stage == "pretraining" and getattr(parent, "corpus", None) != self.corpus

    def records(self, parent: Record, runs: Sequence[Record]) -> tuple[RunConfig, RunConfig]:
        """The run fine-tuned from `parent`, and the same from scratch, at full learning rate and
        warm-up. The corpus of before is what their out-of-distribution loss is measured on."""
        assert isinstance(parent, RunConfig)
        if parent.vocabulary != "bytes":
            raise OstinatoError(
                f"stages: corpus: {self.corpus} has not the {parent.vocabulary} vocabulary of "
                f"{parent.corpus}; give vocabulary: bytes"
            )
        values = parent.control().model_dump()
        values |= {"corpus": self.corpus, "tokens": self.tokens, "ood_corpus": parent.corpus}
        tuned = values | {
            "stage": "fine_tuning",
            "of": parent.run_id,
            "learning_rate": parent.learning_rate * self.learning_rate_factor,
            "warmup_fraction": self.warmup_fraction,
        }
        return FineTuningConfig.parse(tuned, "stages"), RunConfig.parse(values, "stages")


FINE_TUNING = Stage("fine_tuning", FineTuningConfig, run, FineTuning, compile_alone)
