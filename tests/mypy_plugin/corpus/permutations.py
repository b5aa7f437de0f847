"""Axes in another order: permute_dims, transposes, einsum, rearrange, reduce, einops_repeat."""

PROGRAMS = """
=== channels_first silent
def channels_first(x: Float32[Tensor, "b h w c"]) -> Float32[Tensor, "b c h w"]:
    return flux.permute_dims(x, (0, 3, 1, 2))
    #! return flux.permute_dims(x, (0, 3, 2, 1))


def main() -> None:
    channels_first(flux.rand((2, 8, 6, 3)))

=== attention_by_einsum
def attend(
    q: Float32[Tensor, "b t h d"], k: Float32[Tensor, "b s h d"], v: Float32[Tensor, "b s h d"]
) -> Float32[Tensor, "b t h d"]:
    scores = flux.einsum("bthd,bshd->bhts", q, k) / math.sqrt(q.shape[-1])
    weights = flux.softmax(scores, axis=-1)
    return flux.einsum("bhts,bshd->bthd", weights, v)
    #! return flux.einsum("bths,bshd->bthd", weights, v)


def main() -> None:
    q = flux.randn((2, 5, 4, 8))
    k = flux.randn((2, 7, 4, 8))
    attend(q, k, k)

=== einsum_rank
def bilinear(
    x: Float32[Tensor, "b i"], w: Float32[Tensor, "o i j"], y: Float32[Tensor, "b j"]
) -> Float32[Tensor, "b o"]:
    return flux.einsum("bi,oij,bj->bo", x, w, y)
    #! return flux.einsum("bi,oi,bj->bo", x, w, y)


def main() -> None:
    bilinear(flux.rand((3, 4)), flux.rand((2, 4, 5)), flux.rand((3, 5)))

=== einsum_result silent
def similarity(
    a: Float32[Tensor, "n d"], b: Float32[Tensor, "m d"]
) -> Float32[Tensor, "n m"]:
    return flux.einsum("nd,md->nm", a, b)
    #! return flux.einsum("nd,md->mn", a, b)


def main() -> None:
    similarity(flux.rand((3, 4)), flux.rand((2, 4)))

=== rearrange_heads
def heads_first(x: Float32[Tensor, "b t 64"]) -> Float32[Tensor, "b 8 t 8"]:
    return flux.rearrange(x, "b t (h d) -> b h t d", h=8)
    #! return flux.rearrange(x, "b t (h d) -> b h t d", h=7)


def merge(x: Float32[Tensor, "b 8 t 8"]) -> Float32[Tensor, "b t 64"]:
    return flux.rearrange(x, "b h t d -> b t (h d)")
    #! return flux.rearrange(x, "b t (h d) -> b t h d", h=8)


def main() -> None:
    merge(heads_first(flux.randn((2, 3, 64))))

=== rearrange_order silent
def to_sequence(x: Float32[Tensor, "b c h w"]) -> Float32[Tensor, "b h*w c"]:
    return flux.rearrange(x, "b c h w -> b (h w) c")
    #! return flux.rearrange(x, "b c h w -> b c (h w)")


def main() -> None:
    to_sequence(flux.rand((2, 3, 4, 5)))

=== reduce_pool
def pool(x: Float32[Tensor, "b c 16 16"]) -> Float32[Tensor, "b c 8 8"]:
    return flux.reduce(x, "b c (h p) (w q) -> b c h w", "max", p=2, q=2)
    #! return flux.reduce(x, "b c (h p) (w q) -> b c h w", "max", p=2, q=3)


def squeeze_excite(
    x: Float32[Tensor, "b c 8 8"], w: Float32[Tensor, "c c"]
) -> Float32[Tensor, "b c 8 8"]:
    s = flux.sigmoid(flux.reduce(x, "b c h w -> b c", "mean") @ w)
    #! s = flux.sigmoid(flux.reduce(x, "b c h w -> b h w", "mean") @ w)
    return x * s[:, :, None, None]


def main() -> None:
    squeeze_excite(pool(flux.rand((2, 4, 16, 16))), flux.eye(4))

=== repeat_pattern silent
def class_token(
    token: Float32[Tensor, "d"], x: Float32[Tensor, "b n d"]
) -> Float32[Tensor, "b n+1 d"]:
    b = x.shape[0]
    first = flux.einops_repeat(token, "d -> b 1 d", b=b)
    #! first = flux.einops_repeat(token, "d -> b 2 d", b=b)
    return flux.concat([first, x], axis=1)  #?


def main() -> None:
    class_token(flux.zeros(4), flux.rand((2, 3, 4)))

=== transpose_method
def time_major(
    x: Float32[Tensor, "batch time size"], w: Float32[Tensor, "size hidden"]
) -> Float32[Tensor, "time batch hidden"]:
    x = x.permute_dims((1, 0, 2))
    #! x = x.permute_dims((1, 2, 0))
    return x @ w  #?


def main() -> None:
    time_major(flux.rand((2, 5, 3)), flux.rand((3, 4)))

=== wrong_number_of_axes
def swap(x: Float32[Tensor, "b n d"]) -> Float32[Tensor, "b d n"]:
    return x.permute_dims((0, 2, 1))
    #! return x.permute_dims((0, 2, 3, 1))


def scores(x: Float32[Tensor, "b n d"]) -> Float32[Tensor, "b n n"]:
    return x @ swap(x)


def main() -> None:
    scores(flux.ones((2, 3, 4)))

=== moveaxis
def last_to_front(video: Float32[Tensor, "t h w 3"]) -> Float32[Tensor, "3 t h w"]:
    return flux.moveaxis(video, -1, 0)
    #! return flux.moveaxis(video, -1, 4)


def brightness(video: Float32[Tensor, "t h w 3"]) -> Float32[Tensor, "t"]:
    return flux.mean(last_to_front(video), axis=(0, 2, 3))


def main() -> None:
    brightness(flux.rand((5, 4, 6, 3)))

=== token_mixing
def mix(
    x: Float32[Tensor, "b n c"], tokens: Float32[Tensor, "n n"], channels: Float32[Tensor, "c c"]
) -> Float32[Tensor, "b n c"]:
    y = flux.matrix_transpose(x) @ tokens
    #! y = x @ tokens
    x = x + y.mT
    return x + flux.gelu(x @ channels)


def main() -> None:
    mix(flux.randn((2, 6, 4)), flux.randn((6, 6)), flux.randn((4, 4)))

=== linear_algebra_einsum
def trace(a: Float64[Tensor, "n n"]) -> Float64[Tensor, ""]:
    return flux.einsum("ii->", a)


def frobenius(a: Float64[Tensor, "n m"], b: Float64[Tensor, "n m"]) -> Float64[Tensor, ""]:
    inner = flux.einsum("ij,ij->", a, b)
    #! inner = flux.einsum("ij,ji->", a, b)
    return inner


def check(a: Float64[Tensor, "n m"]) -> Float64[Tensor, ""]:
    return trace(a @ a.T) - frobenius(a, a)
    #! return trace(a) - frobenius(a, a)


def main() -> None:
    check(flux.randn((3, 4), dtype=flux.float64))

=== literal_tensors
def main() -> None:
    images = flux.rand((8, 28, 24, 3))
    x = flux.rearrange(images, "b h w c -> b c h w")
    y = flux.einsum("b c h w, c o -> b o h w", x, flux.rand((3, 5)))
    #! y = flux.einsum("b c h w, h o -> b c o w", x, flux.rand((3, 5)))
    z = flux.permute_dims(y, (0, 2, 3, 1))
    print((z @ flux.ones((5, 2))).shape)
    #! print((y @ flux.ones((5, 2))).shape)

=== tensordot_axes
def project(
    x: Float32[Tensor, "b h w c"], basis: Float32[Tensor, "k c"]
) -> Float32[Tensor, "b h w k"]:
    return flux.tensordot(x, basis, axes=((3,), (1,)))
    #! return flux.tensordot(x, basis, axes=((3,), (0,)))


def main() -> None:
    project(flux.rand((2, 4, 5, 3)), flux.rand((6, 3)))
"""
