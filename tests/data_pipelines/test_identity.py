"""What a record is known by, when its kind gains fields, renames one, and changes a default."""

from typing import Annotated

from data_pipelines.config import Config
from data_pipelines.identity import Added, Whereabouts, filled, identity


class First(Config):
    size: int
    rate: float = 0.5


class Second(First):
    """Two fields more, and the first version's `rate` has another default by now."""

    rate: float = 0.9
    kind: Annotated[str, Added("plain")] = "plain"
    parts: Annotated[tuple[int, ...], Added(())] = ()


class Third(Second):
    """What was a kind is a sort, and it is usually a fine one."""

    kind: Annotated[str, Added("plain", first="sort")] = "fine"


def test_a_field_that_says_what_was_so_before_is_no_part_of_it():
    before = identity(First(size=3))
    assert identity(Second(size=3, rate=0.5)) == before == {"size": 3, "rate": 0.5}
    assert identity(Second(size=3, rate=0.5, kind="fine")) == before | {"kind": "fine"}
    assert identity(Second(size=3, rate=0.5, parts=(1, 2))) == before | {"parts": [1, 2]}


def test_fields_of_the_first_version_are_part_of_it_at_any_default():
    assert identity(Second(size=3))["rate"] == 0.9


def test_a_default_that_changes_later_changes_nobody_s_identity():
    assert identity(Third(size=3, rate=0.5, kind="plain")) == identity(First(size=3))
    assert identity(Third(size=3)) == {"size": 3, "rate": 0.9, "sort": "fine"}


class Fourth(Third):
    """Reads a file."""

    lies_at: Annotated[str | None, Whereabouts()] = None


def test_where_something_lies_is_no_part_of_what_a_record_is():
    first, second = (Fourth(size=3, lies_at=place) for place in ("here", "there"))
    assert identity(first) == identity(second) == identity(Third(size=3))
    assert filled(Fourth, Third(size=3).model_dump())["lies_at"] is None
    assert filled(Fourth, first.model_dump())["lies_at"] == "here"


def test_what_an_older_version_wrote_is_filled_with_what_held_then():
    old = First(size=3).model_dump(mode="json")
    assert filled(Second, old) == old | {"kind": "plain", "parts": []}
    assert filled(Third, old | {"sort": "fine"})["kind"] == "fine"
    assert Second.model_validate(filled(Second, old)) == Second(size=3, rate=0.5)
