"""Products of stacks of matrices that have no elements."""

from __future__ import annotations

import itertools

import numpy as np

import typedflux as flux


def test_matrix_products_of_nothing() -> None:
    for n, k, m, batch in itertools.product((0, 2), (0, 3), (0, 4), (0, 2)):
        x, y = flux.ones((batch, n, k)), flux.ones((k, m))
        np.testing.assert_array_equal((x @ y).numpy(), x.numpy() @ y.numpy())
        dx, dy = flux.gradient(lambda x, y: flux.sum(x @ y), x, y)
        np.testing.assert_array_equal(dx.numpy(), np.full(x.shape, m))
        np.testing.assert_array_equal(dy.numpy(), np.full(y.shape, batch * n))


def test_scalar_products_of_nothing() -> None:
    x = flux.ones((2, 0))
    assert flux.vecdot(x, x).tolist() == [0.0, 0.0]
    assert flux.vecdot(x, x, axis=-2).shape == (0,)
    assert flux.vecdot(flux.ones((3, 2, 0)), x).tolist() == [[0.0, 0.0]] * 3
