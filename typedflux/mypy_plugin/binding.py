"""Binding the dims of a signature to the arguments of one call.

Formal types are matched against the types of the arguments: tensors axis by axis with
`shapes.unify`, sizes, modules, and what containers and functions hold. Expressions (`2*n`) wait
until the names in them are bound, or are solved for the one that is not; functions wait until the
other arguments have bound what they are called with.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace

from mypy.checker import TypeChecker
from mypy.expandtype import expand_type, freshen_function_type_vars
from mypy.maptype import map_instance_to_supertype
from mypy.nodes import (
    ARG_POS,
    ConditionalExpr,
    DictExpr,
    Expression,
    ListComprehension,
    ListExpr,
    NameExpr,
    SetExpr,
    TupleExpr,
)
from mypy.subtypes import find_member
from mypy.types import (
    AnyType,
    CallableType,
    Instance,
    LiteralType,
    NoneType,
    Overloaded,
    ProperType,
    TupleType,
    Type,
    TypeAliasType,
    TypedDictType,
    TypeVarId,
    TypeVarLikeType,
    TypeVarTupleType,
    TypeVarType,
    UninhabitedType,
    UnionType,
    UnpackType,
    get_proper_type,
)

from typedflux import dtypes
from typedflux.core.types import TensorType, annotation_name
from typedflux.mypy_plugin.classes import dim_places
from typedflux.mypy_plugin.encoding import (
    BUILT,
    DIM_OF,
    HELD,
    MODULE,
    STATIC,
    TENSOR,
    Atom,
    Encoder,
    is_instance,
    is_variadic,
    open_rank,
    unknown,
)
from typedflux.mypy_plugin.messages import spell
from typedflux.mypy_plugin.traversal import (
    Axes,
    TypeCollector,
    is_choice,
    speaks_of_shapes,
    wants_shapes,
)
from typedflux.shapes.dims import (
    UNKNOWN,
    Dim,
    Dimension,
    Shape,
    Symbol,
    Unknown,
    format_shape,
    solve,
    substitute,
    symbol,
    symbols,
)
from typedflux.shapes.spec import AnonymousAxis, Axis, FixedAxis, NamedAxis, ShapeSpec, VariadicAxis
from typedflux.shapes.unify import Bindings, agree, bind


def dim_variables(signature: CallableType) -> list[TypeVarLikeType]:
    """The variables of a signature that stand for dims in it.

    A variable that is a module's argument may also stand for a whole type, such as that of a
    module inside; then it is none.
    """
    if not signature.variables:
        return []
    finder = _DimFinder()
    whole = TypeCollector()
    for t in (*signature.arg_types, signature.ret_type):
        t.accept(finder).accept(whole)
    used = finder.axes | (finder.arguments - {v.id for v in whole.variables})
    return [v for v in signature.variables if v.id in used]


class _DimFinder(Axes):
    """Notes the variables in axes of tensors and in sizes, and those that modules are given; takes
    them out of the type."""

    def __init__(self) -> None:
        super().__init__(self._note)
        self.axes: set[TypeVarId] = set()
        self.arguments: set[TypeVarId] = set()
        self._in_module = False

    def visit_instance(self, t: Instance) -> Type:
        outer, self._in_module = self._in_module, t.type.fullname not in (TENSOR, DIM_OF)
        found = super().visit_instance(t)
        self._in_module = outer
        return found

    def _note(self, axis: Type) -> list[Type]:
        collector = TypeCollector()
        for part in _parts(axis):
            part.accept(collector)
        found = {v.id for v in collector.variables}
        (self.arguments if self._in_module else self.axes).update(found)
        return [unknown()]


def _parts(axis: Type) -> Sequence[Type]:
    """An axis, or what an alias that stands for one was given."""
    inner = axis.type if isinstance(axis, UnpackType) else axis
    return inner.args if isinstance(inner, TypeAliasType) and inner.args else (axis,)


def _alias(axis: Type) -> str | None:
    """The name of the alias that an axis is written as: `Broadcast`, `Shared`, ..."""
    inner = axis.type if isinstance(axis, UnpackType) else axis
    if isinstance(inner, TypeAliasType) and inner.alias is not None:
        module, _, name = inner.alias.fullname.rpartition(".")
        return name if module == STATIC else None
    return None


@dataclass(slots=True)
class Given:
    """An argument: its type, the expression of which it is the type, and how messages name it.

    `formal` is the index of the formal argument, `place` where messages point to.
    """

    type: Type
    expression: Expression | None = None
    label: str = ""
    formal: int = 0
    place: Expression | None = None


@dataclass(slots=True)
class _Waiting:
    """An axis of an argument that is an expression, and its size."""

    expression: Dim
    size: Dimension
    place: int
    argument: int


class Binder:
    """Binds the dims of one call."""

    def __init__(
        self, signature: CallableType, encoder: Encoder, checker: TypeChecker | None = None
    ) -> None:
        self.encoder = encoder
        self.checker = checker
        self.bindings = Bindings()
        self.variables: dict[TypeVarId, str] = {}
        self.failed = False
        self._symbols: dict[str, Symbol] = {}
        self._origins: dict[str, str] = {}
        self._waiting: list[_Waiting] = []
        self._argument = 0
        self._label = ""
        self._add_variables(signature)
        self._others = {v.id for v in signature.variables} - self.variables.keys()

    def _add_variables(self, signature: CallableType) -> None:
        for v in dim_variables(signature):
            name = v.name
            while name in self.variables.values():
                name += "'"
            self.variables[v.id] = name

    # One call

    def bind_all(self, pairs: Sequence[tuple[Type, Given]]) -> list[tuple[int, str]]:
        """Match formal types with arguments; the places and reasons where they do not fit."""
        problems: list[tuple[int, str]] = []
        functions = [i for i, (formal, _) in enumerate(pairs) if _takes_function(formal)]
        for i in (*[i for i in range(len(pairs)) if i not in functions], -1, *functions):
            if i < 0:
                problems += self._settle()
                continue
            formal, given = pairs[i]
            self._argument, self._label = i, given.label
            reason = self.unify(formal, given.type, given.expression)
            if reason is not None:
                problems.append((i, reason))
        problems += self._settle()
        self.failed = bool(problems)
        return sorted(problems)

    def agree_with(self, others: Sequence[Binder]) -> None:
        """Forget the dims that other bindings of the same call have otherwise."""
        self.bindings = _common([self.bindings, *(other.bindings for other in others)])

    # Formal types as specs

    def _axis(self, axis: Type) -> Axis | Dim:
        """An axis of a formal tensor; an expression in variables of this call as its `Dim`."""
        alias = _alias(axis)
        if alias in ("Broadcast", "BroadcastAxes"):
            narrow = self._axis(_parts(axis)[0])
            if isinstance(narrow, (FixedAxis, NamedAxis, VariadicAxis)):
                return replace(narrow, broadcast=True)
            return AnonymousAxis()
        if alias in ("Shared", "SharedAxes"):
            word = get_proper_type(_parts(axis)[0])
            if not isinstance(word, LiteralType) or not isinstance(word.value, str):
                return VariadicAxis(None) if alias == "SharedAxes" else AnonymousAxis()
            if not word.value.isidentifier():
                return AnonymousAxis()
            shared = f"{word.value}~"  # no variable is called so
            return VariadicAxis(shared) if alias == "SharedAxes" else NamedAxis(shared)
        t = get_proper_type(axis)
        if isinstance(t, UnpackType):
            inner = get_proper_type(t.type)
            if isinstance(inner, TypeVarTupleType) and inner.id in self.variables:
                return VariadicAxis(self.variables[inner.id])
            if isinstance(inner, TypeVarTupleType):
                name = f"{inner.name}@"  # rigid: stands for itself
                self.bindings.variadic.setdefault(name, (self.encoder.dim(t),))
                return VariadicAxis(name)
            return VariadicAxis(None)
        if isinstance(t, TypeVarType) and t.id in self.variables:
            return NamedAxis(self.variables[t.id])
        if isinstance(t, TypeVarType) and t.id in self._others:
            return AnonymousAxis()
        size = self.encoder.dim(t)
        if isinstance(size, Unknown):
            return AnonymousAxis()
        return FixedAxis(size) if isinstance(size, int) else size

    def _own(self, size: Dim) -> dict[Symbol | str, str]:
        """The symbols in a size that are variables of this call, with their names here."""
        found: dict[Symbol | str, str] = {}
        for s in symbols(size):
            owner = s.owner
            if isinstance(owner, Atom) and isinstance(owner.type, TypeVarType):
                name = self.variables.get(owner.type.id)
                if name is not None:
                    found[s] = name
        return found

    # Binding

    def unify(self, formal: Type, actual: Type, expression: Expression | None = None) -> str | None:
        """Bind `formal` against the type of an argument; the reason where it does not fit."""
        f, a = get_proper_type(formal), get_proper_type(actual)
        wanted = held(formal)
        if wanted is not None:
            given = held(annotated(formal, actual, expression, self.encoder, self.checker))
            return None if given is None else self._unify_axes(*wanted, *given)
        if isinstance(a, (AnyType, UninhabitedType)):
            return None
        if expression is not None and self.checker is not None:
            found = self._unify_display(f, expression)
            if found is not NotImplemented:
                return found if isinstance(found, str) else None
        if is_size_union(f) or is_instance(f, DIM_OF):
            size = next(i for i in _members(f) if is_instance(i, DIM_OF))
            assert isinstance(size, Instance)
            return None if isinstance(a, NoneType) else self._unify_dim(size, self.encoder.dim(a))
        if isinstance(a, UnionType):
            return self._first_fit([(f, item) for item in a.items], every=False)
        if isinstance(f, UnionType):
            return self._unify_union(f, a)
        if isinstance(f, CallableType):
            return self._unify_function(f, a)
        if isinstance(f, Instance) and isinstance(a, Instance):
            return self._unify_instances(f, a)
        if isinstance(f, Instance) and isinstance(a, (CallableType, Overloaded)):
            if wants_shapes(f.type):
                return self._each_method(f, lambda name: a if name == "__call__" else None)
        if isinstance(f, TupleType):
            return self._unify_tuple(f, a)
        if isinstance(f, Instance) and isinstance(a, TupleType):
            return self._unify_items(f, a)
        if isinstance(f, TypedDictType) and isinstance(a, TypedDictType):
            common = [(t, a.items[key]) for key, t in f.items.items() if key in a.items]
            with self._own_names():
                return self._each(common)
        return None

    def _each(self, pairs: Iterable[tuple[Type, Type]]) -> str | None:
        for formal, actual in pairs:
            reason = self.unify(formal, actual)
            if reason is not None:
                return reason
        return None

    @contextmanager
    def _own_names(self) -> Iterator[None]:
        """For a record among the arguments: its names are sizes of that one object."""
        single, variadic = self.bindings.single, self.bindings.variadic
        before = {n: d for n, d in single.items() if n.endswith("~")}
        shapes = {n: d for n, d in variadic.items() if n.endswith("~")}
        for name in before:
            del single[name]
        for name in shapes:
            del variadic[name]
        try:
            yield
        finally:
            for name in [n for n in self.bindings.single if n.endswith("~")]:
                del self.bindings.single[name]
            for name in [n for n in self.bindings.variadic if n.endswith("~")]:
                del self.bindings.variadic[name]
            self.bindings.single.update(before)
            self.bindings.variadic.update(shapes)

    def _first_fit(self, pairs: Sequence[tuple[Type, Type]], *, every: bool) -> str | None:
        """Bind what those of several possibilities agree on that fit; with `every` off one must."""
        before, waiting = self.bindings, list(self._waiting)
        outcomes: list[Bindings] = []
        reason = None
        for formal, actual in pairs:
            self.bindings = before.copy()
            problem = self.unify(formal, actual)
            if problem is None:
                outcomes.append(self.bindings)
            reason = reason or problem
        self.bindings, self._waiting = before, waiting
        if outcomes:
            self.bindings = _common(outcomes)
        return None if outcomes and not (every and reason) else reason

    def _unify_union(self, f: UnionType, a: ProperType) -> str | None:
        candidates = [
            item
            for item in map(get_proper_type, f.items)
            if speaks_of_shapes(item) and _may_be(item, a)
        ]
        reason = None
        for item in candidates:
            before = self.bindings.copy()
            problem = self.unify(item, a)
            if problem is None:
                return None
            self.bindings = before
            reason = reason or problem
        others = [i for i in map(get_proper_type, f.items) if not speaks_of_shapes(i)]
        if any(_may_be(item, a) for item in others):
            return None
        return reason

    def _unify_instances(self, f: Instance, a: Instance) -> str | None:
        if not a.type.has_base(f.type.fullname):
            return self._unify_protocol(f, a) if f.type.is_protocol else None
        if f.type.fullname == TENSOR:
            return self._unify_tensor(f, a)
        above = map_instance_to_supertype(a, f.type)
        places = dim_places(f.type)
        for i, (x, y) in enumerate(zip(f.args, above.args, strict=False)):
            is_module = i in places
            wanted = get_proper_type(x)
            if is_choice(wanted):
                continue  # mypy has seen to it
            if isinstance(wanted, TypeVarType) and wanted.id not in self.variables and is_module:
                if not isinstance(get_proper_type(y), (LiteralType, TypeVarType)):
                    continue  # a module's inner module
            dim = isinstance(wanted, TypeVarType) and wanted.id in self.variables
            if dim or isinstance(wanted, LiteralType) or (is_module and _is_axis(wanted)):
                reason = self._unify_dim(x, self.encoder.dim(y))
            else:
                reason = self.unify(x, y)
            if reason is not None:
                return reason
        return None

    def _unify_protocol(self, f: Instance, a: Instance) -> str | None:
        """An object where one with such methods is wanted: they are matched as functions."""
        return self._each_method(f, lambda name: find_member(name, a, a))

    def _each_method(self, f: Instance, member: Callable[[str], Type | None]) -> str | None:
        for name in f.type.protocol_members:
            wanted, own = find_member(name, f, f), member(name)
            function = get_proper_type(wanted) if wanted is not None else None
            if own is not None and isinstance(function, CallableType):
                reason = self._unify_method(function, get_proper_type(own))
                if reason is not None:
                    return reason if name == "__call__" else f'"{name}": {reason}'
        return None

    def _unify_method(self, wanted: CallableType, own: ProperType) -> str | None:
        """A method of a protocol, which may be called with any sizes. One that takes some alone is
        accepted, for these may be all that it is called with; what it returns must fit."""
        function = freshen_function_type_vars(wanted)
        self._add_variables(function)
        variables = function.variables
        function = function.copy_modified(variables=())
        reason = self._unify_function(function, own)
        if reason is not None:
            return reason
        for v in variables:  # those that it leaves open stand for themselves
            name = self.variables.get(v.id)
            if name is None:
                continue
            if isinstance(v, TypeVarTupleType):
                self.bindings.variadic[name] = (self.encoder.dim(UnpackType(v)),)
            elif isinstance(self.bindings.single.get(name, UNKNOWN), Unknown):
                self.bindings.single[name] = self.encoder.dim(v)
        reason = self._unify_function(function, own)
        return reason if reason is not None and reason.startswith("it returns") else None

    def _unify_tuple(self, f: TupleType, a: ProperType) -> str | None:
        if any(isinstance(get_proper_type(i), UnpackType) for i in f.items):
            return None
        if isinstance(a, TupleType):
            if len(f.items) != len(a.items):
                return None
            pairs = zip(f.items, a.items, strict=True)
            if not f.partial_fallback.type.is_named_tuple:
                return self._each(pairs)
            with self._own_names():
                return self._each(pairs)
        if is_instance(a, "builtins.tuple") and isinstance(a, Instance) and len(a.args) == 1:
            return self._each((item, a.args[0]) for item in f.items)
        return None

    def _unify_items(self, f: Instance, a: TupleType) -> str | None:
        """A tuple where a sequence is wanted."""
        fallback = a.partial_fallback
        if f.type.fullname != TENSOR and fallback.type.has_base(f.type.fullname) and f.args:
            if fallback.type.fullname == "builtins.tuple" and len(f.args) == 1:
                if any(isinstance(get_proper_type(i), UnpackType) for i in a.items):
                    return None
                return self._each((f.args[0], item) for item in a.items)
            return self._unify_instances(f, fallback)
        return None

    def _unify_display(self, f: ProperType, expression: Expression) -> object:
        """A list, tuple or dict that is written out, item by item; else `NotImplemented`."""
        items: list[tuple[Type, Expression]] = []
        if isinstance(f, UnionType):
            holders = [i for i in map(get_proper_type, f.items) if _element(i) is not None]
            if len(holders) != 1:
                return NotImplemented
            f = holders[0]
        element = _element(f)
        if isinstance(expression, (ListExpr, SetExpr)) or (
            isinstance(expression, TupleExpr) and not isinstance(f, TupleType)
        ):
            if element is None or isinstance(expression, DictExpr):
                return NotImplemented
            items = [(element, e) for e in expression.items]
        elif isinstance(expression, TupleExpr) and isinstance(f, TupleType):
            if len(f.items) != len(expression.items):
                return NotImplemented
            items = list(zip(f.items, expression.items, strict=True))
        elif isinstance(expression, DictExpr) and isinstance(f, Instance) and len(f.args) == 2:
            items = [(f.args[1], e) for _, e in expression.items]
        elif isinstance(expression, ListComprehension) and element is not None:
            items = [(element, expression.generator.left_expr)]
        elif isinstance(expression, ConditionalExpr) and element is not None:
            return NotImplemented
        else:
            return NotImplemented
        assert self.checker is not None
        if any(self.checker.lookup_type_or_none(inner) is None for _, inner in items):
            return NotImplemented
        for formal, inner in items:
            reason = self.unify(formal, self.checker.lookup_type(inner), inner)
            if reason is not None:
                return reason
        return None

    # Tensors and sizes

    def _unify_dim(self, formal: Type, size: Dimension) -> str | None:
        if isinstance(size, Unknown):
            return None
        inner = get_proper_type(formal)
        if isinstance(inner, Instance) and inner.type.fullname == DIM_OF:
            formal = inner.args[0]
        reason = self._bind([formal], (size,))
        if reason is None:
            return None
        return reason.removesuffix(" (axis 0)").replace("axis 0 is", "it is", 1)

    def _unify_tensor(self, f: Instance, a: Instance) -> str | None:
        if a.type.fullname != TENSOR:
            a = map_instance_to_supertype(a, f.type)
        return self._unify_axes(f.args[0], f.args[1:], a.args[0], a.args[1:])

    def _unify_axes(
        self, element: Type, axes: Sequence[Type], own: Type, given_axes: Sequence[Type]
    ) -> str | None:
        wanted = TensorType(self.encoder.dtype(element), ())
        given = TensorType(self.encoder.dtype(own), tuple(self.encoder.dim(x) for x in given_axes))
        if not dtypes.members(wanted.dtype) & dtypes.members(given.dtype):
            return f"it wants dtype {wanted.dtype}, not {given.dtype}"
        if not open_rank(given.shape):
            return self._bind(axes, given.shape)
        split = next((i for i, x in enumerate(axes) if _is_unpack(x)), None)
        if split is not None:
            return self._bind(axes, _widened(given.shape, split, len(axes) - split - 1))
        place = next(i for i, d in enumerate(given.shape) if is_variadic(d))
        hidden = len(axes) - (len(given.shape) - 1)
        if hidden < 0:
            return f"it has at least {_count(len(given.shape) - 1)}, not {len(axes)}"
        filled = (*given.shape[:place], *(UNKNOWN,) * hidden, *given.shape[place + 1 :])
        return self._bind(axes, filled)

    def _bind(self, axes: Sequence[Type], shape: Sequence[Dimension]) -> str | None:
        found = [self._axis(x) for x in axes]
        parsed: list[Axis] = [AnonymousAxis() if isinstance(x, Dim) else x for x in found]
        for i, axis in enumerate(parsed):
            if isinstance(axis, VariadicAxis) and axis.name is not None:
                end = len(shape) - (len(parsed) - i - 1)
                if self._is_loose(axis, tuple(shape[i:end])):
                    parsed[i] = VariadicAxis(None)
        spec = ShapeSpec(tuple(parsed), "")
        known = {*self.bindings.single, *self.bindings.variadic}
        reason = bind(spec, shape, self.bindings)
        if reason is not None:
            text = " ".join(map(str, found)).replace("@", "").replace("~", "")
            return self._with_origin(reason.replace(f"as '{spec}' wants", f"as '{text}' wants"))
        for name in {*self.bindings.single, *self.bindings.variadic} - known:
            self._origins[name] = self._label
        split = next((i for i, x in enumerate(found) if isinstance(x, VariadicAxis)), len(found))
        for i, x in enumerate(found):
            if isinstance(x, Dim):
                place = i if i < split else len(shape) - (len(found) - i)
                waiting = _Waiting(x, shape[place], place, self._argument)
                if self._ready(x):
                    reason = self._check(waiting)
                    if reason is not None:
                        return reason
                else:
                    self._waiting.append(waiting)
        return None

    def _is_loose(self, axis: VariadicAxis, axes: Shape) -> bool:
        """Whether nobody can tell that these are the axes of that name: some are unknown."""
        assert axis.name is not None
        bound = self.bindings.variadic.get(axis.name)
        if bound is None:
            return False
        if axis.broadcast or axis.name in self.bindings.widening:
            return open_rank(axes) or open_rank(bound)
        if any(map(_is_any_axes, bound)) and not any(map(_is_any_axes, axes)):
            del self.bindings.variadic[axis.name]  # now it is known better
            return False
        return any(map(_is_any_axes, axes))

    def _ready(self, expression: Dim) -> bool:
        return all(n in self.bindings.single for n in self._own(expression).values())

    def _value(self, expression: Dim) -> Dimension:
        known: dict[Symbol | str, Dimension] = {
            s: self.bindings.single[n]
            for s, n in self._own(expression).items()
            if n in self.bindings.single
        }
        return substitute(expression, known)

    def _check(self, waiting: _Waiting) -> str | None:
        value = self._value(waiting.expression)
        if agree(value, waiting.size):
            return None
        known = ", ".join(
            f"{n} is {self.bindings.single[n]}{self._from(n)}"
            for n in sorted(set(self._own(waiting.expression).values()))
        )
        text = str(waiting.expression)
        shown = f"{text} is {value}" if str(value) != text else text
        if known:
            return f"axis {waiting.place} is {waiting.size}, but {shown}: {known}"
        return f"axis {waiting.place} is {waiting.size}, not {shown}"

    def _settle(self) -> list[tuple[int, str]]:
        """Check the expressions whose names are bound by now, solve those with one unbound."""
        problems: list[tuple[int, str]] = []
        progress = True
        while progress:
            progress = False
            for waiting in list(self._waiting):
                own = self._own(waiting.expression)
                if self._ready(waiting.expression):
                    reason = self._check(waiting)
                else:
                    unbound = {s for s, n in own.items() if n not in self.bindings.single}
                    value = self._value(waiting.expression)
                    solved = solve(
                        value, waiting.size, [s for s in unbound if isinstance(s, Symbol)]
                    )
                    if solved is None:
                        continue
                    if isinstance(solved, tuple):
                        self.bindings.single[own[solved[0]]] = solved[1]
                        self._origins[own[solved[0]]] = self._label
                        reason = None
                    else:
                        reason = f"axis {waiting.place} is {waiting.size}, and {solved}"
                self._waiting.remove(waiting)
                progress = True
                if reason is not None:
                    problems.append((waiting.argument, reason))
        return problems

    def _from(self, name: str) -> str:
        origin = self._origins.get(name)
        return f" from {origin}" if origin and origin != self._label else ""

    def _with_origin(self, reason: str) -> str:
        """A reason of `bind` with the argument that bound the name before."""
        head, but, tail = reason.partition(" but here it is ")
        if not but:
            return reason
        start, _, rest = head.partition("'")
        quoted, _, end = rest.partition("' is ")
        name = quoted.lstrip("*")
        return f"{start}'{quoted.rstrip('~@')}' is {end}{self._from(name)}{but}{tail}"

    # Functions

    def _unify_function(self, f: CallableType, a: ProperType) -> str | None:
        """A function where one is wanted: it is called with what is bound so far."""
        if not speaks_of_shapes(f):
            return None
        if isinstance(a, Instance):
            member = find_member("__call__", a, a)
            a = get_proper_type(member) if member is not None else a
        if isinstance(a, Overloaded):
            return self._first_fit([(f, item) for item in a.items], every=False)
        if not isinstance(a, CallableType):
            return None
        if f.variables:  # it is to take any sizes; of one that takes some nobody can tell
            own = {v.id: unknown() for v in f.variables if isinstance(v, TypeVarType)}
            opened = expand_type(f.copy_modified(variables=()).accept(Axes(self._opened(f))), own)
            assert isinstance(opened, CallableType)
            f = opened
        inner = Binder(a, self.encoder, self.checker)
        if not f.is_ellipsis_args and f.param_spec() is None:
            for i, formal in enumerate(f.arg_types):
                if f.arg_kinds[i] != ARG_POS:
                    continue
                wanted = a.argument_by_position(i)
                if wanted is None:
                    continue
                given = self.fill(formal)
                inner._label = f"argument {i + 1}"
                reason = inner.unify(wanted.typ, given)
                if reason is not None:
                    return (
                        f"it is called with {self.describe(given)}, "
                        f"but takes {self.describe(wanted.typ)}: {reason}"
                    )
                reason = self.unify(formal, inner.fill(wanted.typ))
                if reason is not None:
                    return reason
        inner._settle()
        result = inner.fill(a.ret_type)
        reason = self.unify(f.ret_type, result)
        if reason is None:
            return None
        return (
            f"it returns {self.describe(result)}, expected "
            f"{self.describe(self.fill(f.ret_type, keep=True))}: {reason}"
        )

    def _opened(self, f: CallableType) -> Callable[[Type], list[Type]]:
        """Makes the axes that a function type names itself unknown."""
        ids = {v.id for v in f.variables}

        def opened(axis: Type) -> list[Type]:
            collector = TypeCollector()
            for part in _parts(axis):
                part.accept(collector)
            if not any(v.id in ids for v in collector.variables):
                return [axis]
            return [self.encoder.unknown_axes() if _is_unpack(axis) else unknown()]

        return opened

    # Results

    def fill(self, t: Type, *, keep: bool = False) -> Type:
        """A type with the dims of this call in place of the signature's; what is not bound is
        unknown, or with `keep` stays."""
        filled = t.accept(Axes(lambda axis: self._fill_axis(axis, keep)))
        if keep or not self.variables:
            return filled
        # Classes that are no modules may be generic in dims too.
        collector = TypeCollector()
        filled.accept(collector)
        left = [v for v in collector.variables if v.id in self.variables]
        own = {v.id: self._fill_axis(v, keep)[0] for v in left if isinstance(v, TypeVarType)}
        return expand_type(filled, own) if own else filled

    def fill_parameters(self, formal: Type, relaxed: Type) -> Type:
        """A relaxed formal in which functions take what is bound so far: what a lambda is checked
        with."""
        f, r = get_proper_type(formal), get_proper_type(relaxed)
        if isinstance(f, CallableType) and isinstance(r, CallableType):
            return r.copy_modified(arg_types=[self.fill(t) for t in f.arg_types])
        if isinstance(f, Instance) and isinstance(r, Instance) and len(f.args) == len(r.args):
            return r.copy_modified(args=list(map(self.fill_parameters, f.args, r.args)))
        if isinstance(f, UnionType) and isinstance(r, UnionType) and len(f.items) == len(r.items):
            return UnionType.make_union(list(map(self.fill_parameters, f.items, r.items)))
        if isinstance(f, TupleType) and isinstance(r, TupleType) and len(f.items) == len(r.items):
            return r.copy_modified(items=list(map(self.fill_parameters, f.items, r.items)))
        return relaxed

    def _fill_axis(self, axis: Type, keep: bool) -> list[Type]:
        t = get_proper_type(axis)
        if isinstance(t, UnpackType):
            inner = get_proper_type(t.type)
            if isinstance(inner, TypeVarTupleType) and inner.id in self.variables:
                bound = self.bindings.variadic.get(self.variables[inner.id])
                if bound is None or self.failed:
                    return [axis] if keep else [self.encoder.unknown_axes()]
                return [self.encoder.axis_type(d) for d in bound]
            return [axis]
        if isinstance(t, TypeVarType) and t.id in self.variables:
            size = self.bindings.single.get(self.variables[t.id])
            if size is None or self.failed:
                return [axis] if keep else [unknown()]
            return [self.encoder.axis_type(size)]
        size = self.encoder.dim(t)
        if isinstance(size, Dim):
            if not self._own(size):
                return [self.encoder.axis_type(size)]
            if self.failed or not self._ready(size):
                return [axis] if keep else [unknown()]
            return [self.encoder.axis_type(self._value(size))]
        # mypy has put numbers in the place of an expression's names: it is a number by now.
        return [self.encoder.axis_type(size)] if isinstance(t, Instance) else [axis]

    def describe(self, t: Type) -> str:
        """A type as annotations spell it."""
        array = held(t)
        if array is not None:
            assert isinstance(t, TypeAliasType)
            whole = get_proper_type(t)
            name = whole.type.name if isinstance(whole, Instance) else "Any"
            return self._spelled(name, *array)
        p = get_proper_type(t)
        if is_instance(p, TENSOR) and isinstance(p, Instance):
            return self._spelled("Tensor", p.args[0], p.args[1:])
        if is_size_union(p) or is_instance(p, DIM_OF):
            return f'Size["{format_shape((self.encoder.dim(p),))}"]'
        if isinstance(p, Instance) and p.last_known_value is not None:
            return repr(p.last_known_value.value)
        if isinstance(p, LiteralType):
            return repr(p.value)
        if isinstance(p, NoneType):
            return "None"
        if isinstance(p, UnionType):
            return " | ".join(self.describe(item) for item in p.items)
        if isinstance(p, TupleType):
            return f"tuple[{', '.join(self.describe(item) for item in p.items)}]"
        if isinstance(p, CallableType):
            taken = ", ".join(self.describe(item) for item in p.arg_types)
            return f"({taken}) -> {self.describe(p.ret_type)}"
        if isinstance(p, Instance) and p.args and not p.type.has_base(MODULE):
            inside = ", ".join(self.describe(item) for item in p.args)
            return f"{p.type.name}[{inside}]"
        if isinstance(p, Instance) and p.type.has_base(MODULE):
            names = [v.name for v in p.type.defn.type_vars]
            count = names.index(BUILT) if BUILT in names else None
            dims = [x for x in p.args[:count] if _is_axis(get_proper_type(x))]
            shown = ", ".join(str(self.encoder.dim(x)) for x in dims)
            return f"{p.type.name}[{shown}]" if shown else p.type.name
        return p.type.name if isinstance(p, Instance) else spell(str(p))

    def _spelled(self, name: str, element: Type, axes: Sequence[Type]) -> str:
        tensor = TensorType(self.encoder.dtype(element), tuple(self.encoder.dim(x) for x in axes))
        shape = " ".join(
            str(self._axis(x)).replace("~", "") if _alias(x) else format_shape((d,))
            for x, d in zip(axes, tensor.shape, strict=True)
        )
        return f'{annotation_name(tensor.dtype)}[{name}, "{shape}"]'


def _common(outcomes: Sequence[Bindings]) -> Bindings:
    """What several bindings agree on; where they differ, the size is unknown."""
    first = outcomes[0].copy()
    for other in outcomes[1:]:
        for name, size in other.single.items():
            mine = first.single.get(name, size)
            first.single[name] = mine if repr(mine) == repr(size) else UNKNOWN
        for name, shape in other.variadic.items():
            known = first.variadic.get(name, shape)
            if repr(known) != repr(shape):
                first.variadic.pop(name, None)
            else:
                first.variadic[name] = known
    return first


def _takes_function(formal: Type) -> bool:
    t = get_proper_type(formal)
    if isinstance(t, Instance):
        return t.type.fullname != TENSOR and any(map(_takes_function, t.args))
    if isinstance(t, (UnionType, TupleType)):
        return any(map(_takes_function, t.items))
    return isinstance(t, CallableType)


def _members(t: ProperType) -> list[ProperType]:
    return [get_proper_type(i) for i in t.items] if isinstance(t, UnionType) else [t]


def is_size_union(t: ProperType) -> bool:
    """Whether a type is `Size["n"]`, alone or optional."""
    return (
        isinstance(t, UnionType)
        and any(is_instance(i, DIM_OF) for i in _members(t))
        and all(
            isinstance(i, NoneType) or is_instance(i, DIM_OF) or is_instance(i, "builtins.int")
            for i in _members(t)
        )
    )


def _is_axis(t: ProperType) -> bool:
    """Whether a type argument of a module is a dim."""
    if isinstance(t, Instance):
        return t.type.fullname.startswith("typedflux.static.") or t.last_known_value is not None
    return isinstance(t, (LiteralType, TypeVarType, AnyType, UnpackType))


def _is_unpack(t: Type) -> bool:
    return isinstance(get_proper_type(t), UnpackType)


def _element(f: ProperType) -> Type | None:
    """The type of the items in a collection."""
    if isinstance(f, Instance) and len(f.args) == 1 and f.type.fullname != TENSOR:
        if f.type.module_name in ("builtins", "typing", "collections.abc", "collections"):
            return f.args[0]
    return None


def _may_be(item: ProperType, a: ProperType) -> bool:
    """Whether a value of type `a` may be meant for a member of a union."""
    if isinstance(item, AnyType):
        return True
    if isinstance(item, (CallableType, Overloaded)):
        return isinstance(a, (CallableType, Overloaded)) or find_call(a)
    if isinstance(item, TupleType):
        return isinstance(a, TupleType) or is_instance(a, "builtins.tuple")
    if isinstance(item, Instance):
        if isinstance(a, TupleType):
            return a.partial_fallback.type.has_base(item.type.fullname)
        if isinstance(a, LiteralType):
            return a.fallback.type.has_base(item.type.fullname)
        return is_instance(a, item.type.fullname)
    return isinstance(a, type(item))


def find_call(a: ProperType) -> bool:
    """Whether an instance can be called."""
    return isinstance(a, Instance) and a.type.get_method("__call__") is not None


def held(t: Type) -> tuple[Type, list[Type]] | None:
    """The dtype and the axes of an annotated array of another library."""
    if isinstance(t, TypeAliasType) and t.alias is not None and t.alias.fullname == HELD:
        _, element, *axes = t.args
        return element, axes
    return None


def annotated(
    formal: Type,
    actual: Type,
    expression: Expression | None,
    encoder: Encoder,
    checker: TypeChecker | None,
) -> Type:
    """The type of an argument; with its annotation, where that is known, if it is wanted to be an
    annotated array of another library."""
    wanted = get_proper_type(formal)
    if held(formal) is None and not any(held(i) for i in getattr(wanted, "items", ())):
        return actual
    found: Type | None = actual
    # Of a variable the annotation may be outdated: it may have been assigned something else.
    known = held(actual) is not None and not isinstance(expression, NameExpr)
    if not known and expression is not None and checker is not None:
        found = encoder.annotation(expression, checker)
    whole = get_proper_type(actual)
    if isinstance(found, UnionType):
        alike = [i for i in found.items if get_proper_type(i) == whole and held(i)]
        found = alike[0] if len(alike) == 1 else None
    return whole if found is None else found


def _is_any_axes(size: Dimension) -> bool:
    """Whether this stands for any number of unknown axes."""
    return is_variadic(size) and any(s.kind == "flexible" for s in symbols(size))


def _count(axes: int) -> str:
    return "1 axis" if axes == 1 else f"{axes} axes"


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
