"""Einstein summation and what is named of it: `tensordot`, `vecdot`, `outer`.

Nothing here is a primitive: a plan from `typedflux.shapes.contraction` is performed with
transposes, reshapes, sums and matrix products, which bring derivatives and symbolic sizes along.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from typedflux import ops
from typedflux.dtypes import Num
from typedflux.ops.families import promote_operands
from typedflux.ops.linear import matmul_p
from typedflux.ops.manipulation import permute_dims_p
from typedflux.ops.reporting import reports
from typedflux.ops.slicing import WHOLE, slice_p
from typedflux.shapes.broadcasting import broadcast_shapes
from typedflux.shapes.contraction import (
    Arrangement,
    EinsumPlan,
    PairProduct,
    Preparation,
    plan_einsum,
)
from typedflux.shapes.dims import format_shape, product, require_equal
from typedflux.shapes.errors import AxisError, ShapeError
from typedflux.shapes.reshape import normalize_axes
from typedflux.tensor import Tensor, TensorLike


def einsum(equation: str, /, *operands: TensorLike) -> Tensor:
    """The sum of products that an equation in the notation of Einstein describes.

    Each axis has a letter or, where a term contains spaces, a word. Letters that stand at several
    operands are multiplied along, those that the result lacks are summed over, a letter twice at
    one operand takes a diagonal; `...` stands for any further axes, which broadcast. Without `->`
    the result has the letters that occur once, in alphabetical order. More than two operands are
    multiplied in the order that takes the fewest multiplications.

    Raises:
        AnnotationError: for an equation that is none.
        DTypeError: for booleans.
        ShapeError: where the operands do not fit the equation or each other.

    >>> q, k = ops.ones((2, 3, 8)), ops.ones((2, 5, 8))
    >>> einsum("bqd,bkd->bqk", q, k).shape, einsum("b q d, b k d -> b q k", q, k).shape
    ((2, 3, 5), (2, 3, 5))
    >>> einsum("ii->i", ops.asarray([[1, 2], [3, 4]]))
    Tensor([1, 4], int64)
    """
    if not isinstance(equation, str):
        raise TypeError(
            f"einsum takes an equation such as 'ij,jk->ik' first, got {type(equation).__name__}"
        )
    if not operands:
        raise TypeError(f"einsum '{equation}' has no operands")
    tensors = promote_operands("einsum", operands, Num)
    plan = _planned(equation, tuple([x.shape for x in tensors]))
    results = [_prepare(x, how) for x, how in zip(tensors, plan.operands, strict=True)]
    for step in plan.products:
        results.append(_multiply(step, results[step.left], results[step.right]))
    return _transposed(results[-1], plan.order)


def _planned(equation: str, shapes: tuple[tuple[int, ...], ...]) -> EinsumPlan:
    for shape in shapes:
        for size in shape:
            if type(size) is not int:  # symbolic: comparing it with a key could pin it
                return plan_einsum(equation, shapes)
    return _planned_fixed(equation, shapes)


@lru_cache(maxsize=1024)
def _planned_fixed(equation: str, shapes: tuple[tuple[int, ...], ...]) -> EinsumPlan:
    return plan_einsum(equation, shapes)


def _prepare(x: Tensor, how: Preparation) -> Tensor:
    for first, second in how.diagonals:
        x = _diagonal(x, first, second)
    if how.shape is not None:
        x = _reshaped(x, how.shape)
    if how.summed:
        total = ops.sum(x, axis=how.summed)
        x = total if total.dtype == x.dtype else ops.astype(total, x.dtype)
    return x


def _diagonal(x: Tensor, first: int, second: int) -> Tensor:
    """The diagonal over two axes, in the place of the first: each `n + 1`-th of `n * n`."""
    rest = [i for i in range(x.ndim) if i not in (first, second)]
    shape = [x.shape[i] for i in rest]
    n = x.shape[first]
    flat = _reshaped(_transposed(x, (*rest, first, second)), (*shape, n * x.shape[second]))
    picked: Tensor = slice_p.bind(flat, index=(*(WHOLE,) * len(rest), (None, None, n + 1)))
    return ops.moveaxis(_reshaped(picked, (*shape, n)), -1, first)


def _multiply(step: PairProduct, x: Tensor, y: Tensor) -> Tensor:
    x, y = _arranged(x, step.arrange_left), _arranged(y, step.arrange_right)
    if not step.matrices:
        return ops.multiply(x, y)
    out: Tensor = matmul_p.bind(x, y)
    return out if step.shape is None else _reshaped(out, step.shape)


def _arranged(x: Tensor, how: Arrangement) -> Tensor:
    x = _transposed(x, how.order)
    return x if how.shape is None else _reshaped(x, how.shape)


def _transposed(x: Tensor, order: tuple[int, ...] | None) -> Tensor:
    if order is None:
        return x
    out: Tensor = permute_dims_p.bind(x, axes=order)
    return out


def _reshaped(x: Tensor, shape: Any) -> Tensor:
    return ops.reshape(x, shape)


@reports("tensordot")
def tensordot(
    x1: TensorLike, x2: TensorLike, /, *, axes: int | Sequence[Sequence[int]] = 2
) -> Tensor:
    """The product of all elements of two tensors, summed over some axes of both.

    `axes` is the number of last axes of `x1` that are summed with as many first axes of `x2`, or a
    pair of sequences: the axes of `x1` and, in the same order, those of `x2`. The result has the
    other axes of `x1`, then those of `x2`.

    Raises:
        AxisError: for an axis that does not exist.
        DTypeError: for booleans.
        ShapeError: where the sizes of axes that are summed over differ, or their numbers.

    >>> tensordot(ops.ones((2, 3, 4)), ops.ones((4, 3, 5)), axes=((1, 2), (1, 0))).shape
    (2, 5)
    """
    x, y = promote_operands("tensordot", (x1, x2), Num)
    left, right = _contracted(axes, x.ndim, y.ndim)
    for i, j in zip(left, right, strict=True):
        a, b = x.shape[i], y.shape[j]
        require_equal(a, b, f"axis {i} of the first operand is {a}, axis {j} of the second {b}")
    rows = tuple([i for i in range(x.ndim) if i not in left])
    columns = tuple([j for j in range(y.ndim) if j not in right])
    inner = product([x.shape[i] for i in left])
    kept = [*[x.shape[i] for i in rows], *[y.shape[j] for j in columns]]
    height, width = product(kept[: len(rows)]), product(kept[len(rows) :])
    matrix1 = _reshaped(_transposed(x, rows + left), (height, inner))
    matrix2 = _reshaped(_transposed(y, right + columns), (inner, width))
    out: Tensor = matmul_p.bind(matrix1, matrix2)
    return _reshaped(out, tuple(kept))


def _contracted(axes: Any, rank1: int, rank2: int) -> tuple[tuple[int, ...], tuple[int, ...]]:
    if isinstance(axes, (tuple, list)):
        if len(axes) != 2 or not all(isinstance(part, (tuple, list)) for part in axes):
            raise TypeError(f"tensordot takes axes=n or axes=(axes of x1, axes of x2), got {axes}")
        left, right = normalize_axes(axes[0], rank1), normalize_axes(axes[1], rank2)
        if len(left) != len(right):
            raise ShapeError(f"{len(left)} axes cannot be summed over with {len(right)}")
        return left, right
    if not hasattr(axes, "__index__"):
        raise TypeError(f"tensordot takes axes=n or axes=(axes of x1, axes of x2), got {axes!r}")
    count = axes.__index__()
    if count < 0 or count > min(rank1, rank2):
        raise AxisError(
            f"axes={count} is not possible with ranks {rank1} and {rank2}: 0 to {min(rank1, rank2)}"
        )
    return tuple(range(rank1 - count, rank1)), tuple(range(count))


@reports("vecdot")
def vecdot(x1: TensorLike, x2: TensorLike, /, *, axis: int = -1) -> Tensor:
    """The scalar products of the vectors along `axis`, the first of which is conjugated.

    The other axes broadcast. `axis` is counted from the end, because the ranks may differ.

    Raises:
        AxisError: for an axis that one of the two does not have, or is not negative.
        DTypeError: for booleans.
        ShapeError: where the lengths of the vectors differ, or the rest does not broadcast.

    >>> vecdot(ops.asarray([[1j, 2.0], [3.0, 4.0]]), ops.asarray([1j, 1.0]))
    Tensor([3.+0.j, 4.+3.j], complex64)
    """
    x, y = promote_operands("vecdot", (x1, x2), Num)
    rank = min(x.ndim, y.ndim)
    if not -rank <= axis < 0:
        raise AxisError(
            f"axis {axis} does not exist in both: valid are {-rank} to -1"
            if rank
            else "a tensor of rank 0 has no axis of vectors"
        )
    n, m = x.shape[axis], y.shape[axis]
    require_equal(n, m, f"axis {axis} is {n} in the first operand, {m} in the second")
    x, y = ops.moveaxis(x, axis, -1), ops.moveaxis(y, axis, -1)
    rows = _reshaped(ops.conj(x) if x.dtype.is_complex else x, (*x.shape[:-1], 1, n))
    out: Tensor = matmul_p.bind(rows, _reshaped(y, (*y.shape, 1)))
    return _reshaped(out, broadcast_shapes(x.shape[:-1], y.shape[:-1]))


@reports("outer")
def outer(x1: TensorLike, x2: TensorLike, /) -> Tensor:
    """The products of each element of one vector with each of another: `x1[i] * x2[j]`.

    Raises:
        DTypeError: for booleans.
        ShapeError: for tensors of another rank than 1.

    >>> outer(ops.asarray([1, 2]), ops.asarray([1, 10, 100]))
    Tensor([[  1,  10, 100],
            [  2,  20, 200]], int64)
    """
    x, y = promote_operands("outer", (x1, x2), Num)
    for tensor in (x, y):
        if tensor.ndim != 1:
            raise ShapeError(
                f"needs vectors, '{format_shape(tensor.shape)}' is of rank {tensor.ndim}"
            )
    return ops.multiply(_reshaped(x, (x.shape[0], 1)), y)
