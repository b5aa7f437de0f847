"""Families of primitives that share their rules: elementwise operations of one to three operands.

`elementwise(...)` makes a whole primitive from a numpy kernel and one derivative per operand, which
gives its vjp, jvp, batching rule, shape rule and promotion.

A derivative is `None` (there is none), a number (a constant factor), or a function whose parameter
names say what it needs, so that no more than that is kept for the backward pass: `x`, `y`, `z` for
the operands, `out` for the result. It returns the factor d(out)/d(operand). A function with a
parameter `g` is the linear map itself: it returns the product with `g`, where there is a cheaper
way to make it than a multiplication.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import numpy as np

from typedflux import dtypes, ops
from typedflux.core.primitive import Lowering, Primitive, Pullback, Pullbacks, explain, type_of
from typedflux.core.quiet import quiet
from typedflux.core.types import Shape, TensorType
from typedflux.dtypes import AnyDType, DTypeSet
from typedflux.shapes.broadcasting import broadcast_shapes
from typedflux.shapes.dims import Dim, Unknown, equal, is_fixed
from typedflux.shapes.errors import DTypeError
from typedflux.tensor import Tensor, TensorLike, wrap

Derivative: TypeAlias = None | int | float | Callable[..., Any]

_new = object.__new__
_ndarray = np.ndarray
_OPERANDS = ("x", "y", "z")
_SIZES = (Dim, Unknown)


class Elementwise(Primitive):
    """A primitive that works on each element by itself, with broadcasting and promotion.

    Call `apply` with what the user gave: tensors, Python numbers, numpy arrays.
    """

    __slots__ = ("apply", "domain", "inexact", "result")

    apply: Callable[..., Tensor]
    domain: DTypeSet
    inexact: bool
    result: Callable[[AnyDType], AnyDType] | None


def elementwise(
    name: str,
    kernel: Callable[..., Any],
    derivatives: Sequence[Derivative],
    *,
    domain: DTypeSet = dtypes.Num,
    inexact: bool = False,
    result: Callable[[AnyDType], AnyDType] | None = None,
    lowering: str | None = None,
    complex_kernel: Callable[..., Any] | None = None,
) -> Elementwise:
    """An elementwise primitive with `len(derivatives)` operands.

    Args:
        name: as messages print it.
        kernel: the numpy function; operands have one dtype.
        derivatives: one per operand; see the module's documentation.
        domain: the dtypes that it accepts after promotion.
        inexact: whether integers and booleans are converted to the default float first.
        result: the result's dtype from the operands', where it is not the same.
        lowering: the expression's name for compilers, `name` by default.
        complex_kernel: what one complex operand needs, where `kernel` is for real ones.
    """
    arity = len(derivatives)

    def shape(*types: TensorType) -> TensorType:
        dtype = dtypes.promote_all(*(t.dtype for t in types))
        check_domain(dtype, domain)
        out = broadcast_shapes(*[t.shape for t in types]) if arity > 1 else types[0].shape
        return TensorType(result(dtype) if result else dtype, out)

    primitive = Elementwise(
        name,
        _by_kind(kernel, complex_kernel) if complex_kernel else kernel,
        shape,
        vjp=None if all(d is None for d in derivatives) else _make_vjp(derivatives),
        jvp=None if all(d is None for d in derivatives) else _make_jvp(derivatives),
        lowering=Lowering("elementwise", lowering or name),
    )
    primitive.domain = domain
    primitive.inexact = inexact
    primitive.result = result
    primitive.batch = _make_batch(primitive)
    if arity == 1:
        direct = _direct_dtypes(primitive)
        if complex_kernel:
            direct = frozenset(d for d in direct if d.kind != "c")
        primitive.apply = _unary_apply(primitive, kernel, direct)
    else:
        primitive.apply = (_binary_apply if arity == 2 else _general_apply)(primitive)
    return primitive


def _by_kind(kernel: Callable[..., Any], complex_kernel: Callable[..., Any]) -> Callable[..., Any]:
    return lambda x: complex_kernel(x) if x.dtype.kind == "c" else kernel(x)


def to_bool(_: AnyDType) -> AnyDType:
    """The `result` of comparisons."""
    return dtypes.bool_


def check_domain(dtype: AnyDType, domain: DTypeSet) -> None:
    """Raise `DTypeError` when no member of `dtype` lies in `domain`."""
    if dtypes.belongs(dtype, domain) is False:
        raise DTypeError(f"needs {_describe(domain)}, got {dtype}")


def _describe(domain: DTypeSet) -> str:
    words = {
        "Num": "numbers", "Float": "floating-point numbers", "Inexact": "floating-point or complex "
        "numbers", "Real": "real numbers", "Integer": "integers", "Complex": "complex numbers",
        repr(_WHOLE): "integers or booleans",
    }  # fmt: skip
    return words.get(repr(domain), f"one of {domain!r}")


_WHOLE = DTypeSet([dtypes.bool_, *dtypes.Integer])


# Applying


def _direct_dtypes(p: Elementwise) -> frozenset[np.dtype[Any]]:
    """The dtypes for which the kernel alone gives the right answer."""
    allowed = (d for d in dtypes.ALL if d in p.domain.members)
    return frozenset(d.dtype for d in allowed if d.is_inexact or not p.inexact)


def _general_apply(p: Elementwise) -> Callable[..., Tensor]:
    def apply(*operands: TensorLike) -> Tensor:
        out: Tensor = p.bind(*promote_operands(p.name, operands, p.domain, p.inexact))
        return out

    return apply


def _unary_apply(
    p: Elementwise, kernel: Callable[..., Any], direct: frozenset[np.dtype[Any]]
) -> Callable[..., Tensor]:
    general = _general_apply(p)
    run = quiet

    def apply(x: TensorLike, /) -> Tensor:
        if type(x) is not Tensor or (data := x._data).dtype not in direct:
            return general(x)
        out = run.run(kernel, data)
        tensor = _new(Tensor)
        tensor._data = out if type(out) is _ndarray else np.asarray(out)
        return tensor

    return apply


def _binary_apply(p: Elementwise) -> Callable[..., Tensor]:
    direct = _direct_dtypes(p)
    # A Python number next to these keeps their dtype in numpy as it does here.
    beside_int = frozenset(d for d in direct if d.kind in "fiu")
    beside_float = frozenset(d for d in direct if d.kind == "f")
    kernel = p.kernel
    general = _general_apply(p)
    run = quiet

    def apply(x: TensorLike, y: TensorLike, /) -> Tensor:
        if type(x) is Tensor:
            a = x._data
            kind = type(y)
            if kind is Tensor:
                b = y._data  # type: ignore[union-attr]
                if a.dtype is not b.dtype or a.dtype not in direct:
                    return general(x, y)
            elif (kind is float and a.dtype in beside_float) or (
                kind is int and a.dtype in beside_int
            ):
                b = y
            else:
                return general(x, y)
        elif type(y) is Tensor:
            b = y._data
            kind = type(x)
            if not (
                (kind is float and b.dtype in beside_float)
                or (kind is int and b.dtype in beside_int)
            ):
                return general(x, y)
            a = x  # type: ignore[assignment]
        else:
            return general(x, y)
        try:
            out = run.run(kernel, a, b)
        except (OverflowError, ValueError) as error:
            reason = explain(p, promote_operands(p.name, (x, y), p.domain, p.inexact), {}, error)
            if reason is error:
                raise
            raise reason from None
        tensor = _new(Tensor)
        tensor._data = out if type(out) is _ndarray else np.asarray(out)
        return tensor

    return apply


def promote_operands(
    name: str, operands: Sequence[TensorLike], domain: DTypeSet = dtypes.Shaped,
    inexact: bool = False,
) -> list[Tensor]:  # fmt: skip
    """Operands as tensors of their common dtype.

    Raises:
        DTypeError: when that dtype is outside `domain`.
        TypeError: for an operand that is neither a tensor nor a number.
    """
    first = operands[0]
    if isinstance(first, Tensor):
        common = first.dtype
        if common in domain.members and (not inexact or common.is_inexact):
            rest = operands[1:]
            for other in rest:
                if not isinstance(other, Tensor) or other.dtype is not common:
                    break
            else:
                return [first, *rest]  # type: ignore[list-item]
    # A symbolic size stands for a Python number, and is as weak.
    given: list[Any] = [o if isinstance(o, _SIZES) else as_operand(name, o) for o in operands]
    tensors = [o for o in given if isinstance(o, Tensor)]
    scalars = [o for o in given if not isinstance(o, Tensor)]
    dtype: AnyDType
    try:
        if tensors:
            dtype = dtypes.promote_all(*(t.dtype for t in tensors))
        else:
            first = 1 if isinstance(scalars[0], _SIZES) else scalars[0]
            dtype, scalars = dtypes.as_dtype(type(first)), scalars[1:]
        for scalar in scalars:
            dtype = dtypes.with_scalar(dtype, 1 if isinstance(scalar, _SIZES) else scalar)
        if inexact:
            dtype = dtypes.to_inexact(dtype)
        check_domain(dtype, domain)
        return [cast(o, dtype) for o in given]
    except DTypeError as error:
        types = ", ".join(str(type_of(o)) if isinstance(o, Tensor) else repr(o) for o in given)
        raise DTypeError(f"{name}({types}): {error}") from None


def cast(operand: Tensor | bool | int | float | complex | Dim | Unknown, dtype: AnyDType) -> Tensor:
    """A tensor, Python number or symbolic size as a tensor of `dtype`.

    Raises:
        DTypeError: for a number that an integer dtype cannot hold.
    """
    if isinstance(operand, _SIZES):
        operand = ops.asarray(operand)
    if isinstance(operand, Tensor):
        return operand if operand.dtype == dtype else ops.astype(operand, dtype)  # type: ignore[arg-type]
    if isinstance(dtype, DTypeSet):
        return ops.full((), operand, dtype=dtype)  # type: ignore[arg-type]
    try:
        return wrap(np.asarray(operand, dtype.dtype))
    except OverflowError:
        raise DTypeError(f"{dtype} cannot hold {operand!r:.40}") from None


def as_operand(name: str, value: object) -> Any:
    """A tensor, or a Python number as it is; numpy values and symbolic sizes become tensors."""
    if isinstance(value, (Tensor, bool, int, float, complex)):
        return value
    if isinstance(value, (np.ndarray, np.generic, Dim, Unknown)):
        return ops.asarray(value)
    raise TypeError(
        f"{name} takes tensors and numbers, got {type(value).__name__}"
        + (": convert it with flux.asarray(...)" if isinstance(value, (list, tuple)) else "")
        + (": ask for it by `is None`" if value is None and name in ("equal", "not_equal") else "")
    )


# Derivatives


def same_shape(a: Shape, b: Shape) -> bool:
    """Whether two shapes are surely the same; `==` would demand a decision of symbolic sizes."""
    if len(a) != len(b):
        return False
    return all([x is y or equal(x, y) is True for x, y in zip(a, b, strict=True)])


def unbroadcast(g: Tensor, shape: Shape) -> Tensor:
    """`g` summed over the axes along which an operand of `shape` was broadcast."""
    if same_shape(g.shape, shape):
        return g
    lead = g.ndim - len(shape)
    stretched = tuple(
        i
        for i, size in enumerate(g.shape)
        if i < lead or (is_fixed(shape[i - lead], 1) and not is_fixed(size, 1))
    )
    if not stretched:
        return g
    total = ops.sum(g, axis=stretched, keepdims=len(stretched) > lead)
    return ops.reshape(total, shape) if total.ndim != len(shape) else total  # type: ignore[arg-type]


def _conj(factor: Any) -> Any:
    if isinstance(factor, Tensor) and factor.dtype.is_complex:
        return ops.conj(factor)
    return factor


def _needs(derivative: Derivative) -> tuple[str, ...]:
    return tuple(inspect.signature(derivative).parameters) if callable(derivative) else ()


def _make_vjp(derivatives: Sequence[Derivative]) -> Callable[..., Pullbacks]:
    makers = [_pullback_maker(d) for d in derivatives]

    def vjp(out: Tensor, *operands: Tensor) -> Pullbacks:
        if not out.dtype.is_inexact:
            return None
        return [
            None if maker is None else maker(out, operands, operand.shape)
            for maker, operand in zip(makers, operands, strict=True)
        ]

    return vjp


def _pullback_maker(derivative: Derivative) -> Callable[..., Pullback] | None:
    if derivative is None:
        return None
    if not callable(derivative):
        factor = derivative
        if factor == 1:
            return lambda out, operands, shape: lambda g: unbroadcast(g, shape)
        return lambda out, operands, shape: lambda g: unbroadcast(ops.multiply(g, factor), shape)
    names = _needs(derivative)
    function = derivative
    if names[0] == "g":

        def make_linear(out: Tensor, operands: Sequence[Tensor], shape: Shape) -> Pullback:
            saved = _pick(names[1:], out, operands)
            return lambda g: unbroadcast(function(g, *saved), shape)

        return make_linear

    def make(out: Tensor, operands: Sequence[Tensor], shape: Shape) -> Pullback:
        saved = _pick(names, out, operands)
        return lambda g: unbroadcast(ops.multiply(g, _conj(function(*saved))), shape)

    return make


def _pick(names: Sequence[str], out: Tensor, operands: Sequence[Tensor]) -> list[Tensor]:
    return [out if n == "out" else operands[_OPERANDS.index(n)] for n in names]


def _make_jvp(derivatives: Sequence[Derivative]) -> Callable[..., Tensor | None]:
    needs = [_needs(d) for d in derivatives]

    def jvp(
        out: Tensor, operands: Sequence[Tensor], tangents: Sequence[Tensor | None]
    ) -> Tensor | None:
        if not out.dtype.is_inexact:
            return None
        total: Tensor | None = None
        for derivative, names, t in zip(derivatives, needs, tangents, strict=True):
            if derivative is None or t is None:
                continue
            if not callable(derivative):
                part = t if derivative == 1 else ops.multiply(t, derivative)
            elif names[0] == "g":
                part = derivative(t, *_pick(names[1:], out, operands))
            else:
                part = ops.multiply(t, derivative(*_pick(names, out, operands)))
            total = part if total is None else ops.add(total, part)
        if total is not None and not same_shape(total.shape, out.shape):
            total = ops.broadcast_to(total, out.shape)
        return total

    return jvp


# Batching


def _make_batch(primitive: Primitive) -> Callable[..., tuple[Tensor, int]]:
    def batch(
        inputs: Sequence[Tensor], axes: Sequence[int | None], **params: Any
    ) -> tuple[Tensor, int]:
        return primitive.bind(*align_batched(inputs, axes), **params), 0

    return batch


def align_batched(inputs: Sequence[Tensor], axes: Sequence[int | None]) -> list[Tensor]:
    """Operands with their batch axis in front, ready to broadcast against each other."""
    rank = max(x.ndim - (a is not None) for x, a in zip(inputs, axes, strict=True))
    aligned = []
    for x, axis in zip(inputs, axes, strict=True):
        if axis is not None:
            x = ops.moveaxis(x, axis, 0)
            missing = rank + 1 - x.ndim
            if missing:
                x = ops.reshape(x, (x.shape[0], *(1,) * missing, *x.shape[1:]))
        aligned.append(x)
    return aligned
