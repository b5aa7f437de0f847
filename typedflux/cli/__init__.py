"""The command line: `typedflux check` and `typedflux hints`.

Exit codes: 0 when nothing was found, 1 when something was, 2 when the command failed.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import importlib.util
import sys
from collections.abc import Sequence

CLEAN, FOUND, FAILED = 0, 1, 2


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; its exit code. What follows `--` is for mypy."""
    own = list(sys.argv[1:] if arguments is None else arguments)
    end = own.index("--") if "--" in own else len(own)
    given = _parser().parse_args(own[:end])
    given.mypy = own[end + 1 :]
    if importlib.util.find_spec("mypy") is None:
        return _fail(
            f"typedflux {given.command} needs mypy, which is not installed: "
            'pip install "typedflux[mypy]"'
        )
    from mypy.version import __version__

    from typedflux.mypy_plugin.versions import complaint

    problem = complaint(__version__)
    if problem is not None:
        return _fail(problem)
    from typedflux.cli import check, hints
    from typedflux.cli.builds import Refused

    try:
        return check.run(given) if given.command == "check" else hints.run(given)
    except Refused as refusal:
        return _fail(str(refusal))
    except BrokenPipeError:  # as in `typedflux hints model.py | head`
        sys.stderr.close()
        return CLEAN


def _fail(message: str) -> int:
    print(f"typedflux: {message}", file=sys.stderr)
    return FAILED


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="typedflux",
        description="Shapes and dtypes, proved before the program runs.",
        epilog="Exit codes: 0 nothing found, 1 something found, 2 the command failed.",
    )
    parser.add_argument("--version", action="version", version=f"typedflux {_version()}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    _add_check(commands)
    _add_hints(commands)
    return parser


def _add_check(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    check = commands.add_parser(
        "check",
        help="run mypy with the plugin; each error with its line and the operands' shapes",
        description="Run mypy with the plugin and print each error with its source line, the "
        "operands' shapes under it, and a count. The project's configuration of mypy is used when "
        "there is one, with the plugin added where it is missing.",
        epilog="What follows -- is given to mypy: typedflux check src -- --strict",
    )
    check.add_argument("paths", nargs="+", metavar="PATH", help="files and folders")
    check.add_argument(
        "--only-shapes", action="store_true", help="leave out what is not about tensors"
    )
    _add_common(check)


def _add_hints(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    hints = commands.add_parser(
        "hints",
        help="print source with the shape and dtype of every tensor that is assigned",
        description="Print source with the inferred shape and dtype of every tensor assignment at "
        "the line's end. Errors go to stderr.",
        epilog="What follows -- is given to mypy: typedflux hints model.py -- --strict",
    )
    hints.add_argument("paths", nargs="+", metavar="FILE", help="Python files")
    hints.add_argument("--parameters", action="store_true", help="parameters of functions too")
    _add_common(hints)


def _add_common(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="JSON, for other programs")
    parser.add_argument(
        "--colour", "--color", choices=["auto", "always", "never"], default="auto",
        help="colours (default: in a terminal, unless NO_COLOR is set)",
    )  # fmt: skip
    parser.add_argument("--config-file", metavar="FILE", help="mypy's configuration")


def _version() -> str:
    try:
        return importlib.metadata.version("typedflux")
    except importlib.metadata.PackageNotFoundError:
        return "(not installed)"
