"""Arithmetic of sizes, in longer programs."""

PROGRAMS = """
=== transformer_sizes
WIDTH: Final = 96
HEADS: Final = 8
DEPTH: Final = 2


class Block(nn.Module):
    def __init__(self) -> None:
        self.qkv = nn.Dense(WIDTH, 3 * WIDTH)
        #! self.qkv = nn.Dense(WIDTH, 2 * WIDTH)
        self.out = nn.Dense(WIDTH, WIDTH)
        self.up = nn.Dense(WIDTH, 4 * WIDTH, flux.gelu)
        self.down = nn.Dense(4 * WIDTH, WIDTH)
        #! self.down = nn.Dense(3 * WIDTH, WIDTH)

    def __call__(self, x: Float[Tensor, "b t 96"]) -> Float[Tensor, "b t 96"]:
        b, t, w = x.shape
        size = WIDTH // HEADS
        q, k, v = self.qkv(x).reshape((b, t, 3, HEADS, size)).permute_dims((2, 0, 3, 1, 4))  #?
        y = flux.softmax(q @ k.mT / math.sqrt(size)) @ v
        y = y.permute_dims((0, 2, 1, 3)).reshape((b, t, HEADS * size))
        #! y = y.permute_dims((0, 2, 1, 3)).reshape((b, t, HEADS + size))
        x = x + self.out(y)
        return x + self.down(self.up(x))  #?


def main() -> None:
    for _ in range(DEPTH):
        Block()(flux.rand((2, 3, 96)))

=== padded_windows silent
def padded(x: Float32[Tensor, "n c"], size: Literal[5] = 5) -> Float32[Tensor, "n+4 c"]:
    side = 5 // 2
    return flux.pad(x, ((side, side), (0, 0)))
    #! return flux.pad(x, ((side, side + 1), (0, 0)))


def smooth(x: Float32[Tensor, "n c"], kernel: Float32[Tensor, "5"]) -> Float32[Tensor, "n c"]:
    n, c = x.shape
    wide = padded(x)
    total = flux.zeros((n, c))
    for i in range(5):
        total = total + kernel[i] * wide[i : i + n]
    return total / kernel.sum()
    #! return wide / kernel.sum()


def main() -> None:
    smooth(flux.rand((7, 2)), flux.ones(5))  #?

=== block_matrix
def block(
    a: Float64[Tensor, "n n"], b: Float64[Tensor, "n m"], d: Float64[Tensor, "m m"]
) -> Float64[Tensor, "n+m n+m"]:
    top = flux.concat([a, b], axis=1)
    low = flux.concat([b.T, d], axis=1)
    #! low = flux.concat([b, d], axis=1)
    return flux.concat([top, low], axis=0)


def solve_kkt(
    h: Float64[Tensor, "n n"],
    a: Float64[Tensor, "m n"],
    g: Float64[Tensor, "n"],
    b: Float64[Tensor, "m"],
) -> Float64[Tensor, "n+m"]:
    m = a.shape[0]
    k = block(h, a.T, flux.zeros((m, m), dtype=flux.float64))
    #! k = block(h, a, flux.zeros((m, m), dtype=flux.float64))
    rhs = flux.concat([-g, b])
    x = flux.zeros_like(rhs)
    for _ in range(3):
        x = x + 0.01 * k.T @ (rhs - k @ x)
        #! x = x + 0.01 * k.T @ (g - k @ x)
    return x
    #! return x + g


def main() -> None:
    f = flux.float64
    g, b = flux.ones(3, dtype=f), flux.ones(2, dtype=f)
    solve_kkt(flux.eye(3, dtype=f), flux.ones((2, 3), dtype=f), g, b)

=== strided_sizes
def pooled(x: Float32[Tensor, "b c 2*h 2*w"]) -> Float32[Tensor, "b c h w"]:
    return flux.max_pool(x, (2, 2))


def unpooled(x: Float32[Tensor, "b c h w"]) -> Float32[Tensor, "b c 2*h 2*w"]:
    return flux.upsample_nearest(x, 2)
    #! return flux.upsample_nearest(x, 3)


def detail(x: Float32[Tensor, "b c 32 48"]) -> Float32[Tensor, "b c 32 48"]:
    low = pooled(x)
    return x - unpooled(low)  #?
    #! return x - low


def laplacian(x: Float32[Tensor, "b c 32 48"]) -> tuple[Tensor, Float32[Tensor, "b c 16 24"]]:
    first = detail(x)
    second = pooled(x)
    #! second = pooled(x[0])
    return first, second


def main() -> None:
    laplacian(flux.rand((1, 2, 32, 48)))
    detail(flux.rand((1, 2, 32, 48)))
    #! detail(flux.rand((1, 2, 33, 48)))

=== size_parameters
def fourier(features: Size["f"], coordinates: Size["c"]) -> Float32[Tensor, "c f"]:
    return flux.randn((coordinates, features))


def encode(
    x: Float32[Tensor, "n c"], basis: Float32[Tensor, "c f"]
) -> Float32[Tensor, "n 2*f"]:
    angle = 2 * math.pi * x @ basis
    return flux.concat([flux.sin(angle), flux.cos(angle)], axis=1)
    #! return flux.concat([flux.sin(angle), flux.cos(angle), angle], axis=1)


def radiance(x: Float32[Tensor, "n 2"]) -> Float[Tensor, "n 3"]:
    basis = fourier(64, 2)
    #! basis = fourier(64, 3)
    hidden = nn.Dense(128, 32, flux.relu)
    #! hidden = nn.Dense(64, 32, flux.relu)
    out = nn.Dense(32, 3, flux.sigmoid)
    return out(hidden(encode(x, basis)))  #?


def main() -> None:
    grid = flux.meshgrid(flux.linspace(0.0, 1.0, 4), flux.linspace(0.0, 1.0, 5), indexing="ij")
    x = flux.stack([g.flatten() for g in grid], axis=1).astype(flux.float32)
    field_of = encode(x, fourier(8, 2))
    print(field_of.shape)
    radiance(x)

=== triangular_indices
def upper(n: int) -> int:
    return n * (n + 1) // 2


def cholesky(
    packed: Float64[Tensor, "batch 6"],
) -> Float64[Tensor, "batch 3 3"]:
    zero = flux.zeros((packed.shape[0],), dtype=flux.float64)
    a, b, c, d, e, f = flux.unstack(packed, axis=1)
    rows = [flux.stack([a, zero, zero], axis=1), flux.stack([b, c, zero], axis=1)]
    rows.append(flux.stack([d, e, f], axis=1))
    #! rows.append(flux.stack([d, e], axis=1))
    return flux.stack(rows, axis=1)  #?


def log_density(
    x: Float64[Tensor, "batch 3"], packed: Float64[Tensor, "batch 6"]
) -> Float64[Tensor, "batch"]:
    factor = cholesky(packed)
    #! factor = cholesky(packed)[:, :2]
    z = flux.einsum("bij,bj->bi", factor.mT, x)  #?
    #! z = flux.einsum("bij,bk->bi", factor.mT, x[..., None])
    diagonal = flux.einsum("bii->bi", factor)
    return flux.log(flux.abs(diagonal) + 1e-9).sum(axis=1) - 0.5 * (z * z).sum(axis=1)
    #! return flux.log(flux.abs(factor) + 1e-9).sum(axis=1) - 0.5 * (z * z).sum(axis=1)


def main() -> None:
    assert upper(3) == 6
    x = flux.randn((4, 3), dtype=flux.float64)
    log_density(x, flux.ones((4, 6), dtype=flux.float64))
"""
