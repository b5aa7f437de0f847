"""Attention: heads, masks, caches, transformer blocks."""

PROGRAMS = """
=== scaled_dot_product
def attention(
    q: Float32[Tensor, "batch n d"],
    k: Float32[Tensor, "batch m d"],
    v: Float32[Tensor, "batch m e"],
) -> Float32[Tensor, "batch n e"]:
    scores = q @ k.mT / math.sqrt(q.shape[-1])
    #! scores = q @ k / math.sqrt(q.shape[-1])
    return flux.softmax(scores, axis=-1) @ v
    #! return flux.softmax(scores, axis=-1) @ q


def main() -> None:
    attention(flux.randn((2, 3, 4)), flux.randn((2, 5, 4)), flux.randn((2, 5, 6)))

=== causal_mask
Sequences = Float32[Tensor, "b t d"]


def causal(q: Sequences, k: Sequences, v: Sequences) -> Sequences:
    t = q.shape[1]
    mask = flux.tril(flux.ones((t, t), dtype=flux.bool_))
    scores = flux.where(mask, q @ k.mT, -1e9)
    #! scores = flux.where(mask, q.mT @ k, -1e9)
    return flux.softmax(scores) @ v


def main() -> None:
    x = flux.randn((2, 5, 3))
    causal(x, x, x)

=== multi_head_by_hand
class Attention(nn.Module):
    def __init__(self, size: int = 64, heads: int = 4) -> None:
        self.query = nn.Dense(64, 64, bias=False)
        self.key = nn.Dense(64, 64, bias=False)
        self.value = nn.Dense(64, 64, bias=False)
        self.out = nn.Dense(64, 64)

    def split(self, x: Float[Tensor, "b t 64"]) -> Float[Tensor, "b 4 t 16"]:
        b, t, _ = x.shape
        return x.reshape((b, t, 4, 16)).permute_dims((0, 2, 1, 3))
        #! return x.reshape((b, t, 4, 16)).permute_dims((0, 1, 2, 3))

    def __call__(self, x: Float32[Tensor, "b t 64"]) -> Float[Tensor, "b t 64"]:
        q, k, v = self.split(self.query(x)), self.split(self.key(x)), self.split(self.value(x))
        weights = flux.softmax(flux.einsum("bhqd,bhkd->bhqk", q, k) / 4.0)
        y = (weights @ v).permute_dims((0, 2, 1, 3))
        b, t, h, d = y.shape
        return self.out(y.reshape((b, t, h * d)))  #?


def main() -> None:
    Attention()(flux.randn((2, 6, 64)))

=== merged_heads_forgotten
class Block(nn.Module):
    def __init__(self) -> None:
        self.qkv = nn.Dense(32, 96)
        self.out = nn.Dense(32, 32)

    def __call__(self, x: Float32[Tensor, "b t 32"]) -> Float[Tensor, "b t 32"]:
        q, k, v = flux.split(self.qkv(x), 3, axis=-1)
        q = flux.rearrange(q, "b t (h d) -> b h t d", h=4)
        k = flux.rearrange(k, "b t (h d) -> b h t d", h=4)
        v = flux.rearrange(v, "b t (h d) -> b h t d", h=4)
        y = flux.softmax(q @ k.mT) @ v
        y = flux.rearrange(y, "b h t d -> b t (h d)")
        #! y = flux.rearrange(y, "b h t d -> b h (t d)")
        return x + self.out(y)  #?


def main() -> None:
    Block()(flux.randn((2, 5, 32)))

=== layer_sizes
class Encoder(nn.Module):
    def __init__(self) -> None:
        self.attend = nn.MultiHeadAttention(128, 8)
        self.norm = nn.LayerNorm(128)
        self.up = nn.Dense(128, 512, flux.gelu)
        self.down = nn.Dense(512, 128)
        #! self.down = nn.Dense(512, 182)

    def __call__(self, x: Float32[Tensor, "batch time 128"]) -> Float[Tensor, "batch time 128"]:
        x = x + self.attend(self.norm(x))
        return x + self.down(self.up(x))  #?


def main() -> None:
    Encoder()(flux.randn((2, 4, 128)))

=== cross_attention
class Cross(nn.Module):
    def __init__(self) -> None:
        self.attend = nn.MultiHeadAttention(64, 4, key=48, value=48)
        #! self.attend = nn.MultiHeadAttention(64, 4, key=64, value=64)

    def __call__(
        self, x: Float32[Tensor, "b n 64"], memory: Float32[Tensor, "b m 48"]
    ) -> Float[Tensor, "b n 64"]:
        return x + self.attend(x, memory)  #?


def main() -> None:
    Cross()(flux.randn((2, 4, 64)), flux.randn((2, 7, 48)))

=== padding_mask
def attend(
    q: Float32[Tensor, "b h n d"],
    k: Float32[Tensor, "b h m d"],
    v: Float32[Tensor, "b h m d"],
    padding: Bool[Tensor, "b m"],
) -> Float32[Tensor, "b h n d"]:
    scores = q @ k.mT
    scores = flux.where(padding[:, None, None, :], scores, -1e9)
    #! scores = flux.where(padding[:, None, :, None], scores, -1e9)
    return flux.softmax(scores, axis=-1) @ v


def main() -> None:
    q, k = flux.randn((2, 3, 4, 5)), flux.randn((2, 3, 6, 5))
    attend(q, k, k, flux.ones((2, 6), dtype=flux.bool_))

=== relative_bias
def biased(
    scores: Float32[Tensor, "b h t t"], table: Float32[Tensor, "h 2*t-1"], index: Int[Tensor, "t t"]
) -> Float32[Tensor, "b h t t"]:
    bias = table[:, index]
    #! bias = table[index]
    return scores + bias  #?


def main() -> None:
    t = 4
    steps = flux.arange(t)
    index = steps[:, None] - steps[None, :] + t - 1
    biased(flux.zeros((2, 3, t, t)), flux.rand((3, 7)), index)

=== package_function
def main() -> None:
    q = flux.randn((2, 5, 32))
    k = flux.randn((2, 7, 32))
    v = flux.randn((2, 7, 16))
    y = flux.dot_product_attention(q, k, v)
    #! y = flux.dot_product_attention(q, v, k)
    print((y @ flux.ones((16, 2))).sum())
    #! print((y @ flux.ones((32, 2))).sum())

=== key_value_cache
@dataclass
class Cache:
    keys: Float32[Tensor, "b past d"]
    values: Float32[Tensor, "b past d"]


def extend(
    keys: Float32[Tensor, "b past d"], new: Float32[Tensor, "b 1 d"]
) -> Float32[Tensor, "b past+1 d"]:
    return flux.concat([keys, new], axis=1)
    #! return flux.concat([keys, new], axis=2)


def step(
    q: Float32[Tensor, "b 1 d"],
    keys: Float32[Tensor, "b past d"],
    values: Float32[Tensor, "b past d"],
) -> Float32[Tensor, "b 1 d"]:
    scores = q @ keys.mT
    return flux.softmax(scores) @ values
    #! return values @ flux.softmax(scores)


def main() -> None:
    cache = Cache(flux.zeros((2, 3, 4)), flux.zeros((2, 3, 4)))
    new = flux.randn((2, 1, 4))
    cache = Cache(extend(cache.keys, new), extend(cache.values, new))
    step(new, cache.keys, cache.values)

=== scores_of_layer
def heat(x: Float32[Tensor, "b t 32"]) -> Float[Tensor, "b t t"]:
    attend = nn.MultiHeadAttention(32, 4)
    y, scores = attend(x, return_scores=True)
    #! y, scores = attend(x.mT, return_scores=True)
    print(y.sum())
    return scores.mean(axis=1)


def main() -> None:
    heat(flux.randn((2, 5, 32)))

=== linear_attention
def linear(
    q: Float32[Tensor, "b n d"], k: Float32[Tensor, "b m d"], v: Float32[Tensor, "b m e"]
) -> Float32[Tensor, "b n e"]:
    q, k = flux.relu(q) + 1e-3, flux.relu(k) + 1e-3
    context = flux.einsum("bmd,bme->bde", k, v)
    #! context = flux.einsum("bmd,bme->bde", q, v)
    total = k.sum(axis=1)
    weight = 1 / flux.einsum("bnd,bd->bn", q, total)
    return flux.einsum("bnd,bde,bn->bne", q, context, weight)
    #! return flux.einsum("bnd,bde,bn->bne", k, context, weight)


def main() -> None:
    linear(flux.rand((2, 3, 4)), flux.rand((2, 5, 4)), flux.rand((2, 5, 6)))

=== gpt_embedding
class Embed(nn.Module):
    def __init__(self, vocabulary: int = 100, width: int = 32, context: int = 16) -> None:
        self.token = nn.Embedding(100, 32)
        #! self.token = nn.Embedding(32, 100)
        self.place = nn.Embedding(16, 32)

    def __call__(self, tokens: Int[Tensor, "b t"]) -> Float[Tensor, "b t 32"]:
        t = tokens.shape[1]
        return self.token(tokens) + self.place(flux.arange(t))  #?


def main() -> None:
    Embed()(flux.randint(0, 30, (2, 7)))

=== pooled_by_query
class Pool(nn.Module):
    query: Float32[Tensor, "d"]

    def __init__(self, d: int) -> None:
        self.query = flux.randn((d,))


def pool(query: Float32[Tensor, "d"], x: Float32[Tensor, "b n d"]) -> Float32[Tensor, "b d"]:
    weights = flux.softmax(x @ query, axis=1)
    return (weights[..., None] * x).sum(axis=1)
    #! return (weights[None] * x).sum(axis=1)


def main() -> None:
    pool(Pool(4).query, flux.randn((2, 5, 4)))
"""
