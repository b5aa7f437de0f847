"""What layers' constructors check of their arguments beyond types."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from typedflux.shapes.dims import Dim, Unknown, equal, format_shape
from typedflux.shapes.errors import ShapeError
from typedflux.tensor import Tensor


def initial(init: Callable[[Any], Tensor], shape: Sequence[int]) -> Tensor:
    """What `init` makes for a weight of `shape`.

    Raises:
        TypeError: when that is no tensor.
        ShapeError: when it has another shape.
    """
    shape = tuple(shape)
    weight: Any = init(shape)
    if not isinstance(weight, Tensor):
        raise TypeError(f"init must make a tensor, it made a {type(weight).__name__}")
    same = len(weight.shape) == len(shape) and all(
        equal(a, b) is not False for a, b in zip(weight.shape, shape, strict=True)
    )
    if not same:
        raise ShapeError(
            f'init must make a weight of shape "{format_shape(shape)}", '
            f'it made one of "{format_shape(weight.shape)}"'
        )
    return weight


def check_positive(layer: str, **arguments: int | Sequence[int]) -> None:
    """Refuse sizes of windows, steps or counts that are below 1.

    Raises:
        TypeError: for one that is no int.
        ShapeError: for one below 1.
    """
    for name, value in arguments.items():
        for item in value if isinstance(value, Sequence) else (value,):
            if isinstance(item, (Dim, Unknown)):
                continue
            if isinstance(item, bool) or not hasattr(item, "__index__"):
                raise TypeError(f"{layer}: {name} takes ints, got {value!r:.80}")
            if item.__index__() < 1:
                raise ShapeError(f"{layer}: {name} must be at least 1, got {value!r:.80}")


def check_spatial(layer: str, name: str, value: Sequence[int]) -> None:
    """Refuse what does not name one to three spatial axes by positive sizes.

    Raises:
        ShapeError: for another number of axes, or a size below 1.
    """
    if not 1 <= len(value) <= 3:
        raise ShapeError(
            f"{layer}: {name} has one number for each spatial axis, of which there are 1 to 3; "
            f"got {value!r:.80}"
        )
    check_positive(layer, **{name: value})


def check_between(layer: str, low: float, high: float, **arguments: float) -> None:
    """Refuse numbers outside `low` to `high`.

    Raises:
        ValueError: naming the argument and the range.
    """
    for name, value in arguments.items():
        if not low <= value <= high:
            text = f"at least {low:g}" if high == float("inf") else f"from {low:g} to {high:g}"
            raise ValueError(f"{layer}: {name} must be {text}, got {value}")
