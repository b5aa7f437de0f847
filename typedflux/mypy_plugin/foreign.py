"""Annotated arrays of other libraries: `Float32[np.ndarray, "b n"]`.

To mypy they are plain arrays, so all that can be done with them stays as it is; the annotation is
carried beside the class (see `carriers`). Calls bind dims from it like those of tensors. What a
function returns, what is assigned to an annotated variable or attribute is held against the
annotation by a call that is put around it, of a function of Python's that no program calls.
"""

from __future__ import annotations

from collections.abc import Iterator

from mypy.checker import TypeChecker
from mypy.nodes import (
    ARG_POS,
    GDEF,
    AssignmentExpr,
    AssignmentStmt,
    CallExpr,
    CastExpr,
    Context,
    DelStmt,
    DictionaryComprehension,
    Expression,
    ForStmt,
    FuncDef,
    GeneratorExpr,
    IndexExpr,
    LambdaExpr,
    ListExpr,
    MemberExpr,
    MypyFile,
    NameExpr,
    Node,
    OperatorAssignmentStmt,
    OpExpr,
    ReturnStmt,
    StarExpr,
    Statement,
    TupleExpr,
    UnaryExpr,
    Var,
    WhileStmt,
    WithStmt,
)
from mypy.plugin import FunctionContext, FunctionSigContext
from mypy.types import (
    CallableType,
    FunctionLike,
    TupleType,
    Type,
    get_proper_type,
)

from typedflux.mypy_plugin.binding import Binder
from typedflux.mypy_plugin.carriers import mentions
from typedflux.mypy_plugin.codes import DTYPE, SHAPE
from typedflux.mypy_plugin.context import CallContext, checker_of
from typedflux.mypy_plugin.encoding import HELD, Encoder
from typedflux.mypy_plugin.scopes import functions, statements
from typedflux.mypy_plugin.syntax import walk

HOLD = "__build_class__"
"""A name of Python's that no program calls: stands for holding a value against an annotation."""

_CHECKED = (NameExpr, MemberExpr, CallExpr, IndexExpr, OpExpr, UnaryExpr, CastExpr)
"""Expressions that have a type of their own, whatever is expected of them."""


class Foreign:
    """Annotated arrays of other libraries, for one run of mypy."""

    def __init__(self, encoder: Encoder) -> None:
        self.encoder = encoder
        self._held: dict[int, tuple[CallExpr, Type, str]] = {}
        self._results: dict[int, tuple[Context, Type]] = {}
        self._assigned: Assigned | None = None

    # While calls are checked

    def note(self, ctx: CallContext, result: Type) -> None:
        """Remember what a call returns: mypy expands it."""
        if mentions(result, HELD):
            self._results[id(ctx.context)] = (ctx.context, result)

    def annotation(self, e: Expression, checker: TypeChecker) -> Type | None:
        """The annotated type of an expression, `None` if it has none that is sure to hold."""
        return self._annotation(e, checker, 8)

    def _annotation(self, e: Expression, checker: TypeChecker, depth: int) -> Type | None:
        if isinstance(e, CallExpr):
            if _is_hold(e):
                return self._annotation(e.args[0], checker, depth)
            found = self._results.get(id(e))
            return found[1] if found is not None and found[0] is e else None
        if isinstance(e, NameExpr):
            return self._of_name(e, checker, depth)
        t = checker.lookup_type_or_none(e)
        return t if t is not None and mentions(t, HELD) else None

    def _of_name(self, e: NameExpr, checker: TypeChecker, depth: int) -> Type | None:
        variable = e.node
        if not isinstance(variable, Var) or depth == 0:
            return None
        if self._assigned is None or self._assigned.defs is not checker.tree.defs:
            self._assigned = Assigned(checker.tree)
        values = self._assigned.before(variable, e)
        if values is None:
            return None
        if variable.type is not None and mentions(variable.type, HELD):
            # Assigned again, it may be any array; an annotation says what the first value is.
            first = len(values) == 0 or (len(values) == 1 and not variable.is_argument)
            return variable.type if first else None
        if len(values) != 1 or values[0] is None:
            return None
        return self._annotation(values[0], checker, depth - 1)

    # Values held against annotations

    def hold(self, tree: MypyFile) -> None:
        """Put the calls into a module whose annotations are analysed."""
        builtins = self.encoder.modules.get("builtins")
        symbol = builtins.names.get(HOLD) if builtins is not None else None
        if symbol is None:
            return
        for call, wanted, what in _put_into(tree):
            callee = call.callee
            assert isinstance(callee, NameExpr)
            callee.node, callee.kind, callee.fullname = symbol.node, GDEF, f"builtins.{HOLD}"
            self._held[id(call)] = (call, wanted, what)

    def signature(self, ctx: FunctionSigContext) -> FunctionLike:
        """The call that holds a value is of its type, as mypy infers it where it stands."""
        if id(ctx.context) not in self._held:
            return ctx.default_signature
        checker = checker_of(ctx)
        inner = checker.expr_checker
        with checker.msg.filter_errors():
            t = inner.accept(ctx.args[0][0], inner.type_context[-1])
        return CallableType([t], [ARG_POS], [None], t, ctx.default_signature.fallback)

    def check(self, ctx: FunctionContext) -> Type:
        """Hold the value against the annotation."""
        known = self._held.get(id(ctx.context))
        if known is None:
            return ctx.default_return_type
        call, wanted, what = known
        checker = checker_of(ctx)
        value = call.args[0]
        given = self.annotation(value, checker)
        if given is not None:
            binder = Binder(_nothing(ctx), self.encoder, checker)
            reason = binder.unify(wanted, given)
            if reason is not None:
                ctx.api.fail(
                    f"{what} is {binder.describe(given)}, expected {binder.describe(wanted)}: "
                    f"{reason}",
                    value,
                    code=DTYPE if reason.startswith("it wants dtype") else SHAPE,
                )
        return ctx.arg_types[0][0]


def _nothing(ctx: FunctionContext) -> CallableType:
    t = ctx.default_return_type
    fallback = ctx.api.named_generic_type("builtins.function", [])
    return CallableType([], [], [], t, fallback)


# Finding the values


def _is_hold(e: Expression | None) -> bool:
    return isinstance(e, CallExpr) and isinstance(e.callee, NameExpr) and e.callee.name == HOLD


def _put_around(e: Expression, wanted: Type) -> tuple[Expression, list[tuple[CallExpr, Type]]]:
    """An expression with calls around the values in it, and the calls with their annotations."""
    t = get_proper_type(wanted)
    if isinstance(e, TupleExpr) and isinstance(t, TupleType) and len(t.items) == len(e.items):
        found: list[tuple[CallExpr, Type]] = []
        for i, (item, part) in enumerate(zip(e.items, t.items, strict=True)):
            e.items[i], more = _put_around(item, part)
            found += more
        return e, found
    if not mentions(wanted, HELD):
        return e, []
    if not _is_hold(e):
        if not isinstance(e, _CHECKED):
            return e, []
        callee = NameExpr(HOLD)
        callee.set_line(e)
        call = CallExpr(callee, [e], [ARG_POS], [None])
        call.set_line(e)
        return call, [(call, wanted)]
    assert isinstance(e, CallExpr)
    return e, [(e, wanted)]


def _put_into(tree: MypyFile) -> Iterator[tuple[CallExpr, Type, str]]:
    """Put calls around the values of a module; each with the annotation and what the value is."""
    for statement in statements(tree.defs):
        yield from _put_into_assignment(statement, None)
    for function in functions(tree.defs):
        if not isinstance(function, FuncDef):
            continue
        kind = function.type
        plain = not function.is_generator and not function.is_coroutine
        for statement in statements(function.body.body):
            yield from _put_into_assignment(statement, function)
            if not isinstance(statement, ReturnStmt) or not isinstance(kind, CallableType):
                continue
            if statement.expr is not None and plain:
                statement.expr, calls = _put_around(statement.expr, kind.ret_type)
                for call, wanted in calls:
                    yield call, wanted, "The returned value"


def _put_into_assignment(
    statement: Statement, function: FuncDef | None
) -> Iterator[tuple[CallExpr, Type, str]]:
    if not isinstance(statement, AssignmentStmt) or len(statement.lvalues) != 1:
        return
    target = statement.lvalues[0]
    wanted = statement.type if statement.type is not None else _attribute(target, function)
    if wanted is None or not isinstance(target, (NameExpr, MemberExpr)):
        return
    statement.rvalue, calls = _put_around(statement.rvalue, wanted)
    for call, part in calls:
        yield call, part, f'What is assigned to "{target.name}"'


def _attribute(target: Expression, method: FuncDef | None) -> Type | None:
    """The annotation of an attribute of the object that a method is called on."""
    if method is None or not method.info or not method.arguments or method.is_static:
        return None
    if not isinstance(target, MemberExpr) or not isinstance(target.expr, NameExpr):
        return None
    if target.expr.name != method.arguments[0].variable.name:
        return None
    entry = method.info.names.get(target.name)
    attribute = entry.node if entry is not None else None
    if not isinstance(attribute, Var) or attribute.is_inferred:
        return None
    return attribute.type


class Assigned:
    """What is assigned to the variables of a module, and where."""

    def __init__(self, tree: MypyFile) -> None:
        self.defs = tree.defs  # another list when mypy's daemon has read the file again
        self._values: dict[Var, list[tuple[int, Expression | None]]] = {}
        self._loops: list[range] = []
        self._functions: list[range] = []
        for node in walk(tree):
            self._visit(node)

    def before(self, variable: Var, use: Expression) -> list[Expression | None] | None:
        """What may have been assigned to a variable where it is used, `None` where nobody knows;
        in the list for what is not written out."""
        found = self._values.get(variable, [])
        if all(line < use.line for line, _ in found):
            return [value for _, value in found]
        for line, _ in found:
            if any(line in loop and use.line in loop for loop in self._loops):
                return None
            if any(use.line in body and line not in body for body in self._functions):
                return None
        return [value for line, value in found if line < use.line]

    def _visit(self, node: Node) -> None:
        match node:
            case AssignmentStmt():
                for target in node.lvalues:
                    self._note(target, node.rvalue, node.line)
            case AssignmentExpr():
                self._note(node.target, node.value, node.line)
            case OperatorAssignmentStmt():
                self._note(node.lvalue, None, node.line)
            case DelStmt():
                self._note(node.expr, None, node.line)
            case WithStmt():
                for given in node.target:
                    if given is not None:
                        self._note(given, None, node.line)
            case ForStmt():
                self._note(node.index, None, node.line)
                self._loops.append(_lines(node))
            case WhileStmt() | GeneratorExpr() | DictionaryComprehension():
                self._loops.append(_lines(node))
            case FuncDef() | LambdaExpr():
                self._functions.append(_lines(node))

    def _note(self, target: Expression, value: Expression | None, line: int) -> None:
        if isinstance(target, StarExpr):
            target, value = target.expr, None
        if isinstance(target, (TupleExpr, ListExpr)):
            for item in target.items:
                self._note(item, None, line)
        elif isinstance(target, NameExpr) and isinstance(target.node, Var):
            self._values.setdefault(target.node, []).append((line, value))


def _lines(node: Node) -> range:
    return range(node.line, (node.end_line or node.line) + 1)
