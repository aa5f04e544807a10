"""What `ostinato fit` prints: a law's constants and what was asked of it, laws compared, tables side by side."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean
from typing import TYPE_CHECKING, Any

from rich.table import Table

from data_pipelines.errors import OstinatoError
from sweeps.commands.options import console, say

if TYPE_CHECKING:  # it loads JAX
    from analysis.fitting import Fit


@dataclass(frozen=True)
class Asked:
    """What is asked of a fit: the best size for each of `computes` (FLOPs), the loss `at` points."""

    computes: Sequence[float]
    at: Sequence[str]
    as_json: bool


def values(option: str, given: Sequence[str] | None) -> dict[str, float]:
    """'E=1.87,alpha=0.34', several times, as a dictionary of numbers."""
    from analysis.study.reading import number

    found = {}
    for name, value in names(option, given):
        found[name] = number(value)
        if not math.isfinite(found[name]):
            raise OstinatoError(f"{option}: {name}: {value!r} is no number; write E=1.87")
    return found


def names(option: str, given: Sequence[str] | None) -> list[tuple[str, str]]:
    """'alpha=beta', several times or with commas, as pairs."""
    pairs = [pair.split("=") for text in given or () for pair in text.split(",") if pair.strip()]
    for pair in pairs:
        if len(pair) != 2 or not all(part.strip() for part in pair):
            example = "E=1.87" if option == "fix" else "alpha=beta"
            raise OstinatoError(f"{option}: {'='.join(pair)!r}; write {example}")
    return [(left.strip(), right.strip()) for left, right in pairs]


def one(
    law: str,
    table: Path,
    columns: dict[str, str],
    asked: Asked,
    resamples: int,
    plot: Path | None,
    **options: Any,
) -> None:
    """Fit a law to a table and print what is asked."""
    from analysis.fitting.table import fit_table

    found = fit_table(law, table, columns, resamples, **options)
    answers = _answers(found, asked)
    if plot:
        from analysis.figures.in_print import render
        from analysis.files import write_bytes
        from analysis.fitting.questions.chart import fit_chart

        write_bytes(plot, render(fit_chart(found), plot.suffix[1:]))
    if asked.as_json:
        from analysis.files import jsonable

        print(json.dumps(jsonable(found.as_dict() | answers), indent=1))
        return
    for sentence in found.understood:
        say(sentence)
    console.print(f"{found.law.name}: {found.law.equation}", soft_wrap=True, markup=False)
    _print_constants(found)
    console.print(f"{len(found.loss)} rows, R2 {found.r2:.4f}, AIC {found.aic:.1f}")
    console.print(f"objective {found.objective:.4g}: {found.objective_is}", soft_wrap=True)
    if errors := found.held_out:
        console.print(
            f"Sizes predicted from the others: off by {fmean(errors.values()):.2%} in the mean, "
            f"by {max(errors.values()):.2%} at worst."
        )
    _print_answers(answers)
    for warning in found.warnings:
        say(warning)


def compare(
    laws: list[str], table: Path, columns: dict[str, str], as_json: bool, **options: Any
) -> None:
    """Print several laws of one table, the best first."""
    from analysis.files import jsonable
    from analysis.fitting.questions.compare import compare as comparing
    from analysis.fitting.questions.compare import fits_on_table

    fits, reasons = fits_on_table(laws, table, columns, **options)
    found = comparing(fits)
    read = dict.fromkeys(sentence for one in fits for sentence in one.understood)
    warnings = dict.fromkeys(f"{one.law.name}: {said}" for one in fits for said in one.warnings)
    if as_json:
        content = {"laws": found.to_dict("records"), "left_out": reasons, "read": list(read)}
        print(json.dumps(jsonable(content | {"warnings": list(warnings)}), indent=1))
        return
    for sentence in read:
        say(sentence)
    heads = ("law", "constants", "held-out error", "AIC above best", "weight", "R2")
    shown = _table(*heads)
    for row in found.to_dict("records"):
        error = "" if math.isnan(row["held_out_error"]) else f"{row['held_out_error']:.2%}"
        numbers = (f"{row['aic_above']:.1f}", f"{row['weight']:.3f}", f"{row['r2']:.4f}")
        shown.add_row(row["law"], str(row["constants"]), error, *numbers)
    console.print(shown)
    for name, reason in reasons.items():
        say(f"{name} is left out: {reason}")
    for warning in warnings:
        say(warning)


def side_by_side(
    law: str,
    tables: list[Path],
    by: str | None,
    asked: Asked,
    resamples: int,
    how: dict[str, Any],
    **options: Any,
) -> None:
    """Print one law on several tables, or on the rows of each value of a column."""
    from analysis.files import jsonable
    from analysis.fitting.prepared import AsWritten
    from analysis.fitting.questions.groups import fit_each

    sources = tables[0] if by is not None else tables
    found = fit_each(law, sources, by, AsWritten(**how), resamples, **options)
    answers = {name: _answers(fitted, asked) for name, fitted in found.fits.items()}
    differences = found.differences()
    if asked.as_json:
        fits = {name: fitted.as_dict() | answers[name] for name, fitted in found.fits.items()}
        content = {"fits": fits, "differences": differences, "left_out": found.left_out}
        print(json.dumps(jsonable(content), indent=1))
        return
    for name, fitted in found.fits.items():
        for sentence in fitted.understood if by is None else ():
            say(f"{name}: {sentence}")
    for sentence in next(iter(found.fits.values())).understood if by is not None else ():
        say(sentence)
    shown = _table("constant", *found.fits)
    for constant, own in found.table().groupby("constant", sort=False):
        cells = {row["name"]: row for row in own.to_dict("records")}
        shown.add_row(str(constant), *(_of_cell(cells.get(name)) for name in found.fits))
    rows = (f"{len(fitted.loss)}, {fitted.r2:.4f}" for fitted in found.fits.values())
    shown.add_row("rows, R2", *rows)
    console.print(shown)
    apart = differences[differences.differ.astype(bool)] if len(differences) else differences
    for row in apart.to_dict("records"):
        say(
            f"{row['constant']} differs: {row['second']} less {row['first']} is {row['difference']:.3g} "
            f"({_span(row['low'], row['high'])})."
        )
    if len(differences) and apart.empty:
        say("No constant differs: every interval of a difference holds 0.")
    for name, reason in found.left_out.items():
        say(f"{name} is left out: {reason}")
    for name, fitted in found.fits.items():
        _print_answers(answers[name], f"{name}: ")
        for warning in fitted.warnings:
            say(f"{name}: {warning}")


def _of_cell(row: dict[Any, Any] | None) -> str:
    return _with_ends(row["value"], row["low"], row["high"]) if row else ""


def _answers(found: Fit, asked: Asked) -> dict[str, Any]:
    """What was asked of a fit, by the names that JSON has for it."""
    from analysis.fitting.questions.outlook import exponents, optimum, points_of, predicted

    answers: dict[str, Any] = {}
    if both := exponents(found):
        answers["exponents"] = {
            key: {"value": v, "interval": [a, b]} for key, (v, a, b) in both.items()
        }
    if asked.computes:
        answers["optimum"] = optimum(found, list(asked.computes))
    if asked.at:
        answers["at"] = predicted(found, points_of(found, asked.at))
    return answers


def _print_constants(found: Fit) -> None:
    from analysis.fitting.questions.outlook import exponents

    rows = _table("constant", "value", "95 % interval")
    intervals = found.intervals()
    for name, value in found.constants.items():
        low_high = _span(*intervals[name]) if name in intervals else ""
        low_high += " (profile)" if name in found.profiled else ""
        group = found.held.with_its_group(name)
        low_high = "fixed" if name in found.fixed else low_high
        if name not in found.fixed and name != group[0]:
            low_high = f"tied to {group[0]}"
        rows.add_row(name, f"{value:.5g}", low_high)
    if found.law.name != "optimal-params":
        for name, (value, low, high) in exponents(found).items():
            of = "N" if name == "a" else "D"
            span = "" if math.isnan(low) else _span(low, high) if low < high else "fixed"
            rows.add_row(f"{name} ({of}_opt ~ C^{name})", f"{value:.5g}", span)
    console.print(rows)


def _print_answers(answers: dict[str, Any], whose: str = "") -> None:
    from analysis.words import count

    if "optimum" in answers:
        shown = _table("compute", "params", "tokens", "tokens a param", "loss")
        for row in answers["optimum"].to_dict("records"):
            cells = [
                _with_ends(row[name], row[f"{name}_low"], row[f"{name}_high"], form)
                for name, form in (
                    *(("params", count), ("tokens", count)),
                    *(("tokens_per_param", "{:.3g}".format), ("loss", "{:.4f}".format)),
                )
            ]
            shown.add_row(f"{row['compute']:.3g}", *cells)
        console.print(
            f"{whose}compute-optimal (C = 6 N D), 95 % intervals:", soft_wrap=True, markup=False
        )
        console.print(shown)
    if "at" in answers:
        table = answers["at"]
        columns = [name for name in table if name not in ("loss", "low", "high", "outside")]
        shown = _table(*columns, "loss", "95 % interval")
        for row in table.to_dict("records"):
            span = "" if math.isnan(row["low"]) else f"{row['low']:.4f} to {row['high']:.4f}"
            shown.add_row(*(count(row[name]) for name in columns), f"{row['loss']:.4f}", span)
        console.print(f"{whose}predicted:", markup=False)
        console.print(shown)
    for name in ("optimum", "at"):
        for row in answers[name].to_dict("records") if name in answers else ():
            where = f"{row['compute']:.3g} FLOPs" if name == "optimum" else _point(row)
            if row["outside"]:
                say(f"{whose}{where}: outside the measured range, {row['outside']}.")


def _point(row: dict[str, Any]) -> str:
    from analysis.words import count

    own = (name for name in row if name not in ("loss", "low", "high", "outside"))
    return ", ".join(f"{name} {count(row[name])}" for name in own)


def _with_ends(value: float, low: float, high: float, form=None) -> str:
    """'0.34 (0.31 to 0.37)'; the value alone where it has no interval, nothing where there is none."""
    form = form or "{:.4g}".format
    if math.isnan(value):
        return ""
    if math.isnan(low):
        return form(value)
    ends = (
        f"{form(low)} to {form(high)}"
        if math.isfinite(low) and math.isfinite(high)
        else _span(low, high)
    )
    return f"{form(value)} ({ends})"


def _span(low: float, high: float) -> str:
    """An interval; an end that the data do not bound is left open."""
    if math.isinf(low) and math.isinf(high):
        return "not bounded"
    if math.isinf(high):
        return f"above {low:.5g}"
    return f"below {high:.5g}" if math.isinf(low) else f"{low:.5g} to {high:.5g}"


def _table(*heads: str) -> Table:
    """A table whose first column is words and whose others are numbers."""
    shown = Table(box=None, pad_edge=False, header_style="dim")
    for place, name in enumerate(heads):
        shown.add_column(name, justify="right" if place else "left")
    return shown
