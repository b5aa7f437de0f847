"""`outputsize`: the sizes that a model gives for sizes it is given, without computing anything."""

from __future__ import annotations

from collections.abc import Sequence
from types import TracebackType
from typing import Any

from typedflux.core.graph import GraphTrace
from typedflux.core.primitive import type_of
from typedflux.core.staging import Staged
from typedflux.core.stateful import Captures, capturing
from typedflux.core.tracing import graph_running
from typedflux.core.tree import Path, children, format_path
from typedflux.core.types import Shape, TensorType
from typedflux.dtypes import DType, as_dtype, default_float
from typedflux.nn.walking import places_of, tensors_in
from typedflux.ops.random import default_generator, using_generator
from typedflux.shapes.dims import UNKNOWN, Dim, Dimension, equal, format_shape, symbol
from typedflux.shapes.errors import DTypeError, ShapeError
from typedflux.shapes.expressions import names_in
from typedflux.shapes.spec import VariadicAxis, parse
from typedflux.shapes.unify import Bindings, instantiate
from typedflux.tensor import Tensor

_BATCH = symbol("batch", kind="hinted", hint=97)
"""The axis that is added. Where a layer must know its size, it takes it for one that is met nowhere
else, so that it is not confused with another axis."""


def outputsize(
    model: Any,
    /,
    *sizes: Sequence[int | str],
    batched: bool = False,
    dtype: DType | str | type | Sequence[DType | str | type] | None = None,
) -> Any:
    """The size of what `model` gives for inputs of these sizes, by the shape rules alone.

    Sizes are those of one example: a batch axis is put in front of each input, and the result is
    given without it. With `batched`, sizes and the result include the batch axis.

    Args:
        model: a model, or any function of tensors. It is left as it is.
        sizes: one tuple for each input. A string is a symbolic size, which can be any:
            `("batch", 784)`, `("2*n", 3)`; `"_"` is one that nothing is known of.
        dtype: that of the inputs, or one for each. By default that of the model's first floating
            point parameter; an `Embedding` needs `dtype=flux.int64`.

    Returns:
        A tuple of sizes, symbolic ones as strings; containers of such where the model returns
        containers of tensors.

    Raises:
        ShapeError: naming the layer in which sizes do not fit.

    >>> import typedflux as flux
    >>> from typedflux import nn
    >>> model = nn.Chain(nn.Conv((3, 3), 1, 16), nn.MaxPool((2, 2)), nn.Flatten())
    >>> flux.outputsize(model, (1, 28, 28))
    (2704,)
    >>> flux.outputsize(model, ("n", 1, 28, 28), batched=True)
    ('n', 2704)
    >>> flux.outputsize(nn.Chain(*model, nn.Dense(2700, 10)), (1, 28, 28))
    Traceback (most recent call last):
        ...
    typedflux.checks.errors.ShapeError: outputsize: Chain.layers[3] Dense: argument 'x' has shape \
"batch 2704", expected Float[Tensor, "*batch In"] of Dense (In=2700, Out=10): dimension 'In' is \
2700 but here it is 2704 (axis 1)
    ...
    """
    if not sizes:
        raise TypeError("outputsize takes a model and then the size of each of its inputs")
    shapes = [_shape(size) for size in sizes]
    if not batched:
        shapes = [(_BATCH, *shape) for shape in shapes]
    inputs = list(map(TensorType, _dtypes(dtype, model, len(shapes)), shapes))
    out = _evaluate(model, inputs)
    return _sizes_of(out, model, batched)


def _shape(size: Any) -> Shape:
    if isinstance(size, (str, int)) or not isinstance(size, Sequence):
        raise TypeError(f"outputsize: a size is a tuple such as (1, 28, 28), got {size!r:.60}")
    return tuple([_dimension(item) for item in size])


def _dimension(item: Any) -> Dimension:
    if isinstance(item, str):
        spec = parse(item)
        if len(spec.axes) == 1 and not isinstance(spec.axes[0], VariadicAxis):
            names: dict[str, Dimension] = {name: symbol(name) for name in names_in(item)}
            shape = (UNKNOWN,) if item.startswith("_") else instantiate(spec, Bindings(names))
            if shape is not None:
                return shape[0]
    elif isinstance(item, Dim):
        return item
    elif hasattr(item, "__index__") and not isinstance(item, bool) and item.__index__() >= 0:
        return int(item.__index__())
    raise TypeError(
        f"outputsize: each size is an int of 0 or more, or a name or expression as a string; got "
        f"{item!r:.60}"
    )


def _dtypes(given: Any, model: Any, count: int) -> list[DType]:
    if isinstance(given, Sequence) and not isinstance(given, str):
        if len(given) != count:
            raise TypeError(f"outputsize: {len(given)} dtypes for {count} inputs")
        return [as_dtype(item) for item in given]
    if given is None:
        floats = [x.tensor.dtype for x in tensors_in(model) if x.parameter]
        given = next((d for d in floats if d.is_floating), default_float)
    return [as_dtype(given)] * count


def _evaluate(model: Any, inputs: list[TensorType]) -> Any:
    """What `model` returns for abstract inputs, tensors as their types."""
    trace = GraphTrace()
    staged = Staged()  # never committed: running means that a layer follows stay what they are
    captures = Captures(lambda t: trace.input(type_of(t)))
    with graph_running(trace):
        copy, generator = staged.copy((model, default_generator()), _same)
        captures.exclude(staged.copies())
        places = places_of(copy)
        with capturing(captures), using_generator(generator):
            try:
                out = copy(*[trace.input(t) for t in inputs])
            except (ShapeError, DTypeError) as error:
                where = _where(copy, places, error.__traceback__)
                raise type(error)(f"outputsize: {_joined(where, str(error))}") from error
            except Exception as error:
                error.add_note(f"outputsize: in {_where(copy, places, error.__traceback__)}")
                raise
            return _types(out, model)


def _same(tensor: Tensor) -> Tensor:
    return tensor


def _where(model: Any, places: dict[int, Path], traceback: TracebackType | None) -> str:
    """The innermost layer among the frames of an error, as `Chain.layers[2] Dense`."""
    inner = model
    while traceback is not None:
        frame = traceback.tb_frame
        first = frame.f_code.co_varnames[:1]
        value = frame.f_locals.get(first[0]) if first else None
        if id(value) in places:
            inner = value
        traceback = traceback.tb_next
    root = getattr(model, "__name__", type(model).__name__)
    path = format_path(places.get(id(inner), ()))
    if not path:
        return root
    return f"{root}{'' if path.startswith('[') else '.'}{path} {type(inner).__name__}"


def _joined(where: str, message: str) -> str:
    """The place in front of a message, which may begin with the layer's name."""
    return f"{where}: {message.removeprefix(where.rpartition(' ')[2] + ': ')}"


def _types(out: Any, model: Any) -> Any:
    """The types of the tensors in a result, in plain containers."""
    if isinstance(out, Tensor):
        return type_of(out)
    parts = children(out)
    if parts is None:
        name = getattr(model, "__name__", type(model).__name__)
        raise TypeError(f"outputsize: {name} returned {type(out).__name__}, no tensor")
    if isinstance(out, (list, tuple)):
        types = [_types(part, model) for _, part in parts]
        return types if isinstance(out, list) else tuple(types)
    return {name: _types(part, model) for name, part in parts}


def _sizes_of(out: Any, model: Any, batched: bool) -> Any:
    if isinstance(out, dict):
        return {name: _sizes_of(part, model, batched) for name, part in out.items()}
    if not isinstance(out, TensorType):
        return type(out)([_sizes_of(part, model, batched) for part in out])
    shape = out.shape
    if not batched:
        if not shape or equal(shape[0], _BATCH) is not True:
            raise ShapeError(
                f'outputsize: the result "{format_shape(shape)}" does not begin with the batch '
                "axis that was put in front of the sizes: give sizes with it, and batched=True"
            )
        shape = shape[1:]
    return tuple([d if isinstance(d, int) else str(d) for d in shape])
