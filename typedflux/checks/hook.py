"""Checks for whole packages: an import hook that decorates what modules define.

Every function gets the decorator as its innermost, so that other decorators find a checked
function; every class gets it as its outermost, so that `dataclass` has done its work. Annotated
assignments in functions and at the top of modules are verified too.
"""

from __future__ import annotations

import ast
import importlib.util
import marshal
import sys
import types
from collections.abc import Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, SourceFileLoader
from typing import Any, Final, Self

from typedflux.checks import settings as configuration

VERSION: Final = 1
"""Raised whenever modules are instrumented in another way: compiled files bear it."""

HELPER, SITES = "__typedflux_checks__", "__typedflux_sites__"


class Instrumenter(ast.NodeTransformer):
    """Puts the checks into the tree of a module or a notebook's cell.

    Args:
        assignments: whether annotated assignments are verified.
    """

    def __init__(self, *, assignments: bool = True) -> None:
        self.assignments = assignments
        self.count = 0
        self.locals: list[set[str]] = []
        """Names that are local to the functions around."""
        self.in_class = False

    def visit_Module(self, node: ast.Module) -> ast.Module:
        place = 0
        for child in node.body:
            future = isinstance(child, ast.ImportFrom) and child.module == "__future__"
            docstring = isinstance(child, ast.Expr) and isinstance(child.value, ast.Constant)
            if not (future or docstring):
                break
            place += 1
        self.generic_visit(node)
        if place < len(node.body):  # a module of nothing but a docstring keeps it
            prologue = ast.parse(
                f"from typedflux.checks import instrument as {HELPER}\n{SITES} = {{}}"
            ).body
            for statement in prologue:
                ast.copy_location(statement, node.body[place])
            node.body[place:place] = prologue
        return ast.fix_missing_locations(node)

    def visit_ClassDef(self, node: ast.ClassDef) -> ast.ClassDef:
        if any(map(_is_no_type_check, node.decorator_list)):
            return node
        node.decorator_list.insert(0, _helper("cls", node))
        outside, self.in_class = self.in_class, True
        self.generic_visit(node)
        self.in_class = outside
        return node

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.FunctionDef:
        self._function(node)
        return node

    def visit_AsyncFunctionDef(self, node: ast.AsyncFunctionDef) -> ast.AsyncFunctionDef:
        self._function(node)
        return node

    def _function(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
        if any(map(_is_no_type_check, node.decorator_list)):
            return
        if not any(_named(d) == "overload" for d in node.decorator_list):
            node.decorator_list.append(_helper("function", node))
        outside, self.in_class = self.in_class, False
        self.locals.append(_local_names(node))
        self.generic_visit(node)
        self.locals.pop()
        self.in_class = outside

    def visit_AnnAssign(self, node: ast.AnnAssign) -> ast.AnnAssign:
        self.generic_visit(node)
        if not self.assignments or self.in_class or node.value is None:
            return node
        names = {n.id for n in ast.walk(node.annotation) if isinstance(n, ast.Name)}
        odd = (ast.Await, ast.Yield, ast.YieldFrom, ast.NamedExpr)
        if any(isinstance(n, odd) for n in ast.walk(node.annotation)):
            return node
        site = None if any(names & local for local in self.locals) else self.count
        self.count += 1
        call = ast.Call(
            _helper("assigned", node),
            [
                node.value,
                ast.Lambda(
                    ast.arguments(
                        posonlyargs=[], args=[], kwonlyargs=[], kw_defaults=[], defaults=[]
                    ),
                    node.annotation,
                ),
                ast.Constant(ast.unparse(node.target)),
                ast.Name(SITES, ast.Load()),
                ast.Constant(site),
            ],
            [],
        )
        node.value = ast.copy_location(call, node.value)
        return node


def _helper(name: str, at: ast.AST) -> ast.Attribute:
    node = ast.Attribute(ast.Name(HELPER, ast.Load()), name, ast.Load())
    for part in ast.walk(node):
        ast.copy_location(part, at)
    return node


def _named(node: ast.expr) -> str:
    """The last word of a decorator."""
    if isinstance(node, ast.Call):
        node = node.func
    return node.attr if isinstance(node, ast.Attribute) else getattr(node, "id", "")


def _is_no_type_check(node: ast.expr) -> bool:
    return _named(node) == "no_type_check"


def _local_names(node: ast.FunctionDef | ast.AsyncFunctionDef) -> set[str]:
    found = {a.arg for a in ast.walk(node.args) if isinstance(a, ast.arg)}
    for part in ast.walk(node):
        if isinstance(part, ast.Name) and isinstance(part.ctx, ast.Store):
            found.add(part.id)
        elif isinstance(part, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            found.add(part.name)
        elif isinstance(part, ast.alias):
            found.add((part.asname or part.name).partition(".")[0])
    return found


class Loader(SourceFileLoader):
    """Loads a module's source with the checks in it. Compiled files have a tag of their own, so
    they never meet those of the plain module."""

    def source_to_code(  # type: ignore[override]
        self, data: Any, path: Any, *, _optimize: int = -1
    ) -> types.CodeType:
        tree = ast.parse(importlib.util.decode_source(data), path)
        everything = configuration.settings.mode == "all"
        tree = Instrumenter(assignments=everything).visit(tree)
        code: types.CodeType = compile(tree, path, "exec", dont_inherit=True, optimize=_optimize)
        return code

    def get_code(self, fullname: str) -> types.CodeType:
        path = self.get_filename(fullname)
        stats = self.path_stats(path)
        stamp = (int(stats["mtime"]) & 0xFFFFFFFF).to_bytes(4, "little")
        stamp += (int(stats["size"]) & 0xFFFFFFFF).to_bytes(4, "little")
        header = importlib.util.MAGIC_NUMBER + bytes(4) + stamp
        cached = self._cached(path)
        if cached is not None:
            try:
                data = self.get_data(cached)
            except OSError:
                data = b""
            if data[:16] == header:
                code: types.CodeType = marshal.loads(data[16:])
                return code
        code = self.source_to_code(self.get_data(path), path)
        if cached is not None and not sys.dont_write_bytecode:
            self.set_data(cached, header + marshal.dumps(code))
        return code

    def _cached(self, path: str) -> str | None:
        optimise = sys.flags.optimize or ""
        tag = f"typedflux{VERSION}{configuration.settings.mode}{optimise}"
        try:
            return importlib.util.cache_from_source(path, optimization=tag)
        except NotImplementedError:  # an interpreter without compiled files
            return None


class Hook(MetaPathFinder):
    """The import hook; a context manager that takes itself away at the end."""

    def __init__(self, packages: Sequence[str]) -> None:
        self.packages = tuple(packages)

    def covers(self, name: str) -> bool:
        """Whether the module of this name is to be checked."""
        return any(name == p or name.startswith(f"{p}.") for p in self.packages)

    def find_spec(
        self, name: str, path: Sequence[str] | None, target: types.ModuleType | None = None
    ) -> ModuleSpec | None:
        """The specification that another finder gives, with the loader exchanged."""
        if not self.covers(name):
            return None
        for finder in sys.meta_path:
            if isinstance(finder, Hook) or not hasattr(finder, "find_spec"):
                continue
            spec = finder.find_spec(name, path, target)
            if spec is not None:
                if type(spec.loader) is SourceFileLoader:
                    spec.loader = Loader(spec.loader.name, spec.loader.path)
                    return spec
                return None  # no source, or one that somebody else rewrites
        return None

    def install(self) -> Self:
        """Let imports go through the hook, unless nothing is to be checked."""
        if self not in sys.meta_path and configuration.settings.mode != "off":
            sys.meta_path.insert(0, self)
        return self

    def uninstall(self) -> None:
        """Leave imports alone from now on; what is imported stays checked."""
        if self in sys.meta_path:
            sys.meta_path.remove(self)

    def __enter__(self) -> Self:
        return self.install()

    def __exit__(self, *raised: object) -> None:
        self.uninstall()


def typed_package(*packages: str) -> Hook:
    """Check every function, class and annotated assignment of whole packages.

    In a package's `__init__.py`, before its own imports: `flux.typed_package()`. In a program, for
    packages that it imports afterwards: `flux.typed_package("mine", "other.part")`.

    Args:
        packages: names of packages or modules; that of the caller by default.

    Returns:
        The hook, which is at work; `.uninstall()` or the end of a `with` block takes it away.

    Raises:
        RuntimeError: for modules that are imported already, and so can no longer be checked.

    >>> with typed_package("some_package") as hook:
    ...     hook.covers("some_package.part"), hook.covers("some_package_else")
    (True, False)
    """
    caller = sys._getframe(1).f_globals
    own = str(caller.get("__name__", ""))
    names = packages or (str(caller.get("__package__") or own),)
    hook = Hook(names)
    if configuration.settings.mode == "off":
        return hook
    for known in sys.meta_path:
        if isinstance(known, Hook) and known.packages == hook.packages:
            return known
    late = sorted(name for name in sys.modules if hook.covers(name) and not _leads_to(name, own))
    if late:
        raise RuntimeError(
            f"typed_package must come before the imports that it is to check: already imported "
            f"{'is' if len(late) == 1 else 'are'} {', '.join(late)}"
        )
    return hook.install()


def _leads_to(name: str, own: str) -> bool:
    """Whether a module is the caller, or a package around it."""
    return own == name or own.startswith(f"{name}.")
