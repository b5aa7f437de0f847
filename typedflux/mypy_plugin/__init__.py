"""The mypy plugin: shapes and dtypes proved before the program runs.

Put `plugins = typedflux.mypy_plugin` into mypy's configuration. Annotations become types
(`annotations`), calls of annotated functions bind dims (`calls`), and the package's own operations
are executed on abstract tensors (`evaluation`), so no operation and no layer is named here.
Functions of other modules are executed only where a `[typedflux]` section of the configuration
lists them: `execute = my_ops, my_layers`.
"""

from __future__ import annotations

import configparser
import hashlib
import importlib
import inspect
import operator
import pathlib
from collections.abc import Callable
from typing import Any, TypeAlias

from mypy.checker import TypeChecker
from mypy.erasetype import erase_typevars
from mypy.nodes import Context, Expression, MypyFile, TypeInfo
from mypy.options import Options
from mypy.plugin import (
    AnalyzeTypeContext,
    AttributeContext,
    FunctionContext,
    FunctionSigContext,
    MethodContext,
    MethodSigContext,
    Plugin,
    ReportConfigContext,
)
from mypy.plugins.default import DefaultPlugin
from mypy.subtypes import is_subtype
from mypy.types import (
    CallableType,
    FunctionLike,
    TupleType,
    Type,
    UnionType,
    get_proper_type,
)

from typedflux.core.types import TensorType
from typedflux.mypy_plugin.annotations import Annotations
from typedflux.mypy_plugin.calls import DTYPE, SHAPE, Binder, is_relevant, relax
from typedflux.mypy_plugin.encoding import DIM_OF, MODULE, STATIC, TENSOR, Encoder
from typedflux.mypy_plugin.evaluation import Undetermined, evaluate
from typedflux.mypy_plugin.messages import watch
from typedflux.mypy_plugin.traversal import TypeCollector, speaks_of_shapes
from typedflux.mypy_plugin.values import Reader
from typedflux.shapes.dims import Dim, Unknown
from typedflux.shapes.errors import DTypeError, ShapeError, UndecidedError
from typedflux.tensor import Tensor

_STANDARD = ("builtins.", "typing.", "typing_extensions.", "collections.", "re.", "os.", "enum.",
             "functools.", "contextlib.", "abc.", "types.", "numpy.", "mypy.")  # fmt: skip
Stashed: TypeAlias = tuple[CallableType, CallableType]
"""A signature, and how mypy saw it."""
_SIZE = "typedflux.checks.sizes.Size"


class TypedfluxPlugin(Plugin):
    """The hooks; each hands over to the module that knows."""

    def __init__(self, options: Options) -> None:
        super().__init__(options)
        self.encoder = Encoder()
        self.annotations = Annotations(self.encoder)
        self.executable = ("typedflux.", *(f"{m}." for m in _listed_modules(options)))
        self._default = DefaultPlugin(options)  # hooks here would shadow mypy's own otherwise
        self._signatures: dict[int, tuple[Context, list[Stashed]]] = {}

    def set_modules(self, modules: Any) -> None:
        super().set_modules(modules)
        self.encoder.modules = modules

    def report_config_data(self, ctx: ReportConfigContext) -> Any:
        """What invalidates mypy's cache: the package's source, whose rules are executed."""
        return {"source": _source_hash(), "execute": list(self.executable)}

    def get_additional_deps(self, file: MypyFile) -> list[tuple[int, str, int]]:
        """Whoever loads tensors loads the classes that stand in their types."""
        if file.fullname == "typedflux.tensor":
            return [(10, STATIC, -1), (10, "typedflux.checks.sizes", -1)]
        return []

    # Types

    def get_type_analyze_hook(self, fullname: str) -> Callable[[AnalyzeTypeContext], Type] | None:
        if fullname == "typing.Annotated":
            return self._analysed(self.annotations.tensor)
        if fullname == _SIZE:
            return self._analysed(self.annotations.size)
        if "." not in fullname or fullname.startswith(_STANDARD):
            return None
        entry = self.lookup_fully_qualified(fullname) if self._modules else None
        info = entry.node if entry is not None else None
        if isinstance(info, TypeInfo) and info.defn.type_vars and _only_dims(info):
            module = info
            return self._analysed(lambda ctx: self.annotations.module(module, ctx))
        return None

    def _analysed(
        self, hook: Callable[[AnalyzeTypeContext], Type]
    ) -> Callable[[AnalyzeTypeContext], Type]:
        def analysed(ctx: AnalyzeTypeContext) -> Type:
            watch(ctx.api.api.errors)  # type: ignore[attr-defined]
            return hook(ctx)

        return analysed

    # Calls

    def get_function_signature_hook(
        self, fullname: str
    ) -> Callable[[FunctionSigContext], FunctionLike] | None:
        if fullname.startswith(_STANDARD) or self._default.get_function_signature_hook(fullname):
            return None
        return self._relax

    def get_method_signature_hook(
        self, fullname: str
    ) -> Callable[[MethodSigContext], FunctionLike] | None:
        if fullname.startswith(_STANDARD) or self._default.get_method_signature_hook(fullname):
            return None
        return self._relax

    def get_function_hook(self, fullname: str) -> Callable[[FunctionContext], Type] | None:
        if fullname.startswith(_STANDARD) or self._default.get_function_hook(fullname):
            return None
        return lambda ctx: self._call(fullname, ctx)

    def get_method_hook(self, fullname: str) -> Callable[[MethodContext], Type] | None:
        if fullname.startswith(_STANDARD) or self._default.get_method_hook(fullname):
            return None
        if fullname.startswith(DIM_OF + ".__"):
            return lambda ctx: self._size_arithmetic(fullname.rpartition(".")[2], ctx)
        return lambda ctx: self._call(fullname, ctx)

    def get_attribute_hook(self, fullname: str) -> Callable[[AttributeContext], Type] | None:
        if fullname.startswith(TENSOR + "."):
            return lambda ctx: self._attribute(fullname.rpartition(".")[2], ctx)
        return None

    def _relax(self, ctx: FunctionSigContext | MethodSigContext) -> FunctionLike:
        signature = ctx.default_signature
        if not self.encoder.ready or not is_relevant(signature):
            return signature
        watch(_checker(ctx).msg.errors)
        relaxed = relax(signature, self.encoder)
        # The items of an overloaded function come here one after another, and all of them again
        # when mypy looks at the call again, with new variables.
        stash = self._signatures.setdefault(id(ctx.context), (ctx.context, []))[1]
        if stash:
            text = str(relaxed)
            stash[:] = [(s, r) for s, r in stash if str(r) != text]
        stash.append((signature, relaxed))
        return relaxed

    def _call(self, fullname: str, ctx: FunctionContext | MethodContext) -> Type:
        stashed = self._signatures.get(id(ctx.context))
        if not self.encoder.ready:
            return ctx.default_return_type
        function = self._executable(fullname)
        if function is not None and speaks_of_shapes(ctx.default_return_type):
            result = self._evaluate(function, ctx)
            if result is not None:
                return result
        if stashed is None:
            return ctx.default_return_type
        return self._bind(_called(stashed[1], ctx), ctx)

    def _bind(self, signature: CallableType, ctx: FunctionContext | MethodContext) -> Type:
        binder = Binder(signature, self.encoder)
        if len(signature.arg_types) != len(ctx.arg_types) or _callee_is_union(ctx):
            return binder.fill(ctx.default_return_type)
        for i, (formal, actuals) in enumerate(zip(signature.arg_types, ctx.arg_types, strict=True)):
            for actual, expression in zip(actuals, ctx.args[i], strict=True):
                reason = binder.unify(formal, actual)
                if reason is not None:
                    name = signature.arg_names[i]
                    which = f"Argument {i + 1}" + (f' ("{name}")' if name else "")
                    callee = (signature.name or "the call").split(" of ")[0]
                    ctx.api.fail(
                        f'{which} to "{callee}" is {binder.describe(actual)}, '
                        f"expected {binder.describe(formal)}: {reason}",
                        expression,
                        code=DTYPE if reason.startswith("it wants dtype") else SHAPE,
                    )
        return binder.fill(ctx.default_return_type)

    # Executing

    def _executable(self, fullname: str) -> Callable[..., Any] | None:
        """The function to execute for a call: an operation or a method of `Tensor`."""
        if fullname.startswith(TENSOR + "."):
            return getattr(Tensor, fullname[len(TENSOR) + 1 :], None)
        if not fullname.startswith(self.executable):
            return None
        module, _, name = fullname.rpartition(".")
        try:
            found = getattr(importlib.import_module(module), name, None)
        except ImportError:
            return None
        return found if inspect.isfunction(found) else None

    def _evaluate(
        self, function: Callable[..., Any], ctx: FunctionContext | MethodContext
    ) -> Type | None:
        """The type that the function gives for these arguments; `None` when that is not known."""
        checker = _checker(ctx)
        watch(checker.msg.errors)
        reader = Reader(self.encoder, checker)
        args: list[Any] = []
        kwargs: dict[str, Any] = {}
        try:
            if isinstance(ctx, MethodContext):
                args.append(reader.of_type(ctx.type))
            for types, expressions, names in zip(
                ctx.arg_types, ctx.args, ctx.arg_names, strict=True
            ):
                for t, expression, name in zip(types, expressions, names, strict=True):
                    value = reader.value(expression, t)
                    if name is None:
                        args.append(value)
                    else:
                        kwargs[name] = value
            return self._encode(evaluate(function, args, kwargs))
        except Undetermined:
            return None
        except (ShapeError, DTypeError) as error:
            code = DTYPE if isinstance(error, DTypeError) else SHAPE
            ctx.api.fail(str(error), ctx.context, code=code)
            return None

    def _encode(self, value: Any) -> Type:
        if isinstance(value, TensorType):
            return self.encoder.tensor_type(value)
        if isinstance(value, (int, Dim, Unknown)) and not isinstance(value, bool):
            return self.encoder.size_type(value)
        if isinstance(value, tuple):
            items = [self._encode(v) for v in value]
            return TupleType(items, self.encoder.instance("builtins.tuple", [_join(items)]))
        if isinstance(value, list) and value:
            first, *rest = [self._encode(v) for v in value]
            if all(item == first for item in rest):
                return self.encoder.instance("builtins.list", [first])
        raise Undetermined

    def _attribute(self, name: str, ctx: AttributeContext) -> Type:
        operand = self.encoder.tensor(ctx.type) if self.encoder.ready else None
        function = getattr(Tensor, name, None)
        if operand is None or not isinstance(function, property) or function.fget is None:
            return ctx.default_attr_type
        watch(_checker(ctx).msg.errors)
        try:
            return self._encode(evaluate(lambda x: getattr(x, name), [operand], {}))
        except Undetermined:
            return ctx.default_attr_type
        except (ShapeError, DTypeError) as error:
            ctx.api.fail(str(error), ctx.context, code=SHAPE)
            return ctx.default_attr_type

    def _size_arithmetic(self, operator_name: str, ctx: MethodContext) -> Type:
        """`2 * n + 1` on sizes stays a dimension."""
        if not ctx.arg_types or not ctx.arg_types[0]:
            return ctx.default_return_type
        mine, other = self.encoder.dim(ctx.type), self.encoder.dim(ctx.arg_types[0][0])
        name = operator_name.strip("_")
        if name.startswith("r"):
            mine, other, name = other, mine, name[1:]
        try:
            result: Any = getattr(operator, name)(mine, other)
        except (UndecidedError, ArithmeticError):  # an order of unknown sizes, a division by 0
            return ctx.default_return_type
        if isinstance(result, (int, Dim)) and not isinstance(result, bool):
            return self.encoder.size_type(result)
        return ctx.default_return_type


def _join(items: list[Type]) -> Type:
    return items[0] if items and all(i == items[0] for i in items) else UnionType.make_union(items)


def _checker(ctx: FunctionSigContext | MethodSigContext | FunctionContext | MethodContext |
             AttributeContext) -> TypeChecker:  # fmt: skip
    checker = ctx.api
    assert isinstance(checker, TypeChecker)
    return checker


def _called(stashed: list[Stashed], ctx: FunctionContext | MethodContext) -> CallableType:
    """The signature that this call was checked against: of an overloaded function, the first item
    that the arguments fit."""
    if len(stashed) == 1:
        return stashed[0][0]
    own = [{v.id for v in signature.variables} for signature, _ in stashed]
    collector = TypeCollector()
    ctx.default_return_type.accept(collector)
    needed = {v.id for v in collector.variables} & set().union(*own)
    current = [s for s, ids in zip(stashed, own, strict=True) if needed <= ids] or stashed
    fitting = [signature for signature, relaxed in current if _fits(relaxed, ctx)]
    return fitting[0] if fitting else current[-1][0]


def _fits(relaxed: CallableType, ctx: FunctionContext | MethodContext) -> bool:
    return relaxed.arg_names == list(ctx.callee_arg_names) and all(
        is_subtype(actual, erase_typevars(formal))
        for formal, actuals in zip(relaxed.arg_types, ctx.arg_types, strict=True)
        for actual in actuals
    )


def _callee_is_union(ctx: FunctionContext | MethodContext) -> bool:
    """Whether mypy visits the members of a union one by one: then any of them may be the one."""
    callee = getattr(ctx.context, "callee", None)
    if not isinstance(callee, Expression):
        return False
    found = _checker(ctx).lookup_type_or_none(callee)
    return found is not None and isinstance(get_proper_type(found), UnionType)


def _only_dims(info: TypeInfo) -> bool:
    """Whether a class is a module: its type variables stand for dims."""
    return any(base.fullname == MODULE for base in info.mro[1:]) and info.fullname != MODULE


def _listed_modules(options: Options) -> list[str]:
    """The modules that the configuration allows to execute."""
    if not options.config_file or not pathlib.Path(options.config_file).exists():
        return []
    path = pathlib.Path(options.config_file)
    if path.suffix == ".toml":
        import tomllib

        table = tomllib.loads(path.read_text()).get("tool", {}).get("typedflux", {})
        return list(table.get("execute", []))
    parser = configparser.ConfigParser()
    parser.read(path)
    listed = parser.get("typedflux", "execute", fallback="")
    return [m.strip() for m in listed.replace("\n", ",").split(",") if m.strip()]


def _source_hash() -> str:
    root = pathlib.Path(__file__).parents[1]
    digest = hashlib.sha256()
    for path in sorted(root.rglob("*.py")):
        digest.update(path.read_bytes())
    return digest.hexdigest()


def plugin(version: str) -> type[Plugin]:
    """mypy's entry point."""
    return TypedfluxPlugin


__all__ = ["TypedfluxPlugin", "plugin"]
