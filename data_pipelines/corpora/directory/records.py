"""What a record is: a document's text, or bad for a cause that has a name."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, NamedTuple

from data_pipelines.config.reading import Reading

BROKEN, UNDECODABLE, RAGGED = "broken JSON", "undecodable bytes", "ragged row"
NO_FIELD, NULL, NOT_A_STRING = "no such field", "null", "not a string"
LIST, SURROGATE, EMPTY = "list of strings", "lone surrogate", "empty"

BOM = b"\xef\xbb\xbf"

_NAMED = 12
_ABSENT = object()
_KINDS = {bool: "true or false", int: "a number", float: "a number", list: "a list"}


class Bad(NamedTuple):
    """A record that is no document."""

    cause: str
    """By which it is counted: one of the names above."""
    where: str
    """Within its file, such as 'line 7'; empty of a file that is one record."""
    told: str
    """What is wrong, such as "'text' is null", after the place."""

    @property
    def is_of_all(self) -> bool:
        """Whether the next records have it as well, as the field is another."""
        return self.cause in (NO_FIELD, LIST)


def by_cause(counts: Mapping[str, int]) -> str:
    """How many records are bad for each cause, in a few words; nothing where none is."""
    return ", ".join(f"{count:,} {cause}" for cause, count in sorted(counts.items()))


def parse_json(line: bytes, where: str) -> Any | Bad:
    """The JSON value of a line of UTF-8."""
    try:
        return json.loads(line.decode().rstrip())
    except UnicodeDecodeError as error:
        return undecodable(where, error)
    except RecursionError:
        return Bad(BROKEN, where, "is JSON nested too deeply")
    except (
        ValueError
    ) as error:  # numbers of thousands of digits are refused with no JSONDecodeError
        reason = getattr(error, "msg", "a number too long").removesuffix(" at")
        at = f" at character {error.pos + 1}" if isinstance(error, json.JSONDecodeError) else ""
        return Bad(BROKEN, where, f"is broken JSON ({reason}{at})")


def document(record: Any, where: str, reading: Reading) -> str | Bad:
    """The text of a JSON record, at the field that `reading` names."""
    name = reading.text_field
    if not isinstance(record, dict):
        return Bad(NO_FIELD, where, f"is {kind_of(record)}, not an object with {name!r}")
    value = _at(record, name)
    if value is _ABSENT:
        return Bad(NO_FIELD, where, f"has no {name!r} but {listed(_names(record), '')}")
    return text(value, where, reading)


def text(value: Any, where: str, reading: Reading) -> str | Bad:
    """A field's value as text, UTF-8 bytes among them."""
    name = reading.text_field
    if isinstance(value, list) and all(isinstance(part, str) for part in value):
        if reading.join_lists is None:
            return Bad(LIST, where, f"has a list of strings in {name!r}")
        value = reading.join_lists.join(value)
    if isinstance(value, bytes):
        try:
            value = value.decode()
        except UnicodeDecodeError as error:
            return undecodable(where, error)
    if value is None:
        return Bad(NULL, where, f"has null in {name!r}")
    if not isinstance(value, str):
        return Bad(NOT_A_STRING, where, f"has {kind_of(value)} in {name!r}, not a string")
    if not value:
        return Bad(EMPTY, where, f"has nothing in {name!r}")
    if not value.isascii():
        try:
            value.encode()
        except UnicodeEncodeError as error:
            return Bad(SURROGATE, where, f"has a lone surrogate at character {error.start + 1}")
    return value


def undecodable(where: str, error: UnicodeDecodeError) -> Bad:
    """What bytes are that are not UTF-8."""
    utf16 = error.object[:2] in (b"\xff\xfe", b"\xfe\xff")
    return Bad(
        UNDECODABLE, where, f"is {'UTF-16, ' if utf16 else ''}not UTF-8 (byte {error.start})"
    )


def kind_of(value: Any) -> str:
    """What a JSON value is, in words."""
    if value is None:
        return "null"
    return _KINDS.get(
        type(value), "a string" if isinstance(value, str) else "an object or another value"
    )


def listed(names: list[str], remedy: str) -> str:
    """Names that there are in place of one that was looked for, and how to name another."""
    plain = ["".join(c if c.isprintable() else repr(c)[1:-1] for c in n) for n in names[:_NAMED]]
    shown = ", ".join(name if len(name) <= 40 else name[:39] + "…" for name in plain)
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return (shown or "nothing") + more + remedy


def _at(record: dict, name: str) -> Any:
    """The value of a field, first by its whole name, then a part at a time; null within is null."""
    if name in record:
        return record[name]
    value: Any = record
    for part in name.split("."):
        if value is None:
            return None
        if not isinstance(value, dict) or part not in value:
            return _ABSENT
        value = value[part]
    return value


def _names(record: dict, depth: int = 5) -> list[str]:
    names = []
    for name, value in record.items():
        inner = _names(value, depth - 1) if depth and isinstance(value, dict) else []
        names += [f"{name}.{key}" for key in inner] or [name]
    return names
