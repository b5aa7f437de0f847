"""Layers whose results annotations cannot spell: built and called on abstract tensors.

The type of such a layer holds what it was constructed from, in its last type parameter, `Built_co`:
a tuple of the names of the arguments, the places of the call and the arguments, and each argument's
type; constants are literal types. Wherever the layer is called, it is built again from that and its
own `__call__` is executed, in which other layers and functions are applied by mypy.
"""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from mypy.checker import TypeChecker
from mypy.errors import ErrorInfo
from mypy.nodes import (
    ARG_NAMED,
    ARG_POS,
    ARG_STAR,
    ArgKind,
    Context,
    Expression,
    LambdaExpr,
    TempNode,
    TypeInfo,
)
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
    TypeOfAny,
    TypeVarId,
    TypeVarTupleType,
    TypeVarType,
    UninhabitedType,
    UnionType,
    UnpackType,
    get_proper_type,
)

from typedflux.core.types import TensorType
from typedflux.dtypes import DType
from typedflux.mypy_plugin.codes import DTYPE
from typedflux.mypy_plugin.encoding import STATIC, Encoder, is_variadic
from typedflux.mypy_plugin.evaluation import Deferred, Place, Run, Undetermined
from typedflux.mypy_plugin.joining import Joins
from typedflux.mypy_plugin.messages import rewrite, spell
from typedflux.mypy_plugin.results import Alike
from typedflux.shapes.dims import Dim, Unknown
from typedflux.shapes.errors import DTypeError, ShapeError

if TYPE_CHECKING:
    from typedflux.mypy_plugin.values import Reader

LAMBDA = "<lambda>"
CONSTANT = f"{STATIC}.Constant"


# What a layer was built from, as a type


def is_built(info: TypeInfo) -> bool:
    """Whether the types of a class hold what it was built from: layers, and functions such as
    `vmap` makes."""
    return any(v.name == "Built_co" for v in info.defn.type_vars[-1:])


def built_index(t: ProperType) -> int | None:
    """Which type argument of a layer holds what it was built from."""
    return len(t.args) - 1 if isinstance(t, Instance) and t.args and is_built(t.type) else None


def recipe_of(t: ProperType) -> TupleType | None:
    """What a layer was built from, as far as its type tells."""
    index = built_index(t)
    if index is None or not isinstance(t, Instance):
        return None
    recipe = get_proper_type(t.args[index])
    return recipe if isinstance(recipe, TupleType) and len(recipe.items) >= 2 else None


def frozen(value: Any, encoder: Encoder) -> Type | None:
    """The type that holds a constant; `None` when none does."""
    if value is None:
        return NoneType()
    if isinstance(value, (bool, int, str)):
        name = type(value).__name__
        return LiteralType(value, encoder.instance(f"builtins.{name}"))
    if isinstance(value, (Dim, Unknown)):
        return encoder.size_type(value)
    if isinstance(value, (tuple, list)):
        items = [frozen(item, encoder) for item in value]
        known = [item for item in items if item is not None]
        return tuple_of(known, encoder) if len(known) == len(items) else None
    if isinstance(value, float):
        return _constant(repr(value), encoder)
    if isinstance(value, DType):
        return _constant(f"typedflux.dtypes:{value.name}", encoder)
    if inspect.isfunction(value) or inspect.isclass(value):
        return _constant(f"{value.__module__}:{value.__qualname__}", encoder)
    return None


def _constant(text: str, encoder: Encoder) -> Type:
    return encoder.instance(CONSTANT, [LiteralType(text, encoder.instance("builtins.str"))])


def recipe(
    names: Sequence[str | None], places: str, types: Sequence[Type], encoder: Encoder
) -> TupleType:
    """What a layer is built from, as a type: see the head of this file."""
    text = encoder.instance("builtins.str")
    written = ",".join("_" if name is None else name for name in names)
    return tuple_of([LiteralType(written, text), LiteralType(places, text), *types], encoder)


def tuple_of(items: Sequence[Type], encoder: Encoder) -> TupleType:
    return TupleType(list(items), encoder.instance("builtins.tuple", [AnyType(TypeOfAny.explicit)]))


def thawed(t: Instance) -> Any:
    """The constant that a type holds."""
    held = get_proper_type(t.args[0])
    assert isinstance(held, LiteralType)
    assert isinstance(held.value, str)
    if ":" not in held.value:
        return float(held.value)
    module, _, name = held.value.partition(":")
    found: Any = importlib.import_module(module)
    for part in name.split("."):
        found = getattr(found, part)
    return found


# Values that evaluations build


class Construct(Deferred):
    """A layer, built from its recipe."""

    def __init__(self, t: Instance, cls: type, args: list[Any], kwargs: dict[str, Any]) -> None:
        super().__init__()
        self.type, self.cls, self.args, self.kwargs = t, cls, args, kwargs

    def __str__(self) -> str:
        return self.cls.__name__

    def build(self, run: Run) -> Any:
        args, kwargs = run.lower(self.args), run.lower(self.kwargs)
        return self.cls(*args, **kwargs)


class Applied(Deferred):
    """A function or a layer that mypy applies by its annotations.

    `expression` is where it was written, when that is being checked right now.
    """

    def __init__(
        self, t: Type, reader: Reader, context: Context, expression: Expression | None = None
    ) -> None:
        super().__init__()
        self.type, self.reader, self.context = t, reader, context
        self.expression = expression
        self.seen: list[list[Type]] = []

    def __str__(self) -> str:
        t = get_proper_type(self.type)
        if isinstance(t, (CallableType, Overloaded)):
            return (t.items[0].name or LAMBDA).partition(" of ")[0]
        return spell(str(t))

    def build(self, run: Run) -> Any:
        return _Call(self, run)

    def apply(self, run: Run, args: Sequence[Any], kwargs: dict[str, Any]) -> Any:
        encoder = self.reader.encoder
        types = [encoded(run.open_types(value), encoder) for value in (*args, *kwargs.values())]
        names = [*(None for _ in args), *kwargs]
        self.seen.append([encoded(run.types(value), encoder) for value in args])
        result = Applier(encoder, self.reader.checker).apply(self, types, names)
        run.applied += 1
        return run.lower(self.reader.of_type(result))


class _Call:
    """What stands for a function inside an evaluation."""

    def __init__(self, applied: Applied, run: Run) -> None:
        self._applied, self._run = applied, run

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self._applied.apply(self._run, args, kwargs)


class Applier:
    """Applies callables to types, as mypy checks a call of them."""

    def __init__(self, encoder: Encoder, checker: TypeChecker) -> None:
        self.encoder, self.checker = encoder, checker

    def apply(self, applied: Applied, args: list[Type], names: Sequence[str | None]) -> Type:
        """The result's type.

        Raises:
            ShapeError: with mypy's words, when the call is refused.
        """
        t = get_proper_type(applied.type)
        if isinstance(t, UnionType):
            return self._any_of(t, applied, args, names)
        written = applied.expression
        if written is None and applied.place is not None and applied.place[0] == self.checker.path:
            written = self.encoder.lambdas.get(applied.place)
        return self._apply(t, written, applied.context, args, names)

    def _any_of(
        self, union: UnionType, applied: Applied, args: list[Type], names: Sequence[str | None]
    ) -> Type:
        results, problem = [], None
        for item in union.items:
            try:
                proper = get_proper_type(item)
                results.append(self._apply(proper, None, applied.context, args, names))
            except ShapeError as error:
                problem = problem or error
        if not results and problem is not None:
            raise problem
        joined = get_proper_type(results[0])
        for other in results[1:]:
            both = Joins(self.encoder).join(joined, get_proper_type(other))
            if both is None:
                raise Undetermined
            joined = get_proper_type(both)
        return joined

    def _apply(
        self,
        t: ProperType,
        expression: Expression | None,
        context: Context,
        args: list[Type],
        names: Sequence[str | None],
    ) -> Type:
        here = TempNode(AnyType(TypeOfAny.special_form), context=context)
        values: list[Expression] = [TempNode(a, context=context) for a in args]
        kinds: list[ArgKind] = [ARG_POS if name is None else ARG_NAMED for name in names]
        checker, inner = self.checker, self.checker.expr_checker
        with checker.msg.filter_errors(save_filtered_errors=True) as watcher:
            if isinstance(expression, LambdaExpr) and not any(names):
                found = self.inferred(expression, args)
                t = t if found is None else found.copy_modified(name=LAMBDA)
            if isinstance(t, (CallableType, Overloaded)):
                name = _fullname(t)
                callee = inner.transform_callee_type(name, t, values, kinds, here, names)
                result, _ = inner.check_call(
                    callee, values, kinds, here, names, callable_name=name
                )  # fmt: skip
            elif isinstance(t, Instance) and t.type.get_method("__call__") and not any(names):
                result, _ = inner.check_method_call_by_name("__call__", t, values, kinds, here)
            else:
                raise Undetermined
        refused = [
            info
            for info in watcher.filtered_errors()
            if info.severity == "error" and not rewrite(checker.path, info)
        ]
        if refused:
            error = refused[0]
            if isinstance(t, CallableType) and t.name == LAMBDA and not _is_ours(error):
                raise Undetermined  # reported in the lambda itself, or too little is known of it
            raise (DTypeError if error.code is DTYPE else ShapeError)(error.message)
        return result

    def inferred(self, expression: LambdaExpr, args: list[Type]) -> CallableType | None:
        """The type of a lambda for arguments of these types."""
        kinds = list(expression.arg_kinds)
        if kinds[-1:] == [ARG_STAR] and len(args) >= len(kinds) - 1:
            return self._starred(expression, args)
        if len(args) != len(kinds) or any(kind != ARG_POS for kind in kinds):
            return None
        wanted = CallableType(
            args, kinds, list(expression.arg_names), AnyType(TypeOfAny.special_form),
            self.encoder.instance("builtins.function"),
        )  # fmt: skip
        found = get_proper_type(self.checker.expr_checker.accept(expression, wanted))
        return found if isinstance(found, CallableType) else None

    def _starred(self, expression: LambdaExpr, args: list[Type]) -> CallableType | None:
        """The type of `lambda *parts: ...`, of which mypy does not look at the context: it is
        inferred as one that takes a tuple."""
        place = len(expression.arg_kinds) - 1
        rest = tuple_of(args[place:], self.encoder)
        last = expression.arguments[place]
        expression.arg_kinds[place] = last.kind = ARG_POS
        try:
            found = self.inferred(expression, [*args[:place], rest])
        finally:
            expression.arg_kinds[place] = last.kind = ARG_STAR
        if found is None:
            return None
        return found.copy_modified(
            arg_types=[*found.arg_types[:place], UnpackType(found.arg_types[place])],
            arg_kinds=[*found.arg_kinds[:place], ARG_STAR],
            arg_names=[*found.arg_names[:place], None],
        )

    def generalised(self, expression: LambdaExpr, seen: list[list[Type]]) -> CallableType | None:
        """The type of a lambda for all the arguments that it was seen with: generic in the axes of
        which nothing is known."""
        args = seen[0]
        if any(other != args for other in seen):
            args = [self._of_any_rank(a) for a in args]
        fresh = _Fresh(self.encoder, f"lambda@{expression.line}:{expression.column}")
        with self.checker.msg.filter_errors(save_filtered_errors=True) as watcher:
            found = self.inferred(expression, [fresh.type(a) for a in args])
        if found is None or any(i.severity == "error" for i in watcher.filtered_errors()):
            return None
        return found.copy_modified(variables=[*found.variables, *fresh.variables], name=LAMBDA)

    def _of_any_rank(self, t: Type) -> Type:
        p = get_proper_type(t)
        if self.encoder.tensor(p) is None or not isinstance(p, Instance):
            return t
        return p.copy_modified(args=[p.args[0], self.encoder.unknown_axes()])


def _is_ours(info: ErrorInfo) -> bool:
    return info.code is not None and info.code.code.startswith("tensor-")


class _Fresh:
    """Makes the unknown axes of types type variables."""

    def __init__(self, encoder: Encoder, namespace: str) -> None:
        self.encoder, self.namespace = encoder, namespace
        self.variables: list[TypeVarType | TypeVarTupleType] = []

    def type(self, t: Type) -> Type:
        tensor = self.encoder.tensor(t)
        proper = get_proper_type(t)
        if tensor is None or not isinstance(proper, Instance):
            return t
        return proper.copy_modified(args=[proper.args[0], *map(self._axis, proper.args[1:])])

    def _axis(self, axis: Type) -> Type:
        proper = get_proper_type(axis)
        anything = self.encoder.instance("builtins.object")
        nothing = AnyType(TypeOfAny.from_omitted_generics)
        number = len(self.variables) + 1
        name, key = f"d{number}", TypeVarId(-number, namespace=self.namespace)
        if isinstance(proper, AnyType):
            variable = TypeVarType(name, f"{self.namespace}.{name}", key, [], anything, nothing)
            self.variables.append(variable)
            return variable
        if isinstance(proper, UnpackType) and isinstance(get_proper_type(proper.type), Instance):
            items = self.encoder.instance("builtins.tuple", [anything])
            variadic = TypeVarTupleType(
                name, f"{self.namespace}.{name}", key, items, items, nothing
            )  # fmt: skip
            self.variables.append(variadic)
            return UnpackType(variadic)
        return axis


def _fullname(t: CallableType | Overloaded) -> str | None:
    definition = t.items[0].definition if isinstance(t, Overloaded) else t.definition
    return definition.fullname if definition is not None else None


# Between types and values


def is_callable(p: ProperType) -> bool:
    """Whether mypy can apply values of this type."""
    if isinstance(p, UnionType):
        return all(is_callable(get_proper_type(item)) for item in p.items)
    if isinstance(p, Instance):
        return p.type.get_method("__call__") is not None
    return isinstance(p, (CallableType, Overloaded))


def class_of(p: Instance) -> type:
    """The class itself."""
    module, _, name = p.type.fullname.rpartition(".")
    found: type = getattr(importlib.import_module(module), name)
    return found


def construct_of(p: Instance, reader: Reader) -> Construct | None:
    """The layer that a type is of, to be built; `None` when its type does not tell how."""
    held = recipe_of(p)
    if held is None:
        return None
    names, places = _text(held.items[0]), _places(held.items[1])
    args: list[Any] = []
    kwargs: dict[str, Any] = {}
    keys = names.split(",") if names else ()
    for key, item, place in zip(
        keys, held.items[2:], places[1:] or [None] * len(keys), strict=True
    ):
        value = reader.of_type(item)
        if isinstance(value, Deferred) and value.place is None:
            value.place = place
        if key == "_":
            args.append(value)
        else:
            kwargs[key] = value
    layer = Construct(p, class_of(p), args, kwargs)
    layer.place = places[0] if places else None
    return layer


def _places(t: Type) -> list[Place | None]:
    """Where a layer was constructed, and where each of its arguments stands."""
    held = get_proper_type(t)
    if not isinstance(held, LiteralType) or not isinstance(held.value, str):
        return []
    path, _, places = held.value.rpartition(":")
    return [(path, int(line), int(column)) for line, column in
            (place.split(",") for place in places.split(";"))]  # fmt: skip


def _text(t: Type) -> str:
    held = get_proper_type(t)
    if isinstance(held, LiteralType) and isinstance(held.value, str):
        return held.value
    raise Undetermined


def encoded(value: Any, encoder: Encoder) -> Type:
    """A value of an evaluation as a type.

    Raises:
        Undetermined: when no type of ours holds it.
    """
    if isinstance(value, TensorType):
        return encoder.tensor_type(value)
    if isinstance(value, (Construct, Applied)):
        return value.type
    if value is None:
        return NoneType()
    if isinstance(value, bool):
        return LiteralType(value, encoder.instance("builtins.bool"))
    if isinstance(value, (int, Dim, Unknown)):
        return encoder.size_type(value)
    if isinstance(value, tuple):
        if any(map(is_variadic, value)):
            parts: list[Type] = [
                encoder.sizes_type(v) if isinstance(v, Dim) and is_variadic(v)
                else encoded(v, encoder) for v in value
            ]  # fmt: skip
            if len(value) == 1 and isinstance(parts[0], UnpackType):
                return parts[0].type
            fallback = encoder.instance("builtins.tuple", [encoder.instance("builtins.int")])
            return TupleType(parts, fallback)
        items = [encoded(v, encoder) for v in value]
        joined = UnionType.make_union(items) if items else UninhabitedType()
        return TupleType(items, encoder.instance("builtins.tuple", [joined]))
    if isinstance(value, Alike):
        return encoder.instance(f"builtins.{value.kind.__name__}", [encoded(value.item, encoder)])
    if isinstance(value, list) and value:
        first, *rest = [encoded(v, encoder) for v in value]
        if all(item == first for item in rest):
            return encoder.instance("builtins.list", [first])
    raise Undetermined
