"""The optimisers: each a rule from a gradient to a step.

In the formulas g is the gradient, p the parameter, and the step is what is subtracted from p.
Reference: "Optimisation rules" of Flux and `torch.optim`, whose results these reproduce.
"""

from __future__ import annotations

from typing import NamedTuple

from typedflux import dtypes, ops
from typedflux.optim.rule import Applied, Rule, Scalar
from typedflux.tensor import Tensor


class Descent(Rule):
    """Gradient descent: the step is eta g."""

    elementwise = True
    eta: Scalar

    def __init__(self, eta: float = 0.1) -> None:
        self.eta = not_negative("Descent", "eta", eta)

    def apply(self, state: tuple[()], parameter: Tensor, gradient: Tensor) -> Applied:
        return state, self.eta * gradient


class Momentum(Rule):
    """Gradient descent with momentum: v = rho v + eta g; the step is v.

    Polyak, "Some methods of speeding up the convergence of iteration methods", 1964.
    """

    elementwise = True
    eta: Scalar
    rho: Scalar

    def __init__(self, eta: float = 0.01, rho: float = 0.9) -> None:
        self.eta = not_negative("Momentum", "eta", eta)
        self.rho = fraction("Momentum", "rho", rho)

    def init(self, parameter: Tensor) -> Tensor:
        return ops.zeros_like(parameter)

    def apply(self, state: Tensor, parameter: Tensor, gradient: Tensor) -> Applied:
        velocity = self.rho * state + self.eta * gradient
        return velocity, velocity


class Nesterov(Rule):
    """Momentum that looks ahead: v = rho v + eta g; the step is rho v + eta g once more.

    Nesterov, "A method of solving a convex programming problem with convergence rate O(1/k^2)",
    1983, in the form of Sutskever et al., 2013.
    """

    elementwise = True
    eta: Scalar
    rho: Scalar

    def __init__(self, eta: float = 0.001, rho: float = 0.9) -> None:
        self.eta = not_negative("Nesterov", "eta", eta)
        self.rho = fraction("Nesterov", "rho", rho)

    def init(self, parameter: Tensor) -> Tensor:
        return ops.zeros_like(parameter)

    def apply(self, state: Tensor, parameter: Tensor, gradient: Tensor) -> Applied:
        push = self.eta * gradient
        velocity = self.rho * state + push
        return velocity, self.rho * velocity + push


class RMSProp(Rule):
    """The gradient over the root of its mean square: s = rho s + (1 - rho) g^2; the step is
    eta g / (sqrt(s) + eps). With `centred`, the square of the mean gradient is taken from s.

    Tieleman and Hinton, "Neural networks for machine learning", lecture 6.5, 2012.
    """

    elementwise = True
    eta: Scalar
    rho: Scalar
    eps: Scalar
    centred: bool

    def __init__(
        self, eta: float = 0.001, rho: float = 0.9, eps: float = 1e-8, *, centred: bool = False
    ) -> None:
        self.eta = not_negative("RMSProp", "eta", eta)
        self.rho = fraction("RMSProp", "rho", rho)
        self.eps = not_negative("RMSProp", "eps", eps)
        self.centred = centred

    def init(self, parameter: Tensor) -> tuple[Tensor, ...]:
        square = real_zeros(parameter)
        return (square, ops.zeros_like(parameter)) if self.centred else (square,)

    def apply(self, state: tuple[Tensor, ...], parameter: Tensor, gradient: Tensor) -> Applied:
        square = mix(self.rho, state[0], squared_size(gradient))
        if not self.centred:
            return (square,), self.eta * gradient / (ops.sqrt(square) + self.eps)
        mean = mix(self.rho, state[1], gradient)
        spread = ops.sqrt(square - squared_size(mean))
        return (square, mean), self.eta * gradient / (spread + self.eps)


class Moments(NamedTuple):
    """What Adam and its kin keep for a parameter.

    Attributes:
        mean: the running mean of the gradient.
        square: the running mean of its square (of its absolute value for `AdaMax`).
        powers: the two betas, each to the power of the number of steps so far.
    """

    mean: Tensor
    square: Tensor
    powers: tuple[Tensor, Tensor]


class Adam(Rule):
    """Adaptive moments: m = beta1 m + (1 - beta1) g; s = beta2 s + (1 - beta2) g^2; the step is
    eta m' / (sqrt(s') + eps) with m' = m / (1 - beta1^t) and s' = s / (1 - beta2^t).

    Kingma and Ba, "Adam: a method for stochastic optimization", 2015.
    """

    elementwise = True
    eta: Scalar
    beta: tuple[Scalar, Scalar]
    eps: Scalar

    def __init__(
        self, eta: float = 0.001, beta: tuple[float, float] = (0.9, 0.999), eps: float = 1e-8
    ) -> None:
        name = type(self).__name__
        self.eta = not_negative(name, "eta", eta)
        self.beta = (fraction(name, "beta", beta[0]), fraction(name, "beta", beta[1]))
        self.eps = not_negative(name, "eps", eps)

    def init(self, parameter: Tensor) -> Moments:
        square = real_zeros(parameter)
        one = ops.ones((), dtype=square.dtype)
        return Moments(ops.zeros_like(parameter), square, (one, one))

    def apply(self, state: Moments, parameter: Tensor, gradient: Tensor) -> Applied:
        new = self.advance(state, gradient)
        first, second = new.powers
        # The corrections are scalars: they are put where they cost no pass over the parameter.
        size = ops.sqrt(new.square) * (1.0 / ops.sqrt(1.0 - second)) + self.eps
        return new, new.mean * (self.eta / (1.0 - first)) / size

    def advance(self, state: Moments, gradient: Tensor) -> Moments:
        """The moments after one more gradient."""
        beta1, beta2 = self.beta
        return Moments(
            mix(beta1, state.mean, gradient),
            mix(beta2, state.square, squared_size(gradient)),
            (beta1 * state.powers[0], beta2 * state.powers[1]),
        )


class AdamW(Adam):
    """Adam with decoupled weight decay: the step is Adam's plus eta decay p.

    Loshchilov and Hutter, "Decoupled weight decay regularization", 2019.
    """

    decay: Scalar

    def __init__(
        self, eta: float = 0.001, beta: tuple[float, float] = (0.9, 0.999), decay: float = 0.01,
        eps: float = 1e-8,
    ) -> None:  # fmt: skip
        super().__init__(eta, beta, eps)
        self.decay = not_negative("AdamW", "decay", decay)

    def apply(self, state: Moments, parameter: Tensor, gradient: Tensor) -> Applied:
        new, step = super().apply(state, parameter, gradient)
        return new, step + self.eta * self.decay * parameter


def real_zeros(parameter: Tensor) -> Tensor:
    """Zeros of the parameter's shape and real dtype."""
    return ops.zeros_like(parameter, dtype=dtypes.real_part(parameter.dtype))  # type: ignore[arg-type]  # exact in, exact out


def mix(weight: Scalar, old: Tensor, new: Tensor) -> Tensor:
    """The running mean: `weight` of the old value and the rest of the new one."""
    return weight * old + (1.0 - weight) * new


def squared_size(x: Tensor) -> Tensor:
    """|x|^2, real for a complex tensor too."""
    return ops.real(x * ops.conj(x)) if x.dtype.is_complex else x * x


def not_negative(rule: str, name: str, value: float) -> float:
    """`value` as a float.

    Raises:
        ValueError: when it is negative or no number.
    """
    if not value >= 0:
        raise ValueError(f"{rule}: {name} is a number of 0 or more, got {value!r}")
    return float(value)


def fraction(rule: str, name: str, value: float) -> float:
    """`value` as a float.

    Raises:
        ValueError: when it does not lie in [0, 1).
    """
    if not 0 <= value < 1:
        raise ValueError(f"{rule}: {name} is from 0 to below 1, got {value!r}")
    return float(value)
