"""Calls of functions with shapes in their signatures: binding dims from the arguments.

Before mypy checks a call, the shapes in the signature are relaxed to unknown, so that it sees to
everything else; afterwards the dims are bound here, by `shapes.unify`, from the types of the
arguments, a mismatch is reported at the argument, and the result's dims are filled in.
"""

from __future__ import annotations

from collections.abc import Sequence

from mypy.errorcodes import ErrorCode
from mypy.maptype import map_instance_to_supertype
from mypy.types import (
    CallableType,
    FunctionLike,
    Instance,
    LiteralType,
    ProperType,
    TupleType,
    Type,
    TypeVarId,
    TypeVarLikeType,
    TypeVarTupleType,
    TypeVarType,
    UnionType,
    UnpackType,
    get_proper_type,
)

from typedflux import dtypes
from typedflux.mypy_plugin.encoding import (
    DIM_OF,
    MODULE,
    TENSOR,
    Atom,
    Encoder,
    is_instance,
    is_variadic,
    open_rank,
    unknown,
)
from typedflux.mypy_plugin.traversal import Axes, TypeCollector, is_choice, speaks_of_shapes
from typedflux.shapes.dims import (
    UNKNOWN,
    Dim,
    Dimension,
    Shape,
    Symbol,
    Unknown,
    format_shape,
    substitute,
    symbol,
    symbols,
)
from typedflux.shapes.errors import AnnotationError
from typedflux.shapes.spec import (
    AnonymousAxis,
    Axis,
    ExpressionAxis,
    FixedAxis,
    NamedAxis,
    ShapeSpec,
    VariadicAxis,
)
from typedflux.shapes.unify import Bindings, bind

SHAPE = ErrorCode("tensor-shape", "Shapes of tensors disagree", "typedflux")
DTYPE = ErrorCode("tensor-dtype", "Dtypes of tensors disagree", "typedflux")


def dim_variables(signature: CallableType) -> list[TypeVarLikeType]:
    """The variables of a signature that stand for dims in it."""
    used: set[TypeVarId] = set()

    def note(axis: Type) -> list[Type]:
        collector = TypeCollector()
        axis.accept(collector)
        used.update(v.id for v in collector.variables)
        return [axis]

    for t in (*signature.arg_types, signature.ret_type):
        t.accept(Axes(note))
    return [v for v in signature.variables if v.id in used]


def relax(signature: CallableType, encoder: Encoder) -> CallableType:
    """The signature with every shape unknown and without the variables for dims."""
    dims = {v.id for v in dim_variables(signature)}
    relaxer = _Relaxer(encoder)
    return signature.copy_modified(
        arg_types=[t.accept(relaxer) for t in signature.arg_types],
        variables=[v for v in signature.variables if v.id not in dims],
    )


class _Relaxer(Axes):
    def __init__(self, encoder: Encoder) -> None:
        super().__init__(lambda axis: [unknown()])
        self.encoder = encoder

    def visit_instance(self, t: Instance) -> Type:
        if t.type.fullname == TENSOR:
            return t.copy_modified(args=[unknown(), self.encoder.unknown_axes()])
        if t.type.fullname == DIM_OF:
            return self.encoder.instance("builtins.int")
        return super().visit_instance(t)

    def _one(self, a: Type) -> Type:
        # What a layer was built from is no part of what is wanted.
        return unknown() if isinstance(get_proper_type(a), TupleType) else super()._one(a)


class Binder:
    """Binds the dims of one call."""

    def __init__(self, signature: CallableType, encoder: Encoder) -> None:
        self.encoder = encoder
        self.bindings = Bindings()
        self.variables: dict[TypeVarId, str] = {}
        for v in dim_variables(signature):
            name = v.name
            while name in self.variables.values():
                name += "'"
            self.variables[v.id] = name

    # Formal types as specs

    def spec(self, axes: Sequence[Type]) -> ShapeSpec:
        """The axes of a formal tensor as an annotation whose rigid names are bound already."""
        parsed = tuple(self.axis(a) for a in axes)
        return ShapeSpec(parsed, " ".join(map(str, parsed)))

    def axis(self, axis: Type) -> Axis:
        t = get_proper_type(axis)
        if isinstance(t, LiteralType) and isinstance(t.value, int):
            return FixedAxis(t.value)
        if isinstance(t, UnpackType):
            inner = get_proper_type(t.type)
            if isinstance(inner, TypeVarTupleType) and inner.id in self.variables:
                return VariadicAxis(self.variables[inner.id])
            return VariadicAxis(None)
        if isinstance(t, TypeVarType) and t.id in self.variables:
            return NamedAxis(self.variables[t.id])
        size = self.encoder.dim(t)
        if isinstance(size, Unknown):
            return AnonymousAxis()
        if isinstance(size, int):
            return FixedAxis(size)
        return ExpressionAxis(self._text(size))

    def _text(self, size: Dim) -> str:
        """An expression in the names of this call; rigid dims are bound under theirs."""
        for s in symbols(size):
            owner = s.owner
            if isinstance(owner, Atom) and isinstance(owner.type, TypeVarType):
                if owner.type.id not in self.variables:
                    self.bindings.single.setdefault(s.name, self.encoder.dim(owner.type))
        return str(size)

    # Binding

    def unify(self, formal: Type, actual: Type) -> str | None:
        """Bind `formal` against the type of an argument; the reason where it does not fit."""
        f, a = get_proper_type(formal), get_proper_type(actual)
        if isinstance(a, UnionType):
            reasons = [self.unify(f, item) for item in a.items]
            return next((r for r in reasons if r is not None), None)
        if isinstance(f, UnionType):
            return self._unify_union(f, a)
        if is_instance(f, DIM_OF):
            assert isinstance(f, Instance)
            return self._unify_dim(f.args[0], self.encoder.dim(a))
        if isinstance(f, Instance) and isinstance(a, Instance):
            return self._unify_instances(f, a)
        if isinstance(f, TupleType) and isinstance(a, TupleType) and len(f.items) == len(a.items):
            for x, y in zip(f.items, a.items, strict=True):
                reason = self.unify(x, y)
                if reason is not None:
                    return reason
        return None

    def _unify_union(self, f: UnionType, a: ProperType) -> str | None:
        candidates = [
            item
            for item in map(get_proper_type, f.items)
            if speaks_of_shapes(item) and (is_instance(item, DIM_OF) or _same_class(item, a))
        ]
        reason = None
        for item in candidates:
            reason = self.unify(item, a)
            if reason is None:
                return None
        return reason

    def _unify_instances(self, f: Instance, a: Instance) -> str | None:
        if not a.type.has_base(f.type.fullname):
            return None
        if f.type.fullname == TENSOR:
            return self._unify_tensor(f, a)
        above = map_instance_to_supertype(a, f.type)
        is_module = f.type.has_base(MODULE)
        for x, y in zip(f.args, above.args, strict=False):
            if is_choice(get_proper_type(x)):
                continue  # mypy has seen to it
            if is_module and not isinstance(get_proper_type(x), Instance):
                reason = self._unify_dim(x, self.encoder.dim(y))
            else:
                reason = self.unify(x, y)
            if reason is not None:
                return reason
        return None

    def _unify_dim(self, formal: Type, size: Dimension) -> str | None:
        if isinstance(size, Unknown):
            return None
        return self._bind(self.spec([formal]), (size,))

    def _unify_tensor(self, f: Instance, a: Instance) -> str | None:
        wanted, given = self.encoder.tensor(f), self.encoder.tensor(a)
        if wanted is None or given is None:
            return None
        if not dtypes.members(wanted.dtype) & dtypes.members(given.dtype):
            return f"it wants dtype {wanted.dtype}, not {given.dtype}"
        spec = self.spec(f.args[1:])
        if not open_rank(given.shape):
            return self._bind(spec, given.shape)
        split = spec.variadic_index
        if split is None:
            return None
        return self._bind(spec, _widened(given.shape, split, len(spec.axes) - split - 1))

    def _bind(self, spec: ShapeSpec, shape: Sequence[Dimension]) -> str | None:
        try:
            return bind(spec, shape, self.bindings)
        except AnnotationError:
            return None  # an expression of a name that nothing has bound

    # Results

    def fill(self, t: Type) -> Type:
        """A type with the dims of this call in place of the signature's."""
        return t.accept(Axes(self._fill_axis))

    def _fill_axis(self, axis: Type) -> list[Type]:
        t = get_proper_type(axis)
        if isinstance(t, UnpackType):
            inner = get_proper_type(t.type)
            if isinstance(inner, TypeVarTupleType) and inner.id in self.variables:
                bound = self.bindings.variadic.get(self.variables[inner.id])
                if bound is None:
                    return [self.encoder.unknown_axes()]
                return [self.encoder.axis_type(d) for d in bound]
            return [axis]
        spec = self.axis(t)
        if isinstance(spec, NamedAxis):
            size = self.bindings.single.get(spec.name)
            return [unknown() if size is None else self.encoder.axis_type(size)]
        if isinstance(spec, ExpressionAxis):
            return [self._fill_expression(t)]
        if isinstance(spec, FixedAxis):
            return [self.encoder.axis_type(spec.size)]  # 2*n where mypy has put 5 for n
        return [axis]

    def _fill_expression(self, t: Type) -> Type:
        size = self.encoder.dim(t)
        known: dict[Symbol | str, Dimension] = {}
        for s in symbols(size) if isinstance(size, Dim) else ():
            owner = s.owner
            if isinstance(owner, Atom) and isinstance(owner.type, TypeVarType):
                name = self.variables.get(owner.type.id)
                if name is not None:
                    if name not in self.bindings.single:
                        return unknown()
                    known[s] = self.bindings.single[name]
        return self.encoder.axis_type(substitute(size, known))

    def describe(self, t: Type) -> str:
        """A type as its annotation."""
        tensor = self.encoder.tensor(t)
        if tensor is not None:
            return str(tensor)
        proper = get_proper_type(t)
        size = self.encoder.dim(proper)
        return format_shape((size,)) if not isinstance(size, Unknown) else str(proper)


def _widened(shape: Shape, before: int, after: int) -> Shape:
    """An open shape with at least so many axes on both sides of the open place: unknown ones."""
    place = next(i for i, d in enumerate(shape) if is_variadic(d))
    front = (UNKNOWN,) * max(before - place, 0)
    back = (UNKNOWN,) * max(after - (len(shape) - place - 1), 0)
    middle: Dimension = shape[place]
    if front or back:
        middle = symbol("...", kind="flexible", owner=Atom(_any_axes(shape[place]), True))
    return (*shape[:place], *front, middle, *back, *shape[place + 1 :])


def _any_axes(size: Dimension) -> Type:
    (s,) = symbols(size)
    assert isinstance(s.owner, Atom)
    return s.owner.type


def _same_class(item: ProperType, a: ProperType) -> bool:
    return isinstance(item, Instance) and is_instance(a, item.type.fullname)


def is_relevant(signature: FunctionLike) -> bool:
    """Whether a signature has shapes in it."""
    return isinstance(signature, CallableType) and any(
        speaks_of_shapes(t) for t in (*signature.arg_types, signature.ret_type)
    )
