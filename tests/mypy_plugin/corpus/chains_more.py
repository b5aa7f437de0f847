"""Chains, in longer programs."""

PROGRAMS = """
=== resnet later
def block(channels: int) -> nn.SkipConnection:
    return nn.SkipConnection(
        nn.Chain(nn.Conv((3, 3), channels, channels, flux.relu, padding=1)), flux.add
    )


def resnet() -> nn.Chain:
    return nn.Chain(
        nn.Conv((7, 7), 3, 16, flux.relu, stride=2, padding=3),
        nn.MaxPool((2, 2)),
        nn.SkipConnection(nn.Conv((3, 3), 16, 16, padding=1), flux.add),
        #! nn.SkipConnection(nn.Conv((3, 3), 16, 32, padding=1), flux.add),
        flux.relu,
        nn.Conv((3, 3), 16, 32, flux.relu, stride=2, padding=1),
        nn.SkipConnection(nn.Conv((3, 3), 32, 32, padding=1), flux.add),
        #! nn.SkipConnection(nn.Conv((3, 3), 16, 16, padding=1), flux.add),
        nn.GlobalMeanPool(),
        nn.Flatten(),
        nn.Dense(32, 10),
        #! nn.Dense(16, 10),
    )


def main() -> None:
    resnet()(flux.rand((1, 3, 32, 32)))
    block(4)(flux.rand((1, 4, 5, 5)))

=== siamese
embed = nn.Chain(nn.Dense(50, 32, flux.relu), nn.Dense(32, 8))


def distance(a: Float32[Tensor, "n 50"], b: Float32[Tensor, "n 50"]) -> Float[Tensor, "n"]:
    gap = embed(a) - embed(b)
    squared: Float[Tensor, "n 8"] = gap**2
    return flux.sqrt(squared.sum(axis=1) + 1e-6)
    #! return flux.sqrt(squared.sum(axis=(0, 1)) + 1e-6) * flux.ones(8)


def loss(
    a: Float32[Tensor, "n 50"], b: Float32[Tensor, "n 50"], same: Float32[Tensor, "n"]
) -> Tensor:
    return losses.siamese_contrastive_loss(distance(a, b), same)
    #! return losses.siamese_contrastive_loss(distance(a, b)[:, None], same[:-1])


def main() -> None:
    a = flux.rand((4, 50))
    #! a = flux.rand((4, 5))
    loss(a, a * 0.5, flux.ones(4))  #?

=== two_inputs
class Fusion(nn.Module):
    def __init__(self) -> None:
        self.image = nn.Chain(
            nn.Conv((3, 3), 1, 8, flux.relu, stride=2, padding=1),
            nn.Flatten(),
            nn.Dense(8 * 8 * 8, 20),
            #! nn.Dense(8 * 4 * 4, 20),
        )
        self.numbers = nn.Chain(nn.Dense(6, 12, flux.tanh), nn.Dense(12, 20))
        #! self.numbers = nn.Chain(nn.Dense(6, 12, flux.tanh), nn.Dense(21, 20))
        self.head = nn.Chain(nn.LayerNorm(40), nn.Dense(40, 3))
        #! self.head = nn.Chain(nn.LayerNorm(20), nn.Dense(40, 3))

    def __call__(self, x: Float[Tensor, "b 1 16 16"], y: Float[Tensor, "b 6"]) -> Tensor:
        both = flux.concat([self.image(x), self.numbers(y)], axis=1)  #?
        #! both = flux.concat([self.image(y), self.numbers(y)], axis=1)
        out: Float[Tensor, "b 3"] = self.head(both)  #?
        return out


def main() -> None:
    Fusion()(flux.rand((2, 1, 16, 16)), flux.rand((2, 6)))

=== attention_chain later
class Causal(nn.Module):
    def __init__(self) -> None:
        self.attend = nn.MultiHeadAttention(32, 4)

    def __call__(self, x: Float[Tensor, "b t 32"]) -> Float[Tensor, "b t 32"]:
        return self.attend(x, mask=flux.make_causal_mask(x))


def language_model() -> nn.Chain:
    return nn.Chain(
        nn.Embedding(100, 32),
        #! nn.Embedding(32, 100),
        nn.SkipConnection(nn.Chain(nn.LayerNorm(32), Causal()), flux.add),  #?
        nn.SkipConnection(  #?
            nn.Chain(nn.LayerNorm(32), nn.Dense(32, 128, flux.gelu), nn.Dense(128, 32)), flux.add
            #! nn.Chain(nn.LayerNorm(32), nn.Dense(32, 128, flux.gelu), nn.Dense(128, 31)), flux.add
        ),
        nn.LayerNorm(32),
        #! nn.LayerNorm(128),
        nn.Dense(32, 100),
    )


def main() -> None:
    model = language_model()
    tokens = flux.randint(0, 30, (2, 7))
    logits = model(tokens)
    print(losses.logitcrossentropy(logits, tokens))

=== conditional_layers
def mlp(depth: int, normalise: bool) -> nn.Chain:
    layers: list[Any] = [nn.Dense(10, 32, flux.relu)]
    for _ in range(depth):
        if normalise:
            layers.append(nn.BatchNorm(32))
        layers.append(nn.Dense(32, 32, flux.relu))
    layers.append(nn.Dense(32, 1))
    return nn.Chain(*layers)


def fixed() -> nn.Chain:
    first = nn.Dense(10, 20, flux.relu)
    second = nn.Dense(20, 20, flux.relu)
    return nn.Chain(first, nn.Dropout(0.1), second, nn.Dense(20, 1))
    #! return nn.Chain(first, nn.Dropout(0.1), second, nn.Dense(30, 1))


def predict(x: Float32[Tensor, "n 10"]) -> Float32[Tensor, "n"]:
    a: Float32[Tensor, "n 1"] = mlp(2, True)(x)
    b: Float32[Tensor, "n 1"] = fixed()(x)  #?
    return (a + b)[:, 0]
    #! return (a + b)[:, 0, 0]


def main() -> None:
    predict(flux.rand((4, 10)))

=== scale_and_maxout
def regressor() -> nn.Chain:
    return nn.Chain(
        nn.Scale(12),
        #! nn.Scale(21),
        nn.Maxout(nn.Dense(12, 16), nn.Dense(12, 16)),  #?
        #! nn.Maxout(nn.Dense(12, 16), nn.Dense(12, 15)),
        nn.LayerNorm(16),
        #! nn.LayerNorm(61),
        nn.Dense(16, 16, flux.swish),
        nn.Dense(16, 2),
    )


def main() -> None:
    x = flux.rand((5, 12))
    y = regressor()(x)  #?
    print(losses.huber_loss(y, flux.zeros((5, 2))))

=== autoencoder_chain
encoder = nn.Chain(
    nn.Conv((3, 3), 1, 8, flux.relu, stride=2, padding=1),
    nn.Conv((3, 3), 8, 16, flux.relu, stride=2, padding=1),
    #! nn.Conv((3, 3), 1, 16, flux.relu, stride=2, padding=1),
    nn.Flatten(),
    nn.Dense(16 * 7 * 7, 12),
    #! nn.Dense(16 * 14 * 14, 12),
)
decoder = nn.Chain(
    nn.Dense(12, 16 * 7 * 7, flux.relu),
    lambda x: x.reshape((x.shape[0], 16, 7, 7)),
    nn.ConvTranspose((4, 4), 16, 8, flux.relu, stride=2, padding=1),
    nn.ConvTranspose((4, 4), 8, 1, flux.sigmoid, stride=2, padding=1),
    #! nn.ConvTranspose((4, 4), 16, 1, flux.sigmoid, stride=2, padding=1),
)


def reconstruct(x: Float32[Tensor, "n 1 28 28"]) -> Float[Tensor, "n 1 28 28"]:
    code: Float[Tensor, "n 12"] = encoder(x)  #?
    image: Float[Tensor, "n 1 28 28"] = decoder(code)  #?
    #! image: Float[Tensor, "n 1 28 28"] = decoder(x)
    return image


def main() -> None:
    reconstruct(flux.rand((2, 1, 28, 28)))
"""
