"""The command line: the commands, and bad input told in one line."""

from __future__ import annotations

import os
import sys

import typer

from data_pipelines.config import told, unknown_name
from data_pipelines.errors import OstinatoError
from data_pipelines.system.garbage import seldom
from sweeps.commands import app
from sweeps.commands.options import plain

_BUCKETS = ("aiohttp", "botocore", "gcsfs", "google")
"""Packages that reach buckets, and have errors of their own."""


def main() -> None:
    """Run a command. Bad input is one line and exit code 2; so is a disk that is full or read-only."""
    seldom()
    # Pydantic would read what every installed package declares, to find plugins, of which we need none.
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")
    try:
        # Standalone, typer draws what it refuses as a framed box.
        sys.exit(app(prog_name="ostinato", standalone_mode=False))
    except typer.Abort:  # a question left unanswered
        print("Aborted.", file=sys.stderr)
        sys.exit(1)
    except Exception as error:
        if line := plain(_line(error)):
            print(f"ostinato: {line}", file=sys.stderr)
        sys.exit(2)


def _line(error: Exception) -> str:
    """The line for an error that is the user's to mend; raises any other again."""
    # The room takes most of a second to load: where nobody has, the error is none of its own.
    analysis = sys.modules.get("analysis.errors")
    if isinstance(error, OstinatoError) or (analysis and isinstance(error, analysis.AnalysisError)):
        return str(error)
    if hasattr(error, "format_message"):  # the classes are private to typer, or click's
        return _refusal(error)
    is_buckets = type(error).__module__.partition(".")[0] in _BUCKETS
    if is_buckets or (isinstance(error, OSError) and error.errno is None):  # systems number theirs
        missing = "not found: " if isinstance(error, FileNotFoundError) else ""
        return (
            f"bucket: {missing}{str(error).splitlines()[0] if str(error) else type(error).__name__}"
        )
    if isinstance(error, OSError):
        return f"{error.filename or 'disk'}: {error.strerror or error}"
    raise error


def _refusal(error) -> str:
    """The line for what typer itself refuses; empty where it has printed the help instead."""
    context, parameter = getattr(error, "ctx", None), getattr(error, "param", None)
    # Of an option without its value the parser does not say of which command it is one.
    command = next((word for word in sys.argv[1:] if not word.startswith("-")), "")
    path = context.command_path if context else f"ostinato {command}".strip()
    see_help = f"see {path} --help"
    if context and hasattr(error, "possibilities"):
        known = [p.opts + p.secondary_opts for p in context.command.get_params(context)]
        options = [name for names in known for name in names if name.startswith("-")]
        return unknown_name("option", error.option_name, options)
    if parameter is not None:
        is_option = parameter.param_type_name == "option"
        name = parameter.opts[0] if is_option else parameter.metavar or parameter.name
        return f"{name}: {_fault(error)}; {see_help}"
    message = error.format_message().rstrip(".")
    if option := getattr(error, "option_name", None):
        return f"{option}: {message.removeprefix(f'Option {option!r} ')}; {see_help}"
    message, _, near = message.partition(". Did you mean ")
    remedy = f"did you mean {near}" if near else see_help
    return f"{message[0].lower()}{message[1:]}; {remedy}" if message else ""


def _fault(error) -> str:
    """What is wrong with a parameter's value, which typer has pydantic find, or itself."""
    if hasattr(error, "param_type"):
        return "missing"
    if hasattr(error.__cause__, "errors"):
        return told(error.__cause__.errors()[0])
    return error.message.rstrip(".")
