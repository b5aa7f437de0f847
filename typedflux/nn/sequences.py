"""Recurrent layers over whole sequences: `RNN`, `LSTM`, `GRU`, `GRUv3`, and `Recurrence` for any
cell."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Generic, Literal, overload

from jaxtyping import Float, Shaped
from typing_extensions import TypeVar

from typedflux import init as initialisers
from typedflux import ops
from typedflux.checks import Size
from typedflux.control import scan
from typedflux.init import Initialiser
from typedflux.nn.module import Module
from typedflux.nn.recurrent import (
    Activation,
    Cell,
    GRUCell,
    GRUv3Cell,
    LSTMCell,
    RNNCell,
    describe,
)
from typedflux.nn.regularisation import Dropout
from typedflux.shapes.dims import format_shape
from typedflux.shapes.errors import ShapeError
from typedflux.tensor import Tensor

In = TypeVar("In", default=Any)
Hidden = TypeVar("Hidden", default=Any)
Both_co = TypeVar("Both_co", bound=Literal[True, False], covariant=True, default=Literal[False])
"""Whether a layer has two directions."""
Gives_co = TypeVar("Gives_co", bound=Literal[True, False], covariant=True, default=Literal[False])
"""Whether a layer returns its state too."""
NO: Any = False
"""The default of an argument whose type is one of these."""


def over_time(
    cell: Callable[[Any, Any], tuple[Any, Any]], x: Tensor, state: Any, reverse: bool = False
) -> tuple[Tensor, Any]:
    """The outputs of `cell` at all steps of `"batch time ..."`, and its last state.

    With `reverse` from the last step to the first; outputs stay where their inputs were. Under
    `jit`, a time that a signature names stays symbolic: then the steps are one operation.
    """
    items, step = x, cell
    if isinstance(cell, Cell):
        items, step = cell.project(x), cell.stepper()
    if not isinstance(x.shape[1], int) and state is not None:

        def turned(state: Any, item: Tensor) -> tuple[Any, Tensor]:
            y, state = step(item, state)
            return state, y

        last, ys = scan(turned, state, ops.moveaxis(items, 1, 0), reverse=reverse)
        return ops.moveaxis(ys, 0, 1), last
    steps, outputs = ops.unstack(items, axis=1), []
    for item in reversed(steps) if reverse else steps:
        y, state = step(item, state)
        outputs.append(y)
    if not outputs:
        return _no_steps(cell, x), state
    return ops.stack(outputs[::-1] if reverse else outputs, axis=1), state


def _no_steps(cell: object, x: Tensor) -> Tensor:
    if not isinstance(cell, Cell):
        raise ShapeError("Recurrence: a sequence without steps does not tell the shape of outputs")
    return ops.zeros((x.shape[0], 0, cell.recurrent_kernel.shape[1]), dtype=x.dtype)


class Recurrence(Module, Generic[Gives_co]):
    """A layer over sequences out of any cell: a callable `(x, state) -> (y, state)`.

    Args:
        cell: called at each step. Without a state the first one is `cell.initialstates(batch)` if
            the cell has that, else `None`.
        return_state: whether to return the last state too.

    >>> import typedflux as flux
    >>> from typedflux import nn
    >>> nn.Recurrence(nn.GRUCell(3, 5))(flux.ones((2, 7, 3))).shape
    (2, 7, 5)
    >>> def running_sum(x, total):
    ...     total = x if total is None else total + x
    ...     return total, total
    >>> nn.Recurrence(running_sum, return_state=True)(flux.ones((1, 3, 1)))[1].tolist()
    [[3.0]]
    """

    def __init__(self, cell: Callable[..., Any], *, return_state: Gives_co = NO) -> None:
        self.cell, self.return_state = cell, return_state

    @overload
    def __call__(
        self: Recurrence[Literal[False]], x: Shaped[Tensor, "batch time *_"], state: Any = None
    ) -> Shaped[Tensor, "batch time ..."]: ...
    @overload
    def __call__(
        self: Recurrence[Literal[True]], x: Shaped[Tensor, "batch time *_"], state: Any = None
    ) -> tuple[Shaped[Tensor, "batch time ..."], Any]: ...
    @overload
    def __call__(
        self: Recurrence[bool], x: Shaped[Tensor, "batch time *_"], state: Any = None
    ) -> Any: ...
    def __call__(self: Any, x: Shaped[Tensor, "batch time *_"], state: Any = None) -> Any:
        """The outputs, `"batch time ..."`; with `return_state` the pair of them and the state."""
        if isinstance(self.cell, Cell) and x.ndim != 3:
            raise ShapeError(
                f"Recurrence: argument 'x' has shape \"{format_shape(x.shape)}\", expected "
                f'"batch time {self.cell.kernel.shape[1]}"'
            )
        initial = getattr(self.cell, "initialstates", None)
        if state is None and initial is not None:
            state = initial(x.shape[0])
        elif isinstance(self.cell, Cell):
            self.cell.check_state(state, x.shape[:1])
        y, state = over_time(self.cell, x, state)
        return (y, state) if self.return_state else y


class Layers(Module, Generic[In, Hidden, Both_co, Gives_co]):
    """What RNN, LSTM and GRU share: cells over time, layer upon layer, in one direction or two."""

    cells: tuple[Cell[Any, Any], ...]
    """Layer by layer; with two directions the forward cell of each before the backward one."""

    def _build(
        self,
        cell: Callable[[int, int], Cell[Any, Any]],
        sizes: tuple[int, int],
        num_layers: int,
        bidirectional: bool,
        return_state: bool,
        dropout: float,
    ) -> None:
        in_, hidden = sizes
        if num_layers < 1:
            raise ValueError(f"{type(self).__name__}: num_layers is 1 or more, got {num_layers}")
        directions = 2 if bidirectional else 1
        self.cells = tuple(
            cell(in_ if i < directions else directions * hidden, hidden)
            for i in range(num_layers * directions)
        )
        self.dropout = Dropout(dropout)
        self.num_layers, self.bidirectional = num_layers, bidirectional
        self.return_state = return_state

    shown_inside = False

    def shown_arguments(self) -> dict[str, Any]:
        cell = self.cells[0]
        return {
            "activation": getattr(cell, "activation", ops.tanh),
            "dropout": self.dropout.p,
            "bias": cell.bias is not None,
        }

    def initialstates(self, batch: int | Sequence[int] = ()) -> Any:
        """The states of zeros for so many examples: that of the one cell, or a tuple with one for
        each cell."""
        states = tuple([cell.initialstates(batch) for cell in self.cells])
        return states if len(states) > 1 else states[0]

    @overload
    def __call__(
        self: Layers[In, Hidden, Literal[False], Literal[False]],
        x: Float[Tensor, "batch time In"],
        state: Any = None,
    ) -> Float[Tensor, "batch time Hidden"]: ...
    @overload
    def __call__(
        self: Layers[In, Hidden, Literal[False], Literal[True]],
        x: Float[Tensor, "batch time In"],
        state: Any = None,
    ) -> tuple[Float[Tensor, "batch time Hidden"], Any]: ...
    @overload
    def __call__(
        self: Layers[In, Hidden, Literal[True], Literal[False]],
        x: Float[Tensor, "batch time In"],
        state: Any = None,
    ) -> Float[Tensor, "batch time 2*Hidden"]: ...
    @overload
    def __call__(
        self: Layers[In, Hidden, Literal[True], Literal[True]],
        x: Float[Tensor, "batch time In"],
        state: Any = None,
    ) -> tuple[Float[Tensor, "batch time 2*Hidden"], Any]: ...
    @overload
    def __call__(
        self: Layers[In, Hidden, bool, bool], x: Float[Tensor, "batch time In"], state: Any = None
    ) -> Any: ...
    def __call__(self: Any, x: Float[Tensor, "batch time In"], state: Any = None) -> Any:
        """The outputs of the last layer, `"batch time hidden"` (`2*hidden` with two directions);
        with `return_state` the pair of them and the states.

        Args:
            x: the sequences.
            state: where to start, as `initialstates` gives it; zeros by default.
        """
        states = self._states(state, x)
        directions = 2 if self.bidirectional else 1
        last = []
        for i in range(0, len(self.cells), directions):
            if i:
                x = self.dropout(x)
            outputs = []
            for j in range(directions):
                y, state = over_time(self.cells[i + j], x, states[i + j], reverse=j == 1)
                outputs.append(y)
                last.append(state)
            x = outputs[0] if directions == 1 else ops.concat(outputs, axis=-1)
        if not self.return_state:
            return x
        return x, (tuple(last) if len(last) > 1 else last[0])

    def _states(self, state: Any, x: Tensor) -> Sequence[Any]:
        if state is None:
            return [cell.initialstates(x.shape[0]) for cell in self.cells]
        states = (state,) if len(self.cells) == 1 else state
        if not isinstance(states, (tuple, list)) or len(states) != len(self.cells):
            raise TypeError(
                f"{type(self).__name__}: the state of {len(self.cells)} cells is a tuple with one "
                f"for each, got {describe(state)}"
            )
        for cell, item in zip(self.cells, states, strict=True):
            cell.check_state(item, x.shape[:1])
        return states


class RNN(Layers[In, Hidden, Both_co, Gives_co], Generic[In, Hidden, Both_co, Gives_co]):
    """Recurrent layers of `RNNCell`s: `"batch time in_"` to `"batch time hidden"`.

    Args:
        in_: features of the inputs.
        hidden: features of the outputs, for each direction.
        activation: that of the cells.
        num_layers: how many layers lie upon each other.
        bidirectional: whether a second cell in each layer goes from the last step to the first;
            its outputs come after those of the forward one.
        return_state: whether to return the state after the last step too: that of the cell, or
            with several cells a tuple of theirs, layer by layer.
        dropout: the probability of dropping an output between layers in training.
        bias: whether biases are learned.
        init_kernel: initialises the weights of inputs, each gate's by itself.
        init_recurrent_kernel: initialises the weights of states, each gate's by itself.

    >>> import typedflux as flux
    >>> RNN(3, 5)(flux.ones((2, 7, 3))).shape
    (2, 7, 5)
    """

    def __init__(
        self,
        in_: Size[In],
        hidden: Size[Hidden],
        activation: Activation = ops.tanh,
        *,
        num_layers: int = 1,
        bidirectional: Both_co = NO,
        return_state: Gives_co = NO,
        dropout: float = 0.0,
        bias: bool = True,
        init_kernel: Initialiser = initialisers.glorot_uniform,
        init_recurrent_kernel: Initialiser = initialisers.glorot_uniform,
    ) -> None:
        def cell(in_: int, hidden: int) -> Cell[Any, Any]:
            return RNNCell(
                in_, hidden, activation, bias=bias, init_kernel=init_kernel,
                init_recurrent_kernel=init_recurrent_kernel,
            )  # fmt: skip

        self._build(cell, (in_, hidden), num_layers, bidirectional, return_state, dropout)


class LSTM(Layers[In, Hidden, Both_co, Gives_co], Generic[In, Hidden, Both_co, Gives_co]):
    """Layers of `LSTMCell`s: `"batch time in_"` to `"batch time hidden"`.

    Args:
        in_: features of the inputs.
        hidden: features of the outputs, for each direction.
        num_layers: how many layers lie upon each other.
        bidirectional: whether a second cell in each layer goes from the last step to the first;
            its outputs come after those of the forward one.
        return_state: whether to return the state after the last step too: that of the cell, or
            with several cells a tuple of theirs, layer by layer.
        dropout: the probability of dropping an output between layers in training.
        bias: whether biases are learned.
        forget_bias: the first value of the forget gates' biases.
        init_kernel: initialises the weights of inputs, each gate's by itself.
        init_recurrent_kernel: initialises the weights of states, each gate's by itself.

    >>> import typedflux as flux
    >>> y, (h, c) = LSTM(3, 5, return_state=True)(flux.ones((2, 7, 3)))
    >>> y.shape, h.shape, c.shape
    ((2, 7, 5), (2, 5), (2, 5))
    >>> LSTM(3, 5, num_layers=2, bidirectional=True)(flux.ones((2, 7, 3))).shape
    (2, 7, 10)
    """

    def __init__(
        self,
        in_: Size[In],
        hidden: Size[Hidden],
        *,
        num_layers: int = 1,
        bidirectional: Both_co = NO,
        return_state: Gives_co = NO,
        dropout: float = 0.0,
        bias: bool = True,
        forget_bias: float = 0.0,
        init_kernel: Initialiser = initialisers.glorot_uniform,
        init_recurrent_kernel: Initialiser = initialisers.glorot_uniform,
    ) -> None:
        def cell(in_: int, hidden: int) -> Cell[Any, Any]:
            return LSTMCell(
                in_, hidden, forget_bias=forget_bias, bias=bias, init_kernel=init_kernel,
                init_recurrent_kernel=init_recurrent_kernel,
            )  # fmt: skip

        self._build(cell, (in_, hidden), num_layers, bidirectional, return_state, dropout)


class GRU(Layers[In, Hidden, Both_co, Gives_co], Generic[In, Hidden, Both_co, Gives_co]):
    """Layers of `GRUCell`s: `"batch time in_"` to `"batch time hidden"`.

    Args:
        in_: features of the inputs.
        hidden: features of the outputs, for each direction.
        num_layers: how many layers lie upon each other.
        bidirectional: whether a second cell in each layer goes from the last step to the first;
            its outputs come after those of the forward one.
        return_state: whether to return the state after the last step too: that of the cell, or
            with several cells a tuple of theirs, layer by layer.
        dropout: the probability of dropping an output between layers in training.
        bias: whether biases are learned.
        init_kernel: initialises the weights of inputs, each gate's by itself.
        init_recurrent_kernel: initialises the weights of states, each gate's by itself.

    >>> import typedflux as flux
    >>> GRU(3, 5)(flux.ones((2, 7, 3))).shape
    (2, 7, 5)
    """

    def __init__(
        self,
        in_: Size[In],
        hidden: Size[Hidden],
        *,
        num_layers: int = 1,
        bidirectional: Both_co = NO,
        return_state: Gives_co = NO,
        dropout: float = 0.0,
        bias: bool = True,
        init_kernel: Initialiser = initialisers.glorot_uniform,
        init_recurrent_kernel: Initialiser = initialisers.glorot_uniform,
    ) -> None:
        def cell(in_: int, hidden: int) -> Cell[Any, Any]:
            return GRUCell(
                in_, hidden, bias=bias, init_kernel=init_kernel,
                init_recurrent_kernel=init_recurrent_kernel,
            )  # fmt: skip

        self._build(cell, (in_, hidden), num_layers, bidirectional, return_state, dropout)


class GRUv3(Layers[In, Hidden, Both_co, Gives_co], Generic[In, Hidden, Both_co, Gives_co]):
    """Layers of `GRUv3Cell`s: `"batch time in_"` to `"batch time hidden"`.

    Args:
        in_: features of the inputs.
        hidden: features of the outputs, for each direction.
        num_layers: how many layers lie upon each other.
        bidirectional: whether a second cell in each layer goes from the last step to the first;
            its outputs come after those of the forward one.
        return_state: whether to return the state after the last step too: that of the cell, or
            with several cells a tuple of theirs, layer by layer.
        dropout: the probability of dropping an output between layers in training.
        bias: whether biases are learned.
        init_kernel: initialises the weights of inputs, each gate's by itself.
        init_recurrent_kernel: initialises the weights of states, each gate's by itself.

    >>> import typedflux as flux
    >>> GRUv3(3, 5)(flux.ones((2, 7, 3))).shape
    (2, 7, 5)
    """

    def __init__(
        self,
        in_: Size[In],
        hidden: Size[Hidden],
        *,
        num_layers: int = 1,
        bidirectional: Both_co = NO,
        return_state: Gives_co = NO,
        dropout: float = 0.0,
        bias: bool = True,
        init_kernel: Initialiser = initialisers.glorot_uniform,
        init_recurrent_kernel: Initialiser = initialisers.glorot_uniform,
    ) -> None:
        def cell(in_: int, hidden: int) -> Cell[Any, Any]:
            return GRUv3Cell(
                in_, hidden, bias=bias, init_kernel=init_kernel,
                init_recurrent_kernel=init_recurrent_kernel,
            )  # fmt: skip

        self._build(cell, (in_, hidden), num_layers, bidirectional, return_state, dropout)
