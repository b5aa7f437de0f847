"""Which name of jaxtyping a name in a program is, whatever it was imported as and from where.

mypy knows all of jaxtyping's dtypes as `typing.Annotated`, so only the imports tell them apart.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TypeAlias

from mypy.nodes import ImportAll, ImportFrom, MypyFile
from mypy.util import correct_relative_import

JAXTYPING = "jaxtyping"

Origin: TypeAlias = tuple[str, str | None]
"""The module that a name is imported from, and its name there: `None` for all of its names."""


class Imports:
    """The imports of the modules of one run of mypy."""

    def __init__(self) -> None:
        self._read: dict[str, tuple[MypyFile, dict[str, set[Origin]]]] = {}

    def jaxtyping_name(self, module: str, name: str, modules: Mapping[str, MypyFile]) -> str | None:
        """The name in jaxtyping of what is called `name` in a module, `None` if it is not from
        there or is different things in different places of the module."""
        found = set(self._origins(module, name, modules, set()))
        return found.pop() if len(found) == 1 else None

    def _origins(
        self, module: str, name: str, modules: Mapping[str, MypyFile], seen: set[Origin]
    ) -> Iterator[str]:
        if module == JAXTYPING:
            yield name
            return
        tree = modules.get(module)
        if tree is None or (module, name) in seen:
            return
        seen.add((module, name))
        table = self._table(module, tree)
        for origin, original in table.get(name, ()):
            if original is not None:
                yield from self._origins(origin, original, modules, seen)
        if name not in table:
            for origin, _ in table.get("*", ()):
                yield from self._origins(origin, name, modules, seen)

    def _table(self, module: str, tree: MypyFile) -> dict[str, set[Origin]]:
        """Where the names of a module come from."""
        known = self._read.get(module)
        if known is None or known[0] is not tree:
            known = self._read[module] = (tree, {})
            # A tree that comes from mypy's cache has names and no statements.
            pairs = _of_tree(tree) if tree.defs or tree.imports else _of_file(tree)
            for name, origin in pairs:
                known[1].setdefault(name, set()).add(origin)
        return known[1]


def _of_tree(tree: MypyFile) -> Iterator[tuple[str, Origin]]:
    package = tree.is_package_init_file()
    for entry in tree.imports:
        if isinstance(entry, ImportFrom):
            source, _ = correct_relative_import(tree.fullname, entry.relative, entry.id, package)
            for original, alias in entry.names:
                yield alias or original, (source, original)
        elif isinstance(entry, ImportAll):
            source, _ = correct_relative_import(tree.fullname, entry.relative, entry.id, package)
            yield "*", (source, None)


def _of_file(tree: MypyFile) -> Iterator[tuple[str, Origin]]:
    try:
        program = ast.parse(Path(tree.path).read_text(encoding="utf-8"))
    except (OSError, SyntaxError, UnicodeError):
        return
    package = tree.is_package_init_file()
    for entry in ast.walk(program):
        if isinstance(entry, ast.ImportFrom):
            source, _ = correct_relative_import(
                tree.fullname, entry.level, entry.module or "", package
            )
            for item in entry.names:
                original = None if item.name == "*" else item.name
                yield item.asname or item.name, (source, original)
