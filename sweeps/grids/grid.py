"""Grids: what a study asks for.

A base config, axes that multiply, runs spelled out, and stages that follow them.
"""

from __future__ import annotations

from typing import Any, get_origin

from pydantic import Field, SerializeAsAny, field_validator, model_validator

from data_pipelines.config import Config
from scaling.config import RunConfig
from scaling.stages import Following, following


class Grid(Config):
    """What a grid file says; the keys of `base`, `axes`, `zipped` and `runs` are RunConfig's."""

    name: str = Field(pattern=r"^\w[\w.-]*$", description="Name of the study.")
    description: str = Field("", description="What the study asks, in a sentence or two.")
    base: dict[str, Any] = Field(default_factory=dict, description="Values that all runs share.")
    axes: dict[str, list[Any]] = Field(
        default_factory=dict, description="Lists of values that multiply."
    )
    zipped: list[dict[str, list[Any]]] = Field(
        default_factory=list,
        description="Groups of lists of one length that go together, and multiply.",
    )
    runs: list[dict[str, Any]] = Field(
        default_factory=list,
        description="Runs beside the product; a list in one multiplies as an axis does, of probes and "
        "pools, which are lists themselves, a list of lists.",
    )
    stages: list[SerializeAsAny[Following]] = Field(
        default_factory=list,
        description="What follows which of the runs, once they are done, one after the other.",
    )
    exclude: list[str] = Field(
        default_factory=list,
        description="Expressions; runs of the product that match one are left out.",
    )

    @model_validator(mode="before")
    @classmethod
    def _fine_tuning_is_a_stage(cls, values: Any) -> Any:
        """Grids of before there were other stages have a key of its own for it."""
        if isinstance(values, dict) and isinstance(values.get("fine_tuning"), list):
            values = dict(values)
            kind, entries = {"stage": "fine_tuning"}, values.pop("fine_tuning")
            named = [kind | entry if isinstance(entry, dict) else entry for entry in entries]
            values["stages"] = [*(values.get("stages") or []), *named]
        return values

    @field_validator("stages", mode="before")
    @classmethod
    def _of_their_stage(cls, entries: Any) -> Any:
        if not isinstance(entries, list):
            return entries
        return [following(entry) if isinstance(entry, dict) else entry for entry in entries]

    @field_validator("axes")
    @classmethod
    def _axes_are_sound(cls, axes: dict[str, list[Any]]) -> dict[str, list[Any]]:
        _check_axes(axes)
        return axes

    @field_validator("runs")
    @classmethod
    def _axes_of_runs_are_sound(cls, runs: list[dict[str, Any]]) -> list[dict[str, Any]]:
        for run in runs:
            _check_axes(axes_of(run))
        return runs

    @field_validator("zipped")
    @classmethod
    def _zipped_are_equally_long(
        cls, groups: list[dict[str, list[Any]]]
    ) -> list[dict[str, list[Any]]]:
        for group in groups:
            lengths = {name: len(values) for name, values in group.items()}
            if len(set(lengths.values())) > 1:
                raise ValueError(f"lists of one group differ in length: {lengths}")
            if not any(lengths.values()):
                raise ValueError(f"{', '.join(group) or 'a group'} has no values; give some")
        return groups


_LISTS = {
    name for name, field in RunConfig.model_fields.items() if get_origin(field.annotation) is tuple
}
"""Fields whose value is a list itself."""


def axes_of(run: dict[str, Any]) -> dict[str, list[Any]]:
    """The lists of a run of a grid that multiply."""
    return {
        name: value
        for name, value in run.items()
        if isinstance(value, list)
        and (name not in _LISTS or (value and all(isinstance(item, list) for item in value)))
    }


def _check_axes(axes: dict[str, list[Any]]) -> None:
    for name, values in axes.items():
        if not values:
            raise ValueError(f"{name} has no values; give some or leave it out")
        if len({repr(value) for value in values}) < len(values):
            raise ValueError(f"{name} has a value twice: {values}")
