"""Sizes as values: arithmetic on them stays a dimension."""

from __future__ import annotations

import operator
from typing import Any

from mypy.plugin import MethodContext
from mypy.types import Type

from typedflux.mypy_plugin.encoding import Encoder
from typedflux.shapes.dims import Dim
from typedflux.shapes.errors import UndecidedError


class Sizes:
    """What is known of ints that are dimensions."""

    def __init__(self, encoder: Encoder) -> None:
        self.encoder = encoder

    def arithmetic(self, operator_name: str, ctx: MethodContext) -> Type:
        """`2 * n + 1` on sizes stays a dimension."""
        if not ctx.arg_types or not ctx.arg_types[0]:
            return ctx.default_return_type
        mine, other = self.encoder.dim(ctx.type), self.encoder.dim(ctx.arg_types[0][0])
        name = operator_name.strip("_")
        if name.startswith("r"):
            mine, other, name = other, mine, name[1:]
        try:
            result: Any = getattr(operator, name)(mine, other)
        except (UndecidedError, ArithmeticError):  # an order of unknown sizes, a division by 0
            return ctx.default_return_type
        if isinstance(result, (int, Dim)) and not isinstance(result, bool):
            return self.encoder.size_type(result)
        return ctx.default_return_type
