"""Layouts in the notation of einops (Rogozhnikov, 2022): `"b c (h p) -> b h (c p)"`.

Each side of a pattern names the axes of the tensor before and after. Axes in brackets are one axis
of the tensor, the last varying fastest; `1` is an axis of size 1, `...` any number of axes. Sizes
that do not follow from the tensor's shape are given by name.

The patterns are planned in `typedflux.shapes.einops` and performed with reshapes, transposes,
reductions and broadcasts, which bring derivatives and symbolic sizes along.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any, Final, Literal, TypeAlias

from typedflux import ops
from typedflux.ops.families import same_shape
from typedflux.ops.interchange import to_tensor
from typedflux.ops.manipulation import permute_dims_p
from typedflux.shapes.dims import Dim, Dimension, Unknown
from typedflux.shapes.einops import EinopsKind, EinopsPlan, plan_einops
from typedflux.shapes.errors import DTypeError, ShapeError
from typedflux.tensor import Tensor, TensorLike

Several: TypeAlias = TensorLike | Sequence[TensorLike]
Reduction: TypeAlias = (
    Literal["mean", "sum", "max", "min", "prod", "any", "all"]
    | Callable[[Tensor, tuple[int, ...]], Tensor]
)

_REDUCTIONS: Final[dict[str, Callable[[Tensor, tuple[int, ...]], Tensor]]] = {
    "mean": lambda x, axes: ops.mean(x, axis=axes),
    "sum": lambda x, axes: ops.sum(x, axis=axes),
    "max": lambda x, axes: ops.max(x, axis=axes),
    "min": lambda x, axes: ops.min(x, axis=axes),
    "prod": lambda x, axes: ops.prod(x, axis=axes),
    "any": lambda x, axes: ops.any(x, axis=axes),
    "all": lambda x, axes: ops.all(x, axis=axes),
}


def rearrange(x: Several, pattern: str, /, **sizes: int) -> Tensor:
    """The elements of `x` in another layout: transposed, split, merged, with axes of size 1 more
    or less.

    Tensors in a list are stacked first, along a new first axis.

    Raises:
        AnnotationError: for a pattern that is none.
        ShapeError: where the pattern does not fit the shape, or a size is missing.

    >>> rearrange(ops.zeros((2, 5, 24)), "b t (h d) -> b h t d", h=8).shape
    (2, 8, 5, 3)
    >>> rearrange([ops.zeros((3, 4))] * 6, "(r c) h w -> (r h) (c w)", c=2).shape
    (9, 8)
    """
    tensor, plan = _plan("rearrange", x, pattern, sizes)
    return _laid_out(tensor, plan)


def reduce(x: Several, pattern: str, /, reduction: Reduction, **sizes: int) -> Tensor:
    """`x` without the axes that the right side of the pattern lacks, which are reduced; and laid
    out as by `rearrange`.

    `reduction` is "mean", "sum", "max", "min", "prod", "any" or "all", with the dtypes of these
    functions, or a function of a tensor and a tuple of axes. Axes to reduce may be numbers:
    `"b c (h 2) (w 2) -> b c h w"`.

    Raises:
        AnnotationError: for a pattern that is none.
        ShapeError: where the pattern does not fit the shape, or a size is missing.
        ValueError: for a reduction that does not exist.

    >>> reduce(ops.ones((2, 3, 4, 4)), "b c h w -> b c", "sum")
    Tensor([[16., 16., 16.],
            [16., 16., 16.]], float32)
    >>> reduce(ops.asarray([1.0, 5.0, 2.0, 3.0]), "(t 2) -> t", "max")
    Tensor([5., 3.], float32)
    """
    if isinstance(reduction, str):
        function = _REDUCTIONS.get(reduction)
    else:
        function = reduction if callable(reduction) else None
    if function is None:
        names = ", ".join(_REDUCTIONS)
        raise ValueError(
            f"reduce '{pattern}': there is no reduction {reduction!r:.40}; there are {names}"
        )
    tensor, plan = _plan("reduce", x, pattern, sizes)
    split = _reshaped(tensor, plan.split)
    try:
        tensor = function(split, plan.reduced)
    except (ShapeError, DTypeError) as error:
        raise type(error)(f"reduce '{pattern}': {error}") from None
    kept = tuple([d for i, d in enumerate(plan.split) if i not in plan.reduced])
    if tensor.ndim != len(kept):
        raise ShapeError(
            f"reduce '{pattern}': the reduction was to remove axes {plan.reduced} of a tensor of "
            f"shape {split.shape}, but gave one of shape {tensor.shape}"
        )
    return _reshaped(_transposed(tensor, plan.order), plan.shape)


def einops_repeat(x: Several, pattern: str, /, **sizes: int) -> Tensor:
    """The elements of `x` repeated along the axes that are only on the right side of the pattern,
    and laid out as by `rearrange`. The function `repeat` is the array API's.

    Raises:
        AnnotationError: for a pattern that is none.
        ShapeError: where the pattern does not fit the shape, or a size is missing.

    >>> einops_repeat(ops.asarray([1, 2]), "w -> h w", h=2)
    Tensor([[1, 2],
            [1, 2]], int64)
    >>> einops_repeat(ops.asarray([1, 2]), "w -> (w 3)")
    Tensor([1, 1, 1, 2, 2, 2], int64)
    """
    tensor, plan = _plan("repeat", x, pattern, sizes)
    return _laid_out(tensor, plan)


def _plan(
    kind: EinopsKind, x: Any, pattern: str, sizes: dict[str, int]
) -> tuple[Tensor, EinopsPlan]:
    if not isinstance(pattern, str):
        raise TypeError(f"{kind} takes a pattern such as 'b c -> c b', got {pattern!r:.40}")
    tensor = ops.stack(x) if isinstance(x, (list, tuple)) else to_tensor(kind, x)
    shape = tensor.shape
    for size in (*shape, *sizes.values()):
        if type(size) is not int or size < 0:
            # Symbolic: comparing it with a key could pin it.
            named = {name: _size(kind, pattern, name, value) for name, value in sizes.items()}
            return tensor, plan_einops(kind, pattern, shape, named)
    return tensor, _planned(kind, pattern, shape, tuple(sizes.items()))


@lru_cache(maxsize=1024)
def _planned(
    kind: EinopsKind, pattern: str, shape: tuple[int, ...], sizes: tuple[tuple[str, int], ...]
) -> EinopsPlan:
    return plan_einops(kind, pattern, shape, dict(sizes))


def _size(kind: EinopsKind, pattern: str, name: str, value: Any) -> Dimension:
    if isinstance(value, (Dim, Unknown)):
        return value
    if isinstance(value, bool) or not hasattr(value, "__index__"):
        raise TypeError(
            f"{kind} '{pattern}': the size of '{name}' must be an integer, got {value!r:.40}"
        )
    size: int = value.__index__()
    if size < 0:
        raise ShapeError(f"{kind} '{pattern}': the size of '{name}' cannot be {size}")
    return size


def _laid_out(x: Tensor, plan: EinopsPlan) -> Tensor:
    x = _transposed(_reshaped(x, plan.split), plan.order)
    if plan.inserted:
        new = dict(plan.inserted)
        x = _reshaped(x, tuple([1 if i in new else d for i, d in enumerate(plan.expanded)]))
        x = ops.broadcast_to(x, plan.expanded)  # type: ignore[arg-type]
    return _reshaped(x, plan.shape)


def _transposed(x: Tensor, order: tuple[int, ...]) -> Tensor:
    if order == tuple(range(len(order))):
        return x
    out: Tensor = permute_dims_p.bind(x, axes=order)
    return out


def _reshaped(x: Tensor, shape: Any) -> Tensor:
    return x if same_shape(x.shape, shape) else ops.reshape(x, shape)
