"""Training on comparisons, a preference model or an imitator: what `loop.run` drives.

`LanguageModelling` with another program, measured by how it ranks held-out comparisons.
"""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, cast

import numpy as np

from data_pipelines.comparisons import check_disjoint, gold_of, sides
from data_pipelines.corpora.synthetic.preferences.comparisons import truth
from data_pipelines.stream import heldout
from scaling.checkpoints import final_params
from scaling.config import RunConfig
from scaling.loop import Clock, Evaluation, Lane, Surroundings
from scaling.probes.knowing import reliability
from scaling.probes.probe import Rows
from scaling.programs.comparing import Binarised, Comparing, Imitating
from scaling.programs.program import Program, program_for
from scaling.programs.step import State, Tally
from scaling.stages.language_modelling import LanguageModelling, mean, training_loss
from scaling.stages.preferences.records import (
    CALIBRATION,
    ImitationConfig,
    PreferenceConfig,
    PreferencePretrainingConfig,
    RankingConfig,
)


def training_of(lanes: Sequence[Lane], around: Surroundings) -> Ranked:
    """The training of these lanes, all of one stage.

    Raises OstinatoError as `LanguageModelling`, and where a prompt is trained on and held out.
    """
    imitates = isinstance(lanes[0].record, ImitationConfig)
    return (Imitation if imitates else PreferenceModelling)(lanes, around)


def kind_of(record: RunConfig) -> Callable[..., Program]:
    """What a run's program is."""
    if isinstance(record, PreferencePretrainingConfig) and record.binarised:
        return Binarised
    if isinstance(record, PreferenceConfig):
        return Comparing
    return Imitating if isinstance(record, ImitationConfig) else Program


class Ranked(LanguageModelling, ABC):
    """The training of one lane or more."""

    def __init__(self, lanes: Sequence[Lane], around: Surroundings):
        self._records = [cast(RankingConfig, lane.record) for lane in lanes]
        self.kind = kind_of(self._records[0])
        super().__init__(lanes, around)
        self._layout = around.layout
        self._gold = []
        for record, data, own in zip(self._records, self._data, self._sets, strict=True):
            check_disjoint(
                training=data.pool(record.pool_size),
                held_out=own["test"],
                best_of_n=heldout(data.store, "validation", len(data.store.split("validation"))),
            )
            gold = gold_of(record, data.store, around.data_dir)
            better, worse = sides(own["test"]).swapaxes(0, 1)
            self._gold.append(gold(better) - gold(worse))

    def _inherited(self, own: Any, parent: RunConfig, checkpoints: Path) -> Any:
        devices = list(self._program.mesh.devices.flat)
        size = self._program.vocabulary_size
        program = program_for(parent, size, self._layout, devices, kind_of(parent))
        found = final_params(parent, checkpoints, program.abstract_state)
        return {name: found.get(name, weight) for name, weight in own.items()}

    def evaluate(self, state: State, step: int, clock: Clock) -> list[Evaluation]:
        start = time.perf_counter()
        told = {
            name: self._lanes.token_losses(state, [own.get(name) for own in self._sets])
            for name in ("test", "pool")
        }
        found = []
        for number, tally in enumerate(self._lanes.tallies(state)):
            rate = float(self._rates[number][step - 1]) if step else 0.0
            held_out, seen = (cast(np.ndarray, told[name][number]) for name in ("test", "pool"))
            row = _tallied(tally) | {"learning_rate": rate, "test_loss": None}
            row |= self._measured(held_out) | {
                f"pool_{name}": value for name, value in self._measured(seen).items()
            }
            difference = self._differences(held_out)
            row |= self._against_gold(difference, number)
            last = step == self.steps
            rows = self._calibration(difference, number) if last else []
            found.append(Evaluation(row, {CALIBRATION: rows} if rows else {}))
        clock.evaluate += time.perf_counter() - start
        return found

    def summary(self, state: State, number: int) -> dict[str, Any]:
        held_out = {"held_out": len(self._sets[number]["test"])}
        return super().summary(state, number) | held_out

    @abstractmethod
    def _differences(self, told_NxK: np.ndarray) -> np.ndarray:
        """By how much the preferred side of each comparison scores higher."""

    def _measured(self, told_NxK: np.ndarray) -> dict[str, float]:
        """Columns of comparisons."""
        return {"accuracy": _accuracy(self._differences(told_NxK))}

    def _against_gold(self, difference: np.ndarray, number: int) -> dict[str, float]:
        """Columns of held-out comparisons whose gold is known."""
        return {}

    def _calibration(self, difference: np.ndarray, number: int) -> Rows:
        return []


class PreferenceModelling(Ranked):
    """Preference models."""

    def _differences(self, told_NxK: np.ndarray) -> np.ndarray:
        scores = told_NxK.astype(np.float64).reshape(-1, 2)
        return scores[:, 0] - scores[:, 1]

    def _measured(self, told_NxK: np.ndarray) -> dict[str, float]:
        difference = self._differences(told_NxK)
        loss = float(np.logaddexp(0, -difference).mean())
        return super()._measured(told_NxK) | {"preference_loss": loss}

    def _against_gold(self, difference: np.ndarray, number: int) -> dict[str, float]:
        confidence = 1 / (1 + np.exp(-abs(difference)))
        about = reliability.measure(confidence, difference > 0)
        calibrated = {name: about[name] for name in ("rms_ce", "rms_ce_floor", "confidence_gap")}
        gold = self._gold[number]
        if len(gold) != len(difference):  # of single responses
            return calibrated
        length = np.linalg.norm(difference) * np.linalg.norm(gold)
        return calibrated | {
            "gold_accuracy": _accuracy(np.where(gold < 0, -difference, difference)),
            "gold_correlation": float(difference @ gold / length) if length else np.nan,
        }

    def _calibration(self, difference: np.ndarray, number: int) -> Rows:
        """A row a bin of held-out comparisons, the smallest differences first: the mean confidence
        sigmoid(|difference|), how often what scores higher is preferred, and its true probability."""
        confidence = 1 / (1 + np.exp(-abs(difference)))
        rows = reliability.bins(confidence, difference > 0)
        about, gold = self._records[number].compared, self._gold[number]
        chance = np.ones(len(difference))
        if about.kind == "samples" and len(gold) == len(difference):
            chance = truth(gold, about.temperature)
        chance = np.where(difference > 0, chance, 1 - chance)
        size = reliability.bins(confidence, abs(difference))
        true = reliability.bins(confidence, chance)
        return [
            row | {"difference": d["accuracy"], "truth": t["accuracy"]}
            for row, d, t in zip(rows, size, true, strict=True)
        ]


class Imitation(Ranked):
    """Imitators, ranking by the log-probability of a response."""

    def _differences(self, told_NxK: np.ndarray) -> np.ndarray:
        log_p = told_NxK.astype(np.float64)
        return log_p[:, 0] - log_p[:, 1]

    def _measured(self, told_NxK: np.ndarray) -> dict[str, float]:
        log_p = told_NxK.astype(np.float64)
        less = log_p[:, :2] - log_p[:, 2:]
        return super()._measured(told_NxK) | {
            "accuracy_less_unconditional": _accuracy(less[:, 0] - less[:, 1]),
            "response_log_p": float(log_p[:, 0].mean()),
        }


def _accuracy(difference: np.ndarray) -> float:
    """Share that is above zero; of what is zero, half."""
    return float(np.mean(difference > 0) + np.mean(difference == 0) / 2)


def _tallied(tally: Tally) -> dict[str, Any]:
    """Means since the last evaluation: nats a comparison, of an imitator a token."""
    return {"train_loss": training_loss(tally), "grad_norm": mean(tally.gradient_norm, tally.steps)}
