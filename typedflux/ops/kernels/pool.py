"""Maximum and mean pooling, and their transposes, over any number of spatial axes.

Arrays are `batch channels *spatial`. Each kernel passes over one position of the window at a time,
for all windows at once, and keeps the memory order of its argument: with the batch last, as the
convolutions leave it, every pass reads runs of `batch` neighbouring elements.

Windows are clipped to the array instead of the array being padded.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from math import prod
from typing import Any, Final

import numpy as np

from typedflux.ops.kernels.conv import Array, Index, Padding, Sizes, compute_dtype

# By the size of an element, the unsigned type that holds its bits.
_BITS: Final = {1: np.uint8, 2: np.uint16, 4: np.uint32, 8: np.uint64}


def max_pool(x: Array, *, window: Sizes, stride: Sizes, padding: Padding, dilation: Sizes) -> Array:
    """The largest element of each window of `x`; NaN where there is one.

    What lies outside of `x` is the least number of its type.
    """
    source = x.astype(compute_dtype(x.dtype), copy=False)
    out = _out_sizes(x.shape[2:], window, stride, padding, dilation)
    y = _filled(source, out, _least(source.dtype))
    for _, at, view in _positions(x.shape[2:], out, window, stride, padding, dilation):
        np.maximum(y[at], source[view], out=y[at])
    return y.astype(x.dtype, copy=False)


def max_pool_with_index(
    x: Array, *, window: Sizes, stride: Sizes, padding: Padding, dilation: Sizes
) -> tuple[Array, Array]:
    """`max_pool`, and where in its window (row-major, in bytes if these do) each maximum lies.

    Of equal elements the first counts, of several NaN the last: as in PyTorch. The index is all
    that the derivatives need, a quarter of `y` in float32, so that `x` need not be kept.
    """
    source = x.astype(compute_dtype(x.dtype), copy=False)
    out = _out_sizes(x.shape[2:], window, stride, padding, dilation)
    y = _filled(source, out, _least(source.dtype))
    first = _first_index(x.shape[2:], out, window, stride, padding, dilation)
    index = np.empty_like(y, np.min_scalar_type(max(0, prod(window) - 1)))
    index[...] = first
    scratch = np.empty_like(index)
    larger = np.empty_like(y, np.bool_)
    for p, at, view in _positions(x.shape[2:], out, window, stride, padding, dilation):
        np.greater(source[view], y[at], out=larger[at])
        np.maximum(y[at], source[view], out=y[at])
        # Positions only grow, so the last that was larger is the largest of them.
        np.multiply(larger[at].view(np.uint8), index.dtype.type(p), out=scratch[at])
        np.maximum(index[at], scratch[at], out=index[at])
    if y.dtype.kind == "f" and np.isnan(y).any():
        for p, at, view in _positions(x.shape[2:], out, window, stride, padding, dilation):
            np.copyto(index[at], index.dtype.type(p), where=np.isnan(source[view]))
    return y.astype(x.dtype, copy=False), index


def max_pool_scatter(
    dy: Array,
    index: Array,
    *,
    input_shape: Sizes,
    window: Sizes,
    stride: Sizes,
    padding: Padding,
    dilation: Sizes,
) -> Array:
    """Add each element of `dy` to zeros of `input_shape` where `index` says.

    The transpose of `max_pool_gather`, and so the gradient of `max_pool`.
    """
    values = _ordered_like(index, dy.astype(compute_dtype(dy.dtype), copy=False))
    spatial, out = input_shape[2:], dy.shape[2:]
    dx = _filled(index, spatial, 0, values.dtype)
    reach = (d * (w - 1) + 1 for d, w in zip(dilation, window, strict=True))
    disjoint = all(r <= s for r, s in zip(reach, stride, strict=True))
    scratch = None if disjoint else np.empty_like(values)
    for p, at, view in _positions(spatial, out, window, stride, padding, dilation):
        here = index[at] == index.dtype.type(p)
        if scratch is None:
            _select(values[at], here, dx[view])
        else:
            _select(values[at], here, scratch[at])
            np.add(dx[view], scratch[at], out=dx[view])
    return dx.astype(dy.dtype, copy=False)


def max_pool_gather(
    x: Array, index: Array, *, window: Sizes, stride: Sizes, padding: Padding, dilation: Sizes
) -> Array:
    """The element of each window of `x` that `index`, of another array's maxima, points to."""
    y = np.zeros_like(index, x.dtype)
    bits = _BITS.get(x.itemsize)
    scratch = np.empty_like(y)
    for p, at, view in _positions(x.shape[2:], y.shape[2:], window, stride, padding, dilation):
        here = index[at] == index.dtype.type(p)
        if bits is None:
            np.copyto(y[at], x[view], where=here)
        else:
            _select(x[view], here, scratch[at])
            np.bitwise_or(y[at].view(bits), scratch[at].view(bits), out=y[at].view(bits))
    return y


def mean_pool(
    x: Array, *, window: Sizes, stride: Sizes, padding: Padding, count_include_pad: bool
) -> Array:
    """The mean of each window of `x` (floats or complex numbers), zeros around it.

    Without `count_include_pad`, only the elements inside of `x` are counted.
    """
    total = x.astype(compute_dtype(x.dtype), copy=False)
    for axis, sizes in enumerate(zip(window, stride, padding, strict=True)):
        total = _sum_windows(total, axis + 2, *sizes)
    weights = _mean_weights(x.shape[2:], window, stride, padding, count_include_pad)
    total *= weights.astype(total.dtype)
    return total.astype(x.dtype, copy=False)


def mean_pool_gradient(
    dy: Array,
    *,
    input_shape: Sizes,
    window: Sizes,
    stride: Sizes,
    padding: Padding,
    count_include_pad: bool,
) -> Array:
    """The transpose of `mean_pool`: the result has `input_shape`."""
    weights = _mean_weights(input_shape[2:], window, stride, padding, count_include_pad)
    dx = dy.astype(compute_dtype(dy.dtype), copy=False)
    dx = np.multiply(dx, weights.astype(dx.dtype))
    for axis, sizes in enumerate(zip(window, stride, padding, strict=True)):
        dx = _spread_windows(dx, axis + 2, input_shape[axis + 2], *sizes)
    return dx.astype(dy.dtype, copy=False)


def _out_sizes(
    spatial: Sizes, window: Sizes, stride: Sizes, padding: Padding, dilation: Sizes
) -> Sizes:
    return tuple(
        max(0, (n + sum(p) - d * (w - 1) - 1) // s + 1)
        for n, w, s, p, d in zip(spatial, window, stride, padding, dilation, strict=True)
    )


def _overlap(size: int, out: int, offset: int, stride: int) -> tuple[slice, slice]:
    """The windows `o` for which `o * stride + offset` is in an axis of `size`, and those places."""
    start = max(0, -(offset // stride))
    stop = max(start, min(out, (size - 1 - offset) // stride + 1))
    first = start * stride + offset
    if start == stop:
        return slice(0, 0), slice(0, 0)
    return slice(start, stop), slice(first, first + (stop - start - 1) * stride + 1, stride)


def _positions(
    spatial: Sizes, out: Sizes, window: Sizes, stride: Sizes, padding: Padding, dilation: Sizes
) -> Iterator[tuple[int, Index, Index]]:
    """For each position of the window: its index, in which windows it is inside of the array, and
    which elements of the array it is there.
    """
    axes = [
        [_overlap(n, o, i * d - low, s) for i in range(w)]
        for n, o, w, s, (low, _), d in zip(
            spatial, out, window, stride, padding, dilation, strict=True
        )
    ]
    for p, overlaps in enumerate(product(*axes)):
        at = (..., *(o for o, _ in overlaps))
        view = (..., *(v for _, v in overlaps))
        yield p, at, view


def _first_index(
    spatial: Sizes, out: Sizes, window: Sizes, stride: Sizes, padding: Padding, dilation: Sizes
) -> Array:
    """The first position of each window (`*out`) that is inside of the array.

    It is the maximum of a window in which all elements are the least number.
    """
    first = np.zeros((), np.intp)
    for n, o, w, s, (low, _), d in zip(
        spatial, out, window, stride, padding, dilation, strict=True
    ):
        outside = np.maximum(0, low - np.arange(o) * s)
        # A window that has no element inside of the array points to its own last position.
        inside = np.minimum(-(-outside // d), w - 1 if n else 0)
        first = first[..., None] * w + inside
    return first


def _least(dtype: np.dtype[Any]) -> Any:
    if dtype.kind == "f":
        return -np.inf
    return np.iinfo(dtype).min if dtype.kind in "iu" else False


def _filled(like: Array, spatial: Sizes, value: Any, dtype: np.dtype[Any] | None = None) -> Array:
    """An array in the memory order of `like`, of other spatial sizes."""
    return np.full_like(like, value, dtype or like.dtype, shape=(*like.shape[:2], *spatial))


def _ordered_like(like: Array, x: Array) -> Array:
    """`x` in the memory order of `like`, because passes over two orders at once are slow."""
    result = np.empty_like(like, x.dtype)
    if result.strides == x.strides:
        return x
    np.copyto(result, x)
    return result


def _select(x: Array, mask: Array, out: Array) -> None:
    """Write `x` where `mask` is set, and zeros elsewhere.

    Done by multiplying the bits, of which no NaN can come, and which is six times as fast as
    `numpy.where`.
    """
    bits = _BITS.get(x.itemsize)
    if bits is None:
        out[...] = np.where(mask, x, x.dtype.type(0))
    else:
        np.multiply(x.view(bits), mask, out=out.view(bits))


def _along(axis: int, part: slice) -> tuple[slice, ...]:
    return (*(slice(None),) * axis, part)


def _sum_windows(x: Array, axis: int, window: int, stride: int, padding: tuple[int, int]) -> Array:
    size = x.shape[axis]
    out = max(0, (size + sum(padding) - window) // stride + 1)
    shape = (*x.shape[:axis], out, *x.shape[axis + 1 :])
    y = np.zeros_like(x, shape=shape)
    for i in range(window):
        at, view = (_along(axis, s) for s in _overlap(size, out, i - padding[0], stride))
        np.add(y[at], x[view], out=y[at])
    return y


def _spread_windows(
    dy: Array, axis: int, size: int, window: int, stride: int, padding: tuple[int, int]
) -> Array:
    """The transpose of `_sum_windows`."""
    out = dy.shape[axis]
    dx = np.zeros_like(dy, shape=(*dy.shape[:axis], size, *dy.shape[axis + 1 :]))
    for i in range(window):
        at, view = (_along(axis, s) for s in _overlap(size, out, i - padding[0], stride))
        np.add(dx[view], dy[at], out=dx[view])
    return dx


def _mean_weights(
    spatial: Sizes, window: Sizes, stride: Sizes, padding: Padding, count_include_pad: bool
) -> Array:
    """One over the number of elements counted in each window, `*out` or a scalar."""
    if count_include_pad or not any(map(any, padding)):
        return np.array(1 / prod(window))
    counts = np.ones(())
    for n, w, s, p in zip(spatial, window, stride, padding, strict=True):
        counts = counts[..., None] * _sum_windows(np.ones(n), 0, w, s, p)
    return 1 / np.maximum(1, counts)
