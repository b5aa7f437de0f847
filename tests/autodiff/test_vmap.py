"""`vmap` against loops, its nesting with the other transformations, and what it refuses."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import typedflux as flux
from typedflux import Tensor, nn
from typedflux.core.tracing import TraceError
from typedflux.shapes.errors import AxisError, ShapeError


def sample(*shape: int) -> Tensor:
    return flux.asarray(np.random.default_rng(len(shape)).normal(size=shape))


def agree(a: Tensor, b: Tensor) -> None:
    assert a.shape == b.shape
    assert a.dtype == b.dtype
    np.testing.assert_allclose(a.numpy(), b.numpy(), rtol=1e-12, atol=1e-12)


def by_loop(f: Callable[..., Tensor], *args: Tensor) -> Tensor:
    return flux.stack([f(*[a[i] for a in args]) for i in range(args[0].shape[0])], axis=0)


@pytest.mark.parametrize(
    "f",
    [
        lambda x: flux.tanh(x) / (1 + x.sum(axis=0)),
        lambda x: x.T @ x,
        lambda x: flux.softmax(x, axis=0),
        lambda x: flux.sort(x, axis=0)[1:],
        lambda x: flux.concat([x, x[:, ::-1]], axis=1),
        lambda x: flux.where(x > 0, x, 0.0).max(axis=1),
        lambda x: x.at[0].set(1.0),
        lambda x: x[flux.asarray([1, 0, 1])],
        lambda x: flux.reshape(x, (-1,)),
    ],
)
def test_it_is_a_loop_over_the_examples(f: Callable[[Tensor], Tensor]) -> None:
    x = sample(5, 3, 2)
    agree(flux.vmap(f)(x), by_loop(f, x))


def test_axes_of_arguments_and_results() -> None:
    a, b = sample(3, 4), sample(4, 2)
    agree(flux.vmap(flux.matmul, in_axes=(0, None))(a, b), a @ b)
    agree(flux.vmap(flux.matmul, in_axes=(None, 1))(a, b), (a @ b).T)
    agree(flux.vmap(flux.matmul, in_axes=(None, -1), out_axes=1)(a, b), a @ b)
    agree(flux.vmap(lambda x: x * 2, in_axes=1, out_axes=-1)(a), a * 2)


def test_axes_of_trees_are_prefixes_of_their_structure() -> None:
    tree = {"w": sample(4, 3), "b": sample(3)}
    out = flux.vmap(
        lambda t, x: {"y": t["w"] @ x + t["b"], "x": x},
        in_axes=({"w": None, "b": 0}, 1),
        out_axes={"y": 1, "x": 0},
    )({"w": tree["w"], "b": flux.ones((5, 4))}, sample(3, 5))
    assert out["y"].shape == (4, 5)
    assert out["x"].shape == (5, 3)
    agree(out["y"], tree["w"] @ sample(3, 5) + 1)


def test_results_that_are_the_same_for_all_are_repeated() -> None:
    first, second = flux.vmap(lambda x: (flux.ones(2), x))(sample(3))
    assert first.shape == (3, 2)
    assert second.shape == (3,)
    assert flux.vmap(lambda x: flux.ones(2), out_axes=None)(sample(3)).shape == (2,)


def test_gradients_for_each_example() -> None:
    model = nn.Chain(nn.Dense(3, 4, flux.tanh), nn.Dense(4, 2))
    x = flux.randn((5, 3))
    each = flux.vmap(lambda row: flux.gradient(lambda m: (m(row) ** 2).sum(), model))(x)
    total = flux.gradient(lambda m: (flux.vmap(m)(x) ** 2).sum(), model)
    for path, grads in flux_leaves(each).items():
        np.testing.assert_allclose(
            grads.sum(axis=0).numpy(), flux_leaves(total)[path].numpy(), rtol=1e-4, atol=1e-5
        )


def flux_leaves(tree: Any) -> dict[Any, Tensor]:
    from typedflux.core.tree import iterate

    return {path: leaf for path, leaf, _ in iterate(tree)}


def test_an_ensemble_is_a_batch_of_models() -> None:
    models = [nn.Dense(3, 2) for _ in range(4)]
    from typedflux.core.tree import leaves, map_leaves

    parts = iter(zip(*[leaves(m) for m in models], strict=True))
    ensemble = map_leaves(lambda _: flux.stack(next(parts)), models[0])
    x = flux.randn((6, 3))
    out = flux.vmap(lambda m, x: m(x), in_axes=(0, None))(ensemble, x)
    agree(out, flux.stack([m(x) for m in models]))


def test_it_nests_with_every_transformation() -> None:
    x = sample(4, 3)

    def f(row: Tensor) -> Tensor:
        return flux.sin(row).prod()

    agree(flux.vmap(lambda r: flux.hessian(f, r))(x), by_loop(lambda r: flux.hessian(f, r), x))
    agree(
        flux.vmap(lambda r: flux.jvp(f, (r,), (r,))[1])(x),
        by_loop(lambda r: flux.jvp(f, (r,), (r,))[1], x),
    )
    agree(
        flux.gradient(lambda x: flux.vmap(f)(x).sum(), x),
        by_loop(lambda r: flux.gradient(f, r), x),
    )
    agree(flux.vmap(flux.vmap(lambda a: a * a))(x), x * x)
    agree(
        flux.vmap(lambda a: flux.vmap(lambda b: a - b)(x[:, 0]))(x[:, 1]),
        x[:, 1][:, None] - x[:, 0],
    )
    agree(flux.jit(flux.vmap(f))(x), flux.vmap(f)(x))


def test_ambient_random_numbers_differ_between_examples() -> None:
    flux.seed(3)
    first = flux.vmap(lambda x: x + flux.rand(2))(flux.zeros(4))
    assert len(set(first[:, 0].tolist())) == 4
    flux.seed(3)
    assert flux.vmap(lambda x: x + flux.rand(2))(flux.zeros(4)).tolist() == first.tolist()


def test_a_generator_of_the_program_gives_all_the_same() -> None:
    rng = flux.Generator(0)
    out = flux.vmap(lambda x: x + flux.rand(rng=rng))(flux.zeros(3))
    assert len(set(out.tolist())) == 1


def test_an_empty_batch() -> None:
    assert flux.vmap(lambda x: flux.sort(x) @ x)(flux.zeros((0, 3))).shape == (0,)
    assert flux.vmap(lambda x: x + flux.rand(2))(flux.zeros(0)).shape == (0, 2)


def test_what_it_refuses() -> None:
    three: Any = flux.zeros(3)
    scalar: Any = flux.zeros(())
    with pytest.raises(ShapeError, match=r"argument 0 has 3 examples \(axis 0\), argument 1 has 4"):
        flux.vmap(flux.add)(three, flux.zeros(4))
    with pytest.raises(AxisError, match="argument 0 has 1 axes, so there is no axis 1"):
        flux.vmap(flux.abs, in_axes=1)(three)
    with pytest.raises(AxisError, match="argument 0 has 0 axes"):
        flux.vmap(flux.abs)(scalar)
    with pytest.raises(ValueError, match="each of the 2 positional arguments"):
        flux.vmap(flux.add, in_axes=(0,))(flux.zeros(3), flux.zeros(3))
    with pytest.raises(ValueError, match="needs a tensor with an axis of examples"):
        flux.vmap(flux.abs, in_axes=None)(flux.zeros(3))
    with pytest.raises(ValueError, match="differs from example to example"):
        flux.vmap(flux.abs, out_axes=None)(flux.zeros(3))
    with pytest.raises(TraceError, match=r"use flux\.where"):
        flux.vmap(lambda x: x if x > 0 else -x)(flux.zeros(3))


def test_a_field_cannot_take_a_value_of_each_example() -> None:
    class Counter(nn.Module):
        def __init__(self) -> None:
            self.last = nn.buffer(flux.zeros(()))

        def __call__(self, x: Tensor) -> Tensor:
            self.last = x
            return x

    counter = Counter()
    with pytest.raises(ValueError, match=r"Counter\.last was assigned a value that differs"):
        flux.vmap(lambda c, x: c(x), in_axes=(None, 0))(counter, flux.ones(3))
    assert counter.last.item() == 0


def test_what_is_wrapped_stays_whole() -> None:
    @flux.custom_vjp
    def steep(x: Tensor) -> Tensor:
        return x

    steep.defvjp(lambda x: (x, None), lambda _, g: (5 * g,))

    def slope(f: Any) -> Any:
        return flux.gradient(lambda x: f(x).sum(), flux.ones(2)).tolist()

    for f in (flux.vmap(steep), flux.jit(steep), flux.jit(flux.vmap(steep))):
        assert slope(f) == [5.0, 5.0]
