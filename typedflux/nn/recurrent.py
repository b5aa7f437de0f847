"""Cells: one step of a recurrent network. The layers that run them over time are in `sequences`.

The weights of a cell's gates are stacked into one matrix, in the order of its formula, so that a
step takes one product; what the inputs add to the gates does not depend on the state and is made
for a whole sequence at once.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, ClassVar, Generic, TypeAlias

from jaxtyping import Float
from typing_extensions import TypeVar

from typedflux import init as initialisers
from typedflux import ops
from typedflux.checks import Size
from typedflux.dtypes import promote
from typedflux.init import Initialiser
from typedflux.nn.arguments import initial
from typedflux.nn.module import Module
from typedflux.shapes.dims import Shape, equal, format_shape
from typedflux.shapes.errors import DTypeError, ShapeError
from typedflux.tensor import Tensor

In = TypeVar("In", default=Any)
Hidden = TypeVar("Hidden", default=Any)
Activation = Callable[[Tensor], Tensor]
Step: TypeAlias = Callable[[Tensor, Any], tuple[Tensor, Any]]


class Cell(Module, Generic[In, Hidden]):
    """What the cells share: the projection of inputs, and initial states.

    A subclass sets the fields below and gives `stepper`.
    """

    kernel: Float[Tensor, "gates In"]
    recurrent_kernel: Float[Tensor, "_ Hidden"]
    bias: Float[Tensor, "gates"] | None

    state_parts: ClassVar[tuple[str, ...]] = ("h",)
    """Names of the tensors in a state; a state of one is that tensor."""

    def project(self, x: Float[Tensor, "*batch In"]) -> Float[Tensor, "*batch _"]:
        """What inputs add to the gates, for any number of steps at once."""
        y = x @ self.kernel.mT
        return y if self.bias is None else y + self.bias

    def stepper(self) -> Step:
        """The step `(projected input, state) -> (y, state)`, with what its turns share prepared."""
        raise NotImplementedError

    def initialstates(self, batch: int | Sequence[int] = ()) -> Any:
        """A state of zeros for so many examples."""
        weight = self.recurrent_kernel
        axes = tuple(batch) if isinstance(batch, Sequence) else (batch,)  # or a symbolic size
        zeros = ops.zeros((*axes, weight.shape[1]), dtype=weight.dtype)
        return zeros if len(self.state_parts) == 1 else (zeros,) * len(self.state_parts)

    def check_state(self, state: Any, batch: Shape) -> None:
        """Raise the error for a state that does not fit this cell and so many examples."""
        name, parts = type(self).__name__, self.state_parts
        tensors = (state,) if len(parts) == 1 else state
        if not isinstance(tensors, (tuple, list)) or len(tensors) != len(parts):
            raise TypeError(f"{name}: a state is ({', '.join(parts)}), got {describe(state)}")
        weight = self.recurrent_kernel
        wanted = (*batch, weight.shape[1])
        for part, tensor in zip(parts, tensors, strict=True):
            if not isinstance(tensor, Tensor):
                raise TypeError(f"{name}: {part} of a state is a tensor, got {describe(tensor)}")
            same = [equal(a, b) is not False for a, b in zip(tensor.shape, wanted, strict=False)]
            if len(tensor.shape) != len(wanted) or not all(same):
                raise ShapeError(
                    f'{name}: {part} of the state has shape "{format_shape(tensor.shape)}", '
                    f'expected "{format_shape(wanted)}"'
                )
            if promote(tensor.dtype, weight.dtype) is not weight.dtype:
                raise DTypeError(
                    f"{name}: {part} of the state is {tensor.dtype}, but recurrent_kernel is "
                    f"{weight.dtype}: convert it with .astype(flux.{weight.dtype})"
                )

    def _step(self, x: Tensor, state: Any) -> tuple[Tensor, Any]:
        batch = x.shape[:-1]
        if state is None:
            state = self.initialstates(batch)
        else:
            self.check_state(state, batch)
        return self.stepper()(self.project(x), state)


def describe(value: object) -> str:
    """What came where a state was expected."""
    if isinstance(value, (tuple, list)):
        return f"{type(value).__name__} of {len(value)}"
    return type(value).__name__


def stacked(init: Initialiser, gates: int, rows: int, columns: int) -> Tensor:
    """The weights of some gates below one another, each initialised by itself."""
    return ops.concat([initial(init, (rows, columns)) for _ in range(gates)], axis=0)


class RNNCell(Cell[In, Hidden], Generic[In, Hidden]):
    """`h' = activation(kernel @ x + recurrent_kernel @ h + bias)` (Elman, 1990).

    `cell(x, h)` returns the pair of output and new state, here both h'. Without a state it starts
    from zeros.

    Args:
        in_: features of an input.
        hidden: features of the state.
        activation: applied to the sum.
        bias: whether a bias is learned.
        init_kernel: initialises the weights of the input.
        init_recurrent_kernel: initialises the weights of the state.

    >>> import typedflux as flux
    >>> y, state = RNNCell(3, 5)(flux.ones((2, 3)))
    >>> y.shape, state.shape
    ((2, 5), (2, 5))
    """

    def __init__(
        self,
        in_: Size[In],
        hidden: Size[Hidden],
        activation: Activation = ops.tanh,
        *,
        bias: bool = True,
        init_kernel: Initialiser = initialisers.glorot_uniform,
        init_recurrent_kernel: Initialiser = initialisers.glorot_uniform,
    ) -> None:
        self.kernel = initial(init_kernel, (hidden, in_))
        self.recurrent_kernel = initial(init_recurrent_kernel, (hidden, hidden))
        self.bias = ops.zeros((hidden,)) if bias else None
        self.activation = activation

    def stepper(self) -> Step:
        weight, activation = self.recurrent_kernel.mT, self.activation

        def step(projected: Tensor, h: Tensor) -> tuple[Tensor, Tensor]:
            h = activation(projected + h @ weight)
            return h, h

        return step

    def __call__(
        self, x: Float[Tensor, "*batch In"], state: Float[Tensor, "*batch Hidden"] | None = None
    ) -> tuple[Float[Tensor, "*batch Hidden"], Float[Tensor, "*batch Hidden"]]:
        return self._step(x, state)


class LSTMCell(Cell[In, Hidden], Generic[In, Hidden]):
    """Long short-term memory (Hochreiter and Schmidhuber, 1997; with the forget gate of Gers et
    al., 2000).

    From `kernel @ x + recurrent_kernel @ h + bias`, split into i, f, g and o:
    `c' = sigmoid(f) * c + sigmoid(i) * tanh(g)` and `h' = sigmoid(o) * tanh(c')`.

    `cell(x, (h, c))` returns h' and the state `(h', c')`. Without a state it starts from zeros.

    Args:
        in_: features of an input.
        hidden: features of h and c.
        bias: whether a bias is learned.
        forget_bias: the first value of f's bias; 1 helps to remember over long times (Jozefowicz
            et al., 2015).
        init_kernel: initialises the weights of the input, for each gate by itself.
        init_recurrent_kernel: initialises the weights of h, for each gate by itself.

    >>> import typedflux as flux
    >>> y, (h, c) = LSTMCell(3, 5)(flux.ones((2, 3)))
    >>> y.shape, h.shape, c.shape
    ((2, 5), (2, 5), (2, 5))
    """

    state_parts = ("h", "c")

    def __init__(
        self,
        in_: Size[In],
        hidden: Size[Hidden],
        *,
        bias: bool = True,
        forget_bias: float = 0.0,
        init_kernel: Initialiser = initialisers.glorot_uniform,
        init_recurrent_kernel: Initialiser = initialisers.glorot_uniform,
    ) -> None:
        self.kernel = stacked(init_kernel, 4, hidden, in_)
        self.recurrent_kernel = stacked(init_recurrent_kernel, 4, hidden, hidden)
        starts = [ops.full((hidden,), value) for value in (0.0, forget_bias, 0.0, 0.0)]
        self.bias = ops.concat(starts) if bias else None

    def stepper(self) -> Step:
        weight = self.recurrent_kernel.mT

        def step(projected: Tensor, state: tuple[Tensor, Tensor]) -> tuple[Tensor, Any]:
            h, c = state
            i, f, g, o = ops.split(projected + h @ weight, 4, axis=-1)
            c = ops.sigmoid(f) * c + ops.sigmoid(i) * ops.tanh(g)
            h = ops.sigmoid(o) * ops.tanh(c)
            return h, (h, c)

        return step

    def __call__(
        self,
        x: Float[Tensor, "*batch In"],
        state: tuple[Float[Tensor, "*batch Hidden"], Float[Tensor, "*batch Hidden"]] | None = None,
    ) -> tuple[
        Float[Tensor, "*batch Hidden"],
        tuple[Float[Tensor, "*batch Hidden"], Float[Tensor, "*batch Hidden"]],
    ]:
        return self._step(x, state)


class GRUCell(Cell[In, Hidden], Generic[In, Hidden]):
    """Gated recurrent unit with the reset after the product, as of the paper's first version (Cho
    et al., 2014, arXiv:1406.1078v1); PyTorch and cuDNN have this one.

    With `a = kernel @ x + bias` and `b = recurrent_kernel @ h`, both split into r, z and n:
    `n' = tanh(a_n + sigmoid(a_r + b_r) * (b_n + recurrent_bias))` and
    `h' = (1 - z') * n' + z' * h` with `z' = sigmoid(a_z + b_z)`.

    `cell(x, h)` returns the pair of output and new state, here both h'.

    Args:
        in_: features of an input.
        hidden: features of the state.
        bias: whether the biases are learned.
        init_kernel: initialises the weights of the input, for each gate by itself.
        init_recurrent_kernel: initialises the weights of the state, for each gate by itself.

    >>> import typedflux as flux
    >>> y, state = GRUCell(3, 5)(flux.ones((2, 3)))
    >>> y.shape, state.shape
    ((2, 5), (2, 5))
    """

    recurrent_bias: Float[Tensor, "Hidden"] | None

    def __init__(
        self,
        in_: Size[In],
        hidden: Size[Hidden],
        *,
        bias: bool = True,
        init_kernel: Initialiser = initialisers.glorot_uniform,
        init_recurrent_kernel: Initialiser = initialisers.glorot_uniform,
    ) -> None:
        self.kernel = stacked(init_kernel, 3, hidden, in_)
        self.recurrent_kernel = stacked(init_recurrent_kernel, 3, hidden, hidden)
        self.bias = ops.zeros((3 * hidden,)) if bias else None
        self.recurrent_bias = ops.zeros((hidden,)) if bias else None

    def stepper(self) -> Step:
        weight, bias = self.recurrent_kernel.mT, self.recurrent_bias
        hidden = self.recurrent_kernel.shape[1]

        def step(projected: Tensor, h: Tensor) -> tuple[Tensor, Tensor]:
            a, a_n = ops.split(projected, [2 * hidden], axis=-1)
            b, b_n = ops.split(h @ weight, [2 * hidden], axis=-1)
            r, z = ops.split(ops.sigmoid(a + b), 2, axis=-1)
            n = ops.tanh(a_n + r * (b_n if bias is None else b_n + bias))
            h = n + z * (h - n)
            return h, h

        return step

    def __call__(
        self, x: Float[Tensor, "*batch In"], state: Float[Tensor, "*batch Hidden"] | None = None
    ) -> tuple[Float[Tensor, "*batch Hidden"], Float[Tensor, "*batch Hidden"]]:
        return self._step(x, state)


class GRUv3Cell(Cell[In, Hidden], Generic[In, Hidden]):
    """Gated recurrent unit with the reset before the product (Cho et al., 2014, arXiv:1406.1078v3).

    With `a = kernel @ x + bias` split into r, z and n, and `b = recurrent_kernel @ h` into r and z:
    `n' = tanh(a_n + candidate_kernel @ (sigmoid(a_r + b_r) * h))` and
    `h' = (1 - z') * n' + z' * h` with `z' = sigmoid(a_z + b_z)`.

    `cell(x, h)` returns the pair of output and new state, here both h'. The arguments are those of
    `GRUCell`.

    >>> import typedflux as flux
    >>> GRUv3Cell(3, 5)(flux.ones((2, 3)))[0].shape
    (2, 5)
    """

    candidate_kernel: Float[Tensor, "Hidden Hidden"]

    def __init__(
        self,
        in_: Size[In],
        hidden: Size[Hidden],
        *,
        bias: bool = True,
        init_kernel: Initialiser = initialisers.glorot_uniform,
        init_recurrent_kernel: Initialiser = initialisers.glorot_uniform,
    ) -> None:
        self.kernel = stacked(init_kernel, 3, hidden, in_)
        self.recurrent_kernel = stacked(init_recurrent_kernel, 2, hidden, hidden)
        self.candidate_kernel = initial(init_recurrent_kernel, (hidden, hidden))
        self.bias = ops.zeros((3 * hidden,)) if bias else None

    def stepper(self) -> Step:
        weight, candidate = self.recurrent_kernel.mT, self.candidate_kernel.mT
        hidden = self.recurrent_kernel.shape[1]

        def step(projected: Tensor, h: Tensor) -> tuple[Tensor, Tensor]:
            a, a_n = ops.split(projected, [2 * hidden], axis=-1)
            r, z = ops.split(ops.sigmoid(a + h @ weight), 2, axis=-1)
            n = ops.tanh(a_n + (r * h) @ candidate)
            h = n + z * (h - n)
            return h, h

        return step

    def __call__(
        self, x: Float[Tensor, "*batch In"], state: Float[Tensor, "*batch Hidden"] | None = None
    ) -> tuple[Float[Tensor, "*batch Hidden"], Float[Tensor, "*batch Hidden"]]:
        return self._step(x, state)
