"""What is timed: models, batches and the weights and data that every framework starts from.

Nothing here belongs to a framework: weights and data are numpy arrays, made from fixed seeds.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]

PERCEPTRON = (784, 512, 256, 10)
TINY = (2, 16, 16, 1)
VGG = (32, 32, 64, 64, 128, 128)
RESNET = ((64, 1), (128, 2), (256, 2), (512, 2))
"""Channels and stride of each pair of blocks."""
LSTM_INPUTS, LSTM_HIDDEN, LSTM_STEPS = 128, 128, 64
GPT_WIDTH, GPT_HEADS, GPT_LAYERS, GPT_TOKENS, GPT_VOCABULARY = 128, 4, 4, 64, 256
CLASSES = 10


@dataclass(frozen=True)
class Workload:
    """One row of the table.

    Attributes:
        name: as the table and `--only` have it.
        model: the family, which each framework's module builds.
        batch: examples in a step.
        training: a whole training step with Adam; else the forward pass in evaluation mode.
        target: times faster than the best peer that is aimed at.
        counted: whether it is part of the geometric mean.
    """

    name: str
    model: str
    batch: int
    training: bool = True
    target: float = 1.5
    counted: bool = True


WORKLOADS = (
    Workload("perceptron, batch 1", "perceptron", 1),
    Workload("perceptron, batch 8", "perceptron", 8),
    Workload("perceptron, batch 128", "perceptron", 128),
    Workload("perceptron, batch 1024", "perceptron", 1024),
    Workload("tiny net, batch 64", "tiny", 64, target=3.0, counted=False),
    Workload("LeNet, batch 128", "lenet", 128),
    Workload("VGG-like, batch 64", "vgg", 64),
    Workload("ResNet-18, batch 32", "resnet", 32),
    Workload("LSTM, batch 32", "lstm", 32),
    Workload("GPT, batch 16", "gpt", 16),
    Workload("inference, perceptron", "perceptron", 1, False, 3.0, False),
    Workload("inference, tiny net", "tiny", 1, False, 1.5, False),
    Workload("inference, LeNet", "lenet", 1, False, 3.0, False),
    Workload("inference, VGG-like", "vgg", 1, False, 1.5, False),
    Workload("inference, ResNet-18", "resnet", 1, False, 1.5, False),
    Workload("inference, LSTM", "lstm", 1, False, 1.5, False),
    Workload("inference, GPT", "gpt", 1, False, 1.5, False),
)

IMAGES = frozenset(("lenet", "vgg", "resnet"))
"""The models for which PyTorch has a second layout of memory."""


def shapes(model: str) -> Iterator[tuple[str, tuple[int, ...]]]:
    """The parameters of a model by name: matrices as `(out, in)`, kernels as `(out, in, h, w)`."""
    if model in ("perceptron", "tiny"):
        yield from _dense(PERCEPTRON if model == "perceptron" else TINY)
    elif model == "lenet":
        yield from _with_bias("conv0", (6, 1, 5, 5))
        yield from _with_bias("conv1", (16, 6, 5, 5))
        yield from _dense((400, 120, 84, CLASSES))
    elif model == "vgg":
        inputs = 3
        for i, channels in enumerate(VGG):
            yield f"conv{i}.weight", (channels, inputs, 3, 3)
            yield from _norm(f"norm{i}", channels)
            inputs = channels
        yield from _dense((inputs * 4 * 4, CLASSES))
    elif model == "resnet":
        yield "conv.weight", (64, 3, 3, 3)
        yield from _norm("norm", 64)
        inputs = 64
        for stage, (channels, stride) in enumerate(RESNET):
            for block in range(2):
                name = f"block{stage}{block}"
                yield f"{name}.conv0.weight", (channels, inputs, 3, 3)
                yield from _norm(f"{name}.norm0", channels)
                yield f"{name}.conv1.weight", (channels, channels, 3, 3)
                yield from _norm(f"{name}.norm1", channels)
                if block == 0 and (stride != 1 or inputs != channels):
                    yield f"{name}.short.weight", (channels, inputs, 1, 1)
                    yield from _norm(f"{name}.norm2", channels)
                inputs = channels
        yield from _dense((inputs, CLASSES))
    elif model == "lstm":
        yield "lstm.kernel", (4 * LSTM_HIDDEN, LSTM_INPUTS)
        yield "lstm.recurrent", (4 * LSTM_HIDDEN, LSTM_HIDDEN)
        yield "lstm.bias", (4 * LSTM_HIDDEN,)
        yield from _dense((LSTM_HIDDEN, CLASSES))
    elif model == "gpt":
        d = GPT_WIDTH
        yield "tokens.embedding", (GPT_VOCABULARY, d)
        yield "positions.embedding", (GPT_TOKENS, d)
        for i in range(GPT_LAYERS):
            yield from _norm(f"block{i}.norm0", d)
            yield f"block{i}.qkv.weight", (3 * d, d)
            yield f"block{i}.out.weight", (d, d)
            yield from _norm(f"block{i}.norm1", d)
            yield from _with_bias(f"block{i}.up", (4 * d, d))
            yield from _with_bias(f"block{i}.down", (d, 4 * d))
        yield from _norm("norm", d)
        yield "head.weight", (GPT_VOCABULARY, d)
    else:
        raise ValueError(f"no model {model!r}")


def _with_bias(name: str, shape: tuple[int, ...]) -> Iterator[tuple[str, tuple[int, ...]]]:
    yield f"{name}.weight", shape
    yield f"{name}.bias", shape[:1]


def _dense(sizes: tuple[int, ...]) -> Iterator[tuple[str, tuple[int, ...]]]:
    for i in range(len(sizes) - 1):
        yield from _with_bias(f"dense{i}", (sizes[i + 1], sizes[i]))


def _norm(name: str, size: int) -> Iterator[tuple[str, tuple[int, ...]]]:
    yield f"{name}.scale", (size,)
    yield f"{name}.shift", (size,)


def initial_weights(model: str) -> dict[str, Array]:
    """The weights that training starts from, float32."""
    rng = np.random.default_rng(7)
    weights: dict[str, Array] = {}
    for name, shape in shapes(model):
        if name.endswith((".bias", ".shift")):
            value = np.zeros(shape)
        elif name.endswith(".scale"):
            value = np.ones(shape)
        elif name.endswith(".embedding") or model == "gpt":
            value = rng.normal(0, 0.02, shape)
        else:
            value = rng.normal(0, 1 / math.sqrt(math.prod(shape[1:])), shape)
        weights[name] = value.astype(np.float32)
    return weights


def data(workload: Workload) -> tuple[Array, Array]:
    """One batch: what goes into the model, and what it is to predict."""
    rng = np.random.default_rng(11)
    n = workload.batch
    if workload.model == "gpt":
        text = rng.integers(0, GPT_VOCABULARY, (n, GPT_TOKENS + 1))
        return text[:, :-1].copy(), text[:, 1:].copy()
    labels = rng.integers(0, CLASSES, n)
    if workload.model == "tiny":
        x = rng.standard_normal((n, TINY[0]))
        return x.astype(np.float32), np.prod(x, axis=1, keepdims=True).astype(np.float32)
    size = {
        "perceptron": (PERCEPTRON[0],), "lenet": (1, 28, 28), "vgg": (3, 32, 32),
        "resnet": (3, 32, 32), "lstm": (LSTM_STEPS, LSTM_INPUTS),
    }[workload.model]  # fmt: skip
    return rng.standard_normal((n, *size)).astype(np.float32), labels
