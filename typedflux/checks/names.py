"""Annotations written as strings, evaluated in the names that their author saw."""

from __future__ import annotations

import ast
import builtins
import inspect
import sys
from collections.abc import Iterator, Mapping
from typing import Any, ForwardRef


def resolve(owner: Any, type_parameters: Mapping[str, Any]) -> dict[str, Any]:
    """The annotations of a function or a class as objects; those that cannot be evaluated, because
    of names of an inner scope or such as exist for type checkers only, are left out."""
    scope, local = _scopes(owner)
    local = {**local, **type_parameters}
    found: dict[str, Any] = {}
    for name, annotation in _annotations(owner).items():
        if isinstance(annotation, ForwardRef):
            annotation = annotation.__forward_arg__
        if isinstance(annotation, str):
            try:
                annotation = eval(annotation, scope, local)
                if isinstance(annotation, str):  # in quotes, and in a module of strings
                    annotation = eval(annotation, scope, local)
            except Exception:  # whatever an annotation that nobody has run may do
                continue
        found[name] = annotation
    return found


def _annotations(owner: Any) -> dict[str, Any]:
    try:
        return inspect.get_annotations(owner)
    except (TypeError, NameError):  # no such attribute; or, evaluated lazily, a missing name
        return {}


def _scopes(owner: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    """The globals and the other names that annotations of `owner` may use."""
    local: dict[str, Any] = {}
    for function in _wrapped(owner):
        code = getattr(function, "__code__", None)
        cells = getattr(function, "__closure__", None) or ()
        for name, cell in zip(getattr(code, "co_freevars", ()), cells, strict=False):
            try:
                local[name] = cell.cell_contents
            except ValueError:
                continue  # not assigned yet
        for parameter in getattr(function, "__type_params__", ()):
            local[parameter.__name__] = parameter
    scope = getattr(function, "__globals__", None)
    if scope is None:
        module = sys.modules.get(getattr(owner, "__module__", None) or "")
        scope = vars(module) if module is not None else {}
    if isinstance(owner, type):
        local = {**vars(owner), owner.__name__: owner, **local}
    return dict(scope), local


def _wrapped(owner: Any) -> Iterator[Any]:
    """`owner` and the functions that it wraps."""
    seen = set()
    while id(owner) not in seen:
        seen.add(id(owner))
        yield owner
        owner = getattr(owner, "__wrapped__", owner)


def names_of_scope(function: Any, frame: Any) -> dict[str, Any]:
    """What a nested function's annotations that are strings mean where it is defined: those of
    their names that `frame` has and the module has not."""
    texts = [a for a in getattr(function, "__annotations__", {}).values() if isinstance(a, str)]
    if not texts or frame is None or frame.f_locals is frame.f_globals:
        return {}
    found = {}
    for text in texts:
        for name in names_in(text):
            around = frame
            while around is not None and around.f_locals is not around.f_globals:
                if name in around.f_locals:
                    found[name] = around.f_locals[name]
                    break
                # A class's body runs in the function that holds it; other callers are no scopes.
                around = around.f_back if "__qualname__" in around.f_locals else None
    return found


def names_in(text: str) -> set[str]:
    """The names that an expression uses."""
    try:
        tree = ast.parse(text, mode="eval")
    except SyntaxError:
        return set()
    names = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    if isinstance(tree.body, ast.Constant) and isinstance(tree.body.value, str):
        names |= names_in(tree.body.value)
    return names - vars(builtins).keys()
