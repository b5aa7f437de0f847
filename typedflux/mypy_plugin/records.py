"""Names in fields of objects: `class Batch: x: Float32[Tensor, "n d"]; y: Float32[Tensor, "n"]`.

Such a name is a size of each object. Where a field is read it becomes a size that belongs to the
object that is read: `batch.x` and `batch.y` share theirs, `n` and `d` of one object are two sizes,
and what those of another object or a function are nobody knows. Where it is seen what an object was
constructed with its sizes are these.

An object is told by the variable that holds it, as long as nothing is assigned to it, and by what
leads on from there: `batch.inputs`, `batches[0]`. Any other expression is an object of its own.
"""

from __future__ import annotations

import bisect
from collections.abc import Callable, Iterator, Mapping

from mypy.checker import TypeChecker
from mypy.nodes import (
    Argument,
    AssignmentExpr,
    AssignmentStmt,
    Block,
    CallExpr,
    Context,
    DictionaryComprehension,
    Expression,
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
    RefExpr,
    StarExpr,
    Statement,
    StrExpr,
    TupleExpr,
    TypeInfo,
    Var,
    WhileStmt,
    WithStmt,
)
from mypy.patterns import AsPattern, StarredPattern
from mypy.plugin import AttributeContext, MethodContext
from mypy.type_visitor import TypeQuery, TypeTranslator
from mypy.types import (
    AnyType,
    CallableType,
    Instance,
    ProperType,
    TupleType,
    Type,
    TypeAliasType,
    TypedDictType,
    TypeOfAny,
    TypeVarId,
    TypeVarType,
    UnionType,
    UnpackType,
    get_proper_type,
)

from typedflux.mypy_plugin.carriers import SHARED, carried, text_of
from typedflux.mypy_plugin.context import CallContext, checker_of
from typedflux.mypy_plugin.encoding import NEW, NEW_MARK, OBJECT, TENSOR, Encoder
from typedflux.mypy_plugin.syntax import walk
from typedflux.shapes.dims import UNKNOWN, Dim, Dimension, Unknown
from typedflux.shapes.errors import AnnotationError
from typedflux.shapes.expressions import evaluate_expression, names_in

Place = tuple[int, int]
_NOTHING: Mapping[str, Type] = {}


class Records:
    """The sizes of objects, for one run of mypy."""

    def __init__(self, encoder: Encoder) -> None:
        self.encoder = encoder
        self._files: dict[int, tuple[MypyFile, _File]] = {}
        self.given: Callable[[Instance, TypeChecker], dict[str, Type]] = lambda p, checker: {}
        """What an object was constructed with, where that is known; see `specialising`."""

    # What is read

    def member(self, ctx: AttributeContext) -> Type | None:
        """The type of a field of a named tuple, as it stands there; `None` of any other."""
        whole, place = get_proper_type(ctx.type), ctx.context
        if not isinstance(place, MemberExpr):
            return None
        t: Type | None = None
        if isinstance(whole, TupleType):
            names = _field_names(whole.partial_fallback.type)
            if place.name in names and len(names) == len(whole.items):
                t = whole.items[names.index(place.name)]
        p = get_proper_type(ctx.default_attr_type if t is None else t)
        if isinstance(p, TupleType) and place.name in self._file(checker_of(ctx)).assigned:
            return _declared(p)  # it may be another object by now
        return t

    def attribute(self, t: Type, ctx: AttributeContext) -> Type:
        """The type of an attribute that is read, with the sizes of its object."""
        if ctx.is_lvalue or not _holds_names(t):
            return t
        e, checker = ctx.context, checker_of(ctx)
        held = e.expr if isinstance(e, MemberExpr) else None
        whole = get_proper_type(ctx.type)
        info = _class_of(whole)
        bound: dict[str, Type] = {}
        if isinstance(whole, Instance) and isinstance(e, MemberExpr):
            told = self._file(checker).is_settled(e.expr, (e.line, e.column))
            given = self.given(whole, checker) if told else {}
            if given:
                bound = self._bound(whole, given)
                t = self._narrower(given.get(e.name), t)
        return self._sized(t, self._object(held, e, info, checker), info, bound)

    def _bound(self, p: Instance, given: dict[str, Type]) -> dict[str, Type]:
        """The sizes that the names of an object stand for, by what it was constructed with."""
        found: dict[str, Type] = {}
        for name, t in given.items():
            entry = p.type.get(name)
            declared = None if entry is None or entry.type is None else get_proper_type(entry.type)
            own = get_proper_type(t)
            if not isinstance(declared, Instance) or not isinstance(own, Instance):
                continue
            if _is_array_with_names(declared) and own.type is declared.type:
                if len(own.args) == len(declared.args):
                    for axis, size in zip(declared.args[1:], own.args[1:], strict=True):
                        text = _name_in(axis)
                        if text is not None and self._is_known(size):
                            found.setdefault(text, size)
        return found

    def _is_known(self, axis: Type) -> bool:
        if isinstance(axis, (UnpackType, TypeAliasType)):
            return False
        return not isinstance(self.encoder.dim(axis), Unknown)

    def _narrower(self, given: Type | None, declared: Type) -> Type:
        """The type of a field, with the sizes of what it was given."""
        if given is None:
            return declared
        own, wanted = get_proper_type(given), get_proper_type(declared)
        if isinstance(own, TupleType) and isinstance(wanted, TupleType):
            same = own.partial_fallback.type is wanted.partial_fallback.type
            return own if same and own.partial_fallback.type.is_named_tuple else declared
        if not isinstance(own, Instance) or not isinstance(wanted, Instance):
            return declared
        if own.type is not wanted.type:
            return declared
        if own.type.fullname != TENSOR:
            return own if own.extra_attrs is not None and not own.args else declared
        if any(isinstance(axis, UnpackType) for axis in own.args):
            return declared
        open_ = any(isinstance(axis, UnpackType) for axis in wanted.args)
        if not open_ and len(own.args) != len(wanted.args):
            return declared
        dtype = wanted.args[0]
        if isinstance(get_proper_type(dtype), AnyType):
            dtype = own.args[0]
        if open_:
            return own.copy_modified(args=[dtype, *own.args[1:]])
        axes = [
            mine if self._is_known(mine) else theirs
            for mine, theirs in zip(own.args[1:], wanted.args[1:], strict=True)
        ]
        return own.copy_modified(args=[dtype, *axes])

    # Constructors

    def is_one_of_several(self, call: Context, checker: TypeChecker) -> bool:
        """Whether a variable is assigned what is constructed here, and another object elsewhere:
        mypy does not tell them apart, for what they were constructed with is no part of a type."""
        return self._file(checker).is_one_of_several(call)

    def constructed(self, fullname: str, ctx: CallContext, result: Type) -> Type:
        """A named tuple that was just constructed, with the sizes of what it was given."""
        p = get_proper_type(result)
        if not isinstance(p, TupleType) or not p.partial_fallback.type.is_named_tuple:
            return result
        info = p.partial_fallback.type
        if fullname == info.fullname:
            items: list[Type] = list(_declared(p).items)
        elif isinstance(ctx, MethodContext) and fullname == f"{info.fullname}._replace":
            before = get_proper_type(ctx.type)
            if not isinstance(before, TupleType):
                return result
            items = list(before.items)
        else:
            return result
        names, wanted = _field_names(info), _declared(p).items
        if len(names) != len(items) or len(wanted) != len(items):
            return result
        for name, types, kinds in zip(
            ctx.callee_arg_names, ctx.arg_types, ctx.arg_kinds, strict=True
        ):
            if any(kind.is_star() for kind in kinds):
                return _declared(p)
            if name in names and types:
                at = names.index(name)
                items[at] = self._narrower(types[0], wanted[at])
        return p.copy_modified(items=items)

    def known(self, t: Type, expression: Expression | None, checker: TypeChecker) -> Type:
        """The type of an expression: an item of a record, or a name that holds one."""
        if expression is None or not _is_array_with_names(get_proper_type(t)):
            return t
        found = self._origin(expression, checker)
        return t if found is None else self._sized(t, *found)

    def _origin(
        self, e: Expression, checker: TypeChecker, depth: int = 0
    ) -> tuple[str, TypeInfo | None] | None:
        """The object that a value came from."""
        file = self._file(checker)
        match e:
            case IndexExpr(base=base):
                return self._whole(base, e, checker)
            case CallExpr(callee=MemberExpr(expr=base, name="get" | "pop")):
                return self._whole(base, e, checker)
            case NameExpr(node=Var() as variable) if depth < _DEEPEST:
                source = file.sources.get(id(variable))
                if source is None or len(file.bindings.get(id(variable), ())) != 1:
                    return None
                if isinstance(source, (IndexExpr, CallExpr, NameExpr)):
                    found = checker.lookup_type_or_none(source)
                    p = None if found is None else get_proper_type(found)
                    if p is not None and _is_array_with_names(p):
                        return self._origin(source, checker, depth + 1)
                if isinstance(source, Expression):
                    return self._whole(source, source, checker)
                return self._alone(source, checker), None
        return None

    def _whole(
        self, base: Expression, place: Context, checker: TypeChecker
    ) -> tuple[str, TypeInfo | None]:
        found = checker.lookup_type_or_none(base)
        info = None if found is None else _class_of(get_proper_type(found))
        return self._object(base, place, info, checker), info

    # Sizes

    def _sized(
        self, t: Type, owner: str, info: TypeInfo | None, bound: Mapping[str, Type] = _NOTHING
    ) -> Type:
        return t.accept(_Sizes(self, owner, _outer_names(info), bound))

    def size(self, text: str, owner: str, bound: Mapping[str, Type]) -> Type:
        """The axis of a size of an object, given as its field has it: a name, `n+1`; `bound` are
        the sizes of names that are known."""
        if text in bound:
            return bound[text]
        if text.isidentifier():
            return self._named(text, owner)
        sizes = {
            name: self.encoder.dim(bound.get(name) or self._named(name, owner))
            for name in names_in(text)
        }
        try:
            value = evaluate_expression(text, sizes)
        except (AnnotationError, ArithmeticError):
            value = UNKNOWN
        size: Dimension = value if isinstance(value, (int, Dim)) else UNKNOWN
        return self.encoder.axis_type(size)

    def _named(self, name: str, owner: str) -> Type:
        namespace = f"{NEW}{OBJECT}{owner}|{name}"
        key = TypeVarId(-1, namespace=namespace)
        anything = self.encoder.instance("builtins.object")
        nothing = AnyType(TypeOfAny.from_omitted_generics)
        return TypeVarType(name + NEW_MARK, f"{namespace}.{name}", key, [], anything, nothing)

    # Objects

    def _object(
        self, e: Expression | None, place: Context, info: TypeInfo | None, checker: TypeChecker
    ) -> str:
        """A word for an object, in which no two objects agree."""
        path = None if e is None else self._path(e, place, checker)
        if path is None:
            return self._alone(place, checker)
        if e is not None and info is not None:
            path += self._file(checker).state(e, (place.line, place.column), info, checker)
        return f"{checker.tree.fullname}:{path}"

    def _alone(self, place: Context, checker: TypeChecker) -> str:
        return f"{checker.tree.fullname}:at:{place.line}:{place.column}"

    def _path(self, e: Expression, place: Context, checker: TypeChecker) -> str | None:
        file = self._file(checker)
        here = place.line, place.column
        match e:
            case NameExpr(node=Var() as variable):
                bound = file.bindings.get(id(variable))
                if bound is None:
                    return f"{variable.fullname}:" if "." in variable.fullname else None
                return f"{variable.name}:{bound[0][0]}:{bound[0][1]}:{_count(bound, here)}"
            case MemberExpr(expr=inner, name=name):
                path = self._path(inner, place, checker)
                again = file.assigned.get(name, [])
                return None if path is None else f"{path}.{name}:{_count(again, here)}"
            case IndexExpr(base=base, index=index):
                path, key = self._path(base, place, checker), self._key(index, place, checker)
                return None if path is None or key is None else f"{path}.of:{key}"
        return None

    def _key(self, index: Expression, place: Context, checker: TypeChecker) -> str | None:
        match index:
            case IntExpr(value=number):
                return f"{number}"
            case StrExpr(value=text) if text.isidentifier():
                return text
            case NameExpr():
                return self._path(index, place, checker)
        return None

    def _file(self, checker: TypeChecker) -> _File:
        found = self._files.get(id(checker.tree))
        if found is None or found[0] is not checker.tree:
            if len(self._files) > _MOST_FILES:  # the daemon lives long
                self._files.clear()
            found = self._files[id(checker.tree)] = (checker.tree, _File(checker.tree))
        return found[1]

    def adopt(self, function: FuncDef, checker: TypeChecker) -> None:
        """Look at a copy of a function of a file."""
        file = self._file(checker)
        for node in walk(function):
            file.bind(node)
        file.sort()


_DEEPEST = 10
_MOST_FILES = 100


class _File:
    """Where the names and the attributes of a file are assigned."""

    def __init__(self, tree: MypyFile) -> None:
        self.bindings: dict[int, list[Place]] = {}
        self.sources: dict[int, Node] = {}
        """What a name was assigned, or a part of it."""
        self.assigned: dict[str, list[Place]] = {}
        """Where attributes and items of that name are assigned, outside of constructors."""
        self.handed: dict[int, list[Place]] = {}
        """Where a method of what a name holds is called, or where it is given to a function."""
        self.loops: list[tuple[Place, Place]] = []
        self.statements: list[Place] = []
        self._blocks: dict[Place, Place] = {}
        """For each statement where the block ends that it is in."""
        self._built: dict[int, object] = {}
        """For each call that constructs something which is assigned, to what."""
        self._targets: dict[object, list[Place]] = {}
        """For each such target where the blocks end in which that is done."""
        self._kept: list[Node] = []
        self._constructors: list[tuple[Place, Place]] = []
        nodes = list(walk(tree))
        for node in nodes:
            if isinstance(node, FuncDef) and node.name in ("__init__", "__post_init__"):
                self._constructors.append((_start(node), _end(node)))
        for node in nodes:
            self.bind(node)
        self.sort()

    def sort(self) -> None:
        """Bring all places in order."""
        for table in (self.bindings.values(), self.assigned.values(), self.handed.values()):
            for places in table:
                places.sort()
        self.statements.sort()

    def bind(self, node: Node) -> None:
        """Note what a piece of the program assigns."""
        if isinstance(node, Statement):
            self.statements.append(_start(node))
        if isinstance(node, Block) and node.body:
            end = _end(node.body[-1])
            self._blocks.update((_start(statement), end) for statement in node.body)
        match node:
            case AssignmentStmt(lvalues=lvalues, rvalue=value):
                for lvalue in lvalues:
                    self._assign(lvalue, _end(node), value)
                    self._construct(lvalue, value, node)
            case AssignmentExpr(target=target, value=value):
                self._assign(target, _end(node), value)
            case OperatorAssignmentStmt(lvalue=target):
                self._assign(target, _end(node), None)
            case ForStmt(index=target):
                self._assign(target, _start(target), target)
                self.loops.append((_start(node), _end(node)))
            case WhileStmt():
                self.loops.append((_start(node), _end(node)))
            case GeneratorExpr(indices=several) | DictionaryComprehension(indices=several):
                for each in several:  # what is made of it stands before it
                    self._assign(each, _start(node), each)
            case WithStmt(target=targets):
                for goal in targets:
                    if goal is not None:
                        self._assign(goal, _start(goal), goal)
            case (
                AsPattern(name=NameExpr() as target) | StarredPattern(capture=NameExpr() as target)
            ):
                self._assign(target, _start(target), target)
            case Argument(variable=variable):
                self._note(variable, _start(node), None)
            case CallExpr(callee=callee, args=args):
                for e in (callee.expr if isinstance(callee, MemberExpr) else None, *args):
                    root = _root(e)
                    if root is not None:
                        self.handed.setdefault(id(root), []).append(_start(node))

    def _assign(self, target: Expression, place: Place, source: Node | None) -> None:
        match target:
            case NameExpr(node=Var() as variable):
                self._note(variable, place, source)
            case MemberExpr(name=name):
                self._assign_part(name, place)
            case IndexExpr(index=StrExpr(value=name)):
                self._assign_part(name, place)
            case TupleExpr(items=items) | ListExpr(items=items):
                values = source.items if isinstance(source, (TupleExpr, ListExpr)) else []
                paired = len(values) == len(items) and source is not target
                for i, item in enumerate(items):
                    self._assign(item, place, values[i] if paired else source)
            case StarExpr(expr=inner):
                self._assign(inner, place, source)

    def _construct(self, target: Expression, value: Expression, place: Context) -> None:
        if not isinstance(value, CallExpr) or not isinstance(value.callee, RefExpr):
            return
        if not isinstance(value.callee.node, TypeInfo):
            return
        key: object = None
        match target:
            case NameExpr(node=Var() as variable):
                key = id(variable)
            case MemberExpr(name=name):
                key = name
        if key is not None:
            self._built[id(value)] = key
            self._targets.setdefault(key, []).append(_start(place))
            self._kept.append(value)

    def is_one_of_several(self, call: Context) -> bool:
        """Whether something else is constructed, too, for what this is assigned to."""
        key = self._built.get(id(call))
        places = self._targets.get(key, [])
        if isinstance(key, str):
            return len(places) > 1
        return len({self._blocks.get(place) for place in places}) > 1

    def is_settled(self, e: Expression, place: Place) -> bool:
        """Whether what an expression leads to is surely what was assigned to it last in the
        program's text."""
        while isinstance(e, (MemberExpr, IndexExpr)):
            if isinstance(e, IndexExpr) or e.name in self.assigned:
                return False
            e = e.expr
        if not isinstance(e, NameExpr):
            return True
        bound = self.bindings.get(id(e.node), [])
        if len(bound) < 2:
            return True
        before = [at for at in bound if at <= place]
        if not before:
            return False
        last = before[-1]
        if self._block_end(last) < place:
            return False
        return not any(
            start <= place <= end and last < start and any(start <= at <= end for at in bound)
            for start, end in self.loops
        )

    def _block_end(self, place: Place) -> Place:
        """Where the block ends in which something is assigned."""
        at = bisect.bisect_right(self.statements, place)
        return self._blocks.get(self.statements[at - 1], (0, 0)) if at else (0, 0)

    def _assign_part(self, name: str, place: Place) -> None:
        if not any(start <= place <= end for start, end in self._constructors):
            self.assigned.setdefault(name, []).append(place)

    def _note(self, variable: Var, place: Place, source: Node | None) -> None:
        places = self.bindings.setdefault(id(variable), [])
        if place not in places:
            places.append(place)
        if source is not None:
            self.sources[id(variable)] = source
        self._kept.append(variable)

    # What may have changed

    def state(self, e: Expression, place: Place, info: TypeInfo, checker: TypeChecker) -> str:
        """Between which changes of an object it is read."""
        changes = list(self._changes(e, info, checker))
        if not changes:
            return ""
        for start, end in self.loops:
            if start <= place <= end and any(start <= change <= end for change in changes):
                # What comes later in the program may have come before.
                return f":in:{self._statement(place)}"
        return f":after:{sum(change <= place for change in changes)}"

    def _changes(self, e: Expression, info: TypeInfo, checker: TypeChecker) -> Iterator[Place]:
        if info.is_named_tuple or info.metadata.get("dataclass", {}).get("frozen", False):
            return
        names = _fields(info)
        own = [place for name in names for place in self.assigned.get(name, ())]
        yield from own
        elsewhere = info.module_name != checker.tree.fullname and any(
            isinstance(entry.node, FuncDef) and not entry.plugin_generated
            for entry in info.names.values()
        )
        root = _root(e)
        if root is not None and (own or elsewhere):
            yield from self.handed.get(id(root), ())

    def _statement(self, place: Place) -> str:
        at = bisect.bisect_right(self.statements, place)
        line, column = self.statements[at - 1] if at else place
        return f"{line}:{column}"


def _root(e: Expression | None) -> Var | None:
    """The variable from which an expression leads on to what it is."""
    while isinstance(e, (MemberExpr, IndexExpr)):
        e = e.expr if isinstance(e, MemberExpr) else e.base
    return e.node if isinstance(e, NameExpr) and isinstance(e.node, Var) else None


def _count(places: list[Place], here: Place) -> int:
    """How many of some places come before one; a name that is bound once holds one object."""
    return 0 if len(places) == 1 and not here < places[0] else sum(p <= here for p in places)


def _start(node: Context) -> Place:
    return node.line, node.column


def _end(node: Context) -> Place:
    return node.end_line or node.line, node.end_column or node.column


# Names in types


def _class_of(t: ProperType) -> TypeInfo | None:
    if isinstance(t, TupleType):
        t = t.partial_fallback
    return t.type if isinstance(t, Instance) else None


def _field_names(info: TypeInfo) -> list[str]:
    """The fields of a named tuple, in order."""
    entry = info.get("__new__") if info.is_named_tuple else None
    kind = None if entry is None or entry.type is None else get_proper_type(entry.type)
    if not isinstance(kind, CallableType):
        return []
    return [name for name in kind.arg_names[1:] if name is not None]


def _declared(t: TupleType) -> TupleType:
    """A named tuple as its class declares it."""
    whole = t.partial_fallback.type.tuple_type
    if whole is None or not t.partial_fallback.type.is_named_tuple:
        return t
    return t.copy_modified(items=whole.items)


def _fields(info: TypeInfo) -> set[str]:
    """The attributes of a class that are annotated with names."""
    return {
        name
        for base in info.mro
        for name, entry in base.names.items()
        if isinstance(entry.node, Var) and entry.node.type is not None
        and _holds_names(entry.node.type)
    }  # fmt: skip


def _outer_names(info: TypeInfo | None) -> frozenset[str] | None:
    """The names of a class that its fields have outside of collections; inside of one alone each
    item may have its own."""
    if info is None:
        return None
    finder = _Outer()
    for base in info.mro:
        for entry in base.names.values():
            if isinstance(entry.node, Var) and entry.node.type is not None:
                entry.node.type.accept(finder)
    return frozenset(finder.names)


class _Sizes(TypeTranslator):
    """Replaces the names in a type by the sizes of an object."""

    def __init__(
        self, records: Records, owner: str, outer: frozenset[str] | None, bound: Mapping[str, Type]
    ) -> None:
        super().__init__()
        self.records, self.owner, self.outer, self.bound = records, owner, outer, bound
        self.inside = 0

    def visit_instance(self, t: Instance) -> Type:
        if t.type.fullname == TENSOR:
            return t.copy_modified(args=[t.args[0], *map(self._axis, t.args[1:])])
        if t.type.is_named_tuple or not t.args:
            return t
        self.inside += 1
        try:
            return super().visit_instance(t)
        finally:
            self.inside -= 1

    def _axis(self, axis: Type) -> Type:
        text = _name_in(axis)
        if text is None:
            return axis
        if self.inside and (self.outer is None or not names_in(text) <= self.outer):
            return axis
        return self.records.size(text, self.owner, self.bound)

    def visit_callable_type(self, t: CallableType) -> Type:
        return t

    def visit_tuple_type(self, t: TupleType) -> Type:
        if t.partial_fallback.type.fullname != "builtins.tuple":
            return t  # an object in the object
        return super().visit_tuple_type(t)

    def visit_typeddict_type(self, t: TypedDictType) -> Type:
        return t

    def visit_type_alias_type(self, t: TypeAliasType) -> Type:
        return t


def _name_in(axis: Type) -> str | None:
    held = carried(axis, SHARED)
    return None if held is None else text_of(held[0])


class _Holds(TypeQuery[bool]):
    """Whether there are names in a type."""

    def strategy(self, items: list[bool]) -> bool:
        return any(items)

    def visit_type_alias_type(self, t: TypeAliasType) -> bool:
        return carried(t, SHARED) is not None

    def visit_callable_type(self, t: CallableType) -> bool:
        return False

    def visit_tuple_type(self, t: TupleType) -> bool:
        plain = t.partial_fallback.type.fullname == "builtins.tuple"
        return plain and super().visit_tuple_type(t)

    def visit_typeddict_type(self, t: TypedDictType) -> bool:
        return False


_holds = _Holds()


def _holds_names(t: Type) -> bool:
    p = get_proper_type(t)
    if isinstance(p, Instance) and not p.args:
        return False
    return isinstance(p, (Instance, TupleType, UnionType)) and t.accept(_holds)


def _is_array_with_names(t: ProperType) -> bool:
    if isinstance(t, UnionType):
        return any(_is_array_with_names(get_proper_type(item)) for item in t.items)
    return (
        isinstance(t, Instance)
        and t.type.fullname == TENSOR
        and any(_name_in(axis) is not None for axis in t.args[1:])
    )


class _Outer(TypeQuery[None]):
    """Collects the names in a type, those in collections left out."""

    def __init__(self) -> None:
        super().__init__()
        self.names: set[str] = set()

    def strategy(self, items: list[None]) -> None:
        return None

    def visit_instance(self, t: Instance) -> None:
        if t.type.fullname == TENSOR:
            for axis in t.args[1:]:
                text = _name_in(axis)
                if text is not None:
                    self.names |= names_in(text)

    def visit_callable_type(self, t: CallableType) -> None:
        return None

    def visit_type_alias_type(self, t: TypeAliasType) -> None:
        return None
