"""Written without a look at the checker: attention, recurrent nets, labels, chains."""

# Programs are as their authors wrote them.
# ruff: noqa: E501

PROGRAMS = """
=== causal_block
class Attention(nn.Module):
    def __init__(self, width: int, heads: int) -> None:
        self.heads = heads
        self.qkv = nn.Dense(width, 3 * width, bias=False)
        #! self.qkv = nn.Dense(width, 2 * width, bias=False)
        self.out = nn.Dense(width, width)
        #! self.out = nn.Dense(width // heads, width)

    def __call__(self, x: Float32[Tensor, "b t d"]) -> Tensor:
        b, t, d = x.shape
        qkv = self.qkv(x).reshape((b, t, 3, self.heads, d // self.heads))  #?
        q, k, v = flux.unstack(flux.permute_dims(qkv, (2, 0, 3, 1, 4)), axis=0)
        #! q, k, v = flux.unstack(flux.permute_dims(qkv, (0, 2, 3, 1, 4)), axis=0)
        scores = q @ k.mT / math.sqrt(d // self.heads)
        #! scores = q @ k / math.sqrt(d // self.heads)
        mask = flux.make_causal_mask(scores)
        weights = flux.softmax(flux.where(mask, scores, -1e9), axis=-1)
        y = flux.permute_dims(weights @ v, (0, 2, 1, 3)).reshape((b, t, d))
        #! y = flux.permute_dims(weights @ v, (0, 2, 1, 3)).reshape((b, d, t))
        return self.out(y)  #?

def main() -> None:
    block = Attention(32, 4)
    #! block = Attention(32, 5)
    y = block(flux.randn((2, 6, 32)))  #?
    #! y = block(flux.randn((2, 6, 64)))
    assert (y + flux.zeros((32,))).shape == (2, 6, 32)

=== cross_attention
def attend(q: Float32[Tensor, "b t d"], memory: Float32[Tensor, "b s d"], keep: Bool[Tensor, "b s"]) -> Float32[Tensor, "b t d"]:
    logits = flux.einsum("btd,bsd->bts", q, memory)
    #! logits = flux.einsum("btd,bsd->bst", q, memory)
    #! logits = flux.einsum("btd,btd->bt", q, memory)
    logits = flux.where(keep[:, None, :], logits, -flux.inf)  #?
    #! logits = flux.where(keep[:, :, None], logits, -flux.inf)
    return flux.softmax(logits, axis=-1) @ memory
    #! return flux.softmax(logits, axis=-1) @ q
    #! return flux.softmax(logits, axis=-1).mT @ memory

def main() -> None:
    q, memory = flux.randn((2, 3, 16)), flux.randn((2, 5, 16))
    keep = flux.arange(5)[None, :] < flux.asarray([5, 2])[:, None]
    #! keep = flux.arange(3)[None, :] < flux.asarray([5, 2])[:, None]
    out = attend(q, memory, keep)  #?
    #! out = attend(memory, q, keep)
    print(nn.LayerNorm(16)(q + out))
    #! print(nn.LayerNorm(16)(memory + out))

=== library_attention
class Block(nn.Module):
    def __init__(self, size: int = 24) -> None:
        self.norm = nn.LayerNorm(size)
        self.attend = nn.MultiHeadAttention(size, 3)
        self.feed = nn.Chain(nn.Dense(size, 4 * size, flux.gelu), nn.Dense(4 * size, size))
        #! self.feed = nn.Chain(nn.Dense(size, 4 * size, flux.gelu), nn.Dense(2 * size, size))

    def __call__(self, x: Float32[Tensor, "b t 24"], context: Float32[Tensor, "b s 24"]) -> Float32[Tensor, "b t 24"]:
        h = self.norm(x)
        x = x + self.attend(h, context)
        #! x = x + self.attend(context, h)
        return x + self.feed(self.norm(x))  #?
        #! return x + self.feed(self.norm(context))

class Net(nn.Module):
    def __init__(self) -> None:
        self.embed = nn.Embedding(100, 24)
        #! self.embed = nn.Embedding(100, 32)
        self.blocks = [Block() for _ in range(3)]
        self.head = nn.Dense(24, 100)

    def __call__(self, ids: Int[Tensor, "b t"], context: Float32[Tensor, "b s 24"]) -> Float32[Tensor, "b t 100"]:
        x = self.embed(ids)
        for block in self.blocks:
            x = block(x, context)  #?
        return self.head(x)
        #! return self.head(x[:, -1])

def main() -> None:
    net = Net()
    logits = net(flux.randint(0, 100, (2, 7)), flux.randn((2, 4, 24)))
    #! logits = net(flux.randint(0, 100, (3, 7)), flux.randn((2, 4, 24)))
    #! logits = net(flux.rand((2, 7)), flux.randn((2, 4, 24)))
    print(logits)

=== linear_attention
def features(x: Float32[Tensor, "*b t d"]) -> Float32[Tensor, "*b t d"]:
    return flux.elu(x) + 1.0

def linear(q: Float32[Tensor, "b h t d"], k: Float32[Tensor, "b h t d"], v: Float32[Tensor, "b h t m"]) -> Float32[Tensor, "b h t m"]:
    q, k = features(q), features(k)
    kv = k.mT @ v
    #! kv = k @ v.mT
    #!later kv = k.mT @ q
    z = 1.0 / (q * k.sum(axis=2, keepdims=True)).sum(axis=-1, keepdims=True)
    #! z = 1.0 / (q * k.sum(axis=2, keepdims=True)).sum(axis=-1)
    #! z = 1.0 / (q * k.sum(axis=2)).sum(axis=-1, keepdims=True)
    return q @ kv * z  #?

def main() -> None:
    q, k = flux.randn((1, 2, 5, 8)), flux.randn((1, 2, 5, 8))
    v = flux.randn((1, 2, 5, 3))
    #! v = flux.randn((1, 2, 8, 3))
    y = linear(q, k, v)  #?
    print(flux.rearrange(y, "b h t m -> b t (h m)") @ flux.ones((6, 1)))
    #! print(flux.rearrange(y, "b h t m -> b t (h m)") @ flux.ones((16, 1)))

=== elman
I = TypeVar("I")
H = TypeVar("H")

class Elman(nn.Module, Generic[I, H]):
    wx: Float32[Tensor, "H I"]
    wh: Float32[Tensor, "H H"]

    def __init__(self, in_: Size[I], hidden: Size[H]) -> None:
        self.wx = flux.randn((hidden, in_))
        #! self.wx = flux.randn((in_, hidden))
        self.wh = flux.randn((hidden, hidden))

    def step(self, h: Float32[Tensor, "batch H"], x: Float32[Tensor, "batch I"]) -> Float32[Tensor, "batch H"]:
        return flux.tanh(x @ self.wx.mT + h @ self.wh.mT)
        #! return flux.tanh(x @ self.wh.mT + h @ self.wx.mT)
        #! return flux.tanh(h @ self.wx + h @ self.wh.mT)

    def __call__(self, xs: Float32[Tensor, "batch time I"]) -> Float32[Tensor, "batch H"]:
        h = flux.zeros((xs.shape[0], self.wh.shape[0]))
        #! h = flux.zeros((xs.shape[1], self.wh.shape[0]))
        for i in range(xs.shape[1]):
            h = self.step(h, xs[:, i])  #?
            #! h = self.step(xs[:, i], h)
            #! h = self.step(h, xs[i])
        return h

def main() -> None:
    cell = Elman(3, 5)
    h = cell(flux.randn((2, 7, 3)))
    #! h = cell(flux.randn((2, 7, 5)))
    print(h @ cell.wx)
    #! print(h @ cell.wx.mT)

=== sentiment
class Sentiment(nn.Module):
    def __init__(self, vocabulary: int, width: int, hidden: int) -> None:
        self.embed = nn.Embedding(vocabulary, width)
        self.rnn = nn.LSTM(width, hidden, bidirectional=True)
        #! self.rnn = nn.LSTM(hidden, width, bidirectional=True)
        self.head = nn.Dense(2 * hidden, 2)
        #! self.head = nn.Dense(hidden, 2)

    def __call__(self, ids: Int64[Tensor, "b t"]) -> Float[Tensor, "b 2"]:
        h = self.rnn(self.embed(ids))  #?
        return self.head(h.mean(axis=1))  #?
        #! return self.head(h.mean(axis=2))
        #! return self.head(h)
        #! return self.head(h[-1])

def main() -> None:
    model = Sentiment(50, 8, 12)
    ids = flux.randint(0, 50, (3, 9))
    #! ids = flux.randn((3, 9))
    labels = flux.asarray([0, 1, 1])
    #! labels = flux.asarray([0, 1, 1, 0])
    print(losses.logitcrossentropy(model(ids), labels))  #?

=== unrolled_gru
def decode(cell: nn.GRUCell[16, 32], head: nn.Dense[32, 16], start: Float32[Tensor, "b 16"], steps: int) -> Float32[Tensor, "b _ 16"]:
    state = flux.zeros((start.shape[0], 32))
    #! state = flux.zeros((start.shape[0], 16))
    x = start
    outputs = []
    for _ in range(steps):
        y, state = cell(x, state)  #?
        #! state, y = cell(state, x)
        x = head(y)
        #! x = head(x)
        outputs.append(x)
    return flux.stack(outputs, axis=1)
    #!silent return flux.stack(outputs, axis=1).mean(axis=1)
    #!silent return flux.concat(outputs, axis=0)

def main() -> None:
    y = decode(nn.GRUCell(16, 32), nn.Dense(32, 16), flux.ones((2, 16)), 5)
    #! y = decode(nn.GRUCell(16, 32), nn.Dense(16, 32), flux.ones((2, 16)), 5)
    #! y = decode(nn.GRUCell(32, 16), nn.Dense(32, 16), flux.ones((2, 16)), 5)
    print(y @ flux.ones((16, 3)))
    #! print(y @ flux.ones((32, 3)))

=== encoder_decoder_state
def main() -> None:
    encoder = nn.GRU(6, 20)
    #! encoder = nn.GRU(6, 10)
    decoder = nn.GRU(4, 20)
    source, target = flux.randn((3, 11, 6)), flux.randn((3, 7, 4))
    #! source, target = flux.randn((3, 11, 5)), flux.randn((3, 7, 4))
    memory = encoder(source)  #?
    states = decoder(target)
    #! states = decoder(source)
    scores = states @ memory.mT  #?
    #! scores = memory @ states
    context = flux.softmax(scores, axis=-1) @ memory
    #! context = flux.softmax(scores, axis=-1) @ states
    joined = flux.concat([states, context], axis=-1)  #?
    #! joined = flux.concat([states, memory], axis=-1)
    head = nn.Dense(40, 9)
    #! head = nn.Dense(20, 9)
    print(head(joined))  #?

=== segmentation_labels
def pixel_loss(logits: Float32[Tensor, "b classes h w"], labels: Int[Tensor, "b h w"]) -> Float32[Tensor, ""]:
    per = flux.logsoftmax(logits, axis=1)
    wanted = flux.one_hot(labels, logits.shape[1]).permute_dims((0, 3, 1, 2))
    #! wanted = flux.one_hot(labels, logits.shape[1])
    #! wanted = flux.one_hot(labels, logits.shape[1]).permute_dims((0, 1, 2, 3))
    #! wanted = flux.one_hot(labels, logits.shape[2]).permute_dims((0, 3, 1, 2))
    return -(per * wanted).sum(axis=1).mean()  #?

def accuracy(logits: Float32[Tensor, "b classes h w"], labels: Int[Tensor, "b h w"]) -> Float32[Tensor, ""]:
    return (logits.argmax(axis=1) == labels).astype(flux.float32).mean()
    #! return (logits.argmax(axis=-1) == labels).astype(flux.float32).mean()
    #!silent return (logits.argmax(axis=1, keepdims=True) == labels[:, None, None]).astype(flux.float32).mean(axis=(0, 1, 2))

def main() -> None:
    logits = flux.randn((2, 4, 5, 6))
    labels = flux.randint(0, 4, (2, 5, 6))
    #! labels = flux.randint(0, 4, (2, 6, 5))
    #! labels = flux.rand((2, 5, 6))
    print(pixel_loss(logits, labels), accuracy(logits, labels))  #?

=== label_kinds imports
import typedflux as flux
from jaxtyping import Bool, Float32, Int32, UInt8
from typedflux import Tensor, losses


def to_float(pixels: UInt8[Tensor, "b h w"]) -> Float32[Tensor, "b h*w"]:
    return (pixels.astype(flux.float32) / 255.0).reshape((pixels.shape[0], -1))
    #!silent return pixels.reshape((pixels.shape[0], -1))
    #!silent return (pixels.astype(flux.float64) / 255.0).reshape((pixels.shape[0], -1))


def hits(scores: Float32[Tensor, "b k"], labels: Int32[Tensor, "b"]) -> Bool[Tensor, "b"]:
    return scores.argmax(axis=-1) == labels
    #!silent return scores.argmax(axis=-1) - labels
    #!later return scores.max(axis=-1)


def main() -> None:
    pixels = flux.zeros((3, 4, 4), dtype=flux.uint8)
    #!silent pixels = flux.zeros((3, 4, 4))
    x = to_float(pixels)
    labels = flux.asarray([0, 1, 1], dtype=flux.int32)
    #!silent labels = flux.asarray([0, 1, 1], dtype=flux.int64)
    #!silent labels = flux.asarray([0.0, 1.0, 1.0])
    correct = hits(x[:, :2], labels)
    print(flux.where(correct, 1.0, 0.0).sum(), x[correct])
    #! print(flux.where(correct, 1.0, 0.0).sum(), x.T[correct])

=== autoencoder
def make(width: int = 784, latent: int = 8) -> nn.Chain:
    encoder = nn.Chain(nn.Dense(width, 128, flux.relu), nn.Dense(128, latent))
    #! encoder = nn.Chain(nn.Dense(width, 128, flux.relu), nn.Dense(256, latent))
    decoder = nn.Chain(nn.Dense(latent, 128, flux.relu), nn.Dense(128, width, flux.sigmoid))
    #! decoder = nn.Chain(nn.Dense(128, latent, flux.relu), nn.Dense(128, width, flux.sigmoid))
    return nn.Chain(encoder, decoder)  #?
    #! return nn.Chain(decoder, decoder)

def main() -> None:
    model = make()
    #! model = make(768)
    x = flux.rand((4, 784))
    #! x = flux.rand((4, 28, 28))
    y = model(x)  #?
    print(losses.mse(y, x))
    #! print(losses.mse(y, x.reshape((4, 28, 28))))

=== residual_chain
def block(width: int) -> nn.SkipConnection:
    inner = nn.Chain(nn.LayerNorm(width), nn.Dense(width, 2 * width, flux.gelu), nn.Dense(2 * width, width))
    #! inner = nn.Chain(nn.LayerNorm(width), nn.Dense(width, 2 * width, flux.gelu), nn.Dense(2 * width, 2 * width))
    #! inner = nn.Chain(nn.LayerNorm(2 * width), nn.Dense(width, 2 * width, flux.gelu), nn.Dense(2 * width, width))
    return nn.SkipConnection(inner, lambda y, x: y + x)  #?

def main() -> None:
    net = nn.Chain(nn.Dense(10, 16), block(16), block(16), nn.Dense(16, 3), flux.softmax)
    #! net = nn.Chain(nn.Dense(10, 16), block(16), block(18), nn.Dense(16, 3), flux.softmax)
    #! net = nn.Chain(nn.Dense(10, 16), block(16), block(16), nn.Dense(32, 3), flux.softmax)
    #! net = nn.Chain(nn.Dense(10, 16), nn.Dense(3, 16), block(16), nn.Dense(16, 3), flux.softmax)
    y = net(flux.randn((5, 10)))  #?
    #! y = net(flux.randn((10, 5)))
    print(y @ flux.ones((3, 1)))
    #! print(y @ flux.ones((10, 1)))

=== image_chain_lambda
to_tokens = nn.Chain(
    nn.Conv((4, 4), 3, 48, stride=4),
    #! nn.Conv((4, 4), 1, 48, stride=4),
    #! nn.Conv((4, 4), 3, 64, stride=4),
    lambda x: x.reshape((x.shape[0], 48, -1)),
    lambda x: flux.permute_dims(x, (0, 2, 1)),
    #! lambda x: flux.permute_dims(x, (0, 2, 1, 3)),
    #! lambda x: x,
    nn.LayerNorm(48),
)

mixer = nn.Chain(
    nn.SkipConnection(nn.Chain(lambda x: x.mT, nn.Dense(64, 64, flux.gelu), lambda x: x.mT), flux.add),
    #! nn.SkipConnection(nn.Chain(nn.Dense(64, 64, flux.gelu), lambda x: x.mT), flux.add),
    nn.Dense(48, 48, flux.gelu),
    #! nn.Dense(64, 48, flux.gelu),
)

def main() -> None:
    images = flux.rand((2, 3, 32, 32))
    #! images = flux.rand((2, 32, 32, 3))
    tokens = to_tokens(images)  #?
    y = mixer(tokens)  #?
    print(y)
    print(y.mean(axis=1) @ flux.ones((48, 5)))
    #! print(y.mean(axis=2) @ flux.ones((48, 5)))
"""
