"""Records of tensors, continued: pipelines, replay buffers, mixtures, trees of records."""

PROGRAMS = """
=== replay_memory
class Replay:
    states: Float32[Tensor, "n s"]
    actions: Float32[Tensor, "n a"]
    rewards: Float32[Tensor, "n"]

    def __init__(self, capacity: int, s: int, a: int) -> None:
        self.states = flux.zeros((capacity, s))
        self.actions = flux.zeros((capacity, a))
        self.rewards = flux.zeros((capacity,))

    def sample(self, index: Int[Tensor, "k"]) -> tuple[Tensor, Tensor, Tensor]:
        return self.states[index], self.actions[index], self.rewards[index]

    def inputs(self) -> Float32[Tensor, "n i"]:
        return flux.concat([self.states, self.actions], axis=1)
        #! return flux.concat([self.states, self.actions], axis=0)

    def weighted(self) -> Float32[Tensor, "s"]:
        return self.rewards @ self.states
        #! return self.states @ self.rewards

    def returns(self) -> Float32[Tensor, "n"]:
        cost = (self.actions**2).sum(axis=1)
        #! cost = (self.actions**2).sum(axis=0)
        return self.rewards - 0.1 * cost  #?


def main() -> None:
    memory = Replay(20, 4, 2)
    s, a, r = memory.sample(flux.asarray([1, 5, 7]))
    print(s.shape, memory.inputs().shape, memory.weighted().shape, memory.returns().shape)

=== mixture_parameters
@dataclass
class Mixture:
    logits: Float32[Tensor, "k"]
    means: Float32[Tensor, "k d"]
    scales: Float32[Tensor, "k d"]

    def log_density(self, x: Float32[Tensor, "n d"]) -> Float32[Tensor, "n"]:
        z = (x[:, None] - self.means) / self.scales
        #! z = (x[:, None] - self.means) / self.scales.mT
        each = -0.5 * (z**2).sum(axis=2) - flux.log(self.scales).sum(axis=1)
        #! each = -0.5 * (z**2).sum(axis=2) - flux.log(self.scales).sum(axis=0)
        return flux.logsumexp(each + flux.logsoftmax(self.logits), axis=1)  #?

    def mean(self) -> Float32[Tensor, "d"]:
        return flux.softmax(self.logits) @ self.means
        #! return self.means @ flux.softmax(self.logits)

    def spread(self) -> Float32[Tensor, "k k"]:
        gaps = self.means[:, None] - self.means[None]
        return (gaps**2).sum(axis=2)
        #! return (gaps**2).sum(axis=2) * self.scales


def main() -> None:
    m = Mixture(flux.zeros((3,)), flux.randn((3, 2)), flux.ones((3, 2)))
    #! m = Mixture(flux.zeros((2,)), flux.randn((3, 2)), flux.ones((3, 2)))
    print(m.log_density(flux.randn((10, 2))).shape, m.mean(), m.spread().shape)  #?

=== detections
class Detections(NamedTuple):
    boxes: Float32[Tensor, "n 4"]
    scores: Float32[Tensor, "n"]
    classes: Int64[Tensor, "n"]


def area(d: Detections) -> Float32[Tensor, "n"]:
    x1, y1, x2, y2 = flux.unstack(d.boxes, axis=1)
    return (x2 - x1) * (y2 - y1)


def best(d: Detections, k: int) -> Detections:
    order = flux.argsort(d.scores, descending=True)[:k]
    return Detections(d.boxes[order], d.scores[order], d.classes[order])
    #!silent return Detections(d.boxes[order], d.scores[order], d.boxes[order])


def score(d: Detections) -> Float32[Tensor, "n"]:
    return area(d) * d.scores
    #! return d.boxes * d.scores
    #! return area(d)[:, None] * d.boxes @ d.scores


def main() -> None:
    d = Detections(flux.rand((6, 4)), flux.rand((6,)), flux.zeros((6,), dtype=flux.int64))
    #!silent d = Detections(flux.rand((6, 4)), flux.rand((4,)), flux.zeros((6,), dtype=flux.int64))
    print(score(best(d, 3)))

=== sequence_loader
@dataclass
class Window:
    past: Float32[Tensor, "b p f"]
    future: Float32[Tensor, "b q f"]
    station: Int64[Tensor, "b"]


def windows(series: Float32[Tensor, "n t f"]) -> Iterator[Window]:
    for i in range(0, 6, 3):
        part = series[i : i + 3]
        yield Window(part[:, :8], part[:, 8:], flux.arange(part.shape[0]))


def persistence(w: Window) -> Float32[Tensor, "b q f"]:
    last = w.past[:, -1:]
    return last + 0 * w.future
    #! return w.past + 0 * w.future


def error(w: Window) -> Float32[Tensor, "b"]:
    drift = w.past.mean(axis=1) - w.future.mean(axis=1)
    #! drift = w.past.mean(axis=2) - w.future.mean(axis=2)
    return (drift**2).sum(axis=1)  #?


def scaled(w: Window) -> Float32[Tensor, "b p f"]:
    return w.past / (w.station + 1)[:, None, None]
    #! return w.past.mean(axis=1) / (w.station + 1)


def main() -> None:
    for w in windows(flux.rand((6, 12, 2))):
        print(persistence(w).shape, error(w).shape, scaled(w).shape)

=== encoder_output_dict
class Encoded(TypedDict):
    hidden: Float[Tensor, "b t d"]
    pooled: Float[Tensor, "b d"]
    mask: Bool[Tensor, "b t"]


def pool(hidden: Float[Tensor, "b t d"], mask: Bool[Tensor, "b t"]) -> Float[Tensor, "b d"]:
    return (hidden * mask[..., None]).sum(axis=1) / mask.sum(axis=1)[:, None]
    #! return (hidden * mask).sum(axis=1) / mask.sum(axis=1)[:, None]


def attend(e: Encoded) -> Float[Tensor, "b t"]:
    scores = (e["hidden"] @ e["pooled"][..., None])[..., 0]
    #! scores = (e["hidden"] @ e["pooled"])[..., 0]
    #! scores = (e["pooled"][:, None] @ e["hidden"])[..., 0]
    return flux.where(e["mask"], scores, -1e9)  #?


def context(e: Encoded) -> Float[Tensor, "b d"]:
    weights = flux.softmax(attend(e), axis=1)
    summed = (weights[..., None] * e["hidden"]).sum(axis=1)
    #! summed = (weights[..., None] * e["hidden"]).sum(axis=2)
    return summed + e["pooled"]  #?


def main() -> None:
    hidden, mask = flux.rand((3, 5, 8)), flux.ones((3, 5), dtype=flux.bool_)
    e = Encoded(hidden=hidden, pooled=pool(hidden, mask), mask=mask)
    print(context(e).shape)

=== camera
@dataclass(frozen=True)
class Camera:
    rotation: Float32[Tensor, "3 3"]
    translation: Float32[Tensor, "3"]
    pixels: Float32[Tensor, "h w 2"]
    depth: Float32[Tensor, "h w"]


def rays(camera: Camera) -> Float32[Tensor, "h w 3"]:
    h, w, _ = camera.pixels.shape
    flat = flux.concat([camera.pixels, flux.ones((h, w, 1))], axis=2)
    #! flat = flux.concat([camera.pixels, flux.ones((w, h, 1))], axis=2)
    return flat @ camera.rotation.mT


def points(camera: Camera) -> Float32[Tensor, "h w 3"]:
    return rays(camera) * camera.depth[..., None] + camera.translation
    #! return rays(camera) * camera.depth + camera.translation


def gradient(camera: Camera) -> Float32[Tensor, "h w"]:
    across = flux.pad(flux.diff(camera.depth, axis=1), ((0, 0), (0, 1)))
    down = flux.pad(flux.diff(camera.depth, axis=0), ((0, 1), (0, 0)))
    #! down = flux.pad(flux.diff(camera.depth, axis=0), ((0, 0), (0, 1)))
    return across**2 + down**2  #?


def main() -> None:
    camera = Camera(flux.eye(3), flux.zeros((3,)), flux.rand((4, 6, 2)), flux.ones((4, 6)))
    #!later camera = Camera(flux.eye(3), flux.zeros((3,)), flux.rand((4, 6, 2)), flux.ones((6, 4)))
    print(points(camera).shape, gradient(camera).shape)

=== statistics_of_many
@dataclass
class Statistics:
    count: int
    mean: Float32[Tensor, "d"]
    square: Float32[Tensor, "d d"]


def observed(s: Statistics, x: Float32[Tensor, "n d"]) -> Statistics:
    count = s.count + x.shape[0]
    rate = x.shape[0] / count
    return Statistics(
        count,
        (1 - rate) * s.mean + rate * x.mean(axis=0),
        #! (1 - rate) * s.mean + rate * x.mean(axis=1),
        (1 - rate) * s.square + rate * x.mT @ x / x.shape[0],
        #! (1 - rate) * s.square + rate * x @ x.mT / x.shape[0],
    )


def covariance(s: Statistics) -> Float32[Tensor, "d d"]:
    return s.square - flux.outer(s.mean, s.mean)


def main() -> None:
    s = Statistics(0, flux.zeros((3,)), flux.zeros((3, 3)))
    for _ in range(2):
        s = observed(s, flux.randn((11, 3)))
    print(covariance(s).shape)

=== shared_buffers
class Codebook(nn.Module):
    codes: Float32[Tensor, "k d"]
    counts: Float32[Tensor, "k"]

    def __init__(self, k: int, d: int) -> None:
        self.codes = flux.randn((k, d))
        self.counts = nn.buffer(flux.ones((k,)))

    def distances(self, x: Float32[Tensor, "n e"]) -> Float32[Tensor, "n k"]:
        norms = (self.codes**2).sum(axis=1)
        #! norms = (self.codes**2).sum(axis=0)
        cross = x @ self.codes.mT
        return (x**2).sum(axis=1)[:, None] - 2 * cross + norms  #?

    def usage(self) -> Float32[Tensor, "k d"]:
        return self.codes * self.counts[:, None]
        #! return self.codes * self.counts

    def centre(self) -> Float32[Tensor, "d"]:
        return self.counts @ self.codes / self.counts.sum()
        #! return self.codes @ self.counts / self.counts.sum()


def main() -> None:
    book = Codebook(8, 3)
    print(book.distances(flux.rand((5, 3))).shape, book.usage().shape, book.centre().shape)

=== generic_pair
N = TypeVar("N")
D = TypeVar("D")


@dataclass
class Pair(Generic[N, D]):
    left: Float32[Tensor, "N D"]
    right: Float32[Tensor, "N D"]
    weight: Float32[Tensor, "N"]


def cosine(p: Pair[N, D]) -> Float32[Tensor, "N"]:
    dot = (p.left * p.right).sum(axis=1)
    #! dot = (p.left * p.right).sum(axis=0)
    size = flux.sqrt((p.left**2).sum(axis=1) * (p.right**2).sum(axis=1))
    return p.weight * dot / size  #?


def contrast(p: Pair[N, D]) -> Float32[Tensor, "N N"]:
    return p.left @ p.right.mT
    #! return p.left @ p.right


def main() -> None:
    p = Pair(flux.rand((4, 6)), flux.rand((4, 6)), flux.ones((4,)))
    #!later p = Pair(flux.rand((4, 6)), flux.rand((4, 5)), flux.ones((4,)))
    print(cosine(p).shape, contrast(p).shape)

=== variational_outputs
class Posterior(NamedTuple):
    mean: Float[Tensor, "b z"]
    logvar: Float[Tensor, "b z"]


class Reconstruction(NamedTuple):
    image: Float[Tensor, "b 64"]
    posterior: Posterior


class VAE(nn.Module):
    def __init__(self) -> None:
        self.encode = nn.Dense(64, 16)
        self.mean = nn.Dense(16, 4)
        self.logvar = nn.Dense(16, 4)
        #! self.logvar = nn.Dense(16, 5)
        self.decode = nn.Dense(4, 64)

    def __call__(self, x: Float[Tensor, "b 64"]) -> Reconstruction:
        h = flux.relu(self.encode(x))
        q = Posterior(self.mean(h), self.logvar(h))  #?
        z = q.mean + flux.exp(0.5 * q.logvar) * flux.randn(q.mean.shape)  #?
        return Reconstruction(self.decode(z), q)
        #! return Reconstruction(z, q)


def divergence(q: Posterior) -> Float[Tensor, "b"]:
    return -0.5 * (1 + q.logvar - q.mean**2 - flux.exp(q.logvar)).sum(axis=1)
    #!silent return -0.5 * (1 + q.logvar - q.mean**2 - flux.exp(q.logvar))


def overlap(q: Posterior) -> Float[Tensor, "b b"]:
    return q.mean @ q.logvar.mT
    #! return q.mean @ q.logvar


def main() -> None:
    x = flux.rand((6, 64))
    out = VAE()(x)
    print(losses.mse(out.image, x) + divergence(out.posterior).mean())
    #! print(losses.mse(out.posterior.mean, x) + divergence(out.posterior).mean())
    print(overlap(out.posterior).shape)

=== comprehension_over_records
@dataclass
class Shard:
    rows: Float32[Tensor, "n d"]
    ids: Int64[Tensor, "n"]


def totals(shards: list[Shard]) -> Float32[Tensor, "d"]:
    sums = [(shard.rows * shard.ids[:, None]).sum(axis=0) for shard in shards]
    #! sums = [(shard.rows * shard.ids).sum(axis=0) for shard in shards]
    return flux.stack(sums).sum(axis=0)


def joined(shards: list[Shard]) -> Shard:
    rows = flux.concat([s.rows for s in shards], axis=0)
    return Shard(rows, flux.concat([s.ids for s in shards], axis=0))
    #!silent return Shard(rows, flux.concat([s.rows for s in shards], axis=0))


def spread(table: dict[str, Shard]) -> dict[str, float]:
    return {name: float((s.rows.mean(axis=1) * s.ids).sum()) for name, s in table.items()}
    #! return {name: float((s.rows.mean(axis=0) * s.ids).sum()) for name, s in table.items()}


def main() -> None:
    shards = [Shard(flux.rand((n, 4)), flux.arange(n)) for n in (2, 3)]
    print(totals(shards), joined(shards).ids, spread({"a": shards[0]}))

=== branch_on_kind
@dataclass
class Dense2D:
    kernel: Float32[Tensor, "i o"]
    bias: Float32[Tensor, "o"]


@dataclass
class Diagonal:
    gain: Float32[Tensor, "i"]
    bias: Float32[Tensor, "i"]


def apply(layer: Dense2D | Diagonal, x: Float32[Tensor, "b n"]) -> Float32[Tensor, "b _"]:
    if isinstance(layer, Dense2D):
        return x @ layer.kernel + layer.bias
        #! return x @ layer.kernel + layer.kernel
    return x * layer.gain + layer.bias


def trace(layer: Dense2D) -> Float32[Tensor, "o"]:
    gram = layer.kernel.mT @ layer.kernel
    #! gram = layer.kernel @ layer.kernel.mT
    return gram @ layer.bias  #?


def main() -> None:
    x = flux.rand((3, 5))
    layers: list[Dense2D | Diagonal] = [
        Dense2D(flux.rand((5, 4)), flux.zeros((4,))),
        #!later Dense2D(flux.rand((5, 4)), flux.zeros((5,))),
        Diagonal(flux.ones((4,)), flux.zeros((4,))),
    ]
    for layer in layers:
        x = apply(layer, x)
    print(x.shape, trace(Dense2D(flux.rand((5, 4)), flux.zeros((4,)))))

=== physics_particles
@dataclass
class Particles:
    position: Float32[Tensor, "n 2"]
    velocity: Float32[Tensor, "n 2"]
    mass: Float32[Tensor, "n"]


def momentum(p: Particles) -> Float32[Tensor, "2"]:
    return (p.mass[:, None] * p.velocity).sum(axis=0)
    #! return (p.mass * p.velocity).sum(axis=0)


def energy(p: Particles) -> Float32[Tensor, "n"]:
    return 0.5 * p.mass * (p.velocity**2).sum(axis=1)
    #!silent return 0.5 * p.mass[:, None] * (p.velocity**2).sum(axis=0)


def forces(p: Particles) -> Float32[Tensor, "n 2"]:
    gap = p.position[:, None] - p.position
    distance = (gap**2).sum(axis=2) + 1e-3
    #! distance = (gap**2).sum(axis=1) + 1e-3
    strength = p.mass * p.mass[:, None] / distance
    return (strength[..., None] * gap).sum(axis=1)  #?


def stepped(p: Particles, dt: float) -> Particles:
    velocity = p.velocity + dt * forces(p) / p.mass[:, None]
    #! velocity = p.velocity + dt * forces(p) / p.mass
    return Particles(p.position + dt * velocity, velocity, p.mass)


def main() -> None:
    p = Particles(flux.rand((5, 2)), flux.zeros((5, 2)), flux.ones((5,)))
    for _ in range(3):
        p = stepped(p, 0.01)  #?
    print(momentum(p), energy(p))  #?

=== configuration_and_parameters
@dataclass(frozen=True)
class Config:
    width: int = 16
    heads: int = 4
    vocabulary: int = 50


class Parameters(NamedTuple):
    table: Float32[Tensor, "v d"]
    query: Float32[Tensor, "d d"]
    output: Float32[Tensor, "d v"]


def initial(c: Config) -> Parameters:
    return Parameters(
        flux.randn((c.vocabulary, c.width)),
        flux.randn((c.width, c.width)),
        flux.randn((c.width, c.vocabulary)),
        #! flux.randn((c.vocabulary, c.width)),
    )


def logits(p: Parameters, ids: Int64[Tensor, "t"]) -> Float32[Tensor, "t v"]:
    h = p.table[ids] @ p.query
    #! h = p.query @ p.table[ids]
    return h @ p.output  #?
    #! return h @ p.table


def tied(p: Parameters) -> Float32[Tensor, "v v"]:
    return p.table @ p.query @ p.output
    #! return p.table @ p.output @ p.query
    #! return p.output @ p.query @ p.table


def main() -> None:
    p = initial(Config(vocabulary=30))
    print(logits(p, flux.asarray([1, 2, 3])).shape, tied(p).shape)
    #!silent print(logits(p, flux.asarray([[1, 2, 3]])).shape, tied(p).shape)

=== attribute_of_self
@dataclass
class Series:
    time: Float32[Tensor, "t"]
    value: Float32[Tensor, "t c"]


class Smoother:
    def __init__(self, series: Series, width: float) -> None:
        self.series = series
        self.width = width

    def kernel(self) -> Float32[Tensor, "t t"]:
        gap = self.series.time[:, None] - self.series.time[None]
        return flux.exp(-((gap / self.width) ** 2))
        #! return flux.exp(-((gap / self.series.value) ** 2))

    def smooth(self) -> Float32[Tensor, "t c"]:
        k = self.kernel()
        total = k @ self.series.value
        return total / k.sum(axis=1)[:, None]

    def slope(self) -> Float32[Tensor, "c"]:
        time = self.series.time - self.series.time.mean()
        value = self.series.value - self.series.value.mean(axis=0)
        #! value = self.series.value - self.series.value.mean(axis=1)
        return time @ value / (time**2).sum()  #?
        #! return value @ time / (time**2).sum()


def main() -> None:
    s = Smoother(Series(flux.arange(9) * 1.0, flux.rand((9, 2))), 2.0)
    print(s.smooth().shape, s.slope().shape)
"""
