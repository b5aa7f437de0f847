"""Adam and its kin: steps by running means of the gradient and of its square.

In the formulas g is the gradient, p the parameter, m and s the running means with weights beta1 and
beta2, m' = m / (1 - beta1^t) and s' = s / (1 - beta2^t) those means without the zeros that they
start from, and t the number of steps; the step is what is subtracted from p. Where `torch.optim`
has the rule, results are the same, unless said otherwise.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from typedflux import dtypes, ops
from typedflux.optim.quantities import mix, not_negative, pair, real_zeros, squared_size
from typedflux.optim.rule import Applied, Rule, Scalar
from typedflux.tensor import Tensor


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


class ByMoments(Rule):
    """Base class of the rules here: their hyper-parameters, and what they have in common."""

    elementwise = True
    eta: Scalar
    beta: tuple[Scalar, Scalar]
    eps: Scalar

    def __init__(
        self, eta: float = 0.001, beta: tuple[float, float] = (0.9, 0.999), eps: float = 1e-8
    ) -> None:
        name = type(self).__name__
        self.eta = not_negative(name, "eta", eta)
        self.beta = pair(name, "beta", beta)
        self.eps = not_negative(name, "eps", eps)

    def init(self, parameter: Tensor) -> Any:
        return start(parameter)

    def advance(self, state: Moments, gradient: Tensor) -> Moments:
        """The moments after one more gradient."""
        square = mix(self.beta[1], state.square, squared_size(gradient))
        return Moments(mix(self.beta[0], state.mean, gradient), square, self.count(state))

    def count(self, state: Moments) -> tuple[Tensor, Tensor]:
        """The powers of the betas after one more step."""
        return self.beta[0] * state.powers[0], self.beta[1] * state.powers[1]

    def step(self, mean: Tensor, square: Tensor, powers: tuple[Tensor, Tensor]) -> Tensor:
        """eta m' / (sqrt(s') + eps)."""
        # The corrections are scalars: they are put where they cost no pass over the parameter.
        size = ops.sqrt(square) * (1.0 / ops.sqrt(1.0 - powers[1])) + self.eps
        return mean * (self.eta / (1.0 - powers[0])) / size


def start(parameter: Tensor) -> Moments:
    """The moments before the first step."""
    square = real_zeros(parameter)
    # Two tensors: compiled code writes in place to what nothing else refers to.
    powers = ops.ones((), dtype=square.dtype), ops.ones((), dtype=square.dtype)
    return Moments(ops.zeros_like(parameter), square, powers)


class Adam(ByMoments):
    """Adaptive moments: m = beta1 m + (1 - beta1) g; s = beta2 s + (1 - beta2) g^2; the step is
    eta m' / (sqrt(s') + eps) with m' = m / (1 - beta1^t) and s' = s / (1 - beta2^t).

    Kingma and Ba, "Adam: a method for stochastic optimization", 2015.

    >>> from typedflux import optim
    >>> optim.Adam(3e-4)
    Adam(eta=0.0003, beta=(0.9, 0.999), eps=1e-08)
    """

    def apply(self, state: Moments, parameter: Tensor, gradient: Tensor) -> Applied:
        new = self.advance(state, gradient)
        return new, self.step(new.mean, new.square, new.powers)


class AdamW(Adam):
    """Adam with decoupled weight decay: the step is Adam's plus eta decay p; where not `coupled`
    to the learning rate, plus decay p.

    Loshchilov and Hutter, "Decoupled weight decay regularization", 2019.

    >>> from typedflux import optim
    >>> optim.AdamW(3e-4, decay=0.1)
    AdamW(eta=0.0003, beta=(0.9, 0.999), decay=0.1, eps=1e-08, coupled=True)
    """

    decay: Scalar
    coupled: bool

    def __init__(
        self, eta: float = 0.001, beta: tuple[float, float] = (0.9, 0.999), decay: float = 0.01,
        eps: float = 1e-8, *, coupled: bool = True,
    ) -> None:  # fmt: skip
        super().__init__(eta, beta, eps)
        self.decay = not_negative("AdamW", "decay", decay)
        self.coupled = coupled

    def apply(self, state: Moments, parameter: Tensor, gradient: Tensor) -> Applied:
        new, step = super().apply(state, parameter, gradient)
        factor = self.eta * self.decay if self.coupled else self.decay
        return new, step + factor * parameter


class AdaMax(ByMoments):
    """Adam by the largest size instead of the mean square: u = max(beta2 u, |g| + eps); the step is
    eta m' / u.

    Kingma and Ba, "Adam: a method for stochastic optimization", 2015, section 7.1.

    >>> from typedflux import optim
    >>> optim.AdaMax()
    AdaMax(eta=0.001, beta=(0.9, 0.999), eps=1e-08)
    """

    def apply(self, state: Moments, parameter: Tensor, gradient: Tensor) -> Applied:
        mean = mix(self.beta[0], state.mean, gradient)
        largest = ops.maximum(self.beta[1] * state.square, ops.abs(gradient) + self.eps)
        powers = self.count(state)
        step = mean * (self.eta / (1.0 - powers[0])) / largest
        return Moments(mean, largest, powers), step


class NAdam(ByMoments):
    """Adam that looks ahead, as `Nesterov` does: the step is eta n / (sqrt(s') + eps) with
    n = beta1 m / (1 - beta1^(t+1)) + (1 - beta1) g / (1 - beta1^t).

    Dozat, "Incorporating Nesterov momentum into Adam", 2016. PyTorch varies beta1 with t.

    >>> from typedflux import optim
    >>> optim.NAdam()
    NAdam(eta=0.001, beta=(0.9, 0.999), eps=1e-08)
    """

    def apply(self, state: Moments, parameter: Tensor, gradient: Tensor) -> Applied:
        new = self.advance(state, gradient)
        first, second = new.powers
        beta1 = self.beta[0]
        ahead = new.mean * (beta1 / (1.0 - beta1 * first))
        ahead = ahead + gradient * ((1.0 - beta1) / (1.0 - first))
        size = ops.sqrt(new.square) * (1.0 / ops.sqrt(1.0 - second)) + self.eps
        return new, self.eta * ahead / size


class AMSGrad(ByMoments):
    """Adam whose step never grows for want of gradients: the step is Adam's with the largest s so
    far in the place of s.

    Reddi, Kale and Kumar, "On the convergence of Adam and beyond", 2018, with Adam's corrections.

    >>> from typedflux import optim
    >>> optim.AMSGrad()
    AMSGrad(eta=0.001, beta=(0.9, 0.999), eps=1e-08)
    """

    def init(self, parameter: Tensor) -> tuple[Moments, Tensor]:
        return start(parameter), real_zeros(parameter)

    def apply(
        self,
        state: tuple[Moments, Tensor],
        parameter: Tensor,
        gradient: Tensor,
    ) -> Applied:
        new = self.advance(state[0], gradient)
        largest = ops.maximum(state[1], new.square)
        return (new, largest), self.step(new.mean, largest, new.powers)


class OAdam(ByMoments):
    """Optimistic Adam, for games such as those of adversarial networks: with Adam's step a, the
    step is 2 a less the a before.

    Daskalakis et al., "Training GANs with optimism", 2018.

    >>> from typedflux import optim
    >>> optim.OAdam()
    OAdam(eta=0.001, beta=(0.5, 0.9), eps=1e-08)
    """

    def __init__(
        self, eta: float = 0.001, beta: tuple[float, float] = (0.5, 0.9), eps: float = 1e-8
    ) -> None:
        super().__init__(eta, beta, eps)

    def init(self, parameter: Tensor) -> tuple[Moments, Tensor]:
        return start(parameter), ops.zeros_like(parameter)

    def apply(
        self,
        state: tuple[Moments, Tensor],
        parameter: Tensor,
        gradient: Tensor,
    ) -> Applied:
        new = self.advance(state[0], gradient)
        step = self.step(new.mean, new.square, new.powers)
        return (new, step), 2.0 * step - state[1]


class AdaBelief(Adam):
    """Adam by how far gradients lie from their mean: s = beta2 s + (1 - beta2) (g - m)^2 + eps; the
    step is eta m' / (sqrt(s') + eps).

    Zhuang et al., "AdaBelief optimizer: adapting stepsizes by the belief in observed gradients",
    2020.

    >>> from typedflux import optim
    >>> optim.AdaBelief()
    AdaBelief(eta=0.001, beta=(0.9, 0.999), eps=1e-16)
    """

    def __init__(
        self, eta: float = 0.001, beta: tuple[float, float] = (0.9, 0.999), eps: float = 1e-16
    ) -> None:
        super().__init__(eta, beta, eps)

    def advance(self, state: Moments, gradient: Tensor) -> Moments:
        mean = mix(self.beta[0], state.mean, gradient)
        square = mix(self.beta[1], state.square, squared_size(gradient - mean)) + self.eps
        return Moments(mean, square, self.count(state))


class RAdam(ByMoments):
    """Adam rectified while s' is of few gradients: with rho = r - 2 t beta2^t / (1 - beta2^t) and
    r = 2 / (1 - beta2) - 1, the step is eta m' c / sqrt(s') where rho > 5, with
    c^2 = (rho - 4) (rho - 2) r / ((r - 4) (r - 2) rho), else eta m'. (eps is added to sqrt(s).)

    Liu et al., "On the variance of the adaptive learning rate and beyond", 2020; its authors' code
    has the bound 5, the text 4.

    >>> from typedflux import optim
    >>> optim.RAdam()
    RAdam(eta=0.001, beta=(0.9, 0.999), eps=1e-08)
    """

    def init(self, parameter: Tensor) -> tuple[Moments, Tensor]:
        return start(parameter), ops.zeros((), dtype=dtypes.float64)

    def apply(
        self,
        state: tuple[Moments, Tensor],
        parameter: Tensor,
        gradient: Tensor,
    ) -> Applied:
        new = self.advance(state[0], gradient)
        steps = state[1] + 1.0
        rectified, factor = self.rectification(steps)
        adaptive = ops.astype(factor, new.square.dtype) / (ops.sqrt(new.square) + self.eps)
        scale = ops.where(rectified, adaptive, 1.0) * (self.eta / (1.0 - new.powers[0]))
        return (new, steps), new.mean * scale

    def rectification(self, steps: Tensor) -> tuple[Tensor, Tensor]:
        """Whether to rectify, and c sqrt(1 - beta2^t)."""
        # Large numbers cancel here: in float32 rho would be wrong by a tenth.
        beta2 = ops.asarray(self.beta[1], dtype=dtypes.float64)
        power = ops.exp(steps * ops.log(beta2))
        most = 2.0 / (1.0 - beta2) - 1.0
        rho = most - 2.0 * steps * power / (1.0 - power)
        square = (rho - 4.0) * (rho - 2.0) * most / ((most - 4.0) * (most - 2.0) * rho)
        return ops.greater(rho, 5.0), ops.sqrt(square * (1.0 - power))
