"""What several findings ask of a study is computed once for it."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Concatenate, ParamSpec, TypeVar

from analysis.study.tables import Study

_Rest = ParamSpec("_Rest")
_Found = TypeVar("_Found")


def once_a_study(
    function: Callable[Concatenate[Study, _Rest], _Found],
) -> Callable[Concatenate[Study, _Rest], _Found]:
    """`function`, which keeps what it found with the study: nobody may change it."""

    @wraps(function)
    def remembering(study: Study, *rest: _Rest.args, **named: _Rest.kwargs) -> _Found:
        kept = study.__dict__.setdefault("_kept", {})  # as its cached properties are
        asked = (function, rest, tuple(sorted(named.items())))
        if asked not in kept:
            kept[asked] = function(study, *rest, **named)
        return kept[asked]

    return remembering
