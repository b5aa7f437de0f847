"""Rules that PyTorch does not have, or defines otherwise, from the formulas of their papers, in
numpy: each is `step(number, parameters, gradients, memory)`, which returns the new parameters.

What PyTorch does otherwise: NAdam's beta1 varies with the step; clipping by norm adds 1e-6 to it.
Lion, OAdam and AdaBelief it does not have.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np

from tests.ops.row import Array

Arrays: TypeAlias = list[Array]
Memory: TypeAlias = dict[str, Any]
Step: TypeAlias = Callable[[int, Arrays, Arrays, Memory], Arrays]


def remember(memory: Memory, name: str, like: Arrays) -> Arrays:
    """What was kept under a name, zeros at first."""
    found: Arrays = memory.setdefault(name, [np.zeros_like(x) for x in like])
    return found


def average(memory: Memory, name: str, values: Arrays, weight: float) -> Arrays:
    """The running mean of values, now kept under a name."""
    old = remember(memory, name, values)
    memory[name] = [weight * m + (1 - weight) * v for m, v in zip(old, values, strict=True)]
    found: Arrays = memory[name]
    return found


def descend(ps: Arrays, steps: Arrays, eta: float = 1.0) -> Arrays:
    return [p - eta * s for p, s in zip(ps, steps, strict=True)]


def adam_steps(t: int, gs: Arrays, memory: Memory, b1: float, b2: float, eps: float) -> Arrays:
    means = average(memory, "mean", gs, b1)
    squares = average(memory, "square", [g**2 for g in gs], b2)
    return [
        m / (1 - b1**t) / (np.sqrt(s / (1 - b2**t)) + eps)
        for m, s in zip(means, squares, strict=True)
    ]


def nadam(t: int, ps: Arrays, gs: Arrays, memory: Memory) -> Arrays:
    b1, b2 = 0.9, 0.999
    means = average(memory, "mean", gs, b1)
    squares = average(memory, "square", [g**2 for g in gs], b2)
    steps = [
        (b1 * m / (1 - b1 ** (t + 1)) + (1 - b1) * g / (1 - b1**t))
        / (np.sqrt(s / (1 - b2**t)) + 1e-8)
        for m, s, g in zip(means, squares, gs, strict=True)
    ]
    return descend(ps, steps, 0.05)


def oadam(t: int, ps: Arrays, gs: Arrays, memory: Memory) -> Arrays:
    before = remember(memory, "before", gs)
    now = [0.05 * s for s in adam_steps(t, gs, memory, 0.5, 0.9, 1e-8)]
    memory["before"] = now
    return descend(ps, [2 * n - b for n, b in zip(now, before, strict=True)])


def adabelief(t: int, ps: Arrays, gs: Arrays, memory: Memory) -> Arrays:
    b1, b2, eps = 0.9, 0.99, 1e-12
    means = average(memory, "mean", gs, b1)
    away = [(g - m) ** 2 for g, m in zip(gs, means, strict=True)]
    memory["square"] = [s + eps for s in average(memory, "square", away, b2)]
    steps = [
        m / (1 - b1**t) / (np.sqrt(s / (1 - b2**t)) + eps)
        for m, s in zip(means, memory["square"], strict=True)
    ]
    return descend(ps, steps, 0.05)


def lion(t: int, ps: Arrays, gs: Arrays, memory: Memory) -> Arrays:
    old = remember(memory, "mean", gs)
    signs = [np.sign(0.9 * m + 0.1 * g) for m, g in zip(old, gs, strict=True)]
    average(memory, "mean", gs, 0.99)
    return descend(ps, [s + 0.1 * p for s, p in zip(signs, ps, strict=True)], 0.02)


def uncoupled(t: int, ps: Arrays, gs: Arrays, memory: Memory) -> Arrays:
    steps = adam_steps(t, gs, memory, 0.9, 0.999, 1e-8)
    return descend([p - 0.01 * p for p in ps], steps, 0.05)


def sign_decay(t: int, ps: Arrays, gs: Arrays, memory: Memory) -> Arrays:
    return descend(ps, [g + 0.05 * np.sign(p) for g, p in zip(gs, ps, strict=True)], 0.1)


def clip_norm(t: int, ps: Arrays, gs: Arrays, memory: Memory) -> Arrays:
    norm = np.sqrt(sum(np.sum(g**2) for g in gs))
    return descend(ps, [g * min(1.0, 0.2 / norm) for g in gs], 0.5)


def clip_each_norm(t: int, ps: Arrays, gs: Arrays, memory: Memory) -> Arrays:
    return descend(ps, [g * min(1.0, 0.2 / np.linalg.norm(g)) for g in gs], 0.5)


def chain(t: int, ps: Arrays, gs: Arrays, memory: Memory) -> Arrays:
    norm = np.sqrt(sum(np.sum(g**2) for g in gs))
    gs = [g * min(1.0, 0.3 / norm) for g in gs]
    gs = [g + 0.2 * p for g, p in zip(gs, ps, strict=True)]
    return descend(ps, adam_steps(t, gs, memory, 0.9, 0.999, 1e-8), 0.05)


def accumulated(t: int, ps: Arrays, gs: Arrays, memory: Memory) -> Arrays:
    total = [a + g for a, g in zip(remember(memory, "total", gs), gs, strict=True)]
    if t % 3:
        memory["total"] = total
        return ps
    del memory["total"]
    return descend(ps, adam_steps(t // 3, [a / 3 for a in total], memory, 0.9, 0.999, 1e-8), 0.05)


def mixed(t: int, ps: Arrays, gs: Arrays, memory: Memory) -> Arrays:
    return descend(ps, adam_steps(t, gs, memory, 0.9, 0.999, 1e-8), 0.05)


FORMULAS: dict[str, Step] = {
    "NAdam": nadam,
    "OAdam": oadam,
    "AdaBelief": adabelief,
    "Lion": lion,
    "AdamW uncoupled": uncoupled,
    "SignDecay": sign_decay,
    "ClipNorm": clip_norm,
    "ClipNorm each": clip_each_norm,
    "OptimiserChain": chain,
    "AccumGrad": accumulated,
    "MixedPrecision": mixed,
}
