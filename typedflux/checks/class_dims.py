"""Class-scoped dims: sizes that the type variables of a generic class have for one instance.

`class Dense(Generic[In, Out])` with `x: Float[Tensor, "*batch In"]` in its methods and fields: what
`In` is, is told once, by a constructor's `Size[In]`, by a field or by the first call, and holds for
the instance from then on. An instance keeps them under `(class, name)`: a subclass may give the
same variable another role, as `class Flipped(Dense[Out, In], Generic[In, Out])` does, and whatever
is one size is written under all of its names at once.
"""

from __future__ import annotations

import typing
from typing import Any, ForwardRef, TypeVar

from typedflux.core.stateful import DIMS
from typedflux.shapes.spec import FixedAxis, NamedAxis, parse

Key = tuple[type, str]
Dims = dict[Any, Any]
"""Sizes by class and name; and for each class all of whose sizes are known numbers these in order,
which is what compiled checks look up."""

_ROLES = "__typedflux_roles__"


def variables_of(cls: type) -> tuple[str, ...]:
    """The names of the type variables of a generic class.

    >>> from typedflux import nn
    >>> variables_of(nn.Dense)
    ('In', 'Out')
    """
    parameters = getattr(cls, "__parameters__", ()) or getattr(cls, "__type_params__", ())
    return tuple(p.__name__ for p in parameters if isinstance(p, TypeVar))


def roles_of(cls: type) -> dict[Key, Key | int]:
    """What each variable of `cls` and its bases stands for: a number, or a variable of the class
    nearest to `cls`."""
    known: dict[Key, Key | int] | None = vars(cls).get(_ROLES)
    if known is None:
        known = {}
        _visit(cls, {name: (cls, name) for name in variables_of(cls)}, known)
        setattr(cls, _ROLES, known)
    return known


def _visit(cls: type, meaning: dict[str, Key | int], roles: dict[Key, Key | int]) -> None:
    for name, role in meaning.items():
        roles.setdefault((cls, name), role)
    for base in cls.__dict__.get("__orig_bases__", cls.__bases__):
        origin = typing.get_origin(base) or base
        if origin in (typing.Generic, typing.Protocol, object) or not isinstance(origin, type):
            continue
        arguments = typing.get_args(base)
        inner: dict[str, Key | int] = {}
        for place, name in enumerate(variables_of(origin)):
            argument = arguments[place] if place < len(arguments) else None
            inner[name] = _meaning(argument, meaning, (origin, name))
        _visit(origin, inner, roles)


def _meaning(argument: Any, meaning: dict[str, Key | int], own: Key) -> Key | int:
    if isinstance(argument, TypeVar):
        return meaning.get(argument.__name__, own)
    if isinstance(argument, int):
        return argument
    if isinstance(argument, ForwardRef):
        argument = argument.__forward_arg__
    if isinstance(argument, str):
        axes = parse(argument).axes
        if len(axes) == 1 and isinstance(axes[0], FixedAxis):
            return axes[0].size
        if len(axes) == 1 and isinstance(axes[0], NamedAxis):
            return meaning.get(axes[0].name, own)
    return own


def dims_in(instance: Any) -> Dims | None:
    """The sizes that an instance keeps, made now where there are none; `None` for an instance that
    cannot keep any."""
    try:
        fields: dict[str, Any] = instance.__dict__
    except AttributeError:  # it has slots
        return None
    dims: Dims | None = fields.get(DIMS)
    if dims is None:
        dims = {k: v for k, v in roles_of(type(instance)).items() if isinstance(v, int)}
        _put_in_order(dims, type(instance))
        try:
            fields[DIMS] = dims
        except TypeError:  # a class, whose dict is read-only
            return None
    return dims


def dims_of(instance: Any, cls: type | None = None) -> dict[str, Any]:
    """The sizes known for an instance, by the names that `cls`, its own class by default, has.

    >>> from typedflux import nn
    >>> dims_of(nn.Dense(4, 3))
    {'In': 4, 'Out': 3}
    """
    cls = type(instance) if cls is None else cls
    try:
        dims = instance.__dict__.get(DIMS)
    except AttributeError:
        return {}
    if dims is None:
        dims = {k: v for k, v in roles_of(type(instance)).items() if isinstance(v, int)}
    return {name: dims[cls, name] for name in variables_of(cls) if (cls, name) in dims}


def set_dim(instance: Any, cls: type, name: str, size: Any) -> None:
    """Let a variable of `cls` stand for `size`, under all the names that it has."""
    known = dims_in(instance)
    if known is None:
        return
    dims = dict(known)  # a copy of the instance may share what was known, not what is learnt
    roles = roles_of(type(instance))
    role = roles.get((cls, name), (cls, name))
    dims[cls, name] = size
    for key, other in roles.items():
        if other == role:
            dims[key] = size
    _put_in_order(dims, type(instance))
    instance.__dict__[DIMS] = dims


def _put_in_order(dims: Dims, cls: type) -> None:
    """Add the sizes of whole classes."""
    for base in {owner for owner, _ in roles_of(cls)}:
        sizes = tuple(dims.get((base, name)) for name in variables_of(base))
        if all(type(size) is int for size in sizes):
            dims[base] = sizes


def bind_dims(instance: Any, **sizes: int) -> None:
    """Let type variables of a module's class stand for sizes that no argument annotated with them
    has told: `bind_dims(self, Out=2 * n)` in a constructor."""
    for name, size in sizes.items():
        for cls in reversed(type(instance).__mro__):
            if name in variables_of(cls):
                set_dim(instance, cls, name, size)
                break
