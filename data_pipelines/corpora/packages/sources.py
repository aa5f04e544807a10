"""Python packages of this environment as text: their docstrings, descriptions and code.

Nothing is imported: files are found through the packages' own metadata and read with `ast`.
"""

from __future__ import annotations

import ast
import email
import inspect
import platform
import re
import sys
import sysconfig
import warnings
from collections.abc import Iterable, Iterator
from importlib import metadata
from pathlib import Path
from typing import NamedTuple

from data_pipelines.errors import OstinatoError

STANDARD_LIBRARY = "python"
"""The name under which the standard library stands in a list of packages."""

# Linux distributions ship these parts of the standard library apart, or not at all.
_OPTIONAL = {"distutils", "ensurepip", "idlelib", "lib2to3", "tkinter", "turtledemo", "venv"}
_Scope = ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef
_SCOPES = (ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
_COMPOUND = (*_SCOPES, ast.If, ast.For, ast.While, ast.With, ast.Try, ast.AsyncFor, ast.AsyncWith)
_TESTS = re.compile(r"(^|/)(tests?|testing|testdata|_?test_\w+\.py|conftest\.py|\w+_test\.py)(/|$)")


class SourceFile(NamedTuple):
    """A Python file and the name it goes by, such as 'jax/_src/lax/lax.py'."""

    name: str
    path: Path

    @property
    def is_test(self) -> bool:
        """Whether it holds a package's tests, by the usual names."""
        return bool(_TESTS.search(self.name))


class Source(NamedTuple):
    """Text of a Python file and its syntax tree."""

    text: str
    module: ast.Module


def versions(packages: Iterable[str]) -> dict[str, str]:
    """Version of each package in this environment.

    Raises OstinatoError where one is not installed.
    """
    return {
        package: platform.python_version()
        if package == STANDARD_LIBRARY
        else _distribution(package).version
        for package in packages
    }


def source_files(packages: Iterable[str]) -> list[SourceFile]:
    """The Python files of `packages` (names of distributions, or 'python'), sorted by name."""
    files: set[SourceFile] = set()
    for package in packages:
        files.update(
            _standard_library()
            if package == STANDARD_LIBRARY
            else _files_of(_distribution(package))
        )
    return sorted(files)


def descriptions(packages: Iterable[str]) -> Iterator[tuple[str, str]]:
    """(name, long description) of each package, as its metadata has it."""
    for package in sorted(set(packages) - {STANDARD_LIBRARY}):
        message = email.message_from_string(_distribution(package).read_text("METADATA") or "")
        body = message.get_payload()
        text = body if isinstance(body, str) and body else message.get("Description", "")
        yield f"{package}/METADATA", text


def read_source(path: Path) -> Source | None:
    """A Python file, read and parsed, or None where it is not UTF-8 or does not parse."""
    try:
        text = path.read_bytes().decode().removeprefix("\ufeff")
        text = text.replace("\r\n", "\n").replace("\r", "\n")
        return Source(text, parse(text))
    except (OSError, UnicodeDecodeError, SyntaxError, ValueError, RecursionError):
        return None


def docstrings(module: ast.Module) -> Iterator[tuple[str, str]]:
    """(qualified name, docstring) of a module, its classes and functions, in their order.

    The module's own goes by ''. Indentation is taken off.
    """
    for name, scope in _scopes(module, ""):
        if found := _docstring(scope):
            yield name, inspect.cleandoc(found[1])


def without_docstrings(text: str, module: ast.Module) -> str:
    """The code as it stands, comments and layout kept, less its docstrings.

    Where a docstring is all there is to a body, `pass` takes its place.
    """
    lines = re.split(rb"(?<=\n)", text.encode())
    for _, scope in _scopes(module, ""):
        found = _docstring(scope)
        if not found:
            continue
        statement, _ = found
        first, last = statement.lineno - 1, (statement.end_lineno or statement.lineno) - 1
        before = lines[first][: statement.col_offset]
        after = lines[last][statement.end_col_offset :]
        alone = not before.strip() and not after.strip()
        needed = not alone or (len(scope.body) == 1 and not isinstance(scope, ast.Module))
        lines[first : last + 1] = [before + b"pass" + after if needed else b""] + [b""] * (
            last - first
        )
    return b"".join(lines).decode()


def parse(text: str) -> ast.Module:
    """Syntax tree of `text`; what the compiler warns about is the packages' own affair."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return ast.parse(text)


def _scopes(node: ast.AST, name: str) -> Iterator[tuple[str, _Scope]]:
    """(qualified name, node) of a scope and those nested in it."""
    if isinstance(node, _Scope):
        yield name, node
    for block in ("body", "orelse", "finalbody", "handlers"):
        for child in getattr(node, block, ()):
            if isinstance(child, _SCOPES):
                yield from _scopes(child, f"{name}.{child.name}" if name else child.name)
            elif isinstance(child, (*_COMPOUND, ast.ExceptHandler)):
                yield from _scopes(child, name)


def _docstring(scope: _Scope) -> tuple[ast.Expr, str] | None:
    """The statement that is a scope's docstring, and its text."""
    first = scope.body[0] if scope.body else None
    if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant):
        return (first, first.value.value) if isinstance(first.value.value, str) else None
    return None


def _distribution(package: str) -> metadata.Distribution:
    try:
        return metadata.distribution(package)
    except metadata.PackageNotFoundError:
        raise OstinatoError(
            f"corpus: the package {package} is not installed; install ostinato's dependencies"
        ) from None


def _files_of(distribution: metadata.Distribution) -> Iterator[SourceFile]:
    for file in distribution.files or ():
        if file.suffix == ".py" and ".." not in file.parts:
            yield SourceFile(file.as_posix(), Path(str(distribution.locate_file(file))))


def _standard_library() -> Iterator[SourceFile]:
    home = Path(sysconfig.get_path("stdlib"))
    for module in sorted(sys.stdlib_module_names - _OPTIONAL):
        if (home / f"{module}.py").is_file():
            yield SourceFile(f"{module}.py", home / f"{module}.py")
        for path in (home / module).rglob("*.py"):
            yield SourceFile(path.relative_to(home).as_posix(), path)
