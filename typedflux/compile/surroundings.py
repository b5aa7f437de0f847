"""What a traced function takes from around it that is neither an argument nor a field of a module.

Global variables, those of enclosing functions, and attributes of plain objects are baked into a
graph as they were when the function was traced. Which of them it may have used is read from its
code, and that of the functions, methods and classes of modules that this code names; a call to
which they are something else traces again. What the function itself changes is not watched: a
counter of traces keeps counting those.
"""

from __future__ import annotations

import dis
import functools
import sys
import types
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from typedflux.core.stateful import Stateful
from typedflux.core.tracing import TraceError, Tracer
from typedflux.core.tree import children
from typedflux.tensor import Tensor

_PLAIN = frozenset((bool, int, float, complex, str, bytes))
_MOST_PARTS = 64
_MOST_CODES = 200
_DEPTH = 3
"""How many plain objects deep attributes are watched."""


class Watched:
    """A variable or an attribute, and what it was when it was looked at."""

    __slots__ = ("holder", "name", "parts", "value", "what")

    def __init__(self, holder: Any, name: str, what: str) -> None:
        self.holder = holder
        """A dict of variables or attributes, or the cell of a variable."""
        self.name = name
        self.what = what
        self.value = self.present()
        self.parts = _parts(self.value)

    def present(self) -> Any:
        """What it is now."""
        if isinstance(self.holder, types.CellType):
            try:
                return self.holder.cell_contents
            except ValueError:
                return None
        return self.holder.get(self.name)

    def still_holds(self) -> bool:
        """Whether it is what it was, with the same parts, or an equal plain value."""
        value = self.present()
        if self.parts is None:
            return _is_same(value, self.value)
        parts = _parts(value)
        return (
            type(value) is type(self.value)
            and parts is not None
            and len(parts) == len(self.parts)
            and all(map(_is_same, parts, self.parts))
        )

    def refuse_traced(self) -> None:
        """Raise when there is a value of an ended trace where another tensor was, and put that
        back."""
        value = self.present()
        new = [value] if self.parts is None else _parts(value) or []
        old = [self.value] if self.parts is None else self.parts
        for a, b in zip(old, new, strict=False):
            ended = isinstance(b, Tracer) and not b._trace.active
            if ended and isinstance(a, Tensor) and not isinstance(a, Tracer):
                self._restore()
                raise TraceError(
                    f"the function assigned a tensor to {self.what}, which jit does not see: later "
                    "calls would not assign again. Return it, pass what holds it as an argument, "
                    "or make it a field of an nn.Module"
                )

    def _restore(self) -> None:
        value = self.value
        if isinstance(value, list) and self.parts is not None:
            value[:] = self.parts
        elif isinstance(value, dict) and self.parts is not None:
            half = len(self.parts) // 2
            value.update(zip(self.parts[:half], self.parts[half:], strict=True))
        if isinstance(self.holder, types.CellType):
            self.holder.cell_contents = value
        elif isinstance(self.holder, dict):
            self.holder[self.name] = value


def _parts(value: Any) -> list[Any] | None:
    if type(value) in (list, tuple) and len(value) <= _MOST_PARTS:
        return list(value)
    if type(value) is dict and len(value) <= _MOST_PARTS:
        return [*value, *value.values()]
    return None


def _is_same(a: Any, b: Any) -> bool:
    if a is b:
        return True
    if type(a) is not type(b) or type(a) not in _PLAIN:
        return False
    return bool(a.hex() == b.hex() if type(a) is float else a == b)


def surroundings(function: Any, given: Any, modules: Iterable[Any]) -> list[Watched]:
    """What is watched for a function.

    Args:
        given: its arguments, among which there may be plain objects.
        modules: those among the arguments.
    """
    found = _Search()
    found.visit(function, "")
    for name, item in _plain_objects(given):
        found.object(item, name, 0)
    for module in modules:
        found.methods(module)
    found.finish()
    return list(found.watched.values())


class _Search:
    def __init__(self) -> None:
        self.watched: dict[tuple[int, str], Watched] = {}
        self.attributes: set[str] = set()
        self.objects: dict[int, tuple[Any, str, int]] = {}
        self._codes: set[types.CodeType] = set()
        self._seen: set[int] = set()

    def visit(self, value: Any, name: str) -> None:
        """Look at what a variable holds, or at the function itself."""
        if id(value) in self._seen:
            return
        if isinstance(value, functools.partial):
            self._seen.add(id(value))
            self.visit(value.func, name)
            for item in (*value.args, *value.keywords.values()):
                self.visit(item, name)
        elif isinstance(value, types.MethodType):
            self._seen.add(id(value))
            self.visit(value.__func__, name)
            self.visit(value.__self__, name)
        elif isinstance(value, types.FunctionType):
            self._seen.add(id(value))
            self._function(value)
        elif isinstance(value, Stateful):
            self.methods(value)
        elif isinstance(value, type):
            if _is_own(value):
                self.object(value, value.__name__, 0)
        elif "__wrapped__" in getattr(value, "__dict__", ()):
            self._seen.add(id(value))
            self.visit(value.__wrapped__, name)
        elif _is_plain_object(value):
            self.object(value, name, 0)

    def object(self, value: Any, name: str, depth: int) -> None:
        """Watch those attributes of a plain object, or of a class, that the code names."""
        self.objects.setdefault(id(value), (value, name, depth))
        if not isinstance(value, type) and callable(value):
            self._method(type(value), "__call__")

    def methods(self, module: Any) -> None:
        """The methods of a module whose class is not of this package."""
        kind = type(module)
        if id(kind) not in self._seen:
            self._seen.add(id(kind))
            for base in kind.__mro__:
                if _is_own(base):
                    for item in vars(base).values():
                        self.visit(getattr(item, "__func__", item), "")

    def _method(self, kind: type, name: str) -> None:
        for base in kind.__mro__:
            if name in vars(base):
                item = vars(base)[name]
                item = getattr(item, "fget", getattr(item, "__func__", item))
                if _is_own(base) and callable(item):
                    self.visit(item, name)
                return

    def _function(self, function: types.FunctionType) -> None:
        if not _is_own(function) or len(self._codes) >= _MOST_CODES:
            return
        code = function.__code__
        for name, cell in zip(code.co_freevars, function.__closure__ or (), strict=True):
            self._watch(cell, cell, "", f"{name}, a variable of an enclosing function")
            self.visit(Watched(cell, "", "").value, name)
        self.visit(getattr(function, "__wrapped__", None), "")
        if code in self._codes:
            return
        self._codes.add(code)
        names, attributes = _names_in(code)
        self.attributes |= attributes
        for name in names:
            if name in function.__globals__:
                scope = function.__globals__
                self._watch(scope, scope, name, f"the global variable {name}")
                self.visit(scope[name], name)

    def _watch(self, owner: Any, holder: Any, name: str, what: str) -> None:
        key = (id(owner), name)
        if key not in self.watched:
            watched = Watched(holder, name, what)
            if _is_worth_watching(watched.value):
                self.watched[key] = watched

    def finish(self) -> None:
        """Watch attributes, until no more code and objects are found."""
        done: dict[int, int] = {}
        while True:
            pending = [
                (key, *found)
                for key, found in self.objects.items()
                if done.get(key) != len(self.attributes)
            ]
            if not pending:
                return
            for key, value, name, depth in pending:
                done[key] = len(self.attributes)
                self._attributes(value, name, depth)

    def _attributes(self, value: Any, owner: str, depth: int) -> None:
        kinds = value.__mro__ if isinstance(value, type) else type(value).__mro__
        for name in sorted(self.attributes):
            what = f"{owner or type(value).__name__}.{name}"
            bases = [] if isinstance(value, type) else [value]
            bases += [k for k in kinds if _is_own(k)]
            base = next((b for b in bases if name in vars(b)), None)
            if base is None:
                continue
            item = vars(base)[name]
            if isinstance(item, (types.FunctionType, classmethod, staticmethod, property)):
                self._method(kinds[0], name)
                continue
            self._watch(base, vars(base), name, what)
            if depth < _DEPTH and _is_plain_object(item):
                self.object(item, what, depth + 1)
            elif isinstance(item, (types.FunctionType, functools.partial, Stateful)):
                self.visit(item, name)


def _is_own(item: Any) -> bool:
    """Whether a function or a class is the user's: not of this package or an installed one."""
    module = getattr(item, "__module__", None)
    return isinstance(module, str) and _is_own_package(module.partition(".")[0])


@functools.lru_cache(maxsize=1024)
def _is_own_package(name: str) -> bool:
    if name == "typedflux" or (name in sys.stdlib_module_names and name != "__main__"):
        return False
    file = getattr(sys.modules.get(name), "__file__", None) or ""
    return not any(part in Path(file).parts for part in ("site-packages", "dist-packages"))


def _is_worth_watching(value: Any) -> bool:
    """Whether a variable may come to hold something else of consequence."""
    if isinstance(value, (types.ModuleType, types.BuiltinFunctionType)):
        return False
    if isinstance(value, (type, types.FunctionType)):
        return _is_own(value)
    return True


def _is_plain_object(value: Any) -> bool:
    """Whether a value has attributes that neither trees nor transformations see."""
    if isinstance(value, (types.ModuleType, types.FunctionType, type, Stateful, Tensor)):
        return False
    return hasattr(value, "__dict__") and _is_own(type(value)) and children(value) is None


def _plain_objects(tree: Any, name: str = "") -> Iterator[tuple[str, Any]]:
    if _is_plain_object(tree):
        yield name or type(tree).__name__, tree
    elif not isinstance(tree, Stateful):
        for _, part in children(tree) or ():
            yield from _plain_objects(part)


@functools.lru_cache(maxsize=1024)
def _names_in(code: types.CodeType) -> tuple[frozenset[str], frozenset[str]]:
    """The global variables and the attributes that a function's code reads, that of functions
    inside it included."""
    names: set[str] = set()
    attributes: set[str] = set()
    stack = [code]
    while stack:
        inner = stack.pop()
        for instruction in dis.get_instructions(inner):
            if instruction.opname in ("LOAD_GLOBAL", "LOAD_NAME"):
                names.add(instruction.argval)
            elif instruction.opname in ("LOAD_ATTR", "LOAD_METHOD", "LOAD_SUPER_ATTR"):
                attributes.add(instruction.argval)
        stack.extend([c for c in inner.co_consts if isinstance(c, types.CodeType)])
    return frozenset(names), frozenset(attributes)
