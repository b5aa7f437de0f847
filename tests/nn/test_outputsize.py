"""`outputsize` against runs, over all layers; symbolic sizes; its words where sizes do not fit."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import typedflux as flux
from tests.nn.models import Words
from typedflux import Tensor, nn

SIZES = tuple[int, ...]

ROWS: list[tuple[Callable[[], Callable[..., Any]], list[SIZES]]] = [
    (lambda: nn.Dense(3, 4), [(3,)]),
    (lambda: nn.Dense(3, 4, flux.softmax, bias=False), [(5, 3)]),
    (lambda: nn.Bilinear((3, 4), 5), [(3,), (4,)]),
    (lambda: nn.Scale(3), [(2, 3)]),
    (lambda: nn.Conv((3, 3), 2, 4), [(2, 9, 8)]),
    (lambda: nn.Conv((5,), 4, 6, stride=2, padding=3, dilation=2, groups=2), [(4, 20)]),
    (lambda: nn.Conv((3, 3, 3), 1, 2, padding="same"), [(1, 4, 5, 6)]),
    (lambda: nn.Conv((2, 2), 1, 2, padding=((1, 0), (2, 1))), [(1, 4, 5)]),
    (lambda: nn.ConvTranspose((3, 2), 2, 4, stride=(2, 3), padding=1), [(2, 5, 6)]),
    (lambda: nn.ConvTranspose((3,), 2, 4, stride=2, output_padding=1), [(2, 5)]),
    (lambda: nn.MaxPool((2, 3)), [(2, 7, 9)]),
    (lambda: nn.MeanPool((3,), 2, padding=1), [(2, 7)]),
    (lambda: nn.AdaptiveMeanPool((3, 2)), [(2, 7, 9)]),
    (lambda: nn.AdaptiveMaxPool((3,)), [(2, 7)]),
    (lambda: nn.GlobalMeanPool(), [(2, 7, 9)]),
    (lambda: nn.GlobalMaxPool(), [(2, 7)]),
    (lambda: nn.Flatten(), [(2, 7, 9)]),
    (lambda: nn.BatchNorm(2), [(2, 7, 9)]),
    (lambda: nn.BatchNorm(2, track_stats=False), [(2, 7)]),
    (lambda: flux.trainmode(nn.BatchNorm(2)), [(2, 7)]),
    (lambda: nn.LayerNorm(9), [(2, 9)]),
    (lambda: nn.RMSNorm(9), [(9,)]),
    (lambda: nn.GroupNorm(4, 2), [(4, 7, 9)]),
    (lambda: nn.InstanceNorm(4), [(4, 7)]),
    (lambda: flux.trainmode(nn.Dropout(0.5)), [(4, 7)]),
    (lambda: flux.trainmode(nn.AlphaDropout(0.5)), [(4, 7)]),
    (lambda: nn.PixelShuffle(2), [(8, 3, 5)]),
    (lambda: nn.Upsample((2, 3)), [(2, 4, 5)]),
    (lambda: nn.RNN(3, 4), [(6, 3)]),
    (lambda: nn.LSTM(3, 4, num_layers=2, bidirectional=True), [(6, 3)]),
    (lambda: nn.GRU(3, 4, return_state=True), [(6, 3)]),
    (lambda: nn.GRUv3(3, 4), [(1, 3)]),
    (lambda: nn.LSTMCell(3, 4), [(3,)]),
    (lambda: nn.GRUCell(3, 4), [(3,), (4,)]),
    (lambda: nn.Recurrence(nn.RNNCell(3, 4)), [(6, 3)]),
    (lambda: nn.MultiHeadAttention(8, 2), [(5, 8)]),
    (lambda: nn.MultiHeadAttention(8, 2, key=6, value=4, out=3), [(5, 8), (7, 6), (7, 4)]),
    (lambda: nn.Maxout(nn.Dense(3, 4), nn.Dense(3, 4)), [(3,)]),
    (lambda: nn.SkipConnection(nn.Dense(3, 2), lambda y, x: flux.concat([y, x], axis=1)), [(3,)]),
    (lambda: nn.Parallel(flux.add, nn.Dense(3, 4), nn.Dense(2, 4)), [(3,), (2,)]),
    (lambda: nn.PairwiseFusion(flux.add, nn.Dense(3, 4), nn.Dense(4, 2)), [(3,), (4,)]),
    (lambda: nn.Chain(), [(3,)]),
    (
        lambda: nn.Chain(
            nn.Conv((3, 3), 1, 8, flux.relu),
            nn.SkipConnection(nn.Conv((3, 3), 8, 8, padding="same"), flux.add),
            nn.BatchNorm(8),
            nn.MaxPool((2, 2)),
            nn.Flatten(),
            lambda x: flux.concat([x, x[:, :3]], axis=1),
            head=nn.Dense(8 * 6 * 5 + 3, 10),
        ),
        [(1, 14, 13)],
    ),
    (lambda: lambda x, y: {"sum": x + y, "rest": [x.sum(axis=1), (x @ y.mT)]}, [(3, 3), (3, 3)]),
]  # fmt: skip


def sizes_of(out: Any, cut: int) -> Any:
    """Sizes of a result's tensors, the first `cut` axes left out."""
    if isinstance(out, Tensor):
        return out.shape[cut:]
    if isinstance(out, dict):
        return {name: sizes_of(part, cut) for name, part in out.items()}
    return type(out)([sizes_of(part, cut) for part in out])


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[0]().__class__.__name__)
def test_sizes_are_those_of_a_run(
    row: tuple[Callable[[], Callable[..., Any]], list[SIZES]],
) -> None:
    make, sizes = row
    flux.seed(0)
    model = make()
    state = flux.default_generator().state
    before = [t.numpy() for t in tensors(model)]
    one = flux.outputsize(model, *sizes)
    many = flux.outputsize(model, *[(3, *size) for size in sizes], batched=True)
    assert flux.default_generator().state is state
    assert all(
        a is b.numpy() or np.array_equal(a, b.numpy())
        for a, b in zip(before, tensors(model), strict=True)
    )
    out = model(*[flux.ones((3, *size)) for size in sizes])
    assert many == sizes_of(out, 0)
    assert one == sizes_of(out, 1)


def tensors(model: object) -> list[Tensor]:
    """All tensors of a model."""
    from typedflux.core.tree import leaves

    return leaves(model)


def test_all_layers_are_covered() -> None:
    covered = {type(m) for make, _ in ROWS for m in flux.modules(make())} | {nn.Embedding}
    layers = [v for v in vars(nn).values() if isinstance(v, type) and issubclass(v, nn.Module)]
    assert [layer.__name__ for layer in layers if layer not in covered] == ["Module"]


def test_dtypes() -> None:
    model = nn.Chain(nn.Embedding(10, 4), nn.Dense(4, 3))
    assert flux.outputsize(model, (7,), dtype=flux.int64) == (7, 3)
    assert flux.outputsize(model, ("batch", "time"), batched=True, dtype=int) == (
        "batch",
        "time",
        3,
    )
    assert flux.outputsize(flux.f16(nn.Dense(2, 3)), (2,)) == (3,)
    with pytest.raises(
        flux.DTypeError,
        match=r"^outputsize: Chain.layers\[0\] Embedding: argument 'x' must be Integer",
    ):
        flux.outputsize(model, (7,))

    def look_up(i: Tensor, table: Tensor) -> Tensor:
        return flux.gather(table[0], i)

    assert flux.outputsize(look_up, (5,), (9, 4), dtype=(flux.int64, flux.float32)) == (5, 4)
    with pytest.raises(TypeError, match="outputsize: 1 dtypes for 2 inputs"):
        flux.outputsize(look_up, (5,), (9, 4), dtype=[flux.int64])
    with pytest.raises(flux.DTypeError, match="there is no dtype 'float31'"):
        flux.outputsize(look_up, (5,), dtype="float31")


def test_symbolic_sizes() -> None:
    dense = nn.Dense(3, 4)
    assert flux.outputsize(dense, ("n", "2*m", 3), batched=True) == ("n", "2*m", 4)
    assert flux.outputsize(dense, ("_", "5", 3)) == ("_", 5, 4)
    assert flux.outputsize(nn.Flatten(), ("h", "w", 3), batched=False) == ("3*h*w",)
    assert flux.outputsize(nn.MaxPool((2, 2)), ("b", 3, "2*h", "w"), batched=True) == (
        "b", 3, "h", "w//2",
    )  # fmt: skip
    model = nn.Chain(nn.Conv((3, 3), 1, 8), nn.GlobalMeanPool(), nn.Flatten(), nn.Dense(8, 2))
    assert flux.outputsize(model, (1, "h", "w")) == (2,)
    out = flux.outputsize(nn.Conv((3,), 1, 2, stride=2), (1, "w"))
    assert flux.outputsize(nn.Conv((1,), 2, 3), out) == (3, out[1])  # what comes out can go in
    with pytest.raises(flux.ShapeError, match=r"Dense: argument 'x'.*'In' is 3 but here it is n"):
        flux.outputsize(dense, ("n",))


def test_effects_are_forgotten() -> None:
    """Also those on modules that a function captured."""
    model = flux.trainmode(nn.Chain(nn.BatchNorm(3), nn.Dropout(0.5)))
    mean, state = model[0].mean, flux.default_generator().state
    assert flux.outputsize(lambda x: model(x), (3,)) == (3,)
    assert flux.outputsize(model, (2, 3), batched=True) == (2, 3)
    with pytest.raises(Exception, match="whether n < 2 is not known") as raised:
        flux.outputsize(model, ("n", 3), batched=True)
    assert raised.value.__notes__[-1] == "outputsize: in Chain.layers[0] BatchNorm"
    assert model[0].mean is mean and flux.default_generator().state is state
    model(flux.ones((2, 3)))
    assert not any(isinstance(t, flux.Tensor) and type(t) is not Tensor for t in tensors(model))


def test_nothing_is_computed() -> None:
    huge = 10**12
    assert flux.outputsize(nn.Chain(flux.relu, nn.Flatten()), (huge, huge)) == (huge * huge,)


def test_inside_of_jit_and_with_jitted_models() -> None:
    model = nn.Dense(3, 4)

    @flux.jit
    def call(x: Tensor) -> Tensor:
        return model(x)

    assert flux.outputsize(call, (3,)) == (4,)
    seen = []

    @flux.jit
    def run(x: Tensor) -> Tensor:
        seen.append(flux.outputsize(model, (3,)))
        size: int = seen[-1][0]
        return x + size

    assert run(flux.zeros(())).item() == 4 and seen == [(4,)]


def test_the_layer_that_failed_is_named() -> None:
    wider: Any = nn.Dense(4, 5)
    model = nn.Chain(nn.Dense(3, 4), nn.SkipConnection(wider, flux.add), last=nn.Dense(5, 1))
    for size, message in [
        ((2,), "outputsize: Chain.layers[0] Dense: argument 'x' has shape \"batch 2\", expected "),
        ((3,), 'outputsize: Chain.layers[1] SkipConnection: add(Float32[Tensor, "batch 5"], '),
    ]:
        with pytest.raises(flux.ShapeError) as raised:
            flux.outputsize(model, size)
        assert str(raised.value).startswith(message)
    with pytest.raises(flux.ShapeError, match=r"^outputsize: Dense: argument 'x' has shape"):
        flux.outputsize(model[0], (2,))
    with pytest.raises(flux.ShapeError, match=r"^outputsize: product: matmul.Float32"):
        flux.outputsize(product, (2, 3))
    with pytest.raises(flux.ShapeError, match=r"^outputsize: Words.decoder Dense: argument 'x'"):
        words = Words()
        words.blocks = [nn.Dense(3, 4)]
        flux.outputsize(words, (), dtype=int)


def product(x: Tensor) -> Tensor:
    return x @ x


def test_other_errors_keep_their_kind_and_get_a_note() -> None:
    def broken(x: Tensor) -> Tensor:
        raise KeyError("lost")

    model = nn.Chain(nn.Flatten(), nn.Chain(broken))
    with pytest.raises(KeyError) as raised:
        flux.outputsize(model, (2,))
    assert raised.value.__notes__[-1] == "outputsize: in Chain.layers[1] Chain"
    with pytest.raises(TypeError, match="cannot give to numpy"):
        flux.outputsize(lambda x: x.numpy(), (2,))


@pytest.mark.parametrize(
    ("size", "message"),
    [
        (3, "a size is a tuple such as .1, 28, 28., got 3"),
        ("n", "a size is a tuple such as .1, 28, 28., got 'n'"),
        ((3.5,), "each size is an int of 0 or more, or a name .* got 3.5"),
        ((-1,), "each size is .* got -1"),
        ((True,), "each size is .* got True"),
        (("*n",), "each size is .* got '.n'"),
        (("a b",), "each size is .* got 'a b'"),
        (("",), "each size is .* got ''"),
    ],
)
def test_what_is_no_size(size: Any, message: str) -> None:
    with pytest.raises(TypeError, match=message):
        flux.outputsize(flux.relu, size)


def test_results_that_are_no_sizes() -> None:
    with pytest.raises(TypeError, match="outputsize takes a model and then the size of each"):
        flux.outputsize(flux.relu)
    with pytest.raises(TypeError, match="outputsize: Chain returned int, no tensor"):
        flux.outputsize(nn.Chain(lambda x: 3), (3,))
    with pytest.raises(flux.ShapeError, match='the result "" does not begin with the batch axis'):
        flux.outputsize(lambda x: x.sum(), (3,))
    with pytest.raises(flux.ShapeError, match=r'"3\*batch" does not begin with the batch axis'):
        flux.outputsize(lambda x: flux.reshape(x, (-1,)), (3,))
    assert flux.outputsize(lambda x: x.sum(), (3,), batched=True) == ()
