"""Ranks and shapes that the program asserts of tensors it knows nothing of: `assert x.ndim == 2`.

mypy narrows what is compared, `x.ndim`, and not `x`; that is done here, at the comparison, where it
is the condition of an `assert`, or of an `if` that only raises.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from mypy.nodes import (
    AssertStmt,
    CallExpr,
    ComparisonExpr,
    Expression,
    IfStmt,
    MemberExpr,
    MypyFile,
    NameExpr,
    OpExpr,
    RaiseStmt,
    RefExpr,
    TupleExpr,
)
from mypy.plugin import MethodContext
from mypy.types import (
    AnyType,
    Instance,
    ProperType,
    Type,
    TypeOfAny,
    TypeVarType,
    UnpackType,
    get_proper_type,
)

from typedflux.mypy_plugin.constants import Constants
from typedflux.mypy_plugin.context import checker_of
from typedflux.mypy_plugin.encoding import DIM_OF, NEW, TENSOR, Encoder, is_instance
from typedflux.mypy_plugin.evaluation import Undetermined
from typedflux.mypy_plugin.leading import some_size
from typedflux.mypy_plugin.pure import is_size
from typedflux.mypy_plugin.syntax import walk
from typedflux.shapes.dims import UNKNOWN, Dimension, Unknown, equal, merge

COMPARISONS = frozenset(
    f"{of}.__{name}__"
    for of in ("builtins.int", "builtins.tuple", "builtins.object", DIM_OF)
    for name in ("eq", "ne")
)


class Ranks:
    """Narrows tensors by what is asserted of their ranks and shapes."""

    def __init__(self, encoder: Encoder) -> None:
        self.encoder = encoder
        self._asserted: dict[int, tuple[MypyFile, dict[int, ComparisonExpr]]] = {}

    def compared(self, ctx: MethodContext) -> Type:
        """After mypy has checked `x.ndim == 2`."""
        node = ctx.context
        if isinstance(node, ComparisonExpr) and len(node.operands) == 2:
            a, b = node.operands
            for mine, other in ((a, b), (b, a)):
                found = _asks_for(mine)
                if found is not None and id(node) in self._of(checker_of(ctx).tree):
                    self._narrow(*found, other, ctx)
                    break
        return ctx.default_return_type

    def _of(self, tree: MypyFile) -> dict[int, ComparisonExpr]:
        known = self._asserted.get(id(tree))
        if known is None:
            if len(self._asserted) > 100:  # the daemon lives long
                self._asserted.clear()
            held = {id(c): c for node in walk(tree) for c in _established(node)}
            known = self._asserted[id(tree)] = (tree, held)
        return known[1]

    def _narrow(self, what: str, of: Expression, value: Expression, ctx: MethodContext) -> None:
        checker = checker_of(ctx)
        t = get_proper_type(checker.lookup_type_or_none(of))
        if not isinstance(t, Instance) or not is_instance(t, TENSOR) or t.type.fullname != TENSOR:
            return
        constants = Constants(self.encoder, checker)
        wanted = self._shape(what, value, constants)
        shape = None if wanted is None else _joined(list(t.args[1:]), wanted, self.encoder)
        if shape is not None:
            place = f"{checker.path}:{value.line}:{value.column}"
            axes = [
                some_size("_", f"{place}.{i}", self.encoder)
                if isinstance(size, Unknown)  # mypy does not narrow what is Any to what is Any
                else self.encoder.axis_type(size)
                for i, size in enumerate(shape)
            ]
            checker.binder.put(of, t.copy_modified(args=[t.args[0], *axes]))

    def _shape(self, what: str, value: Expression, constants: Constants) -> list[Dimension] | None:
        """The shape that is asserted, with what is not known of it unknown."""
        if what == "shape" and isinstance(value, TupleExpr):
            return [_size(item, constants) for item in value.items]
        try:
            known: Any = constants.value(value)
        except Undetermined:
            return None
        if what == "ndim" and isinstance(known, int) and 0 <= known <= 16:
            return [UNKNOWN] * known
        if what == "shape" and isinstance(known, tuple) and all(map(is_size, known)):
            return list(known)
        return None


def _size(item: Expression, constants: Constants) -> Dimension:
    try:
        known = constants.value(item)
    except Undetermined:
        return UNKNOWN
    return known if is_size(known) else UNKNOWN


def _joined(axes: list[Type], wanted: list[Dimension], encoder: Encoder) -> list[Dimension] | None:
    """The sizes of both; `None` where they do not fit, and where nothing is open."""
    places = [i for i, a in enumerate(axes) if isinstance(get_proper_type(a), UnpackType)]
    unknown = any(_is_open(get_proper_type(a)) for a in axes)
    if not places and not unknown:
        return None
    sizes: list[Dimension]
    if places:
        spread = get_proper_type(axes[places[0]])
        if not isinstance(spread, UnpackType) or not isinstance(
            get_proper_type(spread.type), Instance
        ):
            return None  # `*batch` means something in the signature
        missing = len(wanted) - (len(axes) - 1)
        if missing < 0:
            return None
        before, after = axes[: places[0]], axes[places[0] + 1 :]
        sizes = [encoder.dim(a) for a in before] + [UNKNOWN] * missing
        sizes += [encoder.dim(a) for a in after]
    else:
        sizes = [encoder.dim(a) for a in axes]
    if len(sizes) != len(wanted):
        return None
    if any(equal(a, b) is False for a, b in zip(sizes, wanted, strict=True)):
        return None
    return [
        b if _is_open(get_proper_type(t)) and not isinstance(b, Unknown) else merge(a, b)
        for t, a, b in zip(_spread(axes, len(sizes)), sizes, wanted, strict=True)
    ]


def _spread(axes: list[Type], rank: int) -> list[Type]:
    """An axis for each size, where some stand for any number."""
    found: list[Type] = []
    for a in axes:
        if isinstance(get_proper_type(a), UnpackType):
            found += [AnyType(TypeOfAny.special_form)] * (rank - len(axes) + 1)
        else:
            found.append(a)
    return found


def _is_open(t: ProperType) -> bool:
    """Whether an axis can have any size."""
    return isinstance(t, AnyType) or (isinstance(t, TypeVarType) and t.id.namespace.startswith(NEW))


def _asks_for(e: Expression) -> tuple[str, Expression] | None:
    """What of which name is compared: `x.ndim`, `len(x.shape)` or `x.shape`."""
    match e:
        case MemberExpr(name="ndim" | "shape" as what, expr=NameExpr() | MemberExpr() as of):
            return what, of
        case CallExpr(
            callee=RefExpr(fullname="builtins.len"), args=[MemberExpr(name="shape") as s]
        ):
            return ("ndim", s.expr) if isinstance(s.expr, (NameExpr, MemberExpr)) else None
    return None


def _established(node: object) -> Iterator[ComparisonExpr]:
    match node:
        case AssertStmt(expr=condition):
            yield from _parts(condition, "and", "==")
        case IfStmt(expr=[condition], body=[body], else_body=None):
            if len(body.body) == 1 and isinstance(body.body[0], RaiseStmt):
                yield from _parts(condition, "or", "!=")


def _parts(e: Expression, joined_by: str, operator: str) -> Iterator[ComparisonExpr]:
    if isinstance(e, OpExpr) and e.op == joined_by:
        yield from _parts(e.left, joined_by, operator)
        # What stands on the right may not be looked at when control goes on.
        if joined_by == "and":
            yield from _parts(e.right, joined_by, operator)
    elif isinstance(e, ComparisonExpr) and e.operators == [operator]:
        yield e
