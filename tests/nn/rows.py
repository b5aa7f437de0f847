"""The layers under test: one row for each, and how its weights and inputs are made up.

PyTorch's values for the same rows are stored in `tests/references/nn.npz`, see
`tests/references/make_nn.py`.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

import numpy as np
import numpy.typing as npt

import typedflux as flux
from typedflux import DType, Tensor, nn
from typedflux.core.tree import format_path, iterate, map_leaves

Array: TypeAlias = npt.NDArray[Any]
Shape: TypeAlias = tuple[int, ...]


def draw(name: str, shape: Shape) -> Array:
    """Numbers between -1 and 1 that depend on the name alone, for all versions of numpy."""
    return np.random.RandomState(zlib.crc32(name.encode())).uniform(-1, 1, shape)


def integers(name: str, shape: Shape, high: int) -> Array:
    """Indices below `high`."""
    return np.floor((draw(name, shape) + 1) / 2 * high).astype(np.int64)


@dataclass(frozen=True, eq=False)
class Row:
    """One layer under test.

    Attributes:
        name: the class's name, and after a blank the variant: "Conv strided".
        build: makes the layer; its weights are replaced by those of `weights`.
        shapes: those of the inputs; the batch is the first axis of each.
        call: how it is called.
        train: whether gradients are taken in training mode.
        vocabulary: the inputs are indices below this number, where it is set.
        batched: whether each example is treated by itself.
    """

    name: str
    build: Callable[[], Any]
    shapes: tuple[Shape, ...]
    call: Callable[..., Any] = lambda layer, *inputs: layer(*inputs)
    train: bool = False
    vocabulary: int | None = None
    batched: bool = True

    def inputs(self) -> list[Array]:
        """The inputs in float64, or indices."""
        named = [(f"{self.name} x{i}", shape) for i, shape in enumerate(self.shapes)]
        if self.vocabulary is not None:
            return [integers(name, shape, self.vocabulary) for name, shape in named]
        return [draw(name, shape) for name, shape in named]

    def weights(self) -> dict[str, Array]:
        """The parameters and buffers by their paths, in order, in float64."""
        found = {}
        for path, leaf, _ in iterate(self.build()):
            values = draw(f"{self.name} {format_path(path)}", leaf.shape)
            found[format_path(path)] = values + 1.5 if path[-1] == "var" else values
        return found

    def cotangent(self, i: int, shape: Shape) -> Array:
        """The weights of the `i`-th result in the loss."""
        return draw(f"{self.name} y{i}", shape)

    def layer(self, dtype: DType = flux.float32) -> Any:
        """The layer with its weights; in testing mode unless the row trains."""
        values = iter(self.weights().values())
        layer = map_leaves(lambda _: flux.asarray(next(values)).astype(dtype), self.build())
        return layer if self.train else flux.testmode(layer)

    def tensors(self, dtype: DType = flux.float32) -> list[Tensor]:
        """The inputs as tensors."""
        arrays = [flux.asarray(x) for x in self.inputs()]
        return arrays if self.vocabulary is not None else [x.astype(dtype) for x in arrays]

    def results(self, layer: Any, *inputs: Tensor) -> list[Tensor]:
        """The tensors in what the layer returns, in order."""
        return [leaf for _, leaf, _ in iterate(self.call(layer, *inputs))]

    def loss(self, layer: Any, *inputs: Tensor) -> tuple[Tensor, list[Tensor]]:
        """A sum over the results with their cotangents, and the results."""
        results = self.results(layer, *inputs)
        total = flux.zeros(())
        for i, y in enumerate(results):
            weights = flux.asarray(self.cotangent(i, y.shape)).astype(y.dtype)
            total = (y * weights).sum() + total
        return total, results


def masked(layer: Any, x: Tensor) -> Any:
    return layer(x, mask=flux.make_causal_mask(x), return_scores=True)


def biased(layer: Any, q: Tensor, k: Tensor, v: Tensor, bias: Tensor) -> Any:
    mask = flux.asarray(draw("mask", (q.shape[1], k.shape[1])) > -0.5)
    return layer(q, k, v, bias=bias, mask=mask)


def from_state(layer: Any, x: Tensor, *state: Tensor) -> Any:
    return layer(x, state if len(state) > 1 else state[0])


def skip(x: Tensor, y: Tensor) -> Tensor:
    return flux.concat([x, y], axis=-1)


def chain() -> nn.Chain:
    return nn.Chain(
        nn.Conv((3, 3), 1, 2, flux.relu, padding="same"),
        nn.BatchNorm(2),
        nn.MaxPool((2, 2)),
        nn.Flatten(),
        head=nn.Dense(8, 3),
    )


IMAGE: Final = (2, 4, 5, 6)
SEQUENCE: Final = (3, 4, 2)
STATE: Final = (3, 3)

ROWS: Sequence[Row] = [
    Row("Dense", lambda: nn.Dense(4, 3), ((3, 4),)),
    Row("Dense relu", lambda: nn.Dense(4, 3, flux.relu, bias=False), ((2, 3, 4),)),
    Row("Bilinear", lambda: nn.Bilinear((3, 2), 4, flux.tanh), ((3, 3), (3, 2))),
    Row("Scale", lambda: nn.Scale(4, flux.sigmoid), ((3, 2, 4),)),
    Row("Scale plain", lambda: nn.Scale(4, bias=False), ((3, 4),)),
    Row("Conv 1d", lambda: nn.Conv((3,), 2, 3), ((2, 2, 7),)),
    Row("Conv strided", lambda: nn.Conv((3,), 2, 3, stride=2, padding=1), ((2, 2, 8),)),
    Row("Conv 2d", lambda: nn.Conv((3, 2), 4, 2, flux.relu), (IMAGE,)),
    Row(
        "Conv uneven",
        lambda: nn.Conv((3, 2), 4, 2, stride=(1, 2), padding=(2, 1), dilation=(2, 1)),
        (IMAGE,),
    ),
    Row("Conv sides", lambda: nn.Conv((2, 2), 4, 2, padding=((0, 1), (2, 1))), (IMAGE,)),
    Row("Conv same", lambda: nn.Conv((3, 3), 4, 2, padding="same"), (IMAGE,)),
    Row("Conv same even", lambda: nn.Conv((2, 4), 4, 2, padding="same", bias=False), (IMAGE,)),
    Row("Conv groups", lambda: nn.Conv((2, 2), 4, 6, groups=2), (IMAGE,)),
    Row("Conv depthwise", lambda: nn.Conv((2, 2), 4, 4, groups=4), (IMAGE,)),
    Row("Conv 3d", lambda: nn.Conv((2, 1, 2), 2, 2), ((2, 2, 3, 2, 3),)),
    Row("ConvTranspose 1d", lambda: nn.ConvTranspose((3,), 2, 3, stride=2), ((2, 2, 4),)),
    Row(
        "ConvTranspose 2d",
        lambda: nn.ConvTranspose((3, 2), 4, 2, stride=2, padding=1, output_padding=1),
        ((2, 4, 3, 2),),
    ),
    Row(
        "ConvTranspose groups",
        lambda: nn.ConvTranspose((2, 2), 4, 2, dilation=2, groups=2, bias=False),
        ((2, 4, 3, 2),),
    ),
    Row("ConvTranspose 3d", lambda: nn.ConvTranspose((2, 1, 2), 2, 2), ((2, 2, 2, 2, 1),)),
    Row("MaxPool", lambda: nn.MaxPool((2, 2)), (IMAGE,)),
    Row("MaxPool 1d", lambda: nn.MaxPool((3,), stride=2, padding=1), ((2, 3, 7),)),
    Row("MaxPool 3d", lambda: nn.MaxPool((2, 1, 2), stride=(1, 2, 1)), ((2, 2, 3, 2, 3),)),
    Row("MeanPool", lambda: nn.MeanPool((2, 3)), (IMAGE,)),
    Row("MeanPool 1d", lambda: nn.MeanPool((3,), stride=2, padding=1), ((2, 3, 7),)),
    Row("AdaptiveMeanPool", lambda: nn.AdaptiveMeanPool((2, 3)), (IMAGE,)),
    Row("AdaptiveMaxPool", lambda: nn.AdaptiveMaxPool((3, 4)), (IMAGE,)),
    Row("GlobalMeanPool", nn.GlobalMeanPool, (IMAGE,)),
    Row("GlobalMaxPool", nn.GlobalMaxPool, (IMAGE,)),
    Row("PixelShuffle", lambda: nn.PixelShuffle(2), (IMAGE,)),
    Row("Upsample", lambda: nn.Upsample(2), ((2, 2, 3, 2),)),
    Row("Upsample 1d", lambda: nn.Upsample((3,)), ((2, 2, 3),)),
    Row("Upsample uneven", lambda: nn.Upsample((1, 3)), ((2, 2, 3, 2),)),
    Row("Flatten", nn.Flatten, (IMAGE,)),
    Row("BatchNorm", lambda: nn.BatchNorm(4), (IMAGE,), train=True, batched=False),
    Row("BatchNorm flat", lambda: nn.BatchNorm(3), ((5, 3),), train=True, batched=False),
    Row(
        "BatchNorm slow",
        lambda: nn.BatchNorm(2, momentum=0.01, eps=0.1, affine=False),
        ((3, 2, 4),),
        train=True,
        batched=False,
    ),
    Row("BatchNorm test", lambda: nn.BatchNorm(4), (IMAGE,)),
    Row("BatchNorm 3d", lambda: nn.BatchNorm(2, affine=False), ((2, 2, 3, 2, 2),)),
    Row(
        "BatchNorm trackless",
        lambda: nn.BatchNorm(4, track_stats=False),
        (IMAGE,),
        batched=False,
    ),
    Row("LayerNorm", lambda: nn.LayerNorm(5), ((3, 2, 5),)),
    Row("LayerNorm plain", lambda: nn.LayerNorm(5, eps=0.1, affine=False), ((3, 5),)),
    Row("RMSNorm", lambda: nn.RMSNorm(5), ((3, 2, 5),)),
    Row("GroupNorm", lambda: nn.GroupNorm(4, 2), (IMAGE,)),
    Row("GroupNorm flat", lambda: nn.GroupNorm(4, 2, affine=False), ((3, 4),)),
    Row("InstanceNorm", lambda: nn.InstanceNorm(4), (IMAGE,)),
    Row("InstanceNorm affine", lambda: nn.InstanceNorm(2, affine=True), ((3, 2, 4),)),
    Row("Embedding", lambda: nn.Embedding(6, 3), ((2, 5),), vocabulary=6),
    Row("Dropout", lambda: nn.Dropout(0.5), ((3, 4),)),
    Row("AlphaDropout", lambda: nn.AlphaDropout(0.5), ((3, 4),)),
    Row("RNNCell", lambda: nn.RNNCell(2, 3), ((3, 2), STATE), from_state),
    Row("RNNCell relu", lambda: nn.RNNCell(2, 3, flux.relu, bias=False), ((3, 2),)),
    Row("LSTMCell", lambda: nn.LSTMCell(2, 3), ((3, 2), STATE, STATE), from_state),
    Row("GRUCell", lambda: nn.GRUCell(2, 3), ((3, 2), STATE), from_state),
    Row("GRUv3Cell", lambda: nn.GRUv3Cell(2, 3), ((3, 2), STATE), from_state),
    Row("RNN", lambda: nn.RNN(2, 3), (SEQUENCE,)),
    Row("RNN deep", lambda: nn.RNN(2, 3, flux.relu, num_layers=2, return_state=True), (SEQUENCE,)),
    Row("LSTM", lambda: nn.LSTM(2, 3, return_state=True), (SEQUENCE, STATE, STATE), from_state),
    Row(
        "LSTM deep",
        lambda: nn.LSTM(2, 3, num_layers=2, bidirectional=True, return_state=True),
        (SEQUENCE,),
    ),
    Row("GRU", lambda: nn.GRU(2, 3, bias=False), (SEQUENCE, STATE), from_state),
    Row(
        "GRU deep",
        lambda: nn.GRU(2, 3, num_layers=2, bidirectional=True, return_state=True),
        (SEQUENCE,),
    ),
    Row("GRUv3", lambda: nn.GRUv3(2, 3, return_state=True), (SEQUENCE,)),
    Row(
        "Recurrence",
        lambda: nn.Recurrence(nn.LSTMCell(2, 3), return_state=True),
        (SEQUENCE,),
    ),
    Row("MultiHeadAttention", lambda: nn.MultiHeadAttention(4, 2), ((2, 3, 4),), masked),
    Row(
        "MultiHeadAttention sizes",
        lambda: nn.MultiHeadAttention(4, 2, key=3, value=2, qk=6, v=4, out=5, bias=True),
        ((2, 3, 4), (2, 5, 3), (2, 5, 2), (2, 2, 3, 5)),
        biased,
    ),
    Row("MultiHeadAttention two", lambda: nn.MultiHeadAttention(4, 1), ((2, 3, 4), (2, 5, 4))),
    Row("Chain", chain, ((3, 1, 4, 4),), train=True, batched=False),
    Row("SkipConnection", lambda: nn.SkipConnection(nn.Dense(3, 2), skip), ((2, 3),)),
    Row(
        "Parallel",
        lambda: nn.Parallel(flux.multiply, nn.Dense(3, 2), nn.Dense(3, 2, flux.tanh)),
        ((2, 3),),
    ),
    Row(
        "Parallel several",
        lambda: nn.Parallel(flux.add, nn.Dense(3, 2), nn.Dense(4, 2)),
        ((2, 3), (2, 4)),
    ),
    Row(
        "PairwiseFusion",
        lambda: nn.PairwiseFusion(flux.add, nn.Dense(3, 2), nn.Dense(2, 2), nn.Dense(2, 4)),
        ((2, 3), (2, 2), (2, 2)),
    ),
    Row("Maxout", lambda: nn.Maxout(nn.Dense(3, 2), nn.Dense(3, 2), nn.Dense(3, 2)), ((4, 3),)),
]
