"""Python's functions of ints, on dimensions and shapes."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable
from typing import Any

from typedflux.core.types import TensorType
from typedflux.mypy_plugin.encoding import is_variadic
from typedflux.mypy_plugin.evaluation import Undetermined
from typedflux.shapes.dims import Dim, Dimension, Unknown, bounds, dim_max, dim_min, product

Known = int | Dim | Unknown


def is_size(value: Any) -> bool:
    if isinstance(value, tuple):
        return bool(value) and all(map(is_size, value))
    return isinstance(value, Known) and not isinstance(value, bool)


class Range:
    """`range(n)` of a size, to be counted."""

    def __init__(self, length: Dimension) -> None:
        self.length = length


def _len(value: Any) -> Dimension:
    if isinstance(value, Range):
        return value.length
    if isinstance(value, TensorType):
        if not value.shape or is_variadic(value.shape[0]):
            raise Undetermined
        return value.shape[0]
    if isinstance(value, (tuple, list)) and not any(map(is_variadic, value)):
        return len(value)
    raise Undetermined


def _sizes(values: Any) -> list[Dimension]:
    if not isinstance(values, (tuple, list)):
        raise Undetermined
    if not all(map(is_size, values)) or any(map(is_variadic, values)):
        raise Undetermined
    return list(values)


def _sum(values: Any, start: Dimension = 0) -> Dimension:
    total = start
    for value in _sizes(values):
        total = total + value
    return total


def _extreme(of: Callable[..., Dimension]) -> Callable[..., Dimension]:
    def extreme(*values: Any) -> Dimension:
        found = _sizes(values if len(values) > 1 else values[0])
        if not found:
            raise Undetermined
        return of(*found)

    return extreme


def absolute(value: Any) -> Dimension:
    if not is_size(value) or isinstance(value, Unknown):
        raise Undetermined
    low, high = bounds(value)
    if low is not None and low >= 0:
        return value  # type: ignore[no-any-return]
    if high is not None and high <= 0:
        return -value  # type: ignore[no-any-return]
    raise Undetermined


def divide(a: Any, b: Any) -> tuple[Dimension, Dimension]:
    return a // b, a % b


def power(base: Any, exponent: Any, modulus: Any = None) -> Any:
    if modulus is not None or not isinstance(exponent, int) or not 0 <= exponent <= 64:
        raise Undetermined
    return base**exponent if isinstance(base, int) else math.prod([base] * exponent)


def whole(value: Any) -> Any:
    if not is_size(value):
        raise Undetermined
    return value


def _prod(values: Any) -> Dimension:
    return product(_sizes(values))


PURE: dict[str, Callable[..., Any]] = {
    "builtins.len": _len,
    "builtins.sum": _sum,
    "builtins.min": _extreme(dim_min),
    "builtins.max": _extreme(dim_max),
    "builtins.abs": absolute,
    "builtins.divmod": divide,
    "builtins.pow": power,
    "builtins.int": whole,
    "builtins.round": whole,
    "builtins.list": whole,
    "builtins.tuple": lambda value: tuple(_sizes(value)),
    "math.prod": _prod,
    "operator.add": operator.add,
    "operator.sub": operator.sub,
    "operator.mul": operator.mul,
    "operator.floordiv": operator.floordiv,
    "operator.mod": operator.mod,
    "operator.neg": operator.neg,
    "operator.index": whole,
}
"""Functions of ints that give sizes for sizes."""
