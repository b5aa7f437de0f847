"""Names that are assigned values of another shape: what every model does with its `x`.

For mypy a variable has one type, that of its first value or of the parameter's annotation. When it
finds that a tensor of another shape is assigned to such a name, its complaint comes here before
anyone sees it: the variable's type becomes one that holds both (sizes that differ are unknown in
it), and from the assignment on the name has the new value's type, as after any narrowing.
Variables that the program annotates keep their type, and so do values other than tensors.
"""

from __future__ import annotations

import gc
from collections.abc import Iterator

from mypy.checker import TypeChecker
from mypy.errors import ErrorInfo
from mypy.literals import literal_hash
from mypy.nodes import (
    AssignmentExpr,
    AssignmentStmt,
    Expression,
    ForStmt,
    ListExpr,
    MemberExpr,
    MypyFile,
    NameExpr,
    OperatorAssignmentStmt,
    OpExpr,
    StarExpr,
    TupleExpr,
    TypeInfo,
    Var,
)
from mypy.subtypes import is_subtype
from mypy.types import (
    Instance,
    NoneType,
    PartialType,
    ProperType,
    TupleType,
    Type,
    UnionType,
    get_proper_type,
)

from typedflux.mypy_plugin.encoding import DIM_OF, MODULE, TENSOR, Encoder, is_instance, unknown
from typedflux.mypy_plugin.syntax import walk

Target = tuple[Expression, Type]
"""What is assigned to, and the type of what is assigned."""


class Rebinding:
    """Lets names be assigned other shapes."""

    def __init__(self, encoder: Encoder) -> None:
        self.encoder = encoder
        self.checker: TypeChecker | None = None
        """The checker of the file that was looked at last."""
        self._assignments: tuple[MypyFile, dict[int, list[_Assignment]]] | None = None

    def assigned(self, file: str, info: ErrorInfo) -> bool:
        """Whether mypy's complaint about an assignment is settled: the name was rebound."""
        checker = self._checker_of(file, info)
        if checker is None or not self.encoder.ready:
            return False
        settled = False
        for assignment in self._in_line(checker.tree, info.line):
            for lvalue, value in self._targets(assignment, checker):
                settled = self._rebind(lvalue, value, checker) or settled
        return settled

    def _checker_of(self, file: str, info: ErrorInfo) -> TypeChecker | None:
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
        if is_subtype(value, variable.type):
            return False
        both = self.join(get_proper_type(variable.type), get_proper_type(value))
        if both is None:
            return False
        variable.type = both
        if isinstance(lvalue, NameExpr):
            key = literal_hash(lvalue)
            if key is not None:
                checker.binder.declarations[key] = both
            checker.binder.assign_type(lvalue, value, both)
        return True

    def join(self, a: ProperType, b: ProperType) -> Type | None:
        """A type that holds both: where they are tensors, sizes or layers of the same class, what
        they differ in is unknown in it. `None` where they differ in anything else."""
        if a == b:
            return a
        if isinstance(a, UnionType) or isinstance(b, UnionType):
            return self._join_unions(a, b)
        if isinstance(a, TupleType) and isinstance(b, TupleType):
            return self._join_tuples(a, b)
        if not isinstance(a, Instance) or not isinstance(b, Instance):
            return None
        if is_instance(a, TENSOR) and is_instance(b, TENSOR):
            return self._join_tensors(a, b)
        if is_instance(a, DIM_OF) or is_instance(b, DIM_OF):
            ints = all(t.type.has_base("builtins.int") for t in (a, b))
            return self.encoder.instance("builtins.int") if ints else None
        if a.type is not b.type or len(a.args) != len(b.args):
            return None
        if a.type.has_base(MODULE):
            return a.copy_modified(
                args=[x if x == y else unknown() for x, y in zip(a.args, b.args, strict=True)]
            )
        return self._join_arguments(a, b)

    def _join_unions(self, a: ProperType, b: ProperType) -> Type | None:
        mine = [get_proper_type(i) for i in (a.items if isinstance(a, UnionType) else [a])]
        theirs = [get_proper_type(i) for i in (b.items if isinstance(b, UnionType) else [b])]
        joined: list[Type] = []
        for item in (*mine, *theirs):
            for i, known in enumerate(joined):
                both = self.join(get_proper_type(known), item)
                if both is not None:
                    joined[i] = both
                    break
            else:
                joined.append(item)
        classes = [_kind(t) for t in mine]
        if any(_kind(get_proper_type(t)) not in classes for t in joined):
            return None  # something else than what the name held
        return UnionType.make_union(joined)

    def _join_tuples(self, a: TupleType, b: TupleType) -> Type | None:
        if len(a.items) != len(b.items):
            return None
        items = [
            self.join(get_proper_type(x), get_proper_type(y))
            for x, y in zip(a.items, b.items, strict=True)
        ]
        known = [item for item in items if item is not None]
        return a.copy_modified(items=known) if len(known) == len(items) else None

    def _join_arguments(self, a: Instance, b: Instance) -> Type | None:
        """`list[x]` and `list[y]`."""
        args = [
            self.join(get_proper_type(x), get_proper_type(y))
            for x, y in zip(a.args, b.args, strict=True)
        ]
        known = [arg for arg in args if arg is not None]
        return a.copy_modified(args=known) if args and len(known) == len(args) else None

    def _join_tensors(self, a: Instance, b: Instance) -> Type:
        mine, theirs = a.args[1:], b.args[1:]
        dtype = a.args[0] if a.args[0] == b.args[0] else unknown()
        if len(mine) != len(theirs):
            return self.encoder.instance(TENSOR, [dtype, self.encoder.unknown_axes()])
        axes = [x if x == y else unknown() for x, y in zip(mine, theirs, strict=True)]
        return self.encoder.instance(TENSOR, [dtype, *axes])


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


def _kind(t: ProperType) -> object:
    if isinstance(t, Instance):
        return t.type.fullname
    return NoneType if isinstance(t, NoneType) else type(t)
