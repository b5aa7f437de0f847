"""Write PyTorch's outputs and gradients for the table of layers: `nn.npz`.

Run as `python -m tests.references.make_nn` where torch is installed. Inputs and weights are drawn
by the rows themselves; results are computed in float64 and stored in float32.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np

from tests.nn.rows import ROWS, Row, draw

Weights: TypeAlias = dict[str, Any]
Function: TypeAlias = Callable[..., Any]


def dense(f: Any) -> dict[str, Function]:
    """Functions of `(weights, *inputs)` by the row's name."""
    return {
        "Dense": lambda w, x: f.linear(x, w["weight"], w["bias"]),
        "Dense relu": lambda w, x: f.linear(x, w["weight"]).relu(),
        "Bilinear": lambda w, x, y: f.bilinear(x, y, w["weight"], w["bias"]).tanh(),
        "Scale": lambda w, x: (x * w["scale"] + w["bias"]).sigmoid(),
        "Scale plain": lambda w, x: x * w["scale"],
    }


def convolution(f: Any) -> dict[str, Function]:
    """The same for convolutions."""

    def conv(kind: Any, **options: Any) -> Function:
        return lambda w, x: kind(x, w["weight"], w.get("bias"), **options)

    return {
        "Conv 1d": conv(f.conv1d),
        "Conv strided": conv(f.conv1d, stride=2, padding=1),
        "Conv 2d": lambda w, x: f.conv2d(x, w["weight"], w["bias"]).relu(),
        "Conv uneven": conv(f.conv2d, stride=(1, 2), padding=(2, 1), dilation=(2, 1)),
        "Conv sides": lambda w, x: f.conv2d(f.pad(x, (2, 1, 0, 1)), w["weight"], w["bias"]),
        "Conv same": conv(f.conv2d, padding="same"),
        "Conv same even": conv(f.conv2d, padding="same"),
        "Conv groups": conv(f.conv2d, groups=2),
        "Conv depthwise": conv(f.conv2d, groups=4),
        "Conv 3d": conv(f.conv3d),
        "ConvTranspose 1d": conv(f.conv_transpose1d, stride=2),
        "ConvTranspose 2d": conv(f.conv_transpose2d, stride=2, padding=1, output_padding=1),
        "ConvTranspose groups": conv(f.conv_transpose2d, dilation=2, groups=2),
        "ConvTranspose 3d": conv(f.conv_transpose3d),
    }


def pooling(f: Any) -> dict[str, Function]:
    """The same for pooling and layers that rearrange."""

    def of(kind: Any, *args: Any, **options: Any) -> Function:
        return lambda w, x: kind(x, *args, **options)

    return {
        "MaxPool": of(f.max_pool2d, 2),
        "MaxPool 1d": of(f.max_pool1d, 3, stride=2, padding=1),
        "MaxPool 3d": of(f.max_pool3d, (2, 1, 2), stride=(1, 2, 1)),
        "MeanPool": of(f.avg_pool2d, (2, 3)),
        "MeanPool 1d": of(f.avg_pool1d, 3, stride=2, padding=1),
        "AdaptiveMeanPool": of(f.adaptive_avg_pool2d, (2, 3)),
        "AdaptiveMaxPool": of(f.adaptive_max_pool2d, (3, 4)),
        "GlobalMeanPool": of(f.adaptive_avg_pool2d, 1),
        "GlobalMaxPool": of(f.adaptive_max_pool2d, 1),
        "PixelShuffle": of(f.pixel_shuffle, 2),
        "Upsample": of(f.interpolate, scale_factor=2),
        "Upsample 1d": of(f.interpolate, scale_factor=3),
        "Upsample uneven": of(f.interpolate, scale_factor=(1, 3)),
        "Flatten": lambda w, x: x.flatten(1),
    }


def normalisation(f: Any) -> dict[str, Function]:
    """The same for norms, embedding and dropout at test time. Running statistics in the weights
    are changed in place, as ours are."""

    def batch(train: bool, momentum: float = 0.1, eps: float = 1e-5) -> Function:
        return lambda w, x: f.batch_norm(
            x, w.get("mean"), w.get("var"), w.get("scale"), w.get("shift"), train, momentum, eps
        )

    def layer(eps: float = 1e-5) -> Function:
        return lambda w, x: f.layer_norm(x, x.shape[-1:], w.get("scale"), w.get("shift"), eps)

    def group(w: Weights, x: Any) -> Any:
        return f.group_norm(x, 2, w.get("scale"), w.get("shift"))

    def instance(w: Weights, x: Any) -> Any:
        return f.instance_norm(x, None, None, w.get("scale"), w.get("shift"))

    return {
        "BatchNorm": batch(True),
        "BatchNorm flat": batch(True),
        "BatchNorm slow": batch(True, momentum=0.01, eps=0.1),
        "BatchNorm test": batch(False),
        "BatchNorm 3d": batch(False),
        "BatchNorm trackless": batch(True),
        "LayerNorm": layer(),
        "LayerNorm plain": layer(eps=0.1),
        "RMSNorm": lambda w, x: f.rms_norm(x, x.shape[-1:], w["scale"], eps=1e-6),
        "GroupNorm": group,
        "GroupNorm flat": group,
        "InstanceNorm": instance,
        "InstanceNorm affine": instance,
        "Embedding": lambda w, x: f.embedding(x, w["weight"]),
        "Dropout": lambda w, x: x,
        "AlphaDropout": lambda w, x: x,
    }


def recurrent(torch: Any) -> dict[str, Function]:
    """The same for recurrent layers, by PyTorch's own modules."""
    functional_call = torch.func.functional_call

    def cell_weights(w: Weights, prefix: str, suffix: str) -> Weights:
        """The weights of one cell under PyTorch's names."""
        named = {
            f"weight_ih{suffix}": w[f"{prefix}kernel"],
            f"weight_hh{suffix}": w[f"{prefix}recurrent_kernel"],
        }
        if f"{prefix}bias" in w:
            bias = w[f"{prefix}bias"]
            late = torch.zeros_like(bias)
            if f"{prefix}recurrent_bias" in w:
                candidate = w[f"{prefix}recurrent_bias"]
                late = torch.cat([late[: -len(candidate)], candidate])
            named |= {f"bias_ih{suffix}": bias, f"bias_hh{suffix}": late}
        return named

    def cell(kind: Any, **options: Any) -> Function:
        def run(w: Weights, x: Any, *state: Any) -> Any:
            module = kind(2, 3, **options).double()
            given = () if not state else (state if len(state) > 1 else state[0],)
            out = functional_call(module, cell_weights(w, "", ""), (x, *given))
            return (out[0], *out) if isinstance(out, tuple) else (out, out)

        return run

    def layers(kind: Any, gives: bool, number: int = 1, two: bool = False, **more: Any) -> Function:
        def run(w: Weights, x: Any, *state: Any) -> Any:
            module = kind(2, 3, number, batch_first=True, bidirectional=two, **more).double()
            ways = ["", "_reverse"] if two else [""]
            named: Weights = {}
            for i in range(number * len(ways)):
                suffix = f"_l{i // len(ways)}{ways[i % len(ways)]}"
                named |= cell_weights(w, f"cells[{i}].", suffix)
            initial = [s[None] for s in state]
            given = () if not state else (tuple(initial) if len(initial) > 1 else initial[0],)
            y, last = functional_call(module, named, (x, *given))
            if not gives:
                return y
            parts = last if isinstance(last, tuple) else (last,)
            return (y, *[part[i] for i in range(len(parts[0])) for part in parts])

        return run

    def gru_v3(w: Weights, x: Any, h: Any, prefix: str = "") -> Any:
        """By the formula of the paper's third version: PyTorch has it not."""
        a_r, a_z, a_n = (x @ w[f"{prefix}kernel"].T + w[f"{prefix}bias"]).chunk(3, -1)
        b_r, b_z = (h @ w[f"{prefix}recurrent_kernel"].T).chunk(2, -1)
        r, z = (a_r + b_r).sigmoid(), (a_z + b_z).sigmoid()
        n = (a_n + (r * h) @ w[f"{prefix}candidate_kernel"].T).tanh()
        h = (1 - z) * n + z * h
        return h, h

    def gru_v3_layer(w: Weights, x: Any) -> Any:
        h, outputs = torch.zeros(len(x), 3).double(), []
        for t in range(x.shape[1]):
            y, h = gru_v3(w, x[:, t], h, "cells[0].")
            outputs.append(y)
        return torch.stack(outputs, 1), h

    def recurrence(w: Weights, x: Any) -> Any:
        named = {name.replace("cell.", "cells[0]."): value for name, value in w.items()}
        return layers(nn.LSTM, True)(named, x)

    nn = torch.nn
    return {
        "RNNCell": cell(nn.RNNCell),
        "RNNCell relu": cell(nn.RNNCell, nonlinearity="relu", bias=False),
        "LSTMCell": cell(nn.LSTMCell),
        "GRUCell": cell(nn.GRUCell),
        "GRUv3Cell": gru_v3,
        "RNN": layers(nn.RNN, False),
        "RNN deep": layers(nn.RNN, True, 2, nonlinearity="relu"),
        "LSTM": layers(nn.LSTM, True),
        "LSTM deep": layers(nn.LSTM, True, 2, True),
        "GRU": layers(nn.GRU, False, bias=False),
        "GRU deep": layers(nn.GRU, True, 2, True),
        "GRUv3": gru_v3_layer,
        "Recurrence": recurrence,
    }


def attention(torch: Any) -> dict[str, Function]:
    """The same for attention."""
    f = torch.nn.functional

    def by_module(w: Weights, q: Any, k: Any, mask: Any = None) -> Any:
        module = torch.nn.MultiheadAttention(4, 2 if mask is not None else 1, batch_first=True)
        named = {
            "in_proj_weight": torch.cat([w[f"{name}_proj.weight"] for name in "qkv"]),
            "in_proj_bias": torch.zeros(12).double(),
            "out_proj.weight": w["out_proj.weight"],
            "out_proj.bias": torch.zeros(4).double(),
        }
        options = {"attn_mask": mask, "average_attn_weights": False}
        return torch.func.functional_call(module.double(), named, (q, k, k), options)

    def masked(w: Weights, x: Any) -> Any:
        time = x.shape[1]
        return by_module(w, x, x, ~torch.ones(time, time, dtype=torch.bool).tril())

    def sizes(w: Weights, q: Any, k: Any, v: Any, bias: Any) -> Any:
        q, k, v = (
            f.linear(x, w[f"{name}_proj.weight"], w[f"{name}_proj.bias"]).unflatten(-1, (2, -1))
            for name, x in zip("qkv", (q, k, v), strict=True)
        )
        mask = torch.tensor(draw("mask", (q.shape[1], k.shape[1])) > -0.5)
        logits = bias.masked_fill(~mask, -torch.inf)
        y = f.scaled_dot_product_attention(*[x.transpose(1, 2) for x in (q, k, v)], logits)
        return f.linear(y.transpose(1, 2).flatten(2), w["out_proj.weight"], w["out_proj.bias"])

    return {
        "MultiHeadAttention": masked,
        "MultiHeadAttention sizes": sizes,
        "MultiHeadAttention two": lambda w, q, k: by_module(w, q, k)[0],
    }


def containers(torch: Any) -> dict[str, Function]:
    """The same for containers."""
    f = torch.nn.functional

    def linear(w: Weights, prefix: str, x: Any) -> Any:
        return f.linear(x, w[f"{prefix}.weight"], w[f"{prefix}.bias"])

    def chain(w: Weights, x: Any) -> Any:
        norm = {name: w[f"layers[1].{name}"] for name in ("mean", "var", "scale", "shift")}
        x = f.conv2d(x, w["layers[0].weight"], w["layers[0].bias"], padding="same").relu()
        x = f.batch_norm(x, norm["mean"], norm["var"], norm["scale"], norm["shift"], True)
        return linear(w, "layers[4]", f.max_pool2d(x, 2).flatten(1))

    def fusion(w: Weights, x: Any, y: Any, z: Any) -> Any:
        first = linear(w, "layers[0]", x)
        second = linear(w, "layers[1]", first + y)
        return first, second, linear(w, "layers[2]", second + z)

    def parts(w: Weights, *inputs: Any) -> Any:
        return [linear(w, f"layers[{i}]", x) for i, x in enumerate(inputs)]

    def parallel(w: Weights, x: Any) -> Any:
        first, second = parts(w, x, x)
        return first * second.tanh()

    return {
        "Chain": chain,
        "SkipConnection": lambda w, x: torch.cat([linear(w, "layer", x), x], -1),
        "Parallel": parallel,
        "Parallel several": lambda w, x, y: sum(parts(w, x, y)),
        "PairwiseFusion": fusion,
        "Maxout": lambda w, x: torch.stack(parts(w, x, x, x)).amax(0),
    }


def values(torch: Any, row: Row, function: Function) -> dict[str, Any]:
    """Outputs `y0`, gradients by inputs `x0` and by parameters `p weight`, buffers `s mean`."""
    buffers = {name for name in row.weights() if name.rpartition(".")[2] in ("mean", "var")}
    weights = {
        name: torch.tensor(value, requires_grad=name not in buffers)
        for name, value in row.weights().items()
    }
    floating = row.vocabulary is None
    inputs = [torch.tensor(x, requires_grad=floating) for x in row.inputs()]
    out = function(weights, *inputs)
    results = list(out) if isinstance(out, tuple) else [out]
    loss = sum(
        (y * torch.tensor(row.cotangent(i, tuple(y.shape)))).sum() for i, y in enumerate(results)
    )
    if loss.requires_grad:
        loss.backward()
    found = {f"y{i}": y for i, y in enumerate(results)}
    if floating:
        found |= {f"x{i}": x.grad for i, x in enumerate(inputs)}
    found |= {f"p {name}": w.grad for name, w in weights.items() if name not in buffers}
    if row.train:
        found |= {f"s {name}": weights[name] for name in buffers}
    return {name: value.detach().numpy().astype(np.float32) for name, value in found.items()}


def main() -> None:
    torch: Any = importlib.import_module("torch")
    f = torch.nn.functional
    functions = dense(f) | convolution(f) | pooling(f) | normalisation(f)
    functions |= recurrent(torch) | attention(torch) | containers(torch)
    stored = {
        f"{row.name}/{name}": value
        for row in ROWS
        for name, value in values(torch, row, functions.pop(row.name)).items()
    }
    assert not functions, sorted(functions)
    path = Path(__file__).with_name("nn.npz")
    np.savez_compressed(path, allow_pickle=False, **stored)
    print(f"{path.name}: {len(stored)} arrays, {path.stat().st_size} bytes")


if __name__ == "__main__":
    main()
