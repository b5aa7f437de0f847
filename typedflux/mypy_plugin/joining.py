"""One type for several values: what they agree in is known, what they differ in is not."""

from __future__ import annotations

from mypy.types import (
    Instance,
    NoneType,
    ProperType,
    TupleType,
    Type,
    UnionType,
    get_proper_type,
)

from typedflux.mypy_plugin.carriers import SHARED, carried
from typedflux.mypy_plugin.encoding import DIM_OF, MODULE, TENSOR, Encoder, is_instance, unknown
from typedflux.mypy_plugin.results import common_dtype


class Joins:
    """Joins types."""

    def __init__(self, encoder: Encoder) -> None:
        self.encoder = encoder

    def join(self, a: ProperType, b: ProperType) -> Type | None:
        """A type that holds both: where they are tensors, sizes or layers of the same class, what
        they differ in is unknown in it. `None` where they differ in anything else."""
        if a == b:
            return a
        if isinstance(a, UnionType) or isinstance(b, UnionType):
            return self._join_unions(a, b)
        if isinstance(a, TupleType) and isinstance(b, TupleType):
            return self._join_tuples(a, b)
        if not isinstance(a, Instance) or not isinstance(b, Instance):
            return None
        if is_instance(a, TENSOR) and is_instance(b, TENSOR):
            return self._join_tensors(a, b)
        if is_instance(a, DIM_OF) or is_instance(b, DIM_OF):
            ints = all(t.type.has_base("builtins.int") for t in (a, b))
            return self.encoder.instance("builtins.int") if ints else None
        if a.type is not b.type or len(a.args) != len(b.args):
            return None
        if a.type.has_base(MODULE):
            return a.copy_modified(
                args=[x if x == y else unknown() for x, y in zip(a.args, b.args, strict=True)]
            )
        return self._join_arguments(a, b)

    def _join_unions(self, a: ProperType, b: ProperType) -> Type | None:
        mine = [get_proper_type(i) for i in (a.items if isinstance(a, UnionType) else [a])]
        theirs = [get_proper_type(i) for i in (b.items if isinstance(b, UnionType) else [b])]
        joined: list[Type] = []
        for item in (*mine, *theirs):
            for i, known in enumerate(joined):
                both = self.join(get_proper_type(known), item)
                if both is not None:
                    joined[i] = both
                    break
            else:
                joined.append(item)
        classes = [_kind(t) for t in mine]
        if any(_kind(get_proper_type(t)) not in classes for t in joined):
            return None  # something else than what the name held
        return UnionType.make_union(joined)

    def _join_tuples(self, a: TupleType, b: TupleType) -> Type | None:
        if len(a.items) != len(b.items):
            return None
        items = [
            self.join(get_proper_type(x), get_proper_type(y))
            for x, y in zip(a.items, b.items, strict=True)
        ]
        known = [item for item in items if item is not None]
        return a.copy_modified(items=known) if len(known) == len(items) else None

    def _join_arguments(self, a: Instance, b: Instance) -> Type | None:
        """`list[x]` and `list[y]`."""
        args = [
            self.join(get_proper_type(x), get_proper_type(y))
            for x, y in zip(a.args, b.args, strict=True)
        ]
        known = [arg for arg in args if arg is not None]
        return a.copy_modified(args=known) if args and len(known) == len(args) else None

    def _join_tensors(self, a: Instance, b: Instance) -> Type:
        mine, theirs = a.args[1:], b.args[1:]
        both = [self.encoder.dtype(t.args[0]) for t in (a, b)]
        dtype = self.encoder.dtype_type(common_dtype(both))
        if len(mine) != len(theirs):
            return self.encoder.instance(TENSOR, [dtype, self.encoder.unknown_axes()])
        axes = [_common(x, y) for x, y in zip(mine, theirs, strict=True)]
        return self.encoder.instance(TENSOR, [dtype, *axes])


def _common(x: Type, y: Type) -> Type:
    """The axis that is one of two: of what a field of a record holds, as its class declares it."""
    if x == y:
        return x
    return next((axis for axis in (x, y) if carried(axis, SHARED) is not None), unknown())


def _kind(t: ProperType) -> object:
    if isinstance(t, Instance):
        return t.type.fullname
    return NoneType if isinstance(t, NoneType) else type(t)
