"""How data types are kept in memory and in registers, and conversion between them as numpy's.

Registers hold float16 and bfloat16 numbers as `float`, rounded to their own precision, and booleans
as `i1`; memory holds booleans as bytes. bfloat16 is handled through its bits: conversion
instructions of CPUs for it flush denormal numbers.
"""

from __future__ import annotations

import platform

from typedflux.compile.native.emitter import (
    DOUBLE,
    FLOAT,
    I1,
    I8,
    I16,
    Function,
    Index,
    Type,
    Value,
    literal,
)
from typedflux.compile.native.floating import bits, from_bits, shift_left, shift_right
from typedflux.dtypes import DType

# A float beyond an integer type: x86 gives the smallest integer, ARM the nearest.
_SATURATES = platform.machine().lower() in ("arm64", "aarch64")

_NARROW = {"float16": "half", "bfloat16": "bfloat"}


def compute_type(dtype: DType) -> Type:
    """The scalar that registers hold.

    >>> from typedflux import dtypes
    >>> compute_type(dtypes.bfloat16).scalar, compute_type(dtypes.uint8).scalar
    ('float', 'i8')

    Raises:
        TypeError: for complex numbers, which generated code does not know.
    """
    if dtype.is_complex:
        raise TypeError(f"generated code has no {dtype}")
    if dtype.is_floating:
        return DOUBLE if dtype.bits == 64 else FLOAT
    return I1 if dtype.kind == "bool" else Type(f"i{dtype.bits}")


def memory_type(dtype: DType) -> Type:
    """The scalar that memory holds.

    >>> from typedflux import dtypes
    >>> memory_type(dtypes.float16).scalar, memory_type(dtypes.bool_).scalar
    ('half', 'i8')
    """
    if dtype.name in _NARROW:
        return Type(_NARROW[dtype.name])
    return I8 if dtype.kind == "bool" else compute_type(dtype)


def load(
    f: Function, dtype: DType, lanes: int, pointer: Value, index: Index, mask: Value | None = None
) -> Value:
    """Consecutive elements from `index` on (one, as a scalar, where `lanes` is 0).

    Where `mask` is not set memory is not read, and the value is 0.
    """
    type = memory_type(dtype).wide(lanes)
    if type.scalar == "bfloat":
        type = I16.wide(lanes)
    if mask is None or not lanes:
        value = f.load(type, pointer, index)
    else:
        value = f.load_some(type, pointer, index, mask)
    return unpack(f, value, dtype)


def store(
    f: Function, dtype: DType, value: Value, pointer: Value, index: Index, mask: Value | None = None
) -> None:
    """Write a scalar or consecutive lanes from element `index` on, where `mask` is set."""
    packed = pack(f, value, dtype)
    if mask is None or not value.type.lanes:
        f.store(packed, pointer, index)
    else:
        f.store_some(packed, pointer, index, mask)


def unpack(f: Function, value: Value, dtype: DType) -> Value:
    """What memory holds (bits, as `i16`, of bfloat16) as registers do."""
    if dtype.kind == "bool":
        return f.compare("ne", value, literal(value.type, 0))
    if dtype.name == "float16":
        return f.cast("fpext", value, value.type.of("float"))
    if dtype.name == "bfloat16":
        return from_bits(f, shift_left(f, f.cast("zext", value, value.type.of("i32")), 16))
    return value


def pack(f: Function, value: Value, dtype: DType) -> Value:
    """What registers hold as memory does (the bits, as `i16`, of bfloat16)."""
    if dtype.kind == "bool":
        return f.cast("zext", value, value.type.of("i8"))
    if dtype.name == "float16":
        return f.cast("fptrunc", value, value.type.of("half"))
    if dtype.name == "bfloat16":
        high = shift_right(f, _nearest_bfloat(f, value), 16, signed=False)
        return f.cast("trunc", high, value.type.of("i16"))
    return value


def _nearest_bfloat(f: Function, value: Value) -> Value:
    """Bits of a float whose upper half is the nearest bfloat16, halves to even."""
    raw = bits(f, value)
    odd = f.binary("and", shift_right(f, raw, 16, signed=False), literal(raw.type, 1))
    near = f.add(f.add(raw, literal(raw.type, 0x7FFF)), odd)
    quiet = f.binary("or", raw, literal(raw.type, 0x400000))  # a NaN stays one
    return f.select(f.compare("uno", value, value), quiet, near)


def rounded(f: Function, value: Value, dtype: DType) -> Value:
    """A float that was just computed as `dtype` keeps it: only the 16-bit ones change it."""
    if dtype.name == "float16":
        half = f.cast("fptrunc", value, value.type.of("half"))
        return f.cast("fpext", half, value.type)
    if dtype.name == "bfloat16":
        near = _nearest_bfloat(f, value)
        return from_bits(f, f.binary("and", near, literal(near.type, -65536)))
    return value


# From one data type to another


def astype(f: Function, value: Value, source: DType, target: DType) -> Value:
    """The conversion `numpy.ndarray.astype` makes.

    To a boolean everything but 0 is true. Integers wrap; floats lose their fraction, and what no
    integer of the target holds becomes what numpy makes of it on x86 (through `int32` for integers
    below 32 bits, `int64` for `uint32`), or the nearest integer on ARM.
    """
    if source is target:
        return value
    if target.kind == "bool":
        if source.is_floating:
            return f.compare("une", value, literal(value.type, 0.0))
        return f.compare("ne", value, literal(value.type, 0))
    if source.is_floating:
        if target.is_floating:
            return _between_floats(f, value, target)
        return _to_integer(f, value, target)
    to = value.type.of(compute_type(target).scalar)
    unsigned = source.kind in ("bool", "uint")
    if target.is_floating:
        return rounded(f, f.cast("uitofp" if unsigned else "sitofp", value, to), target)
    if to.bits < value.type.bits:
        return f.cast("trunc", value, to)
    return f.cast("zext" if unsigned else "sext", value, to)


def _between_floats(f: Function, value: Value, target: DType) -> Value:
    wide, to = value.type, value.type.of(compute_type(target).scalar)
    if wide == to:
        return rounded(f, value, target)
    if to.scalar == "double":
        return f.cast("fpext", value, to)
    near = f.cast("fptrunc", value, to)
    if target.name != "float16":
        return rounded(f, near, target)
    # Twice rounded is not rounded once, unless the first rounding goes to odd.
    lost = f.binary("fsub", value, f.cast("fpext", near, wide))
    raw = bits(f, near)
    one = literal(raw.type, 1)
    even = f.compare("eq", f.binary("and", raw, one), literal(raw.type, 0))
    inexact = f.binary("and", even, f.compare("one", lost, literal(wide, 0.0)))
    above = f.compare("ogt", lost, literal(wide, 0.0))
    positive = f.compare("sge", raw, literal(raw.type, 0))
    outwards = f.compare("eq", above, positive)
    step = f.select(outwards, one, literal(raw.type, -1))
    odd = f.select(inexact, f.add(raw, step), raw)
    return rounded(f, from_bits(f, odd), target)


def _to_integer(f: Function, value: Value, target: DType) -> Value:
    to = value.type.of(f"i{target.bits}")
    if _SATURATES:
        name = f"llvm.fpto{'u' if target.kind == 'uint' else 's'}i.sat"
        return f.call(f"{name}.{to.suffix}.{value.type.suffix}", to, value)
    if target.name == "uint64":
        half = literal(value.type, 2.0**63)
        large = f.compare("oge", value, half)
        low = _to_signed(f, f.select(large, f.sub(value, half), value), 64)
        top = f.select(large, literal(to, -(2**63)), literal(to, 0))
        return f.binary("xor", low, top)
    through = 64 if target.bits == 64 or target.name == "uint32" else 32
    return f.cast("trunc", _to_signed(f, value, through), to)


def _to_signed(f: Function, value: Value, width: int) -> Value:
    to = value.type.of(f"i{width}")
    limit = literal(value.type, 2.0 ** (width - 1))
    fits = f.binary(
        "and",
        f.compare("oge", value, f.negative(limit)),
        f.compare("olt", value, limit),
    )
    if value.type.scalar == "double" and width == 32:  # the fraction below the limit is cut off
        fits = f.binary(
            "and",
            f.compare("ogt", value, literal(value.type, -(2.0**31) - 1)),
            f.compare("olt", value, limit),
        )
    safe = f.select(fits, value, literal(value.type, 0.0))
    return f.select(fits, f.cast("fptosi", safe, to), literal(to, -(2 ** (width - 1))))
