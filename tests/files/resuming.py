"""A training run that can be cut in two: `python resuming.py FILE FIRST LAST JIT`.

Runs the epochs from FIRST to LAST, starting from FILE unless FIRST is 0, and writes FILE. Dropout,
batch statistics, the shuffled order and two optimiser rules all take part.
"""

from __future__ import annotations

import sys
from typing import Any

import numpy as np

import typedflux as flux
from typedflux import Tensor, data, nn


def network() -> nn.Chain:
    return nn.Chain(
        nn.Dense(6, 8, flux.tanh), nn.BatchNorm(8), nn.Dropout(0.4), nn.Dense(8, 3), nn.Dense(3, 3)
    )


def step(model: Any, state: flux.OptimiserState, x: Tensor, y: Tensor) -> Tensor:
    value: Tensor
    value, grads = flux.withgradient(lambda m: flux.logitcrossentropy(m(x), y), model)
    flux.update(state, model, grads)
    return value


def run(path: str, first: int, last: int, jitted: bool) -> None:
    draw = np.random.default_rng(1)
    x = flux.asarray(draw.standard_normal((30, 6)).astype(np.float32))
    y = flux.asarray(draw.integers(0, 3, 30))
    flux.seed(3 if first == 0 else 99)
    model = network()
    state = flux.setup(flux.OptimiserChain(flux.ClipNorm(1.0), flux.Adam(0.01)), model)
    loader = data.DataLoader((x, y), batchsize=8, shuffle=True)
    whole = {"model": model, "state": state, "rng": flux.default_generator(), "epoch": 0}
    if first:
        assert flux.load(path, whole)["epoch"] == first
    performed = flux.jit(step) if jitted else step
    for epoch in range(first, last):
        if epoch == 2:
            flux.adjust(state.layers[0], 0.02)
            flux.freeze(state.layers[4])
        for a, b in loader:
            performed(model, state, a, b)
    flux.save(path, {**whole, "epoch": last})


if __name__ == "__main__":
    file, first, last, jitted = sys.argv[1:]
    run(file, int(first), int(last), jitted == "jit")
