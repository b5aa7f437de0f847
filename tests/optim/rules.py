"""The table of rules: one row for each, as PyTorch's run or the formula has it."""

from __future__ import annotations

from collections.abc import Callable

from typedflux import optim
from typedflux.optim import OptimiserChain as Chain
from typedflux.optim import Rule

RULES: dict[str, Callable[[], Rule]] = {
    "Descent": lambda: optim.Descent(0.1),
    "Momentum": lambda: optim.Momentum(0.05, 0.9),
    "Nesterov": lambda: optim.Nesterov(0.05, 0.8),
    "RMSProp": lambda: optim.RMSProp(0.02, 0.9),
    "RMSProp centred": lambda: optim.RMSProp(0.02, 0.9, centred=True),
    "Adam": lambda: optim.Adam(0.05, (0.8, 0.95), eps=1e-6),
    "AdamW": lambda: optim.AdamW(0.05, decay=0.3),
    "AMSGrad": lambda: optim.AMSGrad(0.05, (0.8, 0.9)),
    "RAdam": lambda: optim.RAdam(0.05, (0.9, 0.99)),
    "AdaMax": lambda: optim.AdaMax(0.05, eps=1e-3),
    "AdaGrad": lambda: optim.AdaGrad(0.1, eps=1e-6),
    "AdaDelta": lambda: optim.AdaDelta(2.0, 0.8, eps=1e-4),
    "Rprop": lambda: optim.Rprop(0.01, (0.4, 1.3), (1e-3, 0.2)),
    "WeightDecay": lambda: Chain(optim.WeightDecay(0.2), optim.Descent(0.1)),
    "ClipGrad": lambda: Chain(optim.ClipGrad(0.05), optim.Descent(0.1)),
    "NAdam": lambda: optim.NAdam(0.05),
    "OAdam": lambda: optim.OAdam(0.05),
    "AdaBelief": lambda: optim.AdaBelief(0.05, (0.9, 0.99), eps=1e-12),
    "Lion": lambda: optim.Lion(0.02, decay=0.1),
    "AdamW uncoupled": lambda: optim.AdamW(0.05, decay=0.01, coupled=False),
    "SignDecay": lambda: Chain(optim.SignDecay(0.05), optim.Descent(0.1)),
    "ClipNorm": lambda: Chain(optim.ClipNorm(0.2), optim.Descent(0.5)),
    "ClipNorm each": lambda: Chain(optim.ClipNorm(0.2, each=True), optim.Descent(0.5)),
    "OptimiserChain": lambda: Chain(optim.ClipNorm(0.3), optim.WeightDecay(0.2), optim.Adam(0.05)),
    "AccumGrad": lambda: optim.AccumGrad(3, optim.Adam(0.05)),
    "MixedPrecision": lambda: optim.MixedPrecision(optim.Adam(0.05)),
}
