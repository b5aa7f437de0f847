"""More of it: parameters in dicts and records, loops over them, functions kept under names."""

PROGRAMS = """
=== plain_python_mlp
def init(sizes: Sequence[int]) -> list[tuple[Tensor, Tensor]]:
    return [(flux.randn((a, b)), flux.zeros((b,))) for a, b in zip(sizes, sizes[1:], strict=False)]


def forward(
    params: list[tuple[Float32[Tensor, "_ _"], Float32[Tensor, "_"]]], x: Float32[Tensor, "n 8"]
) -> Float32[Tensor, "n _"]:
    h: Tensor = x
    for w, b in params[:-1]:
        h = flux.tanh(h @ w + b)
    w, b = params[-1]
    return h @ w + b


def main() -> None:
    params = [(flux.randn((8, 16)), flux.zeros((16,))), (flux.randn((16, 3)), flux.zeros((3,)))]
    x = flux.rand((5, 8))
    #! x = flux.rand((8, 5))
    y = forward(params, x)  #?
    print(losses.logitcrossentropy(y, flux.randint(0, 3, (5,))), len(init([2, 3])))
    grads = [(flux.zeros_like(w), flux.zeros_like(b)) for w, b in params]
    params = [(w - 0.1 * dw, b - 0.1 * db) for (w, b), (dw, db) in zip(params, grads, strict=True)]
    print(params[0][0].shape)

=== dict_parameters
def init(d: Size["d"], h: Size["h"], k: Size["k"]) -> dict[str, Tensor]:
    return {"w1": flux.randn((d, h)), "w2": flux.randn((h, k))}


def mlp(
    w1: Float32[Tensor, "d h"], w2: Float32[Tensor, "h k"], x: Float32[Tensor, "n d"]
) -> Float32[Tensor, "n k"]:
    hidden = flux.relu(x @ w1)
    return hidden @ w2
    #! return w2 @ hidden
    #!later return hidden @ w2.T @ w2


def main() -> None:
    w1, w2 = flux.randn((6, 10)), flux.randn((10, 2))
    #! w1, w2 = flux.randn((6, 10)), flux.randn((2, 10))
    x, y = flux.rand((4, 6)), flux.rand((4, 2))

    def loss(w1: Float32[Tensor, "6 10"], w2: Float32[Tensor, "10 2"]) -> Float32[Tensor, ""]:
        return losses.mse(mlp(w1, w2, x), y)
        #! return losses.mse(mlp(w2, w1, x), y)

    for _ in range(3):
        g1, g2 = flux.gradient(loss, w1, w2)  #?
        w1, w2 = w1 - 0.1 * g1, w2 - 0.1 * g2
        #! w1, w2 = w1 - 0.1 * g2, w2 - 0.1 * g1
    print(init(2, 3, 4)["w1"].shape)

=== momentum_by_hand
def main() -> None:
    x, y = flux.randn((32, 4)), flux.randn((32,))
    weights = {"w": flux.zeros((4,)), "b": flux.zeros((4,))}
    velocity = {k: flux.zeros_like(v) for k, v in weights.items()}
    #! velocity = {k: flux.zeros((32,)) for k, v in weights.items()}
    objective = lambda p: ((x @ p["w"] - y) ** 2).mean() + (p["b"] ** 2).sum()  # noqa: E731
    for _ in range(3):
        grads = flux.gradient(objective, weights)
        velocity = {k: 0.9 * velocity[k] + grads[k] for k in weights}  #?
        weights = {k: v - 0.1 * velocity[k] for k, v in weights.items()}
        #! weights = {k: v - 0.1 * velocity[k][:, None] @ x for k, v in weights.items()}
    print(x @ weights["w"])
    #! print(weights["w"] @ x)

=== adam_state
class AdamState(NamedTuple):
    mean: Float32[Tensor, "d k"]
    square: Float32[Tensor, "d k"]
    step: int


def adam(
    w: Float32[Tensor, "d k"], g: Float32[Tensor, "d k"], s: AdamState
) -> tuple[Float32[Tensor, "d k"], AdamState]:
    step = s.step + 1
    mean = 0.9 * s.mean + 0.1 * g
    #! mean = 0.9 * s.mean + 0.1 * g.sum(axis=(0, 1, 2))
    square = 0.999 * s.square + 0.001 * g**2
    hat = mean / (1 - 0.9**step)
    w = w - 1e-3 * hat / (flux.sqrt(square / (1 - 0.999**step)) + 1e-8)
    return w, AdamState(mean, square, step)
    #!silent return w, AdamState(mean, square[0], step)


def main() -> None:
    w = flux.randn((5, 2))
    state = AdamState(flux.zeros((5, 2)), flux.zeros((5, 2)), 0)
    #! state = AdamState(flux.zeros((2, 5)), flux.zeros((5, 2)), 0)
    x = flux.randn((7, 5))
    for _ in range(2):
        g = flux.gradient(lambda w: ((x @ w) ** 2).mean(), w)
        #! g = flux.gradient(lambda w: ((w @ x) ** 2).mean(), w)
        w, state = adam(w, g, state)  #?
    print(w)

=== replay_records
@dataclass
class Episode:
    states: Float32[Tensor, "t 6"]
    actions: Int64[Tensor, "t"]
    rewards: Float32[Tensor, "t"]


def discounted(rewards: Float32[Tensor, "t"], gamma: float) -> Float32[Tensor, "t"]:
    weights = gamma ** flux.arange(rewards.shape[0], dtype=flux.float32)
    return flux.flip(flux.cumulative_sum(flux.flip(rewards * weights))) / weights


def policy_loss(policy: nn.Chain, episode: Episode) -> Float32[Tensor, ""]:
    logp = flux.logsoftmax(policy(episode.states), axis=-1)
    #! logp = flux.logsoftmax(policy(episode.rewards), axis=-1)
    chosen = flux.take_along_axis(logp, episode.actions[:, None], axis=1)[:, 0]
    #! chosen = flux.take_along_axis(logp, episode.actions, axis=1)[:, 0]
    returns = discounted(episode.rewards, 0.99)
    #! returns = discounted(episode.states, 0.99)
    return -(chosen * returns).mean()


def main() -> None:
    policy = nn.Chain(nn.Dense(6, 32, flux.tanh), nn.Dense(32, 3))
    #! policy = nn.Chain(nn.Dense(8, 32, flux.tanh), nn.Dense(32, 3))
    episodes = [
        Episode(flux.rand((n, 6)), flux.randint(0, 3, (n,)), flux.rand((n,))) for n in (5, 9)
    ]
    for episode in episodes:
        print(flux.withgradient(lambda p: policy_loss(p, episode), policy)[0])  #?

=== curriculum_of_sizes
def downsample(x: Float32[Tensor, "b c h w"]) -> Float32[Tensor, "b c h//2 w//2"]:
    return nn.MeanPool((2, 2))(x)


def pyramid(x: Float32[Tensor, "b c 32 32"]) -> list[Tensor]:
    levels = [x]
    for _ in range(3):
        x = downsample(x)
        levels.append(x)
    return levels


def perceptual(a: Float32[Tensor, "b c 32 32"], b: Float32[Tensor, "b c 32 32"]) -> Tensor:
    total = flux.asarray(0.0)
    for p, q in zip(pyramid(a), pyramid(b), strict=True):
        total = total + losses.mae(p, q)
    return total


def main() -> None:
    image = flux.rand((2, 3, 32, 32))
    #!silent image = flux.rand((2, 3, 32, 28))
    small = downsample(image)
    again = nn.Upsample(2)(small)
    print(perceptual(image, again))  #?
    #! print(perceptual(image, small))
    up = nn.Conv((3, 3), 3, 12, padding=1)
    restored = nn.PixelShuffle(2)(up(small))
    print(losses.mae(restored, image))
    #! print(losses.mae(up(small), image))

=== helper_lambdas
def main() -> None:
    normalise = lambda z: z / flux.sqrt((z**2).sum(axis=-1, keepdims=True))  # noqa: E731
    similarity = lambda a, b: normalise(a) @ normalise(b).T  # noqa: E731
    encoder = nn.Dense(10, 6)
    views = flux.rand((2, 8, 10))
    a, b = encoder(views[0]), encoder(views[1])
    #! a, b = encoder(views[:, 0]), encoder(views[1])
    scores = similarity(a, b)
    labels = flux.arange(8)
    #! labels = flux.arange(6)
    print(losses.logitcrossentropy(scores / 0.1, labels))  #?
    #! print(losses.logitcrossentropy(scores[:, 0], labels))
    probe = nn.Dense(6, 2)
    #! probe = nn.Dense(10, 2)
    print(probe(flux.stop_gradient(a)).shape)  #?

=== cross_validation
def folds(x: Float32[Tensor, "n d"], k: int) -> Iterator[tuple[Tensor, Tensor]]:
    size = x.shape[0] // k
    for i in range(k):
        held = x[i * size : (i + 1) * size]
        rest = flux.concat([x[: i * size], x[(i + 1) * size :]], axis=0)
        #! rest = flux.concat([x[: i * size], x[(i + 1) * size :, 1:]], axis=0)
        yield rest, held


def fit(x: Float32[Tensor, "n 3"], y: Float32[Tensor, "n"], steps: int) -> Float32[Tensor, "3"]:
    w = flux.zeros((3,))
    for _ in range(steps):
        w = w - 0.1 * flux.gradient(lambda w: losses.mse(x @ w, y), w)
        #! w = w - 0.1 * flux.gradient(lambda w: losses.mse(x.T @ w, y), w)
    return w


def main() -> None:
    table = flux.rand((20, 4))
    x, y = table[:, :3], table[:, 3]
    #! x, y = table[:, :3], table[:, 3:]
    w = fit(x, y, 2)  #?
    #! w = fit(table, y, 2)
    print(losses.mse(x @ w, y))  #?
    for rest, held in folds(table, 4):
        print(rest.shape, held.shape)

=== multi_head_outputs
class Outputs(TypedDict):
    boxes: Float[Tensor, "b 4"]
    labels: Float[Tensor, "b 10"]


class Detector(nn.Module):
    def __init__(self) -> None:
        self.backbone = nn.Chain(
            nn.Conv((3, 3), 3, 8, flux.relu, stride=2, padding=1),
            nn.Conv((3, 3), 8, 16, flux.relu, stride=2, padding=1),
            #! nn.Conv((3, 3), 8, 16, flux.relu, stride=4, padding=1),
            nn.Flatten(),
        )
        self.box = nn.Dense(16 * 8 * 8, 4)
        self.label = nn.Dense(16 * 8 * 8, 10)
        #!silent self.label = nn.Dense(16 * 8 * 8, 11)

    def __call__(self, x: Float[Tensor, "b 3 32 32"]) -> Outputs:
        h = self.backbone(x)
        return {"boxes": self.box(h), "labels": self.label(h)}  #?
        #!later return {"boxes": self.label(h), "labels": self.box(h)}


def cost(out: Outputs, boxes: Float[Tensor, "b 4"], labels: Int[Tensor, "b"]) -> Tensor:
    a = losses.huber_loss(out["boxes"], boxes)
    #! a = losses.huber_loss(out["boxes"][:, :2], boxes)
    #! a = losses.huber_loss(out["labels"], boxes)
    return a + losses.logitcrossentropy(out["labels"], labels)


def main() -> None:
    model = Detector()
    boxes, labels = flux.rand((2, 4)), flux.randint(0, 10, (2,))
    print(cost(model(flux.rand((2, 3, 32, 32))), boxes, labels))
    #! print(cost(model(flux.rand((2, 3, 32, 32))), labels, boxes))

=== states_through_time
class Memory(NamedTuple):
    h: Float[Tensor, "b 12"]
    c: Float[Tensor, "b 12"]


class Controller(nn.Module):
    def __init__(self) -> None:
        self.cell = nn.LSTMCell(5, 12)
        self.out = nn.Dense(12, 2)
        #! self.out = nn.Dense(5, 2)

    def start(self, b: Size["b"]) -> Memory:
        return Memory(flux.zeros((b, 12)), flux.zeros((b, 12)))
        #! return Memory(flux.zeros((b, 12)), flux.zeros((b, 5)))

    def __call__(self, x: Float[Tensor, "b 5"], m: Memory) -> tuple[Float[Tensor, "b 2"], Memory]:
        y, (h, c) = self.cell(x, (m.h, m.c))
        return self.out(y), Memory(h, c)  #?
        #! return self.out(x), Memory(h, c)


def main() -> None:
    net = Controller()
    memory = net.start(3)  #?
    xs = flux.rand((3, 7, 5))
    actions = []
    for t in range(7):
        action, memory = net(xs[:, t], memory)  #?
        #! action, memory = net(xs[t], memory)
        #! action, memory = net(xs[:, :, t], memory)
        actions.append(action)
    path = flux.stack(actions, axis=1)
    print(losses.mse(path, flux.zeros((3, 7, 2))))
    #! print(losses.mse(path, flux.zeros((7, 3, 2))))
"""
