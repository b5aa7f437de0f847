"""Sums and products of float16 and bfloat16 become those of float32, rounded once.

That is what their kernels do. What is elementwise needs no rule: its code converts what it loads
and stores.
"""

from __future__ import annotations

from typing import Any, Final

from typedflux import ops
from typedflux.compile.passes.decomposition import is_half, widened
from typedflux.compile.passes.rewriting import Rule
from typedflux.core.primitive import Primitive
from typedflux.ops.affine import affine_p
from typedflux.ops.convolution import conv_input_gradient_p, conv_p, conv_weight_gradient_p
from typedflux.ops.cumulative import cumulative_prod_p, cumulative_sum_p
from typedflux.ops.linear import matmul_p
from typedflux.ops.pooling import (
    max_pool_gather_p,
    max_pool_p,
    max_pool_scatter_p,
    max_pool_with_index_p,
    mean_pool_gradient_p,
    mean_pool_p,
)
from typedflux.ops.reductions import sum_p
from typedflux.ops.scattering import scatter_add_p
from typedflux.ops.statistics import max_p, min_p, prod_p

_WIDENED: Final[tuple[Primitive, ...]] = (
    matmul_p, affine_p, conv_p, conv_input_gradient_p, conv_weight_gradient_p, max_pool_p,
    max_pool_with_index_p, max_pool_gather_p, max_pool_scatter_p, mean_pool_p,
    mean_pool_gradient_p, sum_p, prod_p, max_p, min_p, cumulative_sum_p, cumulative_prod_p,
    scatter_add_p,
)  # fmt: skip


def _in_single(primitive: Primitive) -> Rule:
    def rule(*operands: Any, **params: Any) -> Any:
        halves = {x.dtype for x in operands if is_half(x)}
        if len(halves) != 1 or any([x.dtype.bits > 16 for x in operands if x.dtype.is_floating]):
            return None
        (half,) = halves
        wide = [widened(x) for x in operands]
        found = primitive.bind(*wide, **params)
        results = found if primitive.multiple else (found,)
        narrow = [ops.astype(x, half) if x.dtype.is_floating else x for x in results]
        return narrow if primitive.multiple else narrow[0]

    return rule


RULES: Final[dict[Primitive, Rule]] = {primitive: _in_single(primitive) for primitive in _WIDENED}
