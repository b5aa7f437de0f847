"""What an argument of a call is, as far as it is known before the program runs.

Tensors are known by type; numbers, strings, tuples, slices and the like by value where they are
written out or have a literal type; sizes as dims; functions and dtypes of the package themselves.
"""

from __future__ import annotations

import inspect
import itertools
import math
import operator
from collections.abc import Sequence
from typing import Any

from mypy.checker import TypeChecker
from mypy.nodes import (
    ARG_POS,
    CallExpr,
    ComplexExpr,
    ConditionalExpr,
    Context,
    EllipsisExpr,
    Expression,
    FloatExpr,
    GeneratorExpr,
    IndexExpr,
    IntExpr,
    LambdaExpr,
    ListComprehension,
    ListExpr,
    MemberExpr,
    NameExpr,
    OpExpr,
    RefExpr,
    SliceExpr,
    StarExpr,
    StrExpr,
    TupleExpr,
    UnaryExpr,
    Var,
)
from mypy.types import (
    AnyType,
    Instance,
    LiteralType,
    NoneType,
    ProperType,
    TupleType,
    Type,
    TypeAliasType,
    UnionType,
    UnpackType,
    get_proper_type,
)

from typedflux import dtypes
from typedflux.core.types import TensorType
from typedflux.mypy_plugin.branching import is_from_branches
from typedflux.mypy_plugin.constants import Constants
from typedflux.mypy_plugin.construction import CONSTANT, Applied, construct_of, is_callable, thawed
from typedflux.mypy_plugin.encoding import DIM_OF, MODULE, TENSOR, Encoder, is_instance
from typedflux.mypy_plugin.evaluation import Deferred, Failed, Later, Undetermined
from typedflux.mypy_plugin.objects import (
    BUILTINS,
    MOST_ITEMS,
    NOTHING,
    SEQUENCES,
    declared_type,
    example,
    foreign_tensor,
    is_size,
    own_object,
    strung,
)
from typedflux.mypy_plugin.questions import Choice, Many, anything
from typedflux.shapes.dims import UNKNOWN, Unknown


class Reader:
    """Reads the arguments of one call; `context` is where it stands."""

    def __init__(self, encoder: Encoder, checker: TypeChecker, context: Context) -> None:
        self.encoder = encoder
        self.checker = checker
        self.context = context
        self.constants = Constants(encoder, checker)
        self._reading: set[Var] = set()

    def value(self, expression: Expression, type_: Type | None = None) -> Any:
        """The value of an argument, or a `Question` where several are possible.

        Raises:
            Undetermined: when too little is known of it.
        """
        literal = self._literal(expression)
        if literal is not NOTHING:
            return literal
        if type_ is None:
            type_ = self.checker.lookup_type_or_none(expression)
        if type_ is not None:
            type_ = self.encoder.known(type_, expression, self.checker)
        proper = None if type_ is None else get_proper_type(type_)
        if proper is not None and self._is_told_by_type(proper):
            return self.of_type(proper)
        if isinstance(declared_type(expression), AnyType):
            return anything()  # the program says that nothing is known, though it could be
        if isinstance(expression, LambdaExpr) and proper is not None:
            return Applied(proper, self, expression, expression)
        try:
            return self._written(expression)
        except Undetermined:
            pass
        if type_ is None:
            type_ = self.checker.expr_checker.accept(expression)
        declared = declared_type(expression)
        held = get_proper_type(type_)
        every = declared is not None and declared == held
        if not every and isinstance(held, UnionType):
            every = is_from_branches(expression, self.checker)
        return self.of_type(type_, every=every)

    def _literal(self, expression: Expression) -> Any:
        """What is written out; `NOTHING` for anything else."""
        match expression:
            case IntExpr(value=value) | FloatExpr(value=value) | StrExpr(value=value):
                return value
            case ComplexExpr(value=number):
                return number
            case EllipsisExpr():
                return ...
            case SliceExpr():
                bounds = (expression.begin_index, expression.end_index, expression.stride)
                return slice(*[None if b is None else self._bound(b) for b in bounds])
            case TupleExpr(items=items):
                return self._items(tuple, items)
            case ListExpr(items=items):
                return self._items(list, items)
            case UnaryExpr(op="-" | "+" as sign, expr=inner):
                number = self._literal(inner)
                if isinstance(number, (int, float, complex)):
                    return -number if sign == "-" else number
            case NameExpr() | MemberExpr():
                return own_object(expression)
        return NOTHING

    def _bound(self, expression: Expression) -> Any:
        """A limit of a slice."""
        try:
            return self.value(expression)
        except Undetermined:
            return Choice((None, UNKNOWN))

    def _items(self, kind: type, expressions: Sequence[Expression]) -> Any:
        """A tuple or list that is written out, with the parts of what is starred in it."""
        parts = [e.expr if isinstance(e, StarExpr) else e for e in expressions]
        values = [self._item(part) for part in parts]
        stars = [isinstance(e, StarExpr) for e in expressions]
        if all(isinstance(v, (tuple, list)) for v, s in zip(values, stars, strict=True) if s):
            held = [(v if s else (v,)) for v, s in zip(values, stars, strict=True)]
            return kind(itertools.chain(*held))
        return Later(strung, [kind, stars, *values], Many(kind, UNKNOWN))

    def _item(self, expression: Expression) -> Any:
        try:
            return self.value(expression)
        except Undetermined:
            return anything()

    def _is_told_by_type(self, t: ProperType) -> bool:
        """Whether a type tells more of a value than the expression could."""
        if isinstance(t, Instance) and t.last_known_value is not None:
            t = t.last_known_value
        if isinstance(t, LiteralType):
            return not t.fallback.type.is_enum
        if is_instance(t, TENSOR) or isinstance(t, NoneType):
            return True
        return is_size(t) and not isinstance(self.encoder.dim(t), Unknown)

    def _written(self, expression: Expression) -> Any:
        """A value that is computed by an expression which can be performed in an evaluation."""
        try:
            return self.constants.value(expression)
        except Undetermined:
            pass  # it is no constant
        match expression:
            case NameExpr(node=Var(final_value=value)) if value is not None:
                return value
            case MemberExpr(node=Var(final_value=value)) if value is not None:
                return value
            case NameExpr(node=Var() as variable) if variable not in self._reading:
                found = self.constants.definition(expression)
                if found is not None:
                    self._reading.add(variable)
                    try:
                        return self._stored(found)
                    finally:
                        self._reading.discard(variable)
            case MemberExpr(expr=inner, name="dtype" | "shape" | "ndim" as name):
                held = self.of_type(self._type_of(inner))
                if isinstance(held, TensorType):
                    return Later(getattr, [held, name], dtypes.Shaped if name == "dtype" else None)
            case MemberExpr(expr=inner, name=name) if self._is_own(expression):
                return Later(getattr, [self._stored(inner), name], Failed())
            case IndexExpr(base=base, index=index) if self._is_own(expression):
                values = [self._stored(base), self._stored(index)]
                return Later(operator.getitem, values, Failed())
            case ConditionalExpr(if_expr=yes, else_expr=no):
                options = (self._stored(yes), self._stored(no))
                if all(isinstance(v, Deferred) or inspect.isfunction(v) for v in options):
                    types = [self._type_of(yes), self._type_of(no)]
                    return Applied(UnionType(types), self, expression)
                return Choice(options)
            case UnaryExpr(op="not"):
                return Choice((False, True))
            case OpExpr(op="+" | "*" as sign, left=left, right=right):
                if self._is_sequence(left) or self._is_sequence(right):
                    values = [self._stored(left), self._stored(right)]
                    single = next((v for v in values if isinstance(v, (tuple, list))), ())
                    if sign == "*" and len(single) == 1:
                        otherwise: Any = Many(type(single), single[0])
                    else:
                        otherwise = self._otherwise(expression)
                    function = operator.add if sign == "+" else operator.mul
                    return Later(function, values, otherwise)
            case IndexExpr(base=base, index=index) if self._is_sequence(base):
                return Later(operator.getitem, [self._stored(base), self._stored(index)], Failed())
            case ListComprehension(generator=inner):
                return self._comprehension(inner)
            case GeneratorExpr():
                return self._comprehension(expression)
            case CallExpr(callee=RefExpr(fullname=name), args=args) if name in BUILTINS:
                if all(kind == ARG_POS for kind in expression.arg_kinds):
                    known = BUILTINS[name]
                    values = [self._stored(a) for a in args]
                    return Later(known, values, self._otherwise(expression))
            case CallExpr() | IndexExpr():
                text = self._formatted(expression)
                if text is not None:
                    return text
        raise Undetermined

    def _comprehension(self, found: GeneratorExpr) -> Any:
        """A list of as many items as the sequence has that it is made of."""
        item = self.of_type(self._type_of(found.left_expr))
        try:
            over = self._stored(found.sequences[0])
        except Undetermined:
            return Many(list, item)
        single = len(found.sequences) == 1 and not found.condlists[0]
        if single and isinstance(over, Later) and over.function is range:
            if all(type(a) is int for a in over.args):
                over = range(*over.args)
        if single and isinstance(over, (tuple, list, range)) and len(over) <= MOST_ITEMS:
            return [item] * len(over)
        return Many(list, item)

    def _stored(self, expression: Expression) -> Any:
        """The value of an expression that has been checked already."""
        literal = self._literal(expression)
        if literal is not NOTHING:
            return literal
        return self.value(expression, self._type_of(expression))

    def _otherwise(self, expression: Expression) -> Any:
        """What stands for an expression that cannot be performed."""
        try:
            return self.of_type(self._type_of(expression))
        except Undetermined:
            return Failed()

    def _type_of(self, expression: Expression) -> Type:
        found = self.checker.lookup_type_or_none(expression)
        if found is None:
            raise Undetermined
        return found

    def _is_sequence(self, expression: Expression) -> bool:
        if isinstance(expression, (TupleExpr, ListExpr)):
            return True
        found = self.checker.lookup_type_or_none(expression)
        t = None if found is None else get_proper_type(found)
        return isinstance(t, TupleType) or (
            isinstance(t, Instance) and t.type.fullname in ("builtins.tuple", "builtins.list")
        )

    def _is_own(self, expression: Expression) -> bool:
        """Whether a value is of a class of the package that is no tensor, size or layer."""
        t = get_proper_type(self.checker.lookup_type_or_none(expression))
        if not isinstance(t, Instance) or not t.type.fullname.startswith("typedflux."):
            return False
        return not any(map(t.type.has_base, (TENSOR, DIM_OF, MODULE)))

    def _formatted(self, expression: Expression) -> str | None:
        """The text of an f-string of known parts."""
        match expression:
            case CallExpr(
                callee=MemberExpr(expr=StrExpr(value=""), name="join"), args=[ListExpr(items=items)]
            ):
                parts = [i.value if isinstance(i, StrExpr) else self._formatted(i) for i in items]
                return None if None in parts else "".join(p for p in parts if p is not None)
            case CallExpr(
                callee=MemberExpr(expr=StrExpr(value=template), name="format"), args=args
            ):
                values = [self._stored(a) for a in args]
                if all(isinstance(v, (str, int)) for v in values):
                    return template.format(*values)
        return None

    def of_type(self, type_: Type, *, every: bool = False) -> Any:
        """The value as its type tells it; with `every`, each member of a union may come."""
        if isinstance(type_, TypeAliasType) and type_.is_recursive:
            raise Undetermined
        t = get_proper_type(type_)
        tensor = self.encoder.tensor(t)
        if tensor is not None:
            return tensor
        if isinstance(t, NoneType):
            return None
        if isinstance(t, Instance) and t.last_known_value is not None:
            t = t.last_known_value
        if isinstance(t, LiteralType):
            if t.fallback.type.is_enum:
                raise Undetermined  # the value is the member's name
            return t.value
        if isinstance(t, TupleType):
            return self._tuple(t)
        if is_size(t):
            return self.encoder.dim(t)
        if isinstance(t, AnyType):
            return anything()
        if isinstance(t, UnionType):
            if is_callable(t):
                return Applied(t, self, self.context)
            return self._one_of(t, every)
        if isinstance(t, Instance):
            return self._of_instance(t)
        if is_callable(t):
            return Applied(t, self, self.context)
        raise Undetermined

    def _one_of(self, t: UnionType, every: bool) -> Any:
        options = [self.of_type(item) for item in t.items]
        tensors = sum(isinstance(option, TensorType) for option in options)
        return Choice(options, every=every and tensors > 1)

    def _of_instance(self, t: Instance) -> Any:
        name = t.type.fullname
        if name == "builtins.tuple" and is_size(get_proper_type(t.args[0])):
            return self.encoder.sizes(UnpackType(t))
        if name in SEQUENCES and t.args:
            return Many(tuple if name == "builtins.tuple" else list, self.of_type(t.args[0]))
        if name == "builtins.bool":
            return Choice((False, True))
        if name in ("builtins.float", "builtins.complex"):
            # A weak scalar, which changes no type; where its value matters, it has none.
            return math.nan if name == "builtins.float" else complex(math.nan)
        if name == "typedflux.dtypes.DType":
            return dtypes.Shaped
        if name == CONSTANT:
            return thawed(t)
        foreign = foreign_tensor(t, self.encoder)
        if foreign is not None:
            return foreign
        layer = construct_of(t, self)
        if layer is not None:
            return layer
        if is_callable(t):
            return Applied(t, self, self.context)
        return example(name)

    def _tuple(self, t: TupleType) -> tuple[Any, ...]:
        if t.partial_fallback.type.fullname != "builtins.tuple":
            raise Undetermined  # a class of its own, which functions may ask for
        held: list[Any] = []
        for item in t.items:
            if isinstance(item, UnpackType):
                inner = get_proper_type(item.type)
                if not isinstance(inner, Instance) or not is_size(get_proper_type(inner.args[0])):
                    raise Undetermined
                held += self.encoder.sizes(item)
            else:
                held.append(self.of_type(item))
        return tuple(held)
