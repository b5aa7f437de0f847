"""The optimisers that are not of Adam's kin (see `adam`): each a rule from a gradient to a step.

In the formulas g is the gradient, p the parameter, and the step is what is subtracted from p. All
start from zeros. Where `torch.optim` has the rule, results are the same, unless said otherwise.
"""

from __future__ import annotations

from typedflux import ops
from typedflux.optim.quantities import fraction, mix, not_negative, pair, real_zeros, squared_size
from typedflux.optim.rule import Applied, Rule, Scalar
from typedflux.tensor import Tensor


class Descent(Rule):
    """Gradient descent: the step is eta g.

    >>> from typedflux import optim
    >>> optim.Descent(0.5)
    Descent(eta=0.5)
    """

    elementwise = True
    eta: Scalar

    def __init__(self, eta: float = 0.1) -> None:
        self.eta = not_negative("Descent", "eta", eta)

    def apply(self, state: tuple[()], parameter: Tensor, gradient: Tensor) -> Applied:
        return state, self.eta * gradient


class Momentum(Rule):
    """Gradient descent with momentum: v = rho v + eta g; the step is v.

    Polyak, "Some methods of speeding up the convergence of iteration methods", 1964.

    >>> from typedflux import optim
    >>> optim.Momentum(0.1)
    Momentum(eta=0.1, rho=0.9)
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

    >>> from typedflux import optim
    >>> optim.Nesterov(0.1, rho=0.95)
    Nesterov(eta=0.1, rho=0.95)
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

    >>> from typedflux import optim
    >>> optim.RMSProp(centred=True)
    RMSProp(eta=0.001, rho=0.9, eps=1e-08, centred=True)
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
        # Of a constant gradient the difference is 0, or a rounding error below it.
        spread = ops.sqrt(ops.maximum(square - squared_size(mean), 0.0))
        return (square, mean), self.eta * gradient / (spread + self.eps)


class AdaGrad(Rule):
    """The gradient over the root of the sum of its squares so far: s = s + g^2; the step is
    eta g / (sqrt(s) + eps).

    Duchi, Hazan and Singer, "Adaptive subgradient methods for online learning", 2011.

    >>> from typedflux import optim
    >>> optim.AdaGrad()
    AdaGrad(eta=0.1, eps=1e-08)
    """

    elementwise = True
    eta: Scalar
    eps: Scalar

    def __init__(self, eta: float = 0.1, eps: float = 1e-8) -> None:
        self.eta = not_negative("AdaGrad", "eta", eta)
        self.eps = not_negative("AdaGrad", "eps", eps)

    def init(self, parameter: Tensor) -> Tensor:
        return real_zeros(parameter)

    def apply(self, state: Tensor, parameter: Tensor, gradient: Tensor) -> Applied:
        total = state + squared_size(gradient)
        return total, self.eta * gradient / (ops.sqrt(total) + self.eps)


class AdaDelta(Rule):
    """The gradient over its root mean square, times that of the steps so far:
    s = rho s + (1 - rho) g^2; d = g sqrt(u + eps) / sqrt(s + eps); u = rho u + (1 - rho) d^2; the
    step is eta d.

    Zeiler, "ADADELTA: an adaptive learning rate method", 2012; there eta is 1.

    >>> from typedflux import optim
    >>> optim.AdaDelta(rho=0.95)
    AdaDelta(eta=1.0, rho=0.95, eps=1e-06)
    """

    elementwise = True
    eta: Scalar
    rho: Scalar
    eps: Scalar

    def __init__(self, eta: float = 1.0, rho: float = 0.9, eps: float = 1e-6) -> None:
        self.eta = not_negative("AdaDelta", "eta", eta)
        self.rho = fraction("AdaDelta", "rho", rho)
        self.eps = not_negative("AdaDelta", "eps", eps)

    def init(self, parameter: Tensor) -> tuple[Tensor, Tensor]:
        return real_zeros(parameter), real_zeros(parameter)

    def apply(self, state: tuple[Tensor, Tensor], parameter: Tensor, gradient: Tensor) -> Applied:
        square = mix(self.rho, state[0], squared_size(gradient))
        change = gradient * (ops.sqrt(state[1] + self.eps) / ops.sqrt(square + self.eps))
        return (square, mix(self.rho, state[1], squared_size(change))), self.eta * change


class Rprop(Rule):
    """A step of its own for each element, which only the gradient's sign decides on: where the sign
    is that of the last gradient the step is taken `factors[1]` times as long, where it is the other
    `factors[0]` times and not at all this once, always within `limits`. For gradients of all the
    data, not of batches.

    Riedmiller and Braun, "A direct adaptive method for faster backpropagation learning: the RPROP
    algorithm", 1993.

    Args:
        eta: the length of the first step; `flux.adjust` does not change later ones.
        factors: below and above 1.
        limits: the shortest and the longest step.

    >>> from typedflux import optim
    >>> optim.Rprop(0.01)
    Rprop(eta=0.01, factors=(0.5, 1.2), limits=(1e-06, 50.0))
    """

    elementwise = True
    eta: Scalar
    factors: tuple[Scalar, Scalar]
    limits: tuple[Scalar, Scalar]

    def __init__(
        self,
        eta: float = 0.001,
        factors: tuple[float, float] = (0.5, 1.2),
        limits: tuple[float, float] = (1e-6, 50.0),
    ) -> None:
        self.eta = not_negative("Rprop", "eta", eta)
        self.factors = pair("Rprop", "factors", factors, not_negative)
        self.limits = pair("Rprop", "limits", limits, not_negative)
        if not self.factors[0] <= 1 <= self.factors[1]:
            raise ValueError(f"Rprop: factors are one below and one above 1, got {factors!r}")

    def init(self, parameter: Tensor) -> tuple[Tensor, Tensor]:
        first = ops.asarray(self.eta, dtype=parameter.dtype)
        return ops.zeros_like(parameter), ops.zeros_like(parameter) + first

    def apply(self, state: tuple[Tensor, Tensor], parameter: Tensor, gradient: Tensor) -> Applied:
        last, length = state
        agreement = last * gradient
        turned = ops.less(agreement, 0)
        factor = ops.where(turned, self.factors[0], 1.0)
        factor = ops.where(ops.greater(agreement, 0), self.factors[1], factor)
        length = ops.minimum(ops.maximum(length * factor, self.limits[0]), self.limits[1])
        gradient = ops.where(turned, 0.0, gradient)
        return (gradient, length), length * ops.sign(gradient)


class Lion(Rule):
    """The sign of a running mean: the step is eta (sign(beta1 m + (1 - beta1) g) + decay p); then
    m = beta2 m + (1 - beta2) g. Each step is of one length, so eta is a third to a tenth of Adam's.

    Chen et al., "Symbolic discovery of optimization algorithms", 2023.

    >>> from typedflux import optim
    >>> optim.Lion(3e-4, decay=0.1)
    Lion(eta=0.0003, beta=(0.9, 0.99), decay=0.1)
    """

    elementwise = True
    eta: Scalar
    beta: tuple[Scalar, Scalar]
    decay: Scalar

    def __init__(
        self, eta: float = 1e-4, beta: tuple[float, float] = (0.9, 0.99), decay: float = 0.0
    ) -> None:
        self.eta = not_negative("Lion", "eta", eta)
        self.beta = pair("Lion", "beta", beta)
        self.decay = not_negative("Lion", "decay", decay)

    def init(self, parameter: Tensor) -> Tensor:
        return ops.zeros_like(parameter)

    def apply(self, state: Tensor, parameter: Tensor, gradient: Tensor) -> Applied:
        direction = ops.sign(mix(self.beta[0], state, gradient))
        step = self.eta * (direction + self.decay * parameter)
        return mix(self.beta[1], state, gradient), step
