"""Annotations that stand in a program as values: `ensure(x, Float32[Tensor, "n d"])` and
`isinstance(x, Float32[Tensor, "n d"])`.

mypy sees an object there. It is read here; a name means what it means in the signature of the
function around, and one that is not in it is a size of its own in that function.
"""

from __future__ import annotations

from collections.abc import Iterator

from mypy.checker import TypeChecker
from mypy.errors import ErrorInfo
from mypy.nodes import (
    CallExpr,
    Expression,
    FuncItem,
    IndexExpr,
    MemberExpr,
    NameExpr,
    OpExpr,
    RefExpr,
    StrExpr,
    TupleExpr,
    TypeAlias,
    TypeInfo,
)
from mypy.plugin import FunctionContext, FunctionSigContext
from mypy.types import (
    AnyType,
    CallableType,
    Instance,
    Type,
    TypeOfAny,
    TypeType,
    TypeVarId,
    TypeVarLikeType,
    TypeVarTupleType,
    TypeVarType,
    UnionType,
    UnpackType,
    get_proper_type,
)

from typedflux.mypy_plugin.carriers import WRITTEN, carried, text_of
from typedflux.mypy_plugin.context import checker_of
from typedflux.mypy_plugin.encoding import DTYPE_OF_CLASS, STATIC, TENSOR, Encoder, unknown
from typedflux.mypy_plugin.imports import Imports
from typedflux.mypy_plugin.syntax import walk
from typedflux.mypy_plugin.traversal import speaks_of_shapes
from typedflux.shapes.dims import UNKNOWN, Dim
from typedflux.shapes.errors import AnnotationError
from typedflux.shapes.expressions import evaluate_expression, names_in
from typedflux.shapes.spec import (
    AnonymousAxis,
    Axis,
    ExpressionAxis,
    FixedAxis,
    NamedAxis,
    VariadicAxis,
    parse,
)

_GENERIC = "Parameterized generics cannot be used with class or instance checks"
ENSURE = "typedflux.checks.ensure.ensure"


class Annotated:
    """Reads annotations that are values."""

    def __init__(self, encoder: Encoder) -> None:
        self.encoder = encoder
        self.imports = Imports()

    # What uses them

    def lenient(self, ctx: FunctionSigContext) -> CallableType:
        """`isinstance` with an annotation in place of a class."""
        signature = ctx.default_signature
        if len(ctx.args) == 2 and len(ctx.args[1]) == 1:
            if self.read(ctx.args[1][0], checker_of(ctx)) is not None:
                anything = AnyType(TypeOfAny.special_form)
                return signature.copy_modified(arg_types=[signature.arg_types[0], anything])
        return signature

    def checked(self, ctx: FunctionContext) -> Type:
        """What `isinstance` has found: mypy narrows by the type of the second argument."""
        if len(ctx.args) == 2 and len(ctx.args[1]) == 1:
            checker = checker_of(ctx)
            found = self.read(ctx.args[1][0], checker)
            proper = get_proper_type(found)
            if isinstance(proper, (Instance, UnionType)):
                checker.store_type(ctx.args[1][0], TypeType.make_normalized(proper))
        return ctx.default_return_type

    def ensured(self, ctx: FunctionContext) -> Type:
        """The result of `ensure(value, annotation)`."""
        by_name = dict(zip(ctx.callee_arg_names, zip(ctx.args, ctx.arg_types, strict=True),
                           strict=True))  # fmt: skip
        (expression,), (kind,) = by_name["annotation"]
        found = self.read(expression, checker_of(ctx))
        if found is not None:
            return found
        proper = get_proper_type(kind)
        if isinstance(proper, TypeType):
            return proper.item
        return _class(expression, checker_of(ctx)) or ctx.default_return_type

    # Reading

    def read(self, expression: Expression, checker: TypeChecker) -> Type | None:
        """The type that an expression is, `None` for what is no annotation of an array."""
        match expression:
            case IndexExpr(base=RefExpr() as base, index=TupleExpr(items=[array, text])):
                name = self._dtype(base, checker)
                if name is not None and isinstance(array, RefExpr):
                    words = text.value if isinstance(text, StrExpr) else "..."
                    return self._tensor(array, name, words, checker)
            case RefExpr(node=TypeAlias(target=target)):
                return self._alias(target, checker)
            case OpExpr(op="|", left=left, right=right):
                return self._any([left, right], checker)
            case TupleExpr(items=items):
                return self._any(items, checker)
        return None

    def forgives(self, info: ErrorInfo, checker: TypeChecker | None) -> bool:
        """Whether a complaint about the second argument of `isinstance` is settled."""
        if checker is None or not info.message.startswith(_GENERIC):
            return False
        return any(
            isinstance(node, CallExpr)
            and node.line == info.line
            and len(node.args) == 2
            and self.read(node.args[1], checker) is not None
            for node in walk(checker.tree)
        )

    def _any(self, items: list[Expression], checker: TypeChecker) -> Type | None:
        held = [self.read(item, checker) or _class(item, checker) for item in items]
        known = [t for t in held if t is not None]
        if len(known) < len(held) or not any(map(speaks_of_shapes, known)):
            return None
        return UnionType.make_union(known)

    def _dtype(self, base: RefExpr, checker: TypeChecker) -> str | None:
        if not isinstance(base, (NameExpr, MemberExpr)) or base.fullname != "typing.Annotated":
            return None
        module = checker.tree.fullname
        if isinstance(base, MemberExpr):
            module = base.expr.fullname if isinstance(base.expr, RefExpr) else ""
        found = self.imports.jaxtyping_name(module, base.name, self.encoder.modules)
        found = found or base.name
        return found if found in DTYPE_OF_CLASS else None

    def _tensor(self, array: RefExpr, dtype: str, text: str, checker: TypeChecker) -> Type | None:
        info = array.node
        if isinstance(info, TypeAlias):
            held = get_proper_type(info.target)
            info = held.type if isinstance(held, Instance) else None
        if not isinstance(info, TypeInfo):
            return None
        if info.fullname != TENSOR:
            return Instance(info, [unknown() for _ in info.defn.type_vars])
        try:
            axes = parse(text).axes
        except AnnotationError:
            return self.encoder.instance(TENSOR, [unknown(), self.encoder.unknown_axes()])
        element = unknown() if dtype == "Shaped" else self.encoder.instance(f"{STATIC}.{dtype}")
        return self.encoder.instance(
            TENSOR, [element, *(self._axis(axis, checker) for axis in axes)]
        )

    def _alias(self, target: Type, checker: TypeChecker) -> Type | None:
        held = carried(target, WRITTEN)
        if held is None or len(held) < 3:
            return None
        whole, dtype, text = get_proper_type(held[0]), text_of(held[1]), text_of(held[2])
        if not isinstance(whole, Instance) or dtype not in DTYPE_OF_CLASS or text is None:
            return None
        reference = NameExpr(whole.type.name)
        reference.node = whole.type
        return self._tensor(reference, dtype, text, checker)

    def _axis(self, axis: Axis, checker: TypeChecker) -> Type:
        match axis:
            case FixedAxis(size=size, broadcast=False):
                return self.encoder.axis_type(size)
            case NamedAxis(name=name, broadcast=False, tree=False):
                return self._variable(name, checker)
            case VariadicAxis(name=str() as name, broadcast=False):
                found = self._declared(name, checker, TypeVarTupleType)
                return self.encoder.unknown_axes() if found is None else UnpackType(found)
            case VariadicAxis():
                return self.encoder.unknown_axes()
            case ExpressionAxis(text=text, broadcast=False):
                sizes = {n: self.encoder.dim(self._variable(n, checker)) for n in names_in(text)}
                try:
                    value = evaluate_expression(text, sizes)
                except AnnotationError:
                    return unknown()
                return self.encoder.axis_type(value if isinstance(value, (int, Dim)) else UNKNOWN)
            case AnonymousAxis():
                return unknown()
        return unknown()

    def _variable(self, name: str, checker: TypeChecker) -> Type:
        found = self._declared(name, checker, TypeVarType)
        if found is not None:
            return found
        scope = next(_functions(checker), checker.tree).fullname
        # Found again, it is the same; attributes forget it as they do the function's other names.
        key = TypeVarId(-1, namespace=f"{scope}#{name}")
        anything = self.encoder.instance("builtins.object")
        nothing = AnyType(TypeOfAny.from_omitted_generics)
        return TypeVarType(name, f"{scope}.{name}", key, [], anything, nothing)

    def _declared(
        self, name: str, checker: TypeChecker, kind: type[TypeVarLikeType]
    ) -> TypeVarLikeType | None:
        """The variable of that name of the functions and the class around."""
        for item in reversed(checker.scope.stack):
            if isinstance(item, FuncItem):
                t = get_proper_type(item.type)
                variables = list(t.variables) if isinstance(t, CallableType) else []
            elif isinstance(item, TypeInfo):
                variables = item.defn.type_vars
            else:
                continue
            for v in variables:
                if v.name == name and isinstance(v, kind):
                    return v
        return None


def _functions(checker: TypeChecker) -> Iterator[FuncItem]:
    for item in reversed(checker.scope.stack):
        if isinstance(item, FuncItem) and item.fullname:
            yield item


def _class(expression: Expression, checker: TypeChecker) -> Type | None:
    """The class that an expression is."""
    node = expression.node if isinstance(expression, RefExpr) else None
    if isinstance(node, TypeInfo):
        return Instance(node, [unknown() for _ in node.defn.type_vars])
    return None
