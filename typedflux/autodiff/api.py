"""`gradient`, `withgradient` and `vjp`: reverse-mode derivatives of functions of any trees."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal, TypeVar, overload

import numpy as np

from typedflux import ops
from typedflux.autodiff.reverse import ReverseTrace
from typedflux.core.primitive import Lowering, Primitive, type_of
from typedflux.core.staging import Staged
from typedflux.core.tracing import Tracer, current_graph
from typedflux.core.tree import Unfolded, format_path, iterate, map_leaves
from typedflux.shapes.errors import DTypeError, ShapeError
from typedflux.tensor import Tensor, wrap

T = TypeVar("T")
R = TypeVar("R")
U = TypeVar("U")
V = TypeVar("V")
Unused = Literal["zeros", "none"]


@overload
def gradient(f: Callable[[T], Any], x: T, /, *, unused: Unused = "zeros") -> T: ...
@overload
def gradient(
    f: Callable[[T, U], Any], x: T, y: U, /, *, unused: Unused = "zeros"
) -> tuple[T, U]: ...
@overload
def gradient(
    f: Callable[[T, U, V], Any], x: T, y: U, z: V, /, *, unused: Unused = "zeros"
) -> tuple[T, U, V]: ...
@overload
def gradient(
    f: Callable[..., Any], x: Any, y: Any, z: Any, w: Any, /, *args: Any, unused: Unused = "zeros"
) -> tuple[Any, ...]: ...
def gradient(f: Callable[..., Any], /, *args: Any, unused: Unused = "zeros") -> Any:
    """The gradient of the scalar `f(*args)` with respect to each argument.

    An argument is a tensor or any tree of them: a model, a list, a dict, a dataclass. Its gradient
    has the same structure. For a complex argument it is dL/d(re) + i dL/d(im).

    Args:
        f: returns a real scalar tensor, or a tuple whose first item is one.
        unused: what stands where the result depends on nothing: zeros, or `None`.

    Returns:
        The gradient for one argument, a tuple of them for several.

    Raises:
        ShapeError: when the result is no scalar.
        DTypeError: when an argument is an integer tensor, or the result is not real.

    >>> import typedflux as flux
    >>> flux.gradient(lambda x: (x * x).sum(), flux.asarray([1.0, 2.0]))
    Tensor([2., 4.], float32)
    """
    return withgradient(f, *args, unused=unused)[1]


@overload
def withgradient(f: Callable[[T], R], x: T, /, *, unused: Unused = "zeros") -> tuple[R, T]: ...
@overload
def withgradient(
    f: Callable[[T, U], R], x: T, y: U, /, *, unused: Unused = "zeros"
) -> tuple[R, tuple[T, U]]: ...
@overload
def withgradient(
    f: Callable[[T, U, V], R], x: T, y: U, z: V, /, *, unused: Unused = "zeros"
) -> tuple[R, tuple[T, U, V]]: ...
@overload
def withgradient(
    f: Callable[..., R], x: Any, y: Any, z: Any, w: Any, /, *args: Any, unused: Unused = "zeros"
) -> tuple[R, tuple[Any, ...]]: ...
def withgradient(f: Callable[..., Any], /, *args: Any, unused: Unused = "zeros") -> Any:
    """`(f(*args), gradient)`. What `f` returns beside the loss, `(loss, aux, ...)`, is kept.

    What `f` assigns to the fields of a module among `args` takes effect when the loss is finite.
    """
    if not callable(f):
        raise TypeError(f"gradient takes the function first, got {type(f).__name__}")
    if not args:
        raise TypeError("withgradient needs at least one argument to differentiate with respect to")
    trace = ReverseTrace()
    staged = Staged(active=True)
    with trace.running():
        unfolded, inputs, traced = _lift(trace, staged, args)
        out = f(*traced)
        loss = _loss_of(out)
        value = map_leaves(trace.unwrap, staged.originals(out))
    seed = _loss_of(value)
    if isinstance(seed, Tensor):
        found = trace.backpropagate([loss], [_one(seed)], inputs)
    else:
        found = [None] * len(inputs)
    grads = _gradients(unfolded, found, unused)  # before a commit changes the arguments' fields
    if isinstance(seed, Tracer):
        # There is no value to decide by: a graph chooses between old and new when it runs.
        finite = ops.isfinite(seed) if current_graph() is not None else None
        choose = None if finite is None else lambda new, old: ops.where(finite, new, old)
        staged.commit(trace.unwrap, choose)
    elif np.isfinite(seed.numpy() if isinstance(seed, Tensor) else seed):
        staged.commit(trace.unwrap)
    return value, grads[0] if len(args) == 1 else grads


@overload
def vjp(f: Callable[[T], R], x: T, /) -> tuple[R, Callable[[R], T]]: ...
@overload
def vjp(f: Callable[[T, U], R], x: T, y: U, /) -> tuple[R, Callable[[R], tuple[T, U]]]: ...
@overload
def vjp(
    f: Callable[[T, U, V], R], x: T, y: U, z: V, /
) -> tuple[R, Callable[[R], tuple[T, U, V]]]: ...
@overload
def vjp(
    f: Callable[..., R], x: Any, y: Any, z: Any, w: Any, /, *args: Any
) -> tuple[R, Callable[[R], tuple[Any, ...]]]: ...
def vjp(f: Callable[..., Any], /, *args: Any) -> tuple[Any, Callable[[Any], Any]]:
    """`(f(*args), pullback)`: the pullback takes a cotangent of the result, structured like it, to
    the cotangent of the argument (a tuple for several). It can be called more than once.

    >>> import typedflux as flux
    >>> y, pullback = flux.vjp(lambda x: x * x, flux.asarray([1.0, 2.0]))
    >>> pullback(flux.asarray([1.0, 10.0]))
    Tensor([ 2., 40.], float32)
    """
    if not args:
        raise TypeError("vjp needs at least one argument to differentiate with respect to")
    trace = ReverseTrace()
    staged = Staged(active=True)
    with trace.running():
        _, inputs, traced = _lift(trace, staged, args)
        out = f(*traced)
    outputs = [leaf for _, leaf, _ in iterate(out)]
    value = map_leaves(trace.unwrap, staged.originals(out))
    # The pullback's result is structured as the arguments are now, whatever becomes of them.
    copies = map_leaves(_identity, args, on_copy=lambda original, copy: None)
    unfolded = [Unfolded(copy) for copy in copies]
    staged.commit(trace.unwrap)

    def pullback(cotangent: Any) -> Any:
        cotangents = [leaf for _, leaf, _ in iterate(cotangent)]
        if len(cotangents) != len(outputs):
            raise ShapeError(
                f"the pullback needs {len(outputs)} cotangent tensors, one for each tensor of the "
                f"result, got {len(cotangents)}"
            )
        for out_leaf, c in zip(outputs, cotangents, strict=True):
            if c.shape != out_leaf.shape:
                raise ShapeError(
                    f"the cotangent of a result {type_of(out_leaf)} must have its shape, "
                    f"got {type_of(c)}"
                )
        found = trace.backpropagate(outputs, cotangents, inputs, keep=True)
        grads = _gradients(unfolded, found, "zeros")
        return grads[0] if len(args) == 1 else grads

    return value, pullback


def stop_gradient(tree: T, /) -> T:
    """`tree` with its tensors as constants: no gradient passes.

    >>> import typedflux as flux
    >>> flux.gradient(lambda x: x * flux.stop_gradient(x), flux.asarray(3.0))
    Tensor(3., float32)
    """
    return map_leaves(lambda t: stop_gradient_p.bind(t), tree)


stop_gradient_p: Primitive = Primitive(
    "stop_gradient",
    lambda x: x,
    lambda x: x,
    batch=lambda inputs, axes: (stop_gradient_p.bind(inputs[0]), axes[0]),
    lowering=Lowering("elementwise", "identity"),
)


def _lift(
    trace: ReverseTrace, staged: Staged, args: tuple[Any, ...]
) -> tuple[list[Unfolded], list[Tensor], tuple[Any, ...]]:
    """The arguments taken apart, tracers for the parameters in them, and the arguments put together
    with those."""
    for i, arg in enumerate(args):
        if isinstance(arg, (int, float, complex, str, np.ndarray, np.generic)):
            raise TypeError(
                f"argument {i} is {arg!r:.40} of type {type(arg).__name__}, and gradients are "
                "those of tensors: convert it with flux.asarray(...), or capture it instead"
            )
        if isinstance(arg, Tensor) and not arg.dtype.is_inexact:
            raise DTypeError(
                f"argument {i} is {type_of(arg)}: only floating-point and complex tensors have "
                "gradients; convert it with .astype(flux.float32), or capture it instead"
            )
    unfolded = [Unfolded(arg) for arg in args]
    inputs: list[Tensor] = []
    traced = []
    for tree in unfolded:
        lifted = [
            trace.input(leaf) if wanted else leaf
            for leaf, wanted in zip(tree.leaves, _wanted(tree), strict=True)
        ]
        inputs += [new for new, old in zip(lifted, tree.leaves, strict=True) if new is not old]
        traced.append(staged.fold(tree, lifted))
    return unfolded, inputs, tuple(traced)


def _wanted(tree: Unfolded) -> list[bool]:
    """For each leaf, whether it has a gradient."""
    return [
        not is_state and leaf.dtype.is_inexact
        for leaf, is_state in zip(tree.leaves, tree.states, strict=True)
    ]


def _identity(tensor: Tensor) -> Tensor:
    return tensor


def _gradients(
    unfolded: list[Unfolded], found: list[Tensor | None], unused: Unused
) -> tuple[Any, ...]:
    remaining = iter(found)

    def pick(tensor: Tensor) -> Tensor | None:
        grad = next(remaining)
        return lazy_zeros(tensor) if grad is None and unused == "zeros" else grad

    return tuple(
        [
            tree.fold(
                [
                    pick(leaf) if wanted else None
                    for leaf, wanted in zip(tree.leaves, _wanted(tree), strict=True)
                ]
            )
            for tree in unfolded
        ]
    )


def _one(like: Tensor) -> Tensor:
    """The cotangent of a loss."""
    return wrap(np.ones((), like._data.dtype)) if type(like) is Tensor else ops.ones_like(like)


def lazy_zeros(like: Tensor) -> Tensor:
    """Zeros of the shape and dtype of `like` that take no memory."""
    if isinstance(like, Tracer):
        return ops.zeros_like(like)
    return ops.broadcast_to(ops.zeros((), dtype=like.dtype), like.shape)


def _loss_of(out: Any) -> Any:
    loss = out
    if isinstance(out, tuple) and out:
        loss = out[0]
    elif isinstance(out, dict) and "loss" in out:
        loss = out["loss"]
    if isinstance(loss, Tensor):
        if loss.ndim != 0:
            raise ShapeError(
                f"gradient needs a scalar result, got {type_of(loss)}: reduce it with .sum() or "
                ".mean(), or use vjp or jacobian"
            )
        if not loss.dtype.is_floating:
            remedy = (
                "take .real or abs(...)" if loss.dtype.is_complex else "integers have no gradient"
            )
            raise DTypeError(
                f"gradient needs a real floating-point result, got {type_of(loss)}: {remedy}"
            )
        return loss
    if isinstance(loss, (int, float, np.number)) and not isinstance(loss, bool):
        return loss
    raise TypeError(
        "gradient needs a function that returns a scalar tensor, or a tuple that starts with one; "
        f"it returned {type(loss).__name__}"
    )


__all__ = ["format_path", "gradient", "lazy_zeros", "stop_gradient", "vjp", "withgradient"]
