"""Modules with type variables, configurations, containers of layers, and modules in modules."""

PROGRAMS = """
=== generic_mlp
I = TypeVar("I")
H = TypeVar("H")
O = TypeVar("O")


class MLP(nn.Module, Generic[I, H, O]):
    def __init__(self, inputs: Size[I], hidden: Size[H], outputs: Size[O]) -> None:
        self.first = nn.Dense(inputs, hidden, flux.relu)
        #! self.first = nn.Dense(hidden, inputs, flux.relu)
        self.second = nn.Dense(hidden, hidden, flux.relu)
        self.last = nn.Dense(hidden, outputs)
        #! self.last = nn.Dense(inputs, outputs)

    def __call__(self, x: Float[Tensor, "*b I"]) -> Float[Tensor, "*b O"]:
        x = self.first(x)  #?
        x = x + self.second(x)
        return self.last(x)  #?


class ActorCritic(nn.Module):
    def __init__(self) -> None:
        self.actor = MLP(8, 64, 4)
        self.critic = MLP(8, 64, 1)
        #! self.critic = MLP(64, 8, 1)

    def __call__(self, state: Float[Tensor, "b 8"]) -> tuple[Tensor, Float[Tensor, "b"]]:
        return self.actor(state), self.critic(state)[:, 0]  #?
        #! return self.actor(state), self.critic(state)


def main() -> None:
    policy, value = ActorCritic()(flux.rand((5, 8)))
    print(policy.shape, (value - flux.zeros((5,))).mean())

=== generic_linear_tied
V = TypeVar("V")
D = TypeVar("D")


class TiedEmbedding(nn.Module, Generic[V, D]):
    table: Float[Tensor, "V D"]

    def __init__(self, vocab: Size[V], dim: Size[D]) -> None:
        self.table = flux.randn((vocab, dim)) * 0.02
        #! self.table = flux.randn((dim, vocab)) * 0.02

    def embed(self, ids: Int[Tensor, "*s"]) -> Float[Tensor, "*s D"]:
        return self.table[ids]
        #! return self.table.T[ids]

    def logits(self, h: Float[Tensor, "*s D"]) -> Float[Tensor, "*s V"]:
        return h @ self.table.mT
        #! return h @ self.table


def main() -> None:
    tied = TiedEmbedding(300, 24)
    mix = nn.GRU(24, 24)
    #! mix = nn.GRU(24, 32)
    ids = flux.randint(0, 300, (2, 7))
    h = mix(tied.embed(ids))
    logits = tied.logits(h)  #?
    #! logits = tied.logits(h.mT)
    print(losses.logitcrossentropy(logits.reshape((14, 300)), ids.reshape((14,))))

=== generic_attention_heads
D = TypeVar("D")


class SelfAttention(nn.Module, Generic[D]):
    def __init__(self, d: Size[D], heads: int) -> None:
        self.heads = heads
        self.q = nn.Dense(d, d)
        self.k = nn.Dense(d, d)
        self.v = nn.Dense(d, d)
        self.o = nn.Dense(d, d)

    def __call__(self, x: Float[Tensor, "b t D"]) -> Float[Tensor, "b t D"]:
        b, t, d = x.shape
        h = self.heads
        q = self.q(x).reshape((b, t, h, d // h)).permute_dims((0, 2, 1, 3))
        k = self.k(x).reshape((b, t, h, d // h)).permute_dims((0, 2, 1, 3))
        v = self.v(x).reshape((b, t, h, d // h)).permute_dims((0, 2, 1, 3))
        w = flux.softmax(q @ k.mT / math.sqrt(d // h), axis=-1)
        #! w = flux.softmax(q @ k / math.sqrt(d // h), axis=-1)
        y = (w @ v).permute_dims((0, 2, 1, 3)).reshape((b, t, d))
        return self.o(y)


class Layer(nn.Module, Generic[D]):
    def __init__(self, d: Size[D]) -> None:
        self.attention = SelfAttention(d, 4)
        self.up = nn.Dense(d, 4 * d, flux.gelu)
        self.down = nn.Dense(4 * d, d)
        #! self.down = nn.Dense(2 * d, d)
        self.norm = nn.LayerNorm(d)

    def __call__(self, x: Float[Tensor, "b t D"]) -> Float[Tensor, "b t D"]:
        x = x + self.attention(self.norm(x))
        return x + self.down(self.up(x))  #?
        #! return x + self.up(x)


def main() -> None:
    stack = nn.Chain(Layer(32), Layer(32))
    #! stack = nn.Chain(Layer(32), Layer(64))
    print(stack(flux.rand((2, 5, 32))).shape)  #?
    #! print(stack(flux.rand((2, 32, 5))).shape)

=== config_driven
@dataclass(frozen=True)
class Config:
    inputs: Literal[20] = 20
    hidden: Literal[64] = 64
    classes: Literal[5] = 5
    layers: int = 2


class Net(nn.Module):
    def __init__(self, c: Config) -> None:
        self.inp = nn.Dense(c.inputs, c.hidden, flux.relu)
        self.hidden = [nn.Dense(c.hidden, c.hidden, flux.relu) for _ in range(c.layers)]
        #! self.hidden = [nn.Dense(c.inputs, c.hidden, flux.relu) for _ in range(c.layers)]
        self.norm = nn.LayerNorm(c.hidden)
        #! self.norm = nn.LayerNorm(c.inputs)
        self.out = nn.Dense(c.hidden, c.classes)
        #! self.out = nn.Dense(c.classes, c.hidden)

    def __call__(self, x: Float[Tensor, "b 20"]) -> Float[Tensor, "b 5"]:
        x = self.inp(x)
        for layer in self.hidden:
            x = x + layer(x)  #?
        return self.out(self.norm(x))  #?


def main() -> None:
    config = Config(layers=3)
    net = Net(config)
    print(losses.logitcrossentropy(net(flux.rand((4, 20))), flux.one_hot([0, 1, 2, 3], 5)))
    #! print(losses.logitcrossentropy(net(flux.rand((4, 20))), flux.one_hot([0, 1, 2, 3], 4)))

=== final_constants
IMAGE: Final = 16
PATCH: Final = 4
PATCHES: Final = (IMAGE // PATCH) ** 2
WIDTH: Final = 3 * PATCH * PATCH


class Mixer(nn.Module):
    def __init__(self) -> None:
        self.tokens = nn.Dense(PATCHES, PATCHES, flux.gelu)
        #! self.tokens = nn.Dense(WIDTH, WIDTH, flux.gelu)
        self.channels = nn.Dense(WIDTH, WIDTH, flux.gelu)
        self.head = nn.Dense(WIDTH, 10)
        #! self.head = nn.Dense(PATCHES, 10)

    def __call__(self, x: Float[Tensor, "b 3 16 16"]) -> Float[Tensor, "b 10"]:
        n = IMAGE // PATCH
        x = flux.rearrange(x, "b c (h p) (w q) -> b (h w) (p q c)", h=n, w=n)
        x = x + self.tokens(x.mT).mT  #?
        #! x = x + self.tokens(x.mT)
        x = x + self.channels(x)
        return self.head(x.mean(axis=1))  #?
        #! return self.head(x.mean(axis=2))


def main() -> None:
    print(Mixer()(flux.rand((2, 3, 16, 16))).shape)

=== heads_by_name
class MultiTask(nn.Module):
    def __init__(self) -> None:
        self.trunk = nn.Chain(nn.Dense(30, 64, flux.relu), nn.Dense(64, 32, flux.relu))
        #! self.trunk = nn.Chain(nn.Dense(30, 64, flux.relu), nn.Dense(64, 48, flux.relu))
        self.heads = {"age": nn.Dense(32, 1), "gender": nn.Dense(32, 2)}

    def __call__(self, x: Float[Tensor, "b 30"]) -> dict[str, Tensor]:
        h = self.trunk(x)
        return {name: head(h) for name, head in self.heads.items()}  #?

    def age(self, x: Float[Tensor, "b 30"]) -> Float[Tensor, "b"]:
        return self.heads["age"](self.trunk(x))[:, 0]


def main() -> None:
    model = MultiTask()
    x = flux.rand((6, 30))
    #! x = flux.rand((6, 1, 30))
    print(model(x)["age"].shape, model.age(x).shape)  #?

=== ensemble_of_models
class Member(nn.Module):
    def __init__(self, seed: int) -> None:
        flux.seed(seed)
        self.a = nn.Dense(5, 20, flux.tanh)
        self.b = nn.Dense(20, 2)

    def __call__(self, x: Float[Tensor, "b 5"]) -> Float[Tensor, "b 2"]:
        return self.b(self.a(x))


class Ensemble(nn.Module):
    members: list[Member]

    def __init__(self, count: int) -> None:
        self.members = [Member(i) for i in range(count)]

    def __call__(
        self, x: Float[Tensor, "b 5"]
    ) -> tuple[Float[Tensor, "b 2"], Float[Tensor, "b 2"]]:
        outputs = flux.stack([m(x) for m in self.members])
        #! outputs = flux.stack([m(x.T) for m in self.members])
        return outputs.mean(axis=0), outputs.std(axis=0)
        #! return outputs.mean(axis=-1), outputs.std(axis=0)
        #! return outputs, outputs.std(axis=0)


def main() -> None:
    mean, spread = Ensemble(3)(flux.rand((7, 5)))
    target = flux.rand((7, 2))
    nll = 0.5 * ((target - mean) / spread) ** 2 + flux.log(spread)
    #! nll = 0.5 * ((target.T - mean) / spread) ** 2 + flux.log(spread)
    print(nll.sum(axis=1).mean())
    #! print(nll.sum(axis=2).mean())

=== protocol_encoder
class Encoder(Protocol):
    def __call__(self, x: Float[Tensor, "b 16"]) -> Float[Tensor, "b 8"]: ...


class LinearEncoder(nn.Module):
    def __init__(self) -> None:
        self.w = nn.Dense(16, 8)

    def __call__(self, x: Float[Tensor, "b 16"]) -> Float[Tensor, "b 8"]:
        return self.w(x)


class DeepEncoder(nn.Module):
    def __init__(self) -> None:
        self.net = nn.Chain(nn.Dense(16, 32, flux.relu), nn.Dense(32, 8))
        #! self.net = nn.Chain(nn.Dense(16, 32, flux.relu), nn.Dense(32, 16))

    def __call__(self, x: Float[Tensor, "b 16"]) -> Float[Tensor, "b 8"]:
        return self.net(x)  #?


def similarity(f: Encoder, g: Encoder, x: Float[Tensor, "b 16"]) -> Float[Tensor, "b b"]:
    a, b = f(x), g(x)
    return a @ b.T
    #! return a @ b


def main() -> None:
    x = flux.rand((3, 16))
    #! x = flux.rand((16, 3))
    print(similarity(LinearEncoder(), DeepEncoder(), x).shape)  #?

=== base_class_head
class Base(nn.Module):
    def __init__(self) -> None:
        self.head = nn.Dense(24, 6)

    def features(self, x: Float[Tensor, "b 12"]) -> Float[Tensor, "b 24"]:
        raise NotImplementedError

    def __call__(self, x: Float[Tensor, "b 12"]) -> Float[Tensor, "b 6"]:
        return self.head(self.features(x))


class Shallow(Base):
    def __init__(self) -> None:
        super().__init__()
        self.lift = nn.Dense(12, 24, flux.relu)
        #! self.lift = nn.Dense(12, 12, flux.relu)

    def features(self, x: Float[Tensor, "b 12"]) -> Float[Tensor, "b 24"]:
        return self.lift(x)  #?


class Deep(Base):
    def __init__(self) -> None:
        super().__init__()
        self.one = nn.Dense(12, 48, flux.relu)
        self.two = nn.Dense(48, 24, flux.relu)

    def features(self, x: Float[Tensor, "b 12"]) -> Float[Tensor, "b 24"]:
        return self.two(self.one(x))
        #! return self.one(self.two(x))


def main() -> None:
    for model in (Shallow(), Deep()):
        print(model(flux.rand((2, 12))).shape)

=== optional_parts
class Head(nn.Module):
    bias: Float[Tensor, "10"] | None

    def __init__(self, use_bias: bool = True, project: bool = False) -> None:
        self.weight = flux.randn((40, 10))
        #! self.weight = flux.randn((10, 40))
        self.bias = flux.zeros((10,)) if use_bias else None
        #! self.bias = flux.zeros((40,)) if use_bias else None
        self.project: nn.Dense[Any, Any] | None = nn.Dense(40, 40) if project else None

    def __call__(self, x: Float[Tensor, "n 40"]) -> Float[Tensor, "n 10"]:
        if self.project is not None:
            x = self.project(x)
        y = x @ self.weight  #?
        if self.bias is not None:
            y = y + self.bias  #?
            #! y = y + self.bias[:, None]
        return y


def main() -> None:
    print(Head()(flux.rand((3, 40))).shape, Head(False, True)(flux.rand((3, 40))).shape)

=== method_helpers
class Capsule(nn.Module):
    weight: Float[Tensor, "10 32 8 16"]

    def __init__(self) -> None:
        self.weight = flux.randn((10, 32, 8, 16)) * 0.1

    @staticmethod
    def squash(s: Float[Tensor, "*b d"]) -> Float[Tensor, "*b d"]:
        n = (s**2).sum(axis=-1, keepdims=True)
        #! n = (s**2).sum(axis=-1)
        return (n / (1 + n)) * s / flux.sqrt(n + 1e-8)  #?

    def predict(self, u: Float[Tensor, "b 32 8"]) -> Float[Tensor, "b 10 32 16"]:
        return flux.einsum("bid,jide->bjie", u, self.weight)
        #! return flux.einsum("bid,ijde->bjie", u, self.weight)

    def __call__(self, u: Float[Tensor, "b 32 8"]) -> Float[Tensor, "b 10"]:
        u_hat = self.predict(u)
        logits = flux.zeros((u.shape[0], 10, 32))
        v = flux.zeros((u.shape[0], 10, 16))
        for _ in range(3):
            c = flux.softmax(logits, axis=1)
            s = (c[..., None] * u_hat).sum(axis=2)
            #! s = (c * u_hat).sum(axis=2)
            v = self.squash(s)
            logits = logits + (u_hat * v[:, :, None, :]).sum(axis=-1)
            #! logits = logits + (u_hat * v).sum(axis=-1)
            #! logits = logits + (u_hat * v[:, :, None, :]).sum(axis=-2)
        return flux.sqrt((v**2).sum(axis=-1))


def main() -> None:
    lengths = Capsule()(flux.rand((4, 32, 8)))
    target = flux.one_hot(flux.randint(0, 10, (4,)), 10)
    margin = target * flux.relu(0.9 - lengths) ** 2
    #! margin = target.sum(axis=1, keepdims=True)[0] * flux.relu(0.9 - lengths.T) ** 2 @ target.T
    print(margin.sum(axis=1).mean())

=== modules_in_modules
class Attention(nn.Module):
    def __init__(self, q_dim: int, kv_dim: int) -> None:
        self.q = nn.Dense(q_dim, 32)
        self.k = nn.Dense(kv_dim, 32)
        self.v = nn.Dense(kv_dim, 32)

    def __call__(self, x: Float[Tensor, "b n c"], y: Float[Tensor, "b m e"]) -> Tensor:
        w = flux.softmax(self.q(x) @ self.k(y).mT / 32**0.5, axis=-1)
        return w @ self.v(y)


class Perceiver(nn.Module):
    latents: Float[Tensor, "8 32"]

    def __init__(self) -> None:
        self.latents = flux.randn((8, 32))
        #! self.latents = flux.randn((32, 8))
        self.cross = Attention(32, 12)
        self.read = nn.Dense(32, 3)

    def __call__(self, x: Float[Tensor, "b n 12"]) -> Float[Tensor, "b 3"]:
        z = flux.broadcast_to(self.latents[None], (x.shape[0], 8, 32))
        #! z = flux.broadcast_to(self.latents, (x.shape[0], 32, 8))
        z = z + self.cross(z, x)
        return self.read(z.mean(axis=1))
        #! return self.read(z.mean(axis=1)[:, None, :8] @ x)


def main() -> None:
    print(Perceiver()(flux.rand((2, 50, 12))).shape)
    #! print(Perceiver()(flux.rand((2, 12, 50))).shape)

=== registry_of_blocks
BLOCKS: dict[str, type[nn.Module]] = {"relu": nn.Flatten}
WIDTHS = {"small": 16, "large": 64}


def build(size: str) -> nn.Chain:
    width = WIDTHS[size]
    return nn.Chain(nn.Dense(10, width, flux.relu), nn.Dense(width, 2))


class Model(nn.Module):
    def __init__(self, size: str) -> None:
        self.body = build(size)
        self.tail = nn.Chain(nn.Flatten(), nn.Dense(2 * 3, 4))
        #! self.tail = nn.Chain(nn.Flatten(), nn.Dense(2 + 3, 4))

    def __call__(self, x: Float[Tensor, "b 3 10"]) -> Float[Tensor, "b 4"]:
        return self.tail(flux.reshape(self.body(x), (x.shape[0], 3, 2)))  #?
        #! return self.tail(flux.reshape(self.body(x), (x.shape[0], 3, 4)))


def main() -> None:
    print(Model("small")(flux.rand((2, 3, 10))).shape)
    #! print(Model("small")(flux.rand((2, 10, 3))).shape)

=== typed_batches
@dataclass
class Batch:
    image: Float32[Tensor, "b 3 16 16"]
    caption: Int64[Tensor, "b t"]
    length: Int64[Tensor, "b"]


class Features(TypedDict):
    image: Float[Tensor, "b 64"]
    text: Float[Tensor, "b 64"]


class Clip(nn.Module):
    def __init__(self) -> None:
        self.image = nn.Chain(nn.Conv((4, 4), 3, 8, stride=4), nn.Flatten(), nn.Dense(128, 64))
        #! self.image = nn.Chain(nn.Conv((4, 4), 3, 8, stride=2), nn.Flatten(), nn.Dense(128, 64))
        self.words = nn.Embedding(50, 64)

    def __call__(self, batch: Batch) -> Features:
        words = self.words(batch.caption)
        mask = flux.arange(words.shape[1]) < batch.length[:, None]
        text = (words * mask[..., None]).sum(axis=1) / batch.length[:, None]
        #! text = (words * mask[..., None]).sum(axis=1) / batch.length
        return {"image": self.image(batch.image), "text": text}  #?
        #! return {"image": self.image(batch.image), "text": words}


def clip_loss(f: Features, temperature: float) -> Float[Tensor, ""]:
    a = f["image"] / flux.sqrt((f["image"] ** 2).sum(axis=1, keepdims=True))
    b = f["text"] / flux.sqrt((f["text"] ** 2).sum(axis=1, keepdims=True))
    #! b = f["text"] / flux.sqrt((f["text"] ** 2).sum(axis=1))
    logits = a @ b.T / temperature
    #! logits = a @ b / temperature
    labels = flux.arange(logits.shape[0])
    return losses.logitcrossentropy(logits, labels) + losses.logitcrossentropy(logits.T, labels)


def main() -> None:
    batch = Batch(
        image=flux.rand((4, 3, 16, 16)),
        #! image=flux.rand((4, 16, 16, 3)),
        caption=flux.randint(0, 50, (4, 9)),
        length=flux.asarray([9, 3, 5, 6]),
    )
    print(clip_loss(Clip()(batch), 0.07))  #?

=== running_statistics
class Normaliser(nn.Module):
    mean: Float[Tensor, "d"]
    var: Float[Tensor, "d"]

    def __init__(self, d: int) -> None:
        self.mean = nn.buffer(flux.zeros((d,)))
        self.var = nn.buffer(flux.ones((d,)))
        self.count = 0

    def observe(self, x: Float[Tensor, "n d"]) -> None:
        self.count += 1
        rate = 1.0 / self.count
        self.mean = (1 - rate) * self.mean + rate * x.mean(axis=0)
        self.var = (1 - rate) * self.var + rate * x.var(axis=0)

    def __call__(self, x: Float[Tensor, "*b d"]) -> Float[Tensor, "*b d"]:
        return (x - self.mean) / flux.sqrt(self.var + 1e-5)


class Policy(nn.Module):
    def __init__(self) -> None:
        self.normalise = Normaliser(17)
        self.mean = nn.Dense(17, 6)
        self.log_std = flux.zeros((6,))
        #! self.log_std = flux.zeros((17,))

    def log_prob(
        self, state: Float[Tensor, "b 17"], action: Float[Tensor, "b 6"]
    ) -> Float[Tensor, "b"]:
        mean = self.mean(self.normalise(state))
        z = (action - mean) / flux.exp(self.log_std)  #?
        #! z = (action - state) / flux.exp(self.log_std)
        return (-0.5 * z**2 - self.log_std - 0.5 * math.log(2 * math.pi)).sum(axis=-1)
        #!later return -0.5 * z**2 - self.log_std - 0.5 * math.log(2 * math.pi)


def main() -> None:
    policy = Policy()
    state, action = flux.rand((5, 17)), flux.rand((5, 6))
    policy.normalise.observe(state)
    advantage = flux.randn((5,))
    print(-(policy.log_prob(state, action) * advantage).mean())
    #! print(-(policy.log_prob(action, state) * advantage).mean())
    #!silent print(-(policy.log_prob(state, action)[:, None] * advantage).mean())

=== nested_generics
C = TypeVar("C")
K = TypeVar("K")


class Down(nn.Module, Generic[C, K]):
    def __init__(self, inp: Size[C], out: Size[K]) -> None:
        self.conv = nn.Conv((3, 3), inp, out, stride=2, padding=1)
        #! self.conv = nn.Conv((3, 3), out, inp, stride=2, padding=1)
        self.norm = nn.BatchNorm(out)
        #! self.norm = nn.BatchNorm(inp)

    def __call__(self, x: Float[Tensor, "b C h w"]) -> Float[Tensor, "b K _ _"]:
        return flux.relu(self.norm(self.conv(x)))  #?


class Classifier(nn.Module):
    def __init__(self) -> None:
        self.d1 = Down(3, 8)
        self.d2 = Down(8, 16)
        #! self.d2 = Down(16, 8)
        self.head = nn.Dense(16, 4)
        #! self.head = nn.Dense(8, 4)

    def __call__(self, x: Float[Tensor, "b 3 h w"]) -> Float[Tensor, "b 4"]:
        y = self.d2(self.d1(x))  #?
        return self.head(y.mean(axis=(2, 3)))  #?


def main() -> None:
    print(Classifier()(flux.rand((2, 3, 16, 16))).shape)

=== layer_list_sizes
class Autoencoder(nn.Module):
    def __init__(self) -> None:
        sizes = [784, 256, 64, 16]
        self.encoder = nn.Chain(
            *(nn.Dense(a, b, flux.relu) for a, b in zip(sizes[:-1], sizes[1:], strict=True))
        )
        self.decoder = nn.Chain(
            nn.Dense(16, 64, flux.relu), nn.Dense(64, 256, flux.relu), nn.Dense(256, 784)
            #!later nn.Dense(16, 64, flux.relu), nn.Dense(256, 64, flux.relu), nn.Dense(256, 784)
        )

    def __call__(self, x: Float[Tensor, "b 784"]) -> Float[Tensor, "b 784"]:
        return self.decoder(self.encoder(x))
        #! return self.decoder(self.decoder(x))


def reconstruction(model: Autoencoder, x: Float[Tensor, "b 28 28"]) -> Float[Tensor, ""]:
    flat = x.reshape((x.shape[0], -1))
    return losses.mse(model(flat), flat)
    #! return losses.mse(model(flat), x)
    #! return losses.mse(model(x), flat)


def main() -> None:
    print(reconstruction(Autoencoder(), flux.rand((2, 28, 28))))

=== siamese_network
class Siamese(nn.Module):
    def __init__(self, encoder: nn.Dense[Literal[20], Literal[8]]) -> None:
        self.encoder = encoder
        self.metric = nn.Bilinear((8, 8), 1)

    def __call__(
        self, a: Float[Tensor, "b 20"], b: Float[Tensor, "b 20"]
    ) -> Float[Tensor, "b"]:
        u, v = self.encoder(a), self.encoder(b)
        return self.metric(u, v)[:, 0]
        #! return self.metric(u, a)[:, 0]


def contrastive(
    distance: Float[Tensor, "b"], same: Float[Tensor, "b"], margin: float = 1.0
) -> Float[Tensor, ""]:
    return (same * distance**2 + (1 - same) * flux.relu(margin - distance) ** 2).mean()


def main() -> None:
    net = Siamese(nn.Dense(20, 8))
    #! net = Siamese(nn.Dense(8, 20))
    a, b = flux.rand((6, 20)), flux.rand((6, 20))
    score = net(a, b)  #?
    print(contrastive(score, (flux.rand((6,)) > 0.5).astype(flux.float32)))
    #!silent print(contrastive(score, (flux.rand((6, 1)) > 0.5).astype(flux.float32)))

=== lambda_layers
def main() -> None:
    model = nn.Chain(
        lambda x: flux.permute_dims(x, (0, 3, 1, 2)),
        #! lambda x: flux.permute_dims(x, (0, 2, 3, 1)),
        nn.Conv((3, 3), 3, 8, flux.relu, padding="same"),
        nn.GlobalMaxPool(),
        lambda x: flux.reshape(x, (-1, 8)),
        nn.Dense(8, 2),
        #! nn.Dense(3, 2),
    )
    y = model(flux.rand((4, 9, 9, 3)))  #?
    #! y = model(flux.rand((4, 9, 9)))
    print(losses.logitcrossentropy(y, flux.asarray([0, 1, 1, 0])))
    #! print(losses.logitcrossentropy(y, flux.asarray([0.0, 1.0, 1.0, 0.0])))

=== skip_connection_dense
class DenseBlock(nn.Module):
    def __init__(self) -> None:
        self.layers = [
            nn.Conv((3, 3), 16, 8, flux.relu, padding=1),
            nn.Conv((3, 3), 24, 8, flux.relu, padding=1),
            #! nn.Conv((3, 3), 16, 8, flux.relu, padding=1),
        ]
        self.squash = nn.Conv((1, 1), 32, 16)

    def __call__(self, x: Float[Tensor, "b 16 h w"]) -> Float[Tensor, "b 16 h w"]:
        a = flux.concat([x, self.layers[0](x)], axis=1)
        b = flux.concat([a, self.layers[1](a)], axis=1)  #?
        #! b = flux.concat([x, self.layers[1](a)], axis=1)
        return self.squash(b)  #?


def main() -> None:
    concat = lambda y, x: flux.concat([y, x], axis=1)  # noqa: E731
    model = nn.Chain(
        DenseBlock(),
        nn.SkipConnection(nn.Conv((3, 3), 16, 4, padding=1), concat),
        nn.Conv((1, 1), 20, 2),
        #! nn.Conv((1, 1), 16, 2),
    )
    print(model(flux.rand((1, 16, 5, 5))).shape)  #?

=== class_builder
class Regressor(nn.Module):
    def __init__(self, net: nn.Chain, scale: Float[Tensor, "3"]) -> None:
        self.net = net
        self.scale = scale

    @classmethod
    def small(cls) -> "Regressor":
        return cls(nn.Chain(nn.Dense(7, 16, flux.relu), nn.Dense(16, 3)), flux.ones((3,)))
        #! return cls(nn.Chain(nn.Dense(7, 16, flux.relu), nn.Dense(16, 3)), flux.ones((7,)))
        #! return cls(nn.Chain(nn.Dense(7, 16, flux.relu), nn.Dense(3, 16)), flux.ones((3,)))

    @property
    def outputs(self) -> int:
        return self.scale.shape[0]

    def __call__(self, x: Float[Tensor, "b 7"]) -> Float[Tensor, "b 3"]:
        return self.net(x) * self.scale  #?


def main() -> None:
    model = Regressor.small()  #?
    print(model(flux.rand((4, 7))).shape, model.outputs)  #?
    #! print(model(flux.rand((7,))).shape, model.outputs)

=== own_batch_norm
C = TypeVar("C")


class BatchNorm2d(nn.Module, Generic[C]):
    gamma: Float[Tensor, "C"]
    beta: Float[Tensor, "C"]

    def __init__(self, channels: Size[C], momentum: float = 0.1) -> None:
        self.gamma = flux.ones((channels,))
        self.beta = flux.zeros((channels,))
        self.mean = nn.buffer(flux.zeros((channels,)))
        self.momentum = momentum

    def __call__(self, x: Float[Tensor, "b C h w"]) -> Float[Tensor, "b C h w"]:
        mean = x.mean(axis=(0, 2, 3), keepdims=True)
        #! mean = x.mean(axis=(0, 2, 3))
        var = x.var(axis=(0, 2, 3), keepdims=True)
        y = (x - mean) / flux.sqrt(var + 1e-5)  #?
        return self.gamma[:, None, None] * y + self.beta[:, None, None]
        #! return self.gamma * y + self.beta[:, None, None]
        #! return self.gamma[None, :, None] * y + self.beta[:, None, None]


def main() -> None:
    model = nn.Chain(nn.Conv((3, 3), 1, 6), BatchNorm2d(6))
    #! model = nn.Chain(nn.Conv((3, 3), 1, 6), BatchNorm2d(1))
    print(model(flux.rand((4, 1, 10, 12))).shape)  #?
"""
