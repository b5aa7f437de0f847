"""What is known of a tensor without its values: dtype and shape."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from typedflux.dtypes import AnyDType, family_around
from typedflux.shapes.dims import Dimension
from typedflux.shapes.dims import format_shape as format_shape

Shape: TypeAlias = tuple[Dimension, ...]

_NAMES = {"bool": "Bool"}


def annotation_name(dtype: AnyDType) -> str:
    """How jaxtyping spells a data type: `Float32`, `Bool`, `BFloat16`, `Float`; the family around
    several that have no name together."""
    name = repr(family_around(dtype))
    if name.startswith("uint"):
        return "UInt" + name[4:]
    if name == "bfloat16":
        return "BFloat16"
    return name[0].upper() + name[1:]


@dataclass(frozen=True, slots=True)
class TensorType:
    """Dtype and shape: ints where sizes are fixed, `Dim`s where symbolic, `UNKNOWN` otherwise."""

    dtype: AnyDType
    shape: Shape

    @property
    def ndim(self) -> int:
        return len(self.shape)

    def __str__(self) -> str:
        return f'{annotation_name(self.dtype)}[Tensor, "{format_shape(self.shape)}"]'
