"""Axes in another order, in the words of others."""

PROGRAMS = """
=== video_layout
def to_clips(frames: Float32[Tensor, "batch time h w c"]) -> Float32[Tensor, "batch c time h w"]:
    return flux.permute_dims(frames, axes=(0, 4, 1, 2, 3))


def per_frame(
    frames: Float32[Tensor, "batch time h w 3"], w: Float32[Tensor, "8 3 1 1"]
) -> Float32[Tensor, "batch time 8"]:
    b, t = frames.shape[:2]
    flat = flux.rearrange(frames, "b t h w c -> (b t) c h w")
    #! flat = flux.rearrange(frames, "b t h w c -> (b t) h w c")
    y = flux.conv(flat, w)  #?
    y = flux.reduce(y, "n c h w -> n c", "mean")
    #! y = flux.reduce(y, "n c h -> n c", "mean")
    return flux.rearrange(y, "(b t) c -> b t c", b=b, t=t)


def main() -> None:
    x = flux.rand((2, 3, 5, 6, 3))
    to_clips(x)
    per_frame(x, flux.rand((8, 3, 1, 1)))

=== multilinear
def tucker(
    core: Float64[Tensor, "a b c"],
    u: Float64[Tensor, "i a"],
    v: Float64[Tensor, "j b"],
    w: Float64[Tensor, "k c"],
) -> Float64[Tensor, "i j k"]:
    return flux.einsum("abc,ia,jb,kc->ijk", core, u, v, w)
    #! return flux.einsum("abc,ai,jb,kc->ijk", core, u, v, w)


def unfold(x: Float64[Tensor, "i j k"]) -> Float64[Tensor, "j i*k"]:
    y = flux.moveaxis(x, 1, 0)
    return y.reshape((y.shape[0], -1))


def gram(x: Float64[Tensor, "i j k"]) -> Float64[Tensor, "j j"]:
    m = unfold(x)
    return m @ m.T
    #! return m @ unfold(flux.moveaxis(x, 0, 2)).T


def main() -> None:
    f = flux.float64
    core = flux.rand((2, 3, 4), dtype=f)
    x = tucker(
        core, flux.rand((5, 2), dtype=f), flux.rand((6, 3), dtype=f), flux.rand((7, 4), dtype=f)
    )
    gram(x)

=== einsum_words
def attend(
    q: Float32[Tensor, "batch query head d"],
    k: Float32[Tensor, "batch key head d"],
    v: Float32[Tensor, "batch key head d"],
) -> Float32[Tensor, "batch query head d"]:
    scores = flux.einsum("b q h d, b k h d -> b h q k", q, k)
    #! scores = flux.einsum("b q h d, b k d h -> b h q k", q, k)
    weights = flux.softmax(scores / q.shape[-1] ** 0.5, axis=-1)
    return flux.einsum("b h q k, b k h d -> b q h d", weights, v)
    #! return flux.einsum("b h q k, b q h d -> b q h d", weights, v)


def positions(x: Float32[Tensor, "batch n d"]) -> Float32[Tensor, "batch n d"]:
    table = flux.randn((x.shape[1], x.shape[2]))
    each = flux.einops_repeat(table, "n d -> b n d", b=x.shape[0])
    #! each = flux.einops_repeat(table, "n d -> n b d", b=x.shape[0])
    return x + each  #?


def main() -> None:
    q, k = flux.rand((2, 3, 4, 5)), flux.rand((2, 6, 4, 5))
    attend(q, k, k)
    positions(flux.rand((2, 6, 5)))

=== transposed_products
def symmetric(a: Float64[Tensor, "*batch n n"]) -> Float64[Tensor, "*batch n n"]:
    return (a + a.mT) / 2


def commutator(a: Float64[Tensor, "n n"], b: Float64[Tensor, "n n"]) -> Float64[Tensor, "n n"]:
    return a @ b - b @ a


def hat(x: Float64[Tensor, "n p"], inverse: Float64[Tensor, "p p"]) -> Float64[Tensor, "n"]:
    h = x @ inverse @ x.T
    #! h = x.T @ inverse @ x
    return flux.einsum("ii->i", symmetric(h))
    #! return flux.einsum("ii->i", symmetric(x))


def main() -> None:
    f = flux.float64
    a = flux.rand((3, 3), dtype=f)
    commutator(a, symmetric(a))
    #! commutator(a, symmetric(a)[:, :2])
    hat(flux.rand((5, 2), dtype=f), flux.eye(2, dtype=f))
"""
