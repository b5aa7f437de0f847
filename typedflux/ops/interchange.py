"""Data from outside as tensors: Python numbers, nested sequences, arrays of other libraries."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from typing import Any

import ml_dtypes
import numpy as np

from typedflux import dtypes, ops
from typedflux.core.device import Device, as_device
from typedflux.core.primitive import Array, Lowering, Primitive
from typedflux.core.types import TensorType
from typedflux.dtypes import AnyDType, DType, DTypeSet, as_dtype
from typedflux.ops.families import as_operand, promote_operands
from typedflux.shapes.dims import Dim, Unknown
from typedflux.shapes.errors import DTypeError, ShapeError
from typedflux.tensor import FROM_NUMPY, DTypeLike, Tensor, wrap

_PYTHON_NUMBERS = (bool, int, float, complex)

# A symbolic size as a value

size_p = Primitive(
    "size",
    lambda *, size: np.asarray(size, np.int64),
    lambda *, size: TensorType(dtypes.int64, ()),
    lowering=Lowering("layout", "size"),
)


def asarray(
    data: Any, /, *, dtype: DTypeLike | None = None, device: object = None,
    copy: bool | None = None,
) -> Tensor:  # fmt: skip
    """A tensor of `data`: nested sequences, numbers, or an array of another library.

    Python floats become float32, ints int64; arrays keep their dtype. Sequences may hold tensors,
    which are stacked (and differentiated through). Arrays are copied unless `copy=False`, which
    shares the memory and promises that nobody writes to it.

    Raises:
        ShapeError: for ragged nested sequences.
        DTypeError: for elements that are no numbers, or that the dtype cannot hold.
        ValueError: for `copy=False` where the data cannot be shared.

    >>> asarray([[1, 2], [3, 4]], dtype="float32")
    Tensor([[1., 2.],
            [3., 4.]], float32)
    """
    as_device(device)
    wanted = None if dtype is None else resolve_dtype(dtype)
    if isinstance(data, Tensor):
        if wanted is None or wanted == data.dtype:
            return data
        if copy is False:
            raise ValueError(
                f"asarray: {data.dtype} cannot be shared as {wanted}: leave out copy=False"
            )
        return _convert(data, wanted)
    if isinstance(data, (Dim, Unknown)):
        size: Tensor = size_p.bind(size=data)
        return size if wanted is None else _convert(size, wanted)
    if isinstance(wanted, DTypeSet):
        return _convert(asarray(data, copy=copy), wanted)
    if isinstance(data, (list, tuple)):
        return _from_sequence(data, wanted, copy)
    if isinstance(data, _PYTHON_NUMBERS) and not isinstance(data, np.generic):
        _refuse_sharing(copy)
        return wrap(_from_python(data, wanted))
    return wrap(_from_array(_as_numpy(data), wanted, copy))


def resolve_dtype(dtype: object, default: AnyDType | None = None) -> AnyDType:
    """The dtype that an argument means; abstract evaluation passes sets of them along."""
    if dtype is None and default is not None:
        return default
    return dtype if isinstance(dtype, DTypeSet) else as_dtype(dtype)


def to_tensor(name: str, value: object) -> Tensor:
    """An operand of the function `name` as a tensor: tensors, numbers and numpy arrays are.

    Raises:
        TypeError: for anything else.
    """
    if isinstance(value, Tensor):
        return value
    operand = as_operand(name, value)
    return operand if isinstance(operand, Tensor) else asarray(operand)


def _convert(x: Tensor, dtype: AnyDType) -> Tensor:
    return ops.astype(x, dtype)  # type: ignore[arg-type]  # a set under abstract evaluation


def _refuse_sharing(copy: bool | None) -> None:
    if copy is False:
        raise ValueError("asarray: Python numbers and sequences have no memory to share: "
                         "leave out copy=False")  # fmt: skip


# Arrays of other libraries


def from_dlpack(x: Any, /, *, device: object = None, copy: bool | None = None) -> Tensor:
    """A tensor of an array of another library, through the DLPack protocol.

    The memory is shared, and must not be written to, unless `copy=True`. Memory of another device
    is copied where `device` asks for it and the other library can do it.

    Raises:
        AttributeError: for an object without `__dlpack__`.
        BufferError: for memory that cannot be exchanged, as that of a GPU.

    >>> import numpy as np
    >>> from_dlpack(np.arange(3))
    Tensor([0, 1, 2], int64)
    """
    wanted = None if device is None else as_device(device)
    if isinstance(x, Tensor):
        return x
    if not hasattr(x, "__dlpack__"):
        raise AttributeError(f"from_dlpack needs an object with __dlpack__, got {type(x).__name__}")
    return wrap(_from_array(_through_dlpack(x, wanted), None, bool(copy)))


def _as_numpy(data: Any) -> Array:
    """The numpy array, of any dtype, that some object is or offers."""
    if isinstance(data, np.ndarray):
        if hasattr(data, "filled"):
            raise DTypeError("asarray: a masked array has no values under its mask: use .filled(v)")
        return data
    if isinstance(data, (str, bytes)):
        raise DTypeError(f"asarray: elements are numbers, got {type(data).__name__} {data!r:.40}")
    if not isinstance(data, np.generic) and hasattr(data, "__dlpack__"):
        return _through_dlpack(data)
    return np.asarray(data)


def _through_dlpack(data: Any, device: Device | None = None) -> Array:
    if _is_torch_bfloat16(data):
        # DLPack knows bfloat16, numpy's side of it does not: the bits go as integers.
        torch = sys.modules["torch"]
        bits: Array = np.from_dlpack(data.detach().cpu().view(torch.int16))
        return bits.view(ml_dtypes.bfloat16)
    try:
        if device is None or data.__dlpack_device__() == _CPU_OF_DLPACK:
            return np.from_dlpack(data)
        return np.from_dlpack(data, device="cpu")
    except (BufferError, RuntimeError, TypeError, ValueError) as error:
        if hasattr(data, "__array__") and type(data).__module__.partition(".")[0] != "torch":
            return np.asarray(data)  # as jax's bfloat16, which numpy's DLPack does not know
        raise BufferError(f"asarray: this {type(data).__name__} cannot be read: {error}") from None


_CPU_OF_DLPACK = (1, 0)


def _is_torch_bfloat16(data: Any) -> bool:
    torch = sys.modules.get("torch")
    return torch is not None and getattr(data, "dtype", None) is torch.bfloat16


def _from_array(array: Array, wanted: DType | None, copy: bool | None) -> Array:
    """`array` in a dtype that exists here and in this machine's byte order."""
    given = FROM_NUMPY.get(array.dtype) or FROM_NUMPY.get(array.dtype.newbyteorder("="))
    if given is None and (wanted is None or array.dtype.kind not in "fc"):
        raise DTypeError(_unsupported(array))
    target = wanted or given
    assert target is not None
    if array.dtype.kind == "c" and not target.is_complex:
        raise DTypeError(f"asarray: {array.dtype} to {target} would drop the imaginary part")
    if copy is False:
        if array.dtype != target.dtype or not array.dtype.isnative:
            raise ValueError(
                f"asarray: {array.dtype} cannot be shared as {target}: leave out copy=False"
            )
        return array.view(np.ndarray)
    with np.errstate(all="ignore"):
        return np.array(array, dtype=target.dtype, order="C")


def _unsupported(array: Array) -> str:
    if array.dtype.kind in "fc":
        return f"asarray: there is no {array.dtype} here: say dtype=flux.float64 or another"
    if array.dtype.kind == "O":
        kinds = {type(item) for item in array.ravel()[:1000]}
        if all(map(_is_numeric, kinds)):
            return "asarray: an array of dtype object may hold anything: convert it with .astype"
        names = sorted(kind.__name__ for kind in kinds)
        return f"asarray: elements are numbers, got {' and '.join(names)}"
    return f"asarray: elements are numbers, got an array of dtype {array.dtype}"


# Python's own numbers and sequences


def _from_python(data: Any, wanted: DType | None) -> Array:
    """A number, or nested sequences of Python's own numbers alone."""
    try:
        with np.errstate(all="ignore"):
            array = np.asarray(data, dtype=None if wanted is None else wanted.dtype)
    except ValueError as error:
        if "inhomogeneous" in str(error) or "setting an array element" in str(error):
            raise ShapeError(f"asarray: the nested sequences are ragged: {_ragged(data)}") from None
        raise DTypeError(f"asarray: {error}") from None
    except (OverflowError, TypeError) as error:
        raise DTypeError(f"asarray: {_misfit(data, wanted) or error}") from None
    if wanted is not None:
        return array
    if array.size == 0 and array.dtype == np.float64:
        return array.astype(dtypes.default_float.dtype)
    if array.dtype == np.float64 and np.any(np.abs(array) >= 2.0**63):
        # numpy turns integers that fit neither int64 nor uint64 together into floats.
        _check_integers(data)
    if array.dtype.kind == "O":
        _check_integers(data)
        raise DTypeError(_unsupported(array))
    with np.errstate(all="ignore"):
        return array.astype(_DEFAULTS.get(array.dtype, array.dtype), copy=False)


_DEFAULTS = {
    np.dtype(np.float64): dtypes.default_float.dtype,
    np.dtype(np.complex128): dtypes.default_complex.dtype,
}


def _check_integers(data: Any) -> None:
    values = list(_leaves(data))
    if all(isinstance(v, int) for v in values):
        worst = max(values, key=abs)
        raise DTypeError(
            f"asarray: no integer dtype holds {worst!r:.40} here: say dtype=flux.float64, "
            "or keep integers between -2**63 and 2**63-1 (2**64-1 where none is negative)"
        )


def _misfit(data: Any, wanted: DType | None) -> str | None:
    """Which number the dtype cannot hold."""
    if wanted is None:
        return None
    number = next((v for v in _leaves(data) if isinstance(v, complex)), None)
    if number is not None and not wanted.is_complex:
        return f"{wanted} cannot hold {number!r}: take its real part, or say dtype=flux.complex64"
    if not wanted.is_integer:
        return None
    low, high = (0, 2**wanted.bits) if wanted.kind == "uint" else (
        -(2 ** (wanted.bits - 1)), 2 ** (wanted.bits - 1))  # fmt: skip
    for value in _leaves(data):
        if not low <= value < high:
            return f"{value!r:.40} does not fit {wanted}, which holds {low} to {high - 1}"
    return None


def _leaves(data: Any) -> Iterator[Any]:
    if isinstance(data, (list, tuple)):
        for item in data:
            yield from _leaves(item)
    else:
        yield data


def _ragged(data: Any, where: str = "") -> str:
    """Which two neighbours have different lengths."""
    lengths = [len(item) if isinstance(item, (list, tuple)) else None for item in data]
    for i, length in enumerate(lengths):
        if length != lengths[0]:
            return (
                f"data{where}[0] has {_length_text(lengths[0])}, "
                f"data{where}[{i}] has {_length_text(length)}"
            )
    for i, item in enumerate(data):
        if isinstance(item, (list, tuple)) and (reason := _ragged(item, f"{where}[{i}]")):
            return reason
    if lengths and lengths[0] is not None:  # each is regular, but in its own way
        return f"the parts of data{where}[0] differ in length from those of another"
    return ""


def _length_text(length: int | None) -> str:
    return "no length, it is a number" if length is None else f"length {length}"


def _from_sequence(data: Sequence[Any], wanted: DType | None, copy: bool | None) -> Tensor:
    _refuse_sharing(copy)
    kinds: dict[type, str] = {}
    _leaf_types(data, kinds, "")
    if all(issubclass(k, _PYTHON_NUMBERS) and not issubclass(k, np.generic) for k in kinds):
        return wrap(_from_python(data, wanted))
    for kind, where in kinds.items():
        if not _is_numeric(kind):
            raise DTypeError(f"asarray: elements are numbers, got {kind.__name__} at data{where}")
    if all(issubclass(k, np.generic) for k in kinds):
        try:
            return wrap(_from_array(np.asarray(data), wanted, True))
        except ValueError:
            raise ShapeError(f"asarray: the nested sequences are ragged: {_ragged(data)}") from None
    parts = [p if isinstance(p, _PYTHON_NUMBERS) else asarray(p) for p in data]
    try:
        stacked = ops.stack([*promote_operands("asarray", parts)])
    except ShapeError as error:
        raise ShapeError(f"asarray: the nested sequences are ragged: {error}") from None
    return stacked if wanted is None or wanted is stacked.dtype else _convert(stacked, wanted)


def _leaf_types(data: Sequence[Any], found: dict[type, str], where: str) -> None:
    """The types of the elements, each with the place of its first occurrence."""
    for kind in set(map(type, data)):
        if issubclass(kind, (list, tuple)):
            for i, item in enumerate(data):
                if isinstance(item, (list, tuple)):
                    _leaf_types(item, found, f"{where}[{i}]")
        elif kind not in found:
            found[kind] = f"{where}[{[type(item) for item in data].index(kind)}]"


def _is_numeric(kind: type) -> bool:
    if issubclass(kind, (str, bytes)):
        return False
    if issubclass(kind, (*_PYTHON_NUMBERS, np.number, np.bool_, np.ndarray, Tensor, Dim, Unknown)):
        return True
    return any(hasattr(kind, name) for name in ("__dlpack__", "__array__", "__buffer__")) or (
        kind.__name__ in ("array", "memoryview")
    )
