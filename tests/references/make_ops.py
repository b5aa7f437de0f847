"""Write PyTorch's values for the rows of the operations' table that have no reference in scipy.

Run as `python -m tests.references.make_ops` where torch is installed. Each row's samples are stored
beside the values, in float64: `ops_windows.npz` and `ops_activations.npz`.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from tests.ops.rows import ROWS

Function = Callable[..., Any]


def activations(torch: Any) -> dict[str, Function]:
    """By the row's name."""
    f = torch.nn.functional
    return {
        "gelu": lambda x: f.gelu(x, approximate="tanh"),
        "gelu_tanh": lambda x: f.gelu(x, approximate="tanh"),
        "gelu_erf": f.gelu,
        "gelu_sigmoid": lambda x: x * torch.sigmoid(1.702 * x),
        "swish": f.silu,
        "silu": f.silu,
        "elu": f.elu,
        "elu half": lambda x: f.elu(x, 0.5),
        "celu": f.celu,
        "celu two": lambda x: f.celu(x, 2.0),
        "selu": f.selu,
        "mish": f.mish,
        "lisht": lambda x: x * torch.tanh(x),
        "hardsigmoid": f.hardsigmoid,
        "hardswish": f.hardswish,
        "leakyrelu": f.leaky_relu,
        "leakyrelu steep": lambda x: f.leaky_relu(x, 0.2),
        "softsign": f.softsign,
        "softshrink": f.softshrink,
        "hardshrink": f.hardshrink,
        "tanhshrink": f.tanhshrink,
        "trelu": lambda x: f.threshold(x, 1.0, 0.0),
        "thresholdrelu low": lambda x: f.threshold(x, 0.25, 0.0),
        "glu": f.glu,
        "swiglu": lambda x: x.chunk(2, -1)[0] * f.silu(x.chunk(2, -1)[1]),
        "glu axis": lambda x: f.glu(x, 1),
    }


def windows(torch: Any) -> dict[str, Function]:
    """By the row's name."""
    f = torch.nn.functional
    return {
        "conv 1d": f.conv1d,
        "conv 1d strided": lambda x, w: f.conv1d(x, w, stride=2, padding=1, dilation=2),
        "conv 2d": f.conv2d,
        "conv 2d strided": lambda x, w: f.conv2d(x, w, stride=(2, 3), padding=(1, 0)),
        "conv 2d dilated": lambda x, w: f.conv2d(x, w, dilation=(3, 2), padding=(2, 1)),
        # What padding="same" means there, without its warning.
        "conv 2d same": lambda x, w: f.conv2d(f.pad(x, (0, 1, 1, 1)), w),
        "conv 2d pairs": lambda x, w: f.conv2d(f.pad(x, (1, 3, 2, 0)), w),
        "conv 2d groups": lambda x, w: f.conv2d(x, w, groups=2),
        "conv 2d depthwise": lambda x, w: f.conv2d(x, w, groups=3, padding=1),
        "conv 2d flipped": lambda x, w: f.conv2d(x, torch.flip(w, (2, 3))),
        "conv 3d": lambda x, w: f.conv3d(x, w, stride=(1, 2, 1), padding=1),
        "conv_transpose 1d": lambda x, w: f.conv_transpose1d(
            x, w, stride=2, padding=1, output_padding=1
        ),
        "conv_transpose 2d": f.conv_transpose2d,
        "conv_transpose 2d strided": lambda x, w: f.conv_transpose2d(
            x, w, stride=(3, 2), padding=(1, 0)
        ),
        "conv_transpose 2d groups": lambda x, w: f.conv_transpose2d(x, w, groups=2, dilation=2),
        "conv_transpose 3d": lambda x, w: f.conv_transpose3d(
            x, w, stride=2, output_padding=(1, 0, 1)
        ),
        "max_pool 1d": lambda x: f.max_pool1d(x, 2),
        "max_pool 2d": lambda x: f.max_pool2d(x, 2),
        "max_pool 2d padded": lambda x: f.max_pool2d(x, (3, 2), (2, 1), (1, 0)),
        "max_pool 3d": lambda x: f.max_pool3d(x, (2, 2, 3), 1, (0, 1, 1)),
        "mean_pool 1d": lambda x: f.avg_pool1d(x, 2),
        "mean_pool 2d": lambda x: f.avg_pool2d(x, 2),
        "mean_pool 2d padded": lambda x: f.avg_pool2d(x, (3, 2), (2, 1), (1, 0)),
        "mean_pool 2d inside": lambda x: f.avg_pool2d(x, (3, 2), 1, 1, count_include_pad=False),
        "mean_pool 3d": lambda x: f.avg_pool3d(x, (2, 2, 3), (1, 2, 1)),
        "adaptive_max_pool 1d": lambda x: f.adaptive_max_pool1d(x, 3),
        "adaptive_max_pool 2d": lambda x: f.adaptive_max_pool2d(x, (2, 4)),
        "adaptive_mean_pool 1d": lambda x: f.adaptive_avg_pool1d(x, 3),
        "adaptive_mean_pool 2d": lambda x: f.adaptive_avg_pool2d(x, (2, 4)),
        "adaptive_mean_pool 3d": lambda x: f.adaptive_avg_pool3d(x, (1, 2, 3)),
        "pixel_shuffle": lambda x: f.pixel_shuffle(x, 2),
        "pixel_unshuffle": lambda x: f.pixel_unshuffle(x, 2),
    }


def values_of(family: str, functions: dict[str, Function], torch: Any) -> dict[str, Any]:
    """Operands and results of all samples of the rows that refer to `family`."""
    found: dict[str, Any] = {}
    for row in ROWS:
        if row.reference != family:
            continue
        for i, operands in enumerate(row.generate()):
            out = functions[row.name](*map(torch.from_numpy, operands))
            found |= {f"{row.name}/{i}/in{k}": x for k, x in enumerate(operands)}
            outs = out if isinstance(out, (tuple, list)) else (out,)
            found |= {f"{row.name}/{i}/out{k}": y.numpy() for k, y in enumerate(outs)}
    return found


def main() -> None:
    """Write the files beside this one."""
    torch: Any = importlib.import_module("torch")
    for family, functions in (("windows", windows(torch)), ("activations", activations(torch))):
        path = Path(__file__).parent / f"ops_{family}.npz"
        np.savez_compressed(path, **values_of(family, functions, torch))
        print(f"{path.name}: {path.stat().st_size} bytes")


if __name__ == "__main__":
    main()
