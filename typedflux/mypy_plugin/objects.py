"""What names and types of arguments stand for, whatever surrounds them."""

from __future__ import annotations

import importlib
import itertools
from collections.abc import Sequence
from typing import Any

import numpy as np
from mypy.nodes import (
    Expression,
    RefExpr,
    Var,
)
from mypy.types import (
    Instance,
    ProperType,
    UnionType,
    get_proper_type,
)

from typedflux import dtypes
from typedflux.core.types import TensorType
from typedflux.dtypes import DType, DTypeSet
from typedflux.mypy_plugin.encoding import DIM_OF, Encoder, is_instance
from typedflux.mypy_plugin.runs import Undetermined


def is_size(t: ProperType) -> bool:
    """Whether a type is an int, or a union of ints such as `Size["n"]`."""
    if isinstance(t, UnionType):
        return all(is_size(get_proper_type(item)) for item in t.items)
    return isinstance(t, Instance) and (t.type.fullname == "builtins.int" or is_instance(t, DIM_OF))


NOTHING: Any = object()


SEQUENCES = {
    "builtins.tuple", "builtins.list", "typing.Sequence", "typing.Iterable",
    "collections.abc.Sequence", "collections.abc.Iterable",
}  # fmt: skip
BUILTINS: dict[str, Any] = {
    f"builtins.{f.__name__}": f
    for f in (tuple, list, range, len, slice, reversed, sorted, min, max, abs, sum, int, bool)
}
MOST_ITEMS = 100
_OWN = ("typedflux.", "numpy.", "math.")
_PYTHON_TYPES = {f"builtins.{t.__name__}": t for t in (bool, int, float, complex)}


def own_object(expression: RefExpr) -> Any:
    """What a name stands for that any program can see: a dtype or function of the package, a number
    type, a constant; `NOTHING` for a name of the program's own."""
    name = expression.fullname
    if name in _CONSTANTS:
        return _CONSTANTS[name]
    if not name.startswith(_OWN):
        return NOTHING
    module, _, last = name.rpartition(".")
    try:
        found = getattr(importlib.import_module(module), last, NOTHING)
    except ImportError:
        return NOTHING  # an attribute of a class, or a name inside a function
    constant = isinstance(found, (DType, DTypeSet, int, float, type(None)))
    own = callable(found) and name.startswith("typedflux.")
    number = isinstance(found, type) and issubclass(found, np.generic)
    return found if constant or own or number else NOTHING


_CONSTANTS: dict[str, Any] = {
    "builtins.True": True, "builtins.False": False, "builtins.None": None,
    "builtins.Ellipsis": ..., **_PYTHON_TYPES,
}  # fmt: skip


def declared_type(expression: Expression) -> ProperType | None:
    """The type that the program declares for a name, `None` where mypy inferred it."""
    node = expression.node if isinstance(expression, RefExpr) else None
    if not isinstance(node, Var) or node.is_inferred or node.type is None:
        return None
    return get_proper_type(node.type)


def foreign_tensor(t: Instance, encoder: Encoder) -> TensorType | None:
    """What a numpy array or number is beside a tensor."""
    if not is_instance(t, "numpy.generic") and not is_instance(t, "numpy.ndarray"):
        return None
    open_axes = (encoder.dim(encoder.unknown_axes()),)
    return TensorType(dtypes.Shaped, () if is_instance(t, "numpy.generic") else open_axes)


def strung(kind: type, stars: Sequence[bool], *values: Any) -> Any:
    """A tuple or list of values, of which some are spread out."""
    parts = [tuple(v) if star else (v,) for v, star in zip(values, stars, strict=True)]
    return kind(itertools.chain(*parts))


def example(fullname: str) -> Any:
    """An object of one of the package's own classes, where one can be made of nothing."""
    module, _, name = fullname.rpartition(".")
    if not module.startswith("typedflux."):
        raise Undetermined
    try:
        return getattr(importlib.import_module(module), name)()
    except Exception as error:
        raise Undetermined from error
