"""rearrange, reduce and einops_repeat against plain NumPy: values, types, derivatives, messages."""

from __future__ import annotations

from collections.abc import Callable
from itertools import product
from typing import Any, cast

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import typedflux as flux
from typedflux import Tensor
from typedflux.core.graph import evaluate_types
from typedflux.core.types import TensorType
from typedflux.shapes.dims import UNKNOWN, Dimension, symbol
from typedflux.shapes.errors import AnnotationError, ShapeError

Array = npt.NDArray[np.float64]
X = np.random.default_rng(0).standard_normal((2, 3, 4, 6))

REARRANGED: list[tuple[str, dict[str, int], Callable[[Array], Array]]] = [
    ("b c h w -> b h w c", {}, lambda x: x.transpose(0, 2, 3, 1)),
    ("b c h w -> b (c h w)", {}, lambda x: x.reshape(2, 72)),
    ("b c h w -> b (h w c)", {}, lambda x: x.transpose(0, 2, 3, 1).reshape(2, 72)),
    ("b c h w -> (b c) h w", {}, lambda x: x.reshape(6, 4, 6)),
    ("b c h w -> (b h) c w", {}, lambda x: x.transpose(0, 2, 1, 3).reshape(8, 3, 6)),
    ("b c h w -> b c h w", {}, lambda x: x),
    ("b c h w -> b 1 c h 1 w", {}, lambda x: x[:, None, :, :, None]),
    ("b c h (w1 w2) -> b w1 c w2 h", {"w1": 2},
     lambda x: x.reshape(2, 3, 4, 2, 3).transpose(0, 3, 1, 4, 2)),
    ("b c h (w1 w2) -> b c h (w2 w1)", {"w2": 3},
     lambda x: x.reshape(2, 3, 4, 2, 3).swapaxes(3, 4).reshape(2, 3, 4, 6)),
    ("b c (h h2) (w w2) -> b (c h2 w2) h w", {"h2": 2, "w2": 2},
     lambda x: x.reshape(2, 3, 2, 2, 3, 2).transpose(0, 1, 3, 5, 2, 4).reshape(2, 12, 2, 3)),
    ("b ... -> ... b", {}, lambda x: np.moveaxis(x, 0, -1)),
    ("... w -> w (...)", {}, lambda x: np.moveaxis(x, -1, 0).reshape(6, 24)),
    ("b ... w -> b (... w)", {}, lambda x: x.reshape(2, 72)),
    ("... -> ...", {}, lambda x: x),
    ("... a b c d -> d c b a ...", {}, lambda x: x.T),
    ("... -> (...)", {}, lambda x: x.reshape(-1)),
    ("batch a1 height_2 w -> w batch a1 height_2", {"batch": 2},
     lambda x: x.transpose(3, 0, 1, 2)),
]  # fmt: skip


@pytest.mark.parametrize(("pattern", "sizes", "reference"), REARRANGED)
def test_rearrange(
    pattern: str, sizes: dict[str, int], reference: Callable[[Array], Array]
) -> None:
    wanted = reference(X)
    for x in (flux.asarray(X), flux.asarray(X.T).transpose()):
        found = flux.rearrange(x, pattern, **sizes)
        np.testing.assert_array_equal(found.numpy(), wanted)
        assert found.shape == wanted.shape


def test_axes_of_size_1_and_none() -> None:
    x = flux.asarray(X[:, :1])
    np.testing.assert_array_equal(flux.rearrange(x, "b 1 h w -> b w h").numpy(), X[:, 0].mT)
    np.testing.assert_array_equal(
        flux.rearrange(x, "b () h w -> b h () w").numpy(), X[:, 0, :, None]
    )
    assert flux.rearrange(flux.asarray(2.0), "-> 1 1").shape == (1, 1)
    assert flux.rearrange(flux.ones((1, 1)), "1 1 ->").shape == ()
    assert flux.rearrange(flux.zeros((0, 6)), "n (a b) -> a (n b)", a=2).shape == (2, 0)
    assert flux.rearrange(flux.zeros((4, 0)), "(a b) c -> (c b) a", a=2).shape == (0, 2)


def test_lists_are_stacked_first() -> None:
    parts = [flux.asarray(X[i]) for i in range(2)]
    found = flux.rearrange(parts, "b c h w -> c h w b")
    np.testing.assert_array_equal(found.numpy(), np.moveaxis(X, 0, -1))
    np.testing.assert_array_equal(
        flux.reduce(tuple(parts), "b c h w -> c", "max").numpy(), X.max(axis=(0, 2, 3))
    )
    found = flux.einops_repeat(parts, "b ... -> (b 2) ...")
    np.testing.assert_array_equal(found.numpy(), X.repeat(2, axis=0))
    assert flux.rearrange(X, "a b c d -> (a b c d)").shape == (144,)  # NumPy's arrays too


REDUCED: list[tuple[str, dict[str, int], Callable[[Any, Any], Any]]] = [
    ("b c h w -> b c", {}, lambda x, f: f(x, axis=(2, 3))),
    ("b c h w -> c b", {}, lambda x, f: f(x, axis=(2, 3)).T),
    ("b c h w -> b 1 h w", {}, lambda x, f: f(x, axis=1, keepdims=True)),
    ("b c h w ->", {}, lambda x, f: f(x)),
    ("b c (h 2) (w 3) -> b c h w", {}, lambda x, f: f(x.reshape(2, 3, 2, 2, 2, 3), axis=(3, 5))),
    ("b c (h1 h2) w -> (h1 w) b", {"h2": 2},
     lambda x, f: f(x.reshape(2, 3, 2, 2, 6), axis=(1, 3)).transpose(1, 2, 0).reshape(12, 2)),
    ("... w -> ...", {}, lambda x, f: f(x, axis=-1)),
    ("b ... -> b", {}, lambda x, f: f(x, axis=(1, 2, 3))),
    ("b ... -> ...", {}, lambda x, f: f(x, axis=0)),
    ("b c h w -> w b c h", {}, lambda x, f: f(x, axis=()).transpose(3, 0, 1, 2)),
]  # fmt: skip


@pytest.mark.parametrize("name", ["mean", "sum", "max", "min", "prod", "any", "all"])
@pytest.mark.parametrize(("pattern", "sizes", "reference"), REDUCED)
def test_reduce(
    name: Any, pattern: str, sizes: dict[str, int], reference: Callable[[Any, Any], Any]
) -> None:
    x: npt.NDArray[Any] = X if name not in ("any", "all") else X > 0.5
    found = flux.reduce(flux.asarray(x), pattern, name, **sizes)
    wanted = np.asarray(reference(x, getattr(np, name)))
    assert found.shape == wanted.shape and found.numpy().dtype == wanted.dtype
    np.testing.assert_allclose(found.numpy(), wanted, rtol=1e-12)


def test_reduce_by_a_function() -> None:
    x = flux.asarray(X)
    found = flux.reduce(x, "b c h w -> w b", lambda x, axes: flux.logsumexp(x, axis=axes))
    np.testing.assert_allclose(found.numpy(), np.log(np.exp(X).sum(axis=(1, 2))).T)
    unreduced: Any = lambda x, axes: x  # noqa: E731
    with pytest.raises(ShapeError, match=r"'b c h w -> b'.*remove axes \(1, 2, 3\)"):
        flux.reduce(x, "b c h w -> b", unreduced)


def test_reductions_have_the_dtypes_of_their_functions() -> None:
    x = flux.asarray([[1, 2], [3, 5]], dtype=flux.int8)
    assert flux.reduce(x, "a b -> a", "sum").dtype == flux.int64
    assert flux.reduce(x, "a b -> a", "max").dtype == flux.int8
    assert flux.reduce(x, "a b -> b a", "mean").dtype == flux.float32
    assert flux.reduce(x > 2, "a b -> a", "any").tolist() == [False, True]


REPEATED: list[tuple[str, dict[str, int], Callable[[Array], Array]]] = [
    ("h w -> h w c", {"c": 3}, lambda x: np.repeat(x[..., None], 3, axis=2)),
    ("h w -> c h w", {"c": 3}, lambda x: np.broadcast_to(x, (3, 4, 6))),
    ("h w -> (r h) w", {"r": 2}, lambda x: np.tile(x, (2, 1))),
    ("h w -> (h r) w", {"r": 2}, lambda x: np.repeat(x, 2, axis=0)),
    ("h w -> (h 2) (w 3)", {}, lambda x: np.repeat(np.repeat(x, 2, axis=0), 3, axis=1)),
    ("h w -> w (r h) 1 k", {"r": 2, "k": 1}, lambda x: np.tile(x, (2, 1)).T[:, :, None, None]),
    ("(a b) w -> b r (a w)", {"a": 2, "r": 3},
     lambda x: np.repeat(x.reshape(2, 2, 6).swapaxes(0, 1).reshape(2, 1, 12), 3, axis=1)),
    ("... -> ... r", {"r": 2}, lambda x: np.stack([x, x], axis=-1)),
    ("... -> r ...", {"r": 0}, lambda x: np.zeros((0, 4, 6))),
    ("h w -> h w", {}, lambda x: x),
]  # fmt: skip


@pytest.mark.parametrize(("pattern", "sizes", "reference"), REPEATED)
def test_repeat(pattern: str, sizes: dict[str, int], reference: Callable[[Array], Array]) -> None:
    x = X[0, 0]
    found = flux.einops_repeat(flux.asarray(x), pattern, **sizes)
    np.testing.assert_array_equal(found.numpy(), reference(x))


# Random patterns: the reference places one element at a time by the names of its axes.

Groups = list[list[str]]


def _text(groups: Groups) -> str:
    return " ".join(g[0] if len(g) == 1 else f"({' '.join(g)})" for g in groups)


def _place(groups: Groups, sizes: dict[str, int], at: dict[str, int]) -> tuple[int, ...]:
    place = []
    for group in groups:
        index = 0
        for name in group:
            index = index * sizes[name] + at[name]
        place.append(index)
    return tuple(place)


def _shape(groups: Groups, sizes: dict[str, int]) -> tuple[int, ...]:
    return tuple(int(np.prod([sizes[name] for name in group], dtype=int)) for group in groups)


@st.composite
def patterns(draw: st.DrawFn) -> tuple[Groups, Groups, dict[str, int], str]:
    names = list("abcde"[: draw(st.integers(1, 5))])
    sizes = {name: draw(st.integers(1, 3)) for name in names}
    kind = draw(st.sampled_from(["rearrange", "reduce", "repeat"]))

    def grouped(axes: list[str]) -> Groups:
        groups: Groups = []
        for name in draw(st.permutations(axes)):
            if draw(st.booleans()) and groups:
                groups[-1].append(name)
            else:
                groups.append([name])
        return groups

    some = names[: draw(st.integers(0, len(names)))]
    left = grouped(some if kind == "repeat" else names)
    right = grouped(some if kind == "reduce" else names)
    return left, right, sizes, kind


@settings(max_examples=200, deadline=None)
@given(patterns())
def test_random_patterns(case: tuple[Groups, Groups, dict[str, int], str]) -> None:
    left, right, sizes, kind = case
    shape = _shape(left, sizes)
    x = np.arange(float(np.prod(shape, dtype=int))).reshape(shape)
    wanted = np.zeros(_shape(right, sizes))
    once: set[tuple[tuple[int, ...], ...]] = set()
    for values in product(*(range(size) for size in sizes.values())):
        at = dict(zip(sizes, values, strict=True))
        pair = _place(left, sizes, at), _place(right, sizes, at)
        if pair not in once:
            wanted[pair[1]] += x[pair[0]]
            once.add(pair)
    pattern = f"{_text(left)} -> {_text(right)}"
    # All sizes may be given; the last of each group on the left follows from the shape.
    given_sizes = dict(sizes)
    for group in left:
        given_sizes.pop(group[-1])
    if kind == "reduce":
        found = flux.reduce(flux.asarray(x), pattern, "sum", **given_sizes)
        assert found.shape == flux.reduce(flux.asarray(x), pattern, "sum", **sizes).shape
    elif kind == "repeat":
        found = flux.einops_repeat(flux.asarray(x), pattern, **given_sizes)
    else:
        found = flux.rearrange(flux.asarray(x), pattern, **given_sizes)
        back = flux.rearrange(found, f"{_text(right)} -> {_text(left)}", **sizes)
        np.testing.assert_array_equal(back.numpy(), x)
    np.testing.assert_array_equal(found.numpy(), wanted)


# Derivatives


@pytest.mark.parametrize(
    "function",
    [
        lambda x: flux.rearrange(x, "b c (h k) w -> (k b) w (c h)", k=2) ** 2,
        lambda x: flux.reduce(x, "b c (h 2) w -> h b", "mean") ** 2,
        lambda x: flux.reduce(x, "b c (h 2) w -> w h b", "max") ** 2,
        lambda x: flux.reduce(x, "b c h w -> b h w", "prod"),
        lambda x: flux.einops_repeat(x, "b c h w -> (w 2) b (r h) c", r=3) ** 3,
        lambda x: flux.rearrange([x, x * x], "n b c h w -> (b n) c h w") ** 2,
    ],
)
def test_derivatives(function: Callable[[Tensor], Tensor]) -> None:
    rng = np.random.default_rng(1)
    x, d = flux.asarray(X), flux.asarray(rng.standard_normal(X.shape))
    y, pullback = flux.vjp(function, x)
    cotangent = flux.asarray(rng.standard_normal(y.shape))
    slope = (pullback(cotangent) * d).sum().item()
    step = 1e-6
    difference = ((function(x + d * step) - function(x - d * step)) * cotangent).sum().item()
    assert slope == pytest.approx(difference / (2 * step), rel=1e-6)
    tangent = flux.jvp(function, (x,), (d,))[1]
    assert (tangent * cotangent).sum().item() == pytest.approx(slope, rel=1e-10)


def test_second_order() -> None:
    x = flux.asarray(X[0, 0])

    def value(x: Tensor) -> Tensor:
        pooled = flux.reduce(x, "(h 2) w -> h w", "mean")
        return (flux.einops_repeat(pooled, "h w -> w h r", r=2) ** 3).sum()

    # d2/dx2 of sum 2 m**3 over pairs, m the mean of two: 2 * 6 m / 4 within a pair, else 0.
    mean = X[0, 0].reshape(2, 2, 6).mean(axis=1)
    wanted = np.zeros((4, 6, 4, 6))
    for i, j, k in product(range(4), range(4), range(6)):
        if i // 2 == j // 2:
            wanted[i, k, j, k] = 3 * mean[i // 2, k]
    np.testing.assert_allclose(flux.hessian(value, x).numpy(), wanted, atol=1e-12)


# Types

b, h, w, n = map(symbol, ("b", "h", "w", "n"))

TYPES: list[tuple[Callable[[Tensor], Tensor], tuple[Dimension, ...], str]] = [
    (lambda x: flux.rearrange(x, "b h w -> b (h w)"), (b, h, w), "b h*w"),
    (lambda x: flux.rearrange(x, "b (h d) -> b h d", h=8), (b, 64), "b 8 8"),
    (lambda x: flux.rearrange(x, "b (h d) -> h b d", d=8), (b, n * 8), "n b 8"),
    (lambda x: flux.rearrange(x, "b ... -> ... b"), (b, h, w), "h w b"),
    (lambda x: flux.rearrange(x, "b (h k) -> (b k) h", k=x.shape[0]), (b, b * n), "b*b n"),
    (lambda x: flux.rearrange(x, "a b -> b a"), (UNKNOWN, n), "n _"),
    (lambda x: flux.rearrange(x, "(a k) b -> a k b", k=2), (UNKNOWN, n), "_ 2 n"),
    (lambda x: flux.rearrange([x, x, x], "k b h -> b (k h)"), (b, h), "b 3*h"),
    (lambda x: flux.reduce(x, "b h w -> b", "max"), (b, h, w), "b"),
    (lambda x: flux.reduce(x, "b (h 2) w -> b h 1", "mean"), (b, h * 2, w), "b h 1"),
    (lambda x: flux.reduce(x, "... w -> ...", "sum"), (b, UNKNOWN, w), "b _"),
    (lambda x: flux.einops_repeat(x, "b h -> k b h", k=x.shape[1] + 1), (b, h), "h+1 b h"),
    (lambda x: flux.einops_repeat(x, "b h -> b (h k)", k=3), (b, h), "b 3*h"),
]


@pytest.mark.parametrize(("function", "shape", "wanted"), TYPES)
def test_types(
    function: Callable[[Tensor], Tensor], shape: tuple[Dimension, ...], wanted: str
) -> None:
    given_type = TensorType(flux.float32, shape)
    assert str(evaluate_types(function, [given_type])) == f'Float32[Tensor, "{wanted}"]'
    if UNKNOWN not in shape:
        gradient = evaluate_types(
            lambda x: flux.gradient(lambda y: function(y).sum(), x), [given_type]
        )
        assert gradient == given_type


def test_one_trace_serves_all_batches() -> None:
    @flux.jit
    def f(x: Tensor) -> Tensor:
        heads = flux.rearrange(x, "b (h d) -> b h d", h=2)
        return flux.reduce(flux.einops_repeat(heads, "b h d -> b (h 2) d"), "b h d -> h b", "sum")

    for batch in (3, 1, 5):
        x = np.random.default_rng(batch).standard_normal((batch, 6))
        wanted = x.reshape(batch, 2, 3).repeat(2, axis=1).sum(axis=2).T
        np.testing.assert_allclose(f(flux.asarray(x)).numpy(), wanted)


@pytest.mark.parametrize(
    "function",
    [
        lambda x: flux.rearrange(x, "c (h k) w -> k w (c h)", k=2),
        lambda x: flux.reduce(x, "c (h 2) w -> h", "max"),
        lambda x: flux.einops_repeat(x, "c h w -> (w 2) h r c", r=3),
    ],
)
def test_batches(function: Callable[[Tensor], Tensor]) -> None:
    wanted = np.stack([function(flux.asarray(x)).numpy() for x in X])
    np.testing.assert_array_equal(flux.vmap(function)(flux.asarray(X)).numpy(), wanted)


# Messages


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda x: flux.rearrange(x, "b c -> b"), AnnotationError, "'b c -> b': 'c' is only on"),
        (lambda x: flux.rearrange(x, "b c"), AnnotationError, "exactly one '->' is wanted"),
        (lambda x: flux.rearrange(x, "b (c -> b c"), AnnotationError, r"'\(' is not closed"),
        (lambda x: flux.rearrange(x, "b b -> b"), AnnotationError, "'b' is twice on one side"),
        (lambda x: flux.rearrange(x, "b c d -> d b c"), ShapeError, "3 axes, but '4 6' has 2"),
        (
            lambda x: flux.rearrange(x, "b (h d) -> b h d", h=4),
            ShapeError,
            r"'b \(h d\) -> b h d': axis 1 of '4 6' has size 6, which is no multiple of h=4",
        ),
        (lambda x: flux.rearrange(x, "b (h d) -> b h d"), ShapeError, "all but one of 'h' and 'd'"),
        (lambda x: flux.rearrange(x, "b c -> c b", b=5), ShapeError, "axis 0 .* size 4, but b=5"),
        (lambda x: flux.rearrange(x, "b c -> c b", d=5), ShapeError, "'d', which is not in it"),
        (lambda x: flux.rearrange(x, "b (h d) -> b h d", h=-2), ShapeError, "'h' cannot be -2"),
        (
            lambda x: flux.rearrange(x, "b (h d) -> b h d", h=cast(int, 2.0)),
            TypeError,
            "size of 'h' must be an integer, got 2.0",
        ),
        (lambda x: flux.rearrange(x, cast(str, 3)), TypeError, "takes a pattern .* got 3"),
        (lambda x: flux.rearrange(cast(Tensor, "x"), "a -> a"), TypeError, "takes tensors .*str"),
        (lambda x: flux.rearrange(list[Tensor](), "n a -> a n"), ShapeError, "stack"),
        (
            lambda x: flux.reduce(x, "b c -> b", cast(Any, "avg")),
            ValueError,
            "reduce 'b c -> b': there is no reduction 'avg'; there are mean, sum",
        ),
        (lambda x: flux.reduce(x, "b c -> b", cast(Any, 3)), ValueError, "no reduction 3"),
        (lambda x: flux.reduce(x[:0], "b c -> c", "max"), ShapeError, "'b c -> c': .*size 0"),
        (lambda x: flux.einops_repeat(x, "b c -> b c k"), ShapeError, "new axis 'k' is not given"),
        (lambda x: flux.einops_repeat(x, "b c -> b"), AnnotationError, "repeat 'b c -> b': 'c'"),
    ],
)
def test_messages(call: Callable[[Tensor], Tensor], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        call(flux.ones((4, 6)))
