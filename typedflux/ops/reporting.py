"""Errors that say in which function they arose."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar

from typedflux.core.primitive import located, type_of
from typedflux.shapes.errors import DTypeError, ShapeError
from typedflux.shapes.reshape import normalize_axes, normalize_axis
from typedflux.tensor import Axis, Tensor

P = ParamSpec("P")
R = TypeVar("R")


def reports(name: str) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Decorates a function whose checks raise reasons alone: `name` and the operands go in front.

    For what is checked before a primitive is performed; primitives name themselves.
    """

    def decorate(function: Callable[P, R]) -> Callable[P, R]:
        @functools.wraps(function)
        def call(*args: P.args, **kwargs: P.kwargs) -> R:
            try:
                return function(*args, **kwargs)
            except (ShapeError, DTypeError) as error:
                types = [type_of(t) for t in _tensors((*args, *kwargs.values()))]
                raise located(error, name, types) from None

        return call

    return decorate


def axis_of(name: str, x: Tensor, axis: int) -> int:
    """An axis of `x`, an operand of the function `name`, as one from 0 on."""
    try:
        return normalize_axis(axis, x.ndim)
    except (ShapeError, DTypeError) as error:
        raise located(error, name, [type_of(x)]) from None


def axes_of(name: str, x: Tensor, axis: Axis) -> tuple[int, ...]:
    """Axes of `x`, an operand of the function `name`, each from 0 on; all of them for `None`."""
    try:
        return normalize_axes(axis, x.ndim)
    except (ShapeError, DTypeError) as error:
        raise located(error, name, [type_of(x)]) from None


def _tensors(values: tuple[Any, ...]) -> list[Tensor]:
    found: list[Tensor] = []
    for value in values:
        items = value if isinstance(value, (list, tuple)) else (value,)
        found += [item for item in items if isinstance(item, Tensor)]
    return found
