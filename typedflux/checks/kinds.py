"""Data types as jaxtyping names them, and which of them an annotation accepts.

Names are compared, so `Float32` means the same for every library. The data types that were accepted
once are known by identity afterwards, where they are objects of which each library has only one.
"""

from __future__ import annotations

import re
import sys
from typing import Any, Final

import numpy as np

from typedflux.checks.annotations import DTypeNames
from typedflux.dtypes import ALL, DTypeSet

_accepted: Final[dict[DTypeNames, set[int]]] = {}
_kept: Final[dict[int, Any]] = {}
"""Data types that were accepted, so that no other object gets their identity."""


def name_of(dtype: Any) -> str:
    """The name of a data type, in jaxtyping's words: `"float32"` for any library's.

    >>> import numpy as np, typedflux as flux
    >>> name_of(np.dtype("f4")), name_of(flux.bfloat16)
    ('float32', 'bfloat16')
    """
    scalar: Any = getattr(dtype, "type", None)
    if hasattr(scalar, "__name__"):
        name: str = scalar.__name__
        if name == "void" and dtype is not np.dtype(np.void):
            return str(dtype)  # a structured one
        return name
    if hasattr(dtype, "as_numpy_dtype"):
        return str(dtype.as_numpy_dtype.__name__)
    if isinstance(dtype, str):
        return dtype
    return repr(dtype).rsplit(".", 1)[-1]


def fits(dtype: Any, names: DTypeNames | None) -> bool:
    """Whether a data type is one of `names`; one that is not known exactly may be."""
    if names is None:
        return True
    if isinstance(dtype, DTypeSet):
        return any(_is_named(d.name, names) for d in dtype)
    if not _is_named(name_of(dtype), names):
        return False
    if _is_unique(dtype):
        _kept[id(dtype)] = dtype
        accepted(names).add(id(dtype))
    return True


def _is_named(name: str, names: DTypeNames) -> bool:
    return name in names or any(
        isinstance(n, re.Pattern) and n.match(name) is not None for n in names
    )


def _is_unique(dtype: Any) -> bool:
    """Whether there is one such object only, for as long as the program runs."""
    if isinstance(dtype, np.dtype):
        return dtype.isbuiltin == 1 and dtype is np.dtype(dtype.type)
    torch = sys.modules.get("torch")
    return torch is not None and type(dtype) is getattr(torch, "dtype", None)


def accepted(names: DTypeNames) -> set[int]:
    """The identities of data types that are surely accepted; `fits` adds to them."""
    known = _accepted.get(names)
    if known is None:
        known = _accepted.setdefault(names, set())
        for d in ALL:
            if _is_named(name_of(d), names):
                known |= {id(d), id(d.dtype)}
    return known


def usual_class(array_type: type) -> type:
    """The class that values of an array type mostly have: to be compared with first."""
    if array_type.__module__.partition(".")[0] in ("jax", "jaxlib"):
        # jax.Array is the interface of arrays and tracers; asking it takes microseconds.
        arrays = sys.modules.get("jax._src.array")
        concrete = getattr(arrays, "ArrayImpl", None)
        if isinstance(concrete, type) and array_type is getattr(sys.modules["jax"], "Array", None):
            return concrete
    return array_type


def preferred(array_type: Any, names: DTypeNames) -> Any:
    """The data type to compare with first: the one that is wanted, or the usual one of a family."""
    usual = ("float32", "int64", "bool", "complex64")
    name = next((n for n in (*usual, *sorted(map(str, names))) if n in names), None)
    if name is None:
        return None
    if getattr(array_type, "__module__", "").partition(".")[0] == "torch":
        return getattr(sys.modules.get("torch"), name, None)
    return next((d.dtype for d in ALL if d.name == name), None)
