"""What instrumented source calls: the names that the import hook puts into a module."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any, Final, TypeVar

from typedflux.checks import settings as configuration
from typedflux.checks.annotations import read
from typedflux.checks.classes import typed_class
from typedflux.checks.names import names_of_scope
from typedflux.checks.report import Call, message
from typedflux.checks.scopes import Scope, scope_of, stack
from typedflux.checks.verify import verify
from typedflux.checks.wrapping import Checked

T = TypeVar("T")

_UNREAD: Final = object()


def function(target: Any) -> Any:
    """The decorator of a function, the innermost of all."""
    name = getattr(target, "__name__", "")
    plain = type(target) is type(function)
    if not plain or not configuration.wants(name) or hasattr(target, "__no_type_check__"):
        return target
    checked = Checked(target, elements=configuration.settings.elements)
    checked.names = names_of_scope(target, sys._getframe(1))
    return checked.wrapper


def cls(target: type[T]) -> type[T]:
    """The decorator of a class, the outermost of all; its methods have theirs already."""
    off = configuration.settings.mode == "off" or getattr(target, "__no_type_check__", False)
    if off or not isinstance(target, type):
        return target
    return typed_class(
        target, elements=configuration.settings.elements, methods=False, frame=sys._getframe(1)
    )


def assigned(
    value: T, annotation: Callable[[], Any], name: str, sites: dict[int, Any], site: int | None
) -> T:
    """Verify what is assigned to an annotated name; returns it.

    Args:
        value: what is assigned.
        annotation: gives the annotation.
        name: what it is assigned to.
        sites: what the annotations of a module ask for, as far as they were read.
        site: which of them this is; `None` if it may differ from time to time.

    Raises:
        ShapeError, DTypeError, TypeCheckError: for a value that does not fit.
    """
    __tracebackhide__ = True
    expectation: Any = _UNREAD if site is None else sites.get(site, _UNREAD)
    if expectation is _UNREAD:
        expectation = _read(annotation, sys._getframe(1))
        if site is not None:
            sites[site] = expectation
    if expectation is None:
        return value
    limit = configuration.settings.elements
    scopes = stack()
    scope = scope_of(scopes[-1], limit) if scopes else Scope(elements=limit)
    frame = sys._getframe(1)
    problem = verify(expectation, value, scope, frame.f_globals.get("__name__", ""))
    if problem is not None:
        code = frame.f_code
        where = code.co_qualname.replace("<locals>.", "")
        if where == "<module>":
            where = frame.f_globals.get("__name__", where)
        call = Call(where, [], {}, None, scope.bindings)
        raise problem.error(message(problem, f"variable '{name}'", name, call))
    if scopes:
        scopes[-1] = scope.memo()
    return value


def _read(annotation: Callable[[], Any], frame: Any) -> Any:
    try:
        hint = annotation()
        if isinstance(hint, str):
            hint = eval(hint, frame.f_globals, frame.f_locals)
    except Exception:  # a name that exists for type checkers only
        return None
    return read(hint)
