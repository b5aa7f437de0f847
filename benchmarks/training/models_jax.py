"""The workloads in JAX: pure functions of a dict of parameters, whole steps under `jax.jit`.

Images are laid out with channels last, which is the faster way for XLA on a CPU.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax

from benchmarks.training import workloads as w

Weights = Mapping[str, w.Array]
Parameters = dict[str, Any]
EPS, MOMENTUM = 1e-5, 0.1


class Program:
    """A step, and the parameters that it works on."""

    def __init__(self, workload: w.Workload, weights: Weights, threads: int) -> None:
        self.workload, self.weights = workload, weights
        x, y = w.data(workload)
        if workload.model in w.IMAGES:
            x = x.transpose(0, 2, 3, 1)
        self.x, self.y = jnp.asarray(x), jnp.asarray(y)
        model, loss_of = MODELS[workload.model], LOSSES.get(workload.model, cross_entropy)

        def loss(p: Parameters, running: Parameters, x: Any, y: Any) -> Any:
            new = dict(running)
            return loss_of(model(p, x, new, True), y), new

        def train(p: Parameters, running: Parameters, adam: Any, x: Any, y: Any) -> Any:
            (value, running), grads = jax.value_and_grad(loss, has_aux=True)(p, running, x, y)
            p, adam = adam_step(p, grads, adam)
            return p, running, adam, value

        self.train = jax.jit(train, donate_argnums=(0, 1, 2))
        self.infer = jax.jit(lambda p, running, x: model(p, x, dict(running), False))
        self.reset()

    def reset(self) -> None:
        """Back to the first weights."""
        self.parameters, self.running = load(self.weights)
        zeros = {k: jnp.zeros_like(v) for k, v in self.parameters.items()}
        self.adam = (zeros, {k: jnp.zeros_like(v) for k, v in zeros.items()}, jnp.zeros(()))

    def step(self) -> Any:
        if not self.workload.training:
            return self.infer(self.parameters, self.running, self.x)
        self.parameters, self.running, self.adam, loss = self.train(
            self.parameters, self.running, self.adam, self.x, self.y
        )
        return loss

    def number(self, result: Any) -> float:
        """The loss, or a sum of what inference gave; waits for it."""
        return float(result.sum())

    def wait(self, result: Any) -> None:
        """Return when `result` is there."""
        jax.block_until_ready((result, self.parameters))


def load(weights: Weights) -> tuple[Parameters, Parameters]:
    """Parameters, matrices and kernels laid out as XLA likes them, and running statistics."""
    parameters: Parameters = {}
    running: Parameters = {}
    for name, value in weights.items():
        if value.ndim == 4:
            value = value.transpose(2, 3, 1, 0)
        elif value.ndim == 2 and not name.endswith(".embedding"):
            value = value.T
        parameters[name] = jnp.array(value)
        if "norm" in name and name.endswith(".scale"):
            stem = name.removesuffix(".scale")
            running[f"{stem}.mean"] = jnp.zeros(value.shape)
            running[f"{stem}.var"] = jnp.ones(value.shape)
    return parameters, running


def adam_step(p: Parameters, grads: Parameters, adam: Any) -> Any:
    eta, beta1, beta2, eps = 1e-3, 0.9, 0.999, 1e-8
    means, squares, count = adam
    count = count + 1
    first, second = 1 - beta1**count, 1 - beta2**count

    new_p, new_means, new_squares = {}, {}, {}
    for name, g in grads.items():
        mean = beta1 * means[name] + (1 - beta1) * g
        square = beta2 * squares[name] + (1 - beta2) * g * g
        new_p[name] = p[name] - eta * (mean / first) / (jnp.sqrt(square / second) + eps)
        new_means[name], new_squares[name] = mean, square
    return new_p, (new_means, new_squares, count)


def cross_entropy(logits: Any, y: Any) -> Any:
    chosen = jnp.take_along_axis(jax.nn.log_softmax(logits), y[..., None], axis=-1)
    return -jnp.mean(chosen)


def mse(out: Any, y: Any) -> Any:
    return jnp.mean((out - y) ** 2)


def dense(p: Parameters, name: str, x: Any) -> Any:
    y = x @ p[f"{name}.weight"]
    return y + p[f"{name}.bias"] if f"{name}.bias" in p else y


def conv(p: Parameters, name: str, x: Any, stride: int = 1, padding: int = 0) -> Any:
    y = lax.conv_general_dilated(
        x, p[f"{name}.weight"], (stride, stride), [(padding, padding)] * 2,
        dimension_numbers=("NHWC", "HWIO", "NHWC"),
    )  # fmt: skip
    return y + p[f"{name}.bias"] if f"{name}.bias" in p else y


def batch_norm(p: Parameters, name: str, x: Any, running: Parameters, training: bool) -> Any:
    if training:
        mean, var = jnp.mean(x, axis=(0, 1, 2)), jnp.var(x, axis=(0, 1, 2))
        count = x.size // x.shape[-1]
        for key, value in (("mean", mean), ("var", var * (count / (count - 1)))):
            old = running[f"{name}.{key}"]
            running[f"{name}.{key}"] = (1 - MOMENTUM) * old + MOMENTUM * lax.stop_gradient(value)
    else:
        mean, var = running[f"{name}.mean"], running[f"{name}.var"]
    y = (x - mean) * lax.rsqrt(var + EPS)
    return y * p[f"{name}.scale"] + p[f"{name}.shift"]


def layer_norm(p: Parameters, name: str, x: Any) -> Any:
    mean = jnp.mean(x, axis=-1, keepdims=True)
    y = (x - mean) * lax.rsqrt(jnp.var(x, axis=-1, keepdims=True) + EPS)
    return y * p[f"{name}.scale"] + p[f"{name}.shift"]


def max_pool(x: Any) -> Any:
    return lax.reduce_window(x, -jnp.inf, lax.max, (1, 2, 2, 1), (1, 2, 2, 1), "VALID")


def flatten(x: Any) -> Any:
    return x.transpose(0, 3, 1, 2).reshape(x.shape[0], -1)


def perceptron(p: Parameters, x: Any, running: Parameters, training: bool) -> Any:
    x = jax.nn.relu(dense(p, "dense0", x))
    x = jax.nn.relu(dense(p, "dense1", x))
    return dense(p, "dense2", x)


def tiny(p: Parameters, x: Any, running: Parameters, training: bool) -> Any:
    x = jnp.tanh(dense(p, "dense0", x))
    x = jnp.tanh(dense(p, "dense1", x))
    return dense(p, "dense2", x)


def lenet(p: Parameters, x: Any, running: Parameters, training: bool) -> Any:
    x = max_pool(jax.nn.relu(conv(p, "conv0", x, padding=2)))
    x = max_pool(jax.nn.relu(conv(p, "conv1", x)))
    return perceptron(p, flatten(x), running, training)


def vgg(p: Parameters, x: Any, running: Parameters, training: bool) -> Any:
    for i in range(len(w.VGG)):
        x = batch_norm(p, f"norm{i}", conv(p, f"conv{i}", x, padding=1), running, training)
        x = jax.nn.relu(x)
        if i % 2:
            x = max_pool(x)
    return dense(p, "dense0", flatten(x))


def resnet(p: Parameters, x: Any, running: Parameters, training: bool) -> Any:
    x = jax.nn.relu(batch_norm(p, "norm", conv(p, "conv", x, padding=1), running, training))
    for stage, (_, step) in enumerate(w.RESNET):
        for i in range(2):
            name, stride = f"block{stage}{i}", step if i == 0 else 1
            y = conv(p, f"{name}.conv0", x, stride, 1)
            y = jax.nn.relu(batch_norm(p, f"{name}.norm0", y, running, training))
            y = batch_norm(
                p, f"{name}.norm1", conv(p, f"{name}.conv1", y, padding=1), running, training
            )
            if f"{name}.short.weight" in p:
                x = conv(p, f"{name}.short", x, stride)
                x = batch_norm(p, f"{name}.norm2", x, running, training)
            x = jax.nn.relu(y + x)
    return dense(p, "dense0", jnp.mean(x, axis=(1, 2)))


def lstm(p: Parameters, x: Any, running: Parameters, training: bool) -> Any:
    gates = x @ p["lstm.kernel"] + p["lstm.bias"]

    def turn(state: Any, projected: Any) -> Any:
        h, c = state
        i, f, g, o = jnp.split(projected + h @ p["lstm.recurrent"], 4, axis=-1)
        c = jax.nn.sigmoid(f) * c + jax.nn.sigmoid(i) * jnp.tanh(g)
        return (jax.nn.sigmoid(o) * jnp.tanh(c), c), None

    zeros = jnp.zeros((x.shape[0], w.LSTM_HIDDEN))
    (h, _), _ = lax.scan(turn, (zeros, zeros), gates.swapaxes(0, 1))
    return dense(p, "dense0", h)


def gpt(p: Parameters, x: Any, running: Parameters, training: bool) -> Any:
    batch, time = x.shape
    heads = (batch, time, w.GPT_HEADS, w.GPT_WIDTH // w.GPT_HEADS)
    x = p["tokens.embedding"][x] + p["positions.embedding"]
    for i in range(w.GPT_LAYERS):
        name = f"block{i}"
        qkv = dense(p, f"{name}.qkv", layer_norm(p, f"{name}.norm0", x))
        q, k, v = [part.reshape(heads) for part in jnp.split(qkv, 3, axis=-1)]
        y = jax.nn.dot_product_attention(q, k, v, is_causal=True)
        x = x + dense(p, f"{name}.out", y.reshape(batch, time, w.GPT_WIDTH))
        y = dense(p, f"{name}.up", layer_norm(p, f"{name}.norm1", x))
        x = x + dense(p, f"{name}.down", jax.nn.gelu(y, approximate=True))
    return dense(p, "head", layer_norm(p, "norm", x))


MODELS: dict[str, Any] = {
    "perceptron": perceptron, "tiny": tiny, "lenet": lenet, "vgg": vgg, "resnet": resnet,
    "lstm": lstm, "gpt": gpt,
}  # fmt: skip
LOSSES: dict[str, Any] = {"tiny": mse}
