"""Which facts a run is told beside its corpus: a ladder of exposures, and how they are stated."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, model_validator

from data_pipelines.config.fields import Config, Count, parse_count
from data_pipelines.identity import Added

SHORTEST_CONTEXT = 14
"""Tokens that a statement may need, after the end of the one before and with its own."""

Exposures = Annotated[int, BeforeValidator(parse_count), Field(ge=0)]


class FactsConfig(Config):
    """Rungs of entities whose facts are known: every statement is seen exactly once, at the same
    places whatever else the run repeats. The rungs are kept ascending."""

    exposures: Annotated[tuple[Exposures, ...], Added(())] = Field(
        (),
        description="Times that the facts of each rung's entities are stated, 0 for never: a list; none without facts.",
    )
    entities: Annotated[tuple[Count, ...], Added(())] = Field(
        (), description="Entities of each rung: a list as long as exposures."
    )
    statements: Annotated[Literal["templates", "verbatim"], Added("templates")] = Field(
        "templates",
        description="How a fact is stated again: in words and an order that change, or always in the same.",
    )

    @model_validator(mode="before")
    @classmethod
    def _resolve_facts(cls, values: Any) -> Any:
        if not isinstance(values, dict):
            return values
        values = dict(values)
        if not values.get("exposures"):
            values.pop("statements", None)
            return values
        try:
            given = zip(map(parse_count, values["exposures"]), values["entities"], strict=True)
            rungs = sorted(given, key=lambda rung: rung[0])
            values |= {"exposures": [e for e, _ in rungs], "entities": [n for _, n in rungs]}
        except (KeyError, TypeError, ValueError):
            pass  # the checks below say what is wrong
        return values

    @model_validator(mode="after")
    def _rungs_are_sound(self):
        if len(self.exposures) != len(self.entities):
            raise ValueError(
                f"entities: {len(self.entities)} for {len(self.exposures)} rungs of exposures; give "
                "one for each"
            )
        if len(set(self.exposures)) < len(self.exposures):
            raise ValueError(f"exposures: {list(self.exposures)} has a rung twice; add them up")
        if self.exposures and not any(self.exposures):
            raise ValueError("exposures: no entity is stated; give a rung with some")
        return self

    @property
    def facts_corpus(self) -> str | None:
        """Name of the corpus of its statements, such as 'facts/512x0_512x10-templates'; None without."""
        rungs = zip(self.entities, self.exposures, strict=True)
        ladder = "_".join(f"{entities}x{exposures}" for entities, exposures in rungs)
        return f"facts/{ladder}-{self.statements}" if ladder else None
