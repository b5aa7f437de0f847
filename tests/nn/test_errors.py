"""What layers refuse, at construction and at a call, and what they say."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

import typedflux as flux
from typedflux import Tensor
from typedflux import nn as typed
from typedflux.shapes.errors import AxisError, DTypeError, ShapeError

nn: Any = typed  # the calls below are wrong, which the checker would say too
MINUS_ONE: Any = -1


def zeros(*shape: int) -> Tensor:
    return flux.zeros(shape)


def double(*shape: int) -> Tensor:
    return flux.zeros(shape, dtype="float64")


def whole(*shape: int) -> Tensor:
    return flux.zeros(shape, dtype="int64")


def mask(*shape: int) -> Tensor:
    return flux.ones(shape, dtype="bool")


def wrong_init(shape: Any) -> Tensor:
    return zeros(1, 1)


Rows = list[tuple[Callable[[], object], type[Exception], str]]

CONSTRUCTION: Rows = [
    (lambda: nn.Dense(-1, 3), ShapeError, "Dense: argument 'in_' is a size, an int of 0 or more"),
    (lambda: nn.Dense(4.0, 3), TypeError, "Dense: argument 'in_' is a size"),
    (lambda: nn.Dense(True, 3), TypeError, "Dense: argument 'in_' is a size"),
    (lambda: nn.Dense(4, 3, bias="no"), TypeError, "argument 'bias' must be bool, got str: 'no'"),
    (lambda: nn.Dense(4, 3, "relu"), TypeError, "must be Callable[[Tensor], Tensor], got str"),
    (
        lambda: nn.Dense(4, 3, init=wrong_init),
        ShapeError,
        'init must make a weight of shape "3 4", it made one of "1 1"',
    ),
    (lambda: nn.Scale(4, init=lambda s: 1.0), TypeError, "init must make a tensor, it made a fl"),
    (lambda: nn.Bilinear(3, 2), TypeError, "argument 'in_' must be tuple[Size"),
    (lambda: nn.Conv(3, 1, 2), TypeError, "'kernel' must be tuple[int, ...], got int: 3"),
    (lambda: nn.Conv((0, 3), 1, 2), ShapeError, "Conv: kernel must be at least 1, got (0, 3)"),
    (lambda: nn.Conv((1,) * 4, 1, 2), ShapeError, "one number for each spatial axis"),
    (lambda: nn.Conv((3,), 1, 2, stride=0), ShapeError, "stride must be at least 1, got 0"),
    (lambda: nn.Conv((3,), 1, 2, dilation=-1), ShapeError, "dilation must be at least 1, got -1"),
    (lambda: nn.Conv((3,), 3, 2, groups=2), ShapeError, "in_channels 3 does not divide into 2"),
    (lambda: nn.Conv((3,), 2, 2, groups=0), ShapeError, "does not divide into 0 groups"),
    (
        lambda: nn.ConvTranspose((3,), 3, 2, groups=3),
        ShapeError,
        "ConvTranspose: out_channels 2 does not divide into 3 groups",
    ),
    (lambda: nn.MaxPool(2), TypeError, "MaxPool: argument 'window' must be tuple[int, ...]"),
    (lambda: nn.MaxPool((0, 2)), ShapeError, "MaxPool: window must be at least 1"),
    (lambda: nn.MeanPool((2,), stride=0), ShapeError, "MeanPool: stride must be at least 1"),
    (lambda: nn.AdaptiveMeanPool((0,)), ShapeError, "AdaptiveMeanPool: out must be at least 1"),
    (lambda: nn.AdaptiveMaxPool(()), ShapeError, "of which there are 1 to 3; got ()"),
    (lambda: nn.PixelShuffle(0), ShapeError, "PixelShuffle: r must be at least 1, got 0"),
    (lambda: nn.Upsample((2, 0)), ShapeError, "Upsample: scale must be at least 1, got (2, 0)"),
    (lambda: nn.BatchNorm(3, momentum=1.5), ValueError, "momentum must be from 0 to 1, got 1.5"),
    (lambda: nn.BatchNorm(3, eps=-1.0), ValueError, "BatchNorm: eps must be at least 0, got -1.0"),
    (lambda: nn.LayerNorm((3, 4)), TypeError, "LayerNorm: argument 'size' is a size"),
    (lambda: nn.RMSNorm(3, eps=float("nan")), ValueError, "RMSNorm: eps must be at least 0"),
    (lambda: nn.GroupNorm(4, 3), ShapeError, "GroupNorm: 4 channels do not divide into 3 groups"),
    (lambda: nn.Dropout(1.0), ValueError, "Dropout: p is a probability from 0 to 1, 1 excluded"),
    (lambda: nn.Dropout(-0.1), ValueError, "Dropout: p is a probability"),
    (lambda: nn.Dropout(float("nan")), ValueError, "Dropout: p is a probability"),
    (lambda: nn.Dropout("0.5"), TypeError, "Dropout: argument 'p' must be float, got str: '0.5'"),
    (lambda: nn.AlphaDropout(1.0), ValueError, "AlphaDropout: p is a probability"),
    (lambda: nn.GRUCell(3, -1), ShapeError, "GRUCell: argument 'hidden' is a size"),
    (lambda: nn.LSTM(3, 4, num_layers=0), ValueError, "LSTM: num_layers is 1 or more, got 0"),
    (lambda: nn.LSTM(3, 4, num_layers=1.5), TypeError, "'num_layers' must be int, got float"),
    (
        lambda: nn.LSTM(3, 4, bidirectional="yes"),
        TypeError,
        "LSTM: argument 'bidirectional' must be Literal[True, False], got str: 'yes'",
    ),
    (lambda: nn.RNN(3, 4, dropout=1.0), ValueError, "Dropout: p is a probability"),
    (
        lambda: nn.GRU(3, 4, init_kernel=wrong_init),
        ShapeError,
        'init must make a weight of shape "4 3"',
    ),
    (lambda: nn.Recurrence(3), TypeError, "Recurrence: argument 'cell' must be Callable"),
    (
        lambda: nn.MultiHeadAttention(8, 3),
        ShapeError,
        "MultiHeadAttention: 8 features of queries and keys do not divide into 3 heads",
    ),
    (lambda: nn.MultiHeadAttention(8, 0), ShapeError, "do not divide into 0 heads"),
    (lambda: nn.MultiHeadAttention(8, 2, v=7), ShapeError, "7 features of values do not divide"),
    (lambda: nn.Chain(nn.Dense(3, 2), 3), TypeError, "Chain: layer 1 is not callable: 3"),
    (lambda: nn.Parallel(flux.add), TypeError, "Parallel needs a layer"),
    (lambda: nn.PairwiseFusion(flux.add, 3), TypeError, "PairwiseFusion: layer 0 is not callable"),
    (lambda: nn.Maxout(), TypeError, "Maxout needs a layer"),
    (lambda: nn.SkipConnection(3, flux.add), TypeError, "'layer' must be Callable[..., Any]"),
]

CALLS: Rows = [
    (
        lambda: nn.Dense(4, 3)(zeros()),
        ShapeError,
        'Dense: argument \'x\' has shape "", expected Float[Tensor, "*batch In"] of Dense (In=4, '
        "Out=3): it has 0 axes, not at least 1",
    ),
    (
        lambda: nn.Dense(4, 3)(zeros(2, 5)),
        ShapeError,
        "dimension 'In' is 4 but here it is 5 (axis 1)",
    ),
    (
        lambda: nn.Dense(4, 3)(whole(2, 4)),
        DTypeError,
        "Dense: argument 'x' must be Float[Tensor, \"*batch In\"], got dtype int64: convert it "
        "with .astype(flux.float32)",
    ),
    (lambda: nn.Dense(4, 3)([[1.0]]), TypeError, "got list: convert it with flux.asarray(...)"),
    (
        lambda: nn.Bilinear((3, 4), 2)(zeros(2, 3), zeros(2, 5)),
        ShapeError,
        "of Bilinear (In1=3, In2=4, Out=2): dimension 'In2' is 4 but here it is 5",
    ),
    (
        lambda: nn.Bilinear((3, 4), 2)(zeros(2, 3), zeros(3, 4)),
        ShapeError,
        "'*batch' is (2) but here it is (3)",
    ),
    (lambda: nn.Scale(4)(zeros(2, 5)), ShapeError, "dimension 'N' is 4 but here it is 5"),
    (
        lambda: nn.Conv((3, 3), 1, 2)(zeros(2, 3, 5, 5)),
        ShapeError,
        "of Conv (In=1, Out=2): dimension 'In' is 1 but here it is 3 (axis 1)",
    ),
    (lambda: nn.Conv((3, 3), 1, 2)(zeros(2, 1, 5)), ShapeError, "got ranks 3 and 4"),
    (
        lambda: nn.Conv((3, 3), 1, 2)(zeros(2, 1, 2, 5)),
        ShapeError,
        "kernel of size 3 does not fit axis 'height' of size 2",
    ),
    (
        lambda: nn.Conv((3, 3), 1, 2, padding="full")(zeros(1, 1, 5, 5)),
        ShapeError,
        "padding 'full' is neither 'same' nor 'valid' nor numbers",
    ),
    (
        lambda: nn.Conv((3, 3), 1, 2, stride=(1, 2, 3))(zeros(1, 1, 5, 5)),
        ShapeError,
        "stride (1, 2, 3) has 3 numbers for 2 spatial axes",
    ),
    (
        lambda: nn.ConvTranspose((2, 2), 3, 2)(zeros(1, 2, 4, 4)),
        ShapeError,
        "of ConvTranspose (In=3, Out=2): dimension 'In' is 3 but here it is 2",
    ),
    (
        lambda: nn.MaxPool((2, 2))(zeros(1, 2, 4)),
        ShapeError,
        'needs an input "batch channels *spatial" of rank 4, got rank 3',
    ),
    (lambda: nn.MaxPool((5,))(zeros(1, 2, 4)), ShapeError, "kernel of size 5 does not fit"),
    (lambda: nn.MaxPool((2,))(whole(1, 2, 4)), DTypeError, ".astype(flux.float32)"),
    (lambda: nn.GlobalMaxPool()(zeros(1, 2, 0)), ShapeError, "there is no extreme of nothing"),
    (lambda: nn.PixelShuffle(2)(zeros(1, 3, 2, 2)), ShapeError, "3 channels do not divide by 2*2"),
    (lambda: nn.Flatten()(zeros()), ShapeError, "it has 0 axes, not at least 1"),
    (
        lambda: nn.BatchNorm(3)(zeros(2, 4)),
        ShapeError,
        "of BatchNorm (C=3): dimension 'C' is 3 but here it is 4 (axis 1)",
    ),
    (
        lambda: flux.trainmode(nn.BatchNorm(3))(zeros(1, 3)),
        ShapeError,
        'BatchNorm: a variance takes 2 values or more of each channel, in "1 3" there are 1: train '
        "with a larger batch, or use testmode",
    ),
    (lambda: flux.trainmode(nn.BatchNorm(3))(zeros(0, 3, 4)), ShapeError, "there are 0: train"),
    (lambda: nn.LayerNorm(3)(zeros(2, 4)), ShapeError, "of LayerNorm (C=3): dimension 'C' is 3"),
    (lambda: nn.GroupNorm(4, 2)(zeros(2, 3, 4)), ShapeError, "dimension 'C' is 4 but here it is 3"),
    (lambda: nn.InstanceNorm(3)(zeros(2, 3)), ShapeError, 'over space, which "2 3" has not'),
    (
        lambda: nn.Embedding(5, 2)(flux.asarray([[1], [5]])),
        ShapeError,
        "Embedding: indices from 1 to 5 do not fit a vocabulary of 5",
    ),
    (lambda: nn.Embedding(5, 2)(flux.asarray([-1])), ShapeError, "indices from -1 to -1 do not"),
    (
        lambda: nn.Embedding(5, 2)(zeros(2)),
        DTypeError,
        "Embedding: argument 'x' must be Integer[Tensor, \"*shape\"], got dtype float32: convert "
        "it with .astype(flux.int64)",
    ),
    (
        lambda: flux.trainmode(nn.Dropout(0.5, axes=(0, 3)))(zeros(2, 3)),
        AxisError,
        "axis 3 does not exist in 2 axes",
    ),
    (lambda: nn.Dropout(0.5)(whole(2)), DTypeError, "got dtype int64"),
    (lambda: nn.RNNCell(3, 4)(zeros(2, 4)), ShapeError, "dimension 'In' is 3 but here it is 4"),
    (
        lambda: nn.RNNCell(3, 4)(zeros(2, 3), zeros(3, 4)),
        ShapeError,
        "RNNCell: argument 'state' has shape \"3 4\"",
    ),
    (
        lambda: nn.LSTMCell(3, 4)(zeros(2, 3), zeros(2, 4)),
        TypeError,
        "LSTMCell: argument 'state' must be tuple[",
    ),
    (lambda: nn.LSTMCell(3, 4)(zeros(2, 3), (1, 2, 3)), TypeError, "], got 3 elements"),
    (
        lambda: nn.LSTMCell(3, 4)(zeros(2, 3), (zeros(2, 4), 0)),
        TypeError,
        "argument 'state[1]' must be Float[Tensor, \"*batch Hidden\"], got int",
    ),
    (
        lambda: nn.LSTMCell(3, 4)(zeros(2, 3), (zeros(2, 4), zeros(2, 5))),
        ShapeError,
        "LSTMCell: argument 'state[1]' has shape \"2 5\", expected Float[Tensor, ",
    ),
    (
        lambda: nn.LSTM(3, 4)(zeros(2, 3)),
        ShapeError,
        'LSTM: argument \'x\' has shape "2 3", expected Float[Tensor, "batch time In"] of LSTM '
        "(In=3, Hidden=4): it has 2 axes, not 3",
    ),
    (
        lambda: nn.LSTM(3, 4, num_layers=2)(zeros(2, 5, 3), zeros(2, 4)),
        TypeError,
        "LSTM: the state of 2 cells is a tuple with one for each, got Tensor",
    ),
    (
        lambda: nn.GRU(3, 4)(zeros(2, 5, 3), zeros(3, 4)),
        ShapeError,
        'GRUCell: h of the state has shape "3 4", expected "2 4"',
    ),
    (
        lambda: nn.GRU(3, 4)(zeros(2, 5, 3), double(2, 4)),
        DTypeError,
        "h of the state is float64, but recurrent_kernel is float32: convert it with "
        ".astype(flux.float32)",
    ),
    (
        lambda: nn.Recurrence(nn.GRUCell(3, 4))(zeros(2, 3)),
        ShapeError,
        'Recurrence: argument \'x\' has shape "2 3", expected "batch time 3"',
    ),
    (
        lambda: nn.Recurrence(lambda x, state: (x, state))(zeros(2, 0, 3)),
        ShapeError,
        "Recurrence: a sequence without steps does not tell the shape of outputs",
    ),
    (
        lambda: nn.MultiHeadAttention(8, 2)(zeros(2, 3, 8), zeros(2, 3, 7)),
        ShapeError,
        "MultiHeadAttention: argument 'k' has shape \"2 3 7\"",
    ),
    (
        lambda: nn.MultiHeadAttention(8, 2)(zeros(2, 3, 8), zeros(2, 4, 8), zeros(2, 5, 8)),
        ShapeError,
        "dimension 'keys' is 4 but here it is 5 (axis 1)",
    ),
    (
        lambda: nn.MultiHeadAttention(8, 2)(zeros(2, 3, 8), mask=mask(3, 4)),
        ShapeError,
        "the mask has a value for each query and key: cannot broadcast '3 4' to '2 2 3 3'",
    ),
    (
        lambda: nn.MultiHeadAttention(8, 2)(zeros(2, 3, 8), mask=zeros(3, 3)),
        DTypeError,
        "argument 'mask' must be Bool[Tensor, \"...\"], got dtype float32: convert it with "
        ".astype(flux.bool)",
    ),
    (
        lambda: nn.Parallel(flux.add, flux.sin, flux.cos)(zeros(1), zeros(1), zeros(1)),
        TypeError,
        "Parallel: 2 layers need one input or 2, got 3",
    ),
    (
        lambda: nn.PairwiseFusion(flux.add, flux.sin, flux.cos)(zeros(1), zeros(1), zeros(1)),
        TypeError,
        "PairwiseFusion: 2 layers need as many inputs, got 3",
    ),
    (lambda: nn.Chain(head=flux.sin)["tail"], KeyError, "'tail'; its named layers: head"),
    (
        lambda: flux.dot_product_attention(zeros(2, 3), zeros(4, 5), zeros(4, 5)),
        ShapeError,
        'dot_product_attention(Float32[Tensor, "2 3"], Float32[Tensor, "4 5"], '
        'Float32[Tensor, "4 5"]): queries have 3 features but keys 5',
    ),
    (
        lambda: flux.dot_product_attention(zeros(2, 3), zeros(4, 3), zeros(5, 3)),
        ShapeError,
        "there are 4 keys but 5 values",
    ),
    (
        lambda: flux.dot_product_attention(zeros(3), zeros(4, 3), zeros(4, 3)),
        ShapeError,
        "q needs 2 axes or more",
    ),
    (
        lambda: flux.dot_product_attention(zeros(2, 3), zeros(4, 3), zeros(4, 3), heads=2),
        ShapeError,
        "the 3 features of q do not divide into 2 heads",
    ),
    (
        lambda: flux.dot_product_attention_scores(zeros(2, 3), zeros(4, 3), mask=zeros(2, 4)),
        DTypeError,
        "the mask is boolean, true where a query may look; got float32",
    ),
    (
        lambda: flux.dot_product_attention_scores(whole(2, 3), whole(4, 3)),
        DTypeError,
        "needs floating-point numbers, got int64",
    ),
    (lambda: flux.make_causal_mask(zeros(2, 3), axis=2), AxisError, "axis 2 does not exist"),
    (lambda: flux.make_causal_mask(MINUS_ONE), ShapeError, "sizes are at least 0, got -1"),
]


@pytest.mark.parametrize("row", range(len(CONSTRUCTION)))
def test_construction(row: int) -> None:
    check(*CONSTRUCTION[row])


@pytest.mark.parametrize("row", range(len(CALLS)))
def test_calls(row: int) -> None:
    check(*CALLS[row])


def check(call: Callable[[], object], error: type[Exception], text: str) -> None:
    with pytest.raises(error) as caught:
        call()
    assert text in str(caught.value)


@pytest.mark.parametrize(
    ("layer", "shape", "field"),
    [
        (typed.Dense(4, 3), (2, 4), "weight"),
        (typed.Bilinear((4, 4), 2), (2, 4), "weight"),
        (typed.Scale(4), (2, 4), "scale"),
        (typed.Conv((1,), 4, 2), (2, 4, 3), "weight"),
        (typed.ConvTranspose((1,), 4, 2), (2, 4, 3), "weight"),
        (typed.BatchNorm(4), (2, 4), "scale"),
        (typed.LayerNorm(4), (2, 4), "scale"),
        (typed.RMSNorm(4), (2, 4), "scale"),
        (typed.GroupNorm(4, 2), (2, 4), "scale"),
        (typed.InstanceNorm(4, affine=True), (2, 4, 3), "scale"),
        (typed.RNN(4, 3), (2, 5, 4), "kernel"),
        (typed.LSTM(4, 3), (2, 5, 4), "kernel"),
        (typed.Recurrence(typed.GRUCell(4, 3)), (2, 5, 4), "kernel"),
        (typed.MultiHeadAttention(4, 2), (2, 5, 4), "weight"),
        (typed.Chain(typed.Dense(4, 3)), (2, 4), "weight"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, typed.Module) else "",
)
def test_doubles_are_not_for_layers_of_floats(layer: Any, shape: Any, field: str) -> None:
    inputs = [double(*shape)] * (2 if isinstance(layer, typed.Bilinear) else 1)
    with pytest.raises(DTypeError) as caught:
        layer(*inputs)
    assert (
        f"argument 'x' is float64, but {field} is float32: convert it with .astype(flux.float32)"
    ) in str(caught.value)
    assert flux.f64(layer)(*inputs).dtype is flux.float64
