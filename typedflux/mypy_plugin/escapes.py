"""Dims of one method in what its object keeps: another method knows nothing of them.

After `def __init__(self, table: Float32[Tensor, "n d"]): self.table = table`, mypy takes the type
of `self.table` to be that of `table`, with the names of `__init__`. They mean nothing elsewhere, so
there the axes are unknown.
"""

from __future__ import annotations

from mypy.nodes import FuncItem, TypeInfo
from mypy.plugin import AttributeContext
from mypy.types import (
    CallableType,
    Instance,
    Type,
    TypeVarId,
    TypeVarTupleType,
    TypeVarType,
    UnpackType,
    get_proper_type,
)

from typedflux.mypy_plugin.context import checker_of
from typedflux.mypy_plugin.encoding import EXPRESSION, Encoder, unknown
from typedflux.mypy_plugin.traversal import Axes, TypeCollector, speaks_of_shapes


def at_home(ctx: AttributeContext, encoder: Encoder) -> Type:
    """The type of an attribute with the dims of functions that we are not in unknown."""
    t = ctx.default_attr_type
    proper = get_proper_type(t)
    if (isinstance(proper, Instance) and not proper.args) or not speaks_of_shapes(t):
        return t
    checker = checker_of(ctx)
    here = {item.fullname for item in checker.scope.stack if isinstance(item, (FuncItem, TypeInfo))}
    collector = TypeCollector()
    t.accept(collector)
    away = {
        v.id
        for v in collector.variables
        if "." in v.id.namespace and v.id.namespace.partition("#")[0] not in here
    }
    return t.accept(_Forgetter(away, encoder)) if away else t


class _Forgetter(Axes):
    """Makes axes unknown in which one of some type variables occurs."""

    def __init__(self, away: set[TypeVarId], encoder: Encoder) -> None:
        super().__init__(self._forgotten)
        self.away, self.encoder = away, encoder

    def _forgotten(self, axis: Type) -> list[Type]:
        t = get_proper_type(axis)
        if isinstance(t, UnpackType):
            inner = get_proper_type(t.type)
            gone = isinstance(inner, TypeVarTupleType) and inner.id in self.away
            return [self.encoder.unknown_axes()] if gone else [axis]
        if isinstance(t, TypeVarType):
            return [unknown()] if t.id in self.away else [axis]
        if isinstance(t, Instance) and t.type.fullname == EXPRESSION:
            collector = TypeCollector()
            t.accept(collector)
            return [unknown()] if any(v.id in self.away for v in collector.variables) else [axis]
        return [axis]

    def visit_callable_type(self, t: CallableType) -> Type:
        bound = {v.id for v in t.variables} & self.away
        if bound:  # these are names of the function that is kept
            return t.accept(_Forgetter(self.away - bound, self.encoder))
        return super().visit_callable_type(t)
