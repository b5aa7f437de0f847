"""Functions of many tensors, some of which vary."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from typedflux.tensor import Tensor


def of_varying(
    run: Callable[[list[Tensor]], Any], tensors: Sequence[Tensor], varies: Sequence[bool]
) -> tuple[Callable[[list[Tensor]], Any], list[Tensor]]:
    """`run(tensors)` as a function of those that vary alone, the others held; and those."""

    def inner(varying: list[Tensor]) -> Any:
        remaining = iter(varying)
        return run([next(remaining) if v else t for t, v in zip(tensors, varies, strict=True)])

    return inner, [t for t, v in zip(tensors, varies, strict=True) if v]
