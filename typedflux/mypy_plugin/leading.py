"""Data whose leading axes become others: what batches, splits and rows of data are.

`Leading[D, "n -> ?batch"]` in a signature is the type D with one new size, `batch`, in place of the
first axis of each tensor in it, the same in all of them. Left of the arrow stand the axes that go,
right of it those that come: a dim of the signature, or a new one, after a question mark. Before a
new one may stand sizes with conditions, the first of which that surely holds is taken:

    Leading[D, "n -> k where n%k==0, n where n<=k, ?batch=k"]

A new size can be any, so that it disagrees with none; `?batch=k` is usually k, and disagrees with
the numbers that k disagrees with.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from mypy.type_visitor import TypeQuery, TypeTranslator
from mypy.types import (
    AnyType,
    Instance,
    LiteralType,
    TupleType,
    Type,
    TypeAliasType,
    TypedDictType,
    TypeOfAny,
    TypeVarId,
    TypeVarLikeType,
    TypeVarType,
    UnionType,
    UnpackType,
    get_proper_type,
)

from typedflux.mypy_plugin.encoding import NEW, NEW_MARK, STATIC, TENSOR, Encoder, unknown
from typedflux.shapes.dims import UNKNOWN, Dim, Dimension, bounds, equal
from typedflux.shapes.errors import AnnotationError, UndecidedError
from typedflux.shapes.expressions import evaluate_expression, names_in

LEADING = f"{STATIC}.Moved"
_NEW = re.compile(r"\?\s*\w+=?")


def variables_in(text: str) -> list[str]:
    """The names in such a string that are dims of the signature."""
    gone, _, comes = text.partition("->")
    names = names_in(re.sub(r"==|<=|\bwhere\b|,", "+", _NEW.sub(_as_term, comes)) or "0")
    return sorted(names - set(gone.split()))


def _as_term(new: re.Match[str]) -> str:
    return "0+" if new[0].endswith("=") else "0"


def moved(whole: Type, text: str, atoms: Sequence[Type], encoder: Encoder) -> Type:
    """The type that `Leading[whole, text]` is to mypy until `settled` says what it comes to."""
    names = ",".join(variables_in(text))
    template = LiteralType(f"{names}|{text}", encoder.instance("builtins.str"))
    return encoder.instance(LEADING, [whole, template, *atoms])


def some_size(name: str, place: str, encoder: Encoder, usual: Dimension = UNKNOWN) -> Type:
    """The axis of a size that nobody knows, the same wherever it is met."""
    namespace = f"{NEW}{usual if isinstance(usual, int) else ''}?{place}"
    key = TypeVarId(-1, namespace=namespace)
    anything = encoder.instance("builtins.object")
    nothing = AnyType(TypeOfAny.from_omitted_generics)
    return TypeVarType(name + NEW_MARK, f"{namespace}.{name}", key, [], anything, nothing)


_NUMBERS = {
    "builtins.bool": "Bool",
    "builtins.int": "Int64",
    "builtins.float": "Float32",
    "builtins.complex": "Complex64",
}


class _Mentions(TypeQuery[bool]):
    def strategy(self, items: list[bool]) -> bool:
        return any(items)

    def visit_instance(self, t: Instance) -> bool:
        return t.type.fullname == LEADING or super().visit_instance(t)

    def visit_type_alias_type(self, t: TypeAliasType) -> bool:
        return not t.is_recursive and get_proper_type(t).accept(self)


_mentions = _Mentions()


def settled(t: Type, encoder: Encoder, place: str = "") -> Type:
    """A type with what has become known of its data; `place` tells new sizes apart."""
    return t.accept(_Settler(encoder, place)) if t.accept(_mentions) else t


class _Settler(TypeTranslator):
    def __init__(self, encoder: Encoder, place: str) -> None:
        super().__init__()
        self.encoder, self.place = encoder, place

    def visit_instance(self, t: Instance) -> Type:
        if t.type.fullname != LEADING or len(t.args) < 2:
            return super().visit_instance(t)
        whole, template = t.args[0].accept(self), get_proper_type(t.args[1])
        if isinstance(get_proper_type(whole), TypeVarLikeType):
            return t.copy_modified(args=[whole, *t.args[1:]])
        if not isinstance(template, LiteralType) or not isinstance(template.value, str):
            return unknown()
        names, _, text = template.value.partition("|")
        atoms = dict(zip(names.split(",") if names else (), t.args[2:], strict=True))
        return _Mover(self.encoder, text, atoms, self.place).moved(whole)

    def visit_type_alias_type(self, t: TypeAliasType) -> Type:
        return t if t.is_recursive else get_proper_type(t).accept(self)


class _Mover:
    """Replaces the leading axes of all tensors in a type."""

    def __init__(self, encoder: Encoder, text: str, atoms: dict[str, Type], place: str) -> None:
        self.encoder, self.place = encoder, place
        gone, _, self.comes = text.partition("->")
        self.gone = gone.split()
        self.whole: Type | None = None
        self.sizes = {name: encoder.dim(t) for name, t in atoms.items()}

    def moved(self, t: Type) -> Type:
        """The type for the data that `t` is the type of."""
        self.whole = t
        held = list(self._first(t))
        if self.gone and held:
            self.sizes[self.gone[0]] = next((d for d in held if isinstance(d, int)), held[0])
        axes = [self._axis(self.comes.strip())] if self.comes.strip() else []
        return self._replaced(t, axes)

    def _first(self, t: Type) -> list[Dimension]:
        """The sizes of the first axes of the tensors in a type, where they are known."""
        p = get_proper_type(t)
        if isinstance(p, Instance) and p.type.fullname == TENSOR:
            known = len(p.args) > 1 and not isinstance(get_proper_type(p.args[1]), UnpackType)
            size = self.encoder.dim(p.args[1]) if known else UNKNOWN
            return [] if size is UNKNOWN else [size]
        if isinstance(p, TupleType):
            return [size for item in p.items for size in self._first(item)]
        if isinstance(p, TypedDictType):
            return [size for item in p.items.values() for size in self._first(item)]
        if isinstance(p, Instance):
            return [size for item in p.args for size in self._first(item)]
        return []

    def _axis(self, text: str) -> Type:
        for part in text.split(","):
            expression, _, condition = (piece.strip() for piece in part.partition("where"))
            if expression.startswith("?"):
                return self._new(expression[1:].strip())
            if not condition or self._holds(condition):
                return self.encoder.axis_type(self._size(expression))
        return unknown()

    def _new(self, text: str) -> Type:
        name, _, usual = text.partition("=")
        size = self._size(usual) if usual else UNKNOWN
        return some_size(name, f"{self.place}.{name}", self.encoder, size)

    def _holds(self, condition: str) -> bool:
        sign = "==" if "==" in condition else "<="
        left, _, right = condition.partition(sign)
        a, b = self._size(left), self._size(right)
        if sign == "==":
            return equal(a, b) is True
        if not isinstance(a, (int, Dim)) or not isinstance(b, (int, Dim)):
            return False
        low = bounds(b - a)[0]
        return low is not None and low >= 0

    def _size(self, text: str) -> Dimension:
        names = {name: self.sizes.get(name, UNKNOWN) for name in names_in(text.strip())}
        try:
            value = evaluate_expression(text.strip(), names)
        except (AnnotationError, ArithmeticError, UndecidedError):
            return UNKNOWN
        return value if isinstance(value, (int, Dim)) else UNKNOWN

    def _replaced(self, t: Type, axes: list[Type]) -> Type:
        p = get_proper_type(t)
        if isinstance(p, UnionType):
            return UnionType.make_union([self._replaced(item, axes) for item in p.items])
        if isinstance(p, TupleType):
            return p.copy_modified(items=[self._replaced(item, axes) for item in p.items])
        if isinstance(p, TypedDictType):
            items = {name: self._replaced(item, axes) for name, item in p.items.items()}
            return p.copy_modified(item_types=list(items.values()))
        if not isinstance(p, Instance):
            return t
        name = p.type.fullname
        if name == TENSOR:
            return self._tensor(p, axes)
        if name in ("builtins.tuple", "builtins.dict"):
            return p.copy_modified(args=[*p.args[:-1], self._replaced(p.args[-1], axes)])
        if not self.gone and name in _NUMBERS:  # observations are put together
            element = self.encoder.instance(f"{STATIC}.{_NUMBERS[name]}")
            return self.encoder.instance(TENSOR, [element, *axes])
        if not self.gone and name == "builtins.str":
            return self.encoder.instance("builtins.list", [p])
        if name == "builtins.list" and t is not self.whole:
            # Strings stay a list, numbers may have become a tensor.
            held = get_proper_type(p.args[0])
            if not isinstance(held, Instance) or held.type.fullname != "builtins.str":
                return unknown()
        return t

    def _tensor(self, p: Instance, axes: list[Type]) -> Type:
        rest = list(p.args[1:])
        for _ in self.gone:
            if rest and isinstance(get_proper_type(rest[0]), UnpackType):
                rest = [self.encoder.unknown_axes()]
                break
            rest = rest[1:]
        return p.copy_modified(args=[p.args[0], *axes, *rest])
