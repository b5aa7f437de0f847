"""The plugin's hooks; each hands over to the module that knows."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from mypy.nodes import MypyFile, TypeInfo
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
from mypy.types import FunctionLike, Type

from typedflux.mypy_plugin.annotations import Annotations
from typedflux.mypy_plugin.configuration import listed_modules, source_hash
from typedflux.mypy_plugin.context import CallContext
from typedflux.mypy_plugin.encoding import DIM_OF, MODULE, STATIC, TENSOR, Encoder
from typedflux.mypy_plugin.execution import Execution
from typedflux.mypy_plugin.messages import watch
from typedflux.mypy_plugin.signatures import Signatures
from typedflux.mypy_plugin.sizes import Sizes
from typedflux.mypy_plugin.traversal import speaks_of_shapes

_STANDARD = ("builtins.", "typing.", "typing_extensions.", "collections.", "re.", "os.", "enum.",
             "functools.", "contextlib.", "abc.", "types.", "numpy.", "mypy.")  # fmt: skip
_SIZE = "typedflux.checks.sizes.Size"


class TypedfluxPlugin(Plugin):
    """The hooks; each hands over to the module that knows."""

    def __init__(self, options: Options) -> None:
        super().__init__(options)
        self.encoder = Encoder()
        self.annotations = Annotations(self.encoder)
        executable = ("typedflux.", *(f"{m}." for m in listed_modules(options)))
        self.execution = Execution(self.encoder, executable)
        self.signatures = Signatures(self.encoder)
        self.sizes = Sizes(self.encoder)
        self._default = DefaultPlugin(options)  # hooks here would shadow mypy's own otherwise

    def set_modules(self, modules: Any) -> None:
        super().set_modules(modules)
        self.encoder.modules = modules

    def report_config_data(self, ctx: ReportConfigContext) -> Any:
        """What invalidates mypy's cache: the package's source, whose rules are executed."""
        return {"source": source_hash(), "execute": list(self.execution.executable)}

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
        return self.signatures.relax

    def get_method_signature_hook(
        self, fullname: str
    ) -> Callable[[MethodSigContext], FunctionLike] | None:
        if fullname.startswith(_STANDARD) or self._default.get_method_signature_hook(fullname):
            return None
        return self.signatures.relax

    def get_function_hook(self, fullname: str) -> Callable[[FunctionContext], Type] | None:
        if fullname.startswith(_STANDARD) or self._default.get_function_hook(fullname):
            return None
        return lambda ctx: self._call(fullname, ctx)

    def get_method_hook(self, fullname: str) -> Callable[[MethodContext], Type] | None:
        if fullname.startswith(_STANDARD) or self._default.get_method_hook(fullname):
            return None
        if fullname.startswith(DIM_OF + ".__"):
            return lambda ctx: self.sizes.arithmetic(fullname.rpartition(".")[2], ctx)
        return lambda ctx: self._call(fullname, ctx)

    def get_attribute_hook(self, fullname: str) -> Callable[[AttributeContext], Type] | None:
        if fullname.startswith(TENSOR + "."):
            return lambda ctx: self.execution.attribute(fullname.rpartition(".")[2], ctx)
        return None

    def _call(self, fullname: str, ctx: CallContext) -> Type:
        if not self.encoder.ready:
            return ctx.default_return_type
        function = self.execution.function(fullname)
        if function is not None and speaks_of_shapes(ctx.default_return_type):
            result = self.execution.call(function, ctx)
            if result is not None:
                return result
        return self.signatures.bind(ctx)


def _only_dims(info: TypeInfo) -> bool:
    """Whether a class is a module: its type variables stand for dims."""
    return any(base.fullname == MODULE for base in info.mro[1:]) and info.fullname != MODULE
