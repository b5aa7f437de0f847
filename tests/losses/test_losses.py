"""Losses at the edges, and what they say of calls that cannot be right."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import typedflux as flux
from typedflux import Tensor, losses
from typedflux.shapes.errors import AxisError, DTypeError, ShapeError

INF = float("inf")


def ones(*shape: int, dtype: Any = None) -> Tensor:
    """Ones of which the type checker knows no shape."""
    return flux.ones(shape, dtype=dtype)


def tensor(*values: Any, dtype: Any = None) -> Tensor:
    return flux.asarray(list(values), dtype=dtype)


def test_agg_makes_the_result() -> None:
    x, y = tensor(1.0, 2.0, 4.0), tensor(1.0, 1.0, 1.0)
    weights = tensor(1.0, 0.5, 0.0)
    assert losses.mse(x, y).item() == pytest.approx(10 / 3)
    assert losses.mse(x, y, agg=flux.sum).item() == 10.0
    assert losses.mse(x, y, agg=flux.identity).tolist() == [0.0, 1.0, 9.0]
    assert losses.mse(x, y, lambda each: flux.sum(weights * each)).item() == 0.5
    with pytest.raises(TypeError, match=r"flux\.mean, flux\.sum or flux\.identity, got 'sum'"):
        losses.mse(x, y, agg="sum")  # type: ignore[arg-type]


@pytest.mark.parametrize("half", [flux.float16, flux.bfloat16])
def test_half_precision_sums_without_overflow(half: Any) -> None:
    x = flux.full((4096,), 16.0, dtype=half)
    assert losses.mse(x, flux.zeros(4096, dtype=half)).item() == 256.0
    logits = flux.zeros((1, 4096), dtype=half)
    labels = flux.asarray([3])
    value, gradient = flux.withgradient(lambda x: losses.logitcrossentropy(x, labels), logits)
    assert value.dtype is half
    assert value.item() == pytest.approx(np.log(4096), rel=0.01)
    assert gradient.dtype is half
    assert gradient[0, 3].item() == pytest.approx(-1.0, rel=0.01)


# No broadcasting

PAIRED: list[Callable[..., Tensor]] = [
    losses.mse, losses.mae, losses.msle, losses.huber_loss, losses.poisson_loss,
    losses.binarycrossentropy, losses.logitbinarycrossentropy, losses.kldivergence,
    losses.binary_focal_loss, losses.hinge_loss, losses.squared_hinge_loss,
    losses.siamese_contrastive_loss, losses.dice_coeff_loss, losses.tversky_loss,
    losses.logitcrossentropy, losses.crossentropy, losses.focal_loss,
]  # fmt: skip


@pytest.mark.parametrize("loss", PAIRED)
@pytest.mark.parametrize(("prediction", "target"), [((4, 1), (1, 4)), ((4, 1), (4, 3))])
def test_other_shapes_are_refused(
    loss: Any, prediction: tuple[int, ...], target: tuple[int, ...]
) -> None:
    with pytest.raises(ShapeError) as caught:
        loss(flux.ones(prediction), flux.ones(target))
    text = str(caught.value)
    wanted = [" ".join(map(str, s)) for s in (prediction, target)]
    assert text.startswith(
        f'{loss.__name__}(Float32[Tensor, "{wanted[0]}"], Float32[Tensor, "{wanted[1]}"]): '
        "prediction and target must have one shape, because a loss does not broadcast: axis "
    )


def test_other_ranks_are_refused() -> None:
    with pytest.raises(ShapeError, match="1 and 2; take the last axis, of size 1, off the target"):
        losses.mse(ones(4), ones(4, 1))


def test_other_dtypes_are_refused() -> None:
    complex_numbers = ones(3, dtype=flux.complex64)
    with pytest.raises(DTypeError, match=r"huber_loss\(.*floating-point numbers, got complex64"):
        losses.huber_loss(complex_numbers, complex_numbers)
    assert losses.mae(complex_numbers, flux.zeros(3)).dtype is flux.float32
    with pytest.raises(TypeError, match=r"mse takes tensors and numbers, got list.*flux\.asarray"):
        losses.mse([1.0], [2.0])  # type: ignore[arg-type]


def test_integers_and_booleans_are_numbers() -> None:
    assert losses.mse(tensor(1, 2), tensor(3, 2)).item() == 2.0
    assert losses.hinge_loss(tensor(2.0, 0.5), tensor(1, 1)).item() == 0.25
    p = tensor(0.5, 0.25, dtype=flux.float16)
    out = losses.binarycrossentropy(p, tensor(True, False))
    assert out.dtype is flux.float16
    assert losses.mse(tensor(1.0), np.asarray([3.0])).dtype is flux.float64  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (lambda x: losses.huber_loss(x, x, delta=0.0), "delta is a number above 0, got 0.0"),
        (lambda x: losses.focal_loss(x, x, gamma=-1.0), "gamma is a number of 0 or more, got -1"),
        (lambda x: losses.binary_focal_loss(x, x, gamma=-1.0), "gamma is a number of 0 or more"),
        (lambda x: losses.siamese_contrastive_loss(x, x, margin=-2.0), "margin is a number of 0"),
        (lambda x: losses.dice_coeff_loss(x, x, smooth=-1.0), "smooth is a number of 0 or more"),
        (lambda x: losses.tversky_loss(x, x, smooth=-1.0), "smooth is a number of 0 or more"),
        (lambda x: losses.tversky_loss(x, x, beta=1.5), "beta is from 0 to 1, got 1.5"),
        (lambda x: losses.label_smoothing(x, -0.1), "alpha is from 0 to 1, got -0.1"),
    ],
)
def test_settings_have_ranges(call: Callable[[Tensor], Tensor], text: str) -> None:
    with pytest.raises(ValueError, match=text):
        call(flux.ones((2, 3)))


# Labels

LABELLED: list[Callable[..., Tensor]] = [
    losses.logitcrossentropy,
    losses.crossentropy,
    losses.focal_loss,
]


@pytest.mark.parametrize("loss", LABELLED)
@pytest.mark.parametrize("label", [-1, 3, 70])
def test_labels_out_of_range_are_named(loss: Any, label: int) -> None:
    x, labels = flux.ones((2, 3)), flux.asarray([0, label])
    with pytest.raises(AxisError, match=f"there is no class {label} among 3: labels are 0 to 2"):
        loss(x, labels)
    with pytest.raises(AxisError, match=f"there is no class {label} among 3"):
        flux.gradient(lambda x: loss(x, labels), x)
    with pytest.raises(AxisError, match=f"there is no class {label} among 3"):
        flux.jit(lambda x, y: loss(x, y))(x, labels)


@pytest.mark.parametrize("loss", LABELLED)
def test_labels_have_the_shape_without_classes(loss: Any) -> None:
    x = flux.ones((2, 3, 4))
    with pytest.raises(ShapeError, match="without its axis 2 of classes: axis 1 of the labels is"):
        loss(x, flux.zeros((2, 4), dtype=flux.int64))
    assert loss(x, flux.zeros((2, 4), dtype=flux.int64), axis=1).shape == ()
    with pytest.raises(ShapeError, match=r"for probabilities or one-hot vectors give floats"):
        loss(x, flux.zeros((2, 3, 4), dtype=flux.int64))
    with pytest.raises(DTypeError, match=r"labels are integers, as target\.astype\(flux\.int64\)"):
        loss(x, flux.zeros((2, 3)))
    with pytest.raises(AxisError, match=loss.__name__):
        loss(x, flux.zeros((2, 3), dtype=flux.int64), axis=3)


@pytest.mark.parametrize("dtype", [flux.uint8, flux.int8, flux.int32, flux.uint64])
def test_any_integers_are_labels(dtype: Any) -> None:
    x, labels = flux.randn((4, 200)), flux.asarray([0, 1, 100, 127])
    wanted = flux.gradient(lambda x: losses.logitcrossentropy(x, labels), x)
    got = flux.gradient(lambda x: losses.logitcrossentropy(x, labels.astype(dtype)), x)
    assert got.tolist() == wanted.tolist()


def test_labels_equal_one_hot_vectors() -> None:
    x, labels = flux.softmax(flux.randn((6, 5))), flux.asarray([0, 4, 2, 2, 1, 3])
    for loss in LABELLED:
        by_labels = flux.withgradient(lambda x: loss(x, labels), x)  # noqa: B023  # called at once
        dense = flux.withgradient(lambda x: loss(x, flux.one_hot(labels, 5)), x)  # noqa: B023
        for a, b in zip(by_labels, dense, strict=True):
            np.testing.assert_allclose(a.numpy(), b.numpy(), rtol=1e-5, atol=1e-6)


def test_label_smoothing_refuses_labels() -> None:
    with pytest.raises(DTypeError, match=r"flux\.one_hot\(labels, classes\)"):
        losses.label_smoothing(tensor(0, 1), 0.1)
    assert losses.label_smoothing(tensor(0, 1), 0.5, axis=None).tolist() == [0.25, 0.75]


# Edges


@pytest.mark.parametrize("loss", LABELLED)
def test_one_class_is_certain(loss: Any) -> None:
    x, labels = flux.ones((3, 1)), flux.zeros(3, dtype=flux.int64)
    value, gradient = flux.withgradient(lambda x: loss(x, labels), x)
    assert value.item() == pytest.approx(0.0, abs=1e-6)
    assert gradient.shape == (3, 1)
    if loss is losses.logitcrossentropy:
        assert gradient.tolist() == [[0.0]] * 3


@pytest.mark.parametrize("loss", PAIRED)
@pytest.mark.parametrize("dtype", [flux.float32, flux.float16])
def test_no_elements(loss: Any, dtype: Any) -> None:
    x = flux.ones((0, 3), dtype=dtype)
    assert loss(x, x, agg=flux.sum).item() == 0.0
    assert flux.gradient(lambda x: loss(x, x, agg=flux.sum), x).shape == (0, 3)
    if loss not in (losses.dice_coeff_loss, losses.tversky_loss):
        assert np.isnan(loss(x, x).item())


def test_no_labels() -> None:
    x, labels = flux.ones((0, 3)), flux.zeros(0, dtype=flux.int64)
    assert losses.logitcrossentropy(x, labels, agg=flux.sum).item() == 0.0
    assert flux.gradient(lambda x: losses.logitcrossentropy(x, labels), x).shape == (0, 3)
    with pytest.raises(AxisError, match="no class 0 among 0: the axis of classes is empty"):
        losses.logitcrossentropy(flux.ones((1, 0)), flux.asarray([0]))


@pytest.mark.parametrize("target", [flux.asarray([0, 2]), flux.one_hot([0, 2], 3)])
def test_infinite_logits_are_certain(target: Any) -> None:
    logits = flux.asarray([[0.0, -INF, 0.0], [-INF, -INF, 5.0]])

    def loss(x: Tensor) -> Tensor:
        return losses.logitcrossentropy(x, target, agg=flux.sum)

    value, gradient = flux.withgradient(loss, logits)
    assert value.item() == pytest.approx(np.log(2))
    wanted = np.array([[-0.5, 0.0, 0.5], [0.0, 0.0, 0.0]])
    np.testing.assert_allclose(gradient.numpy(), wanted, atol=1e-7)


def test_a_label_that_is_impossible_costs_infinitely_much() -> None:
    logits = flux.asarray([[0.0, -INF, 0.0], [-INF, -INF, 5.0]])
    wrong = losses.logitcrossentropy(logits, flux.asarray([1, 0]), agg=flux.identity)
    assert wrong.tolist() == [INF, INF]


def test_logits_far_from_zero_lose_no_digits() -> None:
    near = flux.asarray([[0.0, 0.25, 1.0]])
    far = near + 65536.0
    for target in (flux.asarray([1]), flux.asarray([[0.25, 0.5, 0.25]])):
        a, b = (losses.logitcrossentropy(x, target).item() for x in (near, far))
        assert a == pytest.approx(b, rel=1e-6)


def test_infinite_binary_logits() -> None:
    x = flux.asarray([INF, -INF, INF, 0.0])
    y = flux.asarray([1.0, 0.0, 0.0, 1.0])
    each = losses.logitbinarycrossentropy(x, y, agg=flux.identity)
    np.testing.assert_allclose(each.numpy(), [0.0, 0.0, INF, np.log(2)], rtol=1e-6)
    slopes = flux.gradient(lambda x: losses.logitbinarycrossentropy(x, y, agg=flux.sum), x)
    assert slopes.tolist() == [0.0, 0.0, 1.0, -0.5]


def test_small_binary_losses_keep_their_digits() -> None:
    x = flux.asarray([20.0, -20.0])
    each = losses.logitbinarycrossentropy(x, flux.asarray([1.0, 0.0]), agg=flux.identity)
    np.testing.assert_allclose(each.numpy(), np.log1p(np.exp(-20.0)), rtol=1e-6)


@pytest.mark.parametrize("loss", [losses.crossentropy, losses.focal_loss, losses.kldivergence])
def test_impossible_answers_are_finite(loss: Any) -> None:
    x, y = flux.asarray([[0.0, 1.0]]), flux.asarray([[1.0, 0.0]])
    value, gradient = flux.withgradient(lambda x: loss(x, y), x)
    assert value.item() == pytest.approx(-np.log(2.0**-23), rel=1e-5)
    assert np.isfinite(gradient.numpy()).all()
    assert loss(x, y, eps=1e-3).item() == pytest.approx(-np.log(1e-3), rel=1e-5)
    assert loss(x, x, eps=0.0).item() == 0.0


@pytest.mark.parametrize("gamma", [0.0, 0.5, 1.0, 2.0])
def test_focal_losses_are_smooth_where_certain(gamma: float) -> None:
    x, y = flux.asarray([1.0, 0.0]), flux.asarray([1.0, 0.0])
    value, slopes = flux.withgradient(lambda x: losses.binary_focal_loss(x, y, gamma=gamma), x)
    assert value.item() == pytest.approx(0.0, abs=1e-6)
    np.testing.assert_allclose(slopes.numpy(), [-0.5, 0.5] if gamma == 0 else 0.0, atol=1e-3)


def test_focal_loss_without_focus_is_crossentropy() -> None:
    p, labels = flux.softmax(flux.randn((4, 3))), flux.asarray([0, 1, 2, 0])
    assert losses.focal_loss(p, labels, gamma=0.0) == losses.crossentropy(p, labels)


def test_masks_one_by_one() -> None:
    x = flux.rand((3, 4, 5))
    y = flux.asarray(np.arange(60).reshape(3, 4, 5) % 2 == 0)
    for loss in (losses.dice_coeff_loss, losses.tversky_loss):
        each = loss(x, y, agg=flux.identity, axis=(1, 2))
        singles = [loss(x[i], y[i]).item() for i in range(3)]
        np.testing.assert_allclose(each.numpy(), singles, rtol=1e-6)


# Performance is by kernels: what a step performs is part of the promise


def test_a_step_performs_few_operations() -> None:
    labels, target = flux.asarray([1, 0]), flux.ones((2, 3))
    steps: dict[str, Any] = {
        "logitcrossentropy": lambda x: losses.logitcrossentropy(x, labels),
        "mse": lambda x: losses.mse(x, target),
    }
    limits = {"logitcrossentropy": 6, "mse": 5}
    for name, loss in steps.items():
        graph = flux.explain(lambda x, loss=loss: flux.gradient(loss, x), flux.ones((2, 3)))
        operations = [line for line in graph.splitlines() if line.startswith("  %")]
        assert len(operations) <= limits[name], graph
