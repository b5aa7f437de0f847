"""Training, in longer programs."""

PROGRAMS = """
=== full_training
class Net(nn.Module):
    def __init__(self, hidden: int = 32) -> None:
        self.conv = nn.Conv((3, 3), 1, 8, flux.relu, padding="same")
        self.pool = nn.MaxPool((2, 2))
        self.out = nn.Dense(8 * 4 * 4, 10)
        #! self.out = nn.Dense(8 * 8 * 8, 10)

    def __call__(self, x: Float[Tensor, "batch 1 8 8"]) -> Float[Tensor, "batch 10"]:
        h = self.pool(self.conv(x))
        return self.out(flux.flatten(h))  #?


def loss(model: Net, x: Float[Tensor, "batch 1 8 8"], y: Int[Tensor, "batch"]) -> Tensor:
    return losses.logitcrossentropy(model(x), y)
    #! return losses.logitcrossentropy(model(x).T, y)


def accuracy(model: Net, x: Float[Tensor, "n 1 8 8"], y: Int[Tensor, "n"]) -> float:
    return float((flux.argmax(model(x), axis=-1) == y).mean())


def main() -> None:
    digits = data.digits()
    x, y = digits.images[:64], digits.labels[:64]
    #! x, y = digits.images[:64, 0], digits.labels[:64]
    model = Net()
    state = flux.setup(flux.Adam(1e-3), model)
    for epoch in range(1):
        for images, labels in data.DataLoader((x, y), batchsize=32, shuffle=True):
            value, slope = flux.withgradient(lambda m: loss(m, images, labels), model)  #?
            #! value, slope = flux.withgradient(lambda m: loss(m, labels, images), model)
            flux.update(state, model, slope)
    print(accuracy(model, x, y))  #?

=== regression_with_split
def standardise(
    train: Float32[Tensor, "n d"], test: Float32[Tensor, "m d"]
) -> tuple[Float32[Tensor, "n d"], Float32[Tensor, "m d"]]:
    mean, spread = train.mean(axis=0), train.std(axis=0)
    #! mean, spread = train.mean(axis=1), train.std(axis=0)
    return (train - mean) / spread, (test - mean) / spread  #?


def ridge(x: Float32[Tensor, "n d"], y: Float32[Tensor, "n"], steps: int) -> Float32[Tensor, "d"]:
    w = flux.zeros(x.shape[1])
    for _ in range(steps):
        w = w - 0.01 * (x.T @ (x @ w - y) / x.shape[0] + 0.1 * w)
        #! w = w - 0.01 * (x.T @ (x.T @ w - y) / x.shape[0] + 0.1 * w)
    return w


def r2(y: Float32[Tensor, "n"], guess: Float32[Tensor, "n"]) -> float:
    return 1 - float(((y - guess) ** 2).sum() / ((y - y.mean()) ** 2).sum())


def main() -> None:
    d = data.diabetes()
    x, x_test = standardise(d.features[:300], d.features[300:])
    w = ridge(x, d.targets[:300], 5)
    #! w = ridge(x, d.targets[300:], 5)
    print(r2(d.targets[300:], x_test @ w))
    #! print(r2(d.targets[300:], x @ w))

=== distillation
def soften(logits: Float[Tensor, "n k"], t: float) -> Float[Tensor, "n k"]:
    return flux.softmax(logits / t, axis=-1)


def distil(
    student: nn.Chain, teacher: nn.Chain, x: Float32[Tensor, "n 20"], t: float = 2.0
) -> Tensor:
    target = flux.stop_gradient(soften(teacher(x), t))
    return losses.kldivergence(soften(student(x), t), target)


def main() -> None:
    teacher = nn.Chain(nn.Dense(20, 64, flux.relu), nn.Dense(64, 5))
    #! teacher = nn.Chain(nn.Dense(20, 64, flux.relu), nn.Dense(46, 5))
    student = nn.Chain(nn.Dense(20, 8, flux.relu), nn.Dense(8, 5))
    state = flux.setup(flux.OptimiserChain(flux.ClipNorm(1.0), flux.Adam(1e-2)), student)
    x = flux.rand((16, 20))
    #! x = flux.rand((20, 16))
    for (batch,) in data.DataLoader((x,), batchsize=4):
        slope = flux.gradient(lambda m: distil(m, teacher, batch), student)  #?
        flux.update(state, student, slope)
    print(soften(student(x), 1.0) @ flux.ones((5, 1)))  #?
    #! print(soften(student(x), 1.0) @ flux.ones((8, 1)))

=== gradient_accumulation
Weights = tuple[Float32[Tensor, "6 3"], Float32[Tensor, "3"]]


def loss(
    w: Float32[Tensor, "d k"],
    b: Float32[Tensor, "k"],
    x: Float32[Tensor, "n d"],
    y: Int[Tensor, "n"],
) -> Float32[Tensor, ""]:
    return losses.logitcrossentropy(x @ w + b, y)


def main() -> None:
    w, b = flux.zeros((6, 3)), flux.zeros(3)
    total_w, total_b = flux.zeros((6, 3)), flux.zeros(3)
    #! total_w, total_b = flux.zeros((3, 6)), flux.zeros(3)
    x, y = flux.rand((12, 6)), flux.randint(0, 3, (12,))
    for xb, yb in data.DataLoader((x, y), batchsize=4):
        gw, gb = flux.gradient(lambda w, b: loss(w, b, xb, yb), w, b)
        #! gw, gb = flux.gradient(lambda w, b: loss(b, w, xb, yb), w, b)
        total_w = total_w + gw  #?
        total_b = total_b + gb
        #! total_b = total_b + gw[0, :2]
    w, b = w - 0.1 * total_w, b - 0.1 * total_b
    print(loss(w, b, x, y))  #?
    #! print(loss(w, b, x, y[:-1]))

=== early_stopping
@dataclass
class Best:
    value: float
    weights: Float32[Tensor, "30 1"]


def validate(
    x: Float32[Tensor, "n 30"], y: Float32[Tensor, "n 1"], w: Float32[Tensor, "30 1"]
) -> float:
    p = flux.clip(flux.sigmoid(x @ w), 1e-6, 1 - 1e-6)
    entropy = y * flux.log(p) + (1 - y) * flux.log(1 - p)
    #! entropy = y.T @ flux.log(p.T) + (1 - y) * flux.log(1 - p)
    return -float(entropy.mean())


def main() -> None:
    cancer = data.breast_cancer()
    x = (cancer.features - cancer.features.mean(axis=0)) / cancer.features.std(axis=0)
    y = cancer.labels.astype(flux.float32)[:, None]
    w = flux.zeros((30, 1))
    best = Best(math.inf, w)
    for _ in range(5):
        w = w - 0.1 * x.T @ (flux.sigmoid(x @ w) - y) / x.shape[0]
        #! w = w - 0.1 * x @ (flux.sigmoid(x @ w) - y) / x.shape[0]
        value = validate(x, y, w)
        #! value = validate(x.T, y, w)
        if value >= best.value:
            break
        best = Best(value, w)
    print(best.value, best.weights[:, 0] @ flux.ones(30))
    #! print(best.value, best.weights[:, 0] @ flux.ones(31))

=== contrastive_epochs
class Projector(nn.Module):
    def __init__(self) -> None:
        self.body = nn.Dense(16, 32, flux.relu)
        self.head = nn.Dense(32, 8)

    def __call__(self, x: Float[Tensor, "n 16"]) -> Float[Tensor, "n 8"]:
        z = self.head(self.body(x))
        return z / flux.sqrt((z * z).sum(axis=-1, keepdims=True) + 1e-6)
        #! return z / flux.sqrt((z * z).sum(axis=-1)[None, :, None] + 1e-6)


def views(x: Float32[Tensor, "n 16"], sigma: float) -> tuple[Tensor, Tensor]:
    return x + sigma * flux.randn(x.shape), x + sigma * flux.randn(x.shape)


def info_nce(a: Float[Tensor, "n d"], b: Float[Tensor, "n d"]) -> Float[Tensor, ""]:
    logits = a @ b.T / 0.1
    #! logits = a.T @ b / 0.1
    return losses.logitcrossentropy(logits, flux.arange(a.shape[0]))  #?


def main() -> None:
    model = Projector()
    state = flux.setup(flux.AdamW(1e-3), model)
    for x in data.DataLoader(flux.rand((12, 16)), batchsize=4):
        #! for x in data.DataLoader(flux.rand((12, 15)), batchsize=4):
        first, second = views(x, 0.1)  #?
        slope = flux.gradient(lambda m: info_nce(m(first), m(second)), model)  #?
        flux.update(state, model, slope)
"""
