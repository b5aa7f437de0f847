"""Algebra that is exact in floating point: every rule gives the same bits, nan and infinities and
the signs of zeros among them. The only liberty is a small constant power as products.

Numbers are constants of rank 0. Negations are moved outwards, until a sum takes them up.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Final

from typedflux import ops
from typedflux.compile.passes.dead import drop_dead
from typedflux.compile.passes.layouts import KIND_RULES as LAYOUT_KIND_RULES
from typedflux.compile.passes.layouts import RULES as LAYOUT_RULES
from typedflux.compile.passes.rewriting import Rewrites, Rule, given_by, rewrite, value_of
from typedflux.core.graph import Graph
from typedflux.core.primitive import LoweringKind, Primitive
from typedflux.dtypes import DType, bool_
from typedflux.ops.activations import relu_p
from typedflux.ops.arithmetic import (
    abs_p,
    add_p,
    divide_p,
    maximum_p,
    minimum_p,
    multiply_p,
    negative_p,
    pow_p,
    subtract_p,
)
from typedflux.ops.bitwise import (
    bitwise_and_p,
    bitwise_invert_p,
    bitwise_or_p,
    bitwise_xor_p,
    logical_and_p,
    logical_not_p,
    logical_or_p,
    logical_xor_p,
)
from typedflux.ops.comparison import equal_p, not_equal_p, where_p
from typedflux.ops.conversion import astype_p
from typedflux.ops.manipulation import reshape_p
from typedflux.ops.reductions import sum_p
from typedflux.ops.statistics import all_p, any_p, max_p, min_p, prod_p
from typedflux.shapes.dims import is_fixed


def number_of(x: Any) -> Any:
    """The real number or truth value that a tracer of rank 0 stands for, `None` for any other."""
    value = value_of(x)
    if value is None or value._data.ndim or value._data.dtype.kind == "c":
        return None
    number = value._data.item()
    return number if isinstance(number, (bool, int, float)) else float(number)


def _same(x: Any, y: Any) -> bool:
    return x.variable is y.variable


def _negated(x: Any) -> Any:
    """What a tracer is the negation of."""
    found = given_by(x, negative_p)
    return None if found is None else found[0][0]


def _signed(x: Any) -> bool:
    """Whether negation commutes with products, to the last bit: not for complex numbers."""
    return x.dtype.kind in ("float", "int")


# Arithmetic


def _multiply(x: Any, y: Any) -> Any:
    for a, b in ((x, y), (y, x)):
        number = number_of(b)
        if number is not None:
            if number == 1:
                return a
            if number == -1 and _signed(a):
                return ops.negative(a)
        if _signed(a) and (inner := _negated(a)) is not None:
            if number is not None:
                return ops.multiply(inner, ops.negative(b))
            return ops.negative(ops.multiply(inner, b))
    return None


def _divide(x: Any, y: Any) -> Any:
    number = number_of(y)
    if number is not None:
        if number == 1:
            return x
        inverse = _exact_inverse(number, x.dtype)
        if inverse is not None:
            return ops.multiply(x, inverse)
    if not _signed(x):
        return None
    if (inner := _negated(x)) is not None:
        return ops.negative(ops.divide(inner, y))
    if (inner := _negated(y)) is not None:
        return ops.negative(ops.divide(x, inner))
    return None


def _exact_inverse(number: float, dtype: DType) -> float | None:
    """The inverse of a power of two, where both are ordinary numbers of a dtype."""
    if not dtype.is_floating or number == 0 or not math.isfinite(number):
        return None
    mantissa, exponent = math.frexp(number)
    limit = 10 if dtype.name == "float16" else 100
    return 1 / number if abs(mantissa) == 0.5 and abs(exponent) < limit else None


def _add(x: Any, y: Any) -> Any:
    for a, b in ((x, y), (y, x)):
        if number_of(b) == 0 and (_is_integer(a) or _is_minus_zero(b)):
            return a
        if _signed(a) and (inner := _negated(b)) is not None:
            return ops.subtract(a, inner)
    return None


def _subtract(x: Any, y: Any) -> Any:
    if number_of(y) == 0 and (_is_integer(x) or not _is_minus_zero(y)):
        return x
    if _signed(x) and (inner := _negated(y)) is not None:
        return ops.add(x, inner)
    return None


def _is_integer(x: Any) -> bool:
    return x.dtype.kind in ("int", "uint")


def _is_minus_zero(x: Any) -> bool:
    return math.copysign(1, number_of(x)) < 0


def _negative(x: Any) -> Any:
    return _negated(x)


def _abs(x: Any) -> Any:
    if given_by(x, abs_p) is not None:
        return x
    inner = _negated(x)
    return ops.abs(inner) if inner is not None and x.dtype.is_floating else None


def _relu(x: Any) -> Any:
    return x if given_by(x, relu_p) is not None else None


def _extreme(x: Any, y: Any) -> Any:
    return x if _same(x, y) else None


def _pow(x: Any, y: Any) -> Any:
    if not x.dtype.is_floating:
        return None
    number = number_of(y)
    if number == 1:
        return x
    if number == 2:
        return ops.multiply(x, x)
    if number == 3:
        return ops.multiply(ops.multiply(x, x), x)
    if number == -1:
        return ops.divide(1, x)
    return None


# Truth


def _where(c: Any, x: Any, y: Any) -> Any:
    if x.dtype is not y.dtype:
        return None
    known = number_of(c)
    if known is not None:
        return x if known else y
    if _same(x, y):
        return x
    if (found := given_by(c, logical_not_p)) is not None and found[0][0].dtype is bool_:
        return ops.where(found[0][0], y, x)
    if (found := given_by(x, where_p)) is not None and _same(found[0][0], c):
        return ops.where(c, found[0][1], y)
    if (found := given_by(y, where_p)) is not None and _same(found[0][0], c):
        return ops.where(c, x, found[0][2])
    return None


def _logical(absorbing: bool) -> Rule:
    def rule(x: Any, y: Any) -> Any:
        if x.dtype is not bool_ or y.dtype is not bool_:
            return None
        for a, b in ((x, y), (y, x)):
            known = number_of(b)
            if known is not None:
                return b if known is absorbing else a
        return x if _same(x, y) else None

    return rule


def _logical_not(x: Any) -> Any:
    if x.dtype is not bool_:
        return None
    found = given_by(x, logical_not_p)
    if found is not None:
        return found[0][0] if found[0][0].dtype is bool_ else None
    for primitive, opposite in ((equal_p, not_equal_p), (not_equal_p, equal_p)):
        found = given_by(x, primitive)
        if found is not None:
            return opposite.bind(*found[0])
    return None


def _of_truth(logical: Primitive) -> Rule:
    """Bits of truth values are the values themselves."""
    return lambda *xs: logical.bind(*xs) if all([x.dtype is bool_ for x in xs]) else None


# Data types


def _astype(x: Any, *, dtype: DType) -> Any:
    if x.dtype is dtype:
        return x
    found = given_by(x, astype_p)
    if found is None:
        return None
    (inner,), _ = found
    if not _holds(x.dtype, inner.dtype):
        return None
    # A float that an integer dtype does not hold becomes anything, an integer wraps around.
    alike = inner.dtype is bool_ or inner.dtype.is_integer == x.dtype.is_integer
    if alike or dtype is inner.dtype or not dtype.is_integer:
        return ops.astype(inner, dtype)
    return None


def _holds(wide: DType, narrow: DType) -> bool:
    """Whether every value of one dtype is one of another."""
    if narrow is wide or narrow is bool_:
        return True
    if wide.is_integer:
        if narrow.kind == wide.kind:
            return narrow.bits < wide.bits
        return narrow.kind == "uint" and narrow.bits < wide.bits
    if wide.is_floating and narrow.is_floating:
        return narrow.bits < wide.bits
    digits = {"float16": 11, "bfloat16": 8, "float32": 24, "float64": 53}.get(wide.name, 0)
    return narrow.is_integer and narrow.bits <= digits and wide.name != "float16"


# Reductions


def _reduction(primitive: Primitive) -> Rule:
    def rule(x: Any, *, axis: tuple[int, ...], keepdims: bool) -> Any:
        if primitive in (any_p, all_p) and x.dtype is not bool_:
            return None
        if all([is_fixed(x.shape[a], 1) for a in axis]):
            if keepdims or not axis:
                return x
            kept = tuple([n for i, n in enumerate(x.shape) if i not in axis])
            return reshape_p.bind(x, shape=kept)
        if primitive is sum_p and _signed(x) and (inner := _negated(x)) is not None:
            return ops.negative(sum_p.bind(inner, axis=axis, keepdims=keepdims))
        return None

    return rule


RULES: Final[dict[Primitive, Rule]] = {
    multiply_p: _multiply,
    divide_p: _divide,
    add_p: _add,
    subtract_p: _subtract,
    negative_p: _negative,
    abs_p: _abs,
    relu_p: _relu,
    maximum_p: _extreme,
    minimum_p: _extreme,
    pow_p: _pow,
    where_p: _where,
    logical_and_p: _logical(False),
    logical_or_p: _logical(True),
    logical_not_p: _logical_not,
    bitwise_and_p: _of_truth(logical_and_p),
    bitwise_or_p: _of_truth(logical_or_p),
    bitwise_xor_p: _of_truth(logical_xor_p),
    bitwise_invert_p: _of_truth(logical_not_p),
    astype_p: _astype,
    **{p: _reduction(p) for p in (sum_p, prod_p, max_p, min_p, any_p, all_p)},
    **LAYOUT_RULES,
}

KIND_RULES: Final[Mapping[LoweringKind, tuple[Rule, ...]]] = LAYOUT_KIND_RULES


def simplify(graph: Graph) -> Graph:
    """The graph with algebra done that is exact."""
    rules = {primitive: (rule,) for primitive, rule in RULES.items()}
    return rewrite(graph, Rewrites(rules, KIND_RULES, finish=drop_dead))
