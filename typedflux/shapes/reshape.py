"""Shapes of layout operations: reshape, transpose, squeeze, concatenate, and reductions."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from typedflux.shapes.dims import (
    UNKNOWN,
    Dim,
    Dimension,
    Shape,
    Unknown,
    decide,
    equal,
    format_shape,
    is_fixed,
    merge,
    product,
    require_equal,
    symbols,
)
from typedflux.shapes.errors import AxisError, DTypeError, ShapeError, UndecidedError


def resolve_reshape(shape: Sequence[Dimension], new: Sequence[Dimension]) -> Shape:
    """The shape after `reshape(new)`, in which one size may be -1 and is then worked out.

    >>> from typedflux.shapes.dims import symbol
    >>> n = symbol("n")
    >>> resolve_reshape((n, 28, 28), (n, -1)), resolve_reshape((n, 6), (-1, 2))
    ((n, 784), (3*n, 2))
    >>> resolve_reshape((n, 784), (n, 10, 10))
    Traceback (most recent call last):
        ...
    typedflux.shapes.errors.ShapeError: cannot reshape 'n 784' (784*n elements) to \
'n 10 10' (100*n elements)
    >>> resolve_reshape((n, 10), (-1, 4))
    Traceback (most recent call last):
        ...
    typedflux.shapes.errors.ShapeError: cannot reshape 'n 10' (10*n elements) to '-1 4': \
10*n is not a multiple of 4 for most sizes
    """
    total = product(shape)
    start = f"cannot reshape '{format_shape(shape)}' ({total} elements) to '{format_shape(new)}'"
    open_axes = [i for i, size in enumerate(new) if is_fixed(size, -1)]
    for size in new:
        if isinstance(size, int) and size < -1:
            raise ShapeError(f"{start}: a size cannot be {size}")
    if len(open_axes) > 1:
        raise ShapeError(f"{start}: only one size can be -1")
    if not open_axes:
        wanted = product(new)
        require_equal(total, wanted, lambda: f"{start} ({wanted} elements)")
        return _refine(shape, new)
    (place,) = open_axes
    others = product(size for i, size in enumerate(new) if i != place)
    if is_fixed(others, 0):
        raise ShapeError(f"{start}: next to a size of 0, -1 could be anything")
    quotient: Dimension = UNKNOWN
    if not isinstance(total, Unknown) and not isinstance(others, Unknown):
        why = f"{start}: {total} is not a multiple of {others}"
        require_equal(total % others, 0, why)
        if _tears(total, others):
            raise ShapeError(f"{why} for most sizes")
        quotient = total // others
    return (*new[:place], quotient, *new[place + 1 :])


def _tears(total: Dimension, others: Dimension) -> bool:
    """Whether `total // others` takes `n` apart in a way that hardly any program means: 5 rows for
    4 of them. 2 rows for one, and one for 2, are usual, for sizes that are even.

    Only of sizes of which nothing is known but their names: where a program runs, hints decide.
    """
    if not isinstance(total, Dim) or not isinstance(others, int):
        return False
    if any(s.kind != "rigid" for s in symbols(total)):
        return False
    factor = math.gcd(*(k for _, k in total.terms))
    common = math.gcd(factor, others)
    return factor > common and others > common


def _refine(shape: Sequence[Dimension], new: Sequence[Dimension]) -> Shape:
    """Leave sizes as written; one unknown among known ones follows from the element count."""
    unknown = [i for i, size in enumerate(new) if isinstance(size, Unknown)]
    total = product(shape)
    if len(unknown) != 1 or isinstance(total, Unknown):
        return tuple(new)
    others = product(size for i, size in enumerate(new) if i != unknown[0])
    if is_fixed(others, 0) or equal(total % others, 0) is not True:
        return tuple(new)
    return tuple(total // others if i == unknown[0] else size for i, size in enumerate(new))


def normalize_axis(axis: int, ndim: int, what: str = "axis") -> int:
    """A possibly negative axis as one from 0 on.

    >>> normalize_axis(-1, 3)
    2
    >>> normalize_axis(3, 2)
    Traceback (most recent call last):
        ...
    typedflux.shapes.errors.AxisError: axis 3 does not exist in 2 axes: valid are -2 to 1
    """
    if type(axis) is not int:
        axis = _as_int(axis, what)
    if -ndim <= axis < ndim:
        return axis + ndim if axis < 0 else axis
    if ndim == 0:
        raise AxisError(f"{what} {axis} does not exist: a scalar has no axes")
    axes = "1 axis" if ndim == 1 else f"{ndim} axes"
    raise AxisError(f"{what} {axis} does not exist in {axes}: valid are {-ndim} to {ndim - 1}")


def _as_int(axis: Any, what: str) -> int:
    """A number of another type as an int: NumPy's are, truth values and floats are not."""
    if isinstance(axis, (bool, float, str)) or not hasattr(axis, "__index__"):
        raise DTypeError(f"{what} is an int, got {type(axis).__name__} {axis!r:.40}")
    return int(axis.__index__())


def normalize_axes(
    axis: int | Sequence[int] | None, ndim: int, what: str = "axis"
) -> tuple[int, ...]:
    """One axis, several or (None) all of them, each from 0 on, in the order given.

    >>> normalize_axes((-1, 0), 3), normalize_axes(None, 2)
    ((2, 0), (0, 1))
    """
    if axis is None:
        return tuple(range(ndim))
    given = axis if isinstance(axis, Sequence) and not isinstance(axis, str) else (axis,)
    axes = tuple(normalize_axis(item, ndim, what) for item in given)
    for place, item in enumerate(axes):
        if item in axes[:place]:
            raise ShapeError(f"{what} {given[place]} is named twice in {tuple(given)}")
    return axes


def permute(shape: Sequence[Dimension], axes: Sequence[int] | None = None) -> Shape:
    """The shape with its axes in another order; reversed without one.

    >>> permute((2, 3, 4), (0, 2, 1)), permute((2, 3))
    ((2, 4, 3), (3, 2))
    """
    if axes is None:
        return tuple(reversed(shape))
    order = normalize_axes(axes, len(shape))
    if len(order) != len(shape):
        raise ShapeError(
            f"cannot permute '{format_shape(shape)}' by {tuple(axes)}: "
            f"{len(shape)} axes need {len(shape)} numbers"
        )
    return tuple(shape[i] for i in order)


def squeeze_shape(shape: Sequence[Dimension], axis: int | Sequence[int] | None = None) -> Shape:
    """The shape without the given axes, which must have size 1; without all such, for None.

    >>> squeeze_shape((1, 3, 1)), squeeze_shape((1, 3, 1), -1)
    ((3,), (1, 3))
    """
    if axis is None:
        return tuple(size for size in shape if not _is_one(size, shape))
    dropped = normalize_axes(axis, len(shape))
    for i in dropped:
        require_equal(
            shape[i],
            1,
            f"cannot squeeze axis {i} of '{format_shape(shape)}': its size is {shape[i]}, not 1",
        )
    return tuple(size for i, size in enumerate(shape) if i not in dropped)


def _is_one(size: Dimension, shape: Sequence[Dimension]) -> bool:
    verdict = equal(size, 1)
    if verdict is not None:
        return verdict
    if not isinstance(size, Unknown):
        return decide(size, "==", 1)
    raise UndecidedError(
        f"which axes of '{format_shape(shape)}' have size 1 is not known: name the axis to squeeze"
    )


def expand_dims_shape(shape: Sequence[Dimension], axis: int | Sequence[int]) -> Shape:
    """The shape with axes of size 1 inserted, so that they stand at these places afterwards.

    >>> expand_dims_shape((3, 4), -1), expand_dims_shape((3,), (0, 2))
    ((3, 4, 1), (1, 3, 1))
    """
    count = len(axis) if isinstance(axis, Sequence) else 1
    rank = len(shape) + count
    added = normalize_axes(axis, rank)
    rest = iter(shape)
    return tuple(1 if i in added else next(rest) for i in range(rank))


def concat_shapes(shapes: Sequence[Sequence[Dimension]], axis: int = 0) -> Shape:
    """The shape of arrays put one after the other along an axis.

    >>> from typedflux.shapes.dims import symbol
    >>> concat_shapes([(symbol("n"), 3), (2, 3)])
    (n+2, 3)
    >>> concat_shapes([(5, 3), (2, 4)])
    Traceback (most recent call last):
        ...
    typedflux.shapes.errors.ShapeError: cannot concatenate '5 3' and '2 4' along axis 0: \
axis 1 has sizes 3 and 4
    """
    if not shapes:
        raise ShapeError("cannot concatenate no arrays at all")
    result = tuple(shapes[0])
    if not result:
        raise ShapeError("cannot concatenate scalars: stack them instead")
    along = normalize_axis(axis, len(result))
    for shape in shapes[1:]:
        start = f"cannot concatenate '{format_shape(shapes[0])}' and '{format_shape(shape)}'"
        joined = _match(result, shape, f"{start} along axis {along}", except_axis=along)
        result = (*joined[:along], result[along] + shape[along], *joined[along + 1 :])
    return result


def stack_shapes(shapes: Sequence[Sequence[Dimension]], axis: int = 0) -> Shape:
    """The shape of equally shaped arrays laid side by side on a new axis.

    >>> stack_shapes([(2, 3), (2, 3)], axis=-1)
    (2, 3, 2)
    """
    if not shapes:
        raise ShapeError("cannot stack no arrays at all")
    result = tuple(shapes[0])
    for shape in shapes[1:]:
        start = f"cannot stack '{format_shape(shapes[0])}' and '{format_shape(shape)}'"
        result = _match(result, shape, start)
    along = normalize_axis(axis, len(result) + 1)
    return (*result[:along], len(shapes), *result[along:])


def _match(
    a: Sequence[Dimension], b: Sequence[Dimension], start: str, except_axis: int | None = None
) -> Shape:
    if len(a) != len(b):
        raise ShapeError(f"{start}: they have {len(a)} and {len(b)} axes")
    for i, (x, y) in enumerate(zip(a, b, strict=True)):
        if i != except_axis:
            require_equal(x, y, f"{start}: axis {i} has sizes {x} and {y}")
    return tuple(merge(x, y) for x, y in zip(a, b, strict=True))


def reduce_shape(
    shape: Sequence[Dimension], axes: int | Sequence[int] | None = None, keepdims: bool = False
) -> Shape:
    """The shape after a reduction over some axes, or (None) over all.

    >>> reduce_shape((2, 3, 4), (0, -1)), reduce_shape((2, 3), 1, keepdims=True)
    ((3,), (2, 1))
    """
    reduced = normalize_axes(axes, len(shape))
    if keepdims:
        return tuple(1 if i in reduced else size for i, size in enumerate(shape))
    return tuple(size for i, size in enumerate(shape) if i not in reduced)
