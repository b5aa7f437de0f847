"""`functools.partial`: what is given binds dims of the function, the others stay open.

mypy infers type variables for itself there, and gives up where there is a variadic one.
"""

from __future__ import annotations

from dataclasses import dataclass

from mypy.argmap import map_actuals_to_formals
from mypy.nodes import (
    ARG_NAMED,
    ARG_NAMED_OPT,
    ARG_OPT,
    ARG_POS,
    ARG_STAR,
    ARG_STAR2,
    ArgKind,
    CallExpr,
    Expression,
)
from mypy.plugin import FunctionContext
from mypy.types import CallableType, Instance, Type, get_proper_type

from typedflux.mypy_plugin.calls import is_relevant
from typedflux.mypy_plugin.encoding import is_instance
from typedflux.mypy_plugin.signatures import PARTIAL, Signatures
from typedflux.mypy_plugin.traversal import speaks_of_shapes

_OPTIONAL = {ARG_POS: ARG_OPT, ARG_NAMED: ARG_NAMED_OPT}
_HELD = "__mypy_partial"


@dataclass(frozen=True)
class _Argument:
    expression: Expression
    type: Type
    kind: ArgKind
    name: str | None


class Partials:
    """Types of `partial(f, ...)`."""

    def __init__(self, signatures: Signatures) -> None:
        self.signatures = signatures

    def made(self, ctx: FunctionContext, found: Type) -> Type:
        """The type of a partial, of which mypy has found one."""
        t = get_proper_type(found)
        if not isinstance(t, Instance) or not is_instance(t, PARTIAL) or t.extra_attrs is None:
            return found
        held = get_proper_type(t.extra_attrs.attrs.get(_HELD))
        f = get_proper_type(ctx.arg_types[0][0])
        if not isinstance(held, CallableType) or not isinstance(f, CallableType):
            return found
        f = f.with_unpacked_kwargs().with_normalized_var_args()
        if f.is_type_obj() or f.param_spec() is not None or not is_relevant(f):
            return found
        given = _given(ctx)
        mapped = map_actuals_to_formals(
            [a.kind for a in given], [a.name for a in given], f.arg_kinds, f.arg_names,
            lambda i: given[i].type,
        )  # fmt: skip
        left = [
            i for i, actuals in enumerate(mapped) if _is_left(f, i, [given[a] for a in actuals])
        ]
        if len(left) != len(held.arg_types):
            return found
        optional = f.copy_modified(arg_kinds=[_OPTIONAL.get(k, k) for k in f.arg_kinds])
        binder = self.signatures.applied(optional, _call(ctx, f, given, mapped))
        if binder is None:
            return found
        types = [
            binder.fill(f.arg_types[i], keep=True) if speaks_of_shapes(f.arg_types[i]) else own
            for i, own in zip(left, held.arg_types, strict=True)
        ]
        result = (
            binder.fill(f.ret_type, keep=True) if speaks_of_shapes(f.ret_type) else held.ret_type
        )
        made = held.copy_modified(arg_types=types, ret_type=result)
        shown = binder.fill(f.ret_type) if speaks_of_shapes(f.ret_type) else t.args[0]
        return t.copy_modified(args=[shown]).copy_with_extra_attr(_HELD, made)


def _given(ctx: FunctionContext) -> list[_Argument]:
    """What is given to the function, each once: mypy lists it for all it may be."""
    found: dict[int, _Argument] = {}
    columns = zip(ctx.args, ctx.arg_types, ctx.arg_kinds, ctx.arg_names, strict=True)
    for expressions, types, kinds, names in list(columns)[1:]:
        for e, t, kind, name in zip(expressions, types, kinds, names, strict=True):
            found.setdefault(id(e), _Argument(e, t, kind, name))
    return list(found.values())


def _is_left(f: CallableType, i: int, actuals: list[_Argument]) -> bool:
    """Whether the partial still has a parameter: what is given by position is gone."""
    if not actuals or f.arg_kinds[i] in (ARG_STAR, ARG_STAR2):
        return True
    return not any(a.kind in (ARG_POS, ARG_STAR) for a in actuals)


def _call(
    ctx: FunctionContext, f: CallableType, given: list[_Argument], mapped: list[list[int]]
) -> FunctionContext:
    """The call of the function itself, with some of its arguments."""
    columns = [[given[a] for a in actuals] for actuals in mapped]
    call = CallExpr(
        ctx.args[0][0],
        [a.expression for a in given],
        [a.kind for a in given],
        [a.name for a in given],
    )
    call.set_line(ctx.context)
    return FunctionContext(
        arg_types=[[a.type for a in column] for column in columns],
        arg_kinds=[[a.kind for a in column] for column in columns],
        callee_arg_names=f.arg_names,
        arg_names=[[a.name for a in column] for column in columns],
        default_return_type=ctx.default_return_type,
        args=[[a.expression for a in column] for column in columns],
        context=call,
        api=ctx.api,
    )
