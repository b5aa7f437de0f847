"""Pooling over windows of one to three spatial axes."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any

from typedflux import dtypes, ops
from typedflux.core.primitive import Lowering, Primitive, Pullbacks
from typedflux.core.types import Shape, TensorType
from typedflux.ops.batching import merge_batch, split_batch
from typedflux.ops.convolution import spread
from typedflux.ops.families import check_domain, promote_operands
from typedflux.ops.kernels import pool as kernels
from typedflux.shapes.dims import surely_below
from typedflux.shapes.errors import ShapeError
from typedflux.shapes.windows import pool_size, resolve_padding
from typedflux.tensor import Tensor, TensorLike

Sizes = tuple[int, ...]
Padding = tuple[tuple[int, int], ...]
Operands = Sequence[Tensor]
Tangents = Sequence[Tensor | None]

_AXES = {1: ("length",), 2: ("height", "width"), 3: ("depth", "height", "width")}


def _out_shape(
    x: TensorType, window: Sizes, stride: Sizes, padding: Padding, dilation: Sizes
) -> Shape:
    rank = len(window)
    if x.ndim != rank + 2:
        raise ShapeError(
            f'pooling with the window {window} needs an input "batch channels *spatial" of rank '
            f"{rank + 2}, got rank {x.ndim}"
        )
    names = _AXES.get(rank, tuple(range(rank)))
    sizes = [
        pool_size(x.shape[i + 2], window[i], stride[i], padding[i], dilation[i], axis=names[i])
        for i in range(rank)
    ]
    return (*x.shape[:2], *sizes)


def _linear_in_first(name: str) -> Any:
    def jvp(out: Tensor, inputs: Operands, tangents: Tangents, **params: Any) -> Tensor | None:
        if tangents[0] is None:
            return None
        found: Tensor = globals()[name].bind(tangents[0], *inputs[1:], **params)
        return found

    return jvp


def _merged(name: str, shape_param: str | None = None) -> Any:
    """Batching by the leading axis, which pools leave alone."""

    def batch(inputs: Operands, axes: Sequence[int | None], **params: Any) -> tuple[Any, Any]:
        primitive: Primitive = globals()[name]
        size = next(x.shape[a] for x, a in zip(inputs, axes, strict=True) if a is not None)
        merged = [merge_batch(x, a, size) for x, a in zip(inputs, axes, strict=True)]
        if shape_param is not None:
            inner = params[shape_param]
            params[shape_param] = (size * inner[0], *inner[1:])
        out = primitive.bind(*merged, **params)
        if primitive.multiple:
            return tuple(split_batch(o, size) for o in out), (0,) * len(out)
        return split_batch(out, size), 0

    return batch


# Largest


def _max_shape(x: TensorType, **params: Any) -> TensorType:
    check_domain(x.dtype, dtypes.Real)
    return TensorType(x.dtype, _out_shape(x, **params))


def _with_index_shape(x: TensorType, **params: Any) -> tuple[TensorType, TensorType]:
    largest = prod(params["window"]) - 1
    index = next(d for d in (dtypes.uint8, dtypes.uint16, dtypes.uint32) if largest < 2**d.bits)
    shape = _out_shape(x, **params)
    return TensorType(x.dtype, shape), TensorType(index, shape)


def _with_index_vjp(out: tuple[Tensor, Tensor], x: Tensor, **params: Any) -> Pullbacks:
    if not x.dtype.is_inexact:
        return None
    shape, index = x.shape, out[1]
    return (lambda g: max_pool_scatter_p.bind(g[0], index, input_shape=shape, **params),)


def _with_index_jvp(
    out: tuple[Tensor, Tensor], inputs: Operands, tangents: Tangents, **params: Any
) -> tuple[Tensor | None, None] | None:
    if tangents[0] is None or not inputs[0].dtype.is_inexact:
        return None
    return max_pool_gather_p.bind(tangents[0], out[1], **params), None


max_pool_with_index_p = Primitive(
    "max_pool_with_index",
    kernels.max_pool_with_index,
    _with_index_shape,
    _with_index_vjp,
    _with_index_jvp,
    batch=_merged("max_pool_with_index_p"),
    lowering=Lowering("window", "max_pool_with_index"),
    multiple=True,
)


def _scatter_vjp(
    out: Tensor, dy: Tensor, index: Tensor, *, input_shape: Shape, **params: Any
) -> Pullbacks:
    return (lambda g: max_pool_gather_p.bind(g, index, **params), None)


max_pool_scatter_p = Primitive(
    "max_pool_scatter",
    kernels.max_pool_scatter,
    lambda dy, index, *, input_shape, **_: TensorType(dy.dtype, input_shape),
    _scatter_vjp,
    _linear_in_first("max_pool_scatter_p"),
    _merged("max_pool_scatter_p", "input_shape"),
    Lowering("window", "max_pool_scatter"),
)


def _gather_vjp(out: Tensor, x: Tensor, index: Tensor, **params: Any) -> Pullbacks:
    shape = x.shape
    return (lambda g: max_pool_scatter_p.bind(g, index, input_shape=shape, **params), None)


max_pool_gather_p = Primitive(
    "max_pool_gather",
    kernels.max_pool_gather,
    lambda x, index, **_: TensorType(x.dtype, index.shape),
    _gather_vjp,
    _linear_in_first("max_pool_gather_p"),
    _merged("max_pool_gather_p"),
    Lowering("window", "max_pool_gather"),
)


class _MaxPool(Primitive):
    """Keeps the places of the largest elements, a byte each, instead of its input."""

    __slots__ = ()

    def linearize(self, args: Sequence[Tensor], params: dict[str, Any]) -> tuple[Any, Pullbacks]:
        (x,) = args
        if not x.dtype.is_inexact:
            return self.bind(x, **params), None
        shape = x.shape
        y, index = max_pool_with_index_p.bind(x, **params)
        return y, (lambda g: max_pool_scatter_p.bind(g, index, input_shape=shape, **params),)


def _max_jvp(out: Tensor, inputs: Operands, tangents: Tangents, **params: Any) -> Tensor | None:
    if tangents[0] is None or not out.dtype.is_inexact:
        return None
    _, index = max_pool_with_index_p.bind(inputs[0], **params)
    found: Tensor = max_pool_gather_p.bind(tangents[0], index, **params)
    return found


max_pool_p = _MaxPool(
    "max_pool",
    kernels.max_pool,
    _max_shape,
    None,
    _max_jvp,
    _merged("max_pool_p"),
    Lowering("window", "max_pool"),
)


def _params(x: Tensor, window: Sequence[int], stride: Any, padding: Any) -> dict[str, Any]:
    sizes = tuple(window)
    strides = sizes if stride is None else spread(stride, len(sizes), "stride")
    ones = (1,) * len(sizes)
    pairs = resolve_padding(padding, sizes, strides, ones)
    for i, (w, pair) in enumerate(zip(sizes, pairs, strict=True)):
        if any(surely_below(-p, 0) and surely_below(w - p, 1) for p in pair):
            raise ShapeError(
                f"the padding {pair} of axis {i} is not smaller than the window's size {w}"
            )
    return {"window": sizes, "stride": strides, "padding": pairs}


def max_pool(
    x: TensorLike,
    window: Sequence[int],
    /,
    *,
    stride: int | Sequence[int] | None = None,
    padding: int | str | Sequence[Any] = 0,
) -> Tensor:
    """The largest element of each window; `stride` is the window's size by default.

    The first of equal elements has the gradient; what lies outside never wins.

    >>> max_pool(ops.reshape(ops.arange(16.0), (1, 1, 4, 4)), (2, 2))
    Tensor([[[[ 5.,  7.],
              [13., 15.]]]], float32)
    """
    (x,) = promote_operands("max_pool", (x,), dtypes.Real)
    params = _params(x, window, stride, padding) | {"dilation": (1,) * len(tuple(window))}
    max_pool_p.infer([TensorType(x.dtype, x.shape)], params)
    out: Tensor = max_pool_p.bind(x, **params)
    return out


# Mean


def _mean_shape(
    x: TensorType, *, window: Sizes, stride: Sizes, padding: Padding, count_include_pad: bool
) -> TensorType:
    check_domain(x.dtype, dtypes.Inexact)
    ones = (1,) * len(window)
    return TensorType(x.dtype, _out_shape(x, window, stride, padding, ones))


def _mean_vjp(out: Tensor, x: Tensor, **params: Any) -> Pullbacks:
    shape = x.shape
    return (lambda g: mean_pool_gradient_p.bind(g, input_shape=shape, **params),)


mean_pool_p = Primitive(
    "mean_pool",
    kernels.mean_pool,
    _mean_shape,
    _mean_vjp,
    _linear_in_first("mean_pool_p"),
    _merged("mean_pool_p"),
    Lowering("window", "mean_pool"),
)


def _mean_gradient_vjp(out: Tensor, dy: Tensor, *, input_shape: Shape, **params: Any) -> Pullbacks:
    return (lambda g: mean_pool_p.bind(g, **params),)


mean_pool_gradient_p = Primitive(
    "mean_pool_gradient",
    kernels.mean_pool_gradient,
    lambda dy, *, input_shape, **_: TensorType(dy.dtype, input_shape),
    _mean_gradient_vjp,
    _linear_in_first("mean_pool_gradient_p"),
    _merged("mean_pool_gradient_p", "input_shape"),
    Lowering("window", "mean_pool_gradient"),
)


def mean_pool(
    x: TensorLike,
    window: Sequence[int],
    /,
    *,
    stride: int | Sequence[int] | None = None,
    padding: int | str | Sequence[Any] = 0,
    count_include_pad: bool = True,
) -> Tensor:
    """The mean of each window; `stride` is the window's size by default.

    Without `count_include_pad` only elements inside the input are counted.
    """
    (x,) = promote_operands("mean_pool", (x,), dtypes.Inexact, True)
    params = _params(x, window, stride, padding) | {"count_include_pad": count_include_pad}
    mean_pool_p.infer([TensorType(x.dtype, x.shape)], params)
    out: Tensor = mean_pool_p.bind(x, **params)
    return out


def _cells(size: int, count: int) -> list[slice]:
    return [slice(i * size // count, -(-(i + 1) * size // count)) for i in range(count)]


def _adaptive(name: str, x: Tensor, out: Sequence[int], combine: Any) -> Tensor:
    """Each axis in turn cut into `out` cells, which overlap where the sizes do not divide."""
    if x.ndim != len(out) + 2:
        raise ShapeError(
            f'{name} to {tuple(out)} needs an input "batch channels *spatial" of rank '
            f"{len(out) + 2}, got rank {x.ndim}"
        )
    for i, count in enumerate(out):
        axis = i + 2
        front = (slice(None),) * axis
        parts = [
            combine(x[(*front, cell)], axis=axis, keepdims=True)
            for cell in _cells(x.shape[axis], count)
        ]
        x = ops.concat(parts, axis=axis)
    return x


def adaptive_mean_pool(x: TensorLike, out: Sequence[int], /) -> Tensor:
    """The means of `out` cells along each spatial axis, whatever its size."""
    (x,) = promote_operands("adaptive_mean_pool", (x,), dtypes.Inexact, True)
    return _adaptive("adaptive_mean_pool", x, out, ops.mean)


def adaptive_max_pool(x: TensorLike, out: Sequence[int], /) -> Tensor:
    """The largest elements of `out` cells along each spatial axis, whatever its size."""
    (x,) = promote_operands("adaptive_max_pool", (x,), dtypes.Real)
    return _adaptive("adaptive_max_pool", x, out, ops.max)


def pixel_shuffle(x: Tensor, r: int, /) -> Tensor:
    """`"batch c*r*r h w"` to `"batch c h*r w*r"`: channels laid out as finer pixels
    (Shi et al., 2016)."""
    if x.ndim != 4:
        raise ShapeError(f'pixel_shuffle needs "batch channels height width", got rank {x.ndim}')
    batch, channels, height, width = x.shape
    if isinstance(channels, int) and channels % (r * r):
        raise ShapeError(f"pixel_shuffle: {channels} channels do not divide by {r}*{r}")
    blocks = ops.reshape(x, (batch, channels // (r * r), r, r, height, width))
    mixed = ops.permute_dims(blocks, (0, 1, 4, 2, 5, 3))
    return ops.reshape(mixed, (batch, channels // (r * r), height * r, width * r))


def pixel_unshuffle(x: Tensor, r: int, /) -> Tensor:
    """The opposite of `pixel_shuffle`: finer pixels become channels."""
    if x.ndim != 4:
        raise ShapeError(f'pixel_unshuffle needs "batch channels height width", got rank {x.ndim}')
    batch, channels, height, width = x.shape
    for name, size in (("height", height), ("width", width)):
        if isinstance(size, int) and size % r:
            raise ShapeError(f"pixel_unshuffle: the {name} {size} does not divide by {r}")
    blocks = ops.reshape(x, (batch, channels, height // r, r, width // r, r))
    mixed = ops.permute_dims(blocks, (0, 1, 3, 5, 2, 4))
    return ops.reshape(mixed, (batch, channels * r * r, height // r, width // r))


def upsample_nearest(x: Tensor, scale: int | Sequence[int], /) -> Tensor:
    """Each pixel repeated `scale` times along each spatial axis."""
    factors = spread(scale, x.ndim - 2, "scale")
    for i, factor in enumerate(factors):
        x = ops.repeat(x, factor, axis=i + 2)
    return x
