"""Writes `losses.npz`: values and gradients of PyTorch's losses, in float64.

Run as `python -m tests.references.make_losses` where PyTorch is installed. Under each name are
`prediction`, `target`, the `value` of the mean and its `gradient` by the prediction.
"""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

import numpy as np

PATH = Path(__file__).with_name("losses.npz")


def main() -> None:
    torch: Any = importlib.import_module("torch")
    f = torch.nn.functional
    random = np.random.default_rng(0)
    numbers = random.standard_normal((5, 7)) * 3
    others = random.standard_normal((5, 7)) * 3
    chances, shares = random.uniform(0.05, 0.95, (2, 5, 7))
    simplex = random.dirichlet(np.ones(7), 5)
    mixture = random.dirichlet(np.ones(7), 5)
    labels = random.integers(0, 7, 5)
    wide, few = random.standard_normal((6, 300)) * 5, random.integers(0, 300, 6)
    image, mask = random.standard_normal((2, 3, 4, 5)), random.integers(0, 3, (2, 4, 5))
    soft = random.dirichlet(np.ones(3), (2, 4, 5)).transpose(0, 3, 1, 2)

    def divergence(p: Any, t: Any) -> Any:
        return f.kl_div(torch.log(p), t, reduction="batchmean")

    def smoothed(p: Any, t: Any) -> Any:
        return f.cross_entropy(p, t, label_smoothing=0.1)

    def huber(p: Any, t: Any) -> Any:
        return f.huber_loss(p, t, delta=1.5)

    def poisson(p: Any, t: Any) -> Any:
        return f.poisson_nll_loss(p, t, log_input=False, full=False, eps=0.0)

    def surprise(p: Any, t: Any) -> Any:
        return f.nll_loss(torch.log(p), t)

    cases: dict[str, tuple[Any, Any, Any]] = {
        "mse": (f.mse_loss, numbers, others),
        "mae": (f.l1_loss, numbers, others),
        "huber_loss": (huber, numbers, others),
        "poisson_loss": (poisson, np.abs(numbers), random.poisson(3.0, (5, 7)) * 1.0),
        "logitcrossentropy labels": (f.cross_entropy, numbers, labels),
        "logitcrossentropy many": (f.cross_entropy, wide, few),
        "logitcrossentropy images": (f.cross_entropy, image, mask),
        "logitcrossentropy": (f.cross_entropy, numbers, simplex),
        "logitcrossentropy soft images": (f.cross_entropy, image, soft),
        "label_smoothing": (smoothed, numbers, labels),
        "crossentropy labels": (surprise, mixture, labels),
        "binarycrossentropy": (f.binary_cross_entropy, chances, shares),
        "logitbinarycrossentropy": (f.binary_cross_entropy_with_logits, numbers, shares),
        "kldivergence": (divergence, mixture, simplex),
    }
    stored: dict[str, Any] = {}
    for name, (loss, prediction, target) in cases.items():
        x = torch.tensor(prediction, requires_grad=True)
        value = loss(x, torch.tensor(target))
        value.backward()
        stored[f"{name}/prediction"], stored[f"{name}/target"] = prediction, target
        stored[f"{name}/value"] = value.detach().numpy()
        stored[f"{name}/gradient"] = x.grad.numpy()
    np.savez_compressed(PATH, **stored)


if __name__ == "__main__":
    main()
