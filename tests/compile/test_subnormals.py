"""Results below the smallest normal number are zero in compiled code, and only there."""

from __future__ import annotations

import numpy as np
import pytest

import typedflux as flux
from typedflux import Tensor

SMALL = np.float32(3e-39)  # a subnormal number


@flux.jit
def scaled(x: Tensor) -> Tensor:
    return x * 0.25


def test_results_become_zero() -> None:
    x = flux.asarray(np.full(100, 1.2e-38, np.float32))
    assert (x * 0.25).numpy().any()
    np.testing.assert_array_equal(scaled(x).numpy(), np.zeros(100, np.float32))


def test_given_values_are_read_as_they_are() -> None:
    x = flux.asarray(np.full(5, SMALL))
    np.testing.assert_allclose(flux.jit(flux.log)(x).numpy(), np.log(x.numpy()), rtol=1e-6)
    np.testing.assert_allclose(flux.jit(lambda x: x * 1e10)(x).numpy(), 3e-29, rtol=1e-6)


@pytest.mark.parametrize("threads", [1, 2])
def test_the_rest_of_the_process_keeps_them(threads: int) -> None:
    before = flux.get_threads()
    flux.set_threads(threads)
    try:
        scaled(flux.ones((1000, 100)))
        assert (np.full(3, SMALL) * np.float32(0.5)).all()
        with pytest.raises(IndexError):
            flux.jit(lambda x, i: flux.gather(x * 2, i))(flux.ones((3,)), flux.asarray([7]))
        assert (np.full(3, SMALL) * np.float32(0.5)).all()
    finally:
        flux.set_threads(before)


def test_they_can_be_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TYPEDFLUX_SUBNORMALS", "keep")
    x = flux.asarray(np.full(100, 1.2e-38, np.float32))
    np.testing.assert_array_equal(flux.jit(lambda x: x * 0.25)(x).numpy(), (x * 0.25).numpy())
