"""The signatures of calls: relaxed before mypy checks a call, bound to its arguments afterwards."""

from __future__ import annotations

from typing import TypeAlias

from mypy.erasetype import erase_typevars
from mypy.nodes import Context, Expression
from mypy.subtypes import is_subtype
from mypy.types import CallableType, FunctionLike, Type, UnionType, get_proper_type

from typedflux.mypy_plugin.calls import DTYPE, SHAPE, Binder, is_relevant, relax
from typedflux.mypy_plugin.context import CallContext, SignatureContext, checker_of
from typedflux.mypy_plugin.encoding import Encoder
from typedflux.mypy_plugin.messages import watch
from typedflux.mypy_plugin.traversal import TypeCollector

Stashed: TypeAlias = tuple[CallableType, CallableType]
"""A signature, and how mypy saw it."""


class Signatures:
    """The signatures of the calls that mypy is checking."""

    def __init__(self, encoder: Encoder) -> None:
        self.encoder = encoder
        self._stashed: dict[int, tuple[Context, list[Stashed]]] = {}

    def relax(self, ctx: SignatureContext) -> FunctionLike:
        """The signature to check the call against: without shapes, which are bound afterwards."""
        signature = ctx.default_signature
        if not self.encoder.ready or not is_relevant(signature):
            return signature
        watch(checker_of(ctx).msg.errors)
        relaxed = relax(signature, self.encoder)
        # The items of an overloaded function come here one after another, and all of them again
        # when mypy looks at the call again, with new variables.
        stash = self._stashed.setdefault(id(ctx.context), (ctx.context, []))[1]
        if stash:
            text = str(relaxed)
            stash[:] = [(s, r) for s, r in stash if str(r) != text]
        stash.append((signature, relaxed))
        return relaxed

    def bind(self, ctx: CallContext) -> Type:
        """The type of a call's result, after its dims are bound and mismatches reported."""
        stashed = self._stashed.get(id(ctx.context))
        if stashed is None:
            return ctx.default_return_type
        return self._bind(_called(stashed[1], ctx), ctx)

    def _bind(self, signature: CallableType, ctx: CallContext) -> Type:
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


def _called(stashed: list[Stashed], ctx: CallContext) -> CallableType:
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


def _fits(relaxed: CallableType, ctx: CallContext) -> bool:
    return relaxed.arg_names == list(ctx.callee_arg_names) and all(
        is_subtype(actual, erase_typevars(formal))
        for formal, actuals in zip(relaxed.arg_types, ctx.arg_types, strict=True)
        for actual in actuals
    )


def _callee_is_union(ctx: CallContext) -> bool:
    """Whether mypy visits the members of a union one by one: then any of them may be the one."""
    callee = getattr(ctx.context, "callee", None)
    if not isinstance(callee, Expression):
        return False
    found = checker_of(ctx).lookup_type_or_none(callee)
    return found is not None and isinstance(get_proper_type(found), UnionType)
