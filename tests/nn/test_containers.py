"""Containers: what they hold by number, slice and name, and how inputs are handed out."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import typedflux as flux
from typedflux import Tensor, nn
from typedflux.core.tree import leaves

X = flux.asarray([[1.0, -2.0, 3.0]])


def model() -> nn.Chain:
    return nn.Chain(nn.Dense(3, 4, flux.relu), flux.sin, body=nn.Dense(4, 5), head=nn.Dense(5, 2))


def test_parts_of_a_chain() -> None:
    chain = model()
    assert len(chain) == 4 and chain[1] is flux.sin
    assert chain["body"] is chain[2] and chain["head"] is chain[-1]
    assert next(iter(chain)) is chain[0]
    front, back = chain[:2], chain[2:]
    assert type(back) is nn.Chain and len(front) == 2 and back["head"] is chain["head"]
    np.testing.assert_array_equal(back(front(X)).numpy(), chain(X).numpy())
    with pytest.raises(KeyError, match="no layer 'body'; its named layers: none"):
        front["body"]
    with pytest.raises(IndexError):
        chain[4]


def test_what_each_layer_gave() -> None:
    chain = model()
    steps = chain.activations(X)
    assert [y.shape for y in steps] == [(1, 4), (1, 4), (1, 5), (1, 2)]
    np.testing.assert_array_equal(steps[-1].numpy(), chain(X).numpy())
    np.testing.assert_array_equal(steps[1].numpy(), np.sin(steps[0].numpy()))


def test_an_empty_chain_gives_what_it_gets() -> None:
    empty = nn.Chain()
    assert empty(X) is X and empty(X, X) == (X, X) and empty.activations(X) == ()
    assert leaves(empty) == []


def test_a_tuple_is_one_argument_of_the_next_layer() -> None:
    def both(x: Tensor) -> tuple[Tensor, Tensor]:
        return x, x + 1

    chain = nn.Chain(both, nn.Parallel(flux.multiply, flux.identity, flux.identity))
    assert chain(X).tolist() == (X * (X + 1)).tolist()
    several = nn.Chain(flux.add, flux.negative)
    assert several(X, X).tolist() == (-2 * X).tolist()


def test_one_layer_may_stand_twice() -> None:
    layer = nn.Dense(3, 3)
    chain = nn.Chain(layer, layer)
    assert len(leaves(chain)) == 2
    grads = flux.gradient(lambda m: m(X).sum(), chain)
    apart = flux.gradient(lambda a, b: b(a(X)).sum(), layer, layer)
    total = apart[0].weight + apart[1].weight
    np.testing.assert_allclose(grads[0].weight.numpy(), total.numpy(), rtol=1e-6)


def test_one_layer_over_several_inputs() -> None:
    layer = nn.Dense(3, 2)
    shared = nn.Parallel(flux.subtract, layer)
    np.testing.assert_array_equal(shared(X, 2 * X).numpy(), (layer(X) - layer(2 * X)).numpy())
    assert nn.Parallel(flux.negative, layer)(X).shape == (1, 2)


def test_fusion_of_one_input() -> None:
    double: Any = nn.PairwiseFusion(flux.add, flux.identity, lambda x: 2 * x)
    first, second = double(X)
    assert first.tolist() == X.tolist() and second.tolist() == (4 * X).tolist()
    assert [y.tolist() for y in double((X, 0 * X))] == [X.tolist(), (2 * X).tolist()]


def test_the_largest_wins() -> None:
    largest = nn.Maxout(flux.identity, flux.negative)
    assert largest(X).tolist() == [[1.0, 2.0, 3.0]]
    grads = flux.gradient(lambda x: largest(x).sum(), X)
    assert grads.tolist() == [[1.0, -1.0, 1.0]]


def test_residuals() -> None:
    skip = nn.SkipConnection(nn.Dense(3, 3, init=flux.init.zeros), flux.add)
    assert skip(X).tolist() == X.tolist()
