"""The table of losses: one row for each, and for each form of its target."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

import numpy as np
from scipy import special

from tests.ops.row import (  # fmt: skip
    BOOL,
    FLOATS,
    INEXACT,
    NUMBERS,
    REAL,
    Array,
    Operands,
    Random,
    Row,
    Samples,
    fractions,
    numbers,
    of_pairs,
    positive,
)
from typedflux import dtypes, losses, ops
from typedflux.dtypes import DType
from typedflux.ops import crossentropy, loss_terms

PAIRS: Final = tuple((s, s) for s in ((3, 4), (), (1,), (2, 1, 3), (0, 3)))
_NOT_COMPLEX: Final = BOOL + REAL


def apart(random: Random, *shape: int) -> Array:
    """Targets that no prediction meets: absolute values have no derivative at 0."""
    return numbers(random, *shape) + 1 / 32


def chances(random: Random, *shape: int) -> Array:
    """Numbers from 0 to 1, both excluded."""
    return np.abs(fractions(random, *shape))


def signs(random: Random, *shape: int) -> Array:
    """-1 and 1."""
    return np.asarray(np.sign(numbers(random, *shape)))


def pairs(first: Any = numbers, second: Any = apart, *, empty: bool = True) -> Samples:
    """Predictions and targets of one shape; the mean of nothing has no value to compare."""
    return of_pairs(*(PAIRS if empty else PAIRS[:-1]), values=(first, second))


def labelled(
    *shapes: Sequence[int], axis: int = -1, values: Callable[..., Array] = numbers
) -> Samples:
    """Scores with integer labels for each."""

    def samples(random: Random) -> list[Operands]:
        found: list[Operands] = []
        for shape in shapes:
            kept = [n for i, n in enumerate(shape) if i != axis % len(shape)]
            labels = random.integers(0, shape[axis], kept)
            found.append((values(random, *shape), np.asarray(labels)))
        return found

    return samples


def each(loss: Any, **options: Any) -> Callable[..., Any]:
    """The losses of the elements."""
    return lambda x, y: loss(x, y, agg=ops.identity, **options)


def real(dtype: DType) -> Any:
    """The dtype of an absolute value."""
    return dtypes.real_part(dtypes.to_inexact(dtype))


def _less(x: Array, y: Array) -> Any:
    """The difference; numpy has none of booleans and another of unsigned integers."""
    return 1.0 * x - 1.0 * y


def _huber(x: Array, y: Array, delta: float) -> Any:
    error = np.abs(_less(x, y))
    return np.where(error <= delta, error**2 / 2, delta * (error - delta / 2))


def picked(x: Array, y: Array, axis: int = -1) -> Any:
    """The elements at the labels."""
    index = np.expand_dims(y, axis)
    return np.take_along_axis(x, index, axis).squeeze(axis)


def _labels(function: Any, axis: int = -1) -> Any:
    """A reference of what is picked by labels."""
    return lambda x, y: function(picked(x, y, axis))


def _softmax_labels(axis: int) -> Any:
    return lambda x, y: -picked(special.log_softmax(1.0 * x, axis), y, axis)


def _focal(p: Any, gamma: float = 2.0) -> Any:
    return -((1 - p) ** gamma) * np.log(p)


def _binary_focal(x: Any, y: Any, gamma: float) -> Any:
    p = y * x + (1 - y) * (1 - x)
    return _focal(p, gamma)


def _dice(x: Any, y: Any, smooth: float, axis: Any) -> Any:
    top = 2 * (x * y).sum(axis) + smooth
    return 1 - top / ((x**2).sum(axis) + (y**2).sum(axis) + smooth)


def _tversky(x: Any, y: Any, beta: float, smooth: float, axis: Any) -> Any:
    found, missed, wrong = (x * y).sum(axis), ((1 - x) * y).sum(axis), (x * (1 - y)).sum(axis)
    return 1 - (found + smooth) / (found + beta * missed + (1 - beta) * wrong + smooth)


CLASSES: Final = ((3, 4), (5,), (2, 3, 4), (3, 1), (0, 3), (2, 70))

REGRESSION: Final = [
    Row("mse", lambda x, y: losses.mse(x, y), pairs(empty=False),
        lambda x, y: np.mean(np.abs(_less(x, y)) ** 2), BOOL + NUMBERS, real),
    Row("mse each", each(losses.mse), pairs(), lambda x, y: np.abs(_less(x, y)) ** 2,
        BOOL + NUMBERS, real, tolerance=2),
    Row("mse sum", lambda x, y: losses.mse(x, y, agg=ops.sum), pairs(),
        lambda x, y: np.sum(np.abs(_less(x, y)) ** 2), INEXACT, real, tolerance=4),
    Row("mae", lambda x, y: losses.mae(x, y), pairs(empty=False),
        lambda x, y: np.mean(np.abs(_less(x, y))),
        BOOL + NUMBERS, real, tolerance=2),
    Row("msle", each(losses.msle), pairs(positive, positive),
        lambda x, y: np.log(x / y) ** 2, FLOATS, tolerance=64),
    Row("huber_loss", each(losses.huber_loss), pairs(), lambda x, y: _huber(x, y, 1.0),
        _NOT_COMPLEX, real, tolerance=4, smooth=False),
    Row("huber_loss delta", each(losses.huber_loss, delta=0.7), pairs(),
        lambda x, y: _huber(x, y, 0.7), _NOT_COMPLEX, real, tolerance=4, smooth=False),
    Row("poisson_loss", each(losses.poisson_loss), pairs(positive, positive),
        lambda x, y: x - special.xlogy(y, x), FLOATS, tolerance=4),
]  # fmt: skip

CLASSIFICATION: Final = [
    Row("logitcrossentropy labels", each(losses.logitcrossentropy), labelled(*CLASSES),
        _softmax_labels(-1), _NOT_COMPLEX, real, tolerance=2),
    Row("logitcrossentropy images", each(losses.logitcrossentropy, axis=1),
        labelled((2, 3, 4, 5), (2, 3, 0), axis=1), _softmax_labels(1), tolerance=2),
    Row("logitcrossentropy first", each(losses.logitcrossentropy, axis=0),
        labelled((3, 4), axis=0), _softmax_labels(0), tolerance=2),
    Row("logitcrossentropy mean", lambda x, y: losses.logitcrossentropy(x, y),
        labelled((3, 4), (1, 3)), lambda x, y: np.mean(_softmax_labels(-1)(x, y)), tolerance=2),
    Row("logitcrossentropy", each(losses.logitcrossentropy),
        of_pairs(*[(s, s) for s in CLASSES[:-1]], values=(numbers, chances)),
        lambda x, y: -(y * special.log_softmax(x, -1)).sum(-1), tolerance=8),
    Row("crossentropy labels", each(losses.crossentropy), labelled(*CLASSES, values=chances),
        _labels(lambda p: -np.log(p)), tolerance=16),
    Row("crossentropy", each(losses.crossentropy, axis=1),
        of_pairs(((3, 4), (3, 4)), ((2, 3, 4), (2, 3, 4)), values=(chances, chances)),
        lambda x, y: -(y * np.log(x)).sum(1), tolerance=32),
    Row("binarycrossentropy", each(losses.binarycrossentropy), pairs(chances, chances),
        lambda x, y: -special.xlogy(y, x) - special.xlogy(1 - y, 1 - x), FLOATS, tolerance=16),
    Row("logitbinarycrossentropy", each(losses.logitbinarycrossentropy), pairs(numbers, chances),
        lambda x, y: -y * special.log_expit(x) - (1 - y) * special.log_expit(-x), tolerance=2),
    Row("kldivergence", each(losses.kldivergence),
        of_pairs(*PAIRS[2:], values=(chances, chances)),
        lambda x, y: special.rel_entr(y, x).sum(-1), tolerance=64),
    Row("focal_loss labels", each(losses.focal_loss), labelled(*CLASSES, values=chances),
        _labels(_focal), tolerance=32),
    Row("focal_loss", each(losses.focal_loss, gamma=1.5),
        of_pairs(((3, 4), (3, 4)), values=(chances, chances)),
        lambda x, y: (y * _focal(x, 1.5)).sum(-1), tolerance=32),
    Row("binary_focal_loss", each(losses.binary_focal_loss, gamma=3.0), pairs(chances, chances),
        lambda x, y: _binary_focal(x, y, 3.0), FLOATS, tolerance=32),
    Row("label_smoothing", lambda y: losses.label_smoothing(y, 0.25),
        lambda random: [(chances(random, 3, 4),), (chances(random, 5),)],
        lambda y: 0.75 * y + 0.25 / y.shape[-1], tolerance=2),
    Row("label_smoothing binary", lambda y: losses.label_smoothing(y, 0.25, axis=None),
        lambda random: [(chances(random, 3, 4),), (chances(random),)],
        lambda y: 0.75 * y + 0.125),
]  # fmt: skip

MARGINS: Final = [
    Row("hinge_loss", each(losses.hinge_loss), pairs(numbers, signs),
        lambda x, y: np.maximum(0, 1 - x * y), smooth=False, differentiable=(0,)),
    Row("squared_hinge_loss", each(losses.squared_hinge_loss), pairs(numbers, signs),
        lambda x, y: np.maximum(0, 1 - x * y) ** 2, tolerance=8),
    Row("siamese_contrastive_loss", each(losses.siamese_contrastive_loss, margin=2.0),
        pairs(positive, chances),
        lambda x, y: (1 - y) * x**2 + y * np.maximum(0, 2 - x) ** 2, tolerance=16),
]  # fmt: skip

OVERLAP: Final = [
    Row("dice_coeff_loss", lambda x, y: losses.dice_coeff_loss(x, y), pairs(chances, chances),
        lambda x, y: _dice(x, y, 1.0, None), tolerance=8),
    Row("dice_coeff_loss axis",
        each(losses.dice_coeff_loss, axis=(1, 2), smooth=0.5),
        of_pairs(((2, 3, 4), (2, 3, 4)), values=(chances, chances)),
        lambda x, y: _dice(x, y, 0.5, (1, 2)), tolerance=8),
    Row("tversky_loss", lambda x, y: losses.tversky_loss(x, y), pairs(chances, chances),
        lambda x, y: _tversky(x, y, 0.7, 1.0, None), tolerance=8),
    Row("tversky_loss axis", each(losses.tversky_loss, axis=(1, 2), beta=0.2),
        of_pairs(((2, 3, 4), (2, 3, 4)), values=(chances, chances)),
        lambda x, y: _tversky(x, y, 0.2, 1.0, (1, 2)), tolerance=8),
]  # fmt: skip


def _one_hot(labels: Array, size: int, axis: int) -> Any:
    return np.moveaxis(np.eye(size)[labels], -1, axis)


def _with_weights(x: Array, y: Array) -> Any:
    return -picked(special.log_softmax(x, -1), y), special.softmax(x, -1)


def _weights_labels_g(random: Random) -> list[Operands]:
    shapes = ((3, 4), (2, 3, 4), (0, 2))
    return [
        (numbers(random, *s), random.integers(0, s[-1], s[:-1]), numbers(random, *s[:-1]))
        for s in shapes
    ]


TERMS: Final = [
    Row("pick_labels", lambda x, y: crossentropy.pick_labels(x, y, 1),
        labelled((3, 4), (2, 3, 4), (0, 2), axis=1), lambda x, y: picked(x, y, 1), INEXACT),
    Row("place_labels", lambda x, y: crossentropy.place_labels_p.bind(x, y, size=5, axis=1),
        lambda random: [(numbers(random, *s), random.integers(0, 5, s)) for s in ((3,), (2, 4))],
        lambda x, y: _one_hot(y, 5, 1) * np.expand_dims(x, 1), INEXACT),
    Row("subtract_labels",
        lambda w, y, g: crossentropy.subtract_labels_p.bind(w, y, g, axis=w.ndim - 1),
        _weights_labels_g, lambda w, y, g: (w - _one_hot(y, w.shape[-1], -1)) * g[..., None]),
    Row("with_weights", lambda x, y: crossentropy.with_weights_p.bind(x, y, axis=x.ndim - 1),
        labelled(*CLASSES), _with_weights, result=lambda d: (d, d), tolerance=4),
    Row("mean_square", loss_terms.mean_square, pairs(empty=False),
        lambda x, y: np.mean(_less(x, y) ** 2), _NOT_COMPLEX, real),
    Row("logit_term", loss_terms.logit_term, pairs(numbers, chances),
        lambda x, y: -y * special.log_expit(x) - (1 - y) * special.log_expit(-x), FLOATS),
    Row("weighted", loss_terms.weighted, pairs(), lambda x, y: x * y, FLOATS),
]  # fmt: skip

ROWS: Final[tuple[Row, ...]] = (*REGRESSION, *CLASSIFICATION, *MARGINS, *OVERLAP)
