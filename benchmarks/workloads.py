"""What is timed: each workload as a function of no arguments, once per framework.

Both sides get the same sizes, float32, and as many threads. A worker process imports one framework
only: the thread pools of two in one process spin against each other.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import numpy as np

Step = Callable[[], Any]

THREADS = int(os.environ.get("OMP_NUM_THREADS", "2"))


def _rng() -> np.random.Generator:
    return np.random.default_rng(0)


def _normal(*shape: int) -> np.ndarray[Any, np.dtype[np.float32]]:
    return _rng().standard_normal(shape).astype(np.float32)


def _labels(n: int) -> np.ndarray[Any, np.dtype[np.int64]]:
    return _rng().integers(0, 10, n)


def typedflux_steps() -> dict[str, Step]:
    import typedflux as flux
    from typedflux import losses, nn

    def add() -> Step:
        a, b = flux.asarray(_normal(8, 8)), flux.asarray(_normal(8, 8))
        return lambda: a + b

    def perceptron(batch: int) -> Step:
        model = nn.Chain(
            nn.Dense(784, 512, flux.relu), nn.Dense(512, 256, flux.relu), nn.Dense(256, 10)
        )
        x, y = flux.asarray(_normal(batch, 784)), flux.asarray(_labels(batch))
        return lambda: flux.gradient(lambda m: losses.logitcrossentropy(m(x), y), model)

    def lenet() -> Step:
        model = nn.Chain(
            nn.Conv((5, 5), 1, 6, flux.relu, padding=2),
            nn.MaxPool((2, 2)),
            nn.Conv((5, 5), 6, 16, flux.relu),
            nn.MaxPool((2, 2)),
            nn.Flatten(),
            nn.Dense(400, 120, flux.relu),
            nn.Dense(120, 84, flux.relu),
            nn.Dense(84, 10),
        )
        x, y = flux.asarray(_normal(128, 1, 28, 28)), flux.asarray(_labels(128))
        return lambda: flux.gradient(lambda m: losses.logitcrossentropy(m(x), y), model)

    return {
        "add two 8x8 tensors": add(),
        "gradient, perceptron 784-512-256-10, batch 8": perceptron(8),
        "gradient, perceptron 784-512-256-10, batch 128": perceptron(128),
        "gradient, LeNet 28x28, batch 128": lenet(),
    }


def torch_steps() -> dict[str, Step]:
    import torch
    from torch import nn
    from torch.nn import functional

    torch.set_num_threads(THREADS)

    def gradient(model: Any, x: Any, y: Any) -> Step:
        parameters = list(model.parameters())

        def step() -> Any:
            return torch.autograd.grad(functional.cross_entropy(model(x), y), parameters)

        return step

    def add() -> Step:
        a, b = torch.from_numpy(_normal(8, 8)), torch.from_numpy(_normal(8, 8))
        return lambda: a + b

    def perceptron(batch: int) -> Step:
        model = nn.Sequential(
            nn.Linear(784, 512), nn.ReLU(), nn.Linear(512, 256), nn.ReLU(), nn.Linear(256, 10)
        )
        x, y = torch.from_numpy(_normal(batch, 784)), torch.from_numpy(_labels(batch))
        return gradient(model, x, y)

    def lenet() -> Step:
        model = nn.Sequential(
            nn.Conv2d(1, 6, 5, padding=2),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Conv2d(6, 16, 5),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Flatten(),
            nn.Linear(400, 120),
            nn.ReLU(),
            nn.Linear(120, 84),
            nn.ReLU(),
            nn.Linear(84, 10),
        )
        x, y = torch.from_numpy(_normal(128, 1, 28, 28)), torch.from_numpy(_labels(128))
        return gradient(model, x, y)

    return {
        "add two 8x8 tensors": add(),
        "gradient, perceptron 784-512-256-10, batch 8": perceptron(8),
        "gradient, perceptron 784-512-256-10, batch 128": perceptron(128),
        "gradient, LeNet 28x28, batch 128": lenet(),
    }


FRAMEWORKS = {"typedflux": typedflux_steps, "torch": torch_steps}
