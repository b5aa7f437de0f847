"""Integer polynomials over symbols, in one canonical form: the arithmetic under `Dim`.

A polynomial is a tuple of terms `(monomial, coefficient)`, a monomial a sorted tuple of atoms with
repetition (`n*n*m` is `(m, n, n)`). An atom is a `Symbol`, or an `Opaque` operation (`//`, `%`,
`min`, `max`) whose arguments are themselves canonical. Terms are kept in graded lexicographic
order, which multiplication respects, so that long division ends and its remainder is unique.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Literal, TypeAlias

Kind: TypeAlias = Literal["rigid", "flexible", "hinted"]
Operation: TypeAlias = Literal["//", "%", "min", "max"]
Atom: TypeAlias = "Symbol | Opaque"
Monomial: TypeAlias = tuple[Atom, ...]
Terms: TypeAlias = tuple[tuple[Monomial, int], ...]

ZERO: Terms = ()
ONE: Terms = (((), 1),)


@dataclass(frozen=True, slots=True, eq=False)
class Symbol:
    """A named size, an integer >= 0; equal to another of the same name, kind and owner.

    A *rigid* symbol stands for every size (a name in a signature, seen from inside), a *flexible*
    one for some size still to be found, a *hinted* one for a traced size whose first value is
    `hint`; its `owner` is told of every decision that depended on that value. Flexible symbols of
    one `family` are named apart, as sizes of one object are: they differ from each other.
    """

    name: str
    kind: Kind = "rigid"
    hint: int | None = None
    owner: object | None = field(default=None, repr=False)
    family: str = field(default="", repr=False)
    key: str = field(init=False, repr=False)

    def __post_init__(self) -> None:
        tag = "" if self.owner is None else f"{id(self.owner):x}"
        object.__setattr__(self, "key", f"{self.name}\0{self.kind}\0{tag}\0{self.family}")

    def __eq__(self, other: object) -> bool:
        return self is other or (isinstance(other, Symbol) and self.key == other.key)

    def __hash__(self) -> int:
        return hash(self.key)

    def __str__(self) -> str:
        return self.name

    def __reduce__(self) -> tuple[type[Symbol], tuple[str, Kind, int | None, object | None, str]]:
        return Symbol, (self.name, self.kind, self.hint, self.owner, self.family)


@dataclass(frozen=True, slots=True, eq=False)
class Opaque:
    """An operation that polynomials cannot express, on canonical arguments."""

    op: Operation
    args: tuple[Terms, ...]
    key: str = field(init=False, repr=False)

    def __post_init__(self) -> None:
        inner = ";".join(terms_key(arg) for arg in self.args)
        object.__setattr__(self, "key", f"~{self.op}({inner})")

    def __eq__(self, other: object) -> bool:
        return self is other or (isinstance(other, Opaque) and self.key == other.key)

    def __hash__(self) -> int:
        return hash(self.key)

    def __reduce__(self) -> tuple[type[Opaque], tuple[Operation, tuple[Terms, ...]]]:
        return Opaque, (self.op, self.args)


def terms_key(terms: Terms) -> str:
    """A text that two polynomials share exactly when they are the same."""
    return "+".join(f"{k}*{'.'.join(a.key for a in mono)}" for mono, k in terms)


def _order(mono: Monomial) -> tuple[int, tuple[str, ...]]:
    return -len(mono), tuple(atom.key for atom in mono)


def _collect(sums: Mapping[Monomial, int]) -> Terms:
    kept = [(mono, k) for mono, k in sums.items() if k]
    kept.sort(key=lambda term: _order(term[0]))
    return tuple(kept)


def constant(value: int) -> Terms:
    """The polynomial of a plain int."""
    return (((), value),) if value else ZERO


def constant_part(terms: Terms) -> int:
    """The constant term, which the order puts last."""
    return terms[-1][1] if terms and not terms[-1][0] else 0


def is_constant(terms: Terms) -> bool:
    """Whether no atom occurs."""
    return not terms or not terms[0][0]


def atom(value: Atom) -> Terms:
    """The polynomial of one atom."""
    return (((value,), 1),)


def add(a: Terms, b: Terms, factor: int = 1) -> Terms:
    """`a + factor * b`."""
    sums = dict(a)
    for mono, k in b:
        sums[mono] = sums.get(mono, 0) + factor * k
    return _collect(sums)


def scale(a: Terms, factor: int) -> Terms:
    """`factor * a`."""
    return tuple((mono, k * factor) for mono, k in a) if factor else ZERO


def multiply(a: Terms, b: Terms) -> Terms:
    """`a * b`."""
    if is_constant(b):
        return scale(a, constant_part(b))
    if is_constant(a):
        return scale(b, constant_part(a))
    sums: dict[Monomial, int] = {}
    for mono_a, j in a:
        for mono_b, k in b:
            mono = _join(mono_a, mono_b)
            sums[mono] = sums.get(mono, 0) + j * k
    return _collect(sums)


def _join(a: Monomial, b: Monomial) -> Monomial:
    return tuple(sorted(a + b, key=lambda item: item.key))


def _remove(mono: Monomial, divisor: Monomial) -> Monomial | None:
    """`mono / divisor`, or None where it does not divide."""
    left = list(mono)
    for item in divisor:
        if item not in left:
            return None
        left.remove(item)
    return tuple(left)


def divide(a: Terms, b: Terms) -> tuple[Terms, Terms]:
    """Quotient and remainder with `a == quotient*b + remainder`; b's leading coefficient is > 0.

    Every coefficient of the remainder at a multiple of b's leading monomial is in `[0, leading)`.
    """
    (lead, top), rest = b[0], b[1:]
    work, quotient, remainder = dict(a), dict[Monomial, int](), dict[Monomial, int]()
    while work:
        mono = min(work, key=_order)
        coefficient = work.pop(mono)
        shift = _remove(mono, lead)
        if shift is None:
            remainder[mono] = coefficient
            continue
        times, remainder[mono] = divmod(coefficient, top)
        quotient[shift] = times
        if times:
            for other, k in rest:
                target = _join(shift, other)
                work[target] = work.get(target, 0) - times * k
    return _collect(quotient), _collect(remainder)


def _cancel(a: Terms, b: Terms) -> tuple[Terms, Terms, Terms, int]:
    """`(f, a1, b1, left)` with `a == f*a1 + left`, `b == f*b1` and `0 <= left < f`'s coefficient.

    A rest of the constant may only be split off when b is known to be positive.
    """
    numbers = [k for mono, k in b] + [k for mono, k in a if mono]
    left = constant_part(a)
    if (bounds(b)[0] or 0) >= 0 and bounds(b)[0] is not None:
        content = math.gcd(*numbers)
        left %= content
    else:
        content = math.gcd(*numbers, left)
        left = 0
    a = add(a, constant(-left))
    common: Monomial | None = None
    for mono, _ in a + b:
        common = mono if common is None else _shared(common, mono)
    shared = common or ()
    factor: Terms = ((shared, content),)
    return factor, _shrink(a, shared, content), _shrink(b, shared, content), left


def _shared(a: Monomial, b: Monomial) -> Monomial:
    left, both = list(b), []
    for item in a:
        if item in left:
            left.remove(item)
            both.append(item)
    return tuple(both)


def _shrink(terms: Terms, mono: Monomial, content: int) -> Terms:
    return _collect({_remove(m, mono) or (): k // content for m, k in terms})


def floordiv(a: Terms, b: Terms) -> Terms:
    """`a // b`, rounding down; what divides is divided, the rest becomes one opaque atom."""
    if not b:
        raise ZeroDivisionError("a size is divided by zero")
    if b[0][1] < 0:
        a, b = scale(a, -1), scale(b, -1)
    quotient, rest = divide(a, b)
    if _within(rest, b):
        return quotient
    _, rest, b, _ = _cancel(rest, b)
    if is_constant(b):
        low, high = bounds(rest)
        divisor = constant_part(b)
        if low is not None and high is not None and low // divisor == high // divisor:
            return add(quotient, constant(low // divisor))
    inner = _single_opaque(rest, "//")
    if inner is not None and _nonnegative(b) and _nonnegative(inner.args[1]):
        # (x//y + k)//b == (x + k*y)//(y*b) for positive y and b.
        x, y = inner.args
        shifted = add(x, y, constant_part(rest))
        return add(quotient, floordiv(shifted, multiply(y, b)))
    return add(quotient, atom(Opaque("//", (rest, b))))


def modulo(a: Terms, b: Terms) -> Terms:
    """`a % b` with the sign of b, as Python has it."""
    if not b:
        raise ZeroDivisionError("a size is divided by zero")
    if b[0][1] < 0:
        return scale(modulo(scale(a, -1), scale(b, -1)), -1)
    _, rest = divide(_unwrap_modulo(a, b), b)
    if _within(rest, b):
        return rest
    factor, rest, b, left = _cancel(rest, b)
    if _within(rest, b):
        inside = rest
    else:
        inside = atom(Opaque("%", (rest, b)))
    return add(multiply(factor, inside), constant(left))


def _unwrap_modulo(a: Terms, b: Terms) -> Terms:
    """Replace `k*(x % m)` by `k*x` where b divides `k*m`: both leave the same remainder."""
    total = ZERO
    for mono, k in a:
        if len(mono) == 1 and isinstance(mono[0], Opaque) and mono[0].op == "%":
            x, m = mono[0].args
            if is_constant(b) and not divide(scale(m, k), b)[1]:
                total = add(total, x, k)
                continue
        total = add(total, ((mono, k),))
    return total


def _single_opaque(terms: Terms, op: Operation) -> Opaque | None:
    """The atom `p` where terms are `p` or `p + constant`."""
    if not terms or len(terms) > 2 or (len(terms) == 2 and terms[1][0]):
        return None
    mono, k = terms[0]
    if k == 1 and len(mono) == 1 and isinstance(mono[0], Opaque) and mono[0].op == op:
        return mono[0]
    return None


def _nonnegative(terms: Terms) -> bool:
    low = bounds(terms)[0]
    return low is not None and low >= 0


def _within(rest: Terms, b: Terms) -> bool:
    """Whether surely `0 <= rest < b`."""
    return not rest or (_nonnegative(rest) and _nonnegative(add(add(b, rest, -1), ONE, -1)))


def extreme(op: Literal["min", "max"], args: Iterable[Terms]) -> Terms:
    """`min` or `max`: nested ones flattened, arguments that can never win left out."""
    sign = 1 if op == "max" else -1
    flat: list[Terms] = []
    for arg in args:
        only = _single_opaque(arg, op)
        flat.extend(only.args if only is not None and not constant_part(arg) else (arg,))
    kept: list[Terms] = []
    for arg in flat:
        if any(_nonnegative(scale(add(other, arg, -1), sign)) for other in kept):
            continue
        kept = [k for k in kept if not _nonnegative(scale(add(arg, k, -1), sign))]
        kept.append(arg)
    if len(kept) == 1:
        return kept[0]
    kept.sort(key=lambda arg: (is_constant(arg), terms_key(arg)))
    return atom(Opaque(op, tuple(kept)))


@lru_cache(maxsize=8192)
def bounds(terms: Terms) -> tuple[int | None, int | None]:
    """The lowest and highest value, None where there is no known limit; symbols are >= 0."""
    low: float = 0
    high: float = 0
    for mono, k in terms:
        ends: tuple[float, float] = (k, k)
        for item in mono:
            ends = _times(ends, _atom_bounds(item))
        low, high = low + ends[0], high + ends[1]
    return (
        None if low == -math.inf else int(low),
        None if high == math.inf else int(high),
    )


def _times(a: tuple[float, float], b: tuple[float, float]) -> tuple[float, float]:
    corners = [x * y if x and y else 0 for x in a for y in b]
    return min(corners), max(corners)


def _open(terms: Terms) -> tuple[float, float]:
    low, high = bounds(terms)
    return (-math.inf if low is None else low, math.inf if high is None else high)


def _atom_bounds(item: Atom) -> tuple[float, float]:
    if isinstance(item, Symbol):
        return 0, math.inf
    ends = [_open(arg) for arg in item.args]
    lows, highs = [low for low, _ in ends], [high for _, high in ends]
    if item.op == "min":
        return min(lows), min(highs)
    if item.op == "max":
        return max(lows), max(highs)
    if lows[1] < 0:
        return -math.inf, math.inf
    if item.op == "%":
        # The divisor is >= 1 wherever the value exists.
        return 0, min(highs[1] - 1, highs[0] if lows[0] >= 0 else math.inf)
    if is_constant(item.args[1]):
        divisor = constant_part(item.args[1])
        return (
            lows[0] if lows[0] == -math.inf else lows[0] // divisor,
            highs[0] if highs[0] == math.inf else highs[0] // divisor,
        )
    return min(lows[0], 0), max(highs[0], -1 if lows[0] < 0 else 0)
