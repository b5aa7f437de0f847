"""Sizes of axes: plain ints, symbolic `Dim`s or `UNKNOWN`, and the questions one asks of them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Literal

from typedflux.shapes import polynomials as poly
from typedflux.shapes.errors import UndecidedError
from typedflux.shapes.polynomials import Kind, Opaque, Symbol, Terms
from typedflux.shapes.symbolic import (
    UNKNOWN,
    Dim,
    Dimension,
    GuardOwner,
    Shape,
    Unknown,
    compute,
    decide,
    equal,
    hint_of,
    named_apart,
    related,
    require_equal,
    size_of,
    supposing,
    surely_different,
    symbol,
    symbols,
    terms_of,
    wrap,
)

__all__ = [
    "UNKNOWN",
    "Dim",
    "Dimension",
    "GuardOwner",
    "Kind",
    "Shape",
    "Symbol",
    "Unknown",
    "bounds",
    "ceil_div",
    "decide",
    "dim_max",
    "dim_min",
    "equal",
    "evaluate",
    "format_shape",
    "hint_of",
    "is_fixed",
    "merge",
    "named_apart",
    "product",
    "related",
    "require_equal",
    "size_of",
    "solve",
    "substitute",
    "supposing",
    "surely_different",
    "symbol",
    "symbols",
]


def dim_min(*sizes: Dimension) -> Dimension:
    """The smallest of some sizes.

    >>> dim_min(symbol("n"), 5, symbol("n") + 1)
    min(n,5)
    """
    return _extreme("min", sizes)


def dim_max(*sizes: Dimension) -> Dimension:
    """The largest of some sizes.

    >>> dim_max(symbol("n"), 0)
    n
    """
    return _extreme("max", sizes)


def _extreme(op: Literal["min", "max"], sizes: tuple[Dimension, ...]) -> Dimension:
    known = [terms_of(size) for size in sizes if not isinstance(size, Unknown)]
    return UNKNOWN if len(known) < len(sizes) else wrap(poly.extreme(op, known))


def ceil_div(a: Dimension, b: Dimension) -> Dimension:
    """`a / b`, rounded up, for positive b.

    >>> ceil_div(7, 2), ceil_div(symbol("n"), 2)
    (4, (n+1)//2)
    """
    return (a + b - 1) // b


def bounds(size: Dimension) -> tuple[int | None, int | None]:
    """The lowest and the highest possible value, None where no limit is known.

    >>> bounds(symbol("n") + 2), bounds(symbol("n") % 4), bounds(-symbol("n"))
    ((2, None), (0, 3), (None, 0))
    """
    if isinstance(size, Unknown):
        return 0, None
    return poly.bounds(terms_of(size))


def surely_below(size: Dimension, limit: int) -> bool:
    """Whether a size is below a limit whatever is not known of it."""
    if isinstance(size, int):
        return size < limit
    highest = bounds(size)[1]
    return highest is not None and highest < limit


def is_fixed(size: Dimension, value: int) -> bool:
    """Whether a size is surely this number."""
    return isinstance(size, int) and size == value


def merge(a: Dimension, b: Dimension) -> Dimension:
    """The more telling of two sizes that are taken to be equal: a number, else a symbolic size.

    >>> merge(UNKNOWN, symbol("n")), merge(symbol("n"), 3), merge(symbol("n") // 2, symbol("m"))
    (n, 3, m)
    """
    return min(a, b, key=_vagueness)


def _vagueness(size: Dimension) -> int:
    if not isinstance(size, Dim):
        return 9 if isinstance(size, Unknown) else 0
    plain = all(isinstance(item, Symbol) for mono, _ in size.terms for item in mono)
    return 1 if plain else 2


def product(sizes: Iterable[Dimension]) -> Dimension:
    """The number of elements of a shape; 0 as soon as one size is 0, whatever the others are.

    >>> product([symbol("n"), 2, 3]), product([0, UNKNOWN]), product([])
    (6*n, 0, 1)
    """
    total: Dimension = 1
    for size in sizes:
        total = total * size
    return total


def format_shape(shape: Sequence[Dimension] | None) -> str:
    """A shape as an annotation spells it; None is a shape of unknown rank.

    >>> format_shape((symbol("batch"), 784)), format_shape(()), format_shape(None)
    ('batch 784', '', '...')
    """
    return "..." if shape is None else " ".join(map(str, shape))


def substitute(size: Dimension, mapping: Mapping[Symbol | str, Dimension]) -> Dimension:
    """Replace symbols, given as such or by name.

    >>> substitute(symbol("n") * 2 + 1, {"n": symbol("m") // 2})
    2*(m//2)+1
    """
    return _substitute(size.terms, mapping) if isinstance(size, Dim) else size


def _substitute(terms: Terms, mapping: Mapping[Symbol | str, Dimension]) -> Dimension:
    total: Dimension = 0
    for mono, k in terms:
        part: Dimension = k
        for item in mono:
            part = part * _substitute_atom(item, mapping)
        total = total + part
    return total


def _substitute_atom(item: poly.Atom, mapping: Mapping[Symbol | str, Dimension]) -> Dimension:
    if isinstance(item, Symbol):
        if item in mapping:
            return mapping[item]
        return mapping[item.name] if item.name in mapping else wrap(poly.atom(item))
    args = [_substitute(arg, mapping) for arg in item.args]
    if item.op == "//":
        return args[0] // args[1]
    if item.op == "%":
        return args[0] % args[1]
    return dim_min(*args) if item.op == "min" else dim_max(*args)


def evaluate(size: Dimension, env: Mapping[str, int] | Mapping[Symbol, int]) -> int:
    """The number that a size is for given values of its symbols.

    >>> evaluate(symbol("n") // 2, {"n": 7})
    3
    """
    if isinstance(size, int):
        return size
    if isinstance(size, Unknown):
        raise UndecidedError("an unknown size has no value, whatever the names stand for")
    table: dict[object, int] = dict(env.items())
    values: dict[Symbol, int] = {}
    for item in symbols(size):
        if item not in table and item.name not in table:
            raise UndecidedError(f"{size} has no value, because {item.name!r} was given none")
        values[item] = table[item] if item in table else table[item.name]
    return compute(size.terms, values)


def solve(
    expression: Dimension, value: Dimension, unknowns: Collection[Symbol] | None = None
) -> tuple[Symbol, Dimension] | str | None:
    """Find the one unknown symbol for which a linear expression takes a value.

    Returns the symbol with its size; or, as text, the reason why no size will do; or None where
    that cannot be told (two unknowns, a power, a division, a quotient that may not be whole).
    `unknowns` says which symbols are sought, all by default; the others count as known.

    >>> n = symbol("n")
    >>> solve(n + 1, 11)
    (Symbol(name='n', kind='rigid', hint=None), 10)
    >>> solve(2 * n, 7)
    'no integer n makes 2*n equal to 7'
    >>> solve(n + 4, 3)
    'n+4 is 3 only for n=-1, and a size is never negative'
    """
    if not isinstance(expression, Dim) or isinstance(value, Unknown):
        return None
    sought = symbols(expression) if unknowns is None else symbols(expression) & set(unknowns)
    if len(sought) != 1:
        return None
    (unknown,) = sought
    split = _linear_in(expression.terms, unknown)
    if split is None:
        return None
    factor, rest = split
    wanted = poly.add(terms_of(value), rest, -1)
    if factor[0][1] < 0:
        factor, wanted = poly.scale(factor, -1), poly.scale(wanted, -1)
    quotient, remainder = poly.divide(wanted, factor)
    if remainder:
        if poly.is_constant(remainder) and poly.is_constant(factor):
            return f"no integer {unknown} makes {expression} equal to {value}"
        return None
    result = wrap(quotient)
    highest = bounds(result)[1]
    if highest is not None and highest < 0:
        return f"{expression} is {value} only for {unknown}={result}, and a size is never negative"
    if unknown in symbols(result) and expression != value:
        return None
    return unknown, result


def _linear_in(terms: Terms, unknown: Symbol) -> tuple[Terms, Terms] | None:
    """`(factor, rest)` with `terms == factor*unknown + rest`; None where it is not linear."""
    factor, rest = poly.ZERO, poly.ZERO
    for mono, k in terms:
        others = tuple(item for item in mono if item != unknown)
        hidden = any(
            isinstance(item, Opaque) and unknown in symbols(wrap(poly.atom(item)))
            for item in others
        )
        if hidden or len(mono) - len(others) > 1:
            return None
        if len(others) < len(mono):
            factor = poly.add(factor, ((others, k),))
        else:
            rest = poly.add(rest, ((mono, k),))
    return factor, rest
