"""What is printed for a model, to the letter."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import Generic, NamedTuple, TypeVar

import pytest

import typedflux as flux
from typedflux import Size, Tensor, nn

N = TypeVar("N")


def printed(model: nn.Module) -> str:
    assert str(model) == repr(model) == f"{model}"
    return f"\n{model}\n"


def test_a_chain() -> None:
    model = nn.Chain(
        nn.Conv((3, 3), 1, 16, flux.relu, padding="same"),
        nn.BatchNorm(16),
        nn.MaxPool((2, 2)),
        nn.Flatten(),
        nn.Chain(nn.Dense(784, 32), flux.relu),
        nn.SkipConnection(nn.Dense(32, 32, flux.tanh), flux.add),
        head=nn.Dense(32, 10, bias=False),
    )
    assert (
        printed(model)
        == """
Chain(
  Conv((3, 3), 1, 16, relu, padding='same'),  # 160 parameters
  BatchNorm(16),                              # 32 parameters, plus 32 non-trainable
  MaxPool((2, 2)),
  Flatten(),
  Chain(
    Dense(784, 32),                           # 25_120 parameters
    relu,
  ),
  SkipConnection(
    Dense(32, 32, tanh),                      # 1_056 parameters
    add,
  ),
  head=Dense(32, 10, bias=False),             # 320 parameters
)                                             # Total: 9 arrays, 26_688 parameters,
                                              # plus 2 non-trainable of 32 elements, 104.4 KiB
"""
    )
    assert f"{model[4:]:compact}" == (
        "Chain(Chain(Dense(784, 32), relu), SkipConnection(Dense(32, 32, tanh), add), "
        "head=Dense(32, 10, bias=False))"
    )


LAYERS: list[tuple[nn.Module, str]] = [
    (nn.Dense(784, 128, flux.relu), "Dense(784, 128, relu)  # 100_480 parameters"),
    (nn.Dense(1, 1, bias=False), "Dense(1, 1, bias=False)  # 1 parameter"),
    (nn.Dense(0, 3), "Dense(0, 3)  # 3 parameters, all zero"),
    (nn.Dense(2, 2, lambda x: x), "Dense(2, 2, lambda)  # 6 parameters"),
    (
        nn.Dense(2, 2, functools.partial(flux.clip, min=0, max=6)),
        "Dense(2, 2, partial(clip, min=0, max=6))  # 6 parameters",
    ),
    (
        nn.Conv((5,), 4, 8, stride=2, dilation=(3,), groups=2),
        "Conv((5,), 4, 8, stride=2, dilation=(3,), groups=2)  # 88 parameters",
    ),
    (
        nn.ConvTranspose((2, 2), 8, 4, flux.gelu, stride=(2, 2), bias=False),
        "ConvTranspose((2, 2), 8, 4, gelu, stride=(2, 2), bias=False)  # 128 parameters",
    ),
    (nn.Bilinear((3, 4), 5, flux.tanh), "Bilinear((3, 4), 5, tanh)  # 65 parameters"),
    (nn.Scale(3, bias=False), "Scale(3, bias=False)  # 3 parameters"),
    (nn.Embedding(10, 4), "Embedding(10, 4)  # 40 parameters"),
    (
        nn.BatchNorm(3, affine=False, momentum=0.2),
        "BatchNorm(3, momentum=0.2, affine=False)  # 6 non-trainable",
    ),
    (nn.BatchNorm(3, track_stats=False), "BatchNorm(3, track_stats=False)  # 6 parameters"),
    (nn.LayerNorm(3, eps=1e-6), "LayerNorm(3, eps=1e-06)  # 6 parameters"),
    (nn.RMSNorm(3), "RMSNorm(3)  # 3 parameters"),
    (nn.GroupNorm(4, 2, affine=False), "GroupNorm(4, 2, affine=False)"),
    (nn.InstanceNorm(4, affine=True), "InstanceNorm(4, affine=True)  # 8 parameters"),
    (nn.Dropout(0.5, axes=(0, 1)), "Dropout(0.5, axes=(0, 1))"),
    (nn.Dropout(0.5, rng=flux.Generator(1)), "Dropout(0.5, rng=Generator(...))  # 4 non-trainable"),
    (nn.MaxPool((2, 2), 1, padding=1), "MaxPool((2, 2), 1, 1)"),
    (nn.MeanPool((2, 2), padding="same"), "MeanPool((2, 2), padding='same')"),
    (nn.AdaptiveMeanPool((1, 1)), "AdaptiveMeanPool((1, 1))"),
    (nn.GlobalMaxPool(), "GlobalMaxPool()"),
    (nn.Upsample((2, 1)), "Upsample((2, 1))"),
    (nn.GRUCell(2, 3), "GRUCell(2, 3)  # 57 parameters"),
    (
        nn.LSTM(3, 4, num_layers=2, bidirectional=True, dropout=0.5),
        "LSTM(3, 4, num_layers=2, bidirectional=True, dropout=0.5)  # 672 parameters",
    ),
    (nn.RNN(2, 3, flux.relu, bias=False), "RNN(2, 3, relu, bias=False)  # 15 parameters"),
    (nn.Chain(), "Chain()"),
    (nn.Chain(flux.relu, flux.tanh), "Chain(relu, tanh)"),
]


@pytest.mark.parametrize(("layer", "text"), LAYERS, ids=[text for _, text in LAYERS])
def test_a_layer_on_one_line(layer: nn.Module, text: str) -> None:
    assert repr(layer) == text


ROUND_TRIPS = [layer for layer, text in LAYERS if "lambda" not in text and "rng" not in text]


@pytest.mark.parametrize("layer", ROUND_TRIPS, ids=lambda v: f"{v:compact}")
def test_a_layer_can_be_made_of_what_is_printed(layer: nn.Module) -> None:
    scope = {**vars(flux), **vars(nn), "partial": functools.partial}
    made = eval(f"{layer:compact}", scope)
    assert repr(made) == repr(layer)
    assert [t.shape for t in flux.trainables(made)] == [t.shape for t in flux.trainables(layer)]


class Block(nn.Module):
    """Written without a thought of printing."""

    def __init__(self, width: int, depth: int, *, dropout: float = 0.1) -> None:
        self.position = flux.ones((3, width))
        self.steps = nn.buffer(flux.zeros(()))
        self.blocks = [nn.Dense(width, width, flux.tanh, bias=False) for _ in range(depth)]
        self.experts = {"a": nn.Chain(nn.Dense(width, 1), flux.relu), "b": flux.identity}
        self.tables = [flux.ones(2), flux.ones(3)]
        self.dropout = nn.Dropout(dropout)
        self.note = "no layer"


def test_a_module_of_ones_own() -> None:
    assert (
        printed(Block(4, 2, dropout=0.5))
        == """
Block(
  position: Float32[Tensor, "3 4"],  # 12 parameters
  steps: Float32[Tensor, ""],        # 1 non-trainable
  blocks=[
    Dense(4, 4, tanh, bias=False),   # 16 parameters
    Dense(4, 4, tanh, bias=False),   # 16 parameters
  ],
  experts={
    'a': Chain(
      Dense(4, 1),                   # 5 parameters
      relu,
    ),
    'b': identity,
  },
  tables=[Float32[Tensor, "2"], Float32[Tensor, "3"]],  # 5 parameters
  dropout=Dropout(0.5),
)                                    # Total: 7 arrays, 54 parameters,
                                     # plus 1 non-trainable of 1 element, 220 bytes
"""
    )


class Pair(NamedTuple):
    first: nn.Module
    second: nn.Module


@dataclass
class Affine:
    factor: Tensor

    def __call__(self, x: Tensor) -> Tensor:
        return x * self.factor


class Odd(nn.Module):
    def __init__(self, size: int, pair: Pair, *layers: nn.Module, sizes: tuple[int, ...]) -> None:
        self.size, self.pair, self.sizes = size, pair, sizes
        self.layers = layers
        self.affine = Affine(flux.ones(size))


def test_containers_of_all_kinds() -> None:
    model = Odd(3, Pair(nn.Flatten(), nn.Scale(2)), nn.Flatten(), sizes=(1,))
    assert (
        printed(model)
        == """
Odd(3,
  Pair(
    first=Flatten(),
    second=Scale(2),   # 4 parameters
  ),
  Flatten(),
  sizes=(1,),
  affine=Affine(...),  # 3 parameters
)                      # Total: 3 arrays, 7 parameters, 28 bytes
"""
    )


class Plain(nn.Module):
    """Its constructor cannot be told from its fields, so its tensors are shown."""

    def __init__(self, n: int) -> None:
        self.factor = flux.ones(n)
        self.active = True

    def __call__(self, x: Tensor) -> Tensor:
        return x * self.factor


class Sized(nn.Module, Generic[N]):
    def __init__(self, n: Size[N], twice: Size["2*N"]) -> None:
        self.factor = flux.ones(n)


class Silent(nn.Module):
    def __init__(self) -> None:
        self.factor = flux.ones(5)


class Hidden(nn.Module):
    shown_inside = False

    def __init__(self, width: int) -> None:
        self.width = width
        self.cell = nn.Dense(width, width)


def test_attention() -> None:
    model = nn.MultiHeadAttention(8, 2, key=4, out=3, bias=True, dropout=0.1)
    assert f"{model:compact}" == ("MultiHeadAttention(8, 2, key=4, out=3, bias=True, dropout=0.1)")
    assert (
        printed(model)
        == """
MultiHeadAttention(8, 2, key=4, out=3, bias=True, dropout=0.1,
  q_proj=Dense(8, 8),    # 72 parameters
  k_proj=Dense(4, 8),    # 40 parameters
  v_proj=Dense(4, 8),    # 40 parameters
  out_proj=Dense(8, 3),  # 27 parameters
)                        # Total: 8 arrays, 179 parameters, 716 bytes
"""
    )


def test_what_a_constructor_does_not_tell() -> None:
    assert repr(Plain(2)) == 'Plain(factor: Float32[Tensor, "2"])  # 2 parameters'
    assert repr(Sized(2, 4)) == 'Sized(2, factor: Float32[Tensor, "2"])  # 2 parameters'
    assert repr(Silent()) == "Silent()  # 5 parameters"
    assert repr(Hidden(2)) == "Hidden(2)  # 6 parameters"
    assert f"{nn.Chain(Plain(1)):compact}" == 'Chain(Plain(factor: Float32[Tensor, "1"]))'


class Model(nn.Module):
    def __init__(self) -> None:
        self.decoder = nn.Dense(4, 10, bias=False)
        self.embedding = nn.Embedding(10, 4)
        self.hidden = nn.Dense(4, 4)
        self.again = self.hidden
        self.decoder.weight = nn.tied(self.embedding, "weight")


def test_shared_and_tied() -> None:
    assert (
        printed(Model())
        == """
Model(
  decoder=Dense(4, 10, bias=False),  # weight tied to embedding.weight
  embedding=Embedding(10, 4),        # 40 parameters
  hidden=Dense(4, 4),                # 20 parameters
  again=Dense(4, 4),                 # shared with hidden
)                                    # Total: 3 arrays, 60 parameters, 240 bytes
"""
    )
    alone = Model().decoder
    assert repr(alone) == "Dense(4, 10, bias=False)  # weight tied to Embedding.weight"


def test_settings_are_marked_where_they_begin() -> None:
    model = nn.Chain(
        nn.Chain(nn.Dense(2, 2), nn.BatchNorm(2)), nn.Chain(nn.Dense(2, 2), nn.Dropout(0.5))
    )
    flux.freeze(model[0])
    flux.testmode(model)
    flux.trainmode(model[1][1])
    flux.testmode(model[1][0], None)
    assert (
        printed(model)
        == """
Chain(             # test mode
  Chain(           # frozen
    Dense(2, 2),   # 6 parameters
    BatchNorm(2),  # 4 parameters, plus 4 non-trainable
  ),
  Chain(
    Dense(2, 2),   # 6 parameters, auto mode
    Dropout(0.5),  # train mode
  ),
)                  # Total: 6 arrays, 16 parameters (10 frozen),
                   # plus 2 non-trainable of 4 elements, 80 bytes
"""
    )


def test_remarkable_values_are_marked() -> None:
    model = nn.Chain(nn.Scale(2), nn.Scale(2), nn.Scale(2), nn.BatchNorm(1))
    model[0].scale = flux.zeros(2)
    model[1].bias = flux.asarray([flux.nan, -flux.inf])
    model[2].scale = flux.asarray([1.0, flux.inf], dtype=flux.bfloat16)
    model[3].mean = flux.asarray([flux.nan])
    assert [line.partition("parameters")[2] for line in str(model).splitlines()[1:5]] == [
        ", all zero",
        ", some NaN, some Inf",
        ", some Inf",
        ", plus 2 non-trainable, some NaN",
    ]


def test_sizes_in_bytes() -> None:
    for count, text in [(1, "4 bytes"), (256, "1.0 KiB"), (300_000, "1.1 MiB")]:
        assert str(nn.Chain(nn.RMSNorm(count))).endswith(text)
    assert str(nn.Chain(flux.bf16(nn.RMSNorm(512)))).endswith("512 parameters, 1.0 KiB")


def test_under_transformations() -> None:
    """Types are known there, values not."""
    texts = []

    def loss(m: nn.Chain, x: Tensor) -> Tensor:
        texts.append(str(m))
        y: Tensor = m(x)
        return (y**2).sum()

    model = nn.Chain(nn.Dense(2, 2), nn.Scale(2))
    model[0].weight = flux.zeros((2, 2))
    x = flux.ones((1, 2))
    grad = flux.gradient(lambda m: loss(m, x), model)
    flux.jit(loss)(model, x)
    assert texts == [str(model).replace(", all zero", "")] * 2
    assert str(grad).splitlines()[0] == "Chain("


def test_a_module_that_is_being_made() -> None:
    class Half(nn.Module):
        def __init__(self, size: int) -> None:
            self.text = repr(self)
            self.layer = nn.Dense(size, size)

    assert Half(2).text == "Half()"
    assert repr(object.__new__(nn.Conv)) == "Conv()"


def test_formats() -> None:
    layer = nn.Dense(2, 2)
    assert f"{layer:compact}" == "Dense(2, 2)"
    with pytest.raises(ValueError, match="plainly or as 'compact', not '>10'"):
        format(layer, ">10")
