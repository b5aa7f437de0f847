"""What has been computed already: keys by which equations and constants are recognised."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any, Final

from typedflux.core.graph import Variable
from typedflux.core.primitive import Primitive
from typedflux.shapes.dims import Dim
from typedflux.tensor import Tensor

COMMUTATIVE: Final = frozenset(
    ("add", "multiply", "maximum", "minimum", "equal", "not_equal", "logical_and", "logical_or",
     "logical_xor", "bitwise_and", "bitwise_or", "bitwise_xor")
)  # fmt: skip
"""Operations of two operands whose order does not matter, to the last bit."""


class Shared:
    """The equations and the constants of one graph, by their keys."""

    __slots__ = ("constants", "equations")

    def __init__(self) -> None:
        self.equations: dict[Hashable, tuple[Variable, ...]] = {}
        self.constants: dict[Hashable, Variable] = {}

    def key(
        self,
        primitive: Primitive,
        inputs: tuple[Variable, ...],
        params: dict[str, Any],
        scope: object,
    ) -> Hashable | None:
        """What two equations with the same results share; `None` where that cannot be told.

        Variables are compared as objects, sizes as polynomials, which asks no question of them.
        """
        operands = tuple([id(v) for v in inputs])
        if len(operands) == 2 and operands[0] > operands[1] and primitive.name in COMMUTATIVE:
            operands = (operands[1], operands[0])
        if not params:
            return (id(primitive), operands, id(scope))
        try:
            key = (
                id(primitive),
                operands,
                id(scope),
                tuple([(name, hashable(value)) for name, value in params.items()]),
            )
            hash(key)
        except TypeError:
            return None
        return key


def hashable(value: Any) -> Hashable:
    """A key that two parameters share only when they are the same in type and value."""
    kind = type(value)
    if kind is int or kind is str:
        return (kind, value)
    if kind is tuple:
        return tuple([hashable(v) for v in value])
    if kind is float:
        return (kind, value.hex())  # 0.0 and -0.0 are equal, nan is not
    if kind is complex:
        return (kind, value.real.hex(), value.imag.hex())
    if kind is Dim:
        return (kind, value.terms)
    if kind is slice:
        return (kind, hashable(value.start), hashable(value.stop), hashable(value.step))
    if isinstance(value, (list, dict, set, Tensor)):
        raise TypeError("no value to be compared")
    return (kind, value)
