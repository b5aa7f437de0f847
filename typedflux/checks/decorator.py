"""`flux.typed`: the decorator."""

from __future__ import annotations

import functools
import inspect
import sys
from collections.abc import Callable
from typing import Any, Literal, TypeVar, overload

from typedflux.checks import settings as configuration
from typedflux.checks.classes import typed_class
from typedflux.checks.names import names_of_scope
from typedflux.checks.wrapping import Checked, checked_of

T = TypeVar("T")
Limit = int | Literal["all"] | None


@overload
def typed(target: T, /) -> T: ...
@overload
def typed(*, elements: Limit = None) -> Callable[[T], T]: ...
def typed(target: Any = None, /, *, elements: Limit = None) -> Any:
    """Verify calls against the annotations: arguments, defaults, results, what generators yield,
    what coroutines give.

    Tensor annotations mean what they mean to jaxtyping; names such as `"batch"` are bound by the
    arguments and hold for the whole call. Everything else is verified by beartype. The annotations
    are read at the first call, when all names exist.

    Args:
        target: a function, a method, a `staticmethod`, `classmethod` or `property`, a
            `functools.partial` object, or a class: then all its methods, the fields that it
            annotates and, of a dataclass, the constructor.
        elements: how many elements of each container of tensors are looked at, `"all"` or a
            number; by default as `configure_checks` says, which is all.

    Returns:
        The same kind of object; with `TYPEDFLUX_CHECKS=off`, the same object.

    Raises:
        TypeError: for what is not callable.

    Calls raise `ShapeError`, `DTypeError` or `TypeCheckError`, all of which are jaxtyping's
    `TypeCheckError` too, and `AnnotationError` where an annotation has no meaning.

    >>> import typedflux as flux
    >>> from jaxtyping import Float32
    >>> from typedflux import Tensor
    >>> @flux.typed
    ... def product(x: Float32[Tensor, "b n"], w: Float32[Tensor, "n m"]) -> Float32[Tensor, "b m"]:
    ...     return x @ w
    >>> product(flux.ones((2, 3)), flux.ones((3, 4))).shape
    (2, 4)
    >>> product(flux.ones((2, 3)), flux.ones((5, 4)))  # doctest: +NORMALIZE_WHITESPACE
    Traceback (most recent call last):
        ...
    typedflux.checks.errors.ShapeError: product: argument 'w' has shape "5 4", expected \
Float32[Tensor, "n m"]: dimension 'n' is 3 but here it is 5 (axis 0)
    <BLANKLINE>
      product(
        x: Float32[Tensor, "b n"]  got  float32 "2 3"
        w: Float32[Tensor, "n m"]  got  float32 "5 4"  <- axis 0
      ) -> Float32[Tensor, "b m"]
    <BLANKLINE>
      b = 2  from x, axis 0
      n = 3  from x, axis 1
    """
    limit = configuration.settings.elements if elements is None else elements
    if limit != "all" and limit is not None and (not isinstance(limit, int) or limit < 0):
        raise ValueError(f"typed: elements is 'all' or a number, not {elements!r}")
    number = None if limit == "all" else limit
    frame = sys._getframe(1)
    if target is None:
        return lambda target: _typed(target, number, sys._getframe(1))
    return _typed(target, number, frame)


def _typed(target: Any, elements: int | None, frame: Any) -> Any:
    if configuration.settings.mode == "off":
        return target
    if isinstance(target, type):
        return typed_class(target, elements=elements, frame=frame)
    again = functools.partial(_typed, elements=elements, frame=frame)
    if isinstance(target, (staticmethod, classmethod)):
        return type(target)(again(target.__func__))
    if isinstance(target, property):
        getter, setter, deleter = (
            None if f is None else again(f) for f in (target.fget, target.fset, target.fdel)
        )
        return property(getter, setter, deleter, target.__doc__)
    if isinstance(target, functools.cached_property):
        target.func = again(target.func)
        return target
    if isinstance(target, functools.partial):
        return functools.partial(again(target.func), *target.args, **target.keywords)
    if inspect.ismethod(target):
        return again(target.__func__).__get__(target.__self__)
    if hasattr(target, "__typed__"):
        return target.__typed__(again)
    if not callable(target):
        raise TypeError(f"flux.typed decorates functions and classes, not {target!r:.80}")
    if checked_of(target) is not None or getattr(target, "__no_type_check__", False):
        return target
    if not inspect.isfunction(target):
        try:
            inspect.signature(target)
        except (TypeError, ValueError):
            raise TypeError(f"flux.typed needs a signature, which {target!r:.80} has not") from None
    checked = Checked(target, elements=elements)
    checked.names = names_of_scope(target, frame)
    return checked.wrapper
