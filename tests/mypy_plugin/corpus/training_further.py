"""Training, in the words of others."""

PROGRAMS = """
=== moons_network
def main() -> None:
    flux.seed(1)
    points, labels = data.moons(200, noise=0.1)
    model = nn.Chain(nn.Dense(2, 16, flux.tanh), nn.Dense(16, 2))
    #! model = nn.Chain(nn.Dense(3, 16, flux.tanh), nn.Dense(16, 2))
    state = flux.setup(flux.Adam(0.01), model)
    for x, y in data.DataLoader((points, labels), batchsize=50):
        value, slope = flux.withgradient(lambda m: losses.logitcrossentropy(m(x), y), model)  #?
        flux.update(state, model, slope)
        print(float(value))
    guess = flux.argmax(model(points), axis=-1)  #?
    print((guess == labels).astype(flux.float32).mean())
    print(points @ flux.ones((2, 1)))
    #! print(points @ flux.ones((3, 1)))

=== folds
class Linear(nn.Module):
    def __init__(self, d: int) -> None:
        self.dense = nn.Dense(10, 1)

    def __call__(self, x: Float[Tensor, "n 10"]) -> Float[Tensor, "n"]:
        return self.dense(x)[:, 0]


def fit(x: Float32[Tensor, "n 10"], y: Float32[Tensor, "n"]) -> Linear:
    model = Linear(10)
    state = flux.setup(flux.Descent(1e-3), model)
    for xb, yb in data.DataLoader((x, y), batchsize=64):
        slope = flux.gradient(lambda m: losses.mse(m(xb), yb), model)
        #! slope = flux.gradient(lambda m: losses.mse(m(yb), xb), model)
        flux.update(state, model, slope)
    return model


def main() -> None:
    d = data.diabetes()
    errors = []
    for (x, y), (x_test, y_test) in data.kfolds((d.features, d.targets), 3):
        model = fit(x, y)
        errors.append(float(losses.mae(model(x_test), y_test)))
    print(sum(errors) / len(errors), fit(d.features, d.targets)(d.features))
    #! print(sum(errors) / len(errors), fit(d.features[:, :9], d.targets)(d.features))

=== dropout_training
class Net(nn.Module):
    def __init__(self) -> None:
        self.layers = nn.Chain(
            nn.Dense(64, 48, flux.relu), nn.Dropout(0.5), nn.BatchNorm(48), nn.Dense(48, 10)
            #! nn.Dense(64, 48, flux.relu), nn.Dropout(0.5), nn.BatchNorm(64), nn.Dense(48, 10)
        )

    def __call__(self, x: Float[Tensor, "n 64"]) -> Float[Tensor, "n 10"]:
        y: Float[Tensor, "n 10"] = self.layers(x)  #?
        return y


def loss(
    model: Net, x: Float[Tensor, "n 64"], y: Int[Tensor, "n"]
) -> tuple[Tensor, dict[str, Tensor]]:
    logits = model(x)
    right = (flux.argmax(logits, axis=-1) == y).astype(flux.float32).mean()
    #! right = (flux.argmax(logits, axis=-1) == y[:-1]).astype(flux.float32).mean()
    return losses.logitcrossentropy(logits, y), {"accuracy": flux.stop_gradient(right)}


def main() -> None:
    digits = data.digits()
    x = digits.images[:96].reshape((96, 64))
    batches = data.DataLoader((x, digits.labels[:96]), batchsize=32)
    model = Net()
    state = flux.setup(flux.AdamW(1e-3), model)
    history = flux.train(loss, model, batches, state, epochs=1, progress=False)
    print(len(history.epochs))
    flux.testmode(model)
    print(model(x) @ flux.ones((10, 1)))
    #! print(model(x) @ flux.ones((64, 1)))

=== manual_adam
@dataclass
class Moments:
    first: Float32[Tensor, "d"]
    second: Float32[Tensor, "d"]
    step: int = 0


def adam(
    w: Float32[Tensor, "d"], g: Float32[Tensor, "d"], m: Moments, rate: float = 1e-3
) -> tuple[Float32[Tensor, "d"], Moments]:
    step = m.step + 1
    first = 0.9 * m.first + 0.1 * g
    second = 0.999 * m.second + 0.001 * g * g
    new = Moments(first, second, step)
    change = first / (1 - 0.9**step) / (flux.sqrt(second / (1 - 0.999**step)) + 1e-8)
    return w - rate * change, new


def main() -> None:
    w = flux.ones(6)
    m = Moments(flux.zeros(6), flux.zeros(6))
    x, y = flux.rand((10, 6)), flux.rand((10,))
    for _ in range(3):
        g = x.T @ (x @ w - y)
        #! g = (x @ w - y) @ x.T
        w, m = adam(w, g, m)
    print(x @ w - y)
    #! print(x.T @ w - y)
"""
