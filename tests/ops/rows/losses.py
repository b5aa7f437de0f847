"""The fused operations that losses are made of, through the losses; see also `tests/losses`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import numpy as np
from scipy import special

from tests.ops.row import FLOATS, Array, Operands, Random, Row, numbers, of_pairs
from typedflux import losses, ops


def _chances(random: Random, *shape: int) -> Array:
    """Numbers between 0 and 1, both excluded."""
    return np.asarray((2 * random.integers(1, 15, shape) + 1) / 32)


def _labelled(*shapes: Any, axis: int = -1, probabilities: bool = False) -> Any:
    """Logits (or probabilities) and labels for all of their axes but one."""

    def samples(random: Random) -> list[Operands]:
        found: list[Operands] = []
        for shape in shapes:
            rest = tuple(np.delete(shape, axis))
            values = (_chances if probabilities else numbers)(random, *shape)
            found.append((values, random.integers(0, shape[axis], rest)))
        return found

    return samples


def _picked(table: Array, labels: Array, axis: int) -> Array:
    return -np.take_along_axis(table, np.expand_dims(labels, axis), axis).squeeze(axis)


def _logit_labels(axis: int) -> Callable[..., Any]:
    return lambda x, y: _picked(special.log_softmax(x, axis), y, axis).mean()


def _loss(name: str, samples: Any, reference: Any, *, label: str = "", **options: Any) -> Row:
    function = getattr(losses, name)
    return Row(
        f"losses.{name}{label}", lambda x, y: function(x, y, **options), samples, reference, FLOATS,
        tolerance=8, refuses=False,
    )  # fmt: skip


_PAIRS: Final = of_pairs(((3, 4), (3, 4)), ((5,), (5,)), ((), ()))
_CHANCES: Final = of_pairs(((3, 4), (3, 4)), ((), ()), values=(_chances, _chances))

ROWS: Final = [
    _loss("mse", _PAIRS, lambda x, y: ((x - y) ** 2).mean()),
    _loss("mse", _PAIRS, lambda x, y: ((x - y) ** 2).sum(), label=" sum", agg=ops.sum),
    _loss("logitcrossentropy", _labelled((3, 4), (2, 1, 3), (5,)), _logit_labels(-1),
          label=" labels"),
    _loss("logitcrossentropy", _labelled((2, 4, 3), axis=1), _logit_labels(1), label=" axis",
          axis=1),
    _loss("logitcrossentropy", of_pairs(((3, 4), (3, 4)), values=(numbers, _chances)),
          lambda x, y: -(y * special.log_softmax(x, -1)).sum(-1).mean()),
    _loss("crossentropy", _labelled((3, 4), probabilities=True),
          lambda x, y: _picked(np.log(x), y, -1).mean(), label=" labels"),
    _loss("crossentropy", of_pairs(((3, 4), (3, 4)), values=(_chances, _chances)),
          lambda x, y: -(y * np.log(x)).sum(-1).mean()),
    _loss("logitbinarycrossentropy", of_pairs(((3, 4), (3, 4)), values=(numbers, _chances)),
          lambda x, y: (np.logaddexp(x, 0) - x * y).mean()),
    _loss("binarycrossentropy", _CHANCES,
          lambda x, y: -(y * np.log(x) + (1 - y) * np.log(1 - x)).mean()),
]  # fmt: skip
