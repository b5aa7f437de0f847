"""The parameters and layers of whole models: lists of them, one flat vector, another precision."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any, Literal, TypeVar, overload

from typedflux import dtypes, ops
from typedflux.autodiff.forward import ForwardTracer
from typedflux.autodiff.reverse import ReverseTracer
from typedflux.core.primitive import type_of
from typedflux.core.staging import Staged
from typedflux.core.tracing import Tracer
from typedflux.core.tree import format_path, map_leaves
from typedflux.dtypes import DType
from typedflux.nn.module import Module
from typedflux.nn.walking import modules_in, tensors_in
from typedflux.shapes.errors import ShapeError
from typedflux.tensor import Tensor

T = TypeVar("T")


@overload
def trainables(model: object, *, path: Literal[False] = False) -> list[Tensor]: ...
@overload
def trainables(model: object, *, path: Literal[True]) -> dict[str, Tensor]: ...
def trainables(model: object, *, path: bool = False) -> Any:
    """The tensors that training changes: no buffers and nothing frozen; a shared one once.

    Args:
        path: whether to return a dict by path rather than a list.

    >>> import typedflux as flux
    >>> from typedflux import nn
    >>> model = nn.Chain(nn.Dense(2, 3), nn.BatchNorm(3))
    >>> list(flux.trainables(model, path=True))
    ['layers[0].weight', 'layers[0].bias', 'layers[1].scale', 'layers[1].shift']
    >>> penalty = sum((w * w).sum() for w in flux.trainables(model))
    """
    found = [leaf for leaf in tensors_in(model) if leaf.trainable]
    if not path:
        return [leaf.tensor for leaf in found]
    return {format_path(leaf.path): leaf.tensor for leaf in found}


@overload
def modules(model: object, *, path: Literal[False] = False) -> list[Module]: ...
@overload
def modules(model: object, *, path: Literal[True]) -> dict[str, Module]: ...
def modules(model: object, *, path: bool = False) -> Any:
    """All modules in a model, itself first, each before those that it holds; a shared one once.

    Args:
        path: whether to return a dict by path rather than a list; the model's own path is empty.

    >>> import typedflux as flux
    >>> from typedflux import nn
    >>> model = nn.Chain(nn.Dense(2, 3), flux.relu, nn.Chain(nn.Dropout(0.5)))
    >>> list(flux.modules(model, path=True))
    ['', 'layers[0]', 'layers[2]', 'layers[2].layers[0]']
    >>> [m.p for m in flux.modules(model) if isinstance(m, nn.Dropout)]
    [0.5]
    """
    if not path:
        return [module for _, module in modules_in(model)]
    return {format_path(place): module for place, module in modules_in(model)}


def destructure(model: T) -> tuple[Tensor, Callable[[Tensor], T]]:
    """`(flat, rebuild)`: all of `flux.trainables(model)` in one vector, and the way back.

    `rebuild(flat)` is a copy of the model with the parameters from a vector; everything else in it
    is that of the model now. Both ways are differentiable. In a gradient with respect to the
    vector the copy's layers are active as in training; what they assign stays with the copy.

    The vector has the dtype that all parameters promote to; those of a copy have their own.

    >>> import typedflux as flux
    >>> from typedflux import nn
    >>> flat, rebuild = flux.destructure(nn.Dense(2, 1))
    >>> flat.shape, rebuild(flux.ones(3)).weight
    ((3,), Tensor([[1., 1.]], float32))
    >>> flux.gradient(lambda v: rebuild(v)(flux.asarray([[2.0, 3.0]])).sum(), flat)
    Tensor([2., 3., 1.], float32)
    """
    marks: dict[int, int] = {}  # by the id of a tensor made for each parameter: its number

    def mark(tensor: Tensor) -> Tensor:
        new = ops.zeros(())
        if tensor.dtype.is_inexact:
            marks[id(new)] = len(taken)
            taken.append(tensor)
            marked.append(new)
        return new

    taken: list[Tensor] = []
    marked: list[Tensor] = []
    copy = map_leaves(mark, model, state=_same)
    # What a gradient finds in its order, sorted as `trainables` has it.
    order = [marks[id(leaf.tensor)] for leaf in tensors_in(copy) if id(leaf.tensor) in marks]
    dtype = dtypes.default_float
    if taken:
        promoted = dtypes.promote_all(*[tensor.dtype for tensor in taken])
        assert isinstance(promoted, DType)
        dtype = promoted
    pieces = [ops.reshape(ops.astype(taken[i], dtype), (-1,)) for i in order]
    flat = ops.concat(pieces, axis=0) if pieces else ops.zeros((0,), dtype=dtype)
    return flat, _Rebuild(model, taken, order)


class _Rebuild:
    """The way back from a vector; see `destructure`."""

    def __init__(self, model: Any, parameters: list[Tensor], order: list[int]) -> None:
        self.model = map_leaves(_same, model, on_copy=lambda original, copy: None)
        self.parameters = parameters
        self.order = order
        self.cuts = [0, *itertools.accumulate([parameters[i].size for i in order])]

    def __call__(self, flat: Tensor) -> Any:
        if not isinstance(flat, Tensor):
            raise TypeError(f"rebuild takes a vector of parameters, got a {type(flat).__name__}")
        size = self.cuts[-1]
        if flat.ndim != 1 or flat.shape[0] != size:
            raise ShapeError(
                f"rebuild: this {type(self.model).__name__} has {size} trainable parameters, so "
                f'the vector is of shape "{size}"; got {type_of(flat)}'
            )
        parameters: list[Tensor] = list(self.order)  # type: ignore[arg-type]  # replaced below
        for i, piece in zip(self.order, ops.split(flat, self.cuts[1:-1]), strict=False):
            parameters[i] = _like(piece, self.parameters[i])
        remaining = iter(parameters)

        def put(tensor: Tensor) -> Tensor:
            return next(remaining) if tensor.dtype.is_inexact else tensor

        return Staged(active=_is_differentiated(flat)).copy(self.model, put, _same)


def _same(tensor: Tensor) -> Tensor:
    return tensor


def _like(piece: Tensor, wanted: Tensor) -> Tensor:
    if piece.dtype.is_complex and not wanted.dtype.is_complex:
        piece = ops.real(piece)
    return ops.astype(ops.reshape(piece, wanted.shape), wanted.dtype)


def _is_differentiated(tensor: object) -> bool:
    while isinstance(tensor, Tracer):
        if isinstance(tensor, (ReverseTracer, ForwardTracer)):
            return True
        tensor = getattr(tensor, "value", None)
    return False
