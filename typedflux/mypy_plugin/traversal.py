"""Walking through mypy types: what they contain, and the same with parts replaced."""

from __future__ import annotations

from collections.abc import Callable

from mypy.nodes import ClassDef, TypeInfo
from mypy.type_visitor import TypeQuery, TypeTranslator
from mypy.types import (
    AnyType,
    CallableType,
    Instance,
    LiteralType,
    ProperType,
    TupleType,
    Type,
    TypeAliasType,
    TypeOfAny,
    TypeVarLikeType,
    TypeVarTupleType,
    TypeVarType,
    UnionType,
    UnpackType,
    get_proper_type,
)

from typedflux.mypy_plugin import classes
from typedflux.mypy_plugin.classes import dim_places
from typedflux.mypy_plugin.encoding import DIM_OF, EXPRESSION, HELD, STATIC, TENSOR


def is_choice(t: ProperType) -> bool:
    """Whether an argument of a module is no dim but a choice: `Literal[True]`, `Literal[False]`, or
    a type variable with these as its bound."""
    if isinstance(t, TypeVarType):
        return is_choice(get_proper_type(t.upper_bound))
    if isinstance(t, UnionType):
        return all(is_choice(get_proper_type(item)) for item in t.items)
    if isinstance(t, Instance):
        return t.type.fullname == "builtins.bool"
    return isinstance(t, LiteralType) and t.fallback.type.fullname == "builtins.bool"


class TypeCollector(TypeQuery[None]):
    """Collects the type variables in a type, in order, each once."""

    def __init__(self) -> None:
        super().__init__()
        self.skip_alias_target = True  # its variables are in the alias's arguments
        self.variables: list[TypeVarLikeType] = []

    def strategy(self, items: list[None]) -> None:
        return None

    def _add(self, t: TypeVarLikeType) -> None:
        if all(v.id != t.id for v in self.variables):
            self.variables.append(t)

    def visit_type_var(self, t: TypeVarType) -> None:
        self._add(t)

    def visit_type_var_tuple(self, t: TypeVarTupleType) -> None:
        self._add(t)


class _Speaks(TypeQuery[bool]):
    def strategy(self, items: list[bool]) -> bool:
        return any(items)

    def visit_instance(self, t: Instance) -> bool:
        if t.type.fullname in (TENSOR, DIM_OF) or (t.args and dim_places(t.type)):
            return True
        return wants_shapes(t.type) or super().visit_instance(t)

    def visit_type_alias_type(self, t: TypeAliasType) -> bool:
        # A recursive one is left to mypy. (The base class would answer once for each alias.)
        if t.alias is not None and t.alias.fullname == HELD:
            return True
        return not t.is_recursive and get_proper_type(t).accept(self)


_speaks = _Speaks()
_wanting: dict[TypeInfo, tuple[ClassDef, bool]] = {}


def forget() -> None:
    """Let go of the classes of the last run of mypy."""
    _wanting.clear()
    classes.forget()


def wants_shapes(info: TypeInfo) -> bool:
    """Whether a class is a protocol with shapes in the signatures of its methods."""
    if not info.is_protocol or info.module_name in ("typing", "builtins", "collections.abc"):
        return False
    known = _wanting.get(info)
    if known is None or known[0] is not info.defn:
        _wanting[info] = (info.defn, False)  # it may mention itself
        found = False
        for name in info.protocol_members:
            entry = info.get(name)
            t = entry.type if entry is not None else None
            found = found or (isinstance(t, CallableType) and t.accept(_Speaks()))
        known = _wanting[info] = (info.defn, found)
    return known[1]


def speaks_of_shapes(t: Type) -> bool:
    """Whether a tensor, a size or a module with dims occurs in a type."""
    return t.accept(_speaks)


class Axes(TypeTranslator):
    """Replaces axes: `axis` is asked for each axis of a tensor, size or module; it returns the
    types to stand in its place."""

    def __init__(self, axis: Callable[[Type], list[Type]]) -> None:
        super().__init__()
        self.axis = axis

    def visit_instance(self, t: Instance) -> Type:
        if t.type.fullname == TENSOR:
            return t.copy_modified(args=[t.args[0], *self._axes(t.args[1:])])
        if t.type.fullname == DIM_OF:
            return t.copy_modified(args=[self._one(a) for a in t.args])
        places = dim_places(t.type) if t.args else ()
        if not places:
            return super().visit_instance(t)
        several = t.type.has_type_var_tuple_type
        return t.copy_modified(
            args=[
                self._one(a) if several or i in places else a.accept(self)
                for i, a in enumerate(t.args)
            ]
        )

    def _axes(self, axes: tuple[Type, ...]) -> list[Type]:
        out: list[Type] = []
        for a in axes:
            out.extend(self.axis(a))
        spread = [i for i, a in enumerate(out) if isinstance(get_proper_type(a), UnpackType)]
        if len(spread) > 1:  # one is allowed: what lies between is no longer known
            del out[spread[0] + 1 : spread[-1] + 1]
        return out

    def _one(self, a: Type) -> Type:
        proper = get_proper_type(a)
        if is_choice(proper):
            return a
        if isinstance(proper, TupleType):
            return a.accept(self)  # what a layer was built from
        if isinstance(proper, Instance) and proper.type.fullname not in (EXPRESSION,):
            return a.accept(self)  # a module may be generic in modules
        new = self.axis(a)
        return new[0] if len(new) == 1 else AnyType(TypeOfAny.explicit)

    def visit_type_alias_type(self, t: TypeAliasType) -> Type:
        if t.alias is not None and t.alias.fullname == HELD:
            whole, element, *axes = t.args
            return t.copy_modified(args=[whole, element, *self._axes(tuple(axes))])
        return t if t.is_recursive else get_proper_type(t).accept(self)


class _Loosener(TypeTranslator):
    """Makes the shapes of all tensors unknown."""

    def visit_instance(self, t: Instance) -> Type:
        if t.type.fullname != TENSOR:
            return super().visit_instance(t)
        items = t.type.defn.type_vars[-1]
        assert isinstance(items, TypeVarTupleType)
        anything = items.tuple_fallback.copy_modified(args=[AnyType(TypeOfAny.explicit)])
        return t.copy_modified(args=[t.args[0], UnpackType(anything)])

    def visit_type_alias_type(self, t: TypeAliasType) -> Type:
        return get_proper_type(t).accept(self)


_loosener = _Loosener()


class Reshaped(TypeTranslator):
    """Replaces each `Reshaped[...]` of a signature by what `instead` makes of its argument."""

    def __init__(self, instead: Callable[[Type], Type]) -> None:
        super().__init__()
        self.instead = instead
        self.found = False

    def visit_type_alias_type(self, t: TypeAliasType) -> Type:
        if t.alias is not None and t.alias.fullname == f"{STATIC}.Reshaped" and t.args:
            self.found = True
            return self.instead(t.args[0])
        return t


def loosened(t: Type) -> Type:
    """A type with unknown shapes."""
    return t.accept(_loosener)
