"""Modules with sizes of their own, in the words of others."""

PROGRAMS = """
=== bottleneck
I = TypeVar("I")
M = TypeVar("M")


class Bottleneck(nn.Module, Generic[I, M]):
    def __init__(self, i: Size[I], m: Size[M]) -> None:
        self.squeeze = nn.Dense(i, m)
        #! self.squeeze = nn.Dense(m, i)
        self.expand = nn.Dense(m, i)
        self.scale: Float32[Tensor, "I"] = flux.ones(i)
        #! self.scale: Float32[Tensor, "I"] = flux.ones(m)

    def __call__(self, x: Float[Tensor, "b I"]) -> Float[Tensor, "b I"]:
        h = flux.relu(self.squeeze(x))  #?
        return x + self.scale * self.expand(h)  #?
        #! return x + self.scale * h


def main() -> None:
    layer = Bottleneck(12, 4)
    y = layer(flux.rand((2, 12)))
    print(layer.expand(flux.rand((2, 4))) + y)
    #! print(layer.squeeze(flux.rand((2, 12))) + y)

=== keys_and_values
class Memory(nn.Module):
    keys: Float32[Tensor, "slots 16"]
    values: Float32[Tensor, "slots 8"]

    def __init__(self, slots: int) -> None:
        self.keys = flux.randn((slots, 16))
        #! self.keys = flux.randn((slots, 61))
        self.values = flux.randn((slots, 8))

    def __call__(self, query: Float32[Tensor, "b 16"]) -> Float32[Tensor, "b 8"]:
        weights = flux.softmax(query @ self.keys.T, axis=-1)  #?
        #! weights = flux.softmax(query[:, :8] @ self.keys.T, axis=-1)
        return weights @ self.values  #?


def main() -> None:
    memory = Memory(30)
    y = memory(flux.rand((2, 16)))
    print(y + flux.ones(8))
    #! print(y + flux.ones(16))

=== actor_critic
Obs = TypeVar("Obs")
Act = TypeVar("Act")


class ActorCritic(nn.Module, Generic[Obs, Act]):
    def __init__(self, obs: Size[Obs], act: Size[Act], hidden: int = 64) -> None:
        self.body = nn.Dense(obs, 64, flux.tanh)
        self.actor = nn.Dense(64, act)
        #! self.actor = nn.Dense(64, obs)
        self.critic = nn.Dense(64, 1)

    def __call__(
        self, x: Float[Tensor, "b Obs"]
    ) -> tuple[Float[Tensor, "b Act"], Float[Tensor, "b"]]:
        h = self.body(x)
        value = self.critic(h).squeeze(1)
        #! value = self.critic(x).squeeze(1)
        return self.actor(h), value  #?


def act(agent: ActorCritic[Any, Any], x: Float32[Tensor, "b o"]) -> Int[Tensor, "b"]:
    logits, _ = agent(x)
    return flux.argmax(logits, axis=-1)


def main() -> None:
    agent = ActorCritic(4, 2)
    act(agent, flux.rand((3, 4)))
    logits, value = agent(flux.rand((3, 4)))
    #! logits, value = agent(flux.rand((3, 5)))
    print(logits * value[:, None])
    #! print(logits * value)

=== stacked_inheritance
D = TypeVar("D")


class Norm(nn.Module, Generic[D]):
    gain: Float32[Tensor, "D"]

    def __init__(self, d: Size[D]) -> None:
        self.gain = flux.ones(d)

    def __call__(self, x: Float[Tensor, "*b D"]) -> Float[Tensor, "*b D"]:
        return x / flux.sqrt((x * x).mean(axis=-1, keepdims=True) + 1e-6) * self.gain
        #! return x / flux.sqrt((x * x).mean(axis=-1, keepdims=True) + 1e-6) @ self.gain


class Shifted(Norm[D], Generic[D]):
    shift: Float32[Tensor, "D"]

    def __init__(self, d: Size[D]) -> None:
        super().__init__(d)
        self.shift = flux.zeros(d)

    def __call__(self, x: Float[Tensor, "*b D"]) -> Float[Tensor, "*b D"]:
        return super().__call__(x) + self.shift


class Fixed(Shifted[Literal[6]]):
    def __init__(self) -> None:
        super().__init__(6)


def main() -> None:
    Fixed()(flux.rand((2, 6)))
    Shifted(5)(flux.rand((2, 3, 5)))
    #! Shifted(5)(flux.rand((2, 5, 3)))
    print(Fixed().gain + Norm(6).gain)
    #! print(Fixed().gain + Norm(7).gain)
"""
