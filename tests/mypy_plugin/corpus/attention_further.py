"""Attention, in the words of others."""

PROGRAMS = """
=== encoder_decoder_block
class DecoderBlock(nn.Module):
    def __init__(self) -> None:
        self.self_attention = nn.MultiHeadAttention(80, 5)
        self.cross_attention = nn.MultiHeadAttention(80, 5, key=60, value=60)
        self.norms = [nn.LayerNorm(80), nn.LayerNorm(80), nn.LayerNorm(80)]
        self.feed = nn.Chain(nn.Dense(80, 320, flux.relu), nn.Dense(320, 80))
        #! self.feed = nn.Chain(nn.Dense(80, 320, flux.relu), nn.Dense(320, 60))

    def __call__(
        self, x: Float[Tensor, "b t 80"], memory: Float[Tensor, "b s 60"]
    ) -> Float[Tensor, "b t 80"]:
        mask = flux.make_causal_mask(x)
        x = x + self.self_attention(self.norms[0](x), mask=mask)
        #! x = x + self.self_attention(memory, mask=mask)
        x = x + self.cross_attention(self.norms[1](x), memory)
        #! x = x + self.cross_attention(memory, self.norms[1](x))
        return x + self.feed(self.norms[2](x))  #?


def main() -> None:
    DecoderBlock()(flux.rand((2, 4, 80)), flux.rand((2, 7, 60)))

=== sliding_local_attention
def local(
    q: Float32[Tensor, "b 64 d"], k: Float32[Tensor, "b 64 d"], v: Float32[Tensor, "b 64 d"]
) -> Float32[Tensor, "b 64 d"]:
    b, _, d = q.shape
    blocks = [x.reshape((b, 8, 8, d)) for x in (q, k, v)]
    #! blocks = [x.reshape((b, 8, 9, d)) for x in (q, k, v)]
    qb, kb, vb = blocks[0], blocks[1], blocks[2]
    near = flux.concat([flux.roll(kb, 1, axis=1), kb], axis=2)
    values = flux.concat([flux.roll(vb, 1, axis=1), vb], axis=2)
    #! values = flux.concat([flux.roll(vb, 1, axis=1), vb], axis=1)
    scores = flux.einsum("bnqd,bnkd->bnqk", qb, near) / d**0.5
    weights = flux.softmax(scores)
    return (weights @ values).reshape((b, 64, d))  #?
    #! return (weights @ values).reshape((b, 128, d))


def main() -> None:
    x = flux.rand((2, 64, 4))
    local(x, x, x)

=== query_pooling
class Pooled(nn.Module):
    def __init__(self, n: int = 4) -> None:
        self.queries = flux.randn((4, 32))
        self.key = nn.Dense(32, 32)
        self.out = nn.Dense(128, 10)
        #! self.out = nn.Dense(32, 10)

    def __call__(self, x: Float[Tensor, "b t 32"]) -> Float[Tensor, "b 10"]:
        scores = flux.einsum("qd,btd->bqt", self.queries, self.key(x))
        #! scores = flux.einsum("dq,btd->bqt", self.queries, self.key(x))
        pooled = flux.softmax(scores, axis=-1) @ x
        #! pooled = flux.softmax(scores, axis=-1).mT @ x
        return self.out(pooled.reshape((x.shape[0], 128)))  #?


def main() -> None:
    Pooled()(flux.rand((2, 7, 32)))

=== talking_heads
def talking(
    q: Float32[Tensor, "b h n d"],
    k: Float32[Tensor, "b h m d"],
    v: Float32[Tensor, "b h m d"],
    before: Float32[Tensor, "h g"],
    after: Float32[Tensor, "g h"],
) -> Float32[Tensor, "b h n d"]:
    logits = flux.einsum("bhnd,bhmd,hg->bgnm", q, k, before)
    #! logits = flux.einsum("bhnd,bhmd,hg->bgnm", q, k, after)
    weights = flux.einsum("bgnm,gh->bhnm", flux.softmax(logits), after)
    #! weights = flux.einsum("bgnm,gh->bhnm", flux.softmax(logits), before)
    return weights @ v
    #! return v @ weights


def main() -> None:
    q, k = flux.rand((2, 4, 3, 5)), flux.rand((2, 4, 6, 5))
    talking(q, k, k, flux.rand((4, 7)), flux.rand((7, 4)))
"""
