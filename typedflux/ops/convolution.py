"""Convolutions in one, two and three spatial dimensions, and their transposes.

The convolution, its gradient by the input and its gradient by the weight are three primitives, each
linear in both operands, whose derivatives are written with one another: so any order follows.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from typedflux import ops
from typedflux.core.primitive import Lowering, Primitive, Pullbacks
from typedflux.core.types import Shape, TensorType
from typedflux.dtypes import Num, promote
from typedflux.ops.batching import batch_by_loop, merge_batch, split_batch
from typedflux.ops.families import check_domain, promote_operands
from typedflux.ops.kernels import conv as kernels
from typedflux.shapes.dims import Dim, Unknown, require_equal
from typedflux.shapes.errors import ShapeError
from typedflux.shapes.windows import conv_size, conv_transpose_size, resolve_padding
from typedflux.tensor import Tensor, TensorLike

Sizes = tuple[int, ...]
Padding = tuple[tuple[int, int], ...]
Operands = Sequence[Tensor]
Tangents = Sequence[Tensor | None]

_WINDOW = Lowering("window", "conv")
_AXES = {1: ("length",), 2: ("height", "width"), 3: ("depth", "height", "width")}


def _conj(x: Tensor) -> Tensor:
    return ops.conj(x) if x.dtype.is_complex else x


def _bilinear_jvp(name: str) -> Callable[..., Tensor | None]:
    """The product rule for a primitive that is linear in each of its two operands."""

    def jvp(out: Tensor, inputs: Operands, tangents: Tangents, **params: Any) -> Tensor | None:
        primitive: Primitive = globals()[name]
        (x, y), (tx, ty) = inputs, tangents
        parts = []
        if tx is not None:
            parts.append(primitive.bind(tx, y, **params))
        if ty is not None:
            parts.append(primitive.bind(x, ty, **params))
        if not parts or not out.dtype.is_inexact:
            return None
        return parts[0] if len(parts) == 1 else ops.add(*parts)

    return jvp


# conv


def _conv_shape(
    x: TensorType, w: TensorType, *, stride: Sizes, padding: Padding, dilation: Sizes, groups: int
) -> TensorType:
    dtype = promote(x.dtype, w.dtype)
    check_domain(dtype, Num)
    rank = len(stride)
    if x.ndim != rank + 2 or w.ndim != rank + 2:
        raise ShapeError(
            f"a convolution over {rank} spatial axes needs an input and a weight of rank "
            f"{rank + 2}, got ranks {x.ndim} and {w.ndim}"
        )
    channels, wanted = x.shape[1], w.shape[1] * groups
    require_equal(
        channels,
        wanted,
        lambda: (
            f"the input has {channels} channels, the weight wants {wanted}"
            + (f" ({w.shape[1]} in each of {groups} groups)" if groups > 1 else "")
        ),
    )
    outputs = w.shape[0]
    if isinstance(outputs, int) and outputs % groups:
        raise ShapeError(f"{outputs} output channels do not divide into {groups} groups")
    names = _AXES.get(rank, tuple(range(rank)))
    sizes = [
        conv_size(x.shape[i + 2], w.shape[i + 2], stride[i], padding[i], dilation[i], names[i])
        for i in range(rank)
    ]
    return TensorType(dtype, (x.shape[0], outputs, *sizes))


def _conv_vjp(out: Tensor, x: Tensor, w: Tensor, **params: Any) -> Pullbacks:
    if not out.dtype.is_inexact:
        return None
    x_shape, w_shape = x.shape, w.shape

    def to_x(g: Tensor) -> Tensor:
        dx: Tensor = conv_input_gradient_p.bind(g, _conj(w), input_shape=x_shape, **params)
        return dx

    def to_w(g: Tensor) -> Tensor:
        dw: Tensor = conv_weight_gradient_p.bind(_conj(x), g, weight_shape=w_shape, **params)
        return dw

    return to_x, to_w


def _conv_batch(inputs: Operands, axes: Sequence[int | None], **params: Any) -> tuple[Tensor, int]:
    if axes[1] is not None or axes[0] is None:
        return batch_by_loop(conv_p, inputs, axes, **params)
    size = inputs[0].shape[axes[0]]
    out = conv_p.bind(merge_batch(inputs[0], axes[0], size), inputs[1], **params)
    return split_batch(out, size), 0


conv_p: Primitive = Primitive(
    "conv", kernels.conv, _conv_shape, _conv_vjp, _bilinear_jvp("conv_p"), _conv_batch, _WINDOW
)

# its gradient by the input


def _input_vjp(
    out: Tensor, dy: Tensor, w: Tensor, *, input_shape: Shape, **params: Any
) -> Pullbacks:
    w_shape = w.shape

    def to_dy(g: Tensor) -> Tensor:
        found: Tensor = conv_p.bind(g, _conj(w), **params)
        return found

    def to_w(g: Tensor) -> Tensor:
        found: Tensor = conv_weight_gradient_p.bind(g, _conj(dy), weight_shape=w_shape, **params)
        return found

    return to_dy, to_w


def _input_batch(
    inputs: Operands, axes: Sequence[int | None], *, input_shape: Shape, **params: Any
) -> tuple[Tensor, int]:
    if axes[1] is not None or axes[0] is None:
        return batch_by_loop(conv_input_gradient_p, inputs, axes, input_shape=input_shape, **params)
    size = inputs[0].shape[axes[0]]
    merged = (size * input_shape[0], *input_shape[1:])
    dy = merge_batch(inputs[0], axes[0], size)
    out = conv_input_gradient_p.bind(dy, inputs[1], input_shape=merged, **params)
    return split_batch(out, size), 0


conv_input_gradient_p: Primitive = Primitive(
    "conv_input_gradient",
    kernels.conv_input_gradient,
    lambda dy, w, *, input_shape, **_: TensorType(promote(dy.dtype, w.dtype), input_shape),
    _input_vjp,
    _bilinear_jvp("conv_input_gradient_p"),
    _input_batch,
    Lowering("window", "conv_input_gradient"),
)

# its gradient by the weight


def _weight_vjp(
    out: Tensor, x: Tensor, dy: Tensor, *, weight_shape: Shape, **params: Any
) -> Pullbacks:
    x_shape = x.shape

    def to_x(g: Tensor) -> Tensor:
        found: Tensor = conv_input_gradient_p.bind(_conj(dy), g, input_shape=x_shape, **params)
        return found

    def to_dy(g: Tensor) -> Tensor:
        found: Tensor = conv_p.bind(_conj(x), g, **params)
        return found

    return to_x, to_dy


conv_weight_gradient_p: Primitive = Primitive(
    "conv_weight_gradient",
    kernels.conv_weight_gradient,
    lambda x, dy, *, weight_shape, **_: TensorType(promote(x.dtype, dy.dtype), weight_shape),
    _weight_vjp,
    _bilinear_jvp("conv_weight_gradient_p"),
    lambda inputs, axes, **params: batch_by_loop(conv_weight_gradient_p, inputs, axes, **params),
    Lowering("window", "conv_weight_gradient"),
)

# The public functions


def spread(value: int | Sequence[int], rank: int, what: str) -> Sizes:
    """One number for each spatial axis.

    Raises:
        ShapeError: when there are not `rank` of them.
    """
    if isinstance(value, (int, Dim, Unknown)):
        return (value,) * rank
    sizes = tuple(value)
    if len(sizes) != rank:
        raise ShapeError(f"{what} {sizes} has {len(sizes)} numbers for {rank} spatial axes")
    return sizes


def _window_params(
    name: str, x: Tensor, w: Tensor, stride: Any, padding: Any, dilation: Any, groups: int
) -> dict[str, Any]:
    rank = w.ndim - 2
    if rank < 1 or rank > 3 or x.ndim != w.ndim:
        raise ShapeError(
            f'{name} needs an input "batch channels *spatial" and a weight of the same rank, 3 '
            f"to 5; got ranks {x.ndim} and {w.ndim}"
        )
    strides, dilations = spread(stride, rank, "stride"), spread(dilation, rank, "dilation")
    pairs = resolve_padding(padding, w.shape[2:], strides, dilations)
    return {"stride": strides, "padding": pairs, "dilation": dilations, "groups": groups}


def conv(
    x: TensorLike,
    w: TensorLike,
    /,
    *,
    stride: int | Sequence[int] = 1,
    padding: int | str | Sequence[Any] = 0,
    dilation: int | Sequence[int] = 1,
    groups: int = 1,
    flipped: bool = False,
) -> Tensor:
    """The cross-correlation of `x` with `w` over one to three spatial axes.

    Args:
        x: `"batch in_channels *spatial"`.
        w: `"out_channels in_channels//groups *kernel"`.
        padding: zeros around the input: one number, one for each axis, pairs, or `"same"`.
        flipped: turn the kernel around, which makes it a convolution as Flux and mathematics
            have it.

    Raises:
        ShapeError: naming the axis where sizes do not fit.

    >>> conv(ops.ones((1, 1, 5, 5)), ops.ones((2, 1, 3, 3)), padding="same").shape
    (1, 2, 5, 5)
    """
    x, w = promote_operands("conv", (x, w), Num)
    params = _window_params("conv", x, w, stride, padding, dilation, groups)
    if flipped:
        w = ops.flip(w, axis=tuple(range(2, w.ndim)))
    # The kernel would take an empty window without complaint: ask the rule.
    conv_p.infer([TensorType(x.dtype, x.shape), TensorType(w.dtype, w.shape)], params)
    out: Tensor = conv_p.bind(x, w, **params)
    return out


def conv_transpose(
    x: TensorLike,
    w: TensorLike,
    /,
    *,
    stride: int | Sequence[int] = 1,
    padding: int | str | Sequence[Any] = 0,
    dilation: int | Sequence[int] = 1,
    groups: int = 1,
    output_padding: int | Sequence[int] = 0,
) -> Tensor:
    """The transpose of `conv` with the same weight and parameters, often called deconvolution.

    Args:
        x: `"batch in_channels *spatial"`.
        w: `"in_channels out_channels//groups *kernel"`.
        output_padding: added to the sizes of the result, which a stride leaves open.
    """
    x, w = promote_operands("conv_transpose", (x, w), Num)
    params = _window_params("conv_transpose", x, w, stride, padding, dilation, groups)
    rank = w.ndim - 2
    channels, wanted = x.shape[1], w.shape[0]
    require_equal(
        channels,
        wanted,
        lambda: f"conv_transpose: the input has {channels} channels, the weight wants {wanted}",
    )
    extra = spread(output_padding, rank, "output_padding")
    sizes = [
        conv_transpose_size(
            x.shape[i + 2], w.shape[i + 2], params["stride"][i], params["padding"][i],
            params["dilation"][i], extra[i],
        )
        for i in range(rank)
    ]  # fmt: skip
    shape = (x.shape[0], w.shape[1] * groups, *sizes)
    out: Tensor = conv_input_gradient_p.bind(x, w, input_shape=shape, **params)
    return out
