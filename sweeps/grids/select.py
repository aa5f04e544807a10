"""Expressions over a run's columns, such as `params < 1e6 and repeated_fraction == 0.5`.

Comparisons, arithmetic, and / or / not, `in` with a list, numbers and strings: nothing is called,
no attribute is read.
"""

from __future__ import annotations

import ast
import operator
from typing import Any

from data_pipelines.config import unknown_name
from data_pipelines.errors import OstinatoError

_BINARY = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
}
_COMPARE = {
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.In: lambda a, b: a in b,
    ast.NotIn: lambda a, b: a not in b,
}


def matches(expression: str, columns: dict[str, Any], field: str = "select") -> bool:
    """Whether an expression holds for a run; raises OstinatoError saying what is wrong with it, and
    in which `field` it was given."""
    try:
        return bool(_value(ast.parse(expression, mode="eval").body, columns, expression))
    except SyntaxError:
        fault = f"{expression!r} is no expression; try 'params < 1e6'"
    except (TypeError, ZeroDivisionError) as error:
        fault = f"{expression!r}: {error}"
    except OstinatoError as error:
        fault = str(error)
    raise OstinatoError(f"{field}: {fault}")


def _value(node: ast.AST, columns: dict[str, Any], expression: str) -> Any:
    match node:
        case ast.Constant(value):
            return value
        case ast.Name(name):
            if name not in columns:
                raise OstinatoError(unknown_name("column", name, columns))
            return columns[name]
        case ast.List(items) | ast.Tuple(items):
            return [_value(item, columns, expression) for item in items]
        case ast.UnaryOp(ast.Not(), operand):
            return not _value(operand, columns, expression)
        case ast.UnaryOp(ast.USub(), operand):
            return -_value(operand, columns, expression)
        case ast.BoolOp(op, values):
            holds = (bool(_value(value, columns, expression)) for value in values)
            return all(holds) if isinstance(op, ast.And) else any(holds)
        case ast.BinOp(left, op, right) if type(op) in _BINARY:
            return _BINARY[type(op)](
                _value(left, columns, expression), _value(right, columns, expression)
            )
        case ast.Compare(left, ops, rights) if all(type(op) in _COMPARE for op in ops):
            values = [_value(item, columns, expression) for item in (left, *rights)]
            pairs = zip(values, ops, values[1:], strict=False)
            return all(_COMPARE[type(op)](a, b) for a, op, b in pairs)
    raise OstinatoError(
        f"{expression!r} may compare columns, numbers and text, with and, or, not; nothing else"
    )
