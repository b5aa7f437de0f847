"""The workloads in PyTorch: eager, compiled, and with channels last in memory."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import nn
from torch.nn import functional

from benchmarks.training import workloads as w

Weights = Mapping[str, w.Array]


class Program:
    """A step, and the model that it works on.

    Args:
        way: "torch" (eager), "torch.compile" (model and loss compiled) or "channels_last".
    """

    def __init__(self, workload: w.Workload, weights: Weights, threads: int, way: str) -> None:
        torch.set_num_threads(threads)
        self.workload = workload
        self.model = MODELS[workload.model](weights).train(workload.training)
        x, y = w.data(workload)
        self.x, self.y = torch.from_numpy(x), torch.from_numpy(y)
        if way == "channels_last":
            self.model = self.model.to(memory_format=torch.channels_last)
            self.x = self.x.to(memory_format=torch.channels_last)
        self.start = {k: v.detach().clone() for k, v in self.model.state_dict().items()}
        self.loss: Any = LOSSES.get(workload.model, functional.cross_entropy)
        self.forward: Any = self._training if workload.training else self.model
        if way == "torch.compile":
            self.forward = torch.compile(self.forward)
        self.reset()

    def reset(self) -> None:
        """Back to the first weights."""
        self.model.load_state_dict(self.start)
        trained = [p for p in self.model.parameters() if p.requires_grad]
        self.optimiser = torch.optim.Adam(trained, 1e-3, fused=True)  # its fastest

    def _training(self, x: Any, y: Any) -> Any:
        return self.loss(self.model(x), y)

    def step(self) -> Any:
        if not self.workload.training:
            with torch.inference_mode():
                return self.forward(self.x)
        self.optimiser.zero_grad(set_to_none=True)
        loss = self.forward(self.x, self.y)
        loss.backward()
        self.optimiser.step()
        return loss

    def number(self, result: Any) -> float:
        """The loss, or a sum of what inference gave; waits for it."""
        return float(result.sum())

    def wait(self, result: Any) -> None:
        """Return when `result` is there."""


def parameter(weights: Weights, name: str) -> nn.Parameter:
    return nn.Parameter(torch.from_numpy(weights[name].copy()))


def dense(weights: Weights, name: str) -> nn.Linear:
    out, in_ = weights[f"{name}.weight"].shape
    layer = nn.Linear(in_, out, bias=f"{name}.bias" in weights)
    layer.weight = parameter(weights, f"{name}.weight")
    if f"{name}.bias" in weights:
        layer.bias = parameter(weights, f"{name}.bias")
    return layer


def conv(weights: Weights, name: str, stride: int = 1, padding: int = 0) -> nn.Conv2d:
    out, in_, height, width = weights[f"{name}.weight"].shape
    bias = f"{name}.bias" in weights
    layer = nn.Conv2d(in_, out, (height, width), stride, padding, bias=bias)
    layer.weight = parameter(weights, f"{name}.weight")
    if bias:
        layer.bias = parameter(weights, f"{name}.bias")
    return layer


def norm(weights: Weights, name: str, kind: Any = nn.BatchNorm2d) -> Any:
    layer = kind(weights[f"{name}.scale"].shape[0])
    layer.weight = parameter(weights, f"{name}.scale")
    layer.bias = parameter(weights, f"{name}.shift")
    return layer


def perceptron(weights: Weights) -> nn.Module:
    return nn.Sequential(
        dense(weights, "dense0"), nn.ReLU(), dense(weights, "dense1"), nn.ReLU(),
        dense(weights, "dense2"),
    )  # fmt: skip


def tiny(weights: Weights) -> nn.Module:
    return nn.Sequential(
        dense(weights, "dense0"), nn.Tanh(), dense(weights, "dense1"), nn.Tanh(),
        dense(weights, "dense2"),
    )  # fmt: skip


def lenet(weights: Weights) -> nn.Module:
    return nn.Sequential(
        conv(weights, "conv0", padding=2), nn.ReLU(), nn.MaxPool2d(2),
        conv(weights, "conv1"), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(),
        dense(weights, "dense0"), nn.ReLU(), dense(weights, "dense1"), nn.ReLU(),
        dense(weights, "dense2"),
    )  # fmt: skip


def vgg(weights: Weights) -> nn.Module:
    layers: list[nn.Module] = []
    for i in range(len(w.VGG)):
        layers += [conv(weights, f"conv{i}", padding=1), norm(weights, f"norm{i}"), nn.ReLU()]
        if i % 2:
            layers.append(nn.MaxPool2d(2))
    return nn.Sequential(*layers, nn.Flatten(), dense(weights, "dense0"))


class Block(nn.Module):
    """Two convolutions with a way around them."""

    def __init__(self, weights: Weights, name: str, stride: int) -> None:
        super().__init__()
        self.conv0 = conv(weights, f"{name}.conv0", stride, 1)
        self.norm0 = norm(weights, f"{name}.norm0")
        self.conv1 = conv(weights, f"{name}.conv1", padding=1)
        self.norm1 = norm(weights, f"{name}.norm1")
        self.short: nn.Module = nn.Identity()
        if f"{name}.short.weight" in weights:
            short = conv(weights, f"{name}.short", stride)
            self.short = nn.Sequential(short, norm(weights, f"{name}.norm2"))

    def forward(self, x: Any) -> Any:
        y = functional.relu(self.norm0(self.conv0(x)))
        return functional.relu(self.norm1(self.conv1(y)) + self.short(x))


def resnet(weights: Weights) -> nn.Module:
    blocks = [
        Block(weights, f"block{stage}{i}", stride if i == 0 else 1)
        for stage, (_, stride) in enumerate(w.RESNET)
        for i in range(2)
    ]
    return nn.Sequential(
        conv(weights, "conv", padding=1), norm(weights, "norm"), nn.ReLU(), *blocks,
        nn.AdaptiveAvgPool2d(1), nn.Flatten(), dense(weights, "dense0"),
    )  # fmt: skip


class Sequence(nn.Module):
    """An LSTM, and a classifier on its last output."""

    def __init__(self, weights: Weights) -> None:
        super().__init__()
        self.lstm = nn.LSTM(w.LSTM_INPUTS, w.LSTM_HIDDEN, batch_first=True)
        self.lstm.weight_ih_l0 = parameter(weights, "lstm.kernel")
        self.lstm.weight_hh_l0 = parameter(weights, "lstm.recurrent")
        self.lstm.bias_ih_l0 = parameter(weights, "lstm.bias")
        # A second bias that is added to the first: it stays at zero, as elsewhere there is one.
        zeros = torch.zeros(4 * w.LSTM_HIDDEN)
        self.lstm.bias_hh_l0 = nn.Parameter(zeros, requires_grad=False)
        self.classify = dense(weights, "dense0")

    def forward(self, x: Any) -> Any:
        return self.classify(self.lstm(x)[0][:, -1])


class Layer(nn.Module):
    """One layer of a transformer, normalised before its parts."""

    def __init__(self, weights: Weights, name: str) -> None:
        super().__init__()
        self.norm0 = norm(weights, f"{name}.norm0", nn.LayerNorm)
        self.qkv = dense(weights, f"{name}.qkv")
        self.out = dense(weights, f"{name}.out")
        self.norm1 = norm(weights, f"{name}.norm1", nn.LayerNorm)
        self.up, self.down = dense(weights, f"{name}.up"), dense(weights, f"{name}.down")

    def forward(self, x: Any) -> Any:
        batch, time, width = x.shape
        qkv = self.qkv(self.norm0(x)).view(batch, time, 3, w.GPT_HEADS, width // w.GPT_HEADS)
        q, k, v = qkv.permute(2, 0, 3, 1, 4)
        y = functional.scaled_dot_product_attention(q, k, v, is_causal=True)
        x = x + self.out(y.transpose(1, 2).reshape(batch, time, width))
        return x + self.down(functional.gelu(self.up(self.norm1(x)), approximate="tanh"))


class GPT(nn.Module):
    """Token and position vectors, the layers, and logits of the next token."""

    def __init__(self, weights: Weights) -> None:
        super().__init__()
        self.tokens = nn.Embedding(w.GPT_VOCABULARY, w.GPT_WIDTH)
        self.tokens.weight = parameter(weights, "tokens.embedding")
        self.positions = parameter(weights, "positions.embedding")
        self.layers = nn.Sequential(*[Layer(weights, f"block{i}") for i in range(w.GPT_LAYERS)])
        self.norm = norm(weights, "norm", nn.LayerNorm)
        self.head = dense(weights, "head")

    def forward(self, x: Any) -> Any:
        return self.head(self.norm(self.layers(self.tokens(x) + self.positions)))


def text_loss(logits: Any, y: Any) -> Any:
    return functional.cross_entropy(logits.view(-1, w.GPT_VOCABULARY), y.reshape(-1))


MODELS: dict[str, Any] = {
    "perceptron": perceptron, "tiny": tiny, "lenet": lenet, "vgg": vgg, "resnet": resnet,
    "lstm": Sequence, "gpt": GPT,
}  # fmt: skip
LOSSES: dict[str, Any] = {"tiny": functional.mse_loss, "gpt": text_loss}
