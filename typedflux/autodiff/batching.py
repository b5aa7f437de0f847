"""`vmap`: a function of single examples, performed on a whole batch of them at once.

A batched value carries one axis more than the function sees. Operations go through the batching
rule of their primitive; a primitive without one is performed example by example.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any, ClassVar, Generic, TypeAlias

from typedflux import ops
from typedflux.core.primitive import Primitive
from typedflux.core.staging import Staged
from typedflux.core.tracing import Trace, Tracer
from typedflux.core.tree import children, format_path, map_leaves, rebuild
from typedflux.core.types import TensorType
from typedflux.dtypes import DType
from typedflux.ops.batching import batch_by_loop
from typedflux.ops.random import Generator, default_generator, using_generator
from typedflux.shapes.dims import require_equal
from typedflux.shapes.errors import AxisError
from typedflux.static import Built_co
from typedflux.tensor import Tensor

Axes: TypeAlias = "int | None | Sequence[Axes] | dict[str, Axes]"


class BatchTracer(Tracer):
    """One example, standing for all of a batch: `value` has one axis more, `axis`."""

    __slots__ = ("axis", "value")

    _trace: BatchTrace
    value: Tensor
    axis: int
    remedy: ClassVar[str] = (
        "it stands for every example of a batch, which may differ: use flux.where, or loop over "
        "the batch"
    )

    @property
    def shape(self) -> tuple[int, ...]:
        shape = self.value.shape
        return shape[: self.axis] + shape[self.axis + 1 :]

    @property
    def ndim(self) -> int:
        return self.value.ndim - 1

    @property
    def dtype(self) -> DType:
        return self.value.dtype

    @property
    def type(self) -> TensorType:
        return TensorType(self.value.dtype, self.shape)

    def __repr__(self) -> str:
        return f"<each in a batch of {self._trace.size}: {self.type}>"


class BatchTrace(Trace):
    __slots__ = ("size",)

    name: ClassVar[str] = "vmap"

    def __init__(self, size: int) -> None:
        super().__init__()
        self.size = size

    def tracer(self, value: Tensor, axis: int | None) -> Tensor:
        """A tracer, or the plain value where it is the same for the whole batch."""
        if axis is None:
            return value
        tracer: BatchTracer = object.__new__(BatchTracer)
        tracer._trace = self
        tracer.value = value
        tracer.axis = axis
        return tracer

    def process(self, primitive: Primitive, args: Sequence[Tensor], params: dict[str, Any]) -> Any:
        values: list[Tensor] = []
        axes: list[int | None] = []
        for arg in args:
            mine = type(arg) is BatchTracer and arg._trace is self
            values.append(arg.value if mine else arg)  # type: ignore[attr-defined]
            axes.append(arg.axis if mine else None)  # type: ignore[attr-defined]
        if primitive.batch is None:
            out, axis = batch_by_loop(primitive, values, axes, **params)
        else:
            out, axis = primitive.batch(values, axes, **params)
        if not primitive.multiple:
            return self.tracer(out, axis)
        return tuple([self.tracer(o, a) for o, a in zip(out, axis, strict=True)])

    def is_mine(self, tensor: Tensor) -> bool:
        """Whether `tensor` differs along this batch."""
        return type(tensor) is BatchTracer and tensor._trace is self


class _Branching(Generator):
    """The ambient generator inside `vmap`: split at the first draw, one for each example."""

    def __init__(self, trace: BatchTrace, outer: Generator) -> None:
        self._trace = trace
        self._outer = outer
        self._state: Tensor | None = None

    @property
    def state(self) -> Tensor:
        if self._state is None:
            self._state = self._trace.tracer(self._outer.split_states(self._trace.size), 0)
        return self._state

    @state.setter
    def state(self, value: Tensor) -> None:
        self._state = value


class vmap(Generic[Built_co]):
    """`f` for a batch: the result for each example along `in_axes`, stacked along `out_axes`.

    The function sees single examples, and so does its shape checking; what runs is one operation
    for the whole batch. Random numbers differ from example to example, unless drawn from an `rng=`
    of the program's own, which gives every example the same ones.

    Args:
        f: takes and returns tensors and trees of them.
        in_axes: the axis of the examples in each tensor argument, `None` for one that all examples
            share. One for all arguments, or a sequence with one for each; in the place of an
            argument that is a tree, one axis for all its tensors, or a list or dict of them.
        out_axes: where the axis of the examples is put in each result, likewise; `None` for a
            result that is the same for all.

    Raises:
        AxisError: for an axis that a tensor does not have.
        ShapeError: when two arguments hold different numbers of examples.
        ValueError: when nothing is mapped, or a result for which `out_axes` is `None` differs.

    >>> import typedflux as flux
    >>> x = flux.asarray([[1.0, 2.0], [3.0, 4.0]])
    >>> flux.vmap(lambda row: row / row.sum())(x).tolist()
    [[0.3333333432674408, 0.6666666865348816], [0.4285714328289032, 0.5714285969734192]]
    >>> flux.vmap(flux.matmul, in_axes=(0, None))(x, x.T).shape
    (2, 2)
    """

    def __init__(self, f: Callable[..., Any], in_axes: Axes = 0, out_axes: Axes = 0) -> None:
        self.function = f
        self.in_axes = in_axes
        self.out_axes = out_axes
        functools.update_wrapper(self, f, updated=())  # its fields are its own

    def __get__(self, instance: Any, owner: type) -> Any:
        return self if instance is None else functools.partial(self, instance)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        places = _per_argument(self.in_axes, len(args))
        names = [f"argument {i}" for i in range(len(args))]
        reader = _Reader()
        for place, arg, name in zip(places, args, names, strict=True):
            reader.place(place, arg, name)
        for name, value in kwargs.items():
            reader.place(0, value, f"argument {name!r}")
        size = _batch_size(reader.entries)
        trace = BatchTrace(size)
        staged = Staged()
        remaining = iter([axis for _, _, axis in reader.entries])

        def lift(tensor: Tensor) -> Tensor:
            return trace.tracer(tensor, next(remaining))

        with trace.running():
            traced_args, traced_kwargs = staged.copy((args, kwargs), lift)
            with using_generator(_Branching(trace, default_generator())):
                out = self.function(*traced_args, **traced_kwargs)
            _refuse_batched_writes(trace, staged)
            staged.commit(lambda t: t)
            result = staged.originals(out)
            return _gather(trace, result, self.out_axes)


Entry: TypeAlias = tuple[str, Tensor, "int | None"]


def _per_argument(in_axes: Axes, count: int) -> list[Axes]:
    if in_axes is None or isinstance(in_axes, int):
        return [in_axes] * count
    if isinstance(in_axes, dict) or len(in_axes) != count:
        raise ValueError(
            f"vmap: in_axes is an int, None, or a sequence with one of them for each of the "
            f"{count} positional arguments; got {in_axes!r}"
        )
    return list(in_axes)


class _Reader:
    """Lists the tensors in the arguments with their axes, in the order in which they are mapped."""

    def __init__(self) -> None:
        self.entries: list[Entry] = []
        self.seen: dict[int, Any] = {}

    def place(self, place: Axes, tree: Any, name: str) -> None:
        """Add those of `tree`; `place` is a prefix of its structure."""
        if isinstance(tree, Tensor):
            self.entries.append((name, tree, _axis_of(place, tree.ndim, name)))
            return
        parts = children(tree)
        if not parts or id(tree) in self.seen:
            return
        self.seen[id(tree)] = tree
        for (key, part), below in zip(parts, _below(place, parts, name), strict=True):
            self.place(below, part, f"{name}{_suffix(key)}")


def _axis_of(place: Axes, rank: int, name: str) -> int | None:
    """The axis `place` of a tensor of `rank` axes, counted from the first."""
    if place is None:
        return None
    if isinstance(place, bool) or not isinstance(place, int):
        raise TypeError(f"vmap: the axis of {name}, a tensor, is an int or None; got {place!r}")
    if not -rank <= place < rank:
        raise AxisError(f"vmap: {name} has {rank} axes, so there is no axis {place}")
    return place % rank


def _below(place: Axes, parts: list[tuple[str | int, Any]], name: str) -> list[Axes]:
    """The axes for each child of a branch."""
    if place is None or isinstance(place, int):
        return [place] * len(parts)
    if isinstance(place, dict) and set(place) == {key for key, _ in parts}:
        return [place[str(key)] for key, _ in parts]
    if isinstance(place, (list, tuple)) and len(place) == len(parts):
        return list(place)
    raise ValueError(f"vmap: the axes {place!r} do not fit {name}, which has {len(parts)} parts")


def _suffix(key: str | int) -> str:
    return format_path((key,)) if isinstance(key, int) else f".{key}"


def _batch_size(entries: list[Entry]) -> Any:
    mapped = [(name, t, axis) for name, t, axis in entries if axis is not None]
    if not mapped:
        raise ValueError(
            "vmap needs a tensor with an axis of examples: in_axes is None for all that is there"
        )
    first, tensor, axis = mapped[0]
    size = tensor.shape[axis]
    for name, other, other_axis in mapped[1:]:
        there = other.shape[other_axis]
        require_equal(
            size,
            there,
            f"vmap: {first} has {size} examples (axis {axis}), {name} has {there} "
            f"(axis {other_axis})",
        )
    return size


def _refuse_batched_writes(trace: BatchTrace, staged: Staged) -> None:
    writes = [(f"{type(o).__name__}.{field}", value) for o, field, value in staged.changes()]
    writes += [(f"a {type(o).__name__}", copy) for o, copy in staged.changed_containers()]
    for target, value in writes:

        def check(tensor: Tensor, target: str = target) -> Tensor:
            if trace.is_mine(tensor):
                raise ValueError(
                    f"{target} was assigned a value that differs from example to example: return "
                    "it from the function instead"
                )
            return tensor

        map_leaves(check, value)


def _gather(trace: BatchTrace, out: Any, place: Axes, name: str = "the result") -> Any:
    """The function's result with the axis of examples where `place` says."""
    if isinstance(out, Tensor):
        mine = isinstance(out, BatchTracer) and out._trace is trace
        if place is None:
            if mine:
                raise ValueError(
                    f"vmap: out_axes is None for {name}, but it differs from example to example"
                )
            return out
        position = _axis_of(place, out.ndim + 1, name)
        assert position is not None
        if isinstance(out, BatchTracer) and mine:
            return ops.moveaxis(out.value, out.axis, position)
        widened = ops.expand_dims(out, axis=position)
        return ops.broadcast_to(widened, (*out.shape[:position], trace.size, *out.shape[position:]))
    parts = children(out)
    if not parts:
        return out
    below = _below(place, parts, name)
    return rebuild(
        out,
        [
            _gather(trace, part, axes, f"{name}{_suffix(key)}")
            for (key, part), axes in zip(parts, below, strict=True)
        ],
    )


__all__ = ["vmap"]
