"""The signatures of calls: relaxed before mypy checks a call, bound to its arguments afterwards."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

from mypy.argmap import ArgTypeExpander, map_actuals_to_formals
from mypy.checker import TypeChecker
from mypy.constraints import SUPERTYPE_OF, infer_constraints
from mypy.erasetype import erase_typevars
from mypy.errorcodes import ARG_TYPE
from mypy.errors import ErrorInfo
from mypy.expandtype import expand_type
from mypy.messages import format_type
from mypy.nodes import (
    ArgKind,
    CallExpr,
    Context,
    DictExpr,
    Expression,
    LambdaExpr,
    ListExpr,
    MemberExpr,
    NameExpr,
    RefExpr,
    SetExpr,
    TupleExpr,
)
from mypy.plugin import FunctionContext, MethodContext
from mypy.subtypes import find_member, is_subtype
from mypy.types import (
    CallableType,
    FunctionLike,
    Instance,
    Overloaded,
    ProperType,
    TupleType,
    Type,
    TypeAliasType,
    TypeVarId,
    UninhabitedType,
    UnionType,
    get_proper_type,
)

from typedflux.mypy_plugin.binding import Binder, Given, annotated, is_size_union
from typedflux.mypy_plugin.calls import is_relevant, relax
from typedflux.mypy_plugin.codes import DTYPE, SHAPE
from typedflux.mypy_plugin.constants import refined
from typedflux.mypy_plugin.context import CallContext, SignatureContext, checker_of
from typedflux.mypy_plugin.encoding import (
    MODULE,
    TENSOR,
    Encoder,
    is_instance,
    open_rank,
    unknown,
)
from typedflux.mypy_plugin.messages import watch
from typedflux.mypy_plugin.traversal import (
    Reshaped,
    TypeCollector,
    loosened,
    speaks_of_shapes,
    wants_shapes,
)
from typedflux.mypy_plugin.unions import is_declared, united

PARTIAL = "functools.partial"
_MOST = 64
"""Combinations of the members of unions that are tried at one call."""


@dataclass(frozen=True, slots=True)
class Seen:
    """A signature, how mypy saw it, and the formals that were left to be checked afterwards."""

    signature: CallableType
    relaxed: CallableType
    open: frozenset[int]


Pairs: TypeAlias = list[tuple[Type, Given]]


class Signatures:
    """The signatures of the calls that mypy is checking."""

    def __init__(self, encoder: Encoder) -> None:
        self.encoder = encoder
        self._stashed: dict[int, tuple[Context, list[Seen]]] = {}
        self._reshaped: dict[int, tuple[Context, CallableType]] = {}
        self._checker: TypeChecker | None = None

    # Before

    def relax(self, ctx: SignatureContext) -> FunctionLike:
        """The signature to check the call against: without shapes, which are bound afterwards."""
        signature = ctx.default_signature
        if not self.encoder.ready:
            return signature
        if not is_relevant(signature):
            return self._without_shapes(signature, ctx)
        checker = checker_of(ctx)
        watch(checker.msg.errors)
        if checker is not self._checker:  # another module: what was noted of the last is done with
            self._checker = checker
            self._stashed.clear()
            self._reshaped.clear()
        relaxed = relax(signature, self.encoder)
        stash = self._stashed.setdefault(id(ctx.context), (ctx.context, []))[1]
        left: frozenset[int] = frozenset()
        if not _is_overloaded(ctx):
            relaxed = self._with_functions(signature, relaxed, ctx)
            relaxed, left = _without_context(signature, relaxed, ctx.args)
        # The items of an overloaded function come here one after another, and all of them again
        # when mypy looks at the call again, with new variables.
        text = str(relaxed)
        stash[:] = [seen for seen in stash if str(seen.relaxed) != text]
        stash.append(Seen(signature, relaxed, left))
        return relaxed

    def _without_shapes(self, signature: CallableType, ctx: SignatureContext) -> CallableType:
        """What a signature calls `Reshaped` is for the plugin to say: what the program expects in
        its place says nothing of the arguments."""
        if not isinstance(signature.ret_type, (TupleType, TypeAliasType)):
            return signature  # as nearly all are
        # A tensor stands there meanwhile, so that hooks know that there are any.
        axes = self.encoder.unknown_axes()
        finder = Reshaped(lambda t: self.encoder.instance(TENSOR, [unknown(), axes]))
        result = signature.ret_type.accept(finder)
        if not finder.found:
            return signature
        self._reshaped[id(ctx.context)] = (ctx.context, signature)
        return signature.copy_modified(ret_type=result)

    def _structured(self, signature: CallableType, ctx: CallContext) -> Type:
        """A result whose shapes the plugin could not tell: structured as the signature says."""
        solved: dict[TypeVarId, Type] = {}
        for formal, actuals in zip(signature.arg_types, ctx.arg_types, strict=False):
            for actual in actuals:
                for c in infer_constraints(formal, actual, SUPERTYPE_OF):
                    solved.setdefault(c.type_var, c.target)
        whole = Reshaped(lambda t: loosened(expand_type(t, solved)))
        filled = expand_type(signature.ret_type.accept(whole), solved)
        return erase_typevars(filled, {v.id for v in signature.variables})

    def _with_functions(
        self, signature: CallableType, relaxed: CallableType, ctx: SignatureContext
    ) -> CallableType:
        """Lambdas are checked with the shapes that the other arguments give their parameters."""
        if not any(_has_lambda(e) for actuals in ctx.args for e in actuals):
            return relaxed
        checker = checker_of(ctx)
        pairs: Pairs = []
        with checker.msg.filter_errors():
            for formal, actuals in zip(signature.arg_types, ctx.args, strict=True):
                for e in actuals:
                    if not _has_lambda(e) and speaks_of_shapes(formal):
                        pairs.append((formal, Given(checker.expr_checker.accept(e), e)))
        binder = Binder(signature, self.encoder, checker)
        binder.bind_all(pairs)
        binder.failed = False
        formals = [
            binder.fill_parameters(formal, loose) if any(map(_has_lambda, actuals)) else loose
            for formal, loose, actuals in zip(
                signature.arg_types, relaxed.arg_types, ctx.args, strict=True
            )
        ]
        return relaxed.copy_modified(arg_types=formals)

    # Afterwards

    def bind(self, ctx: CallContext) -> Type:
        """The type of a call's result, after its dims are bound and mismatches reported."""
        stashed = self._stashed.get(id(ctx.context))
        if stashed is None:
            reshaped = self._reshaped.get(id(ctx.context))
            if reshaped is not None:
                return self._structured(reshaped[1], ctx)
            return ctx.default_return_type if _has_name(ctx) else self._bind_unnamed(ctx)
        candidates = _called(stashed[1], ctx)
        for seen in candidates[:-1]:
            outcome = self._outcome(seen.signature, ctx)
            if outcome is not None and not outcome.problems:
                return outcome.result(ctx.default_return_type)
        return self._bind(candidates[-1], ctx)

    def refused(self, ctx: CallContext) -> Type | None:
        """Report arguments of a wrong class; the result's type if there are any."""
        stashed = self._stashed.get(id(ctx.context))
        if stashed is None or len(stashed[1]) != 1 or not stashed[1][0].open:
            return None
        (seen,) = stashed[1]
        if not _is_callable_with(seen.signature, ctx) or not self._check_classes(seen, ctx):
            return None
        return Binder(seen.signature, self.encoder).fill(ctx.default_return_type)

    def _bind(self, seen: Seen, ctx: CallContext) -> Type:
        outcome = self._outcome(seen.signature, ctx)
        if outcome is None or self._check_classes(seen, ctx):
            return Binder(seen.signature, self.encoder).fill(ctx.default_return_type)
        called = _union_called(ctx)
        if called is None:
            self._report(seen.signature, outcome, ctx)
        elif outcome.problems:
            refusing = self._refusing(*called, ctx)
            if refusing is None:
                return UninhabitedType()  # another member is meant
            if not isinstance(ctx, MethodContext) or refusing == get_proper_type(ctx.type):
                self._report(seen.signature, outcome, ctx)  # once
        return outcome.result(ctx.default_return_type)

    def _refusing(
        self, union: UnionType, holder: Expression, name: str, ctx: CallContext
    ) -> ProperType | None:
        """The first member of a union of callees that must take the arguments and refuses them.

        mypy visits them one by one. Each must when the union was declared, and one when not: then
        `None` when there is one that does.
        """
        first, every = None, True
        for item in map(get_proper_type, union.relevant_items()):
            member = item
            if isinstance(item, Instance):
                found = find_member(name, item, item)
                member = get_proper_type(found) if found is not None else item
            outcome = (
                self._outcome(_normal(member), ctx) if isinstance(member, CallableType) else None
            )
            if outcome is not None and outcome.problems:
                first = first or item
            else:
                every = False  # or nobody can tell
        return first if every or is_declared(holder, checker_of(ctx)) else None

    def _bind_unnamed(self, ctx: CallContext) -> Type:
        """A call whose callee has no name that hooks know: an item of a list, a partial, one of
        several functions.

        mypy has checked it against the very signature; what it said of it is said better here.
        """
        result = ctx.default_return_type
        checker = checker_of(ctx)
        callees, union = _callees(ctx, checker)
        if not any(map(is_relevant, callees)):
            return result
        watch(checker.msg.errors)
        outcomes = [(s, o) for s in callees if (o := self._outcome(s, ctx)) is not None]
        if len(outcomes) < len(callees):
            return result
        withdraw(checker, ctx)
        refusing = [(s, o) for s, o in outcomes if o.problems]
        declared = union is not None and is_declared(union, checker)
        if refusing and (declared or len(refusing) == len(outcomes)):
            self._report(*refusing[0], ctx)
        mine = [(s, o) for s, o in outcomes if list(s.arg_names) == list(ctx.callee_arg_names)]
        if len(mine) != 1 or is_instance(get_proper_type(result), PARTIAL):
            return result
        ((signature, outcome),) = mine
        if outcome.problems and len(refusing) < len(outcomes):
            return UninhabitedType()  # another member is meant
        collector = TypeCollector()
        signature.ret_type.accept(collector)
        if any(v.id not in outcome.first.variables for v in collector.variables):
            return result
        return outcome.result(signature.ret_type)

    def applied(self, signature: CallableType, ctx: CallContext) -> Binder | None:
        """What a call binds that may leave arguments out, after mismatches are reported."""
        checker = checker_of(ctx)
        outcome = self._outcome(signature, ctx)
        if outcome is None:
            return None
        watch(checker.msg.errors)
        withdraw(checker, ctx)
        self._report(signature, outcome, ctx)
        outcome.first.failed = bool(outcome.problems)
        return outcome.first

    # Binding

    def _outcome(self, signature: CallableType, ctx: CallContext) -> Outcome | None:
        """The signature bound to all combinations of members of unions in the arguments."""
        if not _is_callable_with(signature, ctx):
            return None
        pairs = self._pairs(signature, ctx)
        checker = checker_of(ctx)
        required: list[int] = []
        optional: list[int] = []
        choices: list[list[Type]] = []
        for i, (formal, given) in enumerate(pairs):
            members = _alternatives(formal, given)
            choices.append(members)
            if len(members) > 1:
                declared = is_declared(given.expression, checker)
                (required if declared else optional).append(i)
        count = 1
        for members in choices:
            count *= len(members)
        if count > _MOST:
            choices = [[unknown()] if len(m) > 1 else m for m in choices]
            required, optional = [], []
        return Outcome(
            [
                self._attempt(signature, pairs, choices, required, optional, chosen, checker)
                for chosen in _combinations(choices, required)
            ]
        )

    def _attempt(
        self,
        signature: CallableType,
        pairs: Pairs,
        choices: list[list[Type]],
        required: list[int],
        optional: list[int],
        chosen: dict[int, Type],
        checker: TypeChecker,
    ) -> list[tuple[Binder, list[tuple[int, str]], Pairs]]:
        """All ways to bind the arguments with the chosen members of declared unions."""
        found = []
        for more in _combinations(choices, optional):
            types = {**{i: m[0] for i, m in enumerate(choices)}, **chosen, **more}
            split = {*required, *optional}
            given: Pairs = [
                (f, replace(g, type=types[i], expression=None if i in split else g.expression))
                for i, (f, g) in enumerate(pairs)
            ]
            binder = Binder(signature, self.encoder, checker)
            problems = binder.bind_all(given)
            found.append((binder, problems, given))
        return found

    def _pairs(self, signature: CallableType, ctx: CallContext) -> Pairs:
        """Each formal type with each of its arguments."""
        checker = checker_of(ctx)
        expander = ArgTypeExpander(checker.expr_checker.argument_infer_context())
        pairs: Pairs = []
        for i, (formal, actuals) in enumerate(
            zip(signature.arg_types, _mapped(signature, ctx), strict=True)
        ):
            name, kind = signature.arg_names[i], signature.arg_kinds[i]
            for actual, expression, how in actuals:
                spread = how.is_star()
                if spread:
                    actual = expander.expand_actual_type(actual, how, name, kind)
                elif speaks_of_shapes(formal):
                    actual = self._by_itself(actual, expression, checker)
                    actual = refined(actual, expression, self.encoder, checker)
                    actual = annotated(formal, actual, expression, self.encoder, checker)
                label = f'argument "{name}"' if name and not kind.is_star() else ""
                if not label:
                    label = f"argument {len(pairs) + 1}"
                written = None if spread else expression
                pairs.append((formal, Given(actual, written, label, i, expression)))
        return pairs

    def _by_itself(self, actual: Type, expression: Expression, checker: TypeChecker) -> Type:
        """What a call gives by itself, where items of an overloaded function have made it give
        what they expect: tensors of unknown shapes."""
        tensor = self.encoder.tensor(actual)
        if tensor is None or not isinstance(expression, CallExpr) or not open_rank(tensor.shape):
            return actual
        with checker.msg.filter_errors():
            found = checker.expr_checker.accept(expression)
        return actual if self.encoder.tensor(found) is None else found

    def _check_classes(self, seen: Seen, ctx: CallContext) -> bool:
        """Report arguments of a wrong class where mypy was given none to check against."""
        checker = checker_of(ctx)
        wanted = relax(seen.signature, self.encoder)
        wrong = False
        for _, given in self._pairs(seen.signature, ctx):
            i, expression = given.formal, given.place
            formal = erase_typevars(wanted.arg_types[i])
            if i not in seen.open or expression is None or self._fits(given.type, formal):
                continue
            wrong = True
            ctx.api.fail(
                f"{_argument(seen.signature, i, expression, ctx)} to "
                f"{_callee_name(seen.signature, ctx)} has incompatible type "
                f"{format_type(given.type, checker.options)}; expected "
                f"{format_type(seen.signature.arg_types[i], checker.options)}",
                expression,
                code=ARG_TYPE,
            )
        return wrong

    def _fits(self, actual: Type, formal: Type) -> bool:
        """Whether an argument is of the class that is wanted, whatever its shapes."""
        f, a = get_proper_type(formal), get_proper_type(actual)
        if is_subtype(a, f) or not isinstance(f, Instance) or not wants_shapes(f.type):
            return is_subtype(a, f)
        if isinstance(a, UnionType):
            return all(self._fits(item, f) for item in a.items)
        for name in f.type.protocol_members:
            wanted = find_member(name, f, f)
            own: Type | None = None
            if isinstance(a, Instance):
                own = find_member(name, a, a)
            elif isinstance(a, (CallableType, Overloaded)) and name == "__call__":
                own = a
            if own is None or wanted is None:
                return False
            x, y = get_proper_type(own), get_proper_type(wanted)
            if isinstance(x, CallableType) and isinstance(y, CallableType):
                x, y = self._bare(x), self._bare(y)
            if not is_subtype(x, y):
                return False
        return True

    def _bare(self, t: CallableType) -> CallableType:
        """A function's type without shapes."""
        bare = relax(t, self.encoder)
        return bare.copy_modified(ret_type=loosened(bare.ret_type))

    def _report(self, signature: CallableType, outcome: Outcome, ctx: CallContext) -> None:
        for binder, reason, formal, given in outcome.problems:
            place = given.place or ctx.context
            ctx.api.fail(
                f"{_argument(signature, given.formal, place, ctx)} to "
                f"{_callee_name(signature, ctx)} is {binder.describe(given.type)}, "
                f"expected {binder.describe(formal)}: {reason}",
                place,
                code=DTYPE if reason.startswith("it wants dtype") else SHAPE,
            )


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a call: for each choice among declared unions all ways to bind the rest."""

    ways: list[list[tuple[Binder, list[tuple[int, str]], Pairs]]]

    @property
    def first(self) -> Binder:
        return self.ways[0][0][0]

    @property
    def problems(self) -> list[tuple[Binder, str, Type, Given]]:
        """The mismatches of the first choice for which nothing fits."""
        for ways in self.ways:
            if all(problems for _, problems, _ in ways):
                binder, problems, pairs = ways[0]
                return [(binder, reason, *pairs[i]) for i, reason in problems]
        return []

    def result(self, t: Type) -> Type:
        """A type of the signature with the dims of this call."""
        if self.problems:
            self.first.failed = True
            return self.first.fill(t)
        fitting = [binder for ways in self.ways for binder, problems, _ in ways if not problems]
        results = united(binder.fill(t) for binder in fitting)
        proper = get_proper_type(results)
        if len(fitting) > 2 and isinstance(proper, UnionType) and len(proper.items) > 2:
            fitting[0].agree_with(fitting[1:])  # a loop may go on like that
            return fitting[0].fill(t)
        return results


Actual: TypeAlias = tuple[Type, Expression, ArgKind]


def _mapped(signature: CallableType, ctx: CallContext) -> list[list[Actual]]:
    """The arguments of a call for each formal one of a signature."""
    columns = zip(ctx.arg_types, ctx.args, ctx.arg_kinds, strict=True)
    if list(signature.arg_names) == list(ctx.callee_arg_names):
        return [list(zip(*column, strict=True)) for column in columns]
    # Not the signature that mypy has mapped them to: another item, another member of a union.
    found: dict[int, tuple[Actual, str | None]] = {}
    for column, names in zip(columns, ctx.arg_names, strict=True):
        for actual, name in zip(zip(*column, strict=True), names, strict=True):
            found.setdefault(id(actual[1]), (actual, name))
    given = list(found.values())
    mapping = map_actuals_to_formals(
        [actual[2] for actual, _ in given],
        [name for _, name in given],
        signature.arg_kinds,
        signature.arg_names,
        lambda i: given[i][0][0],
    )
    return [[given[i][0] for i in indices] for indices in mapping]


def _is_callable_with(signature: CallableType, ctx: CallContext) -> bool:
    """Whether the arguments are as many as a signature wants."""
    mapped = _mapped(signature, ctx)
    given = {id(actual[1]) for actuals in mapped for actual in actuals}
    return all(
        actuals or not kind.is_required()
        for actuals, kind in zip(mapped, signature.arg_kinds, strict=True)
    ) and all(id(e) in given for expressions in ctx.args for e in expressions)


def _combinations(choices: list[list[Type]], which: list[int]) -> Iterator[dict[int, Type]]:
    for members in itertools.product(*[choices[i] for i in which]):
        yield dict(zip(which, members, strict=True))


def _alternatives(formal: Type, given: Given) -> list[Type]:
    """The members of a union that are to be bound one by one."""
    a, f = get_proper_type(given.type), get_proper_type(formal)
    if not isinstance(a, UnionType) or is_size_union(a) or not speaks_of_shapes(f):
        return [given.type]
    return list(a.items) if sum(map(speaks_of_shapes, a.items)) > 1 else [given.type]


def _without_context(
    signature: CallableType, relaxed: CallableType, args: Sequence[Sequence[Expression]]
) -> tuple[CallableType, frozenset[int]]:
    """Let what stands in the place of tensors be inferred by itself: an unknown shape that is
    expected would be taken for what a generic function returns. Its class is checked afterwards,
    against what the annotation says."""
    formals = list(relaxed.arg_types)
    left = []
    for i, actuals in enumerate(args):
        formal = get_proper_type(signature.arg_types[i])
        holds_tensor = is_instance(formal, TENSOR) or (
            isinstance(formal, UnionType)
            and any(is_instance(get_proper_type(item), TENSOR) for item in formal.items)
        )
        wanted = holds_tensor or (isinstance(formal, Instance) and wants_shapes(formal.type))
        if wanted and len(actuals) == 1 and not signature.arg_kinds[i].is_star():
            formals[i] = unknown()
            left.append(i)
    return relaxed.copy_modified(arg_types=formals), frozenset(left)


def _has_lambda(e: Expression) -> bool:
    """Whether an argument is a lambda, or a collection that is written out with one in it."""
    if isinstance(e, (ListExpr, TupleExpr, SetExpr)):
        return any(map(_has_lambda, e.items))
    if isinstance(e, DictExpr):
        return any(_has_lambda(value) for _, value in e.items)
    return isinstance(e, LambdaExpr)


def _is_overloaded(ctx: SignatureContext) -> bool:
    callee = getattr(ctx.context, "callee", None)
    if not isinstance(callee, Expression):
        return True  # an operator: what is behind it nobody can tell
    found = checker_of(ctx).lookup_type_or_none(callee)
    return found is None or not isinstance(get_proper_type(found), CallableType)


def _called(stashed: list[Seen], ctx: CallContext) -> list[Seen]:
    """The signatures that this call may have been checked against; mypy tries the items of an
    overloaded function one after another."""
    if len(stashed) == 1:
        return stashed
    own = [{v.id for v in seen.signature.variables} for seen in stashed]
    collector = TypeCollector()
    ctx.default_return_type.accept(collector)
    needed = {v.id for v in collector.variables} & set().union(*own)
    current = [s for s, ids in zip(stashed, own, strict=True) if needed <= ids] or stashed
    fitting = [seen for seen in current if _fits(seen, ctx)]
    same = [seen for seen in fitting if _returns(seen, ctx)]
    return same or fitting or current[-1:]


def _fits(seen: Seen, ctx: CallContext) -> bool:
    return seen.relaxed.arg_names == list(ctx.callee_arg_names) and all(
        is_subtype(actual, erase_typevars(formal)) or kind.is_star()
        for formal, actuals, kinds in zip(
            seen.relaxed.arg_types, ctx.arg_types, ctx.arg_kinds, strict=True
        )
        for actual, kind in zip(actuals, kinds, strict=True)
    )


def _returns(seen: Seen, ctx: CallContext) -> bool:
    return is_subtype(ctx.default_return_type, erase_typevars(seen.relaxed.ret_type))


def _union_called(ctx: CallContext) -> tuple[UnionType, Expression, str] | None:
    """The union whose members mypy visits one by one at a call, where it stands, and the method
    that is called; `None` when there is none."""
    callee = getattr(ctx.context, "callee", None)
    if not isinstance(callee, Expression):
        return None
    union = _union_at(callee, ctx)
    if union is not None:
        return union, callee, "__call__"
    if isinstance(callee, MemberExpr):
        union = _union_at(callee.expr, ctx)
        if union is not None:
            return union, callee.expr, callee.name
    return None


def _union_at(expression: Expression, ctx: CallContext) -> UnionType | None:
    found = checker_of(ctx).lookup_type_or_none(expression)
    t = get_proper_type(found) if found is not None else None
    return t if isinstance(t, UnionType) else None


# Unnamed callees


def _has_name(ctx: CallContext) -> bool:
    """Whether mypy asked for the signature by a name before it checked the call."""
    if not isinstance(ctx.context, CallExpr) or not isinstance(ctx, FunctionContext):
        return True
    callee = ctx.context.callee
    if not isinstance(callee, RefExpr):
        return False
    if is_instance(get_proper_type(ctx.default_return_type), PARTIAL):
        return False
    found = checker_of(ctx).lookup_type_or_none(callee)
    called = get_proper_type(found) if found is not None else None
    if isinstance(called, CallableType):
        return called.name != "__call__ of partial"
    return called is None or not (isinstance(called, UnionType) or is_instance(called, PARTIAL))


def _callees(
    ctx: CallContext, checker: TypeChecker
) -> tuple[list[CallableType], Expression | None]:
    """The signatures of a callee that hooks do not know by name; and, when it is one of several,
    the expression whose type says so."""
    call = ctx.context
    if not isinstance(call, CallExpr) or not isinstance(ctx, FunctionContext):
        return [], None
    with checker.msg.filter_errors():
        t = get_proper_type(checker.expr_checker.accept(call.callee))
    if isinstance(t, UnionType):
        members = [get_proper_type(item) for item in t.relevant_items()]
        signatures = [m for m in members if isinstance(m, CallableType)]
        # Members that are no functions go another way.
        return [_normal(s) for s in signatures], call.callee
    if isinstance(t, Instance) and t.type.fullname == PARTIAL and t.extra_attrs is not None:
        held = t.extra_attrs.attrs.get("__mypy_partial")
        t = t if held is None else get_proper_type(held)
    return ([_normal(t)] if isinstance(t, CallableType) else []), None


def _normal(signature: CallableType) -> CallableType:
    return signature.with_unpacked_kwargs().with_normalized_var_args()


def withdraw(checker: TypeChecker, ctx: CallContext) -> None:
    """Take back what mypy said of the shapes in this call."""
    expressions: set[tuple[int, int]] = {
        (e.line, e.column) for actuals in ctx.args for e in actuals
    }
    expressions.add((ctx.context.line, ctx.context.column))
    for actuals in ctx.args:
        for e in actuals:
            if isinstance(e, LambdaExpr):
                expressions.add((e.expr().line, e.expr().column))

    def concerns(info: ErrorInfo) -> bool:
        if (info.line, info.column) not in expressions or info.severity != "error":
            return False
        text = info.message
        if text.startswith("Cannot infer value of type parameter"):
            return True
        mypys = " has incompatible type " in text or text.startswith("Incompatible return value")
        return mypys and text.count("Tensor[") + text.count("[Tensor, ") >= 2

    def is_taken_back(info: ErrorInfo) -> bool:
        return concerns(info if info.parent_error is None else info.parent_error)

    errors = checker.msg.errors
    for watcher in errors._watchers:
        if watcher._filtered:
            watcher._filtered[:] = [i for i in watcher._filtered if not is_taken_back(i)]
    kept = errors.error_info_map.get(errors.file)
    if kept:
        kept[:] = [i for i in kept if not is_taken_back(i)]


# Words


def _argument(signature: CallableType, i: int, expression: Context, ctx: CallContext) -> str:
    """How messages name an argument, as mypy does: by its position, or by its name."""
    name = signature.arg_names[i]
    kind = signature.arg_kinds[i]
    number = i + 1
    call = ctx.context
    if isinstance(call, CallExpr):
        for position, (given, keyword) in enumerate(zip(call.args, call.arg_names, strict=True)):
            if given is expression:
                if keyword is not None:
                    return f'Argument "{keyword}"'
                number = position + 1
    return f"Argument {number}" + (f' ("{name}")' if name and not kind.is_star() else "")


def _callee_name(signature: CallableType, ctx: CallContext) -> str:
    """How messages name what is called."""
    if signature.name:
        name, _, owner = signature.name.partition(" of ")
        t = get_proper_type(ctx.type) if isinstance(ctx, MethodContext) else None
        if isinstance(t, Instance) and (owner or t.type.has_base(MODULE)):
            owner = t.type.name
        return f'"{name}" of "{owner}"' if owner else f'"{name}"'
    callee = getattr(ctx.context, "callee", None)
    match callee:
        case NameExpr(name=name) | MemberExpr(name=name):
            return f'"{name}"'
    return "the call"
