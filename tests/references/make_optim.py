"""Writes `optim.npz`: twenty steps of PyTorch's optimisers, in float64, on the problem of
`tests.optim.problem`.

Run as `python -m tests.references.make_optim` where PyTorch is installed. Under each name are the
weights and biases after each step.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from tests.optim.problem import BIAS, STEPS, TARGET, WEIGHT, X

PATH = Path(__file__).with_name("optim.npz")


def main() -> None:
    torch: Any = importlib.import_module("torch")
    o = torch.optim
    clip = torch.nn.utils

    def plain(make: Callable[..., Any], **options: Any) -> Callable[[list[Any]], Any]:
        return lambda parameters: make(parameters, **options)

    cases: dict[str, tuple[Callable[[list[Any]], Any], Callable[[list[Any]], Any] | None]] = {
        "Descent": (plain(o.SGD, lr=0.1), None),
        "Momentum": (plain(o.SGD, lr=0.05, momentum=0.9), None),
        "Nesterov": (plain(o.SGD, lr=0.05, momentum=0.8, nesterov=True), None),
        "RMSProp": (plain(o.RMSprop, lr=0.02, alpha=0.9, eps=1e-8), None),
        "RMSProp centred": (plain(o.RMSprop, lr=0.02, alpha=0.9, eps=1e-8, centered=True), None),
        "Adam": (plain(o.Adam, lr=0.05, betas=(0.8, 0.95), eps=1e-6), None),
        "AdamW": (plain(o.AdamW, lr=0.05, weight_decay=0.3), None),
        "AMSGrad": (plain(o.Adam, lr=0.05, betas=(0.8, 0.9), amsgrad=True), None),
        "RAdam": (plain(o.RAdam, lr=0.05, betas=(0.9, 0.99)), None),
        "AdaMax": (plain(o.Adamax, lr=0.05, eps=1e-3), None),
        "AdaGrad": (plain(o.Adagrad, lr=0.1, eps=1e-6), None),
        "AdaDelta": (plain(o.Adadelta, lr=2.0, rho=0.8, eps=1e-4), None),
        "Rprop": (plain(o.Rprop, lr=0.01, etas=(0.4, 1.3), step_sizes=(1e-3, 0.2)), None),
        "WeightDecay": (plain(o.SGD, lr=0.1, weight_decay=0.2), None),
        "ClipGrad": (plain(o.SGD, lr=0.1), lambda ps: clip.clip_grad_value_(ps, 0.05)),
    }
    stored: dict[str, Any] = {}
    for name, (make, change) in cases.items():
        w, b = (torch.tensor(p, requires_grad=True) for p in (WEIGHT, BIAS))
        optimiser = make([w, b])
        weights, biases = [], []
        for _ in range(STEPS):
            optimiser.zero_grad()
            y = torch.tanh(torch.tensor(X) @ w.T + b)
            torch.mean((y - torch.tensor(TARGET)) ** 2).backward()
            if change is not None:
                change([w, b])
            optimiser.step()
            weights.append(w.detach().numpy().copy())
            biases.append(b.detach().numpy().copy())
        stored[f"{name}/weight"], stored[f"{name}/bias"] = np.stack(weights), np.stack(biases)
    np.savez_compressed(PATH, **stored)


if __name__ == "__main__":
    main()
