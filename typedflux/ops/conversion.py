"""Conversion between dtypes."""

from __future__ import annotations

from collections.abc import Sequence

from typedflux import dtypes, ops
from typedflux.core.device import as_device
from typedflux.core.primitive import Array, Lowering, Primitive, Pullbacks
from typedflux.core.types import TensorType
from typedflux.dtypes import AnyDType, DType, DTypeSet, as_dtype
from typedflux.shapes.errors import DTypeError
from typedflux.tensor import DTypeLike, Tensor


def _astype_kernel(x: Array, *, dtype: DType) -> Array:
    return x.astype(dtype.dtype)


def _astype_shape(x: TensorType, *, dtype: AnyDType) -> TensorType:
    return TensorType(dtype, x.shape)


def _astype_vjp(out: Tensor, x: Tensor, *, dtype: DType) -> Pullbacks:
    before = x.dtype
    if not out.dtype.is_inexact or not before.is_inexact:
        return None
    if out.dtype.is_complex and not before.is_complex:
        return (lambda g: astype(ops.real(g), before),)
    return (lambda g: astype(g, before),)


def _astype_jvp(
    out: Tensor, inputs: Sequence[Tensor], tangents: Sequence[Tensor | None], *, dtype: DType
) -> Tensor | None:
    if not out.dtype.is_inexact or tangents[0] is None:
        return None
    tangent: Tensor = astype_p.bind(tangents[0], dtype=dtype)
    return tangent


_REAL = dtypes.Real.members

astype_p: Primitive = Primitive(
    "astype",
    _astype_kernel,
    _astype_shape,
    _astype_vjp,
    _astype_jvp,
    lambda inputs, axes, *, dtype: (astype_p.bind(inputs[0], dtype=dtype), axes[0]),
    Lowering("elementwise", "astype"),
)


def astype(x: Tensor, dtype: DTypeLike, /, *, copy: bool = True, device: object = None) -> Tensor:
    """`x` converted to `dtype`. Tensors are immutable, so `copy` changes nothing.

    As a boolean, every number is true but zero; floats lose their fraction as integers.

    Raises:
        DTypeError: for a complex tensor to a real dtype (take `.real` or `abs`).
        ValueError: for a device that does not exist.
    """
    target: AnyDType = dtype if isinstance(dtype, DTypeSet) else as_dtype(dtype)
    if device is not None:
        as_device(device)
    if not isinstance(x, Tensor):
        from typedflux.ops.interchange import to_tensor

        x = to_tensor("astype", x)
    if target == x.dtype:
        return x
    if isinstance(target, DType) and target in _REAL and x.dtype.is_complex:
        raise DTypeError(f"astype: {x.dtype} to {target} would drop the imaginary part: use .real")
    out: Tensor = astype_p.bind(x, dtype=target)
    return out
