"""Classes that exist for type checkers only: what stands in `Tensor[...]` for dtypes and sizes.

The plugin writes the type of a tensor as `Tensor[Float32, Literal[784], n]`: a dtype class, then a
type per axis. These classes are never instantiated; users meet them only under their jaxtyping
spelling, `Float32[Tensor, "784 n"]`.
"""

from __future__ import annotations

from typing import Any, Generic

from typing_extensions import TypeVar, TypeVarTuple, Unpack


class Shaped: ...


class Bool(Shaped): ...


class Num(Shaped): ...


class Inexact(Num): ...


class Real(Num): ...


class Integer(Real): ...


class Int(Integer): ...


class UInt(Integer): ...


class Float(Inexact, Real): ...


class Complex(Inexact): ...


class Int8(Int): ...


class Int16(Int): ...


class Int32(Int): ...


class Int64(Int): ...


class UInt8(UInt): ...


class UInt16(UInt): ...


class UInt32(UInt): ...


class UInt64(UInt): ...


class Float16(Float): ...


class BFloat16(Float): ...


class Float32(Float): ...


class Float64(Float): ...


class Complex64(Complex): ...


class Complex128(Complex): ...


Template = TypeVar("Template")
Atoms = TypeVarTuple("Atoms")


class Expression(Generic[Template, Unpack[Atoms]]):
    """A size computed from others: `Expression[Literal["2*{0}+1"], n]` is `2*n+1`."""


Value = TypeVar("Value")


class Constant(Generic[Value]):
    """A value that a type cannot hold: `Constant[Literal["0.5"]]`, or the name of a function."""


Built_co = TypeVar("Built_co", default=Any, covariant=True)
"""What a layer was built from; the last type parameter of a layer whose results annotations cannot
spell, for the static checker to build it again. Nobody writes it."""
