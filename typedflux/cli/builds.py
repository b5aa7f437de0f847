"""Runs of mypy with the plugin, in this process."""

from __future__ import annotations

import io
import json
import sys
import tokenize
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from mypy.build import BuildResult, build
from mypy.errors import CompileError
from mypy.fscache import FileSystemCache
from mypy.main import process_options
from mypy.modulefinder import BuildSource
from mypy.nodes import Expression, MypyFile
from mypy.options import Options
from mypy.types import Type, get_proper_type

from typedflux.mypy_plugin.encoding import NEW_MARK
from typedflux.mypy_plugin.hooks import TypedfluxPlugin
from typedflux.mypy_plugin.messages import spell

PLUGIN = "typedflux.mypy_plugin"
DEEP = 2**14
"""As deep as mypy's own command lets calls nest."""


class Refused(Exception):
    """The command cannot do its work; the message says why."""


@dataclass(frozen=True)
class Message:
    """An error or a note of mypy."""

    file: str
    line: int
    column: int
    end_line: int
    end_column: int
    text: str
    code: str | None
    severity: str
    notes: tuple[str, ...] = ()

    @property
    def of_tensors(self) -> bool:
        """Whether it is about shapes or dtypes."""
        return (self.code or "").startswith("tensor-") or "[Tensor, " in self.text


@dataclass(frozen=True)
class Checked:
    """What a run of mypy has found."""

    messages: list[Message]
    sources: list[BuildSource]
    trees: dict[str, MypyFile] = field(default_factory=dict)
    """The trees of the files that were given, by path, where types were asked for."""
    types: dict[Expression, Type] = field(default_factory=dict)


def check(
    paths: Sequence[str], *, config_file: str | None = None, others: Sequence[str] = (),
    typed: bool = False, untyped_too: bool = False,
) -> Checked:  # fmt: skip
    """Check files and folders with the project's configuration of mypy and the plugin.

    With `typed`, the given files are checked anew, whatever the cache has, and their trees and the
    types of their expressions are kept; with `untyped_too`, functions without annotations as well.

    Raises:
        Refused: when mypy cannot check them.
    """
    sys.setrecursionlimit(max(DEEP, sys.getrecursionlimit()))
    cache = FileSystemCache()
    arguments = [*([] if config_file is None else ["--config-file", config_file]), *others]
    sources, options = _options([*arguments, "--", *paths], cache)
    configured = options.config_file is not None
    if not configured:
        # Nobody has decided yet how strict to be: what is there is checked, no more is asked.
        options.check_untyped_defs = True
        options.ignore_missing_imports = True
    if typed:
        options.export_types = options.preserve_asts = True
        options.num_workers = 0
        sources = [_with_text(source) for source in sources]
    if untyped_too:
        for source in sources:  # of all modules, the cache of the others would be void
            settings = options.per_module_options.setdefault(source.module, {})
            settings["check_untyped_defs"] = True
    options.output = "json"
    extra = []
    if PLUGIN not in options.plugins:
        extra.append(TypedfluxPlugin(options))
        options.num_workers = 0  # they load the plugins that the configuration names
    lines: list[str] = []
    result: BuildResult | None = None
    try:
        result = build(
            sources, options, None, lambda _, new, serious: lines.extend(new), cache,
            io.StringIO(), sys.stderr, extra,
        )  # fmt: skip
    except CompileError:
        raise Refused("mypy could not check this:\n" + "\n".join(map(_plain, lines))) from None
    messages = [_message(json.loads(line)) for line in lines]
    if not typed:
        return Checked(messages, sources)
    trees = {
        source.path: result.graph[source.module].tree
        for source in sources
        if source.path is not None and source.module in result.graph
    }
    return Checked(
        messages, sources, {p: t for p, t in trees.items() if t is not None}, result.types
    )


def _options(arguments: list[str], cache: FileSystemCache) -> tuple[list[BuildSource], Options]:
    out, err = io.StringIO(), io.StringIO()
    try:
        return process_options(arguments, stdout=out, stderr=err, fscache=cache)
    except SystemExit:
        said = (err.getvalue() or out.getvalue()).strip().splitlines()
        why = said[-1] if said else "mypy does not accept these arguments"
        raise Refused(why.removeprefix("mypy: ").removeprefix("error: ")) from None


def _with_text(source: BuildSource) -> BuildSource:
    """The source with its text: mypy then does not look for it in the cache."""
    if source.path is None:
        return source
    try:
        with tokenize.open(source.path) as file:
            text = file.read()
    except (OSError, SyntaxError, UnicodeDecodeError) as error:
        raise Refused(f"{source.path}: {error}") from None
    return BuildSource(source.path, source.module, text, source.base_dir, source.followed)


def _message(record: dict[str, Any]) -> Message:
    notes = record["hint"].splitlines() if record["hint"] else []
    return Message(
        record["file"], record["line"], record["column"], record["end_line"],
        record["end_column"], record["message"].replace(NEW_MARK, ""), record["code"],
        record["severity"], tuple(notes),
    )  # fmt: skip


def _plain(line: str) -> str:
    try:
        record = json.loads(line)
    except ValueError:
        return line
    return f"{record['file']}:{record['line']}: {record['severity']}: {record['message']}"


def spelled(type_: Type, options: Options) -> str:
    """A type as annotations write it.

    Quotes are the double ones, in which shapes are written in source.
    """
    # A loader's batch is not the program's: its name has an invisible mark.
    text = spell(get_proper_type(type_).str_with_options(options))
    return text.replace("builtins.", "").replace("'", '"').replace(NEW_MARK, "")
