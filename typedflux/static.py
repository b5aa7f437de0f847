"""Classes that exist for type checkers only: what stands in `Tensor[...]` for dtypes and sizes.

The plugin writes the type of a tensor as `Tensor[Float32, Literal[784], n]`: a dtype class, then a
type per axis. These classes are never instantiated; users meet them only under their jaxtyping
spelling, `Float32[Tensor, "784 n"]`.
"""

from __future__ import annotations

from typing import Annotated as Leading
from typing import Annotated as Taking
from typing import Any, Generic

from typing_extensions import TypeAliasType, TypeVar, TypeVarTuple, Unpack

__all__ = ["Leading", "Taking"]


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
Whole = TypeVar("Whole")
Element = TypeVar("Element")
Axes = TypeVarTuple("Axes")


class Expression(Generic[Template, Unpack[Atoms]]):
    """A size computed from others: `Expression[Literal["2*{0}+1"], n]` is `2*n+1`."""


class Moved(Any, Generic[Whole, Template, Unpack[Atoms]]):  # type: ignore[misc]
    """`Moved[D, Literal["n -> ?batch"]]`: data with another leading axis, written as
    `Leading[D, "n -> ?batch"]`; see `typedflux.mypy_plugin.leading`. Where mypy meets it before
    it is known what that is, it is anything."""


Value = TypeVar("Value")


class Constant(Generic[Value]):
    """A value that a type cannot hold: `Constant[Literal["0.5"]]`, or the name of a function."""


Built_co = TypeVar("Built_co", default=Any, covariant=True)
"""What a layer was built from; the last type parameter of a layer whose results annotations cannot
spell, for the static checker to build it again. Nobody writes it."""


# Aliases that stand for one of their arguments, or for anything, and carry what mypy need not see.

Held = TypeAliasType("Held", Whole, type_params=(Whole, Element, Axes))
"""`Held[ndarray, Float32, Literal[3], n]`: an array of another library, annotated."""

Written = TypeAliasType("Written", Whole, type_params=(Whole, Template, Axes))
"""`Written[Tensor, Literal["Float32"], Literal["3 n"]]`: what an alias of an annotation stands for;
its names are bound where the alias is used."""

Broadcast = TypeAliasType("Broadcast", Any, type_params=(Element,))
"""`Broadcast[n]` is the axis `#n`: it is n or 1, so nothing is known of it inside."""

BroadcastAxes = TypeAliasType("BroadcastAxes", tuple[Any, ...], type_params=(Axes,))
"""`Unpack[BroadcastAxes[Unpack[batch]]]` are the axes `*#batch`."""

Shared = TypeAliasType("Shared", Any, type_params=(Element,))
"""`Shared[Literal["n"]]`: a name in the body of a class that is none of the class's variables. It
is one size for all the arguments of a constructor, and nobody knows which afterwards."""

SharedAxes = TypeAliasType("SharedAxes", tuple[Any, ...], type_params=(Element,))
"""`Unpack[SharedAxes[Literal["batch"]]]`: the same for `*batch`."""

Takes = TypeAliasType("Takes", Whole, type_params=(Whole, Template))
"""`Takes[Callable[..., Any], Literal["model *data"]]`: a function that is called with an argument
of the call and with the parts of the items of another, written `Taking[..., "model *data"]`."""

Reshaped = TypeAliasType("Reshaped", Whole, type_params=(Whole,))
"""`Reshaped[Y]`: a result that is structured as `Y`, with tensors of other shapes. The checker
executes the function to tell which, and knows none where it cannot."""
