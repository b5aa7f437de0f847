"""`Size`: an int that is a dimension, in the type system."""

from __future__ import annotations

from typing import Generic, TypeVar, Union

D = TypeVar("D")


class DimOf(Generic[D]):
    """The static side of `Size[D]`: never instantiated. A plain int is accepted beside it, so code
    checked without the plugin type-checks gradually."""

    __slots__ = ()


Size = Union[int, DimOf[D]]
"""`Size["n"]`, `Size[In]`: an int argument that binds the dimension of that name.

A traced, symbolic size is accepted too.
"""
