"""Sequences and graphs: attention, language models, recurrent nets, decoding, message passing."""

PROGRAMS = """
=== nano_gpt
@dataclass
class GPTConfig:
    block_size: int = 64
    vocab_size: int = 100
    n_head: int = 4
    n_embd: int = 32


class CausalSelfAttention(nn.Module):
    def __init__(self, width: int = 32, heads: int = 4) -> None:
        self.c_attn = nn.Dense(32, 3 * 32)
        #! self.c_attn = nn.Dense(32, 2 * 32)
        self.c_proj = nn.Dense(32, 32)

    def __call__(self, x: Float[Tensor, "b t 32"]) -> Float[Tensor, "b t 32"]:
        b, t, c = x.shape
        q, k, v = flux.split(self.c_attn(x), 3, axis=2)  #?
        q = q.reshape((b, t, 4, 8)).permute_dims((0, 2, 1, 3))  #?
        #!later q = q.reshape((b, t, 4, 8))
        k = k.reshape((b, t, 4, 8)).permute_dims((0, 2, 1, 3))
        #! k = k.reshape((b, t, 4, 16)).permute_dims((0, 2, 1, 3))
        v = v.reshape((b, t, 4, 8)).permute_dims((0, 2, 1, 3))
        att = q @ k.mT / math.sqrt(8)  #?
        #! att = q @ k / math.sqrt(8)
        #!later att = q.mT @ k / math.sqrt(8)
        mask = flux.tril(flux.ones((t, t), dtype=flux.bool_))
        att = flux.softmax(flux.where(mask, att, -1e9), axis=-1)  #?
        y = att @ v  #?
        #! y = v @ att
        y = y.permute_dims((0, 2, 1, 3)).reshape((b, t, c))
        #! y = y.permute_dims((0, 2, 1, 3)).reshape((b, t, 4))
        return self.c_proj(y)


class Block(nn.Module):
    def __init__(self, config: GPTConfig) -> None:
        self.ln_1 = nn.LayerNorm(32)
        self.attn = CausalSelfAttention()
        self.ln_2 = nn.LayerNorm(32)
        #! self.ln_2 = nn.LayerNorm(64)
        self.mlp = nn.Chain(nn.Dense(32, 128, flux.gelu), nn.Dense(128, 32))
        #! self.mlp = nn.Chain(nn.Dense(32, 128, flux.gelu), nn.Dense(32, 128))

    def __call__(self, x: Float[Tensor, "b t 32"]) -> Float[Tensor, "b t 32"]:
        x = x + self.attn(self.ln_1(x))
        return x + self.mlp(self.ln_2(x))  #?


class GPT(nn.Module):
    def __init__(self, config: GPTConfig) -> None:
        self.wte = nn.Embedding(100, 32)
        self.wpe = nn.Embedding(64, 32)
        self.blocks = [Block(config) for _ in range(2)]
        self.ln_f = nn.LayerNorm(32)
        self.lm_head = nn.Dense(32, 100, bias=False)

    def __call__(self, tokens: Int[Tensor, "b t"]) -> Float[Tensor, "b t 100"]:
        b, t = tokens.shape
        pos = flux.arange(t)
        x = self.wte(tokens) + self.wpe(pos)
        #! x = self.wte(tokens) + self.wte(tokens.T)
        for block in self.blocks:
            x = block(x)
        return self.lm_head(self.ln_f(x))


def loss(model: GPT, tokens: Int[Tensor, "b t"]) -> Float[Tensor, ""]:
    logits = model(tokens[:, :-1])
    target = tokens[:, 1:]
    #! target = tokens[:, 2:]
    return losses.logitcrossentropy(logits.reshape((-1, 100)), target.reshape((-1,)))  #?


def main() -> None:
    model = GPT(GPTConfig())
    tokens = flux.randint(0, 100, (2, 17))
    print(loss(model, tokens))

=== masked_language_model
class Encoder(nn.Module):
    def __init__(self, vocab: int, d: int = 48, heads: int = 6) -> None:
        self.embed = nn.Embedding(vocab, 48)
        self.attention = nn.MultiHeadAttention(48, 6)
        self.norm1, self.norm2 = nn.LayerNorm(48), nn.LayerNorm(48)
        self.ff = nn.Chain(nn.Dense(48, 192, flux.gelu), nn.Dense(192, 48))

    def __call__(
        self, ids: Int64[Tensor, "b t"], attend: Bool[Tensor, "b t"]
    ) -> Float[Tensor, "b t 48"]:
        x = self.embed(ids)
        x = x + self.attention(self.norm1(x), mask=attend[:, None, None, :])
        return x + self.ff(self.norm2(x))


def mlm_loss(
    encoder: Encoder,
    head: nn.Dense[Any, Any],
    ids: Int64[Tensor, "b t"],
    attend: Bool[Tensor, "b t"],
) -> Float[Tensor, ""]:
    hidden = flux.rand(ids.shape) < 0.15
    masked = flux.where(hidden, 1, ids)
    logits = head(encoder(masked, attend))
    #! logits = head(encoder(attend, masked))
    logp = flux.logsoftmax(logits, axis=-1)
    picked = flux.take_along_axis(logp, ids[:, :, None], axis=-1)[..., 0]
    #! picked = flux.take_along_axis(logp, ids, axis=-1)
    keep = (hidden & attend).astype(flux.float32)
    return -(picked * keep).sum() / flux.maximum(keep.sum(), 1.0)


def main() -> None:
    encoder = Encoder(64)
    head = nn.Dense(48, 64)
    ids = flux.randint(0, 64, (3, 10))
    lengths = flux.asarray([10, 7, 4])
    attend = flux.arange(10)[None, :] < lengths[:, None]
    #! attend = flux.arange(10)[:, None] < lengths[None, :]
    print(mlm_loss(encoder, head, ids, attend))  #?

=== bahdanau_decoder
class AdditiveAttention(nn.Module):
    def __init__(self) -> None:
        self.w_query = nn.Dense(64, 32, bias=False)
        self.w_keys = nn.Dense(48, 32, bias=False)
        self.v = nn.Dense(32, 1, bias=False)

    def __call__(
        self, query: Float[Tensor, "b 64"], keys: Float[Tensor, "b t 48"]
    ) -> tuple[Float[Tensor, "b 48"], Float[Tensor, "b t"]]:
        q = self.w_query(query)[:, None, :]
        #! q = self.w_query(query)
        e = self.v(flux.tanh(q + self.w_keys(keys)))[..., 0]  #?
        a = flux.softmax(e, axis=1)
        context = flux.einsum("bt,btd->bd", a, keys)
        #! context = flux.einsum("bt,bdt->bd", a, keys)
        return context, a


class DecoderStep(nn.Module):
    def __init__(self) -> None:
        self.attention = AdditiveAttention()
        self.cell = nn.GRUCell(16 + 48, 64)
        #! self.cell = nn.GRUCell(16, 64)
        self.out = nn.Dense(64 + 48, 30)

    def __call__(
        self, y: Float[Tensor, "b 16"], s: Float[Tensor, "b 64"], keys: Float[Tensor, "b t 48"]
    ) -> tuple[Float[Tensor, "b 30"], Float[Tensor, "b 64"]]:
        context, _ = self.attention(s, keys)
        #! context, _ = self.attention(y, keys)
        o, s = self.cell(flux.concat([y, context], axis=-1), s)  #?
        return self.out(flux.concat([o, context], axis=-1)), s
        #! return self.out(flux.concat([o, y], axis=-1)), s


def main() -> None:
    step = DecoderStep()
    keys = flux.rand((5, 9, 48))
    s = flux.zeros((5, 64))
    outputs = []
    for _ in range(3):
        logits, s = step(flux.rand((5, 16)), s, keys)
        outputs.append(logits)
    print(flux.stack(outputs, axis=1).shape)

=== sentiment_lstm
class Sentiment(nn.Module):
    def __init__(self, vocabulary: int) -> None:
        self.embedding = nn.Embedding(vocabulary, 50)
        self.lstm = nn.LSTM(50, 64, bidirectional=True)
        self.dropout = nn.Dropout(0.2)
        self.classifier = nn.Dense(128, 2)
        #! self.classifier = nn.Dense(64, 2)

    def __call__(self, tokens: Int[Tensor, "b t"]) -> Float[Tensor, "b 2"]:
        h = self.lstm(self.embedding(tokens))
        #! h = self.lstm(tokens)
        pooled = h.mean(axis=1)
        #! pooled = h.mean(axis=2)
        return self.classifier(self.dropout(pooled))  #?


def train_step(
    model: Sentiment,
    state: flux.OptimiserState,
    tokens: Int[Tensor, "b t"],
    labels: Int[Tensor, "b"],
) -> float:
    def objective(m: Sentiment) -> Tensor:
        return losses.logitcrossentropy(m(tokens), labels)

    value, grads = flux.withgradient(objective, model)
    flux.update(state, model, grads)
    return float(value)


def main() -> None:
    model = Sentiment(500)
    state = flux.setup(flux.Adam(1e-3), model)
    tokens = flux.randint(0, 500, (8, 12))
    labels = flux.randint(0, 2, (8,))
    #! labels = flux.randint(0, 2, (12,))
    print(train_step(model, state, tokens, labels))  #?

=== char_rnn_one_hot
VOCAB: Final = 27
HIDDEN: Final = 40


class CharRNN(nn.Module):
    def __init__(self) -> None:
        self.rnn = nn.RNN(VOCAB, HIDDEN)
        #! self.rnn = nn.RNN(HIDDEN, VOCAB)
        self.decode = nn.Dense(HIDDEN, VOCAB)

    def __call__(self, text: Int[Tensor, "b t"]) -> Float[Tensor, "b t 27"]:
        x = flux.one_hot(text, VOCAB)
        #! x = flux.one_hot(text, VOCAB + 1)
        return self.decode(self.rnn(x))  #?


def main() -> None:
    model = CharRNN()
    text = flux.randint(0, 26, (4, 21))
    inputs, targets = text[:, :-1], text[:, 1:]
    #! inputs, targets = text[:, :-1], text[1:, :]
    logits = model(inputs)
    print(losses.logitcrossentropy(logits.reshape((-1, VOCAB)), targets.reshape((-1,))))  #?
    #! print(losses.logitcrossentropy(logits.reshape((-1, HIDDEN)), targets.reshape((-1,))))

=== sinusoidal_positions
def positions(length: Size["t"], width: Literal[16] = 16) -> Float[Tensor, "t 16"]:
    steps = flux.arange(length, dtype=flux.float32)[:, None]
    #! steps = flux.arange(length, dtype=flux.float32)
    rates = flux.exp(flux.arange(0, 8, dtype=flux.float32) * (-math.log(1e4) / 8))
    angles = steps * rates  #?
    return flux.concat([flux.sin(angles), flux.cos(angles)], axis=1)
    #!later return flux.stack([flux.sin(angles), flux.cos(angles)], axis=1)


def embed(x: Float[Tensor, "b t 16"]) -> Float[Tensor, "b t 16"]:
    return x + positions(x.shape[1])
    #! return x + positions(x.shape[2])


def main() -> None:
    print(embed(flux.rand((2, 5, 16))).shape)

=== rotary
def rotate_half(x: Float[Tensor, "*b 32"]) -> Float[Tensor, "*b 32"]:
    x1, x2 = x[..., :16], x[..., 16:]
    #! x1, x2 = x[..., :16], x[..., 12:]
    return flux.concat([-x2, x1], axis=-1)  #?


def apply_rotary(
    q: Float[Tensor, "b h t 32"], k: Float[Tensor, "b h t 32"], cos: Float[Tensor, "t 32"],
    sin: Float[Tensor, "t 32"],
) -> tuple[Float[Tensor, "b h t 32"], Float[Tensor, "b h t 32"]]:
    q = q * cos + rotate_half(q) * sin
    #! q = q * cos.T + rotate_half(q) * sin
    k = k * cos + rotate_half(k) * sin
    return q, k


def tables(steps: int) -> tuple[Tensor, Tensor]:
    rates = 1.0 / (10000.0 ** (flux.arange(0, 32, 2, dtype=flux.float32) / 32))
    angles = flux.outer(flux.arange(12, dtype=flux.float32), rates)
    angles = flux.concat([angles, angles], axis=-1)
    return flux.cos(angles), flux.sin(angles)


def main() -> None:
    cos, sin = tables(12)
    q, k = flux.rand((2, 4, 12, 32)), flux.rand((2, 4, 12, 32))
    #! q, k = flux.rand((2, 4, 12, 32)), flux.rand((2, 12, 4, 32))
    q, k = apply_rotary(q, k, cos, sin)  #?
    scores = flux.einsum("b h i d, b h j d -> b h i j", q, k)
    #! scores = flux.einsum("b h i d, b h d j -> b h i j", q, k)
    print(scores.shape)

=== grouped_query_attention
class GQA(nn.Module):
    def __init__(self, width: int = 64, heads: int = 8, kv_heads: int = 2) -> None:
        self.wq = nn.Dense(64, 64, bias=False)
        self.wkv = nn.Dense(64, 2 * 2 * 8, bias=False)
        self.wo = nn.Dense(64, 64, bias=False)

    def __call__(self, x: Float[Tensor, "b t 64"]) -> Float[Tensor, "b t 64"]:
        q = flux.rearrange(self.wq(x), "b t (h d) -> b h t d", h=8)
        kv = flux.rearrange(self.wkv(x), "b t (two h d) -> two b h t d", two=2, h=2)
        k = flux.repeat(kv[0], 4, axis=1)
        #! k = flux.repeat(kv[0], 4, axis=2)
        #! k = flux.repeat(kv[0], 2, axis=1)
        v = flux.repeat(kv[1], 4, axis=1)
        w = flux.softmax(q @ k.mT / 8**0.5, axis=-1)  #?
        y = flux.rearrange(w @ v, "b h t d -> b t (h d)")
        #! y = flux.rearrange(w @ v, "b h t d -> b t h d")
        return self.wo(y)  #?


def main() -> None:
    print(GQA()(flux.rand((2, 6, 64))).shape)

=== key_value_cache
class Cache(NamedTuple):
    k: Float[Tensor, "b h t d"]
    v: Float[Tensor, "b h t d"]


def extend(cache: Cache, k: Float[Tensor, "b h 1 d"], v: Float[Tensor, "b h 1 d"]) -> Cache:
    return Cache(flux.concat([cache.k, k], axis=2), flux.concat([cache.v, v], axis=2))
    #! return Cache(flux.concat([cache.k, k], axis=1), flux.concat([cache.v, v], axis=1))


def attend(q: Float[Tensor, "b h 1 d"], k: Tensor, v: Tensor) -> Tensor:
    w = flux.softmax(q @ k.mT / math.sqrt(q.shape[-1]), axis=-1)
    return w @ v


def merge(x: Float[Tensor, "b h t d"]) -> Float[Tensor, "b t h*d"]:
    b, h, t, d = x.shape
    return x.permute_dims((0, 2, 1, 3)).reshape((b, t, h * d))
    #! return x.permute_dims((0, 2, 1, 3)).reshape((b, t, h + d))
    #! return x.permute_dims((0, 2, 1, 3)).reshape((b, t, d))


def main() -> None:
    cache = Cache(flux.zeros((2, 4, 5, 8)), flux.zeros((2, 4, 5, 8)))
    new = flux.rand((2, 4, 1, 8))
    #! new = flux.rand((2, 1, 4, 8))
    cache = extend(cache, new, new)  #?
    print(merge(attend(new, cache.k, cache.v)).shape)

=== crf_forward
def log_partition(
    emissions: Float[Tensor, "b t k"], transitions: Float[Tensor, "k k"]
) -> Float[Tensor, "b"]:
    alpha = emissions[:, 0]
    #! alpha = emissions[0]
    for t in range(1, emissions.shape[1]):
        scores = alpha[:, :, None] + transitions[None]  #?
        alpha = flux.logsumexp(scores, axis=1) + emissions[:, t]  #?
        #!later alpha = flux.logsumexp(scores, axis=0) + emissions[:, t]
    return flux.logsumexp(alpha, axis=-1)


def path_score(
    emissions: Float[Tensor, "b t k"], tags: Int[Tensor, "b t"], transitions: Float[Tensor, "k k"]
) -> Float[Tensor, "b"]:
    unary = flux.take_along_axis(emissions, tags[..., None], axis=2)[..., 0].sum(axis=1)
    moves = transitions[tags[:, :-1], tags[:, 1:]]
    #! moves = transitions[tags[:, :-1], tags[:, :]]
    #! moves = transitions[tags[:-1], tags[:, 1:]]
    return unary + moves.sum(axis=1)
    #! return unary + moves


def main() -> None:
    emissions, transitions = flux.randn((3, 6, 5)), flux.randn((5, 5))
    #! emissions, transitions = flux.randn((3, 6, 5)), flux.randn((6, 6))
    tags = flux.randint(0, 5, (3, 6))
    nll = log_partition(emissions, transitions) - path_score(emissions, tags, transitions)  #?
    print(nll.mean())

=== sampling_loop
def top_k_filter(logits: Float[Tensor, "b v"], k: int) -> Float[Tensor, "b v"]:
    values, _ = flux.topk(logits, k)
    return flux.where(logits < values[:, -1:], -math.inf, logits)
    #!later return flux.where(logits < values[:, -1], -math.inf, logits)


def generate(
    model: Callable[[Int64[Tensor, "b t"]], Float[Tensor, "b t 50"]],
    prompt: Int64[Tensor, "b t"],
    steps: int,
) -> Int64[Tensor, "b _"]:
    tokens = prompt
    for _ in range(steps):
        logits = model(tokens)[:, -1, :] / 0.8
        logits = top_k_filter(logits, 5)
        chosen = flux.argmax(logits + flux.gumbel(logits.shape), axis=-1)
        tokens = flux.concat([tokens, chosen[:, None]], axis=1)
        #! tokens = flux.concat([tokens, chosen], axis=1)
    return tokens


def main() -> None:
    model = nn.Chain(nn.Embedding(50, 8), nn.Dense(8, 50))
    #! model = nn.Chain(nn.Embedding(50, 16), nn.Dense(8, 50))
    print(generate(model, flux.randint(0, 50, (2, 3)), 4).shape)  #?
    #! print(generate(model, flux.randint(0, 50, (3,)), 4).shape)

=== padding_collate
def pad_batch(sequences: Sequence[Int64[Tensor, "_"]], length: Size["t"]) -> Int64[Tensor, "_ t"]:
    rows = [flux.pad(s, (0, length - s.shape[0])) for s in sequences]
    return flux.stack(rows)


def masked_mean(
    x: Float[Tensor, "b t d"], lengths: Int64[Tensor, "b"]
) -> Float[Tensor, "b d"]:
    mask = flux.arange(x.shape[1])[None, :] < lengths[:, None]
    #! mask = flux.arange(x.shape[1]) < lengths
    total = (x * mask[:, :, None]).sum(axis=1)  #?
    #! total = (x * mask).sum(axis=1)
    return total / lengths[:, None].astype(flux.float32)
    #! return total / lengths.astype(flux.float32)


def main() -> None:
    texts = [flux.randint(0, 9, (n,)) for n in (3, 5, 2)]
    batch = pad_batch(texts, 6)
    table = nn.Embedding(9, 12)
    pooled = masked_mean(table(batch), flux.asarray([3, 5, 2]))
    classify = nn.Dense(12, 4)
    #! classify = nn.Dense(6, 4)
    print(classify(pooled).shape)  #?

=== temporal_convolution
class TCNBlock(nn.Module):
    def __init__(self, dilation: int) -> None:
        self.dilation = dilation
        self.conv = nn.Conv((3,), 24, 24, dilation=dilation)
        self.norm = nn.GroupNorm(24, 4)

    def __call__(self, x: Float[Tensor, "b 24 t"]) -> Float[Tensor, "b 24 t"]:
        padded = flux.pad(x, ((0, 0), (0, 0), (2 * self.dilation, 0)))
        return x + flux.relu(self.norm(self.conv(padded)))


class TCN(nn.Module):
    def __init__(self) -> None:
        self.inp = nn.Conv((1,), 6, 24)
        self.blocks = [TCNBlock(2**i) for i in range(3)]
        self.out = nn.Dense(24, 1)
        #! self.out = nn.Dense(6, 1)

    def __call__(self, x: Float[Tensor, "b t 6"]) -> Float[Tensor, "b"]:
        h = self.inp(x.mT)
        #! h = self.inp(x)
        for block in self.blocks:
            h = block(h)
        return self.out(h[:, :, -1])[:, 0]  #?
        #! return self.out(h[:, -1, :])[:, 0]
        #! return self.out(h[:, :, -1])


def main() -> None:
    print(TCN()(flux.rand((4, 20, 6))).shape)

=== lstm_from_scratch
class LSTMFromScratch(nn.Module):
    wx: Float[Tensor, "10 80"]
    wh: Float[Tensor, "20 80"]
    b: Float[Tensor, "80"]

    def __init__(self) -> None:
        self.wx = flux.randn((10, 4 * 20)) * 0.1
        #! self.wx = flux.randn((4 * 20, 10)) * 0.1
        self.wh = flux.randn((20, 4 * 20)) * 0.1
        self.b = flux.zeros((80,))

    def step(
        self, x: Float[Tensor, "n 10"], h: Float[Tensor, "n 20"], c: Float[Tensor, "n 20"]
    ) -> tuple[Float[Tensor, "n 20"], Float[Tensor, "n 20"]]:
        gates = x @ self.wx + h @ self.wh + self.b
        #! gates = x @ self.wx + h @ self.wx + self.b
        i, f, g, o = flux.split(gates, 4, axis=-1)
        #! i, f, g, o = flux.split(gates, 4, axis=-2)
        c = flux.sigmoid(f) * c + flux.sigmoid(i) * flux.tanh(g)  #?
        return flux.sigmoid(o) * flux.tanh(c), c

    def __call__(self, x: Float[Tensor, "n t 10"]) -> Float[Tensor, "n t 20"]:
        h = flux.zeros((x.shape[0], 20))
        c = flux.zeros((x.shape[0], 20))
        #! c = flux.zeros((20, x.shape[0]))
        hidden = []
        for t in range(x.shape[1]):
            h, c = self.step(x[:, t], h, c)  #?
            #! h, c = self.step(x[t], h, c)
            hidden.append(h)
        return flux.stack(hidden, axis=1)
        #! return flux.stack(hidden, axis=0)


def main() -> None:
    print(LSTMFromScratch()(flux.rand((3, 5, 10))).shape)

=== linear_attention
def phi(x: Float[Tensor, "*s"]) -> Float[Tensor, "*s"]:
    return flux.elu(x) + 1.0


def linear_attention(
    q: Float[Tensor, "b n h d"], k: Float[Tensor, "b m h d"], v: Float[Tensor, "b m h e"]
) -> Float[Tensor, "b n h e"]:
    q, k = phi(q), phi(k)
    kv = flux.einsum("bmhd,bmhe->bhde", k, v)
    #! kv = flux.einsum("bhmd,bmhe->bhde", k, v)
    z = flux.einsum("bnhd,bhd->bnh", q, k.sum(axis=1))
    #! z = flux.einsum("bnhd,bhd->bnh", q, k.sum(axis=2))
    out = flux.einsum("bnhd,bhde->bnhe", q, kv)
    return out / z[..., None]
    #! return out / z


def main() -> None:
    q, k, v = flux.rand((2, 7, 3, 8)), flux.rand((2, 9, 3, 8)), flux.rand((2, 9, 3, 5))
    print(linear_attention(q, k, v).shape)
    #! print(linear_attention(q, v, k).shape)

=== skip_gram
class SkipGram(nn.Module):
    def __init__(self, vocab: int, dim: int) -> None:
        self.center = nn.Embedding(200, 25)
        self.context = nn.Embedding(200, 25)
        #! self.context = nn.Embedding(200, 52)

    def __call__(
        self, word: Int[Tensor, "b"], positive: Int[Tensor, "b"], negative: Int[Tensor, "b k"]
    ) -> Float[Tensor, ""]:
        w = self.center(word)
        p = (w * self.context(positive)).sum(axis=-1)  #?
        n = (self.context(negative) @ w[:, :, None])[..., 0]
        #! n = (self.context(negative) @ w)[..., 0]
        #! n = (w @ self.context(negative))[..., 0]
        good = flux.logsigmoid(p)
        bad = flux.logsigmoid(-n).sum(axis=1)
        #! bad = flux.logsigmoid(-n).sum(axis=2)
        return -(good + bad).mean()


def main() -> None:
    model = SkipGram(200, 25)
    word, positive = flux.randint(0, 200, (16,)), flux.randint(0, 200, (16,))
    negative = flux.randint(0, 200, (16, 5))
    #! negative = flux.rand((16, 5))
    print(model(word, positive, negative))  #?

=== mixture_of_experts
class MoE(nn.Module):
    w1: Float[Tensor, "experts d hidden"]
    w2: Float[Tensor, "experts hidden d"]

    def __init__(self, experts: int, d: int, hidden: int) -> None:
        self.gate = nn.Dense(d, experts, bias=False)
        self.w1 = flux.randn((experts, d, hidden)) / d**0.5
        self.w2 = flux.randn((experts, hidden, d)) / hidden**0.5

    def __call__(self, x: Float[Tensor, "n d"]) -> Float[Tensor, "n d"]:
        p = flux.softmax(self.gate(x), axis=-1)
        h = flux.relu(flux.einsum("nd,edh->neh", x, self.w1))
        y = flux.einsum("neh,ehd->ned", h, self.w2)
        return flux.einsum("ne,ned->nd", p, y)


def dispatch(
    x: Float[Tensor, "n 16"], w: Float[Tensor, "8 16 32"], chosen: Int[Tensor, "n 2"]
) -> Float[Tensor, "n 2 32"]:
    picked = w[chosen]
    return flux.einsum("nd,nkdh->nkh", x, picked)
    #! return flux.einsum("nd,nkhd->nkh", x, picked)


def load_balance(p: Float[Tensor, "n e"], chosen: Int[Tensor, "n k"]) -> Float[Tensor, ""]:
    e = p.shape[1]
    used = flux.one_hot(chosen, e).mean(axis=(0, 1))
    #! used = flux.one_hot(chosen, e).mean(axis=(1, 2))
    return e * (used * p.mean(axis=0)).sum()  #?
    #! return e * (used * p.mean(axis=1)).sum()


def main() -> None:
    x = flux.rand((10, 16))
    p = flux.softmax(nn.Dense(16, 8)(x))
    weights, chosen = flux.topk(p, 2)
    y = dispatch(x, flux.rand((8, 16, 32)), chosen)
    out = (weights[:, :, None] * y).sum(axis=1)
    #! out = (weights[:, None, :] * y).sum(axis=1)
    #! out = (weights * y).sum(axis=1)
    print(out.shape, load_balance(p, chosen), MoE(4, 16, 8)(x).shape)

=== graph_convolution
def normalise_adjacency(a: Float[Tensor, "n n"]) -> Float[Tensor, "n n"]:
    a = a + flux.eye(a.shape[0])
    degree = a.sum(axis=1)
    scale = degree**-0.5
    return scale[:, None] * a * scale[None, :]
    #! return scale[:, None] * a * scale[1:]


class GCN(nn.Module):
    def __init__(self) -> None:
        self.w0 = nn.Dense(34, 16, bias=False)
        self.w1 = nn.Dense(16, 4, bias=False)
        #! self.w1 = nn.Dense(34, 4, bias=False)

    def __call__(
        self, a: Float[Tensor, "n n"], x: Float[Tensor, "n 34"]
    ) -> Float[Tensor, "n 4"]:
        h = flux.relu(a @ self.w0(x))
        #! h = flux.relu(self.w0(x) @ a)
        return a @ self.w1(h)  #?


def main() -> None:
    a = normalise_adjacency((flux.rand((20, 20)) > 0.8).astype(flux.float32))
    x = flux.rand((20, 34))
    logits = GCN()(a, x)
    #! logits = GCN()(x, a)
    labels = flux.randint(0, 4, (20,))
    train = flux.asarray([0, 4, 9])
    print(losses.logitcrossentropy(logits[train], labels[train]))
    #! print(losses.logitcrossentropy(logits[train], labels))

=== message_passing
class MessagePassing(nn.Module):
    def __init__(self) -> None:
        self.message = nn.Dense(12 + 12 + 3, 16, flux.relu)
        #! self.message = nn.Dense(12 + 3, 16, flux.relu)
        self.update = nn.Dense(12 + 16, 12)
        #! self.update = nn.Dense(12, 12)

    def __call__(
        self,
        nodes: Float[Tensor, "n 12"],
        edges: Float[Tensor, "e 3"],
        sources: Int[Tensor, "e"],
        targets: Int[Tensor, "e"],
    ) -> Float[Tensor, "n 12"]:
        pair = flux.concat([nodes[sources], nodes[targets], edges], axis=-1)
        #! pair = flux.concat([nodes[sources], nodes, edges], axis=-1)
        m = self.message(pair)  #?
        total = flux.scatter(targets, m, nodes.shape[0])
        #! total = flux.scatter(targets, m, edges.shape[0])
        return nodes + self.update(flux.concat([nodes, total], axis=-1))  #?


def main() -> None:
    layer = MessagePassing()
    nodes, edges = flux.rand((6, 12)), flux.rand((10, 3))
    ends = flux.randint(0, 6, (2, 10))
    nodes = layer(nodes, edges, ends[0], ends[1])
    #! nodes = layer(nodes, edges, ends[:, 0], ends[:, 1])
    print(nodes.mean(axis=0).shape)

=== graph_attention
def gat(
    h: Float[Tensor, "n f"],
    w: Float[Tensor, "heads f d"],
    a_src: Float[Tensor, "heads d"],
    a_dst: Float[Tensor, "heads d"],
    adjacency: Bool[Tensor, "n n"],
) -> Float[Tensor, "n heads*d"]:
    z = flux.einsum("nf,hfd->hnd", h, w)
    #! z = flux.einsum("nf,hdf->hnd", h, w)
    src = (z * a_src[:, None, :]).sum(axis=-1)
    #! src = (z * a_src).sum(axis=-1)
    dst = (z * a_dst[:, None, :]).sum(axis=-1)
    e = flux.leakyrelu(src[:, :, None] + dst[:, None, :])
    #! e = flux.leakyrelu(src[:, :, None] + dst[None, :])
    e = flux.where(adjacency, e, -1e9)
    alpha = flux.softmax(e, axis=-1)
    out = alpha @ z  #?
    #! out = z @ alpha
    return flux.rearrange(out, "h n d -> n (h d)")
    #!later return flux.rearrange(out, "h n d -> h (n d)")


def main() -> None:
    n = 9
    h = flux.rand((n, 5))
    adjacency = flux.rand((n, n)) > 0.5
    out = gat(h, flux.rand((4, 5, 6)), flux.rand((4, 6)), flux.rand((4, 6)), adjacency)
    head = nn.Dense(24, 3)
    #! head = nn.Dense(6, 3)
    print(head(out).shape)  #?

=== hidden_markov
def forward(
    initial: Float[Tensor, "k"], move: Float[Tensor, "k k"], emit: Float[Tensor, "k v"],
    seen: Int[Tensor, "t"],
) -> Float[Tensor, ""]:
    def step(
        alpha: Float[Tensor, "k"], symbol: Int[Tensor, ""]
    ) -> tuple[Float[Tensor, "k"], Float[Tensor, ""]]:
        alpha = (alpha @ move) * emit[:, symbol]
        #! alpha = (alpha @ emit) * emit[:, symbol]
        #! alpha = (alpha @ move) * emit[symbol]
        total = alpha.sum()
        return alpha / total, flux.log(total)

    start = initial * emit[:, seen[0]]
    _, logs = flux.scan(step, start, seen[1:])  #?
    return logs.sum()


def main() -> None:
    move = flux.softmax(flux.randn((3, 3)))
    emit = flux.softmax(flux.randn((3, 7)))
    #! emit = flux.softmax(flux.randn((7, 3)))
    print(forward(flux.ones((3,)) / 3, move, emit, flux.randint(0, 7, (12,))))  #?

=== windowed_forecast
def windows(
    series: Float32[Tensor, "n"], length: Literal[12] = 12
) -> tuple[Float32[Tensor, "n-12 12"], Float32[Tensor, "n-12"]]:
    n = series.shape[0] - 12
    index = flux.arange(n)[:, None] + flux.arange(12)[None, :]
    #! index = flux.arange(n) + flux.arange(12)
    return series[index], series[12:]  #?
    #!later return series[index], series[:12]


class Forecaster(nn.Module):
    def __init__(self) -> None:
        self.gru = nn.GRU(1, 16)
        self.out = nn.Dense(16, 1)

    def __call__(self, x: Float[Tensor, "b t"]) -> Float[Tensor, "b"]:
        h = self.gru(x[:, :, None])
        #! h = self.gru(x[:, None, :])
        return self.out(h[:, -1])[:, 0]
        #! return self.out(h[-1])[:, 0]


def main() -> None:
    series = flux.sin(flux.arange(100, dtype=flux.float32) / 5)
    x, y = windows(series)
    cut = 70
    model = Forecaster()
    loss = losses.mse(model(x[:cut]), y[:cut])
    #! loss = losses.mse(model(x[:cut]), y[cut:])
    print(loss)

=== dynamic_memory
def read(memory: Float[Tensor, "b n m"], key: Float[Tensor, "b m"]) -> Float[Tensor, "b m"]:
    norm = flux.sqrt((memory**2).sum(axis=-1)) * flux.sqrt((key**2).sum(axis=-1, keepdims=True))
    #! norm = flux.sqrt((memory**2).sum(axis=-1)) + flux.sqrt((key**2).sum(axis=-1))
    similarity = flux.einsum("bnm,bm->bn", memory, key) / norm  #?
    w = flux.softmax(similarity, axis=-1)
    return (w[:, None, :] @ memory)[:, 0]
    #!silent return (w @ memory)[:, 0]


def write(
    memory: Float[Tensor, "b n m"],
    w: Float[Tensor, "b n"],
    erase: Float[Tensor, "b m"],
    add: Float[Tensor, "b m"],
) -> Float[Tensor, "b n m"]:
    keep = 1 - w[:, :, None] * erase[:, None, :]
    #! keep = 1 - w[:, None, :] * erase[:, :, None]
    return memory * keep + w[:, :, None] * add[:, None, :]  #?


def main() -> None:
    memory = flux.rand((2, 10, 6))
    got = read(memory, flux.rand((2, 6)))
    #! got = read(memory, flux.rand((2, 10)))
    memory = write(memory, flux.softmax(flux.rand((2, 10))), flux.sigmoid(got), got)
    print(memory.shape)
"""
