"""What one row of the operations' table says, and the helpers that rows are written with.

Samples are written once, in float64, and cast to each dtype under test. Their values are odd
multiples of 1/32 below 4, so every dtype holds them exactly, and they never meet the kinks that
activations have at 0, 1 or 6.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import EllipsisType
from typing import Any, Final, TypeAlias

import numpy as np
import numpy.typing as npt

from typedflux import dtypes
from typedflux.dtypes import DType
from typedflux.tensor import Tensor, wrap

Array: TypeAlias = npt.NDArray[Any]
Random: TypeAlias = np.random.Generator
Operands: TypeAlias = tuple[Array, ...]
Samples: TypeAlias = Callable[[Random], Sequence[Operands]]

BOOL: Final = (dtypes.bool_,)
INTS: Final = (dtypes.int8, dtypes.int16, dtypes.int32, dtypes.int64)
UINTS: Final = (dtypes.uint8, dtypes.uint16, dtypes.uint32, dtypes.uint64)
INTEGERS: Final = INTS + UINTS
FLOATS: Final = (dtypes.float16, dtypes.bfloat16, dtypes.float32, dtypes.float64)
COMPLEX: Final = (dtypes.complex64, dtypes.complex128)
INEXACT: Final = FLOATS + COMPLEX
REAL: Final = INTEGERS + FLOATS
NUMBERS: Final = REAL + COMPLEX
ALL: Final = BOOL + NUMBERS


def same(dtype: DType) -> Any:
    """The `result` of operations that keep the dtype."""
    return dtype


def always(*wanted: DType) -> Callable[[DType], Any]:
    """The `result` of operations whose dtypes do not depend on the operands'."""
    return lambda _: wanted if len(wanted) > 1 else wanted[0]


def accumulated(dtype: DType) -> Any:
    """The `result` of sums and products: 64 bits for integers and booleans."""
    if dtype.is_inexact:
        return dtype
    return dtypes.uint64 if dtype.kind == "uint" else dtypes.int64


@dataclass(frozen=True, eq=False)
class Row:
    """One operation under test.

    Attributes:
        name: the public function's name, and after a blank the variant: "conv strided".
        function: called with one tensor per operand; returns a tensor, or a tuple or list of them.
        samples: operands by the case. Floating arrays are cast to each dtype under test; integers
            and booleans (indices, masks) stay what they are. Its shapes depend on no random number.
        reference: a function of the operands as float64, complex128, int64, uint64 or bool arrays;
            or the file of PyTorch's values in float64, where they are stored under the row's name
            (see `tests/references/make_ops.py`).
        dtypes: those that the floating operands may have.
        refuses: whether all other dtypes are refused.
        result: the dtype of the result (a tuple for several) by that of the operands.
        differentiable: which operands have a derivative: all floating ones by default.
        smooth: whether second derivatives exist at the samples.
        tolerance: a factor on the tolerance, which is a few units in the last place.
        promotes: whether operands of different dtypes are promoted.
        weak: whether Python numbers can stand for an operand.
        edges: samples with infinities, nan, zeros: for values alone, in float32 and float64.
        fixed: by operand, the axes whose sizes must be numbers; `...` for all of them.
        resizable: whether the operation is defined when every size is doubled.
        unknown: whether the sizes of the result depend on values.
        batched: whether it can run under `vmap`.
        covers: other public functions that this row exercises.
    """

    name: str
    function: Callable[..., Any]
    samples: Samples
    reference: Callable[..., Any] | str
    dtypes: Sequence[DType] = FLOATS
    result: Callable[[DType], Any] = same
    differentiable: tuple[int, ...] | None = None
    smooth: bool = True
    tolerance: float = 1.0
    refuses: bool = True
    promotes: bool = False
    weak: bool = False
    edges: Callable[[], Sequence[Operands]] | None = None
    fixed: Mapping[int, tuple[int, ...] | EllipsisType] = field(default_factory=dict)
    resizable: bool = True
    unknown: bool = False
    batched: bool = True
    covers: tuple[str, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """The public functions that it exercises."""
        return (self.name.partition(" ")[0], *self.covers)

    def generate(self, turn: int = 0) -> Sequence[Operands]:
        """The samples; with another `turn`, other values of the same shapes."""
        seed = [zlib.crc32(self.name.encode()), turn]
        return self.samples(np.random.default_rng(seed))

    def is_differentiable(self, operands: Operands) -> tuple[int, ...]:
        """The operands to differentiate by."""
        if self.differentiable is not None:
            return self.differentiable
        return tuple(i for i, x in enumerate(operands) if x.dtype.kind == "f")


# Operands of a dtype


def cast(x: Array, dtype: DType) -> Array:
    """A sample's operand in `dtype`; indices and masks as they are. Nobody may write to it."""
    if x.dtype.kind != "f":
        out = x.copy()
    elif dtype.is_complex:
        out = (x + 1j * np.roll(x.ravel(), 1).reshape(x.shape)).astype(dtype.dtype)
    elif dtype.is_floating:
        out = x.astype(dtype.dtype)
    elif dtype.kind == "bool":
        out = np.asarray(x > 0)
    else:
        whole = np.copysign(np.ceil(2 * np.abs(x)), x)  # away from 0
        out = (np.abs(whole) if dtype.kind == "uint" else whole).astype(dtype.dtype)
    out = np.asarray(out)
    out.flags.writeable = False
    return out


def wide(x: Array) -> Array:
    """The same values in the dtype that references compute with."""
    if x.dtype.kind in "biu":
        return x.astype({"b": np.bool_, "i": np.int64, "u": np.uint64}[x.dtype.kind])
    return x.astype(np.complex128 if x.dtype.kind == "c" else np.float64)


def tensors(operands: Operands, dtype: DType) -> list[Tensor]:
    """A sample's operands as tensors around read-only arrays."""
    return [wrap(cast(x, dtype)) for x in operands]


# Samples


def numbers(random: Random, *shape: int) -> Array:
    """Numbers of both signs, never 0."""
    odd = 2 * np.clip(np.round(random.standard_normal(shape) * 16), -64, 63) + 1
    return np.asarray(odd / 32)


def positive(random: Random, *shape: int) -> Array:
    """Numbers from 1/32 to 4."""
    return np.abs(numbers(random, *shape))


def fractions(random: Random, *shape: int) -> Array:
    """Numbers from -1 to 1, both excluded."""
    return np.asarray((2 * random.integers(-15, 15, shape) + 1) / 32)


def distinct(random: Random, *shape: int) -> Array:
    """Numbers of both signs without ties, for operations that compare them."""
    count = int(np.prod(shape))
    assert count < 128, shape
    return np.asarray((2 * (random.permutation(count) - count // 2) + 1) / 32).reshape(shape)


Values: TypeAlias = Callable[..., Array]

SHAPES: Final = ((3, 4), (), (1,), (2, 1, 3), (0, 3))
PAIRS: Final = (((3, 4), (3, 4)), ((2, 1, 4), (3, 1)), ((), (4,)), ((2, 3), (0, 1, 1)))


def of_shapes(*shapes: tuple[int, ...], values: Values = numbers) -> Samples:
    """Samples of one operand, one for each shape."""
    return lambda random: [(values(random, *shape),) for shape in shapes]


def of_pairs(*pairs: Sequence[tuple[int, ...]], values: Sequence[Values] | None = None) -> Samples:
    """Samples of several operands, whose shapes are given together."""

    def samples(random: Random) -> list[Operands]:
        makers = values or (numbers,) * len(pairs[0])
        return [
            tuple(make(random, *s) for make, s in zip(makers, shapes, strict=True))
            for shapes in pairs
        ]

    return samples


SPECIAL: Final = np.array([np.nan, np.inf, -np.inf, 0.0, -0.0, 1.0, -1.0, 200.0, -200.0, 1e-5])


def special_values() -> list[Operands]:
    """Edges of one operand."""
    return [(SPECIAL,)]


def special_pairs() -> list[Operands]:
    """Edges of two operands: every pair."""
    return [(SPECIAL[:, None], SPECIAL)]
