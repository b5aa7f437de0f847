"""Every layer through every check: one test for each row of `rows.py` and check."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import typedflux as flux
from tests.nn.rows import ROWS, Row
from typedflux import DType, Tensor, nn
from typedflux.core.tree import format_path, iterate

PATH = Path(__file__).parents[1] / "references" / "nn.npz"


def stored(row: Row, prefix: str) -> dict[str, Any]:
    """PyTorch's values of one kind: `y` outputs, `x` and `p` gradients, `s` state."""
    start = f"{row.name}/{prefix}"
    with np.load(PATH) as file:
        return {name[len(start) :].strip(): file[name] for name in file if name.startswith(start)}


def differentiate(row: Row, dtype: DType, layer: Any) -> tuple[list[Tensor], Any, list[Tensor]]:
    """Results, and the gradients by the layer and by the inputs."""
    inputs = row.tensors(dtype)
    if row.vocabulary is not None:
        (_, results), grads = flux.withgradient(lambda m: row.loss(m, *inputs), layer)
        return results, grads, []
    (_, results), (grads, *by_input) = flux.withgradient(row.loss, layer, *inputs)
    return results, grads, by_input


def leaves(tree: Any, state: bool | None = None) -> dict[str, Tensor]:
    """Tensors by their paths: parameters, state, or both."""
    return {format_path(path): leaf for path, leaf, held in iterate(tree) if state in (None, held)}


def check_reference(row: Row, dtype: DType) -> None:
    layer = row.layer(dtype)
    results, grads, by_input = differentiate(row, dtype, layer)
    tolerance = {flux.float64: 1e-6, flux.float32: 2e-5}[dtype]

    def compare(ours: dict[str, Tensor], theirs: dict[str, Any]) -> None:
        assert list(ours) == list(theirs)
        for name, value in theirs.items():
            assert ours[name].dtype is dtype, name
            assert ours[name].shape == value.shape, name
            np.testing.assert_allclose(
                ours[name].numpy(), value, rtol=tolerance, atol=tolerance, err_msg=name
            )

    compare({str(i): y for i, y in enumerate(results)}, stored(row, "y"))
    compare({str(i): x for i, x in enumerate(by_input)}, stored(row, "x"))
    compare(leaves(grads, False), stored(row, "p "))
    if row.train:
        compare(leaves(layer, True), stored(row, "s "))


def check_single(row: Row) -> None:
    check_reference(row, flux.float32)


def check_double(row: Row) -> None:
    check_reference(row, flux.float64)


def check_jit(row: Row) -> None:
    """Compiled equals eager: results, gradients, and what happens to the layer's state."""
    eager, compiled = row.layer(), row.layer()
    inputs = row.tensors()

    def step(layer: Any, *inputs: Tensor) -> Any:
        return flux.withgradient(lambda m: row.loss(m, *inputs), layer)

    jitted = flux.jit(step)
    for _ in range(2):
        wanted = leaves((step(eager, *inputs), eager))
        found = leaves((jitted(compiled, *inputs), compiled))
        assert list(found) == list(wanted)
        for name, value in wanted.items():
            assert found[name].dtype is value.dtype, name
            np.testing.assert_allclose(
                found[name].numpy(), value.numpy(), rtol=1e-5, atol=1e-6, err_msg=name
            )


def check_examples(row: Row) -> None:
    """An example alone gives what it gives in a batch; no example gives nothing."""
    layer, inputs = flux.testmode(row.layer()), row.tensors()
    together = row.results(layer, *inputs)
    alone = row.results(layer, *[x[:1] for x in inputs])
    none = row.results(layer, *[x[:0] for x in inputs])
    for many, one, empty in zip(together, alone, none, strict=True):
        np.testing.assert_allclose(one.numpy(), many.numpy()[:1], rtol=1e-5, atol=1e-6)
        assert empty.shape == (0, *many.shape[1:]) and empty.dtype is many.dtype
    grads = flux.gradient(lambda m: row.loss(m, *[x[:0] for x in inputs])[0], layer)
    for name, grad in leaves(grads, False).items():
        assert not grad.numpy().any(), name


def check_sizes(row: Row) -> None:
    """The sizes without computing are those of the results."""
    layer, inputs = row.layer(), row.tensors()
    dtype = flux.int64 if row.vocabulary is not None else flux.float32
    sizes = [x.shape[1:] for x in inputs]
    found = flux.outputsize(lambda *x: tuple(row.results(layer, *x)), *sizes, dtype=dtype)
    assert found == tuple([y.shape[1:] for y in row.results(layer, *inputs)])


CHECKS: dict[str, Callable[[Row], None]] = {
    "float32": check_single,
    "float64": check_double,
    "jit": check_jit,
    "sizes": check_sizes,
}


def cases() -> list[Any]:
    found = []
    for row in ROWS:
        checks = CHECKS | ({"examples": check_examples} if row.batched else {})
        found += [pytest.param(row, c, id=f"{row.name}-{name}") for name, c in checks.items()]
    return found


@pytest.mark.parametrize(("row", "check"), cases())
def test_layer(row: Row, check: Callable[[Row], None]) -> None:
    check(row)


def test_every_layer_has_a_row() -> None:
    layers = {
        name
        for name, found in vars(nn).items()
        if isinstance(found, type) and issubclass(found, nn.Module) and found is not nn.Module
    }
    assert layers == {row.name.partition(" ")[0] for row in ROWS}
    assert len({row.name for row in ROWS}) == len(ROWS)
