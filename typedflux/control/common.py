"""What the forms of control flow ask of their arguments and results."""

from __future__ import annotations

from typing import Any

from typedflux import ops
from typedflux.core.primitive import type_of
from typedflux.core.tree import children, format_path, iterate, rebuild
from typedflux.dtypes import bool_, members
from typedflux.shapes.dims import equal
from typedflux.shapes.errors import DTypeError, ShapeError
from typedflux.tensor import Tensor


def with_tensors(tree: Any) -> Any:
    """`tree` with Python numbers as tensors."""
    if isinstance(tree, (bool, int, float, complex)):
        return ops.asarray(tree)
    parts = children(tree)
    if not parts:
        return tree
    new = [with_tensors(part) for _, part in parts]
    same = all([n is part for n, (_, part) in zip(new, parts, strict=True)])
    return tree if same else rebuild(tree, new)


def predicate(p: Any, what: str) -> Any:
    """A truth value: a Python bool, or a boolean tensor of rank 0."""
    if isinstance(p, bool):
        return p
    value = ops.asarray(p)
    if value.ndim != 0:
        raise ShapeError(f"{what} is one truth value, of shape (), got {type_of(value)}")
    if not members(value.dtype) & members(bool_):  # the checker may know a family alone
        raise DTypeError(f"{what} is a bool, got {type_of(value)}: compare it with something")
    return value


def structure(tree: Any) -> Any:
    """What two trees must share to be chosen between: everything but the tensors."""
    if isinstance(tree, Tensor):
        return Tensor
    parts = children(tree)
    if parts is None:
        return tree
    return (type(tree), [(key, structure(part)) for key, part in parts])


def require_alike(first: Any, second: Any, what: str, of_first: str, of_second: str) -> None:
    """Raise unless two trees have the same structure and tensors of the same types."""
    if structure(first) != structure(second):
        raise TypeError(
            f"{what}: {of_first} and {of_second} are structured differently: {first!r:.200} and "
            f"{second!r:.200}"
        )
    for (path, a, _), (_, b, _) in zip(iterate(first), iterate(second), strict=True):
        same = len(a.shape) == len(b.shape) and all(
            equal(m, n) is not False for m, n in zip(a.shape, b.shape, strict=True)
        )
        if not same or not members(a.dtype) & members(b.dtype):
            where = f" at {format_path(path)}" if path else ""
            error = ShapeError if not same else DTypeError
            raise error(
                f"{what}: {of_first}{where} is {type_of(a)}, {of_second} is {type_of(b)}; "
                "they must be of one type"
            )
