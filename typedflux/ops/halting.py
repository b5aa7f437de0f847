"""`halt_unless_finite`: an operation that ends what it is part of where a value is not finite."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from typedflux.core.primitive import Array, Lowering, Primitive, Pullbacks
from typedflux.tensor import Tensor


class Halted(ArithmeticError):
    """A value was not finite.

    Attributes:
        value: one such.
    """

    def __init__(self, value: float) -> None:
        super().__init__(f"{value} is not finite")
        self.value = value


def _kernel(x: Array) -> Array:
    flat = np.ravel(x).astype(np.float64)
    bad = flat[~np.isfinite(flat)]
    if bad.size:
        raise Halted(float(bad[0]))
    return x


def _vjp(out: Tensor, x: Tensor) -> Pullbacks:
    return (lambda g: g,)


def _jvp(out: Tensor, inputs: Sequence[Tensor], tangents: Sequence[Tensor]) -> Tensor:
    return tangents[0]


halt_unless_finite_p: Primitive = Primitive(
    "halt_unless_finite",
    _kernel,
    lambda x: x,
    _vjp,
    _jvp,
    lambda inputs, axes: (halt_unless_finite_p.bind(inputs[0]), axes[0]),
    Lowering("opaque", "halt_unless_finite"),
)


def halt_unless_finite(x: Tensor) -> Tensor:
    """`x`, a real floating-point tensor. In compiled code nothing is written to memory that is
    somebody's before all such values have been found to be finite.

    Raises:
        Halted: where a value is not finite.

    >>> from typedflux import ops
    >>> halt_unless_finite(ops.asarray(1.0))
    Tensor(1., float32)
    >>> halt_unless_finite(ops.asarray([1.0, float("nan")]))
    Traceback (most recent call last):
        ...
    typedflux.ops.halting.Halted: nan is not finite
    """
    out: Tensor = halt_unless_finite_p.bind(x)
    return out
