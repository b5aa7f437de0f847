"""What a name in an annotation means where it stands, and which functions are generic in it.

A name that is a type variable of the enclosing class or function means that one. Any other name in
a function's signature becomes a type variable of that function, so that mypy itself treats the
function as generic: fresh at each call, rigid in the body. In a body the names of the signatures
around it are meant.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from mypy.nodes import (
    COVARIANT,
    AssignmentStmt,
    Block,
    ClassDef,
    Decorator,
    Expression,
    FloatExpr,
    ForStmt,
    FuncDef,
    IntExpr,
    LambdaExpr,
    MypyFile,
    NameExpr,
    OverloadedFuncDef,
    Statement,
    StrExpr,
    TupleExpr,
    TypeVarExpr,
    TypeVarTupleExpr,
)
from mypy.plugin import AnalyzeTypeContext, ClassDefContext
from mypy.semanal import SemanticAnalyzer
from mypy.tvar_scope import TypeVarLikeScope
from mypy.type_visitor import TypeQuery, TypeTranslator
from mypy.typeanal import TypeAnalyser
from mypy.types import (
    AnyType,
    CallableType,
    Overloaded,
    ProperType,
    Type,
    TypeAliasType,
    TypeOfAny,
    TypeVarLikeType,
    TypeVarTupleType,
    TypeVarType,
)

from typedflux.mypy_plugin.classes import note_dim
from typedflux.mypy_plugin.encoding import Encoder
from typedflux.mypy_plugin.syntax import walk
from typedflux.mypy_plugin.traversal import TypeCollector, is_choice


def apis(ctx: AnalyzeTypeContext) -> tuple[TypeAnalyser, SemanticAnalyzer]:
    """The two that analyse: of types, and of the module."""
    analyser = ctx.api
    assert isinstance(analyser, TypeAnalyser)
    semantic = analyser.api
    assert isinstance(semantic, SemanticAnalyzer)
    return analyser, semantic


def loosen(ctx: ClassDefContext) -> None:
    """Modules of one class with different dims have the class in common, not only `object`."""
    for variable in ctx.cls.type_vars:
        if isinstance(variable, TypeVarType) and not is_choice(variable):
            variable.variance = COVARIANT


class Scopes:
    """The names in annotations, for one run of mypy."""

    def __init__(self, encoder: Encoder) -> None:
        self.encoder = encoder
        self._patched: set[tuple[str, object]] = set()

    def in_class_body(self, ctx: AnalyzeTypeContext) -> bool:
        """Whether an annotation stands in the body of a class, outside its methods."""
        scope = _named_scope(ctx)
        return scope is not None and scope.is_class_scope

    def variable(
        self, name: str, ctx: AnalyzeTypeContext, *, variadic: bool
    ) -> TypeVarLikeType | None:
        """The type variable that a name in an annotation means here; `None` if it has none."""
        found = self._variable(name, ctx, variadic)
        return found if isinstance(found, TypeVarTupleType) is variadic else None

    def _variable(
        self, name: str, ctx: AnalyzeTypeContext, variadic: bool
    ) -> TypeVarLikeType | None:
        analyser, semantic = apis(ctx)
        declared = semantic.lookup_qualified(name, ctx.context, suppress_errors=True)
        if declared is not None and isinstance(declared.node, (TypeVarExpr, TypeVarTupleExpr)):
            bound = analyser.tvar_scope.get_binding(declared)
            if bound is not None:
                owner = semantic.type
                if owner is not None and owner.fullname == bound.id.namespace:
                    note_dim(owner, bound.name)
                return bound
        scope = _named_scope(ctx)
        if scope is None:
            return None
        around = [f for f in semantic.function_stack if isinstance(f, FuncDef)]
        if around and _is_scope_of(around[-1], scope):
            return _first(_find_variable(f.type, name, variadic) for f in reversed(around))
        if scope.is_class_scope:
            return None
        outer = _first(_find_variable(f.type, name, variadic) for f in reversed(around))
        if outer is not None and _uses_what_is_around(scope.namespace, around, ctx.context.line):
            return outer
        fullname = f"{scope.namespace}.{'*' * variadic}{name}"
        bound = scope.get_binding(fullname)
        if bound is None:
            bound = scope.bind_new(
                name, self._declare(name, fullname, variadic), _ignore, ctx.context
            )
        self.later(semantic, self._generalise)
        return bound

    def _declare(self, name: str, fullname: str, variadic: bool) -> TypeVarExpr | TypeVarTupleExpr:
        anything = self.encoder.instance("builtins.object")
        default = AnyType(TypeOfAny.from_omitted_generics)
        if not variadic:
            return TypeVarExpr(name, fullname, [], anything, default)
        several = self.encoder.instance("builtins.tuple", [anything])
        return TypeVarTupleExpr(name, fullname, several, several, default)

    def later(self, semantic: SemanticAnalyzer, patch: Callable[[MypyFile], None]) -> None:
        """Do something to the module once all of its annotations are analysed."""
        module = semantic.cur_mod_id
        tree = semantic.modules[module]
        if (module, patch) not in self._patched:
            self._patched.add((module, patch))

            def run() -> None:
                self._patched.discard((module, patch))
                patch(tree)

            semantic.schedule_patch(5, run)

    def _generalise(self, tree: MypyFile) -> None:
        for function in functions(tree.defs):
            kind = function.type
            if isinstance(kind, CallableType):
                add_variables(kind)
            if isinstance(kind, Overloaded):
                for item in kind.items:
                    add_variables(item)


def _ignore(message: str, context: object) -> None:
    """Binding a fresh name cannot fail in a way the user should read about."""


def _named_scope(ctx: AnalyzeTypeContext) -> TypeVarLikeScope | None:
    scope: TypeVarLikeScope | None = apis(ctx)[0].tvar_scope
    while scope is not None and not scope.namespace:
        scope = scope.parent
    return scope


def _is_scope_of(function: FuncDef, scope: TypeVarLikeScope) -> bool:
    # mypy calls the scopes of an overloaded function's items `f#0`, `f#1`, ...
    return scope.namespace.partition("#")[0] == function.fullname


def _first(found: Iterator[TypeVarLikeType | None]) -> TypeVarLikeType | None:
    return next((v for v in found if v is not None), None)


def _find_variable(kind: ProperType | None, name: str, variadic: bool) -> TypeVarLikeType | None:
    if not isinstance(kind, CallableType):
        return None
    collector = TypeCollector()
    for t in (*kind.arg_types, kind.ret_type):
        t.accept(collector)
    theirs = {v.id for variables in of_functions(kind) for v in variables}
    return next(
        (
            v
            for v in collector.variables
            if v.name == name and isinstance(v, TypeVarTupleType) is variadic and v.id not in theirs
        ),
        None,
    )


# Nested functions


def _uses_what_is_around(name: str, around: Sequence[FuncDef], line: int) -> bool:
    """Whether a nested function works with values of the functions around it.

    Then a dim of theirs that it names is the same one, for it is combined with them; a function
    that stands on its own could as well be somewhere else.
    """
    candidates = [
        f
        for f in functions(around[-1].body.body)
        if isinstance(f, FuncDef) and f.fullname == name and f.line <= line
    ]
    if not candidates:
        return False
    inner = max(candidates, key=lambda f: f.line)
    given = set().union(*(_values(f) for f in around))
    own = _values(inner)
    used = {e.name for e in walk(inner.body) if isinstance(e, NameExpr)}
    return bool((used - own) & given)


def _values(function: FuncDef) -> set[str]:
    """The parameters and variables of a function that may hold tensors or sizes."""
    found = {a.variable.name for a in function.arguments}
    for statement in statements(function.body.body):
        if isinstance(statement, ForStmt):
            found |= _targets([statement.index])
        elif isinstance(statement, AssignmentStmt) and not isinstance(
            statement.rvalue, (IntExpr, FloatExpr, StrExpr, LambdaExpr)
        ):
            found |= _targets(statement.lvalues)
    return found


def _targets(targets: Sequence[Expression]) -> set[str]:
    found = {target.name for target in targets if isinstance(target, NameExpr)}
    for target in targets:
        if isinstance(target, TupleExpr):
            found |= _targets(target.items)
    return found


def statements(block: Sequence[Statement]) -> Iterator[Statement]:
    """All statements in a block, those of inner functions and classes left out."""
    for statement in block:
        yield statement
        if not isinstance(statement, (FuncDef, Decorator, OverloadedFuncDef, ClassDef)):
            for inner in _blocks(statement):
                yield from statements(inner.body)


def _blocks(statement: Statement) -> Iterator[Block]:
    for attribute in ("body", "else_body", "finally_body", "handlers", "bodies"):
        held = getattr(statement, attribute, None)
        for part in held if isinstance(held, list) else [held]:
            if isinstance(part, Block):
                yield part


# Generic functions


def add_variables(kind: CallableType) -> None:
    """Make a function's type generic in the dims of its own annotations, in place."""
    collector = TypeCollector()
    for t in (*kind.arg_types, kind.ret_type):
        t.accept(collector)
    held = nested(kind)
    theirs = of_functions(kind)
    known = {v.id for v in (*kind.variables, *(v for inner in held for v in inner.variables))}
    owner = kind.definition.fullname if kind.definition is not None else None
    new = [
        v
        for v in collector.variables
        if v.id not in known and v.id.namespace.partition("#")[0] == owner
    ]
    if new:
        names = {v.id for variables in theirs for v in variables}
        kind.variables = (*kind.variables, *(v for v in new if v.id not in names))
        ids = {v.id for v in new}
        for inner, variables in zip(held, theirs, strict=True):
            inner.variables = (*inner.variables, *(v for v in variables if v.id in ids))


def nested(kind: CallableType) -> list[CallableType]:
    """The function types in a signature, the outer ones alone."""
    finder = _Functions()
    for t in (*kind.arg_types, kind.ret_type):
        t.accept(finder)
    return finder.found


def of_functions(kind: CallableType) -> list[list[TypeVarLikeType]]:
    """For each function type in a signature the dims that are its own: such a function takes any.

    These are the ones that only functions name, and each that does so in what it takes.
    """
    held = nested(kind)
    if not held:
        return []
    outside = TypeCollector()
    pruned = _WithoutFunctions()
    for t in (*kind.arg_types, kind.ret_type):
        t.accept(pruned).accept(outside)
    taken, named = [], []
    for inner in held:
        of_arguments, of_all = TypeCollector(), TypeCollector()
        for t in inner.arg_types:
            t.accept(of_arguments)
            t.accept(of_all)
        inner.ret_type.accept(of_all)
        taken.append(of_arguments.variables)
        named.append({v.id for v in of_all.variables})
    free = {v.id for v in outside.variables}
    for arguments, names in zip(taken, named, strict=True):
        free |= names - {v.id for v in arguments}
    return [[v for v in arguments if v.id not in free] for arguments in taken]


class _Functions(TypeQuery[None]):
    """Collects the function types in a type, the outer ones alone."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[CallableType] = []

    def strategy(self, items: list[None]) -> None:
        return None

    def visit_callable_type(self, t: CallableType) -> None:
        self.found.append(t)

    def visit_type_alias_type(self, t: TypeAliasType) -> None:
        return None  # what it stands for is made anew each time


class _WithoutFunctions(TypeTranslator):
    """Takes the function types out of a type."""

    def visit_callable_type(self, t: CallableType) -> Type:
        return AnyType(TypeOfAny.special_form)

    def visit_type_alias_type(self, t: TypeAliasType) -> Type:
        return t.copy_modified(args=[a.accept(self) for a in t.args])


def functions(block: Sequence[Statement]) -> Iterator[FuncDef | OverloadedFuncDef]:
    """All functions in a block, in classes and other functions too."""
    for statement in block:
        match statement:
            case Decorator(func=function) | (FuncDef() as function):
                yield function
                yield from functions(function.body.body)
            case OverloadedFuncDef(impl=implementation):
                yield statement
                yield from functions(statement.items)
                if implementation is not None and implementation not in statement.items:
                    yield from functions([implementation])
            case ClassDef(defs=members):
                yield from functions(members.body)
            case _:
                for inner in _blocks(statement):
                    yield from functions(inner.body)
