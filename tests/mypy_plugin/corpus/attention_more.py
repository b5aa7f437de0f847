"""Attention, in longer programs."""

PROGRAMS = """
=== gpt
@dataclass(frozen=True)
class Config:
    vocabulary: int = 65
    context: int = 32
    width: int = 48
    heads: int = 4


class CausalAttention(nn.Module):
    def __init__(self) -> None:
        self.qkv = nn.Dense(48, 144, bias=False)
        #! self.qkv = nn.Dense(48, 96, bias=False)
        self.project = nn.Dense(48, 48, bias=False)

    def __call__(self, x: Float[Tensor, "b t 48"]) -> Float[Tensor, "b t 48"]:
        b, t, c = x.shape
        q, k, v = flux.split(self.qkv(x), 3, axis=2)
        q = q.reshape((b, t, 4, 12)).permute_dims((0, 2, 1, 3))  #?
        k = k.reshape((b, t, 4, 12)).permute_dims((0, 2, 1, 3))
        #! k = k.reshape((b, t, 4, 12)).permute_dims((0, 1, 2, 3))
        v = v.reshape((b, t, 4, 12)).permute_dims((0, 2, 1, 3))
        scores = q @ k.mT / math.sqrt(12)  #?
        mask = flux.tril(flux.ones((t, t), dtype=flux.bool_))
        #! mask = flux.tril(flux.ones((c, c), dtype=flux.bool_))
        scores = flux.where(mask, scores, -flux.inf)  #?
        y = (flux.softmax(scores, axis=-1) @ v).permute_dims((0, 2, 1, 3))
        return self.project(y.reshape((b, t, c)))


class Block(nn.Module):
    def __init__(self) -> None:
        self.norm1, self.norm2 = nn.LayerNorm(48), nn.LayerNorm(48)
        self.attend = CausalAttention()
        self.up, self.down = nn.Dense(48, 192, flux.gelu), nn.Dense(192, 48)
        #! self.up, self.down = nn.Dense(48, 192, flux.gelu), nn.Dense(48, 192)

    def __call__(self, x: Float[Tensor, "b t 48"]) -> Float[Tensor, "b t 48"]:
        x = x + self.attend(self.norm1(x))
        return x + self.down(self.up(self.norm2(x)))  #?


class GPT(nn.Module):
    def __init__(self, config: Config) -> None:
        self.token = nn.Embedding(65, 48)
        self.place = nn.Embedding(32, 48)
        self.blocks = [Block() for _ in range(2)]
        self.norm = nn.LayerNorm(48)
        self.head = nn.Dense(48, 65, bias=False)

    def __call__(self, tokens: Int[Tensor, "b t"]) -> Float[Tensor, "b t 65"]:
        x = self.token(tokens) + self.place(flux.arange(tokens.shape[1]))
        #! x = self.token(tokens) + self.place(flux.arange(tokens.shape[0]))
        for block in self.blocks:
            x = block(x)
        return self.head(self.norm(x))


def loss(model: GPT, tokens: Int[Tensor, "b t"]) -> Float[Tensor, ""]:
    logits = model(tokens[:, :-1])
    b, t, v = logits.shape
    return losses.logitcrossentropy(logits.reshape((b * t, v)), tokens[:, 1:].reshape((b * t,)))
    #! return losses.logitcrossentropy(logits.reshape((b * t, v)), tokens.reshape((b * t,)))


def main() -> None:
    loss(GPT(Config()), flux.randint(0, 65, (2, 9)))

=== perceiver
class Perceiver(nn.Module):
    latents: Float32[Tensor, "16 64"]

    def __init__(self) -> None:
        self.latents = flux.randn((16, 64))
        self.read = nn.MultiHeadAttention(64, 4, key=12, value=12)
        #! self.read = nn.MultiHeadAttention(32, 4, key=12, value=12)
        self.think = nn.MultiHeadAttention(64, 4)
        self.norm = nn.LayerNorm(64)
        self.head = nn.Dense(64, 10)

    def __call__(self, data: Float32[Tensor, "b n 12"]) -> Float[Tensor, "b 10"]:
        b = data.shape[0]
        z = flux.broadcast_to(self.latents, (b, 16, 64))
        #! z = flux.broadcast_to(self.latents, (b, 64, 16))
        z = z + self.read(z, data)  #?
        #! z = z + self.read(data, z)
        for _ in range(2):
            z = z + self.think(self.norm(z))
        return self.head(z.mean(axis=1))
        #! return self.head(z.mean(axis=2))


def main() -> None:
    Perceiver()(flux.rand((2, 20, 12)))

=== bahdanau
class Additive(nn.Module):
    def __init__(self) -> None:
        self.query = nn.Dense(32, 20, bias=False)
        self.key = nn.Dense(24, 20, bias=False)
        #! self.key = nn.Dense(24, 25, bias=False)
        self.score = nn.Dense(20, 1, bias=False)

    def __call__(
        self, state: Float[Tensor, "b 32"], memory: Float[Tensor, "b n 24"]
    ) -> Float[Tensor, "b 24"]:
        q = self.query(state)[:, None, :]
        k = self.key(memory)
        e = self.score(flux.tanh(q + k))[..., 0]  #?
        #! e = self.score(flux.tanh(q + k))[..., 1]
        weights = flux.softmax(e, axis=1)
        return (weights[:, None, :] @ memory)[:, 0]
        #! return (weights[:, :, None] @ memory)[:, 0]


class Decoder(nn.Module):
    def __init__(self) -> None:
        self.attend = Additive()
        self.cell = nn.GRUCell(40, 32)
        #! self.cell = nn.GRUCell(16, 32)

    def __call__(
        self,
        x: Float[Tensor, "b 16"],
        state: Float[Tensor, "b 32"],
        memory: Float[Tensor, "b n 24"],
    ) -> Float[Tensor, "b 32"]:
        context = self.attend(state, memory)
        #! context = self.attend(x, memory)
        _, state = self.cell(flux.concat([x, context], axis=1), state)  #?
        return state


def main() -> None:
    Decoder()(flux.rand((2, 16)), flux.zeros((2, 32)), flux.rand((2, 5, 24)))

=== rotary_attention
def table(time: Size["t"], size: Literal[8]) -> tuple[Tensor, Tensor]:
    rate = 1 / 10000 ** (flux.arange(0, 8, 2, dtype=flux.float32) / 8)
    angle = flux.arange(time, dtype=flux.float32)[:, None] * rate
    both = flux.concat([angle, angle], axis=-1)
    return flux.cos(both), flux.sin(both)


def rotate(
    x: Float32[Tensor, "b h t 8"], cos: Float32[Tensor, "t 8"], sin: Float32[Tensor, "t 8"]
) -> Float32[Tensor, "b h t 8"]:
    a, b = x[..., :4], x[..., 4:]
    #! a, b = x[..., :4], x[..., 3:]
    turned = flux.concat([-b, a], axis=-1)
    #! turned = flux.concat([-b, a, a], axis=-1)
    return x * cos + turned * sin  #?


def attend(q: Float32[Tensor, "b h t 8"], k: Float32[Tensor, "b h t 8"]) -> Tensor:
    cos, sin = table(q.shape[2], 8)
    q, k = rotate(q, cos, sin), rotate(k, cos, sin)
    scores = flux.einsum("bhtd,bhsd->bhts", q, k)
    #! scores = flux.einsum("bhtd,bhds->bhts", q, k)
    return flux.softmax(scores)


def main() -> None:
    q = flux.rand((2, 3, 5, 8))
    attend(q, q + 1)
    #! attend(q, q[..., :4])

=== clip_model
class Tower(nn.Module):
    def __init__(self, inp: int) -> None:
        self.body = nn.Dense(inp, 128, flux.gelu)
        self.out = nn.Dense(128, 64)

    def __call__(self, x: Float[Tensor, "n _"]) -> Float[Tensor, "n 64"]:
        y = self.out(self.body(x))
        return y / flux.sqrt((y * y).sum(axis=-1, keepdims=True))
        #! return y / flux.sqrt((y * y).sum(axis=0, keepdims=True))[:, :32]


def clip_loss(
    images: Float[Tensor, "n 64"], texts: Float[Tensor, "n 64"], scale: Float[Tensor, ""]
) -> Float[Tensor, ""]:
    logits = scale * images @ texts.T
    #! logits = scale * images @ texts
    labels = flux.arange(images.shape[0])
    rows = losses.logitcrossentropy(logits, labels)
    columns = losses.logitcrossentropy(logits.T, labels)
    return (rows + columns) / 2


def step(x: Float32[Tensor, "n 512"], y: Float32[Tensor, "n 300"]) -> Float[Tensor, ""]:
    image, text = Tower(512), Tower(300)
    return clip_loss(image(x), text(y), flux.asarray(14.0))
    #! return clip_loss(image(x), y, flux.asarray(14.0))


def main() -> None:
    step(flux.rand((3, 512)), flux.rand((3, 300)))

=== cross_covariance
def xca(
    x: Float32[Tensor, "b n d"], w: Float32[Tensor, "d 3*d"], temperature: Float32[Tensor, "d"]
) -> Float32[Tensor, "b n d"]:
    q, k, v = flux.split(x @ w, 3, axis=-1)
    q = q / flux.sqrt((q * q).sum(axis=1, keepdims=True) + 1e-6)
    k = k / flux.sqrt((k * k).sum(axis=1, keepdims=True) + 1e-6)
    scores = q.mT @ k * temperature[:, None]
    #! scores = q @ k.mT * temperature[:, None]
    weights = flux.softmax(scores, axis=-1)
    return v @ weights.mT  #?
    #! return weights @ v


def network(x: Float32[Tensor, "b n 6"]) -> Float32[Tensor, "b n 6"]:
    w = flux.randn((6, 18))
    #! w = flux.randn((6, 12))
    return x + xca(x, w, flux.ones(6))  #?


def main() -> None:
    network(flux.rand((2, 5, 6)))
"""
