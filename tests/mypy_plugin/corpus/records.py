"""Records of tensors: batches, buffers, states, parameters and outputs, in all forms of classes."""

PROGRAMS = """
=== supervised_batch
@dataclass
class Batch:
    x: Float32[Tensor, "n d"]
    y: Float32[Tensor, "n"]
    weight: Float32[Tensor, "n"]


def weighted(batch: Batch, w: Float32[Tensor, "k"]) -> Float32[Tensor, ""]:
    error = batch.x @ w - batch.y
    #! error = batch.x.mT @ batch.x - batch.y
    return (batch.weight * error**2).sum()
    #! return (batch.weight * batch.x).sum()


def centred(batch: Batch) -> Batch:
    mean = (batch.weight[:, None] * batch.x).sum(axis=0) / batch.weight.sum()
    #! mean = (batch.weight[:, None] * batch.x).sum(axis=1) / batch.weight.sum()
    return Batch(batch.x - mean, batch.y, batch.weight)  #?
    #!later return Batch(batch.x - mean, batch.x.mean(axis=0), batch.weight)


def main() -> None:
    batch = Batch(flux.randn((12, 5)), flux.randn((12,)), flux.ones((12,)))
    print(weighted(centred(batch), flux.ones((5,))))
    #! print(weighted(centred(batch), flux.ones((12,))))

=== transitions
class Transition(NamedTuple):
    state: Float32[Tensor, "b s"]
    action: Int64[Tensor, "b"]
    reward: Float32[Tensor, "b"]
    following: Float32[Tensor, "b s"]
    done: Bool[Tensor, "b"]


def target(q: nn.Chain, t: Transition, discount: float) -> Float[Tensor, "b"]:
    best = q(t.following).max(axis=1)
    #!silent best = q(t.following).max(axis=1, keepdims=True)
    return t.reward + discount * flux.where(t.done, 0.0, best)  #?


def td_error(q: nn.Chain, t: Transition) -> Float[Tensor, "b"]:
    values = q(t.state)
    chosen = flux.take_along_axis(values, t.action[:, None], axis=1)[:, 0]
    #! chosen = flux.take_along_axis(values, t.action, axis=1)[:, 0]
    return target(q, t, 0.9) - chosen


def change(t: Transition) -> Float32[Tensor, "b"]:
    moved = ((t.following - t.state) ** 2).sum(axis=1)
    return moved * t.reward
    #! return (t.following - t.state) * t.reward


def main() -> None:
    q = nn.Chain(nn.Dense(4, 16, flux.relu), nn.Dense(16, 3))
    t = Transition(
        flux.randn((7, 4)),
        flux.randint(0, 3, (7,)),
        flux.randn((7,)),
        #! flux.randn((6,)),
        flux.randn((7, 4)),
        flux.zeros((7,), dtype=flux.bool_),
    )
    print(td_error(q, t).shape, change(t).shape)  #?

=== typed_dict_pipeline
class Example(TypedDict):
    image: Float32[Tensor, "b h w"]
    mask: Float32[Tensor, "b h w"]
    label: Int64[Tensor, "b"]


def masked_mean(e: Example) -> Float32[Tensor, "b"]:
    total = (e["image"] * e["mask"]).sum(axis=(1, 2))
    area = e["mask"].sum(axis=(1, 2))
    #! area = e["mask"].sum(axis=1)
    return total / area  #?


def flipped(e: Example) -> Example:
    image, mask, label = e["image"], e["mask"], e["label"]
    return {"image": flux.flip(image, axis=2), "mask": flux.flip(mask, axis=2), "label": label}
    #!later return {"image": flux.flip(image, axis=2), "mask": mask.sum(axis=0), "label": label}


def score(e: Example) -> Float32[Tensor, ""]:
    brightness = masked_mean(e)
    return (brightness * e["label"]).sum()
    #! return (e["image"].mean(axis=0) * e["label"]).sum()


def main() -> None:
    e: Example = {
        "image": flux.rand((4, 6, 5)),
        "mask": flux.ones((4, 6, 5)),
        "label": flux.asarray([0, 1, 1, 0]),
    }
    print(score(flipped(e)))

=== gaussian_belief
@dataclass(frozen=True)
class Belief:
    mean: Float32[Tensor, "d"]
    cov: Float32[Tensor, "d d"]


@dataclass(frozen=True)
class Model:
    transition: Float32[Tensor, "d d"]
    observe: Float32[Tensor, "o d"]
    process: Float32[Tensor, "d d"]
    noise: Float32[Tensor, "o o"]


def inverse(a: Float32[Tensor, "n n"]) -> Float32[Tensor, "n n"]:
    x = a.mT / (a**2).sum()
    for _ in range(20):
        x = 2 * x - x @ a @ x
    return x


def predict(m: Model, b: Belief) -> Belief:
    cov = m.transition @ b.cov @ m.transition.mT + m.process
    #! cov = m.transition @ b.cov @ m.transition.mT + m.noise
    return Belief(m.transition @ b.mean, cov)  #?


def update(m: Model, b: Belief, z: Float32[Tensor, "k"]) -> Belief:
    innovation = z - m.observe @ b.mean
    s = m.observe @ b.cov @ m.observe.mT + m.noise
    #! s = m.observe.mT @ b.cov @ m.observe + m.noise
    gain = b.cov @ m.observe.mT @ inverse(s)  #?
    cov = b.cov - gain @ m.observe @ b.cov
    #! cov = b.cov - m.observe @ gain @ b.cov
    return Belief(b.mean + gain @ innovation, cov)
    #! return Belief(gain @ innovation, m.noise)


def main() -> None:
    m = Model(flux.eye(4), flux.rand((2, 4)), flux.eye(4), flux.eye(2))
    #! m = Model(flux.eye(4), flux.rand((4, 2)), flux.eye(4), flux.eye(2))
    b = Belief(flux.zeros((4,)), flux.eye(4))
    for z in (flux.ones((2,)), flux.zeros((2,))):
        b = update(m, predict(m, b), z)  #?
    print(b.mean)

=== rollout_buffer
class Rollout(NamedTuple):
    reward: Float32[Tensor, "t n"]
    value: Float32[Tensor, "t+1 n"]
    done: Float32[Tensor, "t n"]


def advantages(r: Rollout, discount: float, lam: float) -> Float32[Tensor, "t n"]:
    delta = r.reward + discount * r.value[1:] * (1 - r.done) - r.value[:-1]
    #! delta = r.reward + discount * r.value[1:] * (1 - r.done) - r.value
    #! delta = r.reward + discount * r.value * (1 - r.done) - r.value[:-1]
    steps = []
    last = flux.zeros((r.reward.shape[1],))
    for t in range(r.reward.shape[0] - 1, -1, -1):
        last = delta[t] + discount * lam * (1 - r.done[t]) * last
        #! last = delta[t] + discount * lam * (1 - r.done[:, t]) * last
        steps.append(last)
    return flux.flip(flux.stack(steps), axis=0)


def main() -> None:
    r = Rollout(flux.rand((6, 3)), flux.rand((7, 3)), flux.zeros((6, 3)))
    a = advantages(r, 0.99, 0.95)
    print((a + r.value[:-1]).mean())
    #! print((a.mean(axis=0) * r.value.mean(axis=1)).mean())

=== model_output
@dataclass
class Output:
    logits: Float[Tensor, "b c"]
    features: Float[Tensor, "b f"]
    attention: Float[Tensor, "b t"] | None = None


class Net(nn.Module):
    def __init__(self) -> None:
        self.embed = nn.Dense(6, 16)
        self.score = nn.Dense(16, 1)
        self.head = nn.Dense(16, 4)

    def __call__(self, x: Float[Tensor, "b t 6"]) -> Output:
        h = flux.tanh(self.embed(x))
        w = flux.softmax(self.score(h)[..., 0], axis=1)
        #! w = flux.softmax(self.score(h), axis=1)
        pooled = (w[..., None] * h).sum(axis=1)  #?
        return Output(self.head(pooled), pooled, w)  #?
        #! return Output(self.head(pooled), h, w)


def objective(out: Output, y: Int[Tensor, "n"]) -> Float[Tensor, ""]:
    loss = losses.logitcrossentropy(out.logits, y)
    #! loss = losses.logitcrossentropy(out.logits.mT, out.features)
    if out.attention is not None:
        loss = loss - (out.attention * flux.log(out.attention)).sum(axis=1).mean()
    return loss


def separated(out: Output) -> Float[Tensor, "b"]:
    confidence = flux.softmax(out.logits, axis=1).max(axis=1)
    size = (out.features**2).sum(axis=1)
    #! size = (out.features**2).sum(axis=0)
    return confidence * size  #?


def main() -> None:
    out = Net()(flux.rand((5, 7, 6)))
    print(objective(out, flux.randint(0, 4, (5,))), separated(out))

=== graph_batch
@dataclass
class Graph:
    nodes: Float32[Tensor, "n f"]
    edges: Float32[Tensor, "e g"]
    sender: Int64[Tensor, "e"]
    receiver: Int64[Tensor, "e"]
    adjacency: Float32[Tensor, "n n"]


def aggregate(graph: Graph) -> Float32[Tensor, "n f"]:
    degree = graph.adjacency.sum(axis=1)
    return graph.adjacency @ graph.nodes / degree[:, None]
    #! return graph.adjacency @ graph.nodes / degree
    #! return graph.nodes @ graph.adjacency / degree[:, None]


def messages(graph: Graph) -> Float32[Tensor, "e h"]:
    sent, received = graph.nodes[graph.sender], graph.nodes[graph.receiver]
    return flux.concat([sent, received, graph.edges], axis=1)
    #! return flux.concat([sent, graph.nodes, graph.edges], axis=1)
    #! return flux.concat([sent, received, graph.edges], axis=0)


def main() -> None:
    graph = Graph(
        nodes=flux.rand((5, 3)),
        edges=flux.rand((8, 2)),
        sender=flux.randint(0, 5, (8,)),
        receiver=flux.randint(0, 5, (8,)),
        #!later receiver=flux.randint(0, 5, (5,)),
        adjacency=flux.ones((5, 5)),
    )
    print(aggregate(graph).shape, messages(graph).shape)

=== plain_layer
class Affine:
    weight: Float32[Tensor, "i o"]
    bias: Float32[Tensor, "o"]

    def __init__(self, weight: Float32[Tensor, "i o"], bias: Float32[Tensor, "o"]) -> None:
        self.weight = weight
        self.bias = bias

    def __call__(self, x: Float32[Tensor, "b k"]) -> Float32[Tensor, "b m"]:
        return x @ self.weight + self.bias
        #! return x @ self.weight.mT + self.bias

    def penalty(self) -> Float32[Tensor, "o"]:
        return (self.weight**2).sum(axis=0) + self.bias**2
        #! return (self.weight**2).sum(axis=1) + self.bias**2

    def transposed(self) -> Float32[Tensor, "i"]:
        return self.weight @ self.bias
        #! return self.bias @ self.weight


def main() -> None:
    layer = Affine(flux.randn((6, 4)), flux.zeros((4,)))
    #!later layer = Affine(flux.randn((6, 4)), flux.zeros((6,)))
    print(layer(flux.rand((3, 6))).shape, layer.penalty(), layer.transposed())

=== protocol_weights
class Linear(Protocol):
    weight: Float32[Tensor, "o i"]
    bias: Float32[Tensor, "o"]


@dataclass
class Given:
    weight: Float32[Tensor, "o i"]
    bias: Float32[Tensor, "o"]


def norms(layer: Linear) -> Float32[Tensor, "o"]:
    return flux.sqrt((layer.weight**2).sum(axis=1) + layer.bias**2)
    #! return flux.sqrt((layer.weight**2).sum(axis=0) + layer.bias**2)


def scaled(layer: Linear) -> Float32[Tensor, "o i"]:
    return layer.weight * layer.bias[:, None]
    #! return layer.weight * layer.bias
    #! return layer.weight @ layer.weight


def main() -> None:
    layer = Given(flux.rand((3, 4)), flux.rand((3,)))
    #!later layer = Given(flux.rand((3, 4)), flux.rand((4,)))
    print(norms(layer), scaled(layer).shape)

=== recurrent_state
class State(NamedTuple):
    h: Float32[Tensor, "b d"]
    c: Float32[Tensor, "b d"]


def start(b: int, d: int) -> State:
    return State(flux.zeros((b, d)), flux.zeros((b, d)))


def blend(s: State, gate: Float32[Tensor, "b d"]) -> State:
    h = gate * s.h + (1 - gate) * s.c
    return State(h, flux.tanh(s.c))
    #!later return State(h, flux.tanh(s.c).sum(axis=1))


def similarity(s: State) -> Float32[Tensor, "b b"]:
    return s.h @ s.c.mT
    #! return s.h @ s.c
    #! return s.h.mT @ s.c.mT


def main() -> None:
    s = start(3, 8)
    for step in range(4):
        s = blend(s, flux.full((3, 8), 0.5))
        #! s = blend(s, flux.full((3, 7), 0.5))
    h, c = s
    print(similarity(s).shape, (h * c).sum(axis=1).shape)
    #! print(similarity(s).shape, (h @ c).sum(axis=1).shape)

=== nested_records
@dataclass
class Inputs:
    tokens: Int64[Tensor, "b t"]
    mask: Float32[Tensor, "b t"]


@dataclass
class Targets:
    labels: Int64[Tensor, "b"]
    weight: Float32[Tensor, "b"]


@dataclass
class Item:
    inputs: Inputs
    targets: Targets


class Tagger(nn.Module):
    def __init__(self) -> None:
        self.table = nn.Embedding(20, 8)
        self.head = nn.Dense(8, 3)

    def __call__(self, inputs: Inputs) -> Float[Tensor, "n 3"]:
        h = self.table(inputs.tokens) * inputs.mask[..., None]
        #! h = self.table(inputs.tokens) * inputs.mask
        length = inputs.mask.sum(axis=1)
        #! length = inputs.mask.sum(axis=0)
        return self.head(h.sum(axis=1) / length[:, None])  #?
        #! return self.head(h.sum(axis=1) / length)


def loss(m: Tagger, item: Item) -> Float[Tensor, ""]:
    scores = flux.logsoftmax(m(item.inputs), axis=1)
    picked = flux.take_along_axis(scores, item.targets.labels[:, None], axis=1)[:, 0]
    return -(picked * item.targets.weight).mean()
    #! return -(picked * item.inputs.mask.mean(axis=0)).mean()


def main() -> None:
    item = Item(
        Inputs(flux.randint(0, 20, (4, 6)), flux.ones((4, 6))),
        #! Inputs(flux.randint(0, 20, (4, 6)), flux.ones((4, 5))),
        Targets(flux.randint(0, 3, (4,)), flux.ones((4,))),
    )
    print(loss(Tagger(), item))  #?

=== list_of_records
@dataclass
class Sample:
    signal: Float32[Tensor, "c t"]
    gain: Float32[Tensor, "c"]


def calibrated(sample: Sample) -> Float32[Tensor, "c t"]:
    return sample.signal * sample.gain[:, None]
    #! return sample.signal * sample.gain


def energy(samples: list[Sample]) -> list[float]:
    found = []
    for sample in samples:
        power = (sample.signal**2).mean(axis=1)
        #! power = (sample.signal**2).mean(axis=0)
        found.append(float((power * sample.gain).sum()))  #?
    return found


def loudest(samples: Sequence[Sample]) -> Float32[Tensor, "t"]:
    first = samples[0]
    return first.gain @ first.signal
    #! return first.signal @ first.gain


def main() -> None:
    samples = [Sample(flux.rand((2, 10)), flux.ones((2,))) for _ in range(3)]
    #!later samples = [Sample(flux.rand((2, 10)), flux.ones((10,))) for _ in range(3)]
    print(calibrated(samples[0]).shape, energy(samples), loudest(samples).shape)

=== replaced_fields
@dataclass(frozen=True)
class Cloud:
    points: Float32[Tensor, "n 3"]
    normals: Float32[Tensor, "n 3"]
    density: Float32[Tensor, "n"]


def moved(cloud: Cloud, by: Float32[Tensor, "3"]) -> Cloud:
    return Cloud(cloud.points + by, cloud.normals, cloud.density)


def rotated(cloud: Cloud, r: Float32[Tensor, "3 3"]) -> Cloud:
    return Cloud(cloud.points @ r.mT, cloud.normals @ r.mT, cloud.density)
    #!later return Cloud(r @ cloud.points.mT, cloud.normals @ r.mT, cloud.density)


def centre(cloud: Cloud) -> Float32[Tensor, "3"]:
    weights = cloud.density / cloud.density.sum()
    return weights @ cloud.points
    #! return cloud.points.mT @ cloud.points @ weights
    #! return (weights * cloud.points).sum(axis=0)


def facing(cloud: Cloud) -> Float32[Tensor, "n"]:
    return (cloud.points * cloud.normals).sum(axis=1) * cloud.density
    #! return (cloud.points @ cloud.normals).sum(axis=1) * cloud.density
    #! return (cloud.points * cloud.normals).sum(axis=1, keepdims=True) * cloud.normals.mT


def main() -> None:
    cloud = Cloud(flux.randn((9, 3)), flux.randn((9, 3)), flux.ones((9,)))
    cloud = rotated(moved(cloud, flux.ones((3,))), flux.eye(3))
    print(centre(cloud), facing(cloud))

=== attention_cache
@dataclass
class Cache:
    keys: Float32[Tensor, "b h t d"]
    values: Float32[Tensor, "b h t d"]
    length: Int64[Tensor, "b"]


def attend(q: Float32[Tensor, "b h s d"], cache: Cache) -> Float32[Tensor, "b h s d"]:
    scores = q @ cache.keys.mT / math.sqrt(q.shape[-1])
    #! scores = q @ cache.keys / math.sqrt(q.shape[-1])
    return flux.softmax(scores, axis=-1) @ cache.values
    #! return flux.softmax(scores, axis=-1) @ cache.values.mT


def grown(cache: Cache, k: Float32[Tensor, "b h 1 d"], v: Float32[Tensor, "b h 1 d"]) -> Cache:
    return Cache(
        flux.concat([cache.keys, k], axis=2),
        flux.concat([cache.values, v], axis=2),
        #! flux.concat([cache.values, v], axis=3),
        cache.length + 1,
    )


def merged(cache: Cache) -> Float32[Tensor, "b t"]:
    visible = flux.arange(cache.keys.shape[2]) < cache.length[:, None]
    #! visible = flux.arange(cache.keys.shape[2]) < cache.length
    return cache.values.mean(axis=(1, 3)) * visible  #?
    #! return cache.values.mean(axis=(2, 3)) * visible


def main() -> None:
    cache = Cache(flux.rand((2, 4, 5, 8)), flux.rand((2, 4, 5, 8)), flux.asarray([5, 3]))
    out = attend(flux.rand((2, 4, 1, 8)), cache)  #?
    cache = grown(cache, flux.rand((2, 4, 1, 8)), flux.rand((2, 4, 1, 8)))  #?
    print(out.shape, merged(cache).shape)

=== optimiser_state
class Moments(NamedTuple):
    first: Float32[Tensor, "p q"]
    second: Float32[Tensor, "p q"]
    scale: Float32[Tensor, "p"]


def step(m: Moments, gradient: Float32[Tensor, "p q"]) -> Moments:
    first = 0.9 * m.first + 0.1 * gradient
    second = 0.99 * m.second + 0.01 * gradient**2
    return m._replace(first=first, second=second)
    #!later return m._replace(first=first, second=second.mean(axis=1))


def direction(m: Moments) -> Float32[Tensor, "p q"]:
    return m.scale[:, None] * m.first / flux.sqrt(m.second + 1e-8)
    #! return m.scale * m.first / flux.sqrt(m.second + 1e-8)
    #! return m.scale[:, None] * m.first / flux.sqrt(m.second.mT + 1e-8)


def main() -> None:
    m = Moments(flux.zeros((4, 3)), flux.zeros((4, 3)), flux.ones((4,)))
    #!later m = Moments(flux.zeros((4, 3)), flux.zeros((3, 4)), flux.ones((4,)))
    weight = flux.randn((4, 3))
    for _ in range(3):
        m = step(m, weight)
        weight = weight - direction(m)
        #! weight = weight - direction(m).mT
    print(weight.shape)
"""
