"""Convolution (cross-correlation) and its two transposes, over any number of spatial axes.

Arrays are `batch channels *spatial` to the caller. In memory the kernels keep the batch *last*
(`channels *spatial batch`): what numpy copies for one position of the kernel is then a run of
`width * batch` neighbouring elements rather than of `width`, so gathering the patches costs a small
part of the matrix product that follows. Results are returned as transposed views of such memory,
and an argument that already has that memory order is used without a copy, as in a chain of
convolutions, elementwise operations and pools, all of which keep the order.

The patches are gathered block by block (`blocks`), so that scratch memory is bounded.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from math import prod
from typing import Any, Final, TypeAlias

import numpy as np
import numpy.typing as npt

Array: TypeAlias = npt.NDArray[Any]
Sizes: TypeAlias = tuple[int, ...]
Padding: TypeAlias = tuple[tuple[int, int], ...]
Index: TypeAlias = tuple[Any, ...]

# A block of patches should stay in the processor's caches between being written and multiplied.
_BLOCK_BYTES: Final = 4 << 20
# OpenBLAS multiplies matrices of up to a million scalar products by a kernel that skips packing,
# which for the few channels of a small network takes half the time. Only long rows repay a call.
_SMALL_PRODUCT: Final = 1_000_000
_SMALL_PRODUCT_LENGTH: Final = 2048
# Rows transposed together: as many as there are elements of the output's cache lines to fill.
_TRANSPOSE_ROWS: Final = 8

# Memory fresh from the system is zeroed page by page, which takes as long as these kernels compute.
# An allocation, freed untouched, has glibc keep freed blocks of up to its size to hand out again
# (other allocators do not mind it), as any program does that once freed so large an array.
np.empty(16 << 20, np.uint8)


def conv(
    x: Array, w: Array, *, stride: Sizes, padding: Padding, dilation: Sizes, groups: int
) -> Array:
    """Cross-correlate `x` with `w`, zeros around `x`.

    `x` is `batch in_channels *spatial`, `w` is `out_channels in_channels/groups *kernel` and the
    result `batch out_channels *out_spatial`. Its memory order is that of `batch_first`.
    """
    dtype = np.result_type(x, w)
    kernel = w.shape[2:]
    source = batch_last(x, compute_dtype(dtype), padding)
    patches = windows(source, kernel, stride, dilation)
    weights = _group_weights(w, groups, source.dtype)
    extent = patches.shape[1 + len(kernel) :]
    y = np.empty((groups, w.shape[0] // groups, prod(extent)), source.dtype)
    for start, columns in _columns(patches, len(kernel), groups, weights.shape[1]):
        np.matmul(weights, columns, out=y[:, :, start : start + columns.shape[2]])
    return batch_first(y.reshape(w.shape[0], *extent), dtype)


def conv_input_gradient(
    dy: Array,
    w: Array,
    *,
    input_shape: Sizes,
    stride: Sizes,
    padding: Padding,
    dilation: Sizes,
    groups: int,
) -> Array:
    """The transpose of `conv` in `x`; also the forward of the transposed convolution.

    `dy` is `batch out_channels *out_spatial`; the result has `input_shape`.
    """
    around = tuple(
        (d * (k - 1) - low, d * (k - 1) - high)
        for d, k, (low, high) in zip(dilation, w.shape[2:], padding, strict=True)
    )
    fewer = w.shape[0] // groups <= w.shape[1]
    if fewer and prod(stride) == 1 and all(min(p) >= 0 for p in around):
        # As a convolution it has patches of the output channels, of which there are no more.
        flipped = _swapped_weights(w, groups)
        return conv(dy, flipped, stride=stride, padding=around, dilation=dilation, groups=groups)

    dtype = np.result_type(dy, w)
    target = batch_last(dy, compute_dtype(dtype))
    weights = _group_weights(w, groups, target.dtype).swapaxes(1, 2)
    extent = target.shape[1:]
    slopes = target.reshape(groups, w.shape[0] // groups, prod(extent))
    padded = (n + sum(p) for n, p in zip(input_shape[2:], padding, strict=True))
    dx = np.zeros((input_shape[1], *padded, input_shape[0]), target.dtype)
    _add_patches(dx, weights, slopes, extent, w.shape[2:], stride, dilation)
    return batch_first(_crop(dx, padding), dtype)


def conv_weight_gradient(
    x: Array,
    dy: Array,
    *,
    weight_shape: Sizes,
    stride: Sizes,
    padding: Padding,
    dilation: Sizes,
    groups: int,
) -> Array:
    """The transpose of `conv` in `w`: the result has `weight_shape`."""
    dtype = np.result_type(x, dy)
    kernel = weight_shape[2:]
    source = batch_last(x, compute_dtype(dtype), padding)
    patches = windows(source, kernel, stride, dilation)
    target = batch_last(dy, source.dtype)
    slopes = target.reshape(groups, weight_shape[0] // groups, prod(target.shape[1:]))
    # Transposed, because OpenBLAS is faster where the longer side of the result comes first.
    dw = np.zeros((groups, prod(weight_shape[1:]), weight_shape[0] // groups), source.dtype)
    for start, columns in _columns(patches, len(kernel), groups, dw.shape[2]):
        part = slopes[:, :, start : start + columns.shape[2]]
        dw += np.matmul(columns, part.swapaxes(1, 2))
    return np.ascontiguousarray(dw.swapaxes(1, 2), dtype).reshape(weight_shape)


def compute_dtype(dtype: np.dtype[Any]) -> np.dtype[Any]:
    """What numbers of type `dtype` are computed in: float32 for the narrower floats.

    Numpy has neither vector loops nor BLAS for those, nor do their sums keep enough digits.
    """
    narrow = dtype.kind not in "biu" and dtype.itemsize < 4
    return np.dtype(np.float32) if narrow else dtype.newbyteorder("=")


def batch_last(x: Array, dtype: np.dtype[Any], padding: Padding = ()) -> Array:
    """`x` (`batch channels *spatial`) as C-ordered `channels *padded_spatial batch`."""
    source = np.moveaxis(x, 0, -1)
    if not any(map(any, padding)):
        if source.flags.c_contiguous and source.dtype == dtype:
            return source
        result = np.empty(source.shape, dtype)
        _copy(result, source)
        return result
    spatial = [n + sum(p) for n, p in zip(x.shape[2:], padding, strict=True)]
    result = np.zeros((x.shape[1], *spatial, x.shape[0]), dtype)
    _copy(_crop(result, padding), source)
    return result


def batch_first(x: Array, dtype: np.dtype[Any]) -> Array:
    """`x` (`channels *spatial batch`) seen as `batch channels *spatial`, without moving it."""
    return np.moveaxis(x.astype(dtype, copy=False), -1, 0)


def windows(
    x: Array, kernel: Sizes, stride: Sizes, dilation: Sizes, *, writeable: bool = False
) -> Array:
    """All windows of `x` (`channels *spatial batch`), as a view `channels *kernel *out batch`."""
    spatial, steps = x.shape[1:-1], x.strides[1:-1]
    out = (
        max(0, (n - d * (k - 1) - 1) // s + 1)
        for n, k, s, d in zip(spatial, kernel, stride, dilation, strict=True)
    )
    return np.lib.stride_tricks.as_strided(
        x,
        (x.shape[0], *kernel, *out, x.shape[-1]),
        (
            x.strides[0],
            *(step * d for step, d in zip(steps, dilation, strict=True)),
            *(step * s for step, s in zip(steps, stride, strict=True)),
            x.strides[-1],
        ),
        writeable=writeable,
    )


def blocks(extent: Sizes, limit: int) -> Iterator[tuple[slice, ...]]:
    """Cut an array of shape `extent` into boxes of at most `limit` elements, each a run of it."""
    inner = prod(extent[1:])
    if prod(extent) == 0:
        return
    if inner > limit and len(extent) > 1:
        for i in range(extent[0]):
            for rest in blocks(extent[1:], limit):
                yield (slice(i, i + 1), *rest)
        return
    count = -(-extent[0] // max(1, limit // inner))
    step = -(-extent[0] // count)
    for i in range(0, extent[0], step):
        yield (slice(i, min(i + step, extent[0])), *(slice(0, n) for n in extent[1:]))


def _add_patches(
    dx: Array,
    weights: Array,
    slopes: Array,
    extent: Sizes,
    kernel: Sizes,
    stride: Sizes,
    dilation: Sizes,
) -> None:
    """Add `weights @ slopes`, which is `channels*kernel *out batch`, to the windows of `dx`.

    `weights` and `slopes` have a leading axis of groups, and `extent` is `*out batch`.
    """
    if prod(kernel) == 1 and prod(stride) == 1:
        np.matmul(
            weights, slopes, out=dx.reshape(slopes.shape[0], weights.shape[1], slopes.shape[2])
        )
        return
    groups, outputs = slopes.shape[:2]
    # An outer product (of a depthwise convolution) is no work for BLAS.
    multiply = np.multiply if outputs == 1 else np.matmul
    # One position of the kernel at a time, where no windows overlap.
    patches = windows(dx, kernel, stride, dilation, writeable=True)
    rows = dx.shape[0] * prod(kernel)
    limit = _block_length(rows, dx.itemsize, rows * outputs // groups)
    scratch = np.empty(rows * min(limit, prod(extent)), dx.dtype)
    start = 0
    for block in blocks(extent, limit):
        shape = tuple(s.stop - s.start for s in block)
        size = prod(shape)
        columns = scratch[: rows * size].reshape(groups, rows // groups, size)
        multiply(weights, slopes[:, :, start : start + size], out=columns)
        parts = columns.reshape(dx.shape[0], *kernel, *shape)
        for position in product(*map(range, kernel)):
            at: Index = (slice(None), *position)
            here: Index = (*at, *block)
            np.add(patches[here], parts[at], out=patches[here])
        start += size


def _columns(patches: Array, rank: int, groups: int, outputs: int) -> Iterator[tuple[int, Array]]:
    """The patches (`channels *kernel *out batch`) as matrices of bounded size.

    Yields the first flat index in `*out batch` of a block, and the block as
    `groups in_channels/groups*kernel block`, valid until the next one is asked for. Each is to be
    multiplied by a matrix of `outputs` rows (per group).
    """
    heights, extent = patches.shape[: 1 + rank], patches.shape[1 + rank :]
    rows = prod(heights)
    if prod(heights[1:]) == 1 and patches.flags.c_contiguous:
        yield 0, patches.reshape(groups, heights[0] // groups, prod(extent))
        return
    limit = _block_length(rows, patches.itemsize, rows * outputs // groups)
    scratch = np.empty(rows * min(limit, prod(extent)), patches.dtype)
    start = 0
    for block in blocks(extent, limit):
        shape = tuple(s.stop - s.start for s in block)
        size = prod(shape)
        columns = scratch[: rows * size].reshape(*heights, *shape)
        at: Index = (..., *block)
        np.copyto(columns, patches[at])
        yield start, columns.reshape(groups, rows // groups, size)
        start += size


def _block_length(rows: int, itemsize: int, products: int) -> int:
    """How many columns of `rows` elements, each in `products` scalar products, make a block."""
    cached = max(1, _BLOCK_BYTES // max(1, rows * itemsize))
    small = _SMALL_PRODUCT // max(1, products)
    return min(small, cached) if small >= _SMALL_PRODUCT_LENGTH else cached


def _group_weights(w: Array, groups: int, dtype: np.dtype[Any]) -> Array:
    """`w` as `groups out_channels/groups in_channels/groups*kernel`."""
    return w.astype(dtype, copy=False).reshape(groups, w.shape[0] // groups, prod(w.shape[1:]))


def _swapped_weights(w: Array, groups: int) -> Array:
    """`w` with its channels exchanged (within groups) and its kernel reversed."""
    grouped = w.reshape(groups, w.shape[0] // groups, *w.shape[1:]).swapaxes(1, 2)
    flipped = np.flip(grouped, tuple(range(3, grouped.ndim)))
    return flipped.reshape(w.shape[1] * groups, w.shape[0] // groups, *w.shape[2:])


def _crop(x: Array, padding: Padding) -> Array:
    """The view of `x` (`channels *padded_spatial batch`) without its padding."""
    inner = (slice(a, n - b) for n, (a, b) in zip(x.shape[1:-1], padding, strict=True))
    at: Index = (slice(None), *inner)
    return x[at]


def _copy(target: Array, source: Array) -> None:
    """Copy `source` (`channels *spatial batch`) to `target`, few samples at a time.

    Where each sample of `source` is contiguous, this is a matrix transposition, and a row of many
    samples would be in as many cache lines, all of them lost before their next element is read.
    """
    for i in range(0, source.shape[-1], _TRANSPOSE_ROWS):
        part = slice(i, i + _TRANSPOSE_ROWS)
        np.copyto(target[..., part], source[..., part], casting="unsafe")
