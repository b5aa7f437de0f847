"""NumPy's broadcasting over symbolic sizes."""

from __future__ import annotations

from collections.abc import Sequence

from typedflux.shapes.dims import (
    UNKNOWN,
    Dim,
    Dimension,
    Shape,
    Unknown,
    bounds,
    decide,
    equal,
    format_shape,
    hint_of,
    is_fixed,
    merge,
    related,
    require_equal,
)
from typedflux.shapes.errors import ShapeError


def broadcast_shapes(*shapes: Sequence[Dimension]) -> Shape:
    """The shape that arrays of these shapes broadcast to.

    A size that is only possibly 1 yields the other; sizes that differ and cannot be 1 raise.

    >>> from typedflux.shapes.dims import symbol
    >>> batch = symbol("batch")
    >>> broadcast_shapes((batch, 784), (784,), (1, 1))
    (batch, 784)
    >>> broadcast_shapes((batch, 784), (batch, 10))
    Traceback (most recent call last):
        ...
    typedflux.shapes.errors.ShapeError: cannot broadcast 'batch 784' with 'batch 10': \
axis -1 has sizes 784 and 10
    """
    result: Shape = ()
    for shape in shapes:
        rank = max(len(result), len(shape))
        left = (None,) * (rank - len(result)) + result
        right = (None,) * (rank - len(shape)) + tuple(shape)
        sizes: list[Dimension] = []
        for place, (a, b) in enumerate(zip(left, right, strict=True)):
            if a is None or b is None:  # one of them has no such axis
                sizes += [size for size in (a, b) if size is not None]
                continue
            size = _broadcast(a, b)
            if size is None:
                raise ShapeError(_refusal(shapes, place - rank, a, b))
            sizes.append(size)
        result = tuple(sizes)
    return result


def _refusal(shapes: Sequence[Sequence[Dimension]], axis: int, a: Dimension, b: Dimension) -> str:
    texts = " with ".join(f"'{format_shape(shape)}'" for shape in shapes)
    return f"cannot broadcast {texts}: axis {axis} has sizes {a} and {b}{_what_fits(shapes)}"


def _what_fits(shapes: Sequence[Sequence[Dimension]]) -> str:
    """What would make two shapes fit: axes of size 1 at the end of the one with fewer axes."""
    if len(shapes) != 2:
        return ""
    short, long = sorted(map(tuple, shapes), key=len)
    missing = len(long) - len(short)
    if not missing or not short or can_broadcast_to((*short, *(1,) * missing), long) is not True:
        return ""
    axes = ", ".join(("...", *("None",) * missing))
    return f"; '{format_shape((*short, *(1,) * missing))}' would fit: index it with [{axes}]"


def _broadcast(a: Dimension, b: Dimension) -> Dimension | None:
    """The size that two sizes broadcast to; None where they cannot."""
    if is_fixed(a, 1):
        return b
    if is_fixed(b, 1):
        return a
    if isinstance(a, Unknown) or isinstance(b, Unknown):
        known = b if isinstance(a, Unknown) else a
        # A size that may itself be 1 says nothing about the result.
        lowest = bounds(known)[0]
        return known if isinstance(known, int) or (lowest or 0) > 1 else UNKNOWN
    same = equal(a, b)
    if same:
        return a
    x, y = hint_of(a), hint_of(b)
    if x is not None and y is not None:
        return _broadcast_by_hint(a, b, x, y)
    a_may_be_1, b_may_be_1 = equal(a, 1) is None, equal(b, 1) is None
    if same is False and related(a, b):
        return None
    if a_may_be_1 and b_may_be_1:
        return UNKNOWN
    if a_may_be_1 or b_may_be_1:
        return b if a_may_be_1 else a
    return None if same is False else merge(a, b)


def _broadcast_by_hint(a: int | Dim, b: int | Dim, x: int, y: int) -> Dimension | None:
    if x == y:
        return merge(a, b) if decide(a, "==", b) else None
    if x == 1:
        return b if decide(a, "==", 1) else None
    if y == 1:
        return a if decide(b, "==", 1) else None
    return None


def can_broadcast_to(shape: Sequence[Dimension], target: Sequence[Dimension]) -> bool | None:
    """Whether an array of this shape broadcasts to exactly the target; None if nobody can tell.

    >>> can_broadcast_to((3, 1), (2, 3, 4)), can_broadcast_to((3,), (1,))
    (True, False)
    """
    if len(shape) > len(target):
        return False
    verdict: bool | None = True
    for size, wanted in zip(reversed(shape), reversed(target), strict=False):
        one = _fits(size, wanted)
        if one is False:
            return False
        verdict = verdict and one
    return verdict


def _fits(size: Dimension, wanted: Dimension) -> bool | None:
    if is_fixed(size, 1):
        return True
    same = equal(size, wanted)
    if same is False and equal(size, 1) is None and not related(size, wanted):
        return None
    return same


def require_broadcastable_to(shape: Sequence[Dimension], target: Sequence[Dimension]) -> None:
    """Raise `ShapeError` unless an array of this shape (possibly) broadcasts to the target.

    >>> require_broadcastable_to((3,), (2, 4))
    Traceback (most recent call last):
        ...
    typedflux.shapes.errors.ShapeError: cannot broadcast '3' to '2 4': axis -1 has size 3, \
where 1 or 4 is wanted
    """
    start = f"cannot broadcast '{format_shape(shape)}' to '{format_shape(target)}'"
    if len(shape) > len(target):
        raise ShapeError(f"{start}: {len(shape)} axes do not fit into {len(target)}")
    for place in range(1, len(shape) + 1):
        size, wanted = shape[-place], target[-place]
        why = f"{start}: axis {-place} has size {size}, where 1 or {wanted} is wanted"
        hint = hint_of(size)
        if is_fixed(size, 1) or equal(size, wanted):
            continue
        if hint == 1 and hint_of(wanted) != 1:
            require_equal(size, 1, why)
        elif hint is not None or _fits(size, wanted) is False:
            require_equal(size, wanted, why)


def implicit_repeat(a: Sequence[Dimension], b: Sequence[Dimension]) -> str | None:
    """Describe a legal but suspicious broadcast, in which one name ends up on two axes.

    It happens between different ranks: the shorter operand gets a leading axis that nobody wrote,
    and a name that both operands have is paired with 1 on either side.

    >>> from typedflux.shapes.dims import symbol
    >>> batch = symbol("batch")
    >>> implicit_repeat((batch,), (batch, 1))
    "'batch' with 'batch 1' broadcasts to 'batch batch', where batch is repeated"
    >>> implicit_repeat((batch, 1), (1, batch)) is None
    True
    """
    short, long = sorted((tuple(a), tuple(b)), key=len)
    extra = len(long) - len(short)
    for name, other in zip(short, long[extra:], strict=True):
        if is_fixed(other, 1) and isinstance(name, Dim) and _occurs(name, long[:extra]):
            try:
                result = broadcast_shapes(a, b)
            except ShapeError:
                return None
            return (
                f"'{format_shape(a)}' with '{format_shape(b)}' broadcasts to "
                f"'{format_shape(result)}', where {name} is repeated"
            )
    return None


def _occurs(name: Dim, sizes: Sequence[Dimension]) -> bool:
    return any(isinstance(size, Dim) and size.terms == name.terms for size in sizes)
