"""Data loaders, losses of models and training loops."""

PROGRAMS = """
=== loop_over_batches
def accuracy(logits: Float[Tensor, "b k"], labels: Int[Tensor, "b"]) -> Tensor:
    return (flux.argmax(logits, axis=1) == labels).mean()


def main() -> None:
    x = flux.rand((40, 12))
    y = flux.randint(0, 3, (40,))
    model = nn.Dense(12, 3)
    #! model = nn.Dense(10, 3)
    state = flux.setup(flux.Descent(0.1), model)
    for images, labels in data.DataLoader((x, y), batchsize=8):
        value, slope = flux.withgradient(
            lambda m: losses.logitcrossentropy(m(images), labels), model  #?
        )
        flux.update(state, model, slope)
    print(accuracy(model(x), y))  #?

=== loader_shapes
def main() -> None:
    x = flux.rand((20, 4))
    y = flux.rand((20, 2))
    w = flux.zeros((4, 2))
    for inputs, targets in data.DataLoader((x, y), batchsize=5, shuffle=True):
        error = inputs @ w - targets
        slope = inputs.T @ error / 5
        #! slope = error.T @ inputs / 5
        w = w - 0.1 * slope  #?
    print(w.shape)

=== loss_function
def loss(
    model: nn.Dense[Any, Any], x: Float32[Tensor, "batch 784"], y: Int[Tensor, "batch"]
) -> Float[Tensor, ""]:
    return losses.logitcrossentropy(model(x), y)


def main() -> None:
    images = flux.rand((16, 784))
    #! images = flux.rand((16, 28, 28))
    labels = flux.randint(0, 10, (16,))
    model = nn.Dense(784, 10)
    state = flux.setup(flux.Adam(1e-3), model)
    value, slope = flux.withgradient(lambda m: loss(m, images, labels), model)  #?
    flux.update(state, model, slope)

=== manual_epochs
def train(
    x: Float32[Tensor, "samples d"], y: Float32[Tensor, "samples"], epochs: int
) -> Float32[Tensor, "d"]:
    w = flux.zeros((x.shape[1],))
    for epoch in range(epochs):
        for start in range(0, x.shape[0], 4):
            xb, yb = x[start : start + 4], y[start : start + 4]
            #! xb, yb = x[start : start + 4], y[start : start + 4, 0]
            error = xb @ w - yb
            w = w - 0.05 * (xb.T @ error)
    return w


def main() -> None:
    train(flux.rand((12, 3)), flux.rand((12,)), 2)

=== validation
def evaluate(
    model: Callable[[Float32[Tensor, "n 10"]], Float32[Tensor, "n 3"]],
    x: Float32[Tensor, "n 10"],
    y: Int[Tensor, "n"],
) -> float:
    guess = flux.argmax(model(x), axis=-1)
    return float((guess == y).mean())


def main() -> None:
    w = flux.rand((10, 3))
    x, y = flux.rand((6, 10)), flux.randint(0, 3, (6,))
    print(evaluate(lambda x: x @ w, x, y))
    #! print(evaluate(lambda x: x @ w, x.T, y))

=== enumerate_loader
def main() -> None:
    series = flux.rand((30, 6, 2))
    target = flux.rand((30, 4))
    cell = nn.GRU(2, 8)
    head = nn.Dense(8, 4)
    total = 0.0
    for i, (x, y) in enumerate(data.DataLoader((series, target), batchsize=10)):
        states = cell(x)
        prediction = head(states[:, -1])
        #! prediction = head(states[-1])
        total += float(losses.mse(prediction, y)) / (i + 1)  #?
    print(total)

=== digits_classifier silent
def prepare(
    images: Float32[Tensor, "n 1 8 8"],
) -> Float32[Tensor, "n 64"]:
    return images.reshape((images.shape[0], 64)) / 16


def main() -> None:
    digits = data.digits()
    x = prepare(digits.images[:100])
    #! x = prepare(digits.images[:100, 0])
    model = nn.Chain(nn.Dense(64, 32, flux.relu), nn.Dense(32, 10))
    loss = losses.logitcrossentropy(model(x), digits.labels[:100])
    print(loss)

=== iris_features
def main() -> None:
    iris = data.iris()
    x = (iris.features - iris.features.mean(axis=0)) / iris.features.std(axis=0)
    model = nn.Dense(4, 3)
    #! model = nn.Dense(5, 3)
    print(losses.logitcrossentropy(model(x), iris.labels))  #?

=== train_function
class Regressor(nn.Module):
    def __init__(self, width: int = 16) -> None:
        self.hidden = nn.Dense(3, 16, flux.tanh)
        self.out = nn.Dense(16, 1)

    def __call__(self, x: Float[Tensor, "n 3"]) -> Float[Tensor, "n"]:
        return self.out(self.hidden(x))[:, 0]


def loss(model: Regressor, x: Float32[Tensor, "n 3"], y: Float32[Tensor, "n"]) -> Tensor:
    return losses.mse(model(x), y)
    #! return losses.mse(model(x)[:, None], y)


def main() -> None:
    model = Regressor()
    state = flux.setup(flux.Adam(0.01), model)
    batches = data.DataLoader((flux.rand((12, 3)), flux.rand((12,))), batchsize=4)
    flux.train(loss, model, batches, state, progress=False)

=== train_with_wrong_data
def loss(
    model: nn.Dense[Any, Any], x: Float32[Tensor, "n 5"], y: Float32[Tensor, "n 2"]
) -> Tensor:
    return losses.mse(model(x), y)


def main() -> None:
    model = nn.Dense(5, 2)
    state = flux.setup(flux.Descent(0.1), model)
    x, y = flux.rand((20, 5)), flux.rand((20, 2))
    #! x, y = flux.rand((20, 4)), flux.rand((20, 2))
    batches = data.DataLoader((x, y), batchsize=10)
    flux.train(loss, model, batches, state, progress=False)  #?

=== gan_step
def discriminate(
    x: Float32[Tensor, "n 2"], w: Float32[Tensor, "2 16"], v: Float32[Tensor, "16"]
) -> Float32[Tensor, "n"]:
    return flux.relu(x @ w) @ v


def generate(z: Float32[Tensor, "n 4"], g: Float32[Tensor, "4 2"]) -> Float32[Tensor, "n 2"]:
    return flux.tanh(z @ g)


def main() -> None:
    g, w, v = flux.randn((4, 2)), flux.randn((2, 16)), flux.randn((16,))
    real = flux.randn((8, 2))
    for _ in range(2):
        noise = flux.randn((8, 4))
        fake = generate(noise, g)
        #! fake = noise
        gap = discriminate(real, w, v) - discriminate(fake, w, v)  #?
        print(flux.softplus(-gap).mean())

=== moving_average_weights
def polyak(
    slow: dict[str, Float32[Tensor, "d d"]], fast: dict[str, Float32[Tensor, "d d"]], rate: float
) -> dict[str, Float32[Tensor, "d d"]]:
    return {k: rate * slow[k] + (1 - rate) * fast[k] for k in slow}


def apply(weights: dict[str, Float32[Tensor, "8 8"]], x: Float32[Tensor, "n 8"]) -> Tensor:
    for w in weights.values():
        x = flux.tanh(x @ w)
    return x


def main() -> None:
    weights = {"a": flux.eye(8), "b": flux.eye(8)}
    weights = polyak(weights, weights, 0.9)
    print(apply(weights, flux.rand((3, 8))))
    #! print(apply(weights, flux.rand((8, 3))))

=== dictionary_batches
class Batch(TypedDict):
    image: Float32[Tensor, "b 1 8 8"]
    label: Int[Tensor, "b"]


def loss(model: nn.Dense[Any, Any], batch: Batch) -> Tensor:
    flat = flux.reshape(batch["image"], (-1, 64))
    #! flat = flux.reshape(batch["label"], (-1, 64))
    return losses.logitcrossentropy(model(flat), batch["label"])  #?


def main() -> None:
    batch: Batch = {"image": flux.rand((4, 1, 8, 8)), "label": flux.randint(0, 10, (4,))}
    print(loss(nn.Dense(64, 10), batch))

=== reinforce later
def returns(rewards: Float32[Tensor, "time"], discount: float) -> Float32[Tensor, "time"]:
    total = flux.asarray(0.0)
    out = []
    for t in range(rewards.shape[0] - 1, -1, -1):
        total = rewards[t] + discount * total
        out.append(total)
    return flux.flip(flux.stack(out))


def policy_loss(
    policy: nn.Dense[Any, Any],
    states: Float32[Tensor, "time 4"],
    actions: Int[Tensor, "time"],
    rewards: Float32[Tensor, "time"],
) -> Tensor:
    logp = flux.logsoftmax(policy(states))
    chosen = flux.take_along_axis(logp, actions[:, None], axis=1)
    advantage = returns(rewards, 0.99)
    #! advantage = returns(states, 0.99)
    return -(chosen[:, 0] * advantage).mean()


def main() -> None:
    actions = flux.randint(0, 2, (5,))
    policy_loss(nn.Dense(4, 2), flux.rand((5, 4)), actions, flux.ones(5))
"""
