"""Containers, branches, loops, optional values."""

PROGRAMS = """
=== optional_mask
def attend(
    q: Float32[Tensor, "n d"],
    k: Float32[Tensor, "m d"],
    mask: Bool[Tensor, "n m"] | None = None,
) -> Float32[Tensor, "n m"]:
    scores = q @ k.T
    if mask is not None:
        scores = flux.where(mask, scores, -1e9)
        #! scores = flux.where(mask.T, scores, -1e9)
    return flux.softmax(scores)


def main() -> None:
    attend(flux.rand((2, 3)), flux.rand((4, 3)), flux.ones((2, 4), dtype=flux.bool_))

=== both_branches silent
def pool(x: Float32[Tensor, "batch time d"], mode: str) -> Float32[Tensor, "batch d"]:
    if mode == "mean":
        return x.mean(axis=1)
        #! return x.mean(axis=2)
    if mode == "max":
        return x.max(axis=1)
    return x[:, -1]


def main() -> None:
    for mode in ("mean", "max", "last"):
        pool(flux.rand((2, 3, 4)), mode)

=== conditional_expression
def project(
    x: Float32[Tensor, "b 32"], w: Float32[Tensor, "32 32"], transpose: bool
) -> Float32[Tensor, "b 32"]:
    weight = w.T if transpose else w
    bias = flux.zeros(32) if transpose else flux.ones(32)
    #! bias = flux.zeros(64) if transpose else flux.ones(64)
    return x @ weight + bias  #?


def main() -> None:
    project(flux.rand((2, 32)), flux.eye(32), True)
    project(flux.rand((2, 32)), flux.eye(32), False)

=== list_of_weights
def mlp(
    x: Float32[Tensor, "b 16"], hidden: list[Float32[Tensor, "16 16"]], out: Float32[Tensor, "16 4"]
) -> Float32[Tensor, "b 4"]:
    for w in hidden:
        x = flux.relu(x @ w)
        #! x = flux.relu(w @ x)
    return x @ out


def main() -> None:
    mlp(flux.rand((2, 16)), [flux.eye(16), flux.eye(16)], flux.rand((16, 4)))

=== dictionary_of_parameters
Parameters = dict[str, Tensor]


class Weights(TypedDict):
    w: Float32[Tensor, "8 4"]
    b: Float32[Tensor, "4"]


def forward(p: Weights, x: Float32[Tensor, "n 8"]) -> Float32[Tensor, "n 4"]:
    return x @ p["w"] + p["b"]
    #! return x @ p["w"].T + p["b"]


def main() -> None:
    weights: Weights = {"w": flux.rand((8, 4)), "b": flux.zeros(4)}
    forward(weights, flux.rand((3, 8)))

=== named_tuple_batch
class Batch(NamedTuple):
    images: Float32[Tensor, "batch 784"]
    labels: Int[Tensor, "batch"]


def loss(batch: Batch, w: Float32[Tensor, "784 10"]) -> Float32[Tensor, ""]:
    logits = batch.images @ w
    #! logits = batch.images @ w.T
    return losses.logitcrossentropy(logits, batch.labels)


def main() -> None:
    loss(Batch(flux.rand((5, 784)), flux.asarray([0, 1, 2, 3, 9])), flux.zeros((784, 10)))

=== tuple_state
State = tuple[Float32[Tensor, "d"], Float32[Tensor, "d d"]]


def kalman(
    mean: Float64[Tensor, "d"],
    cov: Float64[Tensor, "d d"],
    h: Float64[Tensor, "k d"],
    y: Float64[Tensor, "k"],
    gain: Float64[Tensor, "d k"],
) -> tuple[Float64[Tensor, "d"], Float64[Tensor, "d d"]]:
    innovation = y - h @ mean
    mean = mean + gain @ innovation
    #! mean = mean + innovation @ gain
    return mean, cov - gain @ h @ cov
    #! return mean, cov - h @ gain @ cov


def main() -> None:
    f = flux.float64
    c = flux.eye(3, dtype=f)
    h, gain = flux.ones((2, 3), dtype=f), flux.ones((3, 2), dtype=f)
    kalman(flux.zeros(3, dtype=f), c, h, flux.zeros(2, dtype=f), gain)

=== comprehension
def ensemble(
    x: Float32[Tensor, "batch 8"], weights: Sequence[Float32[Tensor, "8 3"]]
) -> Float32[Tensor, "batch 3"]:
    logits = [x @ w for w in weights]
    #! logits = [x.T @ w for w in weights]
    total = logits[0]
    for one in logits[1:]:
        total = total + one
    return total / len(weights)


def main() -> None:
    ensemble(flux.rand((2, 8)), [flux.rand((8, 3)), flux.rand((8, 3))])

=== zipped_layers
def forward(
    x: Float32[Tensor, "b d"],
    weights: list[Float32[Tensor, "d d"]],
    biases: list[Float32[Tensor, "d"]],
) -> Float32[Tensor, "b d"]:
    for i, (w, b) in enumerate(zip(weights, biases, strict=True)):
        x = x @ w + b
        #! x = x @ b + w
        if i < len(weights) - 1:
            x = flux.relu(x)
    return x


def main() -> None:
    forward(flux.rand((2, 3)), [flux.eye(3)] * 2, [flux.zeros(3)] * 2)

=== configuration
@dataclass(frozen=True)
class Config:
    vocabulary: int = 100
    width: int = 64
    hidden: int = 256


class Net(nn.Module):
    def __init__(self, config: Config) -> None:
        self.embed = nn.Embedding(config.vocabulary, config.width)
        self.up = nn.Dense(config.width, config.hidden, flux.gelu)
        self.down = nn.Dense(config.hidden, config.width)

    def __call__(self, tokens: Int[Tensor, "b t"]) -> Float[Tensor, "b t _"]:
        x = self.embed(tokens)
        y = self.down(self.up(x))
        return x + y


def check(tokens: Int[Tensor, "b t"], mask: Bool[Tensor, "b t"]) -> Float[Tensor, "b"]:
    net = Net(Config())
    y = net(tokens) * mask[:, :, None]
    return y.sum(axis=(1, 2))
    #! return y.sum(axis=(2, 3))


def main() -> None:
    check(flux.randint(0, 100, (2, 5)), flux.ones((2, 5), dtype=flux.bool_))

=== early_return
def safe_normalise(x: Float32[Tensor, "n d"], eps: float = 1e-8) -> Float32[Tensor, "n d"]:
    norms = flux.sqrt((x**2).sum(axis=1))
    if float(norms.max()) < eps:
        return flux.zeros_like(x)
    return x / flux.maximum(norms, eps)[:, None]
    #! return x / flux.maximum(norms, eps)


def main() -> None:
    safe_normalise(flux.rand((4, 3)))

=== optional_module
class Block(nn.Module):
    def __init__(self, bottleneck: bool) -> None:
        self.dense = nn.Dense(32, 32, flux.relu)
        self.small = nn.Dense(32, 8) if bottleneck else None
        self.large = nn.Dense(8, 32)
        #! self.large = nn.Dense(16, 32)

    def __call__(self, x: Float32[Tensor, "b 32"]) -> Float[Tensor, "b 32"]:
        y = self.dense(x)
        if self.small is not None:
            y = self.large(self.small(y))  #?
        return x + y


def main() -> None:
    Block(True)(flux.rand((2, 32)))

=== while_loop_newton
def newton(
    a: Float64[Tensor, "n n"], b: Float64[Tensor, "n"], steps: int = 20
) -> Float64[Tensor, "n"]:
    x = flux.zeros_like(b)
    i = 0
    while i < steps:
        residual = b - a @ x
        #! residual = b[:-1] - a @ x
        if float((residual**2).sum()) < 1e-12:
            break
        x = x + 0.1 * residual
        i += 1
    return x


def main() -> None:
    newton(flux.eye(3, dtype=flux.float64), flux.ones(3, dtype=flux.float64))

=== beam_search_step
def beam_step(
    scores: Float32[Tensor, "beams"], logits: Float32[Tensor, "beams vocabulary"], width: Literal[4]
) -> tuple[Float32[Tensor, "4"], Int[Tensor, "4"], Int[Tensor, "4"]]:
    total = scores[:, None] + flux.logsoftmax(logits, axis=1)
    #! total = scores[None, :] + flux.logsoftmax(logits, axis=1)
    best, index = flux.topk(total.reshape((-1,)), 4)
    size = logits.shape[1]
    return best, index // size, index % size


def main() -> None:
    beam_step(flux.zeros(3), flux.randn((3, 7)), 4)

=== isinstance_branch
def as_batch(x: Float32[Tensor, "3 h w"] | list[Float32[Tensor, "3 h w"]]) -> Tensor:
    if isinstance(x, list):
        return flux.stack(x)
    return x[None]


def brightness(images: list[Float32[Tensor, "3 h w"]]) -> Float32[Tensor, "h w"]:
    total = flux.zeros_like(images[0][0])
    for image in images:
        total = total + image.mean(axis=0)
        #! total = total + image.mean(axis=1)
    return total / len(images)


def main() -> None:
    images = [flux.rand((3, 4, 5)) for _ in range(3)]
    as_batch(images)
    brightness(images)
"""
