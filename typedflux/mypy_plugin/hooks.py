"""The plugin's hooks; each hands over to the module that knows."""

from __future__ import annotations

import pathlib
from collections.abc import Callable
from typing import Any, TypeVar

from mypy.errors import CompileError, ErrorInfo, ErrorWatcher
from mypy.nodes import FuncDef, MypyFile, TypeAlias, TypeInfo
from mypy.options import Options
from mypy.plugin import (
    AnalyzeTypeContext,
    AttributeContext,
    ClassDefContext,
    DynamicClassDefContext,
    FunctionContext,
    FunctionSigContext,
    MethodContext,
    MethodSigContext,
    Plugin,
    ReportConfigContext,
)
from mypy.plugins.default import DefaultPlugin
from mypy.semanal import SemanticAnalyzer
from mypy.typeanal import TypeAnalyser
from mypy.types import AnyType, FunctionLike, Instance, Type, TypeOfAny, get_proper_type

from typedflux.mypy_plugin import messages
from typedflux.mypy_plugin.annotated import ENSURE, Annotated
from typedflux.mypy_plugin.annotations import BASES, Annotations
from typedflux.mypy_plugin.branching import must_all_fit
from typedflux.mypy_plugin.carriers import WRITTEN, mentions
from typedflux.mypy_plugin.classes import Subscripts, noted_dims, only_dims
from typedflux.mypy_plugin.configuration import find_own_modules, settings, source_hash
from typedflux.mypy_plugin.construction import is_built
from typedflux.mypy_plugin.context import CallContext, SignatureContext, checker_of
from typedflux.mypy_plugin.encoding import DIM_OF, MODULE, STATIC, TENSOR, Encoder
from typedflux.mypy_plugin.escapes import at_home
from typedflux.mypy_plugin.execution import Execution, receiver
from typedflux.mypy_plugin.foreign import HOLD, Foreign
from typedflux.mypy_plugin.growing import ADDING, Growing
from typedflux.mypy_plugin.guarding import guarded, harmless, set_debug
from typedflux.mypy_plugin.layers import Layers
from typedflux.mypy_plugin.leading import settled
from typedflux.mypy_plugin.messages import watch
from typedflux.mypy_plugin.narrowing import Narrowing
from typedflux.mypy_plugin.origins import Origins
from typedflux.mypy_plugin.partials import Partials
from typedflux.mypy_plugin.pure import PURE
from typedflux.mypy_plugin.ranks import COMPARISONS, Ranks
from typedflux.mypy_plugin.rebinding import PROBE, Rebinding
from typedflux.mypy_plugin.records import Records
from typedflux.mypy_plugin.scopes import loosen
from typedflux.mypy_plugin.signatures import PARTIAL, Signatures
from typedflux.mypy_plugin.sizes import FLOAT_POWERS, INT_METHODS, Sizes
from typedflux.mypy_plugin.specialising import Specialising
from typedflux.mypy_plugin.taking import Taking, promises
from typedflux.mypy_plugin.traversal import forget, speaks_of_shapes

_STANDARD = ("builtins.", "typing.", "typing_extensions.", "collections.", "re.", "os.", "enum.",
             "functools.", "contextlib.", "abc.", "types.", "numpy.", "mypy.")  # fmt: skip
_ITERATING = frozenset(
    f"builtins.{name}"
    for name in ("zip", "enumerate", "iter", "next", "reversed", "sorted", "map", "filter", "dict",
                 "set", "frozenset")
)  # fmt: skip
"""What gives the items of what it takes."""
_HOLD = f"builtins.{HOLD}"
_SIZE = "typedflux.checks.sizes.Size"


H = TypeVar("H", bound=Callable[..., Any])


class TypedfluxPlugin(Plugin):
    """The hooks; each hands over to the module that knows.

    Looking up a hook is done hundreds of thousands of times on a large program: what `get_*_hook`
    answers is kept by name, and is `None` for all names while nothing has loaded tensors.
    """

    def __init__(self, options: Options) -> None:
        super().__init__(options)
        try:
            configured = settings(options)
        except ValueError as error:
            raise CompileError([f"error: {error}"]) from None
        set_debug(configured.debug)
        find_own_modules(options)
        self._executed, self._debug = configured.execute, configured.debug
        source_hash(
            self._executed
        )  # as it is now: the daemon, which has no cache, asks for it later
        self._tables: dict[str, dict[str, Any]] = {}
        self.encoder = Encoder()
        self.annotations = Annotations(self.encoder)
        self.foreign = Foreign(self.encoder)
        self.encoder.annotation = self.foreign.annotation
        self.annotations.after = self.foreign.hold
        executable = ("typedflux.", *(f"{m}." for m in configured.execute))
        self.execution = Execution(self.encoder, executable)
        self.rebinding = Rebinding(self.encoder)
        self.records = Records(self.encoder)
        self.encoder.known = self.records.known
        messages.settlers[:] = [self.rebinding.assigned]
        self.layers = Layers(self.encoder, executable)
        self.specialising = Specialising(self.encoder, self.rebinding)
        self.records.given = self.specialising.given
        self.signatures = Signatures(self.encoder)
        self.partials = Partials(self.signatures)
        self.sizes = Sizes(self.encoder)
        self.narrowing = Narrowing(self.encoder)
        self.origins = Origins()
        messages.listeners[:] = [self._heard]
        self.annotated = Annotated(self.encoder)
        self.taking = Taking(self.encoder)
        self.growing = Growing(self.encoder)
        self.ranks = Ranks(self.encoder)
        messages.deciders[:] = [
            lambda file, info: must_all_fit(self.narrowing.checker_of(file), info)
        ]
        messages.forgivers[:] = [self._forgives]
        messages.equal_names[:] = [self.narrowing.names_at]
        self._default = DefaultPlugin(options)  # hooks here would shadow mypy's own otherwise

    def set_modules(self, modules: Any) -> None:
        super().set_modules(modules)
        forget()
        self.encoder.modules = modules
        messages.begin(modules)

    def report_config_data(self, ctx: ReportConfigContext) -> Any:
        """What invalidates mypy's cache: the sources whose rules are executed."""
        if "/typeshed/" in pathlib.PurePath(ctx.path).as_posix() or ctx.id.startswith("numpy"):
            return None  # no tensors there
        if ctx.id.partition(".")[0] == "typedflux":
            return source_hash()
        return source_hash(self._executed) + " debugged" * self._debug

    @harmless([])
    def get_additional_deps(self, file: MypyFile) -> list[tuple[int, str, int]]:
        """Whoever loads tensors loads the classes that stand in their types."""
        if file.fullname == "typedflux.tensor":
            return [(10, STATIC, -1), (10, "typedflux.checks.sizes", -1)]
        if file.fullname == "jaxtyping":
            return [(10, STATIC, -1)]
        return []

    # What mypy asks

    def get_type_analyze_hook(self, fullname: str) -> Callable[[AnalyzeTypeContext], Type] | None:
        if self._modules is None or STATIC not in self._modules:
            return None
        if "." not in fullname and fullname not in self.annotations.local_aliases:
            return None
        if fullname == self.annotations.bypassed:
            self.annotations.bypassed = None
            return None
        hook = self._type_hook(fullname)  # depends on what is loaded so far
        if hook is None:
            return None
        return guarded(hook, _without_shape if fullname == "typing.Annotated" else _anything)

    def get_dynamic_class_hook(
        self, fullname: str
    ) -> Callable[[DynamicClassDefContext], None] | None:
        # Asked of every assignment of a call, while a module is analysed.
        if self._modules is None or STATIC not in self._modules:
            return None
        return self._prepare

    def _prepare(self, ctx: DynamicClassDefContext) -> None:
        if isinstance(ctx.api, SemanticAnalyzer):
            self.rebinding.prepare_later(ctx.api)

    def get_function_signature_hook(
        self, fullname: str
    ) -> Callable[[FunctionSigContext], FunctionLike] | None:
        return self._look_up(self._function_signature_hook, fullname, _same_signature)

    def get_method_signature_hook(
        self, fullname: str
    ) -> Callable[[MethodSigContext], FunctionLike] | None:
        return self._look_up(self._method_signature_hook, fullname, _same_signature)

    def get_function_hook(self, fullname: str) -> Callable[[FunctionContext], Type] | None:
        return self._look_up(self._function_hook, fullname, _same_result)

    def get_method_hook(self, fullname: str) -> Callable[[MethodContext], Type] | None:
        return self._look_up(self._method_hook, fullname, _same_result)

    def get_attribute_hook(self, fullname: str) -> Callable[[AttributeContext], Type] | None:
        return self._look_up(self._attribute_hook, fullname, _same_attribute)

    def _look_up(
        self, find: Callable[[str], H | None], fullname: str, default: Callable[[Any], Any]
    ) -> H | None:
        if self._modules is None or STATIC not in self._modules:
            return None
        table = self._tables.setdefault(find.__name__, {})
        if fullname not in table:
            hook: Any = harmless(None)(find)(fullname)
            table[fullname] = None if hook is None else guarded(self._placed(hook), default)
        found: H | None = table[fullname]
        return found

    def _heard(self, file: str, info: ErrorInfo) -> None:
        if info.severity == "error":
            self.specialising.heard(file, info)
            self.origins.note(self.narrowing.checker_of(file), info)

    def _forgives(self, file: str, info: ErrorInfo) -> bool:
        if Subscripts(self.encoder.modules).settled(file, info):
            return True
        return self.annotated.forgives(info, self.narrowing.checker_of(file))

    def _placed(self, hook: Callable[[Any], Any]) -> Callable[[Any], Any]:
        """The hook, which reads sizes as they are known to be in the place it is asked about."""

        def placed(ctx: Any) -> Any:
            before = self.encoder.equalities
            place = ctx.context
            self.encoder.equalities = self.narrowing.later(
                checker_of(ctx), place.line, place.column
            )
            try:
                return hook(ctx)
            finally:
                self.encoder.equalities = before

        return placed

    # Types

    @harmless(None)
    def _type_hook(self, fullname: str) -> Callable[[AnalyzeTypeContext], Type] | None:
        if fullname == "typing.Annotated":
            return self._analysed(self.annotations.tensor)
        if fullname == _SIZE:
            return self._analysed(self.annotations.size)
        if fullname in BASES or fullname in self.annotations.local_aliases:
            return self._analysed(lambda ctx: self.annotations.base(fullname, ctx))
        if fullname.startswith(_STANDARD):
            return None
        entry = self.lookup_fully_qualified(fullname)
        node = entry.node if entry is not None else None
        if isinstance(node, TypeAlias) and mentions(node.target, WRITTEN):
            return self._analysed(lambda ctx: self.annotations.base(fullname, ctx))
        if isinstance(node, TypeInfo) and node.defn.type_vars:
            cls = node
            if only_dims(cls):
                return self._analysed(lambda ctx: self.annotations.module(cls, ctx))
            if noted_dims(cls):
                return self._analysed(lambda ctx: self.annotations.generic(cls, ctx))
        return None

    def _analysed(
        self, hook: Callable[[AnalyzeTypeContext], Type]
    ) -> Callable[[AnalyzeTypeContext], Type]:
        def analysed(ctx: AnalyzeTypeContext) -> Type:
            watch(ctx.api.api.errors)  # type: ignore[attr-defined]
            self.rebinding.prepare_later(ctx.api.api)  # type: ignore[attr-defined]
            return hook(ctx)

        return analysed

    def get_base_class_hook(self, fullname: str) -> Callable[[ClassDefContext], None] | None:
        if self._modules is None or STATIC not in self._modules or fullname.startswith(_STANDARD):
            return None
        entry = self.lookup_fully_qualified(fullname) if "." in fullname else None
        base = entry.node if entry is not None else None
        if isinstance(base, TypeInfo) and base.has_base(MODULE):
            return harmless(None)(loosen)
        return None

    # Calls

    def _function_signature_hook(
        self, fullname: str
    ) -> Callable[[FunctionSigContext], FunctionLike] | None:
        if fullname == "builtins.isinstance":
            return self.annotated.lenient
        if fullname == _HOLD:
            return self.foreign.signature
        if fullname.startswith(_STANDARD) or self._default.get_function_signature_hook(fullname):
            return None
        return self.signatures.relax

    def _method_signature_hook(
        self, fullname: str
    ) -> Callable[[MethodSigContext], FunctionLike] | None:
        if fullname in ADDING:
            return self.growing.open
        if fullname.startswith(_STANDARD) or self._default.get_method_signature_hook(fullname):
            return None
        return self.signatures.relax

    def _function_hook(self, fullname: str) -> Callable[[FunctionContext], Type] | None:
        if fullname == _HOLD:
            return self.foreign.check
        default = self._default.get_function_hook(fullname)
        if fullname == "builtins.isinstance":
            return self.annotated.checked
        if fullname == ENSURE:
            return self.annotated.ensured
        if fullname in PURE:
            return lambda ctx: self._settled(ctx, self._pure(fullname, ctx, default))
        if fullname == PARTIAL and default is not None:
            mypys = default
            return lambda ctx: self.partials.made(ctx, mypys(ctx))
        if default is not None:
            return None
        if fullname == PROBE:
            return self.rebinding.defined
        if fullname in _ITERATING:
            return lambda ctx: self._settled(ctx, ctx.default_return_type)
        if fullname.startswith(_STANDARD):
            return None
        entry = self.lookup_fully_qualified(fullname)
        called_with = promises(entry.node if entry is not None else None)
        if called_with:
            return lambda ctx: self._taken(called_with, fullname, ctx)
        return lambda ctx: self._call(fullname, ctx)

    def _taken(
        self, called_with: dict[str, list[str]], fullname: str, ctx: FunctionContext
    ) -> Type:
        self.taking.check(called_with, ctx)
        return self._call(fullname, ctx)

    def _method_hook(self, fullname: str) -> Callable[[MethodContext], Type] | None:
        default = self._default.get_method_hook(fullname)
        if fullname in ADDING:
            return lambda ctx: self.growing.added(ADDING[fullname], ctx)
        if fullname in INT_METHODS:
            return lambda ctx: self.sizes.int_arithmetic(ctx, default)
        if fullname in FLOAT_POWERS:
            return lambda ctx: self.sizes.power(
                ctx, ctx.default_return_type if default is None else default(ctx)
            )
        if default is not None:
            return None
        if fullname in COMPARISONS:
            return self.ranks.compared
        if fullname.startswith(_STANDARD):
            if fullname.endswith((".__next__", ".__iter__")):
                return lambda ctx: self._settled(ctx, ctx.default_return_type)
            return None
        if fullname.startswith(DIM_OF + ".__"):
            return lambda ctx: self.sizes.arithmetic(fullname.rpartition(".")[2], ctx)
        return lambda ctx: self._call(fullname, ctx)

    def _attribute_hook(self, fullname: str) -> Callable[[AttributeContext], Type] | None:
        if fullname.startswith(TENSOR + "."):
            return lambda ctx: self.execution.attribute(fullname.rpartition(".")[2], ctx)
        if fullname.startswith(_STANDARD):
            return None
        owner, _, name = fullname.rpartition(".")
        entry = self.lookup_fully_qualified(owner) if "." in owner else None
        if entry is not None and isinstance(entry.node, TypeInfo) and is_built(entry.node):
            return lambda ctx: self.layers.attribute(name, ctx) or self._read(ctx)
        return lambda ctx: self.specialising.attribute(name, ctx) or self._read(ctx)

    def _read(self, ctx: AttributeContext) -> Type:
        """An attribute of which nothing more is known than its class says."""
        t = self.records.member(ctx)
        return self.records.attribute(at_home(ctx, self.encoder) if t is None else t, ctx)

    def _pure(
        self, fullname: str, ctx: FunctionContext, default: Callable[[FunctionContext], Type] | None
    ) -> Type:
        """A function of Python itself: of a tensor, which has a method for it, or of sizes."""
        function = self.execution.function(fullname)
        tensors = [t for types in ctx.arg_types for t in types if self.encoder.tensor(t)]
        if function is not None and tensors and self.encoder.ready:
            found = self.execution.call(function, ctx)
            if found is not None:
                return found
        known = ctx.default_return_type if default is None else default(ctx)
        return self.sizes.builtin(fullname, ctx, known)

    def _settled(self, ctx: CallContext, result: Type) -> Type:
        place = f"{checker_of(ctx).path}:{ctx.context.line}:{ctx.context.column}"
        return settled(result, self.encoder, place) if self.encoder.ready else result

    def _call(self, fullname: str, ctx: CallContext) -> Type:
        return self._settled(ctx, self._called(fullname, ctx))

    def _called(self, fullname: str, ctx: CallContext) -> Type:
        if not self.encoder.ready:
            return ctx.default_return_type
        ctx = self._of_objects(ctx)
        self.rebinding.checker = checker_of(ctx)
        if fullname.startswith(TENSOR + ".") and is_any(ctx.default_return_type):
            return _wanted(ctx)
        if isinstance(ctx, MethodContext):
            given = self.layers.method(fullname.rpartition(".")[2], ctx)
            if given is not None:
                return given
        function = self.execution.function(fullname)
        if function is not None and speaks_of_shapes(ctx.default_return_type):
            refused = self.signatures.refused(ctx)
            result = refused if refused is not None else self.execution.call(function, ctx)
            if result is not None:
                return result
        if function is None and speaks_or_any(ctx.default_return_type):
            held = self.execution.held(ctx)
            result = None if held is None else self.execution.call(*held)
            if result is not None:
                return result
        with ErrorWatcher(checker_of(ctx).msg.errors) as watcher:
            result = self.signatures.bind(ctx)
        self.foreign.note(ctx, result)
        if not watcher.has_new_errors():
            result = self.records.constructed(fullname, ctx, result)
        if isinstance(ctx, FunctionContext):
            result = self.specialising.forgotten(fullname, ctx, result)
            result = self.layers.constructed(fullname, ctx, result)
            several = self.records.is_one_of_several(ctx.context, checker_of(ctx))
            if not watcher.has_new_errors() and not several:
                result = self.specialising.constructed(fullname, ctx, result)
        if watcher.has_new_errors():
            return result
        return self.specialising.called(self._function(fullname, ctx), ctx, result)

    def _of_objects(self, ctx: CallContext) -> CallContext:
        """A call with the sizes of the objects that its arguments are parts of."""
        checker, known = checker_of(ctx), self.encoder.known
        types = [
            [known(t, e, checker) for t, e in zip(held, expressions, strict=True)]
            for held, expressions in zip(ctx.arg_types, ctx.args, strict=True)
        ]
        if isinstance(ctx, MethodContext):
            own = get_proper_type(known(ctx.type, receiver(ctx), checker))
            return ctx._replace(arg_types=types, type=own)
        return ctx._replace(arg_types=types)

    def _function(self, fullname: str, ctx: CallContext) -> FuncDef | None:
        """The function that is called."""
        own = get_proper_type(ctx.type) if isinstance(ctx, MethodContext) else None
        if isinstance(own, Instance):
            node: object = own.type.get_method(fullname.rpartition(".")[2])
        else:
            entry = self.lookup_fully_qualified(fullname)
            node = entry.node if entry is not None else None
        return node if isinstance(node, FuncDef) else None


def is_any(t: Type) -> bool:
    return isinstance(get_proper_type(t), AnyType)


def speaks_or_any(t: Type) -> bool:
    return is_any(t) or speaks_of_shapes(t)


def _wanted(ctx: CallContext) -> Type:
    """What a tensor gives to Python, as `x.item()` does, of which annotations can say nothing: what
    is expected in its place, where that is a type of Python's own."""
    contexts = checker_of(ctx).expr_checker.type_context
    wanted = get_proper_type(contexts[-1]) if contexts and contexts[-1] is not None else None
    if isinstance(wanted, Instance) and wanted.type.module_name == "builtins":
        return wanted
    return ctx.default_return_type


# What a hook that failed would have left alone


def _without_shape(ctx: AnalyzeTypeContext) -> Type:
    if ctx.type.args and isinstance(ctx.api, TypeAnalyser):
        return ctx.api.anal_type(ctx.type.args[0])
    return _anything(ctx)


def _anything(ctx: AnalyzeTypeContext) -> Type:
    return AnyType(TypeOfAny.special_form)


def _same_signature(ctx: SignatureContext) -> FunctionLike:
    return ctx.default_signature


def _same_result(ctx: CallContext) -> Type:
    return ctx.default_return_type


def _same_attribute(ctx: AttributeContext) -> Type:
    return ctx.default_attr_type
