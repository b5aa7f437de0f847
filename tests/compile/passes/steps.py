"""Whole training steps, small: each a function as a user writes it, and its arguments by the
batch's size."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float, Int

import typedflux as flux
from typedflux import Tensor, losses, nn
from typedflux.autodiff import checkpoint


@dataclass(frozen=True)
class Step:
    """A step, and its arguments for so many examples."""

    run: Callable[..., Any]
    arguments: Callable[[int], tuple[Any, ...]]
    tolerance: float = 2e-5


def random(*shape: int, seed: int = 0) -> Tensor:
    """Random numbers."""
    rng = np.random.default_rng(seed)
    return flux.asarray(rng.standard_normal(shape).astype(np.float32))


def labels(*shape: int, classes: int = 4) -> Tensor:
    """Random labels."""
    return flux.asarray(np.random.default_rng(1).integers(0, classes, shape))


def classify(
    model: Any, state: Any, x: Float[Tensor, "batch *rest"], y: Int[Tensor, "batch"]
) -> Tensor:
    """A step of classification."""
    loss, grads = flux.withgradient(lambda m: losses.logitcrossentropy(m(x), y), model)
    flux.update(state, model, grads)
    return loss


def vectors(model: Callable[[], Any], rule: Callable[[], Any]) -> Callable[[int], Any]:
    """Arguments of `classify` with vectors."""

    def arguments(batch: int) -> tuple[Any, ...]:
        flux.seed(0)
        made = model()
        return made, flux.setup(rule(), made), random(batch, 6), labels(batch)

    return arguments


def images(model: Callable[[], Any]) -> Callable[[int], Any]:
    """Arguments of `classify` with images."""

    def arguments(batch: int) -> tuple[Any, ...]:
        flux.seed(0)
        made = model()
        x = random(batch, 1, 12, 12)
        return made, flux.setup(flux.Adam(1e-2), made), x, labels(batch)

    return arguments


def perceptron() -> Any:
    return nn.Chain(nn.Dense(6, 8, flux.relu), nn.Dense(8, 5, flux.tanh), nn.Dense(5, 4))


def lenet() -> Any:
    return nn.Chain(
        nn.Conv((3, 3), 1, 4, flux.relu, padding=1),
        nn.MaxPool((2, 2)),
        nn.Conv((3, 3), 4, 5, flux.relu),
        nn.MeanPool((2, 2)),
        nn.Flatten(),
        nn.Dense(20, 4),
    )


def normalised() -> Any:
    return nn.Chain(
        nn.Conv((3, 3), 1, 4), nn.BatchNorm(4), flux.relu, nn.Dropout(0.4), nn.GlobalMeanPool(),
        nn.Flatten(), nn.Dense(4, 4),
    )  # fmt: skip


class Block(nn.Module):
    """One layer of a transformer, with an embedding and logits."""

    def __init__(self) -> None:
        self.words = nn.Embedding(7, 8)
        self.norm0, self.norm1 = nn.LayerNorm(8), nn.LayerNorm(8)
        self.attend = nn.MultiHeadAttention(8, heads=2, dropout=0.1)
        self.up, self.down = nn.Dense(8, 16), nn.Dense(16, 8)
        self.head = nn.Dense(8, 7)

    def __call__(self, x: Int[Tensor, "batch time"]) -> Float[Tensor, "batch time words"]:
        y: Tensor = self.words(x)
        z = self.norm0(y)
        y = y + self.attend(z, mask=flux.make_causal_mask(z))
        y = y + self.down(flux.gelu(self.up(self.norm1(y))))
        return self.head(y)


def predict(
    model: Any, state: Any, x: Int[Tensor, "batch time"], y: Int[Tensor, "batch time"]
) -> Tensor:
    """A step of a language model."""
    loss, grads = flux.withgradient(lambda m: losses.logitcrossentropy(m(x), y), model)
    flux.update(state, model, grads)
    return loss


def texts(batch: int) -> tuple[Any, ...]:
    flux.seed(0)
    model = Block()
    state = flux.setup(flux.OptimiserChain(flux.ClipNorm(1.0), flux.AdamW(1e-2)), model)
    return model, state, labels(batch, 5, classes=7), labels(batch, 5, classes=7)


class Recurrent(nn.Module):
    """An LSTM cell, scanned over time."""

    def __init__(self) -> None:
        self.cell = nn.LSTMCell(3, 4)
        self.head = nn.Dense(4, 4)

    def __call__(self, x: Float[Tensor, "batch time d"]) -> Float[Tensor, "batch classes"]:
        start = flux.zeros((x.shape[0], 4))

        def step(state: Any, element: Tensor) -> Any:
            out, new = self.cell(element, state)
            return new, out

        last, _ = flux.scan(step, (start, start), flux.moveaxis(x, 1, 0))
        return self.head(last[0])


def sequences(batch: int) -> tuple[Any, ...]:
    flux.seed(0)
    model = Recurrent()
    state = flux.setup(flux.RMSProp(1e-2), model)
    return model, state, random(batch, 6, 3), labels(batch)


def unrolled(batch: int) -> tuple[Any, ...]:
    flux.seed(0)
    model = nn.Chain(nn.LSTM(3, 4), lambda y: y[:, -1], nn.Dense(4, 4))
    return model, flux.setup(flux.Adam(), model), random(batch, 6, 3), labels(batch)


def recomputed(
    model: Any, state: Any, x: Float[Tensor, "batch d"], y: Int[Tensor, "batch"]
) -> Tensor:
    """A step with a checkpoint in it."""

    def loss(m: Any) -> Tensor:
        first = checkpoint(lambda v: flux.tanh(m.layers[1](m.layers[0](v))))
        return losses.logitcrossentropy(m.layers[2](first(x)), y)

    value, grads = flux.withgradient(loss, model)
    flux.update(state, model, grads)
    return value


def curvature(
    model: Any, x: Float[Tensor, "batch d"], v: Float[Tensor, "batch d"], y: Int[Tensor, "batch"]
) -> Any:
    """A product with the matrix of second derivatives, by the input."""

    def loss(z: Tensor) -> Tensor:
        return losses.logitcrossentropy(model(z), y)

    return flux.gradient(lambda z: (flux.gradient(loss, z) * v).sum(), x)


def second(batch: int) -> tuple[Any, ...]:
    flux.seed(0)
    return perceptron(), random(batch, 6), random(batch, 6, seed=2), labels(batch)


def controlled(x: Float[Tensor, "batch d"], bound: Tensor) -> Any:
    """Loops and branches, and a function with a rule of its own in one of them."""

    def body(state: Any) -> Any:
        count, value = state
        return count + 1, flux.cond(value.sum() > bound, shrink, lambda v: v * 1.5, value)

    @flux.custom_vjp
    def halve(v: Tensor) -> Tensor:
        return v * 0.5

    halve.defvjp(lambda v: (v * 0.5, None), lambda _, g: (g,))

    def shrink(v: Tensor) -> Tensor:
        return halve(flux.softmax(v * 1.0))

    count, value = flux.while_loop(lambda s: s[0] < 5, body, (flux.asarray(0), x))
    return count, value, flux.bernoulli(0.5, x.shape)


STEPS: dict[str, Step] = {
    "perceptron, Adam": Step(classify, vectors(perceptron, lambda: flux.Adam(1e-2))),
    "perceptron, momentum": Step(classify, vectors(perceptron, lambda: flux.Momentum(1e-2))),
    "LeNet": Step(classify, images(lenet)),
    "BatchNorm and Dropout": Step(classify, images(normalised)),
    "transformer": Step(predict, texts),
    "LSTM, scanned": Step(classify, sequences),
    "LSTM, unrolled": Step(classify, unrolled),
    "checkpoint": Step(recomputed, vectors(perceptron, lambda: flux.Descent(1e-2))),
    "second order": Step(curvature, second),
    "control flow": Step(controlled, lambda batch: (random(batch, 3), flux.asarray(1.0))),
}
