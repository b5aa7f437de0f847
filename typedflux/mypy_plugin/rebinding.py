"""Names that are assigned values of another shape: what every model does with its `x`.

For mypy a variable has one type, that of its first value or of the parameter's annotation. Before a
module is checked, an expression is put behind the definition of each name that is assigned again;
when mypy comes to it, the variable's type is made one that holds any shape, and what was known of
its value is kept as a narrowing: from then on every assignment narrows the name, and mypy joins
what the branches of a program leave.

An attribute, and a name that this does not reach, comes here when mypy has found that a value does
not fit: the variable's type becomes one that holds both (what differs is unknown in it), before
anyone sees the complaint. Variables that the program annotates keep their type, and so do values
other than tensors, sizes and layers.
"""

from __future__ import annotations

import gc
from collections import Counter
from collections.abc import Iterator

from mypy.checker import TypeChecker
from mypy.errors import ErrorInfo
from mypy.literals import literal_hash
from mypy.nodes import (
    ARG_POS,
    GDEF,
    LDEF,
    AssignmentExpr,
    AssignmentStmt,
    CallExpr,
    Context,
    DictExpr,
    Expression,
    ExpressionStmt,
    ForStmt,
    FuncDef,
    IntExpr,
    ListExpr,
    MemberExpr,
    MypyFile,
    NameExpr,
    OperatorAssignmentStmt,
    OpExpr,
    RefExpr,
    StarExpr,
    Statement,
    SymbolNode,
    TupleExpr,
    TypeInfo,
    Var,
    WhileStmt,
    WithStmt,
)
from mypy.plugin import FunctionContext
from mypy.semanal import SemanticAnalyzer
from mypy.subtypes import is_subtype
from mypy.types import (
    CallableType,
    Instance,
    PartialType,
    TupleType,
    Type,
    TypeAliasType,
    UnionType,
    UnpackType,
    get_proper_type,
)

from typedflux.mypy_plugin.carriers import carried
from typedflux.mypy_plugin.displays import by_itself, displayed, tells_more
from typedflux.mypy_plugin.encoding import (
    CONSTRUCTED,
    DIM_OF,
    HELD,
    STATIC,
    TENSOR,
    Encoder,
    unknown,
)
from typedflux.mypy_plugin.joining import Joins
from typedflux.mypy_plugin.syntax import blocks, statements, walk
from typedflux.mypy_plugin.traversal import Axes, speaks_of_shapes

PROBE = "builtins.ascii"
"""The function that is called in the expressions behind definitions."""

Target = tuple[Expression, Type]
"""What is assigned to, and the type of what is assigned."""


class Rebinding:
    """Lets names be assigned other shapes."""

    def __init__(self, encoder: Encoder) -> None:
        self.encoder = encoder
        self._joins = Joins(encoder)
        self.checker: TypeChecker | None = None
        """The checker of the file that was looked at last."""
        self._assignments: tuple[MypyFile, dict[int, list[_Assignment]]] | None = None
        self._scheduled: set[int] = set()
        self._probes: dict[int, tuple[CallExpr, bool]] = {}
        self._displays: dict[int, tuple[Expression, bool]] = {}
        """The display that is assigned behind a probe, or before one."""
        self._seen: dict[int, Type | None] = {}
        """What such displays are by themselves."""

    # Before a module is checked

    def prepare_later(self, semantic: SemanticAnalyzer) -> None:
        """Once a module is analysed, watch its names that are assigned more than once."""
        tree = semantic.modules[semantic.cur_mod_id]
        if id(tree) not in self._scheduled and not tree.is_stub:
            self._scheduled.add(id(tree))
            semantic.schedule_patch(6, lambda: self._prepare(tree, semantic))

    def _prepare(self, tree: MypyFile, semantic: SemanticAnalyzer) -> None:
        self._scheduled.discard(id(tree))
        probe = semantic.modules["builtins"].names["ascii"].node
        assert isinstance(probe, FuncDef)
        self._prepare_scope(tree.defs, [], probe)
        for node in walk(tree):
            if isinstance(node, FuncDef):
                parameters = [a.variable for a in node.arguments if not a.variable.is_self]
                self._prepare_scope(node.body.body, parameters, probe)

    def prepare_copy(self, function: FuncDef, checker: TypeChecker) -> None:
        """Watch the names of a copy of a function; the original's expressions are in it."""
        probe = checker.modules["builtins"].names["ascii"].node
        assert isinstance(probe, FuncDef)
        functions = [function, *(n for n in walk(function.body) if isinstance(n, FuncDef))]
        for inner in functions:
            for block in [inner.body.body, *blocks(inner.body.body)]:
                block[:] = [s for s in block if not _is_probe(s)]
            parameters = [a.variable for a in inner.arguments if not a.variable.is_self]
            self._prepare_scope(inner.body.body, parameters, probe)

    def _prepare_scope(self, body: list[Statement], parameters: list[Var], probe: FuncDef) -> None:
        counts = Counter({parameter: 1 for parameter in parameters})
        for statement in statements(body):
            counts.update(n.node for n in _names_bound_by(statement) if isinstance(n.node, Var))
        again = {variable for variable, count in counts.items() if count > 1}
        if not again:
            return
        partial = {
            name.node
            for s in statements(body)
            if isinstance(s, AssignmentStmt) and _is_partial(s.rvalue)
            for name in _names_bound_by(s)
        }
        loops = [s.body.body for s in statements(body) if isinstance(s, (ForStmt, WhileStmt))]
        for block in [body, *blocks(body)]:
            for place, statement in reversed(list(enumerate(block))):
                shown = displayed(statement)
                if shown is not None and shown[0].node in again and not shown[0].is_inferred_def:
                    name, value = shown
                    around = [
                        self._probe(name.name, name.node, name, probe, shows=(value, after))
                        for after in (False, True)
                    ]
                    block[place : place + 1] = [around[0], statement, around[1]]
                    continue
                if isinstance(statement, AssignmentStmt) and _is_partial(statement.rvalue):
                    continue
                defined = [
                    name
                    for name in _names_bound_by(statement)
                    if name.is_inferred_def and name.node in again
                ]
                where, at = block, place + 1
                if isinstance(statement, (ForStmt, WithStmt)):
                    where, at = statement.body.body, 0
                where[at:at] = [self._probe(n.name, n.node, n, probe) for n in defined]
        for loop in loops:
            names = [name for s in statements(loop) for name in _names_bound_by(s)]
            own = {name.node for name in names if name.is_inferred_def}
            carried = {n.node: n for n in names if n.node in again - own - partial}
            loop[0:0] = [self._probe(n.name, v, loop[0], probe, True) for v, n in carried.items()]
        entering = [v for v in parameters if v in again and body]
        body[0:0] = [self._probe(v.name, v, body[0], probe) for v in entering]

    def _probe(
        self,
        name: str,
        variable: SymbolNode | None,
        place: Context,
        probe: FuncDef,
        in_loop: bool = False,
        shows: tuple[Expression, bool] | None = None,
    ) -> Statement:
        """An expression in which mypy comes by, in the words of a program: `ascii(x)`."""
        callee, named = NameExpr("ascii"), NameExpr(name)
        callee.kind, callee.node, callee.fullname = GDEF, probe, probe.fullname
        named.kind, named.node, named.fullname = LDEF, variable, name
        # Before it is assigned the name is perhaps not defined.
        argument = named if shows is None or shows[1] else IntExpr(0)
        call = CallExpr(callee, [argument], [ARG_POS], [None])
        statement = ExpressionStmt(call)
        for node in (callee, argument, call, statement):
            node.set_line(place)
        self._probes[id(call)] = (call, in_loop)
        if shows is not None:
            self._displays[id(call)] = shows
        return statement

    def defined(self, ctx: FunctionContext) -> Type:
        """mypy has come to an expression behind a definition: open the variable's type."""
        checker = ctx.api
        found = self._probes.get(id(ctx.context))
        if found is None or not isinstance(checker, TypeChecker):
            return ctx.default_return_type
        display, is_assigned = self._displays.get(id(ctx.context), (None, False))
        if display is not None and not is_assigned:
            self._seen[id(display)] = by_itself(display, checker)
            return ctx.default_return_type
        (name,) = ctx.args[0]
        if not isinstance(name, NameExpr) or not isinstance(name.node, Var):
            return ctx.default_return_type
        variable, known = name.node, ctx.arg_types[0][0]
        if variable.type is None or not (variable.is_inferred or variable.is_argument):
            return ctx.default_return_type
        if found[1]:
            self._carry(name, variable, known, checker)
            return ctx.default_return_type
        if display is not None:
            closer = self._seen.pop(id(display), None)
            if closer is not None and tells_more(closer, known):
                checker.binder.assign_type(name, closer, variable.type)
            return ctx.default_return_type
        opened = self._opened(variable.type)
        if opened != variable.type:
            variable.type = opened
            key = literal_hash(name)
            if key is not None:
                checker.binder.declarations[key] = opened
            checker.binder.assign_type(name, known, opened)
        return ctx.default_return_type

    def _carry(self, name: NameExpr, variable: Var, known: Type, checker: TypeChecker) -> None:
        """At the beginning of a loop's body: what earlier passes left has no end where each adds
        to it, so that only what all of it has in common is known."""
        union = get_proper_type(known)
        if not isinstance(union, UnionType):
            return
        joined = get_proper_type(union.items[0])
        for item in union.items[1:]:
            both = self._joins.join(joined, get_proper_type(item))
            if both is None:
                return
            joined = get_proper_type(both)
        checker.binder.assign_type(name, joined, variable.type)

    def _opened(self, t: Type) -> Type:
        """A type that holds all shapes, sizes and dims in place of those in it."""
        return t.accept(_Opener(self.encoder))

    # When mypy complains

    def assigned(self, file: str, info: ErrorInfo) -> bool:
        """Whether mypy's complaint about an assignment is settled: the name was rebound."""
        checker = self._checker_of(file)
        if checker is None or not self.encoder.ready:
            return False
        settled = False
        for assignment in self._in_line(checker.tree, info.line):
            for lvalue, value in self._targets(assignment, checker):
                settled = self._rebind(lvalue, value, checker) or settled
        return settled

    def _checker_of(self, file: str) -> TypeChecker | None:
        checker = self.checker
        if checker is None or checker.msg.errors.file != file or checker.errors.file != file:
            found = [c for c in gc.get_objects() if isinstance(c, TypeChecker)]
            current = [c for c in found if c.path == file or c.msg.errors.file == file]
            checker = next((c for c in current if _is_at(c, file)), None)
            self.checker = checker
        return checker if checker is not None and _is_at(checker, file) else None

    # Finding the assignment

    def _in_line(self, tree: MypyFile, line: int) -> list[_Assignment]:
        if self._assignments is None or self._assignments[0] is not tree:
            self._assignments = (tree, _assignments(tree))
        return self._assignments[1].get(line, [])

    def _targets(self, assignment: _Assignment, checker: TypeChecker) -> Iterator[Target]:
        match assignment:
            case AssignmentStmt(lvalues=lvalues, rvalue=rvalue):
                for lvalue in lvalues:
                    yield from _paired(lvalue, rvalue, checker)
            case AssignmentExpr(target=target, value=value):
                yield from _paired(target, value, checker)
            case ForStmt(index=index, inferred_item_type=item) if item is not None:
                yield from _unpacked(index, item)
            case OperatorAssignmentStmt(lvalue=lvalue):
                # mypy checks `x += y` as an operation that is not in the program's tree.
                for expression, found in reversed(checker._type_maps[-1].items()):
                    if isinstance(expression, OpExpr) and expression.left is lvalue:
                        yield lvalue, found
                        return

    # Rebinding

    def _rebind(self, lvalue: Expression, value: Type, checker: TypeChecker) -> bool:
        variable = _variable(lvalue, checker)
        if variable is None or variable.type is None or isinstance(variable.type, PartialType):
            return False
        if not (variable.is_inferred or (variable.is_argument and not variable.is_self)):
            return False
        if variable.explicit_self_type:  # `self.x: T = ...`
            return False
        if is_subtype(value, variable.type):
            return False
        if not (speaks_of_shapes(value) or speaks_of_shapes(variable.type)):
            return False  # an error of another kind is not ours to settle
        both = self._joins.join(get_proper_type(variable.type), get_proper_type(value))
        if both is None:
            return False
        variable.type = both
        if isinstance(lvalue, NameExpr):
            key = literal_hash(lvalue)
            if key is not None:
                checker.binder.declarations[key] = both
            checker.binder.assign_type(lvalue, value, both)
        return True


class _Opener(Axes):
    """Opens types; with `inside` those that are arguments of others."""

    def __init__(self, encoder: Encoder, *, inside: bool = False) -> None:
        super().__init__(lambda axis: [unknown()])
        self.encoder, self.inside = encoder, inside

    def visit_instance(self, t: Instance) -> Type:
        if t.type.fullname == TENSOR:
            return t.copy_modified(args=self._any_tensor())
        if t.type.fullname == DIM_OF:
            return self.encoder.instance("builtins.int")
        if t.extra_attrs is not None and any(map(_is_told, t.extra_attrs.attrs)):
            t = t.copy_modified()
            t.extra_attrs = None
        if self.inside:
            return super().visit_instance(t)
        return t.accept(_Opener(self.encoder, inside=True))

    def _any_tensor(self) -> list[Type]:
        if self.inside:  # where types must be the same, as in a list
            return [unknown(), self.encoder.unknown_axes()]
        # A type of which mypy sees that it holds all others: it would not narrow one with `Any`
        # to a type with `*batch` in it.
        thing = self.encoder.instance("builtins.object")
        axes = UnpackType(self.encoder.instance("builtins.tuple", [thing]))
        return [self.encoder.instance(f"{STATIC}.Shaped"), axes]

    def visit_callable_type(self, t: CallableType) -> Type:
        return t

    def visit_type_alias_type(self, t: TypeAliasType) -> Type:
        return t if carried(t, HELD) is not None else super().visit_type_alias_type(t)


def _is_told(attribute: str) -> bool:
    """Whether an attribute in an object's type holds what it was constructed with."""
    return attribute.startswith(CONSTRUCTED)


def _names_bound_by(statement: Statement) -> list[NameExpr]:
    """The names that a statement assigns to."""
    return [name for target in _bound_by(statement) for name in _names(target)]


def _bound_by(statement: Statement) -> list[Expression]:
    match statement:
        case AssignmentStmt(lvalues=lvalues):
            return list(lvalues)
        case OperatorAssignmentStmt(lvalue=lvalue):
            return [lvalue]
        case ForStmt(index=index):
            return [index]
        case WithStmt(target=targets):
            return [target for target in targets if target is not None]
    return []


def _is_probe(statement: Statement) -> bool:
    """Whether a statement is one that was put behind a definition."""
    match statement:
        case ExpressionStmt(
            expr=CallExpr(callee=NameExpr(fullname=name), args=[NameExpr() | IntExpr()])
        ):
            return name == PROBE
    return False


def _is_partial(value: Expression) -> bool:
    """Whether mypy learns the type of a value from what follows: `[]`, `{}`, `set()`, `None`."""
    match value:
        case ListExpr(items=[]) | NameExpr(fullname="builtins.None") | DictExpr(items=[]):
            return True
        case CallExpr(callee=RefExpr(fullname=name)):
            return name.startswith(("builtins.", "collections."))
        case TupleExpr(items=items):
            return any(map(_is_partial, items))
    return False


def _names(target: Expression) -> list[NameExpr]:
    match target:
        case NameExpr():
            return [target]
        case TupleExpr(items=items) | ListExpr(items=items):
            return [name for item in items for name in _names(item)]
        case StarExpr(expr=inner):
            return _names(inner)
    return []


_Assignment = AssignmentStmt | OperatorAssignmentStmt | ForStmt | AssignmentExpr


def _assignments(tree: MypyFile) -> dict[int, list[_Assignment]]:
    """The assignments of a file by the lines they take."""
    found: dict[int, list[_Assignment]] = {}
    for node in walk(tree):
        if isinstance(node, ForStmt):
            first, last = node.index.line, node.expr.end_line
        elif isinstance(node, (AssignmentStmt, OperatorAssignmentStmt, AssignmentExpr)):
            first, last = node.line, node.end_line
        else:
            continue
        for line in range(first, (last or first) + 1):
            found.setdefault(line, []).append(node)
    return found


def _is_at(checker: TypeChecker, file: str) -> bool:
    """Whether the checker is the one that is checking `file` now."""
    return checker.msg.errors.file == file and file in (checker.path, checker.tree.path)


def _paired(lvalue: Expression, rvalue: Expression, checker: TypeChecker) -> Iterator[Target]:
    """The targets of an assignment; of `a, b = c, d` item by item, as mypy does it."""
    if isinstance(lvalue, (TupleExpr, ListExpr)) and isinstance(rvalue, (TupleExpr, ListExpr)):
        plain = not any(isinstance(i, StarExpr) for i in (*lvalue.items, *rvalue.items))
        if plain and len(lvalue.items) == len(rvalue.items):
            for inner, value in zip(lvalue.items, rvalue.items, strict=True):
                yield from _paired(inner, value, checker)
            return
    found = checker.lookup_type_or_none(rvalue)
    if found is not None:
        yield from _unpacked(lvalue, found)


def _unpacked(lvalue: Expression, value: Type) -> Iterator[Target]:
    if not isinstance(lvalue, (TupleExpr, ListExpr)):
        yield lvalue, value
        return
    p = get_proper_type(value)
    if not isinstance(p, TupleType) or len(p.items) != len(lvalue.items):
        return
    for inner, item in zip(lvalue.items, p.items, strict=True):
        if not isinstance(inner, StarExpr):
            yield from _unpacked(inner, item)


def _variable(lvalue: Expression, checker: TypeChecker) -> Var | None:
    if isinstance(lvalue, NameExpr):
        return lvalue.node if isinstance(lvalue.node, Var) else None
    if isinstance(lvalue, MemberExpr):
        if isinstance(lvalue.node, Var):
            return lvalue.node
        owner = checker.lookup_type_or_none(lvalue.expr)
        p = get_proper_type(owner) if owner is not None else None
        info: TypeInfo | None = p.type if isinstance(p, Instance) else None
        entry = info.get(lvalue.name) if info is not None else None
        return entry.node if entry is not None and isinstance(entry.node, Var) else None
    return None
