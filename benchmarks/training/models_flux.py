"""The workloads in typedflux, as a user writes them: layers, annotated steps, `@flux.jit`."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

from jaxtyping import Float, Float32, Int

import typedflux as flux
from benchmarks.training import workloads as w
from typedflux import Tensor, losses, nn
from typedflux.core.tree import leaves

Weights = Mapping[str, w.Array]


class Program:
    """A step, and the model that it works on."""

    def __init__(self, workload: w.Workload, weights: Weights, threads: int) -> None:
        if hasattr(flux, "set_threads"):
            flux.set_threads(threads)
        self.workload, self.weights = workload, weights
        x, y = w.data(workload)
        self.x, self.y = flux.asarray(x), flux.asarray(y)
        self.run = TRAINING[workload.model] if workload.training else INFERENCE[workload.model]
        self.reset()

    def reset(self) -> None:
        """Back to the first weights."""
        self.model: Any = None  # the old ones go first, as where weights are loaded in place
        self.state: Any = None
        self.model = MODELS[self.workload.model](self.weights)
        if self.workload.training:
            self.state = flux.setup(flux.Adam(1e-3), self.model)

    def step(self) -> Tensor:
        if self.workload.training:
            return self.run(self.model, self.state, self.x, self.y)
        return self.run(self.model, self.x)

    def number(self, result: Tensor) -> float:
        """The loss, or a sum of what inference gave; waits for it."""
        return float(result.sum())

    def wait(self, result: Tensor) -> None:
        """Return when `result` is there."""

    def bound(self) -> float:
        """Seconds that a step takes at least: of its products and convolutions by themselves at
        the speed of a large product, or of reading its model, optimiser and data, and writing what
        changes, at the speed of going over as many numbers; whichever is longer."""
        arguments = (self.model, self.state) if self.workload.training else (self.model,)
        data = (self.x, self.y) if self.workload.training else (self.x,)
        profile = flux.profile(self.run, *arguments, *data, runs=1)
        work = sum(row.flops or 0 for row in profile.rows)
        held = sum(t.size for t in leaves(arguments))
        size = 1024
        a = flux.randn((size, size))
        arithmetic = work * shortest(flux.jit(lambda x: x @ x), a) / (2 * size**3)
        if self.workload.training:
            return max(arithmetic, shortest(flux.jit(lambda x: x + 1), flux.zeros((held,))))
        return max(arithmetic, shortest(flux.jit(lambda x: x.sum()), flux.zeros((held,))))


def shortest(function: Callable[[Tensor], Tensor], x: Tensor, runs: int = 20) -> float:
    """Seconds of the fastest call."""
    times = []
    for _ in range(runs):
        start = time.perf_counter()
        function(x)
        times.append(time.perf_counter() - start)
    return min(times)


# The models


def dense(weights: Weights, name: str, activation: Callable[..., Any] = flux.identity) -> nn.Dense:
    out, in_ = weights[f"{name}.weight"].shape
    bias = f"{name}.bias" in weights
    layer: Any = nn.Dense(in_, out, activation, bias=bias)
    layer.weight = flux.asarray(weights[f"{name}.weight"])
    if bias:
        layer.bias = flux.asarray(weights[f"{name}.bias"])
    return layer


def conv(
    weights: Weights, name: str, activation: Any = flux.identity, stride: int = 1, padding: int = 0
) -> nn.Conv:
    out, in_, *kernel = weights[f"{name}.weight"].shape
    bias = f"{name}.bias" in weights
    layer: Any = nn.Conv(
        tuple(kernel), in_, out, activation, stride=stride, padding=padding, bias=bias
    )
    layer.weight = flux.asarray(weights[f"{name}.weight"])
    if bias:
        layer.bias = flux.asarray(weights[f"{name}.bias"])
    return layer


def norm(weights: Weights, name: str, kind: Any = nn.BatchNorm) -> Any:
    layer = kind(weights[f"{name}.scale"].shape[0])
    layer.scale = flux.asarray(weights[f"{name}.scale"])
    layer.shift = flux.asarray(weights[f"{name}.shift"])
    return layer


def embedding(weights: Weights, name: str) -> nn.Embedding:
    layer: Any = nn.Embedding(*weights[f"{name}.embedding"].shape)
    layer.weight = flux.asarray(weights[f"{name}.embedding"])
    return layer


def perceptron(weights: Weights) -> nn.Chain:
    return nn.Chain(
        dense(weights, "dense0", flux.relu), dense(weights, "dense1", flux.relu),
        dense(weights, "dense2"),
    )  # fmt: skip


def tiny(weights: Weights) -> nn.Chain:
    return nn.Chain(
        dense(weights, "dense0", flux.tanh), dense(weights, "dense1", flux.tanh),
        dense(weights, "dense2"),
    )  # fmt: skip


def lenet(weights: Weights) -> nn.Chain:
    return nn.Chain(
        conv(weights, "conv0", flux.relu, padding=2),
        nn.MaxPool((2, 2)),
        conv(weights, "conv1", flux.relu),
        nn.MaxPool((2, 2)),
        nn.Flatten(),
        dense(weights, "dense0", flux.relu),
        dense(weights, "dense1", flux.relu),
        dense(weights, "dense2"),
    )


def vgg(weights: Weights) -> nn.Chain:
    layers: list[Any] = []
    for i in range(len(w.VGG)):
        layers += [conv(weights, f"conv{i}", padding=1), norm(weights, f"norm{i}"), flux.relu]
        if i % 2:
            layers.append(nn.MaxPool((2, 2)))
    return nn.Chain(*layers, nn.Flatten(), dense(weights, "dense0"))


class Block(nn.Module):
    """Two convolutions with a way around them."""

    def __init__(self, weights: Weights, name: str, stride: int) -> None:
        self.conv0 = conv(weights, f"{name}.conv0", stride=stride, padding=1)
        self.norm0 = norm(weights, f"{name}.norm0")
        self.conv1 = conv(weights, f"{name}.conv1", padding=1)
        self.norm1 = norm(weights, f"{name}.norm1")
        self.short = None
        if f"{name}.short.weight" in weights:
            short = conv(weights, f"{name}.short", stride=stride)
            self.short = nn.Chain(short, norm(weights, f"{name}.norm2"))

    def __call__(self, x: Float[Tensor, "batch c h w"]) -> Float[Tensor, "batch d i j"]:
        y = flux.relu(self.norm0(self.conv0(x)))
        y = self.norm1(self.conv1(y))
        return flux.relu(y + (x if self.short is None else self.short(x)))


def resnet(weights: Weights) -> nn.Chain:
    blocks = [
        Block(weights, f"block{stage}{i}", stride if i == 0 else 1)
        for stage, (_, stride) in enumerate(w.RESNET)
        for i in range(2)
    ]
    return nn.Chain(
        conv(weights, "conv", padding=1), norm(weights, "norm"), flux.relu, *blocks,
        nn.GlobalMeanPool(), nn.Flatten(), dense(weights, "dense0"),
    )  # fmt: skip


class Sequence(nn.Module):
    """An LSTM, and a classifier on its last output."""

    def __init__(self, weights: Weights) -> None:
        self.lstm: Any = nn.LSTM(w.LSTM_INPUTS, w.LSTM_HIDDEN)
        (cell,) = cells(self.lstm)
        cell.kernel = flux.asarray(weights["lstm.kernel"])
        cell.recurrent_kernel = flux.asarray(weights["lstm.recurrent"])
        cell.bias = flux.asarray(weights["lstm.bias"])
        self.classify = dense(weights, "dense0")

    def __call__(self, x: Float[Tensor, "batch time d"]) -> Float[Tensor, "batch classes"]:
        return self.classify(self.lstm(x)[:, -1])


def cells(module: Any) -> list[Any]:
    """The cells of a recurrent layer."""
    found: list[Any] = []
    for value in module.tree_fields().values():
        for item in value if isinstance(value, (list, tuple)) else (value,):
            if isinstance(item, nn.LSTMCell):
                found.append(item)
            elif isinstance(item, nn.Module):
                found += cells(item)
    return found


class Layer(nn.Module):
    """One layer of a transformer, normalised before its parts."""

    def __init__(self, weights: Weights, name: str) -> None:
        d = w.GPT_WIDTH
        self.norm0 = norm(weights, f"{name}.norm0", nn.LayerNorm)
        self.attend: Any = nn.MultiHeadAttention(d, heads=w.GPT_HEADS)
        qkv = weights[f"{name}.qkv.weight"]
        self.attend.q_proj.weight = flux.asarray(qkv[:d])
        self.attend.k_proj.weight = flux.asarray(qkv[d : 2 * d])
        self.attend.v_proj.weight = flux.asarray(qkv[2 * d :])
        self.attend.out_proj.weight = flux.asarray(weights[f"{name}.out.weight"])
        self.norm1 = norm(weights, f"{name}.norm1", nn.LayerNorm)
        self.up, self.down = dense(weights, f"{name}.up"), dense(weights, f"{name}.down")

    def __call__(self, x: Float[Tensor, "batch time d"]) -> Float[Tensor, "batch time d"]:
        y = self.norm0(x)
        x = x + self.attend(y, mask=flux.make_causal_mask(y))
        return x + self.down(flux.gelu_tanh(self.up(self.norm1(x))))


class GPT(nn.Module):
    """Token and position vectors, the layers, and logits of the next token."""

    def __init__(self, weights: Weights) -> None:
        self.tokens = embedding(weights, "tokens")
        self.positions = flux.asarray(weights["positions.embedding"])
        self.layers = tuple([Layer(weights, f"block{i}") for i in range(w.GPT_LAYERS)])
        self.norm = norm(weights, "norm", nn.LayerNorm)
        self.head = dense(weights, "head")

    def __call__(self, x: Int[Tensor, "batch time"]) -> Float[Tensor, "batch time words"]:
        y = self.tokens(x) + self.positions
        for layer in self.layers:
            y = layer(y)
        return self.head(self.norm(y))


MODELS: dict[str, Callable[[Weights], Any]] = {
    "perceptron": perceptron, "tiny": tiny, "lenet": lenet, "vgg": vgg, "resnet": resnet,
    "lstm": Sequence, "gpt": GPT,
}  # fmt: skip


# The steps


@flux.jit
def train_vectors(
    model: Any, state: Any, x: Float32[Tensor, "batch d"], y: Int[Tensor, "batch"]
) -> Float32[Tensor, ""]:
    loss, grads = flux.withgradient(lambda m: losses.logitcrossentropy(m(x), y), model)
    flux.update(state, model, grads)
    return loss


@flux.jit
def train_regression(
    model: Any, state: Any, x: Float32[Tensor, "batch d"], y: Float32[Tensor, "batch k"]
) -> Float32[Tensor, ""]:
    loss, grads = flux.withgradient(lambda m: losses.mse(m(x), y), model)
    flux.update(state, model, grads)
    return loss


@flux.jit
def train_images(
    model: Any, state: Any, x: Float32[Tensor, "batch c 28 28"], y: Int[Tensor, "batch"]
) -> Float32[Tensor, ""]:
    loss, grads = flux.withgradient(lambda m: losses.logitcrossentropy(m(x), y), model)
    flux.update(state, model, grads)
    return loss


@flux.jit
def train_colour_images(
    model: Any, state: Any, x: Float32[Tensor, "batch 3 32 32"], y: Int[Tensor, "batch"]
) -> Float32[Tensor, ""]:
    loss, grads = flux.withgradient(lambda m: losses.logitcrossentropy(m(x), y), model)
    flux.update(state, model, grads)
    return loss


@flux.jit
def train_sequences(
    model: Any, state: Any, x: Float32[Tensor, "batch 64 d"], y: Int[Tensor, "batch"]
) -> Float32[Tensor, ""]:
    loss, grads = flux.withgradient(lambda m: losses.logitcrossentropy(m(x), y), model)
    flux.update(state, model, grads)
    return loss


@flux.jit
def train_text(
    model: Any, state: Any, x: Int[Tensor, "batch 64"], y: Int[Tensor, "batch 64"]
) -> Float32[Tensor, ""]:
    def loss_of(m: Any) -> Tensor:
        logits = m(x)
        return losses.logitcrossentropy(logits.reshape(-1, w.GPT_VOCABULARY), y.reshape(-1))

    loss, grads = flux.withgradient(loss_of, model)
    flux.update(state, model, grads)
    return loss


TRAINING: dict[str, Any] = {
    "perceptron": train_vectors, "tiny": train_regression, "lenet": train_images,
    "vgg": train_colour_images, "resnet": train_colour_images, "lstm": train_sequences,
    "gpt": train_text,
}  # fmt: skip


@flux.jit
def predict_vectors(model: Any, x: Float32[Tensor, "batch d"]) -> Float32[Tensor, "batch k"]:
    return model(x)


@flux.jit
def predict_images(model: Any, x: Float32[Tensor, "batch c 28 28"]) -> Float32[Tensor, "batch k"]:
    return model(x)


@flux.jit
def predict_colour_images(
    model: Any, x: Float32[Tensor, "batch 3 32 32"]
) -> Float32[Tensor, "batch k"]:
    return model(x)


@flux.jit
def predict_sequences(model: Any, x: Float32[Tensor, "batch 64 d"]) -> Float32[Tensor, "batch k"]:
    return model(x)


@flux.jit
def predict_text(model: Any, x: Int[Tensor, "batch 64"]) -> Float32[Tensor, "batch 64 words"]:
    return model(x)


INFERENCE: dict[str, Any] = {
    "perceptron": predict_vectors, "tiny": predict_vectors, "lenet": predict_images,
    "vgg": predict_colour_images, "resnet": predict_colour_images, "lstm": predict_sequences,
    "gpt": predict_text,
}  # fmt: skip
