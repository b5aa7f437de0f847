"""Chains and other containers of layers."""

PROGRAMS = """
=== mlp_chain later
model = nn.Chain(
    nn.Dense(784, 256, flux.relu),
    nn.Dropout(0.2),
    nn.Dense(256, 64, flux.relu),
    #! nn.Dense(265, 64, flux.relu),
    nn.Dense(64, 10),
)


def predict(x: Float32[Tensor, "batch 784"]) -> Int[Tensor, "batch"]:
    return flux.argmax(model(x), axis=1)


def main() -> None:
    predict(flux.rand((2, 784)))

=== convolutional_chain later
def network() -> nn.Chain:
    return nn.Chain(
        nn.Conv((3, 3), 1, 16, flux.relu, padding="same"),
        nn.MaxPool((2, 2)),
        nn.Conv((3, 3), 16, 32, flux.relu, padding="same"),
        #! nn.Conv((3, 3), 32, 32, flux.relu, padding="same"),
        nn.MaxPool((2, 2)),
        nn.Flatten(),
        nn.Dense(32 * 7 * 7, 10),
    )


def main() -> None:
    network()(flux.rand((2, 1, 28, 28)))

=== flatten_size
def main() -> None:
    model = nn.Chain(
        nn.Conv((3, 3), 3, 8, flux.relu, padding="same"),
        nn.MaxPool((2, 2)),
        nn.Flatten(),
        nn.Dense(8 * 16 * 16, 10),
        #! nn.Dense(8 * 32 * 32, 10),
    )
    x = flux.rand((4, 3, 32, 32))
    y = model(x)  #?
    print(y.shape)

=== chain_input
def build() -> float:
    model = nn.Chain(nn.Dense(20, 16, flux.tanh), nn.Dense(16, 1))
    x = flux.randn((8, 20))
    #! x = flux.randn((8, 10))
    y = flux.randn((8, 1))
    return float(losses.mse(model(x), y))  #?


def main() -> None:
    build()

=== norm_in_chain later
def block() -> nn.Chain:
    return nn.Chain(
        nn.Conv((3, 3), 3, 24, padding=1),
        nn.BatchNorm(24),
        #! nn.BatchNorm(42),
        flux.relu,
        nn.Conv((1, 1), 24, 6),
    )


def main() -> None:
    block()(flux.rand((1, 3, 8, 8)))

=== lambda_in_chain
def main() -> None:
    model = nn.Chain(
        nn.Dense(12, 24, flux.relu),
        lambda x: x.reshape((x.shape[0], 4, 6)),
        nn.Dense(6, 3),
        #! nn.Dense(4, 3),
        lambda x: x.mean(axis=1),
    )
    x = flux.rand((2, 12))
    print(model(x) @ flux.ones((3, 1)))  #?

=== skip_connection later
def residual_mlp() -> nn.Chain:
    return nn.Chain(
        nn.Dense(10, 32),
        nn.SkipConnection(nn.Dense(32, 32, flux.relu), flux.add),
        #! nn.SkipConnection(nn.Dense(32, 23, flux.relu), flux.add),
        nn.Dense(32, 2),
    )


def main() -> None:
    residual_mlp()(flux.rand((3, 10)))

=== parallel_concat
def joined(x: Float32[Tensor, "b 8"]) -> Float[Tensor, "b 4"]:
    both = nn.Parallel(
        lambda a, b: flux.concat([a, b], axis=1), nn.Dense(8, 3), nn.Dense(8, 5, flux.tanh)
    )
    head = nn.Dense(8, 4)
    #! head = nn.Dense(5, 4)
    return head(both(x))  #?


def main() -> None:
    joined(flux.rand((2, 8)))

=== nested_chains
encoder = nn.Chain(nn.Dense(64, 32, flux.relu), nn.Dense(32, 8))
decoder = nn.Chain(nn.Dense(8, 32, flux.relu), nn.Dense(32, 64, flux.sigmoid))
#! decoder = nn.Chain(nn.Dense(16, 32, flux.relu), nn.Dense(32, 64, flux.sigmoid))
autoencoder = nn.Chain(encoder, decoder)  #?


def loss(x: Float32[Tensor, "batch 64"]) -> Float[Tensor, ""]:
    return losses.mse(autoencoder(x), x)  #?


def main() -> None:
    loss(flux.rand((2, 64)))

=== named_layers
def main() -> None:
    model = nn.Chain(
        features=nn.Dense(30, 20, flux.relu),
        dropout=nn.Dropout(0.1),
        head=nn.Dense(20, 5),
        #! head=nn.Dense(30, 5),
    )
    print(model(flux.rand((7, 30))))  #?

=== own_module_in_chain later
class Squeeze(nn.Module):
    def __call__(self, x: Float[Tensor, "batch c 1 1"]) -> Float[Tensor, "batch c"]:
        return x[:, :, 0, 0]


def classifier() -> nn.Chain:
    return nn.Chain(
        nn.Conv((3, 3), 1, 12, flux.relu),
        nn.GlobalMeanPool(),
        Squeeze(),
        nn.Dense(12, 10),
        #! nn.Dense(21, 10),
    )


def main() -> None:
    classifier()(flux.rand((2, 1, 9, 9)))

=== embedding_chain
def sentiment(tokens: Int[Tensor, "batch 12"]) -> Float[Tensor, "batch 2"]:
    model = nn.Chain(
        nn.Embedding(200, 16),
        nn.GRU(16, 24),
        lambda y: y[:, -1],
        #! lambda y: y[:, :, -1],
        nn.Dense(24, 2),
    )
    out: Float[Tensor, "batch 2"] = model(tokens)  #?
    return out


def main() -> None:
    sentiment(flux.randint(0, 200, (3, 12)))

=== chain_output silent
def scores(x: Float32[Tensor, "batch 6"]) -> Float[Tensor, "batch 3"]:
    model = nn.Chain(nn.Dense(6, 8, flux.relu), nn.Dense(8, 3))
    #! model = nn.Chain(nn.Dense(6, 8, flux.relu), nn.Dense(8, 4))
    y: Float[Tensor, "batch 3"] = model(x)  #?
    return y


def main() -> None:
    scores(flux.rand((2, 6)))

=== list_of_layers
def main() -> None:
    sizes = [16, 16, 16]
    layers = [nn.Dense(size, 16, flux.relu) for size in sizes]
    model = nn.Chain(*layers)
    print(model(flux.rand((2, 16))).shape)
    first = nn.Dense(16, 8)
    last = nn.Dense(8, 4)
    #! last = nn.Dense(9, 4)
    print(nn.Chain(first, flux.relu, last)(flux.rand((2, 16))))  #?

=== named_function_in_chain later
def standardise(x: Float[Tensor, "batch 10"]) -> Float[Tensor, "batch 10"]:
    return (x - x.mean(axis=0)) / (x.std(axis=0) + 1e-5)


def polynomial(x: Float[Tensor, "batch n"]) -> Float[Tensor, "batch 2*n"]:
    return flux.concat([x, x * x], axis=1)


def pipeline() -> nn.Chain:
    return nn.Chain(
        standardise,
        polynomial,
        nn.Dense(20, 1),
        #! nn.Dense(10, 1),
    )


def main() -> None:
    pipeline()(flux.rand((4, 10)))
"""
