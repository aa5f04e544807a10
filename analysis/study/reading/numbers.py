"""Numbers as people write them: 1.3B, 1,234,567, 1.234.567, 2,35, 12 %, 3e9, 3×10^9.

Whether a comma or a point is the decimal mark is decided by a whole column, never by a cell: 1,234
is taken for what the other cells of its column, or else those of its table, show beyond doubt.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from analysis.errors import AnalysisError

MISSING = frozenset(
    ("", "na", "n/a", "#n/a", "<na>", "null", "none", "nil", "-", "--", "–", "—", "?", "missing")
)
DIVERGED = frozenset(
    (
        *("nan", "inf", "+inf", "-inf", "infinity", "-infinity", "∞", "diverged", "div", "-nan"),
        *("#num!", "#div/0!", "#value!", "#ref!"),
    )
)
MARKS = {"comma": ",", "point": "."}
"""The decimal mark by its name on the command line."""

_SIZES = {
    **dict.fromkeys(("k", "thousand", "thousands", "tsd"), 1e3),
    **dict.fromkeys(("m", "mm", "mn", "mio", "mil", "million", "millions"), 1e6),
    **dict.fromkeys(("b", "bn", "g", "mrd", "billion", "billions"), 1e9),
    **dict.fromkeys(("t", "tn", "trillion", "trillions"), 1e12),
    **dict.fromkeys(("p", "peta"), 1e15),
    **dict.fromkeys(("exa",), 1e18),
    **dict.fromkeys(("z", "zetta"), 1e21),
}
_NOUN = re.compile(r"\s*(tokens?|toks?|params?|parameters?|flops?)$")
_FLOPS = {"eflop": 1e18, "eflops": 1e18}
_CELL = re.compile(
    r"(?P<sign>[+-]?)\s*(?P<body>\d[\d.,\s'’_]*|[.,]\d+)"
    r"(?:e(?P<e>[+-]?\d{1,4})|\s*[x×*·]\s*10\s*(?:\^|\*\*)\s*(?P<power>[+-]?\d{1,4}))?"
    r"\s*(?P<unit>[a-z%][a-z% ]*)?$"
)
_POWER = re.compile(r"(?P<sign>[+-]?)10\s*(?:\^|\*\*)\s*(?P<power>[+-]?\d{1,4})$")
_SUPERSCRIPTS = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁻", "0123456789-")
_PERCENT = ("%", "percent", "per cent", "pct")


class AmbiguousError(AnalysisError):
    """A column that can be read in two ways."""


@dataclass(frozen=True)
class Parsed:
    """A column read. values: [rows], NaN where a cell is no number; bad: the rows whose cell is text
    that is neither a number nor a word for a missing one; said: what was understood, '' if plain."""

    values: np.ndarray
    bad: np.ndarray
    said: str = ""


@dataclass(frozen=True)
class _Number:
    """A cell taken apart; shows: the decimal mark that it proves, '?' where a single mark before three
    digits leaves it open, '' where it has none."""

    body: str
    factor: float
    percent: bool
    shows: str


def parse(name: str, cells: pd.Series, decimal: str | None = None, given: bool = False) -> Parsed:
    """The numbers in a column of text.

    cells: [rows], strings or missing; decimal: the mark (',' or '.') where the column itself shows
    none, `given` by the user or told by the table's other columns. Raises `AnalysisError` where
    cells contradict one another or the user, and where nothing tells 1,234 from 1.234.
    """
    codes, distinct = pd.factorize(cells)
    if not len(distinct):
        return Parsed(np.full(len(cells), np.nan), np.zeros(len(cells), bool))
    found = [_take_apart(str(cell)) for cell in distinct]
    marks = dict[str, str]()
    for place, number in enumerate(found):
        if isinstance(number, _Number) and number.shows in (",", "."):
            marks.setdefault(number.shows, str(distinct[place]))
    asked = {v: k for k, v in MARKS.items()}
    if given and decimal and set(marks) - {decimal}:
        other = next(mark for mark in marks if mark != decimal)
        raise AmbiguousError(
            f"{name}: {marks[other]!r} is not written with a decimal {asked[decimal]}; leave the "
            "decimal mark out, or repair that cell"
        )
    if len(marks) > 1:
        raise AmbiguousError(
            f"{name}: {marks['.']!r} has a decimal point and {marks[',']!r} a decimal comma in one "
            "column; write all of it in one way"
        )
    open_cells = [
        distinct[place]
        for place, number in enumerate(found)
        if isinstance(number, _Number) and number.shows == "?"
    ]
    mark = next(iter(marks), None) or decimal
    if mark is None:
        commas = [cell for cell in open_cells if "," in cell]
        if commas:
            whole = commas[0].replace(",", "")
            raise AmbiguousError(
                f"{name}: {commas[0]!r} can be {commas[0].replace(',', '.')} or {whole}, and nothing "
                "in the table tells which; say --decimal comma or --decimal point (decimal=...)"
            )
        mark = "."
    percents = [number.percent for number in found if isinstance(number, _Number)]
    if any(percents) and not all(percents):
        raise AmbiguousError(
            f"{name}: some cells are in per cent and some are not; write all of them in one way"
        )
    by = "" if marks else ", as told" if given else ", as other columns show"
    numbers = np.array([_value(number, mark) for number in found], float)
    text = np.array([number is None for number in found])
    # Missing cells have the code -1.
    values, bad = np.where(codes < 0, np.nan, numbers[codes]), (codes >= 0) & text[codes]
    return Parsed(values, bad, _said(distinct, found, numbers, mark, by))


def number(text: str) -> float:
    """One number, with units or separators, a point for its decimal mark; NaN where it is none."""
    found = _take_apart(text)
    return _value(found, ".") if isinstance(found, _Number) and found.shows != "," else np.nan


def mark_shown(cells: Iterable[str]) -> str | None:
    """The decimal mark that these cells show beyond doubt, if they are numbers and agree in one."""
    shown = set()
    for cell in cells:
        found = _take_apart(cell)
        if found is None:
            return None
        if isinstance(found, _Number) and found.shows in (",", "."):
            shown.add(found.shows)
    return shown.pop() if len(shown) == 1 else None


def size(unit: str) -> float | None:
    """What a unit's word multiplies by (M, billions, 1e9, PF-days), None where it is no such word."""
    word = unit.strip().lower().removeprefix("in ").removeprefix("x").removeprefix("×").strip()
    if word in ("pf-days", "pf-day", "petaflop/s-days", "pflop/s-days", "pf_days"):
        return 1e15 * 86_400
    if re.fullmatch(r"1e\d{1,2}", word) or re.fullmatch(r"10\^\d{1,2}", word):
        return float("1e" + re.split(r"e|\^", word)[1])
    return _size(word)


def _size(unit: str) -> float | None:
    if unit in _FLOPS:
        return _FLOPS[unit]
    bare = _NOUN.sub("", unit)
    return 1.0 if not bare and unit else _SIZES.get(bare.strip())


def _take_apart(cell: str) -> _Number | float | None:
    """A cell as a number taken apart, as NaN where it says that there is none, else None."""
    text = " ".join(cell.replace("−", "-").split()).strip().lower()
    if text.startswith('="') and text.endswith('"'):  # what Excel writes lest it read a number
        text = text[2:-1]
    text = text.removeprefix("'").strip()
    if text in MISSING or text in DIVERGED:
        return np.nan
    text = re.sub(r"[⁻⁰¹²³⁴⁵⁶⁷⁸⁹]+", lambda m: "^" + m[0].translate(_SUPERSCRIPTS), text)
    if power := _POWER.match(text):
        return _Number(power["sign"] + "1", 10.0 ** int(power["power"]), False, "")
    match = _CELL.match(text)
    if not match or (not text.isascii() and not re.sub("[×·’]", "", text).isascii()):
        return None
    unit, factor = (match["unit"] or "").strip(), 1.0
    percent = unit in _PERCENT
    if unit and not percent:
        found = _size(unit)
        if found is None:
            return None
        factor = found
    exponent = match["e"] or match["power"]
    shows = _mark(match["body"].strip(), exponent is not None)
    if shows is None:
        return None
    if exponent:
        factor *= 10.0 ** int(exponent) if abs(int(exponent)) < 300 else np.nan
    return _Number(match["sign"] + match["body"].strip(), factor, percent, shows)


def _mark(body: str, exponent: bool) -> str | None:
    """The decimal mark that a mantissa shows; '?' for 1,234 and 1.234, '' without marks, None for
    what is no number."""
    if re.search(r"[\s'’_]", body):
        grouped = re.fullmatch(r"\d{1,3}(?:([\s'’_])\d{3})(?:\1\d{3})*(?:([.,])\d*)?", body)
        return (grouped[2] or "") if grouped else None
    marks = re.sub(r"\d", "", body)
    if not marks:
        return ""
    if len(set(marks)) > 1:  # the last is the decimal mark, the others group
        last, other = marks[-1], marks[0]
        whole = body[: body.rindex(last)]
        return last if marks.count(last) == 1 and _grouped(whole, other) else None
    if len(marks) > 1:
        return _other(marks[0]) if _grouped(body, marks[0]) else None
    before, after = body.split(marks)
    is_open = 1 <= len(before) <= 3 and len(after) == 3 and before[0] != "0" and not exponent
    return "?" if is_open else marks


def _grouped(whole: str, mark: str) -> bool:
    """Whether an integer is grouped by thousands, or as in India by hundreds above the thousand."""
    groups = whole.split(mark)
    above = {len(group) for group in groups[1:-1]}
    return 1 <= len(groups[0]) <= 3 and len(groups[-1]) == 3 and (above <= {3} or above == {2})


def _other(mark: str) -> str:
    return "." if mark == "," else ","


def _value(number: _Number | float | None, mark: str) -> float:
    if not isinstance(number, _Number):
        return np.nan
    body = re.sub(r"[\s'’_]", "", number.body).replace(_other(mark), "").replace(mark, ".")
    value = float(body)
    if number.percent:
        return value / 100
    # 2.8 billion is 2.8e9, to the last digit.
    return (
        float(f"{value!r}e{round(np.log10(number.factor))}")
        if _is_power(value, number.factor)
        else (value * number.factor)
    )


def _is_power(value: float, factor: float) -> bool:
    if not factor > 0 or factor == 1 or "e" in repr(value) or not np.isfinite(factor):
        return False
    exponent = round(np.log10(factor))
    return 10.0**exponent == factor


def _said(distinct, found, numbers, mark: str, by: str) -> str:
    """'1.3B is 1.3e+09' and the like, an example of each thing that had to be understood."""
    kinds: dict[str, str] = {}
    for cell, number, value in zip(distinct, found, numbers, strict=True):
        if not isinstance(number, _Number):
            continue
        text, kind = " ".join(str(cell).split()), ""
        if number.percent:
            kind = "per cent"
        elif number.factor != 1 and not re.fullmatch(r"[\d.+-]+[eE][+-]?\d+", text):
            kind = "units"
        elif mark in number.body and mark == ",":
            kind = "decimal comma"
        elif _other(mark) in number.body or re.search(r"[\s'’_]", number.body):
            kind = "thousands"
        if kind and kind not in kinds:
            told = f"{value:.15g}" if value < 1e15 else f"{value:g}"
            why = by if number.shows == "?" else ""
            kinds[kind] = f"{text} is {told}{why}"
    return "; ".join(kinds.values())
