"""How a module was constructed, as far as its fields tell: what printing shows of it.

Each argument of `__init__` is looked for in what `shown_arguments` says, among the sizes that the
class's type variables are bound to (`in_: Size[In]`), and in the field of the same name. One that
has its default value is left out. For a class of one's own nothing needs to be written.
"""

from __future__ import annotations

import functools
import inspect
from typing import Any, Final, NamedTuple

from typedflux.checks.annotations import SizeExpectation, read, resolve_annotations
from typedflux.checks.class_dims import dims_of
from typedflux.core.primitive import type_of
from typedflux.core.tree import children
from typedflux.nn.module import Module, ties
from typedflux.shapes.spec import NamedAxis
from typedflux.tensor import Tensor

_WIDTH = 60
_MISSING: Final = object()


class Argument(NamedTuple):
    """A value given to `__init__`, by name where `name` is set."""

    name: str | None
    value: Any


class Construction(NamedTuple):
    """Arguments in order, the parameters of which something was found, and whether that is so for
    each without a default."""

    arguments: list[Argument]
    found: frozenset[str]
    complete: bool


def construction(module: Module) -> Construction:
    """The arguments that `module` was constructed with, as far as it tells."""
    init = type(module).__init__
    if init is object.__init__:
        return Construction([], frozenset(), True)
    parameters = list(inspect.signature(init).parameters.values())[1:]
    find = _Finder(module)
    shown: list[Argument] = []
    found = set()
    complete, by_name = True, False
    for p in parameters:
        value = find(p)
        if value is not _MISSING:
            found.add(p.name)
        if p.kind is p.VAR_POSITIONAL:
            shown += [Argument(None, v) for v in value] if isinstance(value, (list, tuple)) else []
        elif p.kind is p.VAR_KEYWORD:
            shown += [Argument(k, v) for k, v in value.items()] if isinstance(value, dict) else []
        elif value is _MISSING:
            complete = complete and p.default is not p.empty
            by_name = True
        elif p.default is not p.empty and same(value, p.default):
            by_name = True
        else:
            by_name = by_name or p.kind is p.KEYWORD_ONLY
            shown.append(Argument(p.name if by_name else None, value))
    return Construction(shown, frozenset(found), complete)


class _Finder:
    def __init__(self, module: Module) -> None:
        self.fields = module.tree_fields()
        self.ties = ties(module)
        self.sizes = _sizes(module)
        try:
            self.given = module.shown_arguments()
        except AttributeError:  # a module that is still being made, or a gradient
            self.given = {}

    def __call__(self, p: inspect.Parameter) -> Any:
        for known in (self.given, self.sizes):
            if p.name in known:
                return known[p.name]
        for name in (p.name, p.name.rstrip("_"), f"_{p.name}"):
            if name in self.ties:
                return True if isinstance(p.default, bool) else _MISSING
            if name in self.fields:
                value = self.fields[name]
                if isinstance(p.default, bool) and not isinstance(value, bool):
                    return value is not None  # bias=False
                if isinstance(value, Module) and isinstance(p.default, (int, float, str)):
                    return _MISSING  # dropout=0.1 became a layer
                return value
        return _MISSING


def _sizes(module: Module) -> dict[str, Any]:
    """The sizes that parameters of `__init__` bound, by parameter."""
    function = inspect.unwrap(type(module).__init__)
    owner = next(c for c in type(module).__mro__ if "__init__" in vars(c))
    dims = dims_of(module, owner)
    if not dims:
        return {}
    variables = {v.__name__: v for v in getattr(owner, "__parameters__", ())}
    found = {}
    for name, annotation in resolve_annotations(function, variables).items():
        expectation = read(annotation)
        if isinstance(expectation, SizeExpectation):
            axis = expectation.spec.axes[0]
            if isinstance(axis, NamedAxis) and axis.name in dims:
                found[name] = dims[axis.name]
    return found


def same(value: Any, default: Any) -> bool:
    """Whether `value` is surely the default: compared only where comparing gives a bool."""
    if value is default:
        return True
    plain = (bool, int, float, str, tuple)
    return type(value) is type(default) and isinstance(value, plain) and bool(value == default)


@functools.singledispatch
def text_of(value: Any) -> str:
    """A value that is no layer, briefly."""
    name = getattr(value, "__name__", None)
    if isinstance(name, str):
        return "lambda" if name == "<lambda>" else name
    if type(value) in (list, tuple, dict):
        return _text_of_container(value)
    if children(value) is not None:
        return f"{type(value).__name__}(...)"
    text = repr(value)
    return text if len(text) <= _WIDTH else f"{text[: _WIDTH - 3]}..."


@text_of.register(Tensor)
def _(value: Tensor) -> str:
    return str(type_of(value))


@text_of.register(functools.partial)
def _(value: functools.partial[Any]) -> str:
    options = [text_of(v) for v in value.args]
    options += [f"{k}={text_of(v)}" for k, v in value.keywords.items()]
    return f"partial({', '.join([text_of(value.func), *options])})"


def _text_of_container(value: Any) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{k!r}: {text_of(v)}" for k, v in value.items()) + "}"
    items = ", ".join(map(text_of, value))
    if isinstance(value, list):
        return f"[{items}]"
    return f"({items},)" if len(value) == 1 else f"({items})"
