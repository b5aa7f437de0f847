"""How to carry an einsum out: products of two operands at a time, each a stack of matrix products.

A plan is data over sizes, fixed or symbolic; `typedflux.ops.einsum` performs it with transposes,
reshapes, sums and matrix products.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

from typedflux.shapes.dims import Dimension, Shape, hint_of, is_fixed, product
from typedflux.shapes.einsum import EinsumEquation, Labels, resolve_einsum

Sizes: TypeAlias = Mapping[str, Dimension]
Pairs: TypeAlias = tuple[tuple[int, int], ...]

_TYPICAL: Final = 64  # what an unknown size counts for where the order is chosen
_EXACT_UP_TO: Final = 8  # operands; there are 3**n ways to split all subsets of n in two


@dataclass(frozen=True, slots=True)
class Arrangement:
    """First transpose by `order`, then reshape to `shape`; None leaves things as they are."""

    order: tuple[int, ...] | None
    shape: Shape | None


@dataclass(frozen=True, slots=True)
class Preparation:
    """What is done to one operand alone: take the diagonals over pairs of axes, one after the
    other (the second of a pair disappears), then reshape to `shape`, then sum over `summed`."""

    diagonals: tuple[tuple[int, int], ...]
    shape: Shape | None
    summed: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class PairProduct:
    """The product of two operands, each arranged first; the result is reshaped to `shape`.

    With `matrices` it is a product of (stacks of) matrices, else one of elements. Operands are
    numbered: first those of the equation, then the results of earlier products.
    """

    left: int
    right: int
    arrange_left: Arrangement
    arrange_right: Arrangement
    matrices: bool
    shape: Shape | None


@dataclass(frozen=True, slots=True)
class EinsumPlan:
    """Prepare each operand, perform the products in order, then transpose the last by `order`."""

    operands: tuple[Preparation, ...]
    products: tuple[PairProduct, ...]
    order: tuple[int, ...] | None


def plan_einsum(
    equation: str | EinsumEquation, shapes: Sequence[Sequence[Dimension]]
) -> EinsumPlan:
    """Work out how to evaluate an equation for operands of these shapes.

    >>> plan = plan_einsum("bqd,bkd->bqk", [(2, 3, 8), (2, 5, 8)])
    >>> [(p.arrange_left.order, p.arrange_right.order, p.shape) for p in plan.products]
    [(None, (0, 2, 1), None)]

    Raises:
        ShapeError: where the shapes do not fit the equation or each other.
    """
    resolved = resolve_einsum(equation, shapes)
    sizes, output = resolved.sizes, resolved.output
    terms = [
        _own_labels(labels, shape, sizes)
        for labels, shape in zip(resolved.operands, shapes, strict=True)
    ]
    prepared: list[Preparation] = []
    for number, labels in enumerate(resolved.operands):
        needed = {*output}.union(*terms[:number], *terms[number + 1 :])
        prepared.append(_prepare(labels, terms[number], needed, sizes))
        terms[number] = tuple(label for label in terms[number] if label in needed)
    products: list[PairProduct] = []
    remaining = dict(enumerate(terms))
    for a, b in contraction_order(terms, output, sizes):
        x, y = remaining.pop(a), remaining.pop(b)
        kept = {*output}.union(*remaining.values())
        step, labels = _pair((a, x), (b, y), kept, output if not remaining else None, sizes)
        remaining[len(terms) + len(products)] = labels
        products.append(step)
    (labels,) = remaining.values()
    order = tuple(labels.index(label) for label in output)
    return EinsumPlan(tuple(prepared), tuple(products), _unless_sorted(order))


def _own_labels(labels: Labels, shape: Sequence[Dimension], sizes: Sizes) -> Labels:
    """Each label once, without those of size 1 here and more elsewhere: multiplying by such an
    axis is multiplying by a number."""
    own = dict(zip(labels, shape, strict=True))
    return tuple(x for x, size in own.items() if not _is_one(size) or _is_one(sizes[x]))


def _prepare(labels: Labels, own: Labels, needed: Collection[str], sizes: Sizes) -> Preparation:
    left = list(labels)
    diagonals: list[tuple[int, int]] = []
    for label in dict.fromkeys(labels):
        while left.count(label) > 1:
            first = left.index(label)
            second = left.index(label, first + 1)
            diagonals.append((first, second))
            del left[second]
    squeezed = None if len(own) == len(left) else tuple(sizes[label] for label in own)
    summed = tuple(i for i, label in enumerate(own) if label not in needed)
    return Preparation(tuple(diagonals), squeezed, summed)


def _is_one(size: Dimension) -> bool:
    return is_fixed(size, 1) or hint_of(size) == 1


def _pair(
    a: tuple[int, Labels],
    b: tuple[int, Labels],
    kept: Collection[str],
    output: Labels | None,
    sizes: Sizes,
) -> tuple[PairProduct, Labels]:
    """The product of two numbered operands, and the labels of its axes.

    `kept` are the labels that are needed later; `output` is the wanted order, if there is one.
    """
    shared = [label for label in a[1] if label in b[1]]
    inner = [label for label in shared if label not in kept]
    if not inner:
        return _multiply(a, b, output, sizes)
    if output is not None and _last_from(output, a[1]) > _last_from(output, b[1]):
        a, b = b, a  # so that the result's last axes need not move
    larger = max(a, b, key=lambda term: _count(term[1], sizes))
    inner = [label for label in larger[1] if label in inner]
    batch = [label for label in output or larger[1] if label in shared and label in kept]
    rows = [label for label in a[1] if label not in shared]
    columns = [label for label in b[1] if label not in shared]
    result = (*batch, *rows, *columns)
    step = PairProduct(
        a[0],
        b[0],
        _arrange(a[1], (batch, rows, inner), len(batch), sizes),
        _arrange(b[1], (batch, inner, columns), len(batch), sizes),
        True,
        None if len(rows) == 1 == len(columns) else tuple(sizes[label] for label in result),
    )
    return step, result


def _last_from(output: Labels, labels: Labels) -> int:
    return max((i for i, label in enumerate(output) if label in labels), default=-1)


def _arrange(
    labels: Labels, groups: tuple[list[str], list[str], list[str]], batch: int, sizes: Sizes
) -> Arrangement:
    """Transpose to the groups in turn, and merge each of the last two to one axis."""
    order = tuple(labels.index(label) for group in groups for label in group)
    if len(groups[1]) == 1 == len(groups[2]):
        return Arrangement(_unless_sorted(order), None)
    merged = (product(sizes[label] for label in group) for group in groups[1:])
    shape = (*(sizes[label] for label in groups[0]), *merged)
    return Arrangement(_unless_sorted(order), shape)


def _multiply(
    a: tuple[int, Labels], b: tuple[int, Labels], output: Labels | None, sizes: Sizes
) -> tuple[PairProduct, Labels]:
    """The product of elements, with the axes of either put where the result has them."""
    result = output or (*a[1], *(label for label in b[1] if label not in a[1]))
    left, right = (_align(labels, result, sizes) for labels in (a[1], b[1]))
    return PairProduct(a[0], b[0], left, right, False, None), result


def _align(labels: Labels, result: Labels, sizes: Sizes) -> Arrangement:
    order = tuple(labels.index(label) for label in result if label in labels)
    # Leading axes come by broadcasting.
    first = min((result.index(label) for label in labels), default=len(result))
    shape = tuple(sizes[label] if label in labels else 1 for label in result[first:])
    return Arrangement(_unless_sorted(order), shape if len(shape) > len(labels) else None)


def _unless_sorted(order: tuple[int, ...]) -> tuple[int, ...] | None:
    return None if order == tuple(range(len(order))) else order


# Which two first


def contraction_order(terms: Sequence[Labels], output: Labels, sizes: Sizes) -> Pairs:
    """Pairs of operands in the order in which to multiply them; each result has the next number.

    It has the fewest multiplications for up to 8 operands. Beyond, the pair whose product is
    smallest, measured by what its operands held, goes first until so few are left. Sizes without
    a value count as 64.

    >>> contraction_order(["ij", "jk", "kl"], "il", {"i": 99, "j": 9, "k": 9, "l": 1})
    ((1, 2), (0, 3))
    """
    weights = {label: _weight(size) for label, size in sizes.items()}
    remaining = {i: frozenset(term) for i, term in enumerate(terms)}
    pairs: list[tuple[int, int]] = []

    def join(a: int, b: int) -> int:
        x, y = remaining.pop(a), remaining.pop(b)
        number = len(terms) + len(pairs)
        remaining[number] = (x | y) & frozenset(output).union(*remaining.values())
        pairs.append((a, b))
        return number

    while len(remaining) > _EXACT_UP_TO:
        join(*_smallest(remaining, frozenset(output), weights))
    numbers = list(remaining)
    best = _best_splits([remaining[i] for i in numbers], frozenset(output), weights)

    def emit(mask: int) -> int:
        if mask not in best:
            return numbers[mask.bit_length() - 1]
        return join(*sorted((emit(best[mask]), emit(mask ^ best[mask]))))

    emit((1 << len(numbers)) - 1)
    return tuple(pairs)


def _weight(size: Dimension) -> int:
    value = hint_of(size)
    return _TYPICAL if value is None else max(value, 1)


def _count(labels: Collection[str], sizes: Sizes) -> int:
    return _volume(labels, {label: _weight(sizes[label]) for label in labels})


def _volume(labels: Collection[str], weights: Mapping[str, int]) -> int:
    total = 1
    for label in labels:
        total *= weights[label]
    return total


def _smallest(
    remaining: Mapping[int, frozenset[str]], output: frozenset[str], weights: Mapping[str, int]
) -> tuple[int, int]:
    """The pair whose product takes the least room beyond that of its operands."""

    def growth(pair: tuple[int, int]) -> int:
        a, b = pair
        others = (term for i, term in remaining.items() if i not in pair)
        result = (remaining[a] | remaining[b]) & output.union(*others)
        held = _volume(remaining[a], weights) + _volume(remaining[b], weights)
        return _volume(result, weights) - held

    numbers = sorted(remaining)
    return min(((a, b) for a in numbers for b in numbers if a < b), key=growth)


def _best_splits(
    terms: Sequence[frozenset[str]], output: frozenset[str], weights: Mapping[str, int]
) -> dict[int, int]:
    """For each set of two operands or more, as bits, one part of its best split in two."""
    full = (1 << len(terms)) - 1
    inside = [output.intersection()] * (full + 1)
    for mask in range(1, full + 1):
        within = frozenset[str]().union(*(t for i, t in enumerate(terms) if mask >> i & 1))
        outside = output.union(*(t for i, t in enumerate(terms) if not mask >> i & 1))
        inside[mask] = within & outside
    costs = [0] * (full + 1)
    best: dict[int, int] = {}
    for mask in range(1, full + 1):
        part = (mask - 1) & mask
        while part > mask ^ part:  # each split once
            rest = mask ^ part
            here = _volume(inside[part] | inside[rest], weights)
            cost = costs[part] + costs[rest] + here
            if mask not in best or cost < costs[mask]:
                best[mask], costs[mask] = part, cost
            part = (part - 1) & mask
    return best
