"""Rules that change gradients for other rules, and rules made of others."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from typedflux import dtypes, ops
from typedflux.optim.quantities import not_negative, squared_size
from typedflux.optim.rule import Applied, Rule, Scalar
from typedflux.tensor import Tensor


class WeightDecay(Rule):
    """Adds decay p to the gradient: the derivative of a penalty decay/2 |p|^2 (L2).

    In a chain before an adaptive rule such as Adam this is not the decoupled decay of `AdamW`.

    >>> from typedflux import optim
    >>> optim.OptimiserChain(optim.WeightDecay(1e-4), optim.Momentum(0.1))
    OptimiserChain(WeightDecay(decay=0.0001), Momentum(eta=0.1, rho=0.9))
    """

    elementwise = True
    decay: Scalar

    def __init__(self, decay: float = 5e-4) -> None:
        self.decay = not_negative("WeightDecay", "decay", decay)

    def apply(self, state: tuple[()], parameter: Tensor, gradient: Tensor) -> Applied:
        return state, gradient + self.decay * parameter


class SignDecay(Rule):
    """Adds decay sign(p) to the gradient: the derivative of a penalty decay |p| (L1).

    >>> from typedflux import optim
    >>> optim.OptimiserChain(optim.SignDecay(1e-5), optim.Descent())
    OptimiserChain(SignDecay(decay=1e-05), Descent(eta=0.1))
    """

    elementwise = True
    decay: Scalar

    def __init__(self, decay: float = 1e-3) -> None:
        self.decay = not_negative("SignDecay", "decay", decay)

    def apply(self, state: tuple[()], parameter: Tensor, gradient: Tensor) -> Applied:
        return state, gradient + self.decay * ops.sign(parameter)


class ClipGrad(Rule):
    """Limits each element of a gradient to [-delta, delta].

    >>> from typedflux import optim
    >>> optim.OptimiserChain(optim.ClipGrad(1.0), optim.Adam())
    OptimiserChain(ClipGrad(delta=1.0), Adam(eta=0.001, beta=(0.9, 0.999), eps=1e-08))
    """

    elementwise = True
    delta: Scalar

    def __init__(self, delta: float = 10.0) -> None:
        self.delta = not_negative("ClipGrad", "delta", delta)

    def apply(self, state: tuple[()], parameter: Tensor, gradient: Tensor) -> Applied:
        if gradient.dtype.is_complex:
            size = ops.sqrt(squared_size(gradient))
            return state, gradient * (self.delta / ops.maximum(size, self.delta))
        return state, ops.minimum(ops.maximum(gradient, -self.delta), self.delta)


class ClipNorm(Rule):
    """Scales the gradients of all parameters by one factor where their norm, taken over all of
    them together, exceeds `omega`; with `each`, every parameter's gradient by itself.

    Pascanu, Mikolov and Bengio, "On the difficulty of training recurrent neural networks", 2013.

    >>> from typedflux import optim
    >>> optim.ClipNorm(1.0, each=True)
    ClipNorm(omega=1.0, each=True)
    """

    omega: Scalar
    each: bool

    def __init__(self, omega: float = 10.0, *, each: bool = False) -> None:
        self.omega = not_negative("ClipNorm", "omega", omega)
        self.each = each

    def apply(self, state: tuple[()], parameter: Tensor, gradient: Tensor) -> Applied:
        return state, self.scaled(gradient, ops.sum(squared_size(gradient)))

    def apply_all(
        self,
        rules: Sequence[ClipNorm],
        states: Sequence[Any],
        parameters: Sequence[Tensor],
        gradients: Sequence[Tensor],
    ) -> list[Applied]:
        if self.each:
            return super().apply_all(rules, states, parameters, gradients)
        total: Tensor | None = None
        for gradient in gradients:
            square = ops.astype(ops.sum(squared_size(gradient)), dtypes.float64)
            total = square if total is None else total + square
        assert total is not None, "an update has at least one gradient"
        return [
            (state, rule.scaled(gradient, total))
            for rule, state, gradient in zip(rules, states, gradients, strict=True)
        ]

    def scaled(self, gradient: Tensor, square: Tensor) -> Tensor:
        """`gradient` as it is for a norm of sqrt(square) up to omega, else scaled down to it."""
        norm = ops.astype(ops.sqrt(square), dtypes.real_part(gradient.dtype))  # type: ignore[arg-type]  # exact in, exact out
        return gradient * (self.omega / ops.maximum(norm, self.omega))


class OptimiserChain(Rule):
    """Rules one after another: the step of each is the gradient of the next.

    >>> from typedflux import optim
    >>> optim.OptimiserChain(optim.ClipNorm(1.0), optim.Adam(1e-3))
    OptimiserChain(ClipNorm(omega=1.0, each=False), Adam(eta=0.001, beta=(0.9, 0.999), eps=1e-08))
    """

    rules: tuple[Rule, ...]

    def __init__(self, *rules: Rule) -> None:
        if not rules:
            raise ValueError("OptimiserChain needs at least one rule")
        for rule in rules:
            if not isinstance(rule, Rule):
                got = f"the class {rule.__name__}" if isinstance(rule, type) else repr(rule)
                raise TypeError(f"OptimiserChain takes rules, such as Adam(1e-3), got {got:.80}")
        self.rules = rules
        self.elementwise = all(rule.elementwise for rule in rules)

    def init(self, parameter: Tensor) -> tuple[Any, ...]:
        return tuple([rule.init(parameter) for rule in self.rules])

    def apply(self, state: tuple[Any, ...], parameter: Tensor, gradient: Tensor) -> Applied:
        new = []
        for rule, part in zip(self.rules, state, strict=True):
            part, gradient = rule.apply(part, parameter, gradient)
            new.append(part)
        return tuple(new), gradient

    def apply_all(
        self,
        rules: Sequence[OptimiserChain],
        states: Sequence[Any],
        parameters: Sequence[Tensor],
        gradients: Sequence[Tensor],
    ) -> list[Applied]:
        new: list[list[Any]] = [[] for _ in gradients]
        for position, head in enumerate(self.rules):
            stage = [chain.rules[position] for chain in rules]
            before = [state[position] for state in states]
            applied = head.apply_all(stage, before, parameters, gradients)
            for kept, (state, _) in zip(new, applied, strict=True):
                kept.append(state)
            gradients = [step for _, step in applied]
        return [(tuple(state), step) for state, step in zip(new, gradients, strict=True)]

    def __repr__(self) -> str:
        return f"OptimiserChain({', '.join(map(repr, self.rules))})"


class AccumGrad(Rule):
    """Collects the gradients of `n` updates, and takes a step of `rule` with their mean at every
    n-th: a batch n times as large in the memory of one. The other updates change no parameter.

    >>> from typedflux import optim
    >>> optim.AccumGrad(4, optim.Adam())
    AccumGrad(n=4, rule=Adam(eta=0.001, beta=(0.9, 0.999), eps=1e-08))
    """

    n: int
    rule: Rule

    def __init__(self, n: int, rule: Rule) -> None:
        if n < 1:
            raise ValueError(f"AccumGrad: n is at least 1, got {n}")
        self.n = n
        self.rule = rule
        self.elementwise = rule.elementwise

    def init(self, parameter: Tensor) -> tuple[Any, Tensor, Tensor]:
        count = ops.zeros((), dtype=dtypes.int64)
        return self.rule.init(parameter), ops.zeros_like(parameter), count

    def apply(
        self, state: tuple[Any, Tensor, Tensor], parameter: Tensor, gradient: Tensor
    ) -> Applied:
        (applied,) = self.apply_all([self], [state], [parameter], [gradient])
        return applied

    def apply_all(
        self,
        rules: Sequence[AccumGrad],
        states: Sequence[Any],
        parameters: Sequence[Tensor],
        gradients: Sequence[Tensor],
    ) -> list[Applied]:
        totals = [total + g for (_, total, _), g in zip(states, gradients, strict=True)]
        counts = [count + 1 for _, _, count in states]
        means = [total * (1.0 / rule.n) for total, rule in zip(totals, rules, strict=True)]
        before = [inner for inner, _, _ in states]
        stepped = self.rule.apply_all([r.rule for r in rules], before, parameters, means)
        out: list[Applied] = []
        for old, (new, step), total, count, rule in zip(
            before, stepped, totals, counts, rules, strict=True
        ):
            # Which update it is is a value, not structure, so a jitted step is traced once.
            due = count >= rule.n
            state = (
                select(due, new, old),
                ops.where(due, ops.zeros_like(total), total),
                ops.where(due, ops.zeros_like(count), count),
            )
            out.append((state, ops.where(due, step, ops.zeros_like(step))))
        return out


class MixedPrecision(Rule):
    """Applies `rule` to a copy of the parameter in float32, which keeps the small steps that a
    parameter in half precision would round away; the parameter is the copy, rounded.

    Micikevicius et al., "Mixed precision training", 2018.

    The copy is made by `flux.setup`: weights that are loaded later need a new state.

    >>> from typedflux import optim
    >>> optim.MixedPrecision(optim.Adam())
    MixedPrecision(rule=Adam(eta=0.001, beta=(0.9, 0.999), eps=1e-08))
    """

    rule: Rule

    def __init__(self, rule: Rule) -> None:
        self.rule = rule
        self.elementwise = rule.elementwise

    def init(self, parameter: Tensor) -> tuple[Tensor, Any]:
        return parameter, self.rule.init(parameter)

    def apply(self, state: tuple[Tensor, Any], parameter: Tensor, gradient: Tensor) -> Applied:
        (applied,) = self.apply_all([self], [state], [parameter], [gradient])
        return applied

    def apply_all(
        self,
        rules: Sequence[MixedPrecision],
        states: Sequence[Any],
        parameters: Sequence[Tensor],
        gradients: Sequence[Tensor],
    ) -> list[Applied]:
        copies = [copy for copy, _ in states]
        inner = [state for _, state in states]
        stepped = self.rule.apply_all([r.rule for r in rules], inner, copies, gradients)
        out: list[Applied] = []
        for copy, parameter, (new, step) in zip(copies, parameters, stepped, strict=True):
            moved = copy - step
            out.append(((moved, new), parameter - moved))
        return out


def select(condition: Tensor, new: Any, old: Any) -> Any:
    """The tree `new` where the condition holds, else `old`, which has the same structure."""
    if isinstance(new, Tensor):
        return ops.where(condition, new, old)
    if isinstance(new, dict):
        return {key: select(condition, new[key], old[key]) for key in new}
    if isinstance(new, (tuple, list)):
        items = [select(condition, n, o) for n, o in zip(new, old, strict=True)]
        return type(new)(*items) if hasattr(new, "_fields") else type(new)(items)
    return new
