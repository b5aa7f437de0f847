"""What rules compute with: running means, sizes of complex numbers, ranges of hyper-parameters."""

from __future__ import annotations

from collections.abc import Callable

from typedflux import dtypes, ops
from typedflux.optim.rule import Scalar
from typedflux.tensor import Tensor


def real_zeros(parameter: Tensor) -> Tensor:
    """Zeros of the parameter's shape and real dtype."""
    return ops.zeros_like(parameter, dtype=dtypes.real_part(parameter.dtype))  # type: ignore[arg-type]  # exact in, exact out


def mix(weight: Scalar, old: Tensor, new: Tensor) -> Tensor:
    """The running mean: `weight` of the old value and the rest of the new one."""
    return weight * old + (1.0 - weight) * new


def squared_size(x: Tensor) -> Tensor:
    """|x|^2, real for a complex tensor too."""
    return ops.real(x * ops.conj(x)) if x.dtype.is_complex else x * x


def not_negative(rule: str, name: str, value: float) -> float:
    """`value` as a float.

    Raises:
        ValueError: when it is negative or nan.
    """
    if not value >= 0:
        raise ValueError(f"{rule}: {name} is a number of 0 or more, got {value!r}")
    return float(value)


def fraction(rule: str, name: str, value: float) -> float:
    """`value` as a float.

    Raises:
        ValueError: when it does not lie in [0, 1).
    """
    if not 0 <= value < 1:
        raise ValueError(f"{rule}: {name} is from 0 to below 1, got {value!r}")
    return float(value)


def pair(
    rule: str,
    name: str,
    values: tuple[float, float],
    check: Callable[[str, str, float], float] = fraction,
) -> tuple[float, float]:
    """Two numbers, each checked.

    Raises:
        ValueError: when `check` refuses one.
    """
    first, second = values
    return check(rule, name, first), check(rule, name, second)
