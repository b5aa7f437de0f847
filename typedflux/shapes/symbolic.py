"""`Dim`: a symbolic size that computes like an int, and `UNKNOWN`: one that nothing is known of."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import ClassVar, Protocol, TypeAlias, final, runtime_checkable

from typedflux.shapes import polynomials as poly
from typedflux.shapes.errors import ShapeError, UndecidedError
from typedflux.shapes.polynomials import Kind, Opaque, Symbol, Terms
from typedflux.shapes.printing import terms_text


@runtime_checkable
class GuardOwner(Protocol):
    """What a hinted symbol's owner may offer: to be told of a decision taken from hints."""

    def guard(self, left: Dimension, relation: str, right: Dimension, holds: bool) -> None:
        """`left relation right` was found to hold (or not), looking at the hints."""


_NO_VALUE = "this size is unknown (`_`), so its value cannot be used"


@final
class Unknown:
    """The size that nothing is known of; there is one, `UNKNOWN`, and it absorbs arithmetic.

    >>> UNKNOWN + 3, UNKNOWN * 0
    (_, 0)
    """

    __slots__ = ()
    _only: ClassVar[Unknown | None] = None

    def __new__(cls) -> Unknown:
        if cls._only is None:
            cls._only = super().__new__(cls)
        return cls._only

    def __repr__(self) -> str:
        return "_"

    def __reduce__(self) -> tuple[type[Unknown], tuple[()]]:
        return Unknown, ()

    def _absorb(self, other: int | Dim | Unknown) -> Unknown:
        return self

    def __mul__(self, other: int | Dim | Unknown) -> int | Unknown:
        return 0 if isinstance(other, int) and other == 0 else self

    def __neg__(self) -> Unknown:
        return self

    __add__ = __radd__ = __sub__ = __rsub__ = _absorb
    __floordiv__ = __rfloordiv__ = __mod__ = __rmod__ = _absorb
    __rmul__ = __mul__

    def __bool__(self) -> bool:
        raise UndecidedError(_NO_VALUE)

    def __index__(self) -> int:
        raise UndecidedError(_NO_VALUE)

    def __lt__(self, other: object) -> bool:
        raise UndecidedError(_NO_VALUE)

    __int__ = __index__
    __le__ = __gt__ = __ge__ = __lt__


UNKNOWN = Unknown()


@final
class Dim:
    """A symbolic size: an integer polynomial over symbols in canonical form, never a constant.

    >>> n, d = symbol("n"), symbol("d")
    >>> (4 * n + 2) // 2, (n * 4) % 4, (n + d) * (n - d), d // 2 * 2
    (2*n+1, 0, n*n-d*d, 2*(d//2))
    """

    __slots__ = ("_hash", "terms")
    terms: Terms
    _hash: int

    def __init__(self, terms: Terms) -> None:
        self.terms = terms
        self._hash = hash(poly.terms_key(terms))

    def __repr__(self) -> str:
        return terms_text(self.terms)

    def __reduce__(self) -> tuple[type[Dim], tuple[Terms]]:
        return Dim, (self.terms,)

    def __hash__(self) -> int:
        return self._hash

    def __neg__(self) -> int | Dim:
        return wrap(poly.scale(self.terms, -1))

    def __pos__(self) -> Dim:
        return self

    def __add__(self, other: Dimension) -> Dimension:
        right = operand(other)
        return _refuse(other) if right is None else wrap(poly.add(self.terms, right))

    def __sub__(self, other: Dimension) -> Dimension:
        right = operand(other)
        return _refuse(other) if right is None else wrap(poly.add(self.terms, right, -1))

    def __rsub__(self, other: Dimension) -> Dimension:
        left = operand(other)
        return _refuse(other) if left is None else wrap(poly.add(left, self.terms, -1))

    def __mul__(self, other: Dimension) -> Dimension:
        right = operand(other)
        return _refuse(other) if right is None else wrap(poly.multiply(self.terms, right))

    __radd__, __rmul__ = __add__, __mul__

    def __floordiv__(self, other: Dimension) -> Dimension:
        right = operand(other)
        return _refuse(other) if right is None else wrap(poly.floordiv(self.terms, right))

    def __rfloordiv__(self, other: Dimension) -> Dimension:
        left = operand(other)
        return _refuse(other) if left is None else wrap(poly.floordiv(left, self.terms))

    def __mod__(self, other: Dimension) -> Dimension:
        right = operand(other)
        return _refuse(other) if right is None else wrap(poly.modulo(self.terms, right))

    def __rmod__(self, other: Dimension) -> Dimension:
        left = operand(other)
        return _refuse(other) if left is None else wrap(poly.modulo(left, self.terms))

    def __divmod__(self, other: Dimension) -> tuple[Dimension, Dimension]:
        return self // other, self % other

    def __pow__(self, exponent: int) -> Dimension:
        if exponent < 0:
            raise UndecidedError(f"({self})**{exponent} is no integer size")
        power = poly.ONE
        for _ in range(exponent):
            power = poly.multiply(power, self.terms)
        return wrap(power)

    def __truediv__(self, other: float | Dim) -> float:
        if hint_of(self) is None or (isinstance(other, Dim) and hint_of(other) is None):
            raise UndecidedError(
                f"{self} / {other} is a float, not a size: use // for sizes, as in {self}//..."
            )
        return int(self) / (int(other) if isinstance(other, Dim) else other)

    def __rtruediv__(self, other: float) -> float:
        if hint_of(self) is None:
            raise UndecidedError(f"{other} / ({self}) is a float, not a size: use // for sizes")
        return other / int(self)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, (int, Dim)):
            return NotImplemented
        verdict = equal(self, other)
        return decide(self, "==", other) if verdict is None else verdict

    def __lt__(self, other: int | Dim) -> bool:
        return _below(self, other, 1, "<", self, other)

    def __le__(self, other: int | Dim) -> bool:
        return _below(self, other, 0, "<=", self, other)

    def __gt__(self, other: int | Dim) -> bool:
        return _below(other, self, 1, ">", self, other)

    def __ge__(self, other: int | Dim) -> bool:
        return _below(other, self, 0, ">=", self, other)

    def __bool__(self) -> bool:
        return self != 0

    def __index__(self) -> int:
        value = hint_of(self)
        if value is None:
            raise UndecidedError(
                f"the size {self} is symbolic and has no value here: keep computing with it, "
                f"or declare a fixed size"
            )
        _tell(self, "==", value, True)
        return value

    __int__ = __index__


Dimension: TypeAlias = int | Dim | Unknown
Shape: TypeAlias = tuple[Dimension, ...]


def symbol(
    name: str,
    *,
    kind: Kind = "rigid",
    hint: int | None = None,
    owner: object | None = None,
    family: str = "",
) -> Dim:
    """The size called `name`.

    >>> symbol("batch") * 28
    28*batch
    """
    return Dim(poly.atom(Symbol(name, kind, hint, owner, family)))


def size_of(of: Symbol) -> Dim:
    """The size that a symbol stands for."""
    return Dim(poly.atom(of))


def wrap(terms: Terms) -> int | Dim:
    """The size of a polynomial: a plain int where it is constant."""
    return poly.constant_part(terms) if poly.is_constant(terms) else Dim(terms)


def operand(value: object) -> Terms | None:
    """The polynomial of an int-like or symbolic size; None for anything else."""
    if isinstance(value, Dim):
        return value.terms
    if isinstance(value, int):
        return poly.constant(value)
    if isinstance(value, Unknown) or not hasattr(value, "__index__"):
        return None
    return poly.constant(operator.index(value))


def _refuse(other: object) -> Unknown:
    """Let the other operand try: `UNKNOWN` absorbs, a float is a TypeError."""
    return NotImplemented  # type: ignore[no-any-return]


def terms_of(value: int | Dim) -> Terms:
    """The polynomial of a known size."""
    return value.terms if isinstance(value, Dim) else poly.constant(value)


def equal(a: Dimension, b: Dimension) -> bool | None:
    """Whether two sizes are the same; None where nobody can tell.

    Rigid names are universally quantified: two different polynomials in them are different. The
    smaller of two sizes is one of them: it differs from what both differ from.

    >>> n, m = symbol("n"), symbol("m")
    >>> equal(n + n, 2 * n), equal(n, m), equal(n // 2 * 2, n), equal(n, UNKNOWN)
    (True, False, None, None)
    """
    if isinstance(a, Unknown) or isinstance(b, Unknown):
        return None
    if isinstance(a, int) and isinstance(b, int):
        return a == b
    left, right = terms_of(a), terms_of(b)
    if left == right:
        return True
    if named_apart(a, b) or _differ(poly.add(left, right, -1), _MOST_EXTREMES):
        return False
    return None


def named_apart(a: Dimension, b: Dimension) -> bool:
    """Whether two sizes are taken to differ because one object has different names for them.

    A number, and what is compared with one, may be any size of an object.

    >>> n, d = (symbol(name, kind="flexible", family="batch") for name in "nd")
    >>> named_apart(n, d), named_apart(n, 3), named_apart(n * d, n * 3), named_apart(n, n)
    (True, False, False, False)
    """
    if not isinstance(a, Dim) or not isinstance(b, Dim) or _supposed.get() is not None:
        return False
    difference = poly.add(a.terms, b.terms, -1)
    one_degree = len({len(mono) for mono, _ in difference}) == 1
    return one_degree and _is_family({item for mono, _ in difference for item in mono})


def related(a: Dimension, b: Dimension) -> bool:
    """Whether two sizes are computed of the sizes of one object."""
    return isinstance(a, Dim) and isinstance(b, Dim) and _is_family(symbols(a) | symbols(b))


def _is_family(atoms: Collection[poly.Atom]) -> bool:
    families = {item.family if isinstance(item, Symbol) else "" for item in atoms}
    return len(families) == 1 and "" not in families


_MOST_EXTREMES = 4
"""How many sizes of the form `min(a,b)` or `max(a,b)` a comparison takes apart."""


def _differ(difference: Terms, extremes: int) -> bool:
    """Whether a difference is taken never to be zero."""
    if poly.is_constant(difference):
        return bool(poly.constant_part(difference))
    if _never_zero(difference):
        return True
    atoms = {item for mono, _ in difference for item in mono}
    if all(isinstance(item, Symbol) and item.kind == "rigid" for item in atoms):
        return _supposed.get() is None
    for item in atoms:
        if isinstance(item, Opaque) and item.op in ("min", "max"):
            return extremes > 0 and all(
                _differ(_replaced(difference, item, arg), extremes - 1) for arg in item.args
            )
    return False


def _replaced(terms: Terms, atom: Opaque, instead: Terms) -> Terms:
    """The polynomial with another in place of an atom."""
    total = poly.ZERO
    for mono, k in terms:
        part = poly.constant(k)
        for item in mono:
            part = poly.multiply(part, instead if item == atom else poly.atom(item))
        total = poly.add(total, part)
    return total


def surely_different(a: int | Dim, b: int | Dim) -> bool:
    """Whether two sizes differ whatever their symbols stand for, be they rigid or not.

    >>> n, m = symbol("n"), symbol("m")
    >>> surely_different(n, n + 1), surely_different(2 * n, 7), surely_different(n, m)
    (True, True, False)
    """
    difference = poly.add(terms_of(a), terms_of(b), -1)
    if poly.is_constant(difference):
        return bool(difference)
    return _never_zero(difference)


def _never_zero(terms: Terms) -> bool:
    low, high = poly.bounds(terms)
    if (low is not None and low > 0) or (high is not None and high < 0):
        return True
    step = math.gcd(*(k for mono, k in terms if mono))
    return poly.constant_part(terms) % step != 0


def require_equal(a: Dimension, b: Dimension, why: str | Callable[[], str]) -> None:
    """Raise `ShapeError(why)` where two sizes differ; where nobody can tell, accept.

    Sizes with hints are compared by them, and their owner is told what was relied on.
    """
    verdict = equal(a, b)
    if verdict is None and not isinstance(a, Unknown) and not isinstance(b, Unknown):
        x, y = hint_of(a), hint_of(b)
        if x is not None and y is not None:
            verdict = x == y
            if verdict:
                _tell(a, "==", b, True)
    if verdict is False:
        raise ShapeError(why if isinstance(why, str) else why())


_COMPARE: dict[str, Callable[[int, int], bool]] = {
    "==": operator.eq,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


def decide(a: int | Dim, relation: str, b: int | Dim) -> bool:
    """Decide a relation by the hints and tell the owner; `UndecidedError` without hints."""
    x, y = hint_of(a), hint_of(b)
    if x is None or y is None:
        raise UndecidedError(
            f"whether {a} {relation} {b} is not known for these symbolic sizes: compare fixed "
            f"sizes, or let the library compare shapes"
        )
    holds = _COMPARE[relation](x, y)
    _tell(a, relation, b, holds)
    return holds


def _below(
    low: int | Dim, high: int | Dim, gap: int, relation: str, a: int | Dim, b: int | Dim
) -> bool:
    """Whether `low + gap <= high`, which is what `a relation b` says."""
    if not isinstance(low, (int, Dim)) or not isinstance(high, (int, Dim)):
        return NotImplemented
    lower, upper = poly.bounds(poly.add(terms_of(high), terms_of(low), -1))
    if lower is not None and lower >= gap:
        return True
    if upper is not None and upper < gap:
        return False
    return decide(a, relation, b)


def _tell(a: int | Dim, relation: str, b: int | Dim, holds: bool) -> None:
    found = sorted(symbols(a) | symbols(b), key=lambda item: item.key)
    for item in found:
        if isinstance(item.owner, GuardOwner):
            item.owner.guard(a, relation, b, holds)
            return


def symbols(value: Dimension) -> frozenset[Symbol]:
    """The symbols that a size depends on, inside `//`, `%`, `min` and `max` too."""
    if not isinstance(value, Dim):
        return frozenset()
    return frozenset(_symbols(value.terms))


def _symbols(terms: Terms) -> set[Symbol]:
    found: set[Symbol] = set()
    for mono, _ in terms:
        for item in mono:
            if isinstance(item, Symbol):
                found.add(item)
            else:
                found.update(*(_symbols(arg) for arg in item.args))
    return found


def hint_of(value: Dimension) -> int | None:
    """The value a size had when it was traced; None where a symbol in it has no hint."""
    if isinstance(value, int):
        return value
    if isinstance(value, Unknown):
        return None
    suppose = _supposed.get()
    hints = {
        item: suppose(item) if item.hint is None and suppose is not None else item.hint
        for item in symbols(value)
    }
    known = {item: hint for item, hint in hints.items() if hint is not None}
    return compute(value.terms, known) if len(known) == len(hints) else None


_supposed: ContextVar[Callable[[Symbol], int] | None] = ContextVar("_supposed", default=None)


@contextmanager
def supposing(value_of: Callable[[Symbol], int]) -> Iterator[None]:
    """For the time, symbols without a hint have these values.

    What depends on the value of a size is decided so, and is right for such values only.

    >>> n = symbol("n")
    >>> with supposing(lambda s: 3):
    ...     n, list(range(n)), n > 2
    (n, [0, 1, 2], True)
    """
    before = _supposed.set(value_of)
    try:
        yield
    finally:
        _supposed.reset(before)


def compute(terms: Terms, values: dict[Symbol, int]) -> int:
    """The number that a polynomial gives for numbers; every symbol must have one."""
    total = 0
    for mono, k in terms:
        for item in mono:
            k *= values[item] if isinstance(item, Symbol) else _compute_opaque(item, values)
        total += k
    return total


def _compute_opaque(item: Opaque, values: dict[Symbol, int]) -> int:
    args = [compute(arg, values) for arg in item.args]
    if item.op == "//":
        return args[0] // args[1]
    if item.op == "%":
        return args[0] % args[1]
    return min(args) if item.op == "min" else max(args)
