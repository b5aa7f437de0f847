"""A program's own functions, checked again for the arguments of one call.

`class Block(nn.Module)` with `def __init__(self, width: int)` has no dims in its type, and neither
has the `nn.Chain` that `def stage(width: int) -> nn.Chain` returns. So an object of a class of the
file that is being checked keeps in its type what it was constructed with. Where it is called, or a
function of the file, mypy checks a copy of the body with the arguments' own types. What the body
returns is the call's type, and a mismatch that is certain to be met is reported at the call.

A mismatch is certain where every run of the function comes by: not behind a condition of unknown
value. Conditions on what an object was constructed with are known.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from mypy.binder import ConditionalTypeBinder
from mypy.checker import TypeChecker, TypeTransformVisitor
from mypy.errorcodes import ErrorCode
from mypy.errors import ErrorInfo
from mypy.expandtype import expand_type_by_instance
from mypy.maptype import map_instance_to_supertype
from mypy.nodes import (
    ARG_NAMED,
    ARG_OPT,
    ARG_POS,
    GDEF,
    LDEF,
    AssignmentStmt,
    Block,
    ComparisonExpr,
    ConditionalExpr,
    Context,
    Expression,
    ExpressionStmt,
    ForStmt,
    FuncDef,
    IfStmt,
    IntExpr,
    LambdaExpr,
    MemberExpr,
    NameExpr,
    Node,
    OpExpr,
    RaiseStmt,
    RefExpr,
    ReturnStmt,
    StarExpr,
    Statement,
    StrExpr,
    TypeInfo,
    UnaryExpr,
    Var,
    WithStmt,
)
from mypy.plugin import AttributeContext, FunctionContext, MethodContext
from mypy.subtypes import is_subtype
from mypy.types import (
    AnyType,
    CallableType,
    ExtraAttrs,
    FunctionLike,
    Instance,
    LiteralType,
    NoneType,
    ProperType,
    TupleType,
    Type,
    TypeOfAny,
    TypeVarId,
    UnionType,
    get_proper_type,
)

from typedflux import dtypes
from typedflux.core.types import TensorType
from typedflux.mypy_plugin.binding import Binder, Given
from typedflux.mypy_plugin.codes import DTYPE, SHAPE
from typedflux.mypy_plugin.constants import Constants, adopt, default_of, is_rebound, refined
from typedflux.mypy_plugin.construction import frozen, is_built
from typedflux.mypy_plugin.context import CallContext, checker_of
from typedflux.mypy_plugin.encoding import (
    CONSTRUCTED,
    DIM_OF,
    MODULE,
    Encoder,
    is_instance,
    open_rank,
)
from typedflux.mypy_plugin.evaluation import Undetermined
from typedflux.mypy_plugin.rebinding import Rebinding
from typedflux.mypy_plugin.signatures import PARTIAL
from typedflux.mypy_plugin.syntax import statements, walk
from typedflux.mypy_plugin.traversal import TypeCollector, speaks_of_shapes
from typedflux.mypy_plugin.unions import united
from typedflux.shapes.dims import Unknown

_MARK = CONSTRUCTED
"""What the names of an object's arguments begin with in its type."""
_FAITHFUL = ("typedflux.", "copy.copy", "copy.deepcopy")
"""The functions that give objects back as they were."""
_IN_LINE = re.compile(r" in line (\d+)")
_DEEPEST = 12
_MOST = 2000
"""Bodies that are checked again in one file."""

Key = tuple[object, ...]


@dataclass
class _Found:
    """What came of checking a body again."""

    result: Type | None = None
    fields: dict[str, Type] = field(default_factory=dict)
    error: ErrorInfo | None = None
    refused: tuple[int, Type, str] | None = None
    """What is returned, in which line, and why it is not what is declared."""


@dataclass
class _Constructing:
    """The constructor that is being checked, and what it assigns."""

    info: TypeInfo
    fields: dict[str, Expression]
    type_map: dict[Expression, Type]


class Specialising:
    """Functions of the file that is being checked, for one run of mypy."""

    def __init__(self, encoder: Encoder, rebinding: Rebinding) -> None:
        self.encoder, self.rebinding = encoder, rebinding
        self._checker: TypeChecker | None = None
        self._known: dict[Key, _Found] = {}
        self._kept: list[Node] = []
        self._active: list[Key] = []
        self._told: dict[tuple[str, int], list[str]] = {}
        self._constructing: list[_Constructing] = []
        self._count = 0

    # Objects

    def constructed(self, fullname: str, ctx: FunctionContext, result: Type) -> Type:
        """An object that was just constructed, with its arguments in its type."""
        p = get_proper_type(result)
        checker = self._begin(ctx)
        if not isinstance(p, Instance) or p.type.fullname != fullname:
            return result
        if not self._is_ours(p.type, checker):
            return result
        given = self._arguments(ctx, checker)
        names = self._parameters(p.type, checker)
        if given is None or names is None:
            return result
        held: dict[str, Type] = {_MARK: NoneType()}  # known, though it be nothing
        for name, default in names.items():
            t = given.get(name)
            if t is None and default is not None:
                t = self._constant(default, checker)
            if t is not None:
                held[_MARK + name] = t
        built = p.copy_modified()
        built.extra_attrs = ExtraAttrs(held)
        found = self._fields(built, checker)
        if found is not None and found.error is not None:
            self._report(found.error, p.type.name, ctx)
            return result
        return built

    def attribute(self, name: str, ctx: AttributeContext) -> Type | None:
        """An attribute of an object that was constructed in this file; `None` if nothing more is
        known of it than its class says."""
        p = get_proper_type(ctx.type)
        if ctx.is_lvalue or not isinstance(p, Instance) or self._is_left_open(p.type, name):
            return None
        checker = self._begin(ctx)
        now = self._constructing[-1] if self._constructing else None
        if now is not None and now.info is p.type and not _held(p) and name in now.fields:
            t = self._stored(now.fields[name], now.type_map, checker)
            return t if t is not None and _fits(t, ctx.default_attr_type) else None
        if not self._is_told(p, checker) or is_rebound(checker.tree, name):
            return None
        if f"{_MARK}{name}" in _held(p) and "dataclass" in p.type.metadata:
            t = _held(p)[_MARK + name]
            return None if self.encoder.tensor(t) is not None else t  # it was annotated
        found = self._fields(p, checker)
        t = None if found is None else found.fields.get(name)
        return t if t is not None and _fits(t, ctx.default_attr_type) else None

    def _is_left_open(self, info: TypeInfo, name: str) -> bool:
        """Whether an attribute is declared with `Any`: what it holds is not to be looked into."""
        entry = info.get(name)
        variable = None if entry is None else entry.node
        if not isinstance(variable, Var) or variable.type is None:
            return False
        declared = variable.explicit_self_type or not variable.is_inferred
        return declared and self._says_any(variable.type)

    def _says_any(self, t: Type) -> bool:
        p = get_proper_type(t)
        if isinstance(p, AnyType):
            return p.type_of_any == TypeOfAny.explicit
        if isinstance(p, Instance):
            return self.encoder.tensor(p) is None and any(map(self._says_any, p.args))
        return isinstance(p, UnionType) and any(map(self._says_any, p.items))

    def given(self, p: Instance, checker: TypeChecker) -> dict[str, Type]:
        """What a record was constructed with, where its fields are that still."""
        own = _held(p)
        if not own or "dataclass" not in p.type.metadata or not self._is_told(p, checker):
            return {}
        entry = p.type.get("__init__")
        if entry is None or not entry.plugin_generated or p.type.get("__post_init__") is not None:
            return {}
        found = {name.removeprefix(_MARK): t for name, t in own.items()}
        if any(is_rebound(checker.tree, name) for name in found):
            return {}
        return found

    def _is_ours(self, info: TypeInfo, checker: TypeChecker) -> bool:
        if info.module_name.partition(".")[0] == "typedflux":
            return False  # the package's own are executed
        return info.module_name == checker.tree.fullname and not is_built(info)

    def _is_told(self, p: Instance, checker: TypeChecker) -> bool:
        """Whether it is known what an object was constructed with, in dims that mean something
        here."""
        held = _held(p)
        if not held or not self._is_ours(p.type, checker):
            return False
        here = {getattr(item, "fullname", "") for item in checker.scope.stack}
        collector = TypeCollector()
        for t in held.values():
            t.accept(collector)
        return all(
            "." not in v.id.namespace or v.id.namespace.partition("#")[0] in here
            for v in collector.variables
        )

    def _parameters(
        self, info: TypeInfo, checker: TypeChecker
    ) -> dict[str, Expression | None] | None:
        """The names of what a class is constructed with, and their defaults."""
        entry = info.get("__init__")
        if entry is None:
            return None
        if "dataclass" in info.metadata and entry.plugin_generated:
            kind = get_proper_type(entry.type)
            if not isinstance(kind, CallableType):
                return None
            names = [n for n in kind.arg_names[1:] if n is not None]
            return {name: default_of(info, name) for name in names}
        node = entry.node
        if not isinstance(node, FuncDef) or node.info.module_name != checker.tree.fullname:
            return None
        return {a.variable.name: a.initializer for a in node.arguments[1:] if not a.kind.is_star()}

    def _fields(self, p: Instance, checker: TypeChecker) -> _Found | None:
        """The attributes that the constructor assigns."""
        function = p.type.get_method("__init__")
        if not isinstance(function, FuncDef) or not self._is_simple(function, checker):
            return None
        bare = p.copy_modified()
        bare.extra_attrs = None
        mapped = map_instance_to_supertype(p, function.info)
        kind = expand_type_by_instance(_signature(function), mapped)
        if not isinstance(kind, CallableType):
            return None
        binder = Binder(kind, self.encoder, checker)
        held = _held(p)
        pairs = [
            (t, Given(held[_MARK + name]))
            for name, t in zip(kind.arg_names[1:], kind.arg_types[1:], strict=True)
            if name is not None and _MARK + name in held
        ]
        if binder.bind_all(pairs):
            return None
        types: list[Type] = [bare]
        for i, argument in enumerate(function.arguments[1:], 1):
            t = held.get(_MARK + argument.variable.name)
            declared = binder.fill(kind.arg_types[i])
            types.append(declared if t is None else self._narrower(t, declared))
        return self._checked(function, mapped, binder, types, kind, checker)

    # Calls

    def forgotten(self, fullname: str, ctx: FunctionContext, result: Type) -> Type:
        """What a function of another library gives: what it was given may be changed in it, as by
        `dataclasses.replace`."""
        p = get_proper_type(result)
        if not isinstance(p, Instance) or not _held(p) or fullname.startswith(_FAITHFUL):
            return result
        if fullname.startswith(checker_of(ctx).tree.fullname + "."):
            return result
        bare = p.copy_modified()
        bare.extra_attrs = None
        return bare

    def called(self, function: FuncDef | None, ctx: CallContext, result: Type) -> Type:
        """The type of a call's result."""
        checker = self._begin(ctx)
        if function is None or not self._is_simple(function, checker):
            return result
        own = get_proper_type(ctx.type) if isinstance(ctx, MethodContext) else None
        kind: ProperType = _signature(function)
        mapped: Instance | None = None
        if isinstance(own, Instance):
            if not self._is_told(own, checker) or function.is_static or function.is_class:
                return result
            mapped = map_instance_to_supertype(own, function.info)
            kind = expand_type_by_instance(kind, mapped)
        elif function.info:
            return result
        offset = 0 if own is None else 1
        given = self._arguments(ctx, checker)
        if given is None or not isinstance(kind, CallableType):
            return result
        if any(map(_is_open, given.values())) or isinstance(get_proper_type(result), FunctionLike):
            return result
        if own is None and not any(map(self._matters, (*given.values(), result))):
            return result
        binder = Binder(kind, self.encoder, checker)
        names = [a.variable.name for a in function.arguments]
        pairs = [
            (t, Given(given[name]))
            for name, t in zip(names[offset:], kind.arg_types[offset:], strict=True)
            if name in given
        ]
        if binder.bind_all(pairs):
            return result  # reported
        types: list[Type] = [] if own is None else [own]
        for i, argument in enumerate(function.arguments[offset:], offset):
            declared = binder.fill(kind.arg_types[i])
            t = given.get(names[i])
            if t is None and argument.initializer is not None:
                t = self._constant(argument.initializer, checker)
            assigned = _is_assigned(function, argument.variable)
            if t is None or argument.kind.is_star() or (assigned and not self._is_rebindable(t)):
                types.append(declared)
            else:
                types.append(self._narrower(t, declared))
        found = self._checked(function, mapped, binder, types, kind, checker)
        if found is None:
            return result
        if found.error is not None:
            self._report(found.error, _named(function), ctx)
            return result
        if found.refused is not None:
            self._refuse(found.refused, function, binder, ctx)
            return result
        return result if found.result is None else self._more(found.result, result)

    def _arguments(self, ctx: CallContext, checker: TypeChecker) -> dict[str, Type] | None:
        """The types of a call's arguments by the names of the parameters."""
        found: dict[str, Type] = {}
        for name, types, expressions, kinds in zip(
            ctx.callee_arg_names, ctx.arg_types, ctx.args, ctx.arg_kinds, strict=True
        ):
            if any(k not in (ARG_POS, ARG_NAMED, ARG_OPT) for k in kinds):
                return None
            if name is not None and len(types) == 1:
                found[name] = self._exact(types[0], expressions[0], checker)
        return found

    def _exact(self, t: Type, expression: Expression, checker: TypeChecker) -> Type:
        """An argument's type, with its value if it is a constant."""
        p = get_proper_type(t)
        if isinstance(p, Instance) and p.last_known_value is not None:
            p = p.last_known_value
        if isinstance(p, LiteralType) and type(p.value) is int:
            return self.encoder.size_type(p.value)
        if isinstance(p, LiteralType):
            return p
        if isinstance(p, (Instance, TupleType)) and not speaks_of_shapes(p):
            return self._constant(expression, checker) or refined(
                t, expression, self.encoder, checker
            )
        return t

    def _constant(self, expression: Expression, checker: TypeChecker) -> Type | None:
        """The type of a constant, with its value."""
        try:
            value = Constants(self.encoder, checker).value(expression)
        except Undetermined:
            return None
        return self._type_of(value)

    def _type_of(self, value: object) -> Type | None:
        if type(value) is int:
            return self.encoder.size_type(value)
        if isinstance(value, tuple):
            items = [self._type_of(item) for item in value]
            known = [item for item in items if item is not None]
            integer = self.encoder.instance("builtins.int")
            fallback = self.encoder.instance("builtins.tuple", [integer])
            return TupleType(known, fallback) if len(known) == len(items) else None
        if isinstance(value, float):
            return None
        return frozen(value, self.encoder)

    def _matters(self, t: Type) -> bool:
        """Whether an argument may say something about shapes."""
        p = get_proper_type(t)
        if isinstance(p, TupleType):
            return any(map(self._matters, p.items))
        if isinstance(p, Instance) and (p.extra_attrs or p.type.has_base(MODULE)):
            return True
        return speaks_of_shapes(t) or isinstance(p, LiteralType)

    def _is_rebindable(self, t: Type) -> bool:
        """Whether a name that holds such a value may be assigned another; see `rebinding`."""
        p = get_proper_type(t)
        return self.encoder.tensor(p) is not None or is_instance(p, DIM_OF)

    def _narrower(self, given: Type, declared: Type) -> Type:
        """What a parameter holds in a call."""
        p = get_proper_type(given)
        tensor = self.encoder.tensor(p)
        if isinstance(p, (AnyType, UnionType)) or (tensor is not None and open_rank(tensor.shape)):
            return declared
        wanted = get_proper_type(declared)
        if isinstance(p, Instance) and isinstance(wanted, Instance):
            return given if p.type.has_base(wanted.type.fullname) else declared
        return given

    def _more(self, found: Type, declared: Type) -> Type:
        """The type of a result: of what is found and what is declared, what says more."""
        f, d = get_proper_type(found), get_proper_type(declared)
        a, b = self.encoder.tensor(f), self.encoder.tensor(d)
        if a is not None and b is not None:
            if open_rank(a.shape):
                return declared
            if open_rank(b.shape) or len(a.shape) != len(b.shape):
                return found
            shape = tuple(
                y if isinstance(x, Unknown) else x for x, y in zip(a.shape, b.shape, strict=True)
            )
            dtype = a.dtype if b.dtype is dtypes.Shaped else b.dtype  # what is declared
            return self.encoder.tensor_type(TensorType(dtype, shape))
        if isinstance(f, TupleType) and isinstance(d, TupleType) and len(f.items) == len(d.items):
            items = [self._more(x, y) for x, y in zip(f.items, d.items, strict=True)]
            return f.copy_modified(items=items, fallback=d.partial_fallback)
        if isinstance(f, AnyType) or isinstance(d, UnionType) or not _fits(f, d):
            return declared
        if isinstance(f, Instance) and isinstance(d, Instance) and len(f.args) == len(d.args):
            known = [
                y if isinstance(get_proper_type(x), AnyType) else x
                for x, y in zip(f.args, d.args, strict=True)
            ]
            return f.copy_modified(args=known) if f.type is d.type else found
        return found

    # Checking a body again

    def _begin(self, ctx: CallContext | AttributeContext) -> TypeChecker:
        checker = checker_of(ctx)
        if checker is not self._checker:
            self._checker = checker
            self._known.clear()
            self._kept.clear()
            self._told.clear()
            self._count = 0
        return checker

    def _is_simple(self, function: FuncDef, checker: TypeChecker) -> bool:
        """Whether a function's body can be checked again."""
        if checker.tree.fullname.partition(".")[0] == "typedflux":
            return False
        if function.is_generator or function.is_coroutine or function.is_decorated:
            return False
        if not isinstance(function.type, CallableType) or not function.body.body:
            return False
        owner = function.info.fullname if function.info else checker.tree.fullname
        return (
            function.fullname == f"{owner}.{function.name}"
            and (not function.info or function.info.module_name == checker.tree.fullname)
            and checker.tree.names.get(function.name if not function.info else function.info.name)
            is not None
        )

    def _checked(
        self,
        function: FuncDef,
        mapped: Instance | None,
        binder: Binder,
        types: Sequence[Type],
        kind: CallableType,
        checker: TypeChecker,
    ) -> _Found | None:
        key: Key = (id(function), *types)
        if key in self._known:
            return self._known[key]
        if key in self._active or len(self._active) >= _DEEPEST or self._count >= _MOST:
            return None
        self._count += 1
        self._active.append(key)
        try:
            before = len(checker.deferred_nodes)
            found = self._check(function, mapped, binder, types, kind, checker)
            if len(checker.deferred_nodes) > before:
                return None  # not all types are known yet
        finally:
            self._active.pop()
        self._known[key] = found
        return found

    def _check(
        self,
        function: FuncDef,
        mapped: Instance | None,
        binder: Binder,
        types: Sequence[Type],
        kind: CallableType,
        checker: TypeChecker,
    ) -> _Found:
        meaning: dict[TypeVarId, Type] = {
            v.id: get_proper_type(binder.fill(v)) for v in kind.variables if not _is_variadic(v)
        }
        if mapped is not None:
            variables = mapped.type.defn.type_vars
            if len(variables) == len(mapped.args):
                meaning |= {v.id: t for v, t in zip(variables, mapped.args, strict=True)}
        copy = _copied(function, meaning)
        self._kept.append(copy)
        self._number_lambdas(copy)
        copy.type = kind.copy_modified(
            arg_types=list(types), ret_type=AnyType(TypeOfAny.special_form), variables=()
        )
        own = copy.arguments[0].variable if function.info else None
        taken = {a.variable: t for a, t in zip(copy.arguments, types, strict=True)}
        Decided(self, taken, checker).settle(copy)
        adopt(checker.tree, copy)
        fields = _fields_of(copy, own) if function.name == "__init__" and own is not None else []
        self.rebinding.prepare_copy(copy, checker)
        found = _Found()
        with _aside(checker, function.info or None) as type_map:
            constructing = _Constructing(function.info, dict(fields), type_map)
            self._constructing.append(constructing)
            with checker.msg.filter_errors(save_filtered_errors=True) as watcher:
                try:
                    checker.check_func_item(copy)
                finally:
                    self._constructing.pop()
                found.fields = {
                    name: t
                    for name, value in fields
                    if (t := self._stored(value, type_map, checker)) is not None
                }
            returned = [
                (s, get_proper_type(type_map[s.expr]))
                for s in statements(copy.body.body)
                if isinstance(s, ReturnStmt) and s.expr is not None and s.expr in type_map
            ]
        behind = _Behind(copy)
        ignored = checker.tree.ignored_lines
        for info in watcher.filtered_errors():
            if info.severity != "error":
                continue
            if info.message.startswith("Incompatible types in assignment"):
                return found  # what follows may be wrong
            if " to unpack (" in info.message:
                info.code = SHAPE
            if info.code not in (SHAPE, DTYPE):
                continue
            if info.line in ignored or behind.condition(info.line, info.column):
                returned = []  # nobody knows what comes out
                continue
            found.error = info
            return found
        found.result = self._result(returned)
        if len(returned) == 1 and returned[0][0].expr is not None:
            statement, t = returned[0]
            reason = binder.unify(kind.ret_type, t)
            if reason is not None and not behind.condition(statement.line, statement.column):
                found.refused = (statement.line, t, reason)
        return found

    def _result(self, returned: list[tuple[ReturnStmt, ProperType]]) -> Type | None:
        if not returned or any(isinstance(t, AnyType) for _, t in returned):
            return None
        return united(t for _, t in returned)

    def _stored(
        self, value: Expression, type_map: dict[Expression, Type], checker: TypeChecker
    ) -> Type | None:
        """The type of what is assigned to an attribute."""
        t = type_map.get(value)
        p = get_proper_type(t) if t is not None else None
        if p is None or isinstance(p, AnyType):
            return None
        known = Decided(self, {}, checker).truth(value)
        if known is not None:
            return LiteralType(known, self.encoder.instance("builtins.bool"))
        return self._exact(p, value, checker)

    def _number_lambdas(self, copy: FuncDef) -> None:
        """Lambdas are known by their places: those of copies have others."""
        for node in walk(copy.body):
            if isinstance(node, LambdaExpr):
                node.column += 1000 * (self._count + 1)

    def heard(self, file: str, info: ErrorInfo) -> None:
        """A message is kept: what it says of a body need not be said of calls too."""
        code = info.code.code if info.code is not None else ""
        told = self._told.get((file, info.line), [])
        if self._checker is None or not told or info.severity != "error":
            return
        if not code.startswith(("tensor-", "return-value")):
            return
        kept = self._checker.msg.errors.error_info_map.get(file, [])
        kept[:] = [e for e in kept if e.message not in told]

    def _fail(self, text: str, line: int, code: ErrorCode | None, ctx: CallContext) -> None:
        """Report at a call what is the matter in a line of a body, and note it there."""
        checker, here = checker_of(ctx), ctx.context.line
        ctx.api.fail(text, ctx.context, code=code)
        told = self._told.setdefault((checker.path, line), [])
        told.append(text)
        if here in checker.tree.ignored_lines:
            return
        told.append(f"Here it does not fit what is given in line {here}")
        innermost = map(int, _IN_LINE.findall(text)[-1:])  # which `origins` notes
        if line not in (here, *innermost):
            place = Context(line, 0)
            place.end_line = line
            checker.note(told[-1], place, code=code)

    def _refuse(
        self, refused: tuple[int, Type, str], function: FuncDef, binder: Binder, ctx: CallContext
    ) -> None:
        """Report that a body returns something else than is declared."""
        line, t, reason = refused
        checker = checker_of(ctx)
        codes = ("return-value", SHAPE.code, DTYPE.code)
        if line in checker.tree.ignored_lines or self._is_reported(line, codes, ctx):
            return
        wanted = binder.describe(_signature(function).ret_type)
        text = f'"{_named(function)}" returns {binder.describe(t)}, its annotation says {wanted}'
        code = DTYPE if reason.startswith("it wants dtype") else SHAPE
        self._fail(f"{text}: {reason}, in line {line}", line, code, ctx)

    def _is_reported(self, line: int, codes: Sequence[str], ctx: CallContext) -> bool:
        """Whether there is an error in a line already."""
        errors = checker_of(ctx).msg.errors
        kept = errors.error_info_map.get(errors.file, ())
        errors_there = (e for e in kept if e.line == line and e.severity == "error")
        return any(e.code is not None and e.code.code in codes for e in errors_there)

    def _report(self, info: ErrorInfo, name: str, ctx: CallContext) -> None:
        """Report at the call, unless it is where the body has it that it is reported."""
        if self._is_reported(info.line, (SHAPE.code, DTYPE.code), ctx):
            return
        text = info.message
        if " in line " not in text:
            text += f', in line {info.line} of "{name}"'
        self._fail(text, info.line, info.code, ctx)


class Decided:
    """Evaluates the conditions of a function of which some arguments are known."""

    def __init__(self, owner: Specialising, taken: dict[Var, Type], checker: TypeChecker) -> None:
        self.owner, self.taken, self.checker = owner, taken, checker

    def settle(self, copy: FuncDef) -> None:
        """Write down the values of conditions where they are known."""
        for node in walk(copy.body):
            if isinstance(node, IfStmt):
                node.expr[:] = [self._written(e) for e in node.expr]
            elif isinstance(node, ConditionalExpr):
                node.cond = self._written(node.cond)

    def _written(self, condition: Expression) -> Expression:
        known = self.truth(condition)
        if known is None:
            return condition
        number = IntExpr(int(known))
        number.set_line(condition)
        return number

    def truth(self, e: Expression) -> bool | None:
        """The value of a condition; `None` when nobody knows."""
        match e:
            case UnaryExpr(op="not", expr=inner):
                known = self.truth(inner)
                return None if known is None else not known
            case OpExpr(op="and" | "or" as op, left=left, right=right):
                a, b = self.truth(left), self.truth(right)
                decisive = op == "or"
                if a is decisive or b is decisive:
                    return decisive
                return None if a is None or b is None else not decisive
            case ComparisonExpr(
                operators=["is" | "is not" as op],
                operands=[left, NameExpr(fullname="builtins.None")],
            ) if (t := self._type(left)) is not None:
                nothing = _is_none(t)
                return None if nothing is None else nothing is (op == "is")
            case ComparisonExpr(operators=[op], operands=[left, right]) if op in _COMPARED:
                try:
                    return bool(_COMPARED[op](self.value(left), self.value(right)))
                except (Undetermined, TypeError):
                    return None
        try:
            held = self.value(e)
        except Undetermined:
            return None
        return held if isinstance(held, bool) else None

    def value(self, e: Expression) -> Any:
        """The value of an expression: an int, a bool, a string or `None`.

        Raises:
            Undetermined: when it is not known.
        """
        match e:
            case IntExpr(value=value) | StrExpr(value=value):
                return value
            case NameExpr(fullname="builtins.None"):
                return None
            case OpExpr(op=op, left=left, right=right) if op in _ARITHMETIC:
                a, b = self.value(left), self.value(right)
                if not isinstance(a, int) or not isinstance(b, int) or (b == 0 and op in "//%"):
                    raise Undetermined
                return _ARITHMETIC[op](a, b)
        t = self._type(e)
        if t is not None:
            return self._of_type(t)
        if isinstance(e, RefExpr) and e.kind == GDEF:
            held = Constants(self.owner.encoder, self.checker).value(e)
            if isinstance(held, (int, str)):
                return held
        raise Undetermined

    def _type(self, e: Expression) -> Type | None:
        match e:
            case NameExpr(node=Var() as variable) if variable in self.taken:
                return self.taken[variable]
            case MemberExpr(expr=inner, name=name):
                t = self._type(inner)
                p = get_proper_type(t) if t is not None else None
                if not isinstance(p, Instance):
                    return self.checker.lookup_type_or_none(e)
                if is_rebound(self.checker.tree, name):
                    return None
                if "dataclass" in p.type.metadata and _MARK + name in _held(p):
                    return _held(p)[_MARK + name]
                found = self.owner._fields(p, self.checker) if _held(p) else None
                return None if found is None else found.fields.get(name)
        return self.checker.lookup_type_or_none(e)

    def _of_type(self, t: Type) -> Any:
        p = get_proper_type(t)
        if isinstance(p, Instance) and p.last_known_value is not None:
            p = p.last_known_value
        if isinstance(p, LiteralType) and not p.fallback.type.is_enum:
            return p.value
        if isinstance(p, NoneType):
            return None
        size = self.owner.encoder.dim(p) if isinstance(p, Instance) else None
        if isinstance(size, int):
            return int(size)
        raise Undetermined


_COMPARED: dict[str, Callable[[Any, Any], object]] = {
    "==": operator.eq, "!=": operator.ne, "<": operator.lt, "<=": operator.le,
    ">": operator.gt, ">=": operator.ge, "is": operator.is_, "is not": operator.is_not,
}  # fmt: skip
_ARITHMETIC: dict[str, Callable[[Any, Any], Any]] = {
    "+": operator.add, "-": operator.sub, "*": operator.mul, "//": operator.floordiv,
    "%": operator.mod,
}  # fmt: skip


def _is_none(t: Type) -> bool | None:
    """Whether a value is `None`; `None` when its type leaves that open."""
    p = get_proper_type(t)
    if isinstance(p, NoneType):
        return True
    told = isinstance(p, (TupleType, LiteralType, FunctionLike)) or (
        isinstance(p, Instance) and p.type.fullname != "builtins.object" and not p.type.is_protocol
    )
    return False if told else None


class _Behind:
    """The places of a function that not every call comes by."""

    def __init__(self, function: FuncDef) -> None:
        self._spans: list[tuple[tuple[int, int], tuple[int, int]]] = []
        self._block(function.body.body, (function.end_line or function.line) + 1)
        for node in walk(function.body):
            match node:
                case ConditionalExpr(cond=cond, if_expr=yes, else_expr=no):
                    if not isinstance(cond, IntExpr):
                        self._add(yes)
                        self._add(no)
                case OpExpr(op="and" | "or", right=right):
                    self._add(right)
                case LambdaExpr(body=body):
                    self._add(body)

    def condition(self, line: int, column: int) -> bool:
        """Whether a place is behind a condition."""
        return any(start <= (line, column) < end for start, end in self._spans)

    def _add(self, node: Context) -> None:
        end = (node.end_line or node.line, (node.end_column or node.column) + 1)
        self._spans.append(((node.line, node.column), end))

    def _block(self, block: Sequence[Statement], end: int) -> None:
        for statement in block:
            match statement:
                case IfStmt(expr=conditions, body=bodies, else_body=otherwise) if all(
                    isinstance(c, IntExpr) for c in conditions
                ):
                    for inner in (*bodies, *([otherwise] if otherwise else [])):
                        self._block(inner.body, end)
                case ForStmt(body=inner) | WithStmt(body=inner):
                    self._block(inner.body, end)
                case Block(body=held):
                    self._block(held, end)
                case IfStmt() | FuncDef():
                    self._add(statement)
                case _ if any(isinstance(node, Block) for node in walk(statement)):
                    self._add(statement)
            if _may_leave(statement):
                start = (statement.end_line or statement.line) + 1
                self._spans.append(((start, 0), (end, 0)))


def _may_leave(statement: Statement) -> bool:
    """Whether what follows a statement may not be executed."""
    if isinstance(statement, (ReturnStmt, RaiseStmt, FuncDef)):
        return False  # it is not, whatever happens
    if isinstance(statement, IfStmt) and all(isinstance(c, IntExpr) for c in statement.expr):
        return False
    kinds = ("ReturnStmt", "RaiseStmt", "BreakStmt", "ContinueStmt")
    return any(type(node).__name__ in kinds for node in walk(statement))


def _is_open(t: Type) -> bool:
    """Whether an argument is one of several, or a function, which is checked by its annotations."""
    p = get_proper_type(t)
    if isinstance(p, Instance) and p.type.fullname == PARTIAL:
        return True
    return isinstance(p, (UnionType, FunctionLike))


def _fits(t: Type, declared: Type) -> bool:
    """Whether a type may stand for one that says less."""
    a, b = get_proper_type(t), get_proper_type(declared)
    if isinstance(a, Instance) and isinstance(b, Instance) and a.type is b.type:
        return True  # dims and what a layer was built from are for the plugin to compare
    return is_subtype(a, b)


def _held(p: Instance) -> dict[str, Type]:
    """What an object was constructed with."""
    if p.extra_attrs is None:
        return {}
    return {n: t for n, t in p.extra_attrs.attrs.items() if n.startswith(_MARK)}


def _copied(function: FuncDef, meaning: dict[TypeVarId, Type]) -> FuncDef:
    """A copy of a function, in whose types variables stand for something else."""
    visitor = TypeTransformVisitor(meaning)
    copy = visitor.node(function)
    assert isinstance(copy, FuncDef)
    for node in walk(copy.body):
        if isinstance(node, StarExpr):
            node.expr = visitor.expr(node.expr)  # which mypy leaves as it is
    others = {id(new): old for old, new in visitor.var_map.items()}
    own: set[Var] = {a.variable for a in copy.arguments}
    for node in walk(copy.body):
        if isinstance(node, RefExpr) and id(node.node) in others:
            if node.kind == LDEF:
                assert isinstance(node.node, Var)
                own.add(node.node)
            else:  # attributes and what is decorated are no variables of the function
                node.node = others[id(node.node)]
    for old, new in visitor.var_map.items():
        new.is_inferred, new.is_argument = old.is_inferred, old.is_argument
        if old.is_inferred and new in own:
            new.type = None
    return copy


def _named(function: FuncDef) -> str:
    """What messages call a function: a method with its class."""
    if not function.info:
        return function.name
    owner = function.info.name
    return owner if function.name == "__call__" else f"{owner}.{function.name}"


def _signature(function: FuncDef) -> CallableType:
    assert isinstance(function.type, CallableType)
    return function.type


def _is_variadic(v: object) -> bool:
    return type(v).__name__ != "TypeVarType"


def _is_assigned(function: FuncDef, variable: Var) -> bool:
    """Whether a function assigns to a parameter."""
    return any(
        isinstance(node, AssignmentStmt)
        and any(isinstance(t, NameExpr) and t.node is variable for t in node.lvalues)
        for node in walk(function.body)
    )


def _fields_of(copy: FuncDef, own: Var) -> list[tuple[str, Expression]]:
    """What a constructor assigns to attributes of its object; each assignment becomes the bare
    expression, so that mypy infers its type anew."""
    found: list[tuple[str, Expression]] = []
    for block in [copy.body.body, *_known_blocks(copy.body.body)]:
        for i, statement in enumerate(block):
            match statement:
                case AssignmentStmt(
                    lvalues=[MemberExpr(expr=NameExpr(node=Var() as target), name=name)],
                    rvalue=value,
                ) if target is own:
                    found.append((name, value))
                    bare = ExpressionStmt(value)
                    bare.set_line(statement)
                    block[i] = bare
    return found


def _known_blocks(block: Sequence[Statement]) -> Iterator[list[Statement]]:
    for statement in block:
        if isinstance(statement, IfStmt) and all(isinstance(c, IntExpr) for c in statement.expr):
            for inner in (*statement.body, *([statement.else_body] if statement.else_body else [])):
                yield inner.body
                yield from _known_blocks(inner.body)


@contextmanager
def _aside(checker: TypeChecker, info: TypeInfo | None) -> Iterator[dict[Expression, Type]]:
    """Have mypy check something besides what it is checking."""
    binder, deferred = checker.binder, checker.current_node_deferred
    lengths = [
        (held, len(held))
        for held in (checker.return_types, checker.dynamic_funcs, checker.partial_types)
    ]
    stack = checker.scope.stack
    widened = checker._globals_widened_in_func
    maps = checker._type_maps
    type_map: dict[Expression, Type] = {}
    maps.append(type_map)
    checker.binder = ConditionalTypeBinder(checker.options)
    checker._globals_widened_in_func = []
    if info is not None:
        stack.append(info)
    depth = len(stack)
    errors = checker.msg.errors
    reported = list(errors.error_info_map.get(errors.file, ()))
    try:
        yield type_map
    finally:
        if reported:  # some of it may have been taken back, as said of the same places
            errors.error_info_map[errors.file][:] = reported
        checker.binder, checker.current_node_deferred = binder, deferred
        checker._globals_widened_in_func = widened
        for held, length in lengths:
            del held[length:]
        del stack[depth - (info is not None) :]
        maps.pop()
