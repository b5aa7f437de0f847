"""Between mypy's types and the package's own: dims, shapes, dtypes and tensor types.

A tensor's type is `Tensor[dtype class, axis, ...]`. An axis is `Literal[784]`, a type variable (a
named dimension), `Expression[Literal["{0}+1"], n]`, `Any` (unknown) or an unpacked type variable
tuple (`*batch`; `*tuple[Any, ...]` for any number of unknown axes). Here an unpacked axis is a
single symbol of its own, marked by its owner, so that shapes are plain tuples of dims.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from mypy.checker import TypeChecker
from mypy.maptype import map_instance_to_supertype
from mypy.nodes import Expression, LambdaExpr, MypyFile, TypeInfo
from mypy.types import (
    AnyType,
    Instance,
    LiteralType,
    ProperType,
    Type,
    TypeOfAny,
    TypeVarTupleType,
    TypeVarType,
    UnionType,
    UnpackType,
    get_proper_type,
)

from typedflux import dtypes
from typedflux.core.types import TensorType, annotation_name
from typedflux.dtypes import AnyDType
from typedflux.shapes.dims import (
    UNKNOWN,
    Dim,
    Dimension,
    Shape,
    Symbol,
    Unknown,
    equal,
    size_of,
    substitute,
    symbol,
    symbols,
)
from typedflux.shapes.errors import AnnotationError
from typedflux.shapes.expressions import evaluate_expression

TENSOR = "typedflux.tensor.Tensor"
DIM_OF = "typedflux.checks.sizes.DimOf"
EXPRESSION = "typedflux.static.Expression"
MODULE = "typedflux.nn.module.Module"
STATIC = "typedflux.static"
BUILT = "Built_co"
"""The type parameter of a layer that holds what it was built from."""
HELD = f"{STATIC}.Held"
NEW = "?"
"""What the namespace of a size begins with that nobody knows, followed by what it usually is."""
NEW_MARK = "\u2063"
"""What its name ends with where mypy prints it."""
OBJECT = "?@"
"""What follows in the namespace of a size of an object; then comes the object, a bar, its name."""
CONSTRUCTED = "constructed with "
"""What attributes begin with that hold, in an object's type, what it was constructed with."""
ALL_AXES = "{0}"
"""The template of what stands for the sizes of any number of axes."""

DTYPE_OF_CLASS: dict[str, AnyDType] = {annotation_name(d): d for d in dtypes.ALL} | {
    name: family for name, family in dtypes.FAMILIES.items()
}


def unknown() -> AnyType:
    return AnyType(TypeOfAny.explicit)


@dataclass(frozen=True, eq=False, slots=True)
class Atom:
    """The owner of a symbol that stands for a mypy type variable; `variadic` for `*name`."""

    type: Type
    variadic: bool


_ANY_AXES = Atom(unknown(), True)
ANY_AXES = symbol("...", kind="flexible", owner=_ANY_AXES)
"""Any number of axes of which nothing is known, in the shape of a result."""


class Written(int):
    """The size of an axis that the program made of size 1 itself, by `None` or `keepdims`, and not
    one that it declared: broadcasting such an axis surprises nobody.

    In mypy's types it is a literal of value `True`, which mypy takes for equal to that of 1.
    """

    __slots__ = ()


class Encoder:
    """Translates types, given the modules of this run of mypy."""

    def __init__(self) -> None:
        self.modules: dict[str, MypyFile] = {}
        self.lambdas: dict[tuple[str, int, int], LambdaExpr] = {}
        """The lambdas that layers of this run hold, by the place where they are written."""
        self.equalities: Mapping[Symbol, Dimension] = {}
        """What names are to be read as where the checker is; see `narrowing`."""
        self.annotation: Callable[[Expression, TypeChecker], Type | None] = lambda e, checker: None
        """The annotated type of an expression that is an array of another library."""
        self.known: Callable[[Type, Expression | None, TypeChecker], Type] = lambda t, e, checker: t
        """The type of an expression, with the sizes of the object that it is a part of."""
        self._atoms: dict[tuple[str, object], Atom] = {}

    # Looking up classes

    def info(self, fullname: str) -> TypeInfo | None:
        """The class of that name in this run, `None` when the program does not import it."""
        module, _, name = fullname.rpartition(".")
        tree = self.modules.get(module)
        entry = tree.names.get(name) if tree is not None else None
        return entry.node if entry is not None and isinstance(entry.node, TypeInfo) else None

    def instance(self, fullname: str, args: Sequence[Type] = ()) -> Instance:
        info = self.info(fullname)
        assert info is not None, f"{fullname} is not loaded"
        return Instance(info, list(args))

    @property
    def ready(self) -> bool:
        """Whether the program has loaded what types of shapes are made of."""
        return self.info(EXPRESSION) is not None

    # Dims

    def dim(self, type_: Type) -> Dimension:
        """The dimension that an axis or size type stands for, in this place of the program."""
        size = self._dim(type_)
        return (
            substitute(size, {s: d for s, d in self.equalities.items()})
            if self.equalities
            else size
        )

    def _dim(self, type_: Type) -> Dimension:
        t = get_proper_type(type_)
        if isinstance(t, LiteralType):
            if t.fallback.type.fullname != "builtins.int" or not isinstance(t.value, int):
                return UNKNOWN
            return Written(1) if t.value is True else t.value
        if isinstance(t, TypeVarType):
            owner = self._atom(t.name, t.id, t, False)
            if not t.id.namespace.startswith(NEW):
                return symbol(t.name, owner=owner)
            usual, name = t.id.namespace[1:].partition("?")[0], t.name.removesuffix(NEW_MARK)
            if usual:
                return symbol(name, kind="hinted", hint=int(usual), owner=owner)
            family = ""
            if t.id.namespace.startswith(NEW + OBJECT):
                family = t.id.namespace.rpartition("|")[0]
            return symbol(name, kind="flexible", owner=owner, family=family)
        if isinstance(t, UnpackType):
            inner = get_proper_type(t.type)
            if isinstance(inner, TypeVarTupleType):
                atom = self._atom(f"*{inner.name}", inner.id, t, True)
                return symbol(f"*{inner.name}", owner=atom)
            return symbol("...", kind="flexible", owner=Atom(t, True))  # no two are the same
        if isinstance(t, UnionType):
            # `Size["n"]` is a plain int or n; a size that is one of two is neither.
            sizes = [i for i in map(get_proper_type, t.items) if is_instance(i, DIM_OF)]
            if len(sizes) < len(t.items) and sizes[:1] == t.items[:1]:
                return UNKNOWN  # a size or another int, as the program came by
            first, *others = map(self.dim, sizes or [AnyType(TypeOfAny.explicit)])
            return first if all(equal(first, other) is True for other in others) else UNKNOWN
        if isinstance(t, Instance):
            if t.last_known_value is not None:
                return self.dim(t.last_known_value)
            if t.type.fullname == DIM_OF:
                return self.dim(t.args[0])
            if t.type.fullname == EXPRESSION:
                return self._expression(t)
        return UNKNOWN

    def _atom(self, name: str, key: object, type_: Type, variadic: bool) -> Atom:
        return self._atoms.setdefault((name, key), Atom(type_, variadic))

    def _expression(self, t: Instance) -> Dimension:
        template = get_proper_type(t.args[0])
        if not isinstance(template, LiteralType) or not isinstance(template.value, str):
            return UNKNOWN
        if template.value == ALL_AXES:
            return UNKNOWN  # one of several sizes
        names = {f"atom_{i}": self.dim(a) for i, a in enumerate(t.args[1:])}
        text = re.sub(r"\{(\d+)\}", r"atom_\1", template.value)
        try:
            value = evaluate_expression(text, names)
        except AnnotationError:
            return UNKNOWN
        return value if isinstance(value, (int, Dim)) else UNKNOWN

    def axis_type(self, size: Dimension) -> Type:
        """The axis type of a dimension."""
        if isinstance(size, Unknown):
            return unknown()
        if isinstance(size, int):
            value = True if isinstance(size, Written) else int(size)
            return LiteralType(value, self.instance("builtins.int"))
        found = sorted(symbols(size), key=lambda s: s.name)
        if not all(isinstance(s.owner, Atom) for s in found):
            return unknown()
        if len(found) == 1 and equal(size, symbol_dim(found[0])) is True:
            owner = found[0].owner
            assert isinstance(owner, Atom)
            return self.unknown_axes() if owner is _ANY_AXES else owner.type
        if any(isinstance(s.owner, Atom) and s.owner.variadic for s in found):
            return unknown()  # a product over the axes of *batch
        slots: dict[Symbol | str, Dimension] = {s: symbol(f"{{{i}}}") for i, s in enumerate(found)}
        template = LiteralType(str(substitute(size, slots)), self.instance("builtins.str"))
        atoms = [s.owner.type for s in found if isinstance(s.owner, Atom)]
        return self.instance(EXPRESSION, [template, *atoms])

    def size_type(self, size: Dimension) -> Type:
        """The type of an int that is this dimension."""
        size = int(size) if isinstance(size, int) else size
        return self.instance(DIM_OF, [self.axis_type(size)])

    def sizes_type(self, size: Dim) -> UnpackType:
        """What stands in a tuple of sizes for those of any number of axes: of `*batch` itself it
        is `*tuple[Size["*batch"], ...]`, so that it can be put into another shape as a whole."""
        axes = self.axis_type(size)
        item: Type = self.instance("builtins.int")
        if isinstance(axes, UnpackType) and isinstance(axes.type, TypeVarTupleType):
            template = LiteralType(ALL_AXES, self.instance("builtins.str"))
            item = self.instance(DIM_OF, [self.instance(EXPRESSION, [template, axes])])
        return UnpackType(self.instance("builtins.tuple", [item]))

    def sizes(self, t: UnpackType) -> tuple[Dimension, ...]:
        """The sizes that such a part of a tuple stands for."""
        inner = get_proper_type(t.type)
        held = get_proper_type(inner.args[0]) if isinstance(inner, Instance) else None
        if isinstance(held, Instance) and held.type.fullname == DIM_OF:
            of = get_proper_type(held.args[0])
            if isinstance(of, Instance) and of.type.fullname == EXPRESSION:
                template = get_proper_type(of.args[0])
                if isinstance(template, LiteralType) and template.value == ALL_AXES:
                    return tuple(map(self.dim, of.args[1:]))
        return (self.dim(self.unknown_axes()),)

    # Tensors

    def tensor(self, type_: Type) -> TensorType | None:
        """The tensor type that a mypy type stands for, `None` for anything else."""
        t = get_proper_type(type_)
        if not is_instance(t, TENSOR):
            return None
        assert isinstance(t, Instance)
        if t.type.fullname != TENSOR:
            t = map_instance_to_supertype(t, self.instance(TENSOR).type)
        return TensorType(self.dtype(t.args[0]), tuple(self.dim(a) for a in t.args[1:]))

    def tensor_type(self, tensor: TensorType) -> Instance:
        """The mypy type of a tensor type."""
        axes = [self.axis_type(d) for d in tensor.shape]
        spread = [i for i, a in enumerate(axes) if isinstance(a, UnpackType)]
        if len(spread) > 1:  # mypy allows one: what lies between is no longer known
            axes[spread[0] : spread[-1] + 1] = [self.unknown_axes()]
        return self.instance(TENSOR, [self.dtype_type(tensor.dtype), *axes])

    def unknown_axes(self) -> UnpackType:
        """Any number of unknown axes."""
        return UnpackType(self.instance("builtins.tuple", [unknown()]))

    def dtype(self, type_: Type) -> AnyDType:
        t = get_proper_type(type_)
        if isinstance(t, Instance) and t.type.fullname.startswith(STATIC):
            return DTYPE_OF_CLASS.get(t.type.name, dtypes.Shaped)
        return dtypes.Shaped

    def dtype_type(self, dtype: AnyDType) -> Type:
        name = annotation_name(dtype)
        return unknown() if name == "Shaped" else self.instance(f"{STATIC}.{name}")


def symbol_dim(s: Symbol) -> Dim:
    return size_of(s)


def is_variadic(size: Dimension) -> bool:
    """Whether a dimension stands for any number of axes."""
    return isinstance(size, Dim) and any(
        isinstance(s.owner, Atom) and s.owner.variadic for s in symbols(size)
    )


def is_instance(t: ProperType, fullname: str) -> bool:
    """Whether a type is an instance of that class or of one derived from it."""
    return isinstance(t, Instance) and t.type.has_base(fullname)


def open_rank(shape: Shape) -> bool:
    """Whether a shape has any number of axes somewhere."""
    return any(is_variadic(d) for d in shape)
