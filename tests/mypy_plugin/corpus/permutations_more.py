"""Axes in another order, in longer programs."""

PROGRAMS = """
=== axial_attention
def along(x: Float32[Tensor, "n t d"]) -> Float32[Tensor, "n t d"]:
    return flux.softmax(flux.einsum("ntd,nsd->nts", x, x)) @ x


def axial(x: Float32[Tensor, "b h w d"]) -> Float32[Tensor, "b h w d"]:
    b, h, w, d = x.shape
    rows = flux.rearrange(x, "b h w d -> (b h) w d")
    rows = along(rows)
    x = x + flux.rearrange(rows, "(b h) w d -> b h w d", b=b)
    #! x = x + flux.rearrange(rows, "(b h) w d -> b w h d", b=b)
    columns = flux.rearrange(x, "b h w d -> (b w) h d")
    #! columns = flux.rearrange(x, "b h w d -> (b w h) d")
    columns = along(columns)  #?
    return x + flux.rearrange(columns, "(b w) h d -> b h w d", b=b)


def main() -> None:
    axial(flux.rand((2, 3, 5, 4)))

=== tensor_network
def mps_norm(
    first: Float64[Tensor, "2 r"], middle: Float64[Tensor, "r 2 r"], last: Float64[Tensor, "r 2"]
) -> Float64[Tensor, ""]:
    left = flux.einsum("pa,pb->ab", first, first)
    left = flux.einsum("ab,apc,bpd->cd", left, middle, middle)
    #! left = flux.einsum("ab,apc,pd->cd", left, middle, middle)
    return flux.einsum("ab,ap,bp->", left, last, last)
    #! return flux.einsum("ab,pa,pb->", left, last, last)


def contract(
    a: Float64[Tensor, "i j k"], b: Float64[Tensor, "k l"], c: Float64[Tensor, "l m j"]
) -> Float64[Tensor, "i m"]:
    ab = flux.einsum("ijk,kl->ijl", a, b)
    return flux.einsum("ijl,lmj->im", ab, c)
    #! return flux.einsum("ijl,lmj->im", a, c)


def main() -> None:
    f = flux.float64
    mps_norm(flux.rand((2, 3), dtype=f), flux.rand((3, 2, 3), dtype=f), flux.rand((3, 2), dtype=f))
    contract(
        flux.rand((2, 3, 4), dtype=f), flux.rand((4, 5), dtype=f), flux.rand((5, 6, 3), dtype=f)
    )

=== mixer_block
class Mixer(nn.Module):
    def __init__(self) -> None:
        self.tokens = nn.Dense(49, 49, flux.gelu)
        #! self.tokens = nn.Dense(64, 64, flux.gelu)
        self.channels = nn.Dense(64, 64, flux.gelu)

    def __call__(self, x: Float[Tensor, "b 49 64"]) -> Float[Tensor, "b 49 64"]:
        y = flux.permute_dims(x, (0, 2, 1))
        #! y = flux.permute_dims(x, (0, 1, 2))
        y = self.tokens(y)  #?
        x = x + flux.rearrange(y, "b c n -> b n c")
        #! x = x + flux.rearrange(y, "b n c -> b n c")
        return x + self.channels(x)


def embed(images: Float32[Tensor, "b 3 56 56"], w: Float32[Tensor, "192 64"]) -> Tensor:
    patches = flux.rearrange(images, "b c (h p) (w q) -> b (h w) (p q c)", p=8, q=8)
    #! patches = flux.rearrange(images, "b c (h p) (w q) -> b (p q c) (h w)", p=8, q=8)
    return Mixer()(patches @ w)  #?


def main() -> None:
    embed(flux.rand((1, 3, 56, 56)), flux.rand((192, 64)))

=== spectrogram
def frames(signal: Float32[Tensor, "batch 1600"]) -> Float32[Tensor, "batch 10 160"]:
    return flux.rearrange(signal, "b (t n) -> b t n", n=160)
    #! return flux.rearrange(signal, "b (t n) -> b t n", n=150)


def mel(
    signal: Float32[Tensor, "batch 1600"],
    basis: Float32[Tensor, "160 81"],
    bank: Float32[Tensor, "81 20"],
) -> Float32[Tensor, "batch 20 10"]:
    power = (frames(signal) @ basis) ** 2
    energy = flux.log(power @ bank + 1e-6)
    #! energy = flux.log(bank @ power + 1e-6)
    return flux.matrix_transpose(energy)
    #! return flux.matrix_transpose(energy[0, 0])


def main() -> None:
    mel(flux.rand((2, 1600)), flux.rand((160, 81)), flux.rand((81, 20)))

=== capsules
def squash(s: Float32[Tensor, "*batch d"]) -> Float32[Tensor, "*batch d"]:
    square = (s**2).sum(axis=-1, keepdims=True)
    return s * flux.sqrt(square) / (1 + square)


def route(
    u: Float32[Tensor, "b i d"], w: Float32[Tensor, "i j d e"], steps: int = 3
) -> Float32[Tensor, "b j e"]:
    votes = flux.einsum("bid,ijde->bije", u, w)
    #! votes = flux.einsum("bid,jide->bije", u, w)
    logits = flux.zeros(votes.shape[:3])
    v = squash(votes.sum(axis=1))
    for _ in range(steps):
        share = flux.softmax(logits, axis=2)
        v = squash(flux.einsum("bij,bije->bje", share, votes))
        #! v = squash(flux.einsum("bij,bije->bie", share, votes))
        logits = logits + flux.einsum("bije,bje->bij", votes, v)  #?
        #! logits = logits + flux.einsum("bije,bie->bij", votes, v)
    return v


def main() -> None:
    route(flux.rand((2, 6, 4)), flux.rand((6, 3, 4, 5)))
"""
