"""What compiled checks ask while they run, and where a method was defined."""

from __future__ import annotations

from typing import Any

from typedflux.dtypes import DType


def facts(tensor: Any) -> tuple[Any, tuple[int, ...]]:
    """Data type, as numpy's, and shape of a traced tensor whose sizes are numbers.

    Raises:
        LookupError: for one that has symbolic sizes or no exact data type.
    """
    shape = tensor.shape
    for size in shape:
        if type(size) is not int:
            raise LookupError
    dtype = tensor.dtype
    if type(dtype) is not DType:
        raise LookupError
    return dtype.dtype, shape


def starred(variadic: dict[str, tuple[bool, Any]], name: str) -> Any:
    """What a starred name stands for, `None` if nothing.

    Raises:
        LookupError: for one that may still widen.
    """
    found = variadic.get(name)
    if found is None:
        return None
    if found[0]:
        raise LookupError
    return found[1]


def owner_of(wrapper: Any, receiver: Any) -> type | None:
    """The class in which `wrapper` was defined, if it is a method that was called on `receiver`."""
    names = wrapper.__qualname__.split(".")
    if len(names) < 2 or names[-2] == "<locals>":
        return None
    mro: tuple[type, ...] = getattr(type(receiver), "__mro__", ())
    for cls in mro:
        for member in vars(cls).values():
            if any(wrapper is f for f in _functions_of(member)):
                return cls
    return None


def _functions_of(member: Any) -> list[Any]:
    if isinstance(member, property):
        return [member.fget, member.fset, member.fdel]
    found = [member]
    while hasattr(found[-1], "__wrapped__") and len(found) < 20:
        found.append(found[-1].__wrapped__)
    return found
