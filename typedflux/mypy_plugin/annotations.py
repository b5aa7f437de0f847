"""Annotations to types: jaxtyping's strings, `Size["n"]`, and modules subscripted with dims.

A name in a function's signature becomes a type variable of that function, so that mypy itself
treats the function as generic: fresh at each call, rigid in the body. A name that is a type
variable of the enclosing class means that one.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from mypy.errorcodes import ErrorCode
from mypy.nodes import (
    Block,
    ClassDef,
    Decorator,
    FuncDef,
    ImportFrom,
    MypyFile,
    OverloadedFuncDef,
    Statement,
    TypeInfo,
    TypeVarExpr,
    TypeVarTupleExpr,
)
from mypy.plugin import AnalyzeTypeContext
from mypy.semanal import SemanticAnalyzer
from mypy.tvar_scope import TypeVarLikeScope
from mypy.typeanal import TypeAnalyser
from mypy.types import (
    AnyType,
    CallableType,
    Instance,
    Overloaded,
    ProperType,
    RawExpressionType,
    Type,
    TypeOfAny,
    TypeVarLikeType,
    UnboundType,
    UnionType,
    UnpackType,
    get_proper_type,
)

from typedflux.mypy_plugin.encoding import DIM_OF, DTYPE_OF_CLASS, STATIC, TENSOR, Encoder, unknown
from typedflux.mypy_plugin.guarding import harmless
from typedflux.mypy_plugin.traversal import TypeCollector
from typedflux.shapes.dims import UNKNOWN, Dim, Dimension
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

ANNOTATION = ErrorCode("tensor-annotation", "A shape annotation is malformed", "typedflux")


class Annotations:
    """The type-analysis hooks, for one run of mypy."""

    def __init__(self, encoder: Encoder) -> None:
        self.encoder = encoder
        self._patched: set[int] = set()

    # Hooks

    def tensor(self, ctx: AnalyzeTypeContext) -> Type:
        """`Float32[Tensor, "batch 784"]`, which mypy sees as `Annotated[Tensor, "batch 784"]`."""
        analyser, semantic = _apis(ctx)
        args = ctx.type.args
        base = analyser.anal_type(args[0]) if args else unknown()
        dtype = self._jaxtyping_name(ctx.type.name, semantic)
        text = literal_text(args[1]) if len(args) == 2 else None
        proper = get_proper_type(base)
        if (
            dtype is None
            or text is None
            or not self.encoder.ready
            or not isinstance(proper, Instance)
            or proper.type.fullname != TENSOR
        ):
            return base
        axes = self._axes(text, ctx)
        element = unknown() if dtype == "Shaped" else self.encoder.instance(f"{STATIC}.{dtype}")
        return proper.copy_modified(args=[element, *axes])

    def size(self, ctx: AnalyzeTypeContext) -> Type:
        """`Size["n"]`, `Size[In]`, `Size`."""
        analyser, _ = _apis(ctx)
        integer = analyser.named_type("builtins.int")
        if not ctx.type.args or not self.encoder.ready:
            return integer
        axis = self._dim_argument(ctx.type.args[0], ctx)
        return UnionType([integer, self.encoder.instance(DIM_OF, [axis])])

    def module(self, info: TypeInfo, ctx: AnalyzeTypeContext) -> Type:
        """`Dense[784, 128]`, `Tower["du", "2*d"]`: a module with its dims spelled out."""
        args: list[Type] = [self._dim_argument(a, ctx) for a in ctx.type.args]
        wanted = len(info.defn.type_vars)
        omitted = info.defn.type_vars[len(args) :]
        if not args or all(v.has_default() for v in omitted):
            args += [unknown() for _ in omitted]
        if len(args) != wanted:
            ctx.api.fail(
                f"{info.name} has {wanted} dims, {len(args)} are given",
                ctx.context,
                code=ANNOTATION,
            )
            args = [unknown() for _ in range(wanted)]
        return Instance(info, args, ctx.type.line, ctx.type.column)

    # Reading

    def _jaxtyping_name(self, name: str, semantic: SemanticAnalyzer) -> str | None:
        """The data type's own name, whatever it was imported as."""
        last = name.rpartition(".")[2]
        for entry in semantic.modules[semantic.cur_mod_id].imports:
            if isinstance(entry, ImportFrom) and entry.id == "jaxtyping":
                for original, alias in entry.names:
                    if alias == last:
                        last = original
        return last if last in DTYPE_OF_CLASS else None

    def _dim_argument(self, argument: Type, ctx: AnalyzeTypeContext) -> Type:
        analyser, semantic = _apis(ctx)
        text = literal_text(argument)
        if text is None:
            return analyser.anal_type(argument)
        _forget_undefined_names(semantic, argument)
        axes = self._axes(text, ctx)
        return axes[0] if len(axes) == 1 else unknown()

    def _axes(self, text: str, ctx: AnalyzeTypeContext) -> list[Type]:
        try:
            spec = parse(text)
        except AnnotationError as error:
            ctx.api.fail(str(error), ctx.context, code=ANNOTATION)
            return [self.encoder.unknown_axes()]
        return [self._axis(axis, ctx) for axis in spec.axes]

    def _axis(self, axis: Axis, ctx: AnalyzeTypeContext) -> Type:
        match axis:
            case FixedAxis(size=size):
                return self.encoder.axis_type(size)
            case AnonymousAxis():
                return unknown()
            case VariadicAxis(name=name):
                variable = self._variable(name, ctx, variadic=True) if name else None
                if variable is None or axis.broadcast:
                    return self.encoder.unknown_axes()
                return UnpackType(variable)
            case NamedAxis(name=name):
                if axis.broadcast or axis.tree:
                    return unknown()
                return self._variable(name, ctx, variadic=False) or unknown()
            case ExpressionAxis(text=text):
                return self.encoder.axis_type(self._expression(text, ctx))
        return unknown()

    def _expression(self, text: str, ctx: AnalyzeTypeContext) -> Dimension:
        sizes: dict[str, object] = {}
        for name in names_in(text):
            variable = self._variable(name, ctx, variadic=False)
            sizes[name] = UNKNOWN if variable is None else self.encoder.dim(variable)
        try:
            value = evaluate_expression(text, sizes)
        except AnnotationError as error:
            if UNKNOWN not in sizes.values():
                ctx.api.fail(str(error), ctx.context, code=ANNOTATION)
            return UNKNOWN
        return value if isinstance(value, (int, Dim)) else UNKNOWN

    # Names

    def _variable(
        self, name: str, ctx: AnalyzeTypeContext, *, variadic: bool
    ) -> TypeVarLikeType | None:
        """The type variable that a name in an annotation means here."""
        analyser, semantic = _apis(ctx)
        declared = semantic.lookup_qualified(name, ctx.context, suppress_errors=True)
        if declared is not None and isinstance(declared.node, (TypeVarExpr, TypeVarTupleExpr)):
            bound = analyser.tvar_scope.get_binding(declared)
            if bound is not None:
                return bound
        scope: TypeVarLikeScope | None = analyser.tvar_scope
        while scope is not None and not scope.namespace:
            scope = scope.parent
        if scope is None:
            return None
        stack = semantic.function_stack
        if stack and stack[-1].fullname == scope.namespace:
            return _find_variable(stack[-1].type, name)
        if scope.is_class_scope:
            return None
        fullname = f"{scope.namespace}.{name}"
        bound = scope.get_binding(fullname)
        if bound is None:
            bound = scope.bind_new(
                name, self._declare(name, fullname, variadic), _ignore, ctx.context
            )
        self._generalise_later(semantic)
        return bound

    def _declare(self, name: str, fullname: str, variadic: bool) -> TypeVarExpr | TypeVarTupleExpr:
        anything = self.encoder.instance("builtins.object")
        default = AnyType(TypeOfAny.from_omitted_generics)
        if variadic:
            items = self.encoder.instance("builtins.tuple", [anything])
            return TypeVarTupleExpr(name, fullname, items, items, default)
        return TypeVarExpr(name, fullname, [], anything, default)

    def _generalise_later(self, semantic: SemanticAnalyzer) -> None:
        """Once the module is analysed, list the new type variables in its functions' types."""
        tree = semantic.modules[semantic.cur_mod_id]
        if id(tree) not in self._patched:
            self._patched.add(id(tree))
            semantic.schedule_patch(5, lambda: self._generalise(tree))

    @harmless(None)
    def _generalise(self, tree: MypyFile) -> None:
        self._patched.discard(id(tree))
        for function in functions(tree.defs):
            kind = function.type
            if isinstance(kind, CallableType):
                add_variables(kind)
            if isinstance(kind, Overloaded):
                for item in kind.items:
                    add_variables(item)


def _ignore(message: str, context: object) -> None:
    """Binding a fresh name cannot fail in a way the user should read about."""


def _apis(ctx: AnalyzeTypeContext) -> tuple[TypeAnalyser, SemanticAnalyzer]:
    analyser = ctx.api
    assert isinstance(analyser, TypeAnalyser)
    semantic = analyser.api
    assert isinstance(semantic, SemanticAnalyzer)
    return analyser, semantic


def literal_text(t: Type) -> str | None:
    """The string (or int, as text) that a type argument was written as."""
    if isinstance(t, RawExpressionType):
        return str(t.literal_value) if isinstance(t.literal_value, (str, int)) else None
    if isinstance(t, (UnboundType, UnionType)):
        return t.original_str_expr
    return None


def _forget_undefined_names(semantic: SemanticAnalyzer, argument: Type) -> None:
    """Drop mypy's complaint that the words of a dim string are no types: it looked first."""
    names = {argument.name} if isinstance(argument, UnboundType) else set()
    messages = {f'Name "{name}" is not defined' for name in names}
    found = semantic.errors.error_info_map.get(semantic.errors.file, [])
    found[:] = [e for e in found if not (e.line == argument.line and e.message in messages)]


def _find_variable(kind: ProperType | None, name: str) -> TypeVarLikeType | None:
    if not isinstance(kind, CallableType):
        return None
    collector = TypeCollector()
    for t in (*kind.arg_types, kind.ret_type):
        t.accept(collector)
    return next((v for v in collector.variables if v.name == name), None)


def add_variables(kind: CallableType) -> None:
    """Make a function's type generic in the dims of its own annotations, in place."""
    collector = TypeCollector()
    for t in (*kind.arg_types, kind.ret_type):
        t.accept(collector)
    known = {v.id for v in kind.variables}
    owner = kind.definition.fullname if kind.definition is not None else None
    new = [
        v
        for v in collector.variables
        # mypy calls the scopes of an overloaded function's items `f#0`, `f#1`, ...
        if v.id not in known and v.id.namespace.partition("#")[0] == owner
    ]
    if new:
        kind.variables = (*kind.variables, *new)


def functions(statements: Sequence[Statement]) -> Iterator[FuncDef | OverloadedFuncDef]:
    """All functions in a block, in classes and other functions too."""
    for statement in statements:
        match statement:
            case Decorator(func=function) | (FuncDef() as function):
                yield function
                yield from functions(function.body.body)
            case OverloadedFuncDef(impl=implementation):
                yield statement
                yield from functions(statement.items)
                if implementation is not None and implementation not in statement.items:
                    yield from functions([implementation])
            case ClassDef(defs=block):
                yield from functions(block.body)
            case _:
                for attribute in ("body", "else_body", "finally_body"):
                    held = getattr(statement, attribute, None)
                    for part in held if isinstance(held, list) else [held]:
                        if isinstance(part, Block):
                            yield from functions(part.body)
