"""Constants under names: `width = 64`, and then `zeros((n, width))`.

For mypy a variable that is assigned 64 is an int. A name that is bound once in all of its file, to
a literal or to what is computed of such names, is known to be that; so is an upper-case name of a
class body, and a field of a frozen record that was constructed in such a definition.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

from mypy.checker import TypeChecker
from mypy.nodes import (
    ARG_NAMED,
    ARG_POS,
    Argument,
    AssignmentExpr,
    AssignmentStmt,
    CallExpr,
    ClassDef,
    Context,
    DelStmt,
    DictionaryComprehension,
    Expression,
    FloatExpr,
    ForStmt,
    FuncDef,
    GeneratorExpr,
    IndexExpr,
    IntExpr,
    ListExpr,
    MemberExpr,
    MypyFile,
    NameExpr,
    Node,
    OperatorAssignmentStmt,
    OpExpr,
    RefExpr,
    StarExpr,
    StrExpr,
    SymbolNode,
    TempNode,
    TryStmt,
    TupleExpr,
    TypeInfo,
    UnaryExpr,
    Var,
    WithStmt,
)
from mypy.patterns import AsPattern, MappingPattern, StarredPattern
from mypy.types import (
    CallableType,
    FunctionLike,
    Instance,
    LiteralType,
    TupleType,
    Type,
    TypeType,
    UnionType,
    UnpackType,
    get_proper_type,
)

from typedflux.mypy_plugin.encoding import Encoder
from typedflux.mypy_plugin.evaluation import Undetermined
from typedflux.mypy_plugin.pure import PURE
from typedflux.mypy_plugin.syntax import walk
from typedflux.shapes.dims import UNKNOWN, Dim, Unknown

_DEEPEST = 20
_LARGEST = 2**40
_FILLING = frozenset(
    ("append", "appendleft", "add", "extend", "extendleft", "insert", "setdefault", "update")
)
"""Methods that put something into a collection."""


class _Bindings:
    """What each name of a file is bound to: a definition per binding, `None` where it is none that
    could be read."""

    def __init__(self, tree: Node) -> None:
        self.names: dict[int, list[Expression | None]] = {}
        self.nodes: list[SymbolNode] = []  # kept alive, for what their `id` stands for
        self.attributes: set[str] = set()
        self.assigned_again: set[str] = set()
        """Attributes that are assigned where they were there already."""
        self.touched: set[int] = set()
        """Variables of which attributes or items are used in ways that may change them."""
        self.bodies: list[TypeInfo] = []
        self.apart: set[int] = set()
        """Calls whose results are taken apart at once."""
        self.filled: set[str] = set()
        """Attributes that hold collections into which something is put."""
        self._filled: list[Var] = []
        for node in walk(tree):
            self._read(node)
        for variable in self._filled:
            for definition in self.names.get(id(variable), []):
                if isinstance(definition, MemberExpr):
                    self.filled.add(definition.name)

    def only(self, node: SymbolNode | None) -> Expression | None:
        """The definition of what is bound once."""
        found = self.names.get(id(node), [])
        return found[0] if len(found) == 1 else None

    def _read(self, node: Node) -> None:
        match node:
            case IndexExpr(base=CallExpr() as call):
                self.apart.add(id(call))
            case AssignmentStmt(lvalues=lvalues, rvalue=rvalue):
                if all(isinstance(lvalue, (TupleExpr, ListExpr)) for lvalue in lvalues):
                    self.apart.add(id(rvalue))
                for lvalue in lvalues:
                    self._bind(lvalue, rvalue)
            case AssignmentExpr(target=target, value=value):
                self._bind(target, value)
            case OperatorAssignmentStmt(lvalue=target) | ForStmt(index=target):
                self._bind(target, None)
            case DelStmt(expr=target):
                self._bind(target, None)
            case GeneratorExpr(indices=several) | DictionaryComprehension(indices=several):
                for each in several:
                    self._bind(each, None)
            case WithStmt(target=targets):
                for goal in targets:
                    self._bind(goal, None)
            case TryStmt(vars=caught):
                for name in caught:
                    self._bind(name, None)
            case CallExpr(callee=MemberExpr(expr=held, name=name)) if name in _FILLING:
                self._fill(held)
            case MemberExpr(expr=NameExpr(node=Var() as variable)):
                self.touched.add(id(variable))
            case Argument(variable=variable):
                self._note(variable, None)
            case ClassDef():
                self.bodies.append(node.info)
            case AsPattern(name=target) | StarredPattern(capture=target):
                self._bind(target, None)
            case MappingPattern(rest=target):
                self._bind(target, None)

    def _bind(self, lvalue: Expression | None, definition: Expression | None) -> None:
        match lvalue:
            case NameExpr(node=Var() as node):
                self._note(node, definition)
            case MemberExpr(node=Var() as node, is_new_def=True):
                self.attributes.add(lvalue.name)
                self._note(node, definition)
            case MemberExpr():
                self.attributes.add(lvalue.name)
                self.assigned_again.add(lvalue.name)
            case IndexExpr(base=held):
                self._fill(held)
                if isinstance(held, NameExpr) and isinstance(held.node, Var):
                    self.touched.add(id(held.node))
            case TupleExpr(items=items) | ListExpr(items=items):
                values = definition.items if isinstance(definition, TupleExpr) else []
                paired = len(values) == len(items) and not any(
                    isinstance(e, StarExpr) for e in (*items, *values)
                )
                for i, item in enumerate(items):
                    self._bind(item, values[i] if paired else None)
            case StarExpr(expr=inner):
                self._bind(inner, None)

    def _fill(self, held: Expression) -> None:
        """Something is put into a collection."""
        match held:
            case MemberExpr(name=name):
                self.filled.add(name)
            case IndexExpr(base=outer):
                self._fill(outer)
            case NameExpr(node=Var() as variable):
                self._filled.append(variable)

    def _note(self, node: SymbolNode, definition: Expression | None) -> None:
        self.names.setdefault(id(node), []).append(definition)
        self.nodes.append(node)


_known: dict[int, tuple[MypyFile, _Bindings]] = {}


def _bindings(tree: MypyFile) -> _Bindings:
    """The bindings of a file; mypy goes to and fro between the files of a cycle of imports."""
    found = _known.get(id(tree))
    if found is None:
        if len(_known) > 100:  # the daemon lives long
            _known.clear()
        found = _known[id(tree)] = (tree, _Bindings(tree))
    return found[1]


def adopt(tree: MypyFile, function: FuncDef) -> None:
    """Read the bindings of the local names of a function that was made of one in the file."""
    known, own = _bindings(tree), _Bindings(function)
    for key, definitions in own.names.items():
        known.names.setdefault(key, definitions)
    known.nodes += own.nodes
    known.touched |= own.touched
    known.apart |= own.apart


def is_rebound(tree: MypyFile, name: str) -> bool:
    """Whether attributes of that name are assigned where they were there already, or hold
    collections into which something is put."""
    bindings = _bindings(tree)
    return name in bindings.assigned_again or name in bindings.filled


class Constants:
    """Reads constants in the file that `checker` checks."""

    def __init__(self, encoder: Encoder, checker: TypeChecker) -> None:
        self.encoder, self.checker = encoder, checker

    def value(self, expression: Expression, depth: int = 0) -> Any:
        """The value of an expression: an int, a dimension, a string, a bool, or a tuple of such.

        Raises:
            Undetermined: when it is no constant, as far as that can be seen.
        """
        if depth > _DEEPEST:
            raise Undetermined  # a name that is defined by itself
        inner: Callable[[Expression], Any] = lambda e: self.value(e, depth + 1)  # noqa: E731
        match expression:
            case IntExpr(value=value) | StrExpr(value=value) | FloatExpr(value=value):
                return value
            case NameExpr(fullname="builtins.True"):
                return True
            case NameExpr(fullname="builtins.False"):
                return False
            case NameExpr(fullname="builtins.None"):
                return None
        try:
            return self._typed(expression)
        except Undetermined:
            pass  # then by how it is written
        match expression:
            case TupleExpr(items=items):
                held: list[Any] = []
                for item in items:
                    held += inner(item.expr) if isinstance(item, StarExpr) else [inner(item)]
                return tuple(held)
            case UnaryExpr(op=op, expr=part) if op in _UNARY:
                return _computed(_UNARY[op], [inner(part)])
            case OpExpr(op=op, left=left, right=right) if op in _BINARY:
                return _computed(_BINARY[op], [inner(left), inner(right)])
            case IndexExpr(base=base, index=index):
                return _computed(operator.getitem, [inner(base), inner(index)])
            case CallExpr(callee=RefExpr(fullname=fullname)) if fullname in _CONSTANT:
                if all(kind == ARG_POS for kind in expression.arg_kinds):
                    return _computed(PURE[fullname], list(map(inner, expression.args)))
            case NameExpr() | MemberExpr():
                found = self._definition(expression, depth)
                if found is not None:
                    return inner(found)
        raise Undetermined

    def _typed(self, expression: Expression) -> Any:
        """What mypy knows of an expression."""
        t = self.checker.lookup_type_or_none(expression)
        return self._of_type(t)

    def _of_type(self, type_: Type | None) -> Any:
        t = get_proper_type(type_)
        if isinstance(t, Instance) and t.last_known_value is not None:
            t = t.last_known_value
        if isinstance(t, LiteralType) and not t.fallback.type.is_enum:
            return t.value
        if isinstance(t, TupleType) and not any(isinstance(i, UnpackType) for i in t.items):
            return tuple(map(self._of_type, t.items))
        # A type variable here is the type of a value, and no dim.
        size = self.encoder.dim(t) if isinstance(t, (Instance, UnionType)) else UNKNOWN
        if isinstance(size, Unknown):
            raise Undetermined
        return size

    def taken_apart(self, call: Context) -> bool:
        """Whether the result of a call is unpacked or indexed where it stands."""
        return id(call) in _bindings(self.checker.tree).apart

    def definition(self, name: NameExpr) -> Expression | None:
        """What was assigned to a name, where that was done once and nothing changes it."""
        bindings = _bindings(self.checker.tree)
        found = bindings.only(name.node)
        if id(name.node) in bindings.touched and not isinstance(found, TupleExpr):
            return None
        return found

    def renamed(self, callee: RefExpr) -> RefExpr | None:
        """The global name that a local one, or an attribute of `self`, stands for."""
        bindings = _bindings(self.checker.tree)
        found: Expression | None = callee
        for _ in range(_DEEPEST):
            if isinstance(found, MemberExpr) and not isinstance(found.node, SymbolNode):
                found = self._attribute(found, bindings)
            elif isinstance(found, RefExpr) and isinstance(found.node, Var):
                found = bindings.only(found.node)
            else:
                break
        return found if isinstance(found, RefExpr) and found is not callee else None

    def _attribute(self, expression: MemberExpr, bindings: _Bindings) -> Expression | None:
        """What an instance's attribute was assigned, where that was done once."""
        owner = get_proper_type(self.checker.lookup_type_or_none(expression.expr))
        if not isinstance(owner, Instance) or expression.name in bindings.assigned_again:
            return None
        entry = owner.type.get(expression.name)
        return bindings.only(entry.node) if entry is not None and entry.implicit else None

    def _definition(self, expression: NameExpr | MemberExpr, depth: int) -> Expression | None:
        """The one expression that a name stands for."""
        bindings = _bindings(self.checker.tree)
        if isinstance(expression, NameExpr):
            return bindings.only(expression.node)
        owner = expression.expr
        while isinstance(owner, NameExpr) and depth < _DEEPEST:
            depth += 1
            found = bindings.only(owner.node)
            if found is None:
                break
            owner = found
        if isinstance(owner, CallExpr):
            field = self._field(owner, expression.name)
            if field is not None:
                return field
        return self._class_constant(expression, bindings)

    def _field(self, call: CallExpr, name: str) -> Expression | None:
        """What a frozen record that is constructed in this file has for a field."""
        info = call.callee.node if isinstance(call.callee, RefExpr) else None
        if not isinstance(info, TypeInfo) or info.module_name != self.checker.tree.fullname:
            return None
        frozen = info.metadata.get("dataclass", {}).get("frozen", False)
        if not (info.is_named_tuple or frozen) or "__post_init__" in info.names:
            return None
        init = info.names.get("__new__" if info.is_named_tuple else "__init__")
        kind = get_proper_type(init.type) if init is not None else None
        if init is None or not isinstance(kind, CallableType):
            return None
        if not info.is_named_tuple and not init.plugin_generated:
            return None
        names = kind.arg_names[1:]
        for i, argument in enumerate(call.args):
            if call.arg_kinds[i] not in (ARG_POS, ARG_NAMED):
                return None
            given = call.arg_names[i] if call.arg_kinds[i] == ARG_NAMED else names[i]
            if given == name:
                return argument
        return default_of(info, name) if name in names else None

    def _class_constant(self, expression: MemberExpr, bindings: _Bindings) -> Expression | None:
        """An upper-case name of a class body that nothing in the file assigns again."""
        if not expression.name.isupper() or expression.name in bindings.attributes:
            return None
        t = get_proper_type(self.checker.lookup_type_or_none(expression.expr))
        if isinstance(t, TypeType):
            t = t.item
        if isinstance(t, FunctionLike) and t.is_type_obj():
            info: TypeInfo | None = t.type_object()
        else:
            info = t.type if isinstance(t, Instance) else None
        if info is None or info.is_named_tuple or "dataclass" in info.metadata:
            return None
        if info.is_enum and not info.has_base("builtins.int"):
            return None
        if any(b is not info and b.has_base(info.fullname) for b in bindings.bodies
               if expression.name in b.names):  # fmt: skip
            return None
        entry = info.get(expression.name)
        return bindings.only(entry.node) if entry is not None else None


def refined(t: Type, expression: Expression, encoder: Encoder, checker: TypeChecker) -> Type:
    """The type of an int, or the type of the constant that it is."""
    p = get_proper_type(t)
    if not isinstance(p, Instance) or p.type.fullname != "builtins.int" or p.last_known_value:
        return t
    try:
        value = Constants(encoder, checker).value(expression)
    except Undetermined:
        return t
    known = isinstance(value, (int, Dim)) and not isinstance(value, bool)
    return encoder.size_type(value) if known else t


def default_of(info: TypeInfo, name: str) -> Expression | None:
    """The default of a record's field."""
    for statement in info.defn.defs.body:
        if isinstance(statement, AssignmentStmt) and isinstance(statement.lvalues[0], NameExpr):
            if statement.lvalues[0].name == name and not isinstance(statement.rvalue, TempNode):
                return statement.rvalue
    return None


def _computed(function: Callable[..., Any], args: list[Any]) -> Any:
    try:
        result = function(*args)
    except (ArithmeticError, LookupError, TypeError, ValueError) as error:
        raise Undetermined from error
    if isinstance(result, int) and abs(result) > _LARGEST:
        raise Undetermined
    return result


_CONSTANT = PURE.keys() - {"builtins.list"}  # a list can be changed
_UNARY: dict[str, Callable[..., Any]] = {"-": operator.neg, "+": operator.pos}
_BINARY: dict[str, Callable[..., Any]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "//": operator.floordiv,
    "%": operator.mod,
    "**": PURE["builtins.pow"],
}
