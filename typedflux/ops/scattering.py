"""Advanced indexing's primitives: reading, summing and writing at places given by index tensors.

All three speak of a tensor whose axes `axes` are indexed by integer tensors, one for each, which
broadcast to a block of axes. The block stands at `place` among the other axes: for axes `(1,)` and
place 1, `gather` of `"a n c"` at `"i j"` is `"a i j c"`.

- `gather` reads: the block and the other axes of `x`.
- `scatter_add` is its transpose: zeros to which values are added, several at one place summed.
- `index_update` writes into a tensor: by `set` (the last wins), `add`, `multiply`, `min`, `max`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, Literal, TypeAlias

import numpy as np

from typedflux import dtypes, ops
from typedflux.core.primitive import Array, Lowering, Primitive, Pullbacks
from typedflux.core.types import Shape, TensorType
from typedflux.ops.families import align_batched
from typedflux.ops.kernels.scatter import (
    SMALL,
    combine,
    combine_rows,
    gather_elements,
    numpy_index,
    rows_of,
    sum_rows,
)
from typedflux.shapes.broadcasting import broadcast_shapes
from typedflux.shapes.dims import format_shape, product, require_equal
from typedflux.shapes.errors import DTypeError, ShapeError
from typedflux.tensor import Tensor

Axes: TypeAlias = tuple[int, ...]
UpdateKind: TypeAlias = Literal["set", "add", "multiply", "min", "max"]


def _block_of(indices: Sequence[TensorType]) -> Shape:
    for t in indices:
        if dtypes.belongs(t.dtype, dtypes.Integer) is False:
            raise DTypeError(f"an index tensor holds integers or booleans, got {t.dtype}")
    try:
        return broadcast_shapes(*[t.shape for t in indices])
    except ShapeError as error:
        raise ShapeError(f"index tensors do not fit together: {error}") from None


def _result_shape(shape: Shape, block: Shape, axes: Axes, place: int) -> Shape:
    rest = tuple([size for i, size in enumerate(shape) if i not in axes])
    return (*rest[:place], *block, *rest[place:])


def _block_rank(indices: Sequence[Tensor]) -> int:
    return max(i.ndim for i in indices)


# gather


def _gather_shape(x: TensorType, *indices: TensorType, axes: Axes, place: int) -> TensorType:
    return TensorType(x.dtype, _result_shape(x.shape, _block_of(indices), axes, place))


def _gather_vjp(out: Tensor, x: Tensor, *indices: Tensor, axes: Axes, place: int) -> Pullbacks:
    shape = x.shape

    def to_x(g: Tensor) -> Tensor:
        spread: Tensor = scatter_add_p.bind(g, *indices, axes=axes, place=place, shape=shape)
        return spread

    return (to_x, *(None for _ in indices))


def _gather_jvp(
    out: Tensor,
    inputs: Sequence[Tensor],
    tangents: Sequence[Tensor | None],
    *,
    axes: Axes,
    place: int,
) -> Tensor | None:
    if tangents[0] is None:
        return None
    tangent: Tensor = gather_p.bind(tangents[0], *inputs[1:], axes=axes, place=place)
    return tangent


def _gather_batch(
    inputs: Sequence[Tensor], batch_axes: Sequence[int | None], *, axes: Axes, place: int
) -> tuple[Tensor, int]:
    x, indices = inputs[0], inputs[1:]
    shifted = tuple([a + 1 for a in axes])
    if batch_axes[0] is not None:
        x = ops.moveaxis(x, batch_axes[0], 0)
    if all(a is None for a in batch_axes[1:]):
        return gather_p.bind(x, *indices, axes=shifted, place=place + 1), 0
    aligned = align_batched(indices, batch_axes[1:])
    if batch_axes[0] is None:
        return gather_p.bind(x, *aligned, axes=axes, place=place), place
    rank = _block_rank(aligned) - 1
    out = gather_p.bind(x, _counter(x, rank), *aligned, axes=(0, *shifted), place=0)
    return _block_from_front(out, rank, place), 0


gather_p = Primitive(
    "gather",
    gather_elements,
    _gather_shape,
    _gather_vjp,
    _gather_jvp,
    _gather_batch,
    Lowering("gather"),
)


def _counter(batched: Tensor, rank: int) -> Tensor:
    """The batch's own index, to broadcast against a block of `rank` axes."""
    size = batched.shape[0]
    return ops.reshape(ops.arange(size), (size, *(1,) * rank))


def _block_from_front(x: Tensor, rank: int, place: int) -> Tensor:
    """`"batch *block *rest"` to `"batch *rest"` with the block at `place`."""
    return ops.moveaxis(x, tuple(range(1, 1 + rank)), tuple(range(1 + place, 1 + place + rank)))


def _block_to_front(x: Tensor, rank: int, place: int) -> Tensor:
    """The opposite of `_block_from_front`."""
    return ops.moveaxis(x, tuple(range(1 + place, 1 + place + rank)), tuple(range(1, 1 + rank)))


# scatter_add


def _scatter_kernel(
    values: Array, *indices: Array, axes: Axes, place: int, shape: tuple[int, ...]
) -> Array:
    if values.size <= SMALL and values.dtype.itemsize > 2:
        return combine(np.add, np.zeros(shape, values.dtype), values, indices, axes, place)
    rows = rows_of(values, indices, shape, axes, place)
    return rows.restore(sum_rows(rows.place, rows.values, rows.count))


def _check_values(values: TensorType, wanted: Shape) -> None:
    why = (
        f"values of shape '{format_shape(values.shape)}' do not fit the indexed part of shape "
        f"'{format_shape(wanted)}'"
    )
    if len(values.shape) != len(wanted):
        raise ShapeError(why)
    for a, b in zip(values.shape, wanted, strict=True):
        require_equal(a, b, why)


def _scatter_shape(
    values: TensorType, *indices: TensorType, axes: Axes, place: int, shape: Shape
) -> TensorType:
    _check_values(values, _result_shape(shape, _block_of(indices), axes, place))
    return TensorType(values.dtype, shape)


def _scatter_vjp(
    out: Tensor, values: Tensor, *indices: Tensor, axes: Axes, place: int, shape: Shape
) -> Pullbacks:

    def to_values(g: Tensor) -> Tensor:
        read: Tensor = gather_p.bind(g, *indices, axes=axes, place=place)
        return read

    return (to_values, *(None for _ in indices))


def _scatter_jvp(
    out: Tensor, inputs: Sequence[Tensor], tangents: Sequence[Tensor | None], **params: Any
) -> Tensor | None:
    if tangents[0] is None:
        return None
    tangent: Tensor = scatter_add_p.bind(tangents[0], *inputs[1:], **params)
    return tangent


def _scatter_batch(
    inputs: Sequence[Tensor],
    batch_axes: Sequence[int | None],
    *,
    axes: Axes,
    place: int,
    shape: Shape,
) -> tuple[Tensor, int]:
    indices = inputs[1:]
    shifted = tuple([a + 1 for a in axes])
    size = _batch_size(inputs, batch_axes)
    (values,) = _batched(inputs[:1], batch_axes[:1], size)
    whole = (size, *shape)
    if all(a is None for a in batch_axes[1:]):
        return scatter_add_p.bind(values, *indices, axes=shifted, place=place + 1, shape=whole), 0
    aligned = align_batched(indices, batch_axes[1:])
    rank = _block_rank(aligned) - 1
    values = _block_to_front(values, rank, place)
    counter = _counter(values, rank)
    return (
        scatter_add_p.bind(values, counter, *aligned, axes=(0, *shifted), place=0, shape=whole),
        0,
    )


def _batch_size(inputs: Sequence[Tensor], batch_axes: Sequence[int | None]) -> Any:
    return next(x.shape[a] for x, a in zip(inputs, batch_axes, strict=True) if a is not None)


def _batched(inputs: Sequence[Tensor], batch_axes: Sequence[int | None], size: Any) -> list[Tensor]:
    return [
        ops.broadcast_to(x, (size, *x.shape)) if a is None else ops.moveaxis(x, a, 0)
        for x, a in zip(inputs, batch_axes, strict=True)
    ]


scatter_add_p = Primitive(
    "scatter_add",
    _scatter_kernel,
    _scatter_shape,
    _scatter_vjp,
    _scatter_jvp,
    _scatter_batch,
    Lowering("scatter", "add"),
)


# index_update

_UFUNCS: Final = {
    "add": np.add,
    "multiply": np.multiply,
    "min": np.minimum,
    "max": np.maximum,
}


def _update_kernel(
    x: Array, values: Array, *indices: Array, axes: Axes, place: int, kind: UpdateKind
) -> Array:
    if kind == "set":
        out = x.copy()
        index, values = numpy_index(values, indices, x.shape, axes, place)
        if out[index].shape != values.shape:
            raise ValueError("the values do not fit")
        out[index] = values
        return out
    if values.size <= SMALL:
        return combine(_UFUNCS[kind], x.copy(), values, indices, axes, place)
    rows = rows_of(values, indices, x.shape, axes, place)
    return rows.restore(combine_rows(_UFUNCS[kind], rows.take_apart(x), rows.place, rows.values))


def _update_shape(
    x: TensorType,
    values: TensorType,
    *indices: TensorType,
    axes: Axes,
    place: int,
    kind: UpdateKind,
) -> TensorType:
    _check_values(values, _result_shape(x.shape, _block_of(indices), axes, place))
    return TensorType(dtypes.promote(x.dtype, values.dtype), x.shape)


def _update_vjp(
    out: Tensor,
    x: Tensor,
    values: Tensor,
    *indices: Tensor,
    axes: Axes,
    place: int,
    kind: UpdateKind,
) -> Pullbacks:
    nothing = [None] * len(indices)
    where: dict[str, Any] = {"axes": axes, "place": place}

    def read(g: Tensor) -> Tensor:
        picked: Tensor = gather_p.bind(g, *indices, **where)
        return picked

    if kind == "add":
        return (lambda g: g, read, *nothing)
    if kind == "set":
        shape, sizes, dtype = values.shape, x.shape, values.dtype

        def to_kept(g: Tensor) -> Tensor:
            blank = ops.zeros(shape, dtype=dtype)
            kept: Tensor = index_update_p.bind(g, blank, *indices, kind="set", **where)
            return kept

        def to_written(g: Tensor) -> Tensor:
            last = _last_writes(indices, sizes, axes, place, len(shape))
            return ops.where(last, read(g), ops.zeros((), dtype=dtype))

        return (to_kept, to_written, *nothing)
    if kind == "multiply":

        def to_factor(g: Tensor) -> Tensor:
            written = ops.ones_like(x)
            factor = index_update_p.bind(written, values, *indices, kind=kind, **where)
            return ops.multiply(g, _conj(factor))

        def to_values(g: Tensor) -> Tensor:
            others = ops.multiply(read(x), product_of_others(values, indices, x.shape, **where))
            return ops.multiply(read(g), _conj(others))

        return (to_factor, to_values, *nothing)

    def to_x(g: Tensor) -> Tensor:
        mine, _, share = _shares(out, x, values, indices, **where)
        return ops.multiply(g, ops.multiply(mine, share))

    def to_winner(g: Tensor) -> Tensor:
        _, theirs, share = _shares(out, x, values, indices, **where)
        return ops.multiply(read(ops.multiply(g, share)), theirs)

    return (to_x, to_winner, *nothing)


def _update_jvp(
    out: Tensor,
    inputs: Sequence[Tensor],
    tangents: Sequence[Tensor | None],
    *,
    axes: Axes,
    place: int,
    kind: UpdateKind,
) -> Tensor | None:
    x, values, *indices = inputs
    if tangents[0] is None and tangents[1] is None:
        return None
    tx, tv = (
        ops.zeros_like(p) if t is None else t
        for p, t in zip((x, values), tangents[:2], strict=True)
    )
    where: dict[str, Any] = {"axes": axes, "place": place}
    if kind == "multiply":
        written = ops.ones_like(x)
        factor = index_update_p.bind(written, values, *indices, kind=kind, **where)
        others = product_of_others(values, indices, x.shape, **where)
        tv = ops.multiply(tv, ops.multiply(gather_p.bind(x, *indices, **where), others))
        tx, kind = ops.multiply(tx, factor), "add"
    elif kind in ("min", "max"):
        mine, theirs, share = _shares(out, x, values, indices, **where)
        spread = gather_p.bind(share, *indices, **where)
        tx = ops.multiply(tx, ops.multiply(mine, share))
        tv, kind = ops.multiply(tv, ops.multiply(theirs, spread)), "add"
    tangent: Tensor = index_update_p.bind(tx, tv, *indices, kind=kind, **where)
    return tangent


def _update_batch(
    inputs: Sequence[Tensor],
    batch_axes: Sequence[int | None],
    *,
    axes: Axes,
    place: int,
    kind: UpdateKind,
) -> tuple[Tensor, int]:
    indices = inputs[2:]
    shifted = tuple([a + 1 for a in axes])
    size = _batch_size(inputs, batch_axes)
    x, values = _batched(inputs[:2], batch_axes[:2], size)
    if all(a is None for a in batch_axes[2:]):
        bound = index_update_p.bind(x, values, *indices, axes=shifted, place=place + 1, kind=kind)
        return bound, 0
    aligned = align_batched(indices, batch_axes[2:])
    rank = _block_rank(aligned) - 1
    values = _block_to_front(values, rank, place)
    counter = _counter(values, rank)
    return (
        index_update_p.bind(x, values, counter, *aligned, axes=(0, *shifted), place=0, kind=kind),
        0,
    )


index_update_p = Primitive(
    "index_update",
    _update_kernel,
    _update_shape,
    _update_vjp,
    _update_jvp,
    _update_batch,
    Lowering("scatter", "update"),
)


# What the derivatives of updates need


def _conj(x: Tensor) -> Tensor:
    return ops.conj(x) if x.dtype.is_complex else x


def _block_sizes(indices: Sequence[Tensor]) -> Any:
    return broadcast_shapes(*[i.shape for i in indices])


def _last_writes(
    indices: Sequence[Tensor], shape: Shape, axes: Axes, place: int, rank: int
) -> Tensor:
    """Which of several writes to one place came last and stayed, to broadcast against values."""
    block = _block_sizes(indices)
    order = ops.reshape(ops.arange(product(block)), block)  # type: ignore[arg-type]
    table = ops.full(tuple([shape[a] for a in axes]), -1, dtype=dtypes.int64)  # type: ignore[misc]
    every: dict[str, Any] = {"axes": tuple(range(len(axes))), "place": 0}
    written = index_update_p.bind(table, order, *indices, kind="set", **every)
    last = ops.equal(gather_p.bind(written, *indices, **every), order)
    return ops.reshape(last, (*last.shape, *(1,) * (rank - last.ndim - place)))


def _shares(
    out: Tensor, x: Tensor, values: Tensor, indices: Sequence[Tensor], *, axes: Axes, place: int
) -> tuple[Tensor, Tensor, Tensor]:
    """For min and max: who reached the result (1 or 0), and one over how many did."""
    mine = ops.astype(ops.equal(x, out), out.dtype)
    theirs = ops.equal(values, gather_p.bind(out, *indices, axes=axes, place=place))
    theirs = ops.astype(theirs, out.dtype)
    count = index_update_p.bind(mine, theirs, *indices, axes=axes, place=place, kind="add")
    return mine, theirs, ops.divide(1, ops.maximum(count, 1))


def product_of_others(
    values: Tensor, indices: Sequence[Tensor], shape: Shape, *, axes: Axes, place: int
) -> Tensor:
    """For each value, the product of all the others that go to the same place.

    By products of what comes before and after it in a stable sort by place, so that zeros are no
    exception and the derivatives of this are right in any order. Each of the two is a scan within
    the runs of equal places by doubling steps (Hillis and Steele, 1986).
    """
    block = _block_sizes(indices)
    rank = len(block)
    located = _flat_places(indices, [shape[a] for a in axes])
    where = ops.reshape(ops.broadcast_to(located, block), (-1,))
    front = ops.moveaxis(values, tuple(range(place, place + rank)), tuple(range(rank)))
    rest = front.shape[rank:]
    flat = ops.reshape(front, (where.shape[0], *rest))
    order = ops.argsort(where, stable=True)
    runs, ordered = ops.take(where, order), ops.take(flat, order, axis=0)
    before = _exclusive_products(runs, ordered)
    after = ops.flip(_exclusive_products(ops.flip(runs), ops.flip(ordered, axis=0)), axis=0)
    others = ops.take(ops.multiply(before, after), ops.argsort(order), axis=0)
    others = ops.reshape(others, (*block, *rest))
    return ops.moveaxis(others, tuple(range(rank)), tuple(range(place, place + rank)))


def _flat_places(indices: Sequence[Tensor], sizes: Sequence[Any]) -> Tensor:
    """One number for each place, the same for a negative index as for its positive twin."""
    flat: Tensor | None = None
    for index, size in zip(indices, sizes, strict=True):
        index = ops.astype(index, dtypes.int64)
        index = ops.where(ops.less(index, 0), ops.add(index, size), index)
        flat = index if flat is None else ops.add(ops.multiply(flat, size), index)
    assert flat is not None
    return flat


def _exclusive_products(runs: Tensor, values: Tensor) -> Tensor:
    """Within each run of equal numbers, the product of the values before each one."""
    count = int(runs.shape[0])
    total, step = values, 1
    one = ops.ones((), dtype=values.dtype)
    while step < count:
        total = ops.multiply(total, _shifted(runs, total, step, one))
        step *= 2
    return _shifted(runs, total, 1, one)


def _shifted(runs: Tensor, values: Tensor, step: int, fill: Tensor) -> Tensor:
    """The values `step` places before, `fill` where that is outside the run."""
    count = runs.shape[0]
    if count <= step:
        return ops.broadcast_to(fill, values.shape)
    same = ops.equal(runs[step:], runs[:-step])
    same = ops.reshape(same, (count - step, *(1,) * (values.ndim - 1)))
    moved = ops.where(same, values[: count - step], fill)
    return ops.concat([ops.broadcast_to(fill, (step, *values.shape[1:])), moved], axis=0)
