"""Chains, in the words of others."""

PROGRAMS = """
=== iris_network
def main() -> None:
    iris = data.iris()
    network = nn.Chain(
        nn.BatchNorm(4),
        #! nn.BatchNorm(3),
        nn.Dense(4, 16, flux.relu),
        nn.Dense(16, 3),
        #! nn.Dense(61, 3),
    )
    logits = network(iris.features)  #?
    print(losses.logitcrossentropy(logits, iris.labels))
    print(flux.argmax(logits, axis=1) == iris.labels)
    #! print(flux.argmax(logits, axis=0) + iris.labels)

=== wgan_critic
class Critic(nn.Module):
    def __init__(self, width: int = 64) -> None:
        self.net = nn.Chain(
            nn.Conv((4, 4), 3, 32, flux.leakyrelu, stride=2, padding=1),
            nn.Conv((4, 4), 32, 64, flux.leakyrelu, stride=2, padding=1),
            #! nn.Conv((4, 4), 64, 32, flux.leakyrelu, stride=2, padding=1),
            nn.Flatten(),
            nn.Dense(64 * 8 * 8, 1),
            #! nn.Dense(64 * 4 * 4, 1),
        )

    def __call__(self, x: Float[Tensor, "n 3 32 32"]) -> Float[Tensor, "n"]:
        score: Float[Tensor, "n 1"] = self.net(x)  #?
        return score[:, 0]


def gap(
    critic: Critic, real: Float32[Tensor, "n 3 32 32"], fake: Float32[Tensor, "n 3 32 32"]
) -> Tensor:
    return critic(fake).mean() - critic(real).mean()


def main() -> None:
    x = flux.rand((2, 3, 32, 32))
    gap(Critic(), x, x[..., ::-1])
    #! gap(Critic(), x, x[..., ::2])

=== sequence_chain
model = nn.Chain(
    nn.Embedding(5000, 64),
    nn.LSTM(64, 32, bidirectional=True),
    #! nn.LSTM(32, 32, bidirectional=True),
    nn.Dropout(0.3),
    lambda h: h.max(axis=1),
    nn.Dense(64, 6),
    #! nn.Dense(32, 6),
)


def classify(words: Int[Tensor, "n 20"]) -> Int[Tensor, "n"]:
    return flux.argmax(model(words), axis=-1)  #?


def main() -> None:
    classify(flux.randint(0, 5000, (3, 20)))  #?

=== parallel_paths
def inception() -> nn.Chain:
    def join(*parts: Tensor) -> Tensor:
        return flux.concat(parts, axis=1)

    return nn.Chain(
        nn.Parallel(
            join,
            nn.Conv((1, 1), 16, 8, flux.relu),
            nn.Conv((3, 3), 16, 8, flux.relu, padding=1),
            nn.Chain(nn.Conv((1, 1), 16, 4), nn.Conv((5, 5), 4, 8, flux.relu, padding=2)),
            #! nn.Chain(nn.Conv((1, 1), 16, 4), nn.Conv((5, 5), 8, 8, flux.relu, padding=2)),
        ),
        nn.Conv((1, 1), 24, 2),
        #! nn.Conv((1, 1), 16, 2),
    )


def main() -> None:
    model = inception()
    print(model(flux.rand((2, 16, 6, 6))).shape)  #?

=== own_blocks
class Block(nn.Module):
    def __init__(self, width: int) -> None:
        self.inner = nn.Chain(
            nn.LayerNorm(width), nn.Dense(width, 2 * width, flux.gelu), nn.Dense(2 * width, width)
        )

    def __call__(self, x: Float[Tensor, "*batch d"]) -> Float[Tensor, "*batch d"]:
        y: Float[Tensor, "*batch d"] = self.inner(x)
        return x + y


def encoder() -> nn.Chain:
    return nn.Chain(
        nn.Dense(9, 24),
        Block(24),
        Block(24),
        nn.Dense(24, 5),
        #! nn.Dense(48, 5),
    )


def main() -> None:
    model = encoder()
    x = flux.rand((4, 9))
    #! x = flux.rand((4, 8))
    print(model(x) @ flux.ones((5, 1)))  #?
"""
