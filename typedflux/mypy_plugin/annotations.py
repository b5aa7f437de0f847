"""Annotations to types: jaxtyping's strings, `Size["n"]`, and modules subscripted with dims."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from mypy.errorcodes import ErrorCode
from mypy.nodes import (
    AssignmentStmt,
    MypyFile,
    NameExpr,
    SymbolNode,
    TypeAlias,
    TypeInfo,
    Var,
)
from mypy.plugin import AnalyzeTypeContext
from mypy.semanal import SemanticAnalyzer
from mypy.typeanal import fix_instance
from mypy.types import (
    AnyType,
    Instance,
    LiteralType,
    ParamSpecType,
    RawExpressionType,
    Type,
    TypeAliasType,
    TypeVarLikeType,
    TypeVarTupleType,
    UnboundType,
    UnionType,
    UnpackType,
    get_proper_type,
)

from typedflux import dtypes
from typedflux.mypy_plugin import leading
from typedflux.mypy_plugin.aliases import Expander, annotations_around, makes_record
from typedflux.mypy_plugin.carriers import (
    BROADCAST,
    BROADCAST_AXES,
    SHARED,
    SHARED_AXES,
    WRITTEN,
    carried,
    carry,
    mentions,
    text_of,
    text_type,
)
from typedflux.mypy_plugin.encoding import (
    DIM_OF,
    DTYPE_OF_CLASS,
    HELD,
    STATIC,
    TENSOR,
    Encoder,
    unknown,
)
from typedflux.mypy_plugin.imports import Imports
from typedflux.mypy_plugin.scopes import Scopes, apis
from typedflux.shapes.dims import UNKNOWN, Dim, Dimension, Unknown, symbol
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

BASES = frozenset(
    {TENSOR, "numpy.ndarray", "torch.Tensor", "torch._tensor.Tensor", "jax.Array",
     "jax._src.basearray.Array", "jax.typing.ArrayLike", "jax._src.typing.ArrayLike",
     "numpy.typing.NDArray", "numpy._typing._array_like.NDArray", "typing.Any"}
)  # fmt: skip
"""Classes of arrays, whose annotations are followed into aliases."""

_SCALARS = frozenset({"builtins.bool", "builtins.int", "builtins.float", "builtins.complex"})
_SIZE, _MODULE = "Size", "Module"  # kinds of what an alias may stand for besides dtypes


class Annotations:
    """The type-analysis hooks, for one run of mypy."""

    def __init__(self, encoder: Encoder) -> None:
        self.encoder = encoder
        self.scopes = Scopes(encoder)
        self.imports = Imports()
        self.after: Callable[[MypyFile], None] = lambda tree: None
        """What is to be done to a module that annotates arrays of other libraries."""
        self.bypassed: str | None = None
        """The name whose hook mypy shall not find the next time, to analyse it by itself."""
        self.local_aliases: set[str] = set()
        """The names of aliases that are defined in functions, where no hook can look them up."""

    # Hooks

    def tensor(self, ctx: AnalyzeTypeContext) -> Type:
        """`Float32[Tensor, "batch 784"]`, which mypy sees as `Annotated[Tensor, "batch 784"]`."""
        analyser, semantic = apis(ctx)
        args = ctx.type.args
        dtype = self._jaxtyping_name(ctx.type.name, semantic, ctx)
        if dtype is None and ctx.type.name.rpartition(".")[2] == "Leading" and len(args) == 2:
            return self._leading(args[0], self._text(args[1], "Leading", ctx), ctx)
        if dtype is None and ctx.type.name.rpartition(".")[2] == "Taking" and len(args) == 2:
            words = self._text(args[1], "Taking", ctx) or ""
            held = [analyser.anal_type(args[0]), text_type(self.encoder, words)]
            return carry(self.encoder, f"{STATIC}.Takes", held)
        if dtype is None:
            return analyser.anal_type(args[0]) if args else unknown()
        if len(args) != 2:
            return self._refuse(f'{dtype} takes a class and a shape: {dtype}[Tensor, "n 3"]', ctx)
        base = analyser.anal_type(args[0])
        text = self._text(args[1], dtype, ctx)
        if analyser.defining_alias:
            return self._written(base, dtype, text, ctx)
        return self._annotated(base, dtype, text, ctx, nested=self._is_nested(args[0], ctx))

    def _leading(self, whole: Type, text: str | None, ctx: AnalyzeTypeContext) -> Type:
        base = apis(ctx)[0].anal_type(whole)
        if text is None or "->" not in text:
            return base
        names = leading.variables_in(text)
        return leading.moved(base, text, [self._named(n, ctx) for n in names], self.encoder)

    def size(self, ctx: AnalyzeTypeContext) -> Type:
        """`Size["n"]`, `Size[In]`, `Size`."""
        analyser, _ = apis(ctx)
        integer = analyser.named_type("builtins.int")
        if not ctx.type.args:
            return integer
        if len(ctx.type.args) != 1:
            return self._refuse(f"Size takes one dim, {len(ctx.type.args)} are given", ctx)
        if analyser.defining_alias:
            dims = [self._unexpanded_dim(ctx.type.args[0], ctx)]
            return carry(self.encoder, WRITTEN, [integer, text_type(self.encoder, _SIZE), *dims])
        return self._size(self._dim_argument(ctx.type.args[0], "Size", ctx), integer)

    def module(self, info: TypeInfo, ctx: AnalyzeTypeContext) -> Type:
        """`Dense[784, 128]`, `Tower["du", "2*d"]`: a module with its dims spelled out."""
        analyser, _ = apis(ctx)
        variables = info.defn.type_vars
        if any(isinstance(v, ParamSpecType) for v in variables):
            return self.by_itself(info.fullname, ctx)
        if analyser.defining_alias and ctx.type.args:
            args = [self._unexpanded_dim(a, ctx) for a in ctx.type.args]
        else:
            args = [self._dim_argument(a, info.name, ctx) for a in ctx.type.args]
        several = any(isinstance(v, TypeVarTupleType) for v in variables)
        omitted = [] if several else variables[len(args) :]
        if not args or not any(_is_dim(v, info) for v in omitted):
            args += [unknown() for _ in omitted]
        if (len(args) < len(variables) - 1) if several else (len(args) != len(variables)):
            names = [v.name for v in variables if _is_dim(v, info)]
            self._refuse(
                f"{info.name} takes {_count(len(names), 'dim')} ({', '.join(names)}), "
                f"{len(args)} {'is' if len(args) == 1 else 'are'} given",
                ctx,
            )
            args = [unknown() for _ in variables]
        if analyser.defining_alias and any(text_of(a) is not None for a in args):
            blank = Instance(info, [unknown() for _ in args])
            return carry(self.encoder, WRITTEN, [blank, text_type(self.encoder, _MODULE), *args])
        return Instance(info, args, ctx.type.line, ctx.type.column)

    def generic(self, info: TypeInfo, ctx: AnalyzeTypeContext) -> Type:
        """A class some of whose type variables are dims, subscripted: `Bank["n", 3]`."""
        if any(self._dim_text(argument, ctx) is not None for argument in ctx.type.args):
            return self.module(info, ctx)
        return self.by_itself(info.fullname, ctx)

    def base(self, fullname: str, ctx: AnalyzeTypeContext) -> Type:
        """The class of an array or an alias of an annotation.

        In the definition of an alias mypy shows neither dtype nor string, only the class: they are
        read from the statement and kept. Where the alias is used they are given their meaning.
        """
        analyser, semantic = apis(ctx)
        result = self.by_itself(fullname, ctx)
        if makes_record(semantic.statement):
            return self._of_record(result, ctx)
        if not analyser.defining_alias:
            node = _node_of(ctx.type, ctx)
            if isinstance(node, TypeAlias) and node.eager and not node.alias_tvars:
                result = node.target  # mypy has expanded it, in `result`
            return self.expanded(result, ctx)
        for name, written in annotations_around(semantic.statement, ctx.type):
            dtype = self._jaxtyping_name(name, semantic, ctx)
            if dtype is not None:
                text = "..." if written is None else self._checked(written, ctx)
                result = self._written(result, dtype, text, ctx)
        return result

    def _of_record(self, t: Type, ctx: AnalyzeTypeContext) -> Type:
        """An array in the call of `NamedTuple` or `TypedDict`, where mypy shows the class only."""
        semantic = apis(ctx)[1]
        t = self.expanded(t, ctx)
        for name, written in annotations_around(semantic.statement, ctx.type):
            dtype = self._jaxtyping_name(name, semantic, ctx)
            if dtype is not None:
                t = self._annotated(t, dtype, written, ctx, nested=_is_annotated(t))
        return t

    def by_itself(self, fullname: str, ctx: AnalyzeTypeContext) -> Type:
        """What mypy makes of a name without any hook."""
        self.bypassed = fullname
        try:
            return apis(ctx)[0].visit_unbound_type_nonoptional(ctx.type, False)
        finally:
            self.bypassed = None

    # Aliases

    def expanded(self, t: Type, ctx: AnalyzeTypeContext) -> Type:
        """A type with what its aliases stand for here in their place."""
        if not mentions(t, WRITTEN):
            return t
        return t.accept(Expander(lambda written: self._meaning(written, ctx)))

    def _meaning(self, written: Sequence[Type], ctx: AnalyzeTypeContext) -> Type:
        whole, kind, *rest = written
        dtype = text_of(kind)
        if dtype == _SIZE:
            return self._size(self._held_dim(rest[0], ctx), whole)
        if dtype == _MODULE:
            module = get_proper_type(whole)
            assert isinstance(module, Instance)
            return module.copy_modified(args=[self._held_dim(a, ctx) for a in rest])
        assert dtype is not None
        nested = bool(mentions(whole, WRITTEN))
        if nested:
            whole = self.expanded(whole, ctx)
        elif len(rest) > 1 and isinstance(whole, Instance):
            whole = self._with_arguments(whole, ctx)
        return self._annotated(whole, dtype, text_of(rest[0]), ctx, nested=nested)

    def _with_arguments(self, t: Instance, ctx: AnalyzeTypeContext) -> Instance:
        """A class with the type arguments that mypy gives it where a program leaves them out."""
        analyser = apis(ctx)[0]
        t = Instance(t.type, [], ctx.type.line, ctx.type.column)
        fix_instance(t, analyser.fail, analyser.note, False, analyser.options)
        return t

    def _written(self, base: Type, dtype: str, text: str | None, ctx: AnalyzeTypeContext) -> Type:
        texts = [dtype, "..." if text is None else text]
        if isinstance(base, Instance) and not base.args and base.type.type_vars:
            # mypy leaves out the arguments of the whole of an alias, which could be given to it.
            base = self._with_arguments(base, ctx)
            texts.append("arguments left out")
        held = [text_type(self.encoder, part) for part in texts]
        carrier: TypeAliasType = carry(self.encoder, WRITTEN, [base, *held])
        carrier.line, carrier.column = ctx.type.line, ctx.type.column
        semantic = apis(ctx)[1]
        statement = semantic.statement
        if semantic.function_stack and isinstance(statement, AssignmentStmt):
            names = [e.name for e in statement.lvalues if isinstance(e, NameExpr)]
            self.local_aliases.update(map(semantic.qualified_name, names))
        return carrier

    def _unexpanded_dim(self, argument: Type, ctx: AnalyzeTypeContext) -> Type:
        text = self._dim_text(argument, ctx)
        if text is None:
            return apis(ctx)[0].anal_type(argument)
        return text_type(self.encoder, self._checked(text, ctx) or "_")

    def _held_dim(self, t: Type, ctx: AnalyzeTypeContext) -> Type:
        text = text_of(t)
        return t if text is None else self._one_axis(text, "", ctx)

    # Arrays

    def _annotated(
        self, base: Type, dtype: str, text: str | None, ctx: AnalyzeTypeContext, *, nested: bool
    ) -> Type:
        """An array with a dtype and axes; in front of the axes that it has if it is `nested`."""
        axes = self._axes("..." if text is None else text, ctx)
        if dtype in DTYPE_OF_CLASS and dtype != "Shaped":
            element: Type = self.encoder.instance(f"{STATIC}.{dtype}")
        else:
            element = unknown()
        return self._array(base, element, axes, ctx, nested=nested)

    def _array(
        self, base: Type, element: Type, axes: list[Type], ctx: AnalyzeTypeContext, *, nested: bool
    ) -> Type:
        held = carried(base, HELD)
        if held is not None:
            whole, own, *inner = held
            element = self._narrower(element, own, ctx)
            return carry(self.encoder, HELD, [whole, element, *self._joined(axes, inner, ctx)])
        p = get_proper_type(base)
        if isinstance(p, UnionType):
            items = [
                self._array(i, element, axes, ctx, nested=nested or _is_annotated(i))
                for i in p.items
            ]
            return UnionType(items, ctx.type.line, ctx.type.column)
        if isinstance(p, Instance) and p.type.fullname == TENSOR:
            if nested:
                element = self._narrower(element, p.args[0], ctx)
                axes = self._joined(axes, p.args[1:], ctx)
            return p.copy_modified(args=[element, *axes])
        if isinstance(p, AnyType) or (isinstance(p, Instance) and p.type.fullname not in _SCALARS):
            self.scopes.later(apis(ctx)[1], self.after)
            return carry(self.encoder, HELD, [base, element, *axes])
        return base

    def _narrower(self, outer: Type, inner: Type, ctx: AnalyzeTypeContext) -> Type:
        a, b = (dtypes.members(self.encoder.dtype(t)) for t in (outer, inner))
        if not a & b:
            self._refuse("the dtypes of the nested annotations have nothing in common", ctx)
        return inner if b <= a else outer

    def _joined(
        self, outer: Sequence[Type], inner: Sequence[Type], ctx: AnalyzeTypeContext
    ) -> list[Type]:
        both = [isinstance(t, UnpackType) for t in (*outer, *inner)]
        if sum(both) > 1:
            self._refuse("both of the nested annotations have any number of axes", ctx)
            return [self.encoder.unknown_axes()]
        return [*outer, *inner]

    def _size(self, axis: Type, integer: Type) -> Type:
        return UnionType([integer, self.encoder.instance(DIM_OF, [axis])])

    # Reading

    def _refuse(self, message: str, ctx: AnalyzeTypeContext) -> Type:
        ctx.api.fail(message, ctx.context, code=ANNOTATION)
        return unknown()

    def _jaxtyping_name(
        self, name: str, semantic: SemanticAnalyzer, ctx: AnalyzeTypeContext
    ) -> str | None:
        """The data type's own name, whatever it was imported as."""
        prefix, _, last = name.rpartition(".")
        module = semantic.cur_mod_id
        if prefix:
            found = semantic.lookup_qualified(prefix, ctx.context, suppress_errors=True)
            module = found.fullname or "" if found is not None else ""
        original = self.imports.jaxtyping_name(module, last, semantic.modules)
        if original is None and last in DTYPE_OF_CLASS:
            return last
        return original

    def _text(self, argument: Type, dtype: str, ctx: AnalyzeTypeContext) -> str | None:
        """The string of an annotation; `None` where nobody knows it before the program runs."""
        if isinstance(argument, RawExpressionType):
            if isinstance(argument.literal_value, str):
                return argument.literal_value
            if argument.literal_value is not None:
                self._refuse(f'the shape {argument.literal_value} is no string: write '
                             f'{dtype}[Tensor, "{argument.literal_value}"]', ctx)  # fmt: skip
        elif isinstance(argument, (UnboundType, UnionType)):
            if argument.original_str_expr is not None:
                return argument.original_str_expr
            node = _node_of(argument, ctx)
            if isinstance(node, Var) and isinstance(node.final_value, str):
                return node.final_value
        return None

    def _is_nested(self, argument: Type, ctx: AnalyzeTypeContext) -> bool:
        """Whether an annotated array is annotated again: `Float[Image, "batch"]`."""
        node = _node_of(argument, ctx)
        if isinstance(node, TypeAlias):
            return bool(mentions(node.target, WRITTEN))
        return node is not None and node.fullname == "typing.Annotated"

    def _dim_text(self, argument: Type, ctx: AnalyzeTypeContext) -> str | None:
        """The text of a dim given to a module or to `Size`; `None` for a type."""
        if isinstance(argument, RawExpressionType):
            value = argument.literal_value
            return str(value) if isinstance(value, (str, int)) and type(value) is not bool else None
        if not isinstance(argument, (UnboundType, UnionType)):
            return None
        text = argument.original_str_expr
        if text is not None and isinstance(argument, UnboundType):
            node = _node_of(argument, ctx)
            if argument.args or isinstance(node, (TypeInfo, TypeAlias)):
                return None  # a type that is quoted
        if text is not None:
            _forget_undefined_names(apis(ctx)[1], argument)
        return text

    def _dim_argument(self, argument: Type, owner: str, ctx: AnalyzeTypeContext) -> Type:
        text = self._dim_text(argument, ctx)
        if text is not None:
            return self._one_axis(text, owner, ctx)
        if isinstance(argument, RawExpressionType) and type(argument.literal_value) is bool:
            return LiteralType(argument.literal_value, self.encoder.instance("builtins.bool"))
        return apis(ctx)[0].anal_type(argument, allow_unpack=True)

    def _one_axis(self, text: str, owner: str, ctx: AnalyzeTypeContext) -> Type:
        if self._checked(text, ctx) is None:
            return unknown()
        axes = [self._axis(axis, ctx) for axis in parse(text).axes]
        if len(axes) == 1 and not isinstance(axes[0], UnpackType):
            return axes[0]
        if "*" not in text and "..." not in text:
            self._refuse(f'"{text}" is {_count(len(axes), "dim")}: {owner} takes one', ctx)
        return unknown()

    def _checked(self, text: str, ctx: AnalyzeTypeContext) -> str | None:
        """The text, or `None` after an error if it is malformed."""
        try:
            for axis in parse(text).axes:
                if isinstance(axis, ExpressionAxis) and "{" not in axis.text:
                    known = {name: symbol(name) for name in names_in(axis.text)}
                    evaluate_expression(axis.text, known)
        except AnnotationError as error:
            self._refuse(str(error), ctx)
            return None
        return text

    def _axes(self, text: str, ctx: AnalyzeTypeContext) -> list[Type]:
        if self._checked(text, ctx) is None:
            return [self.encoder.unknown_axes()]  # nothing follows from it
        return [self._axis(axis, ctx) for axis in parse(text).axes]

    def _axis(self, axis: Axis, ctx: AnalyzeTypeContext) -> Type:
        match axis:
            case AnonymousAxis() | NamedAxis(tree=True):
                return unknown()
            case VariadicAxis(name=name, broadcast=broadcast):
                return self._several(name, broadcast, ctx)
            case FixedAxis(size=size, broadcast=broadcast):
                single = self.encoder.axis_type(size)
            case NamedAxis(name=name, broadcast=broadcast):
                single = self._named(name, ctx)
            case ExpressionAxis(text=text, broadcast=broadcast):
                value = self._expression(text, ctx)
                single = self.encoder.axis_type(value)
                if isinstance(value, Unknown) and self._is_of_object(text, ctx):
                    single = carry(self.encoder, SHARED, [text_type(self.encoder, text)])
        return carry(self.encoder, BROADCAST, [single]) if broadcast else single

    def _named(self, name: str, ctx: AnalyzeTypeContext) -> Type:
        variable = self.scopes.variable(name, ctx, variadic=False)
        if variable is not None:
            return variable
        if self.scopes.in_class_body(ctx):
            return carry(self.encoder, SHARED, [text_type(self.encoder, name)])
        return unknown()

    def _is_of_object(self, text: str, ctx: AnalyzeTypeContext) -> bool:
        """Whether an expression is one in names of which none is a type variable of the class."""
        if "{" in text or not self.scopes.in_class_body(ctx):
            return False
        return not any(self.scopes.variable(n, ctx, variadic=False) for n in names_in(text))

    def _several(self, name: str | None, broadcast: bool, ctx: AnalyzeTypeContext) -> Type:
        if not name:
            return self.encoder.unknown_axes()
        variable = self.scopes.variable(name, ctx, variadic=True)
        if variable is not None:
            axes = UnpackType(variable)
            if not broadcast:
                return axes
            return UnpackType(carry(self.encoder, BROADCAST_AXES, [axes]))
        if self.scopes.in_class_body(ctx) and not broadcast:
            return UnpackType(carry(self.encoder, SHARED_AXES, [text_type(self.encoder, name)]))
        return self.encoder.unknown_axes()

    def _expression(self, text: str, ctx: AnalyzeTypeContext) -> Dimension:
        if "{" in text:
            return UNKNOWN  # filled in when the program runs
        sizes: dict[str, object] = {}
        for name in names_in(text):
            variable = self.scopes.variable(name, ctx, variadic=False)
            sizes[name] = UNKNOWN if variable is None else self.encoder.dim(variable)
        try:
            value = evaluate_expression(text, sizes)
        except AnnotationError:
            return UNKNOWN  # it is well-formed: a name in it is unknown
        return value if isinstance(value, (int, Dim)) else UNKNOWN


def _is_annotated(t: Type) -> bool:
    """Whether a member of a union is a tensor with a dtype or axes."""
    p = get_proper_type(t)
    if not isinstance(p, Instance) or p.type.fullname != TENSOR:
        return False
    plain = len(p.args) == 2 and isinstance(p.args[1], UnpackType)
    return not plain or not isinstance(get_proper_type(p.args[0]), AnyType)


def _is_dim(v: TypeVarLikeType, info: TypeInfo) -> bool:
    """Whether a class wants to be told of a type variable: not when it has a default, in a class of
    the program's own; nor when it has one that says something, or stands for what the plugin keeps
    of an object, in one of the package's, whose dims all have the default `Any`."""
    if not v.has_default():
        return True
    if info.module_name.partition(".")[0] != "typedflux" or v.name.endswith("_co"):
        return False
    return isinstance(get_proper_type(v.default), AnyType)


def _count(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"


def _node_of(argument: Type, ctx: AnalyzeTypeContext) -> SymbolNode | None:
    if not isinstance(argument, UnboundType):
        return None
    _, semantic = apis(ctx)
    found = semantic.lookup_qualified(argument.name, ctx.context, suppress_errors=True)
    return found.node if found is not None else None


def _forget_undefined_names(semantic: SemanticAnalyzer, argument: UnboundType | UnionType) -> None:
    """Drop mypy's complaint that the words of a dim string are no types: it looked first."""
    names = {argument.name} if isinstance(argument, UnboundType) else set()
    for item in argument.items if isinstance(argument, UnionType) else ():
        names |= {item.name} if isinstance(item, UnboundType) else set()
    names |= {name.partition(".")[0] for name in names}
    messages = tuple(f'Name "{name}" is not defined' for name in names)
    found = semantic.errors.error_info_map.get(semantic.errors.file, [])
    found[:] = [
        e for e in found if not (e.line == argument.line and e.message.startswith(messages))
    ]
