"""Sizes: products, quotients, sums of them, sizes that are parameters."""

PROGRAMS = """
=== heads_of_width
def head_size(x: Float32[Tensor, "b t d"], heads: Size["h"]) -> Float32[Tensor, "b t h d//h"]:
    b, t, d = x.shape
    return x.reshape((b, t, heads, d // heads))
    #! return x.reshape((b, t, heads, d))


def main() -> None:
    head_size(flux.rand((2, 3, 8)), 4)

=== doubled
def concatenate(
    a: Float32[Tensor, "n d"], b: Float32[Tensor, "n d"], w: Float32[Tensor, "2*d k"]
) -> Float32[Tensor, "n k"]:
    return flux.concat([a, b], axis=1) @ w
    #! return flux.concat([a, b, b], axis=1) @ w


def main() -> None:
    concatenate(flux.rand((2, 3)), flux.rand((2, 3)), flux.rand((6, 4)))

=== difference silent
def increments(x: Float32[Tensor, "time d"]) -> Float32[Tensor, "time-1 d"]:
    return x[1:] - x[:-1]
    #! return x[2:] - x[:-2]


def main() -> None:
    increments(flux.rand((5, 2)))

=== created_by_shape
def add_noise(x: Float32[Tensor, "n d"], scale: float) -> Float32[Tensor, "n d"]:
    n, d = x.shape
    noise = flux.randn((n, d))
    #! noise = flux.randn((d, n))
    return x + scale * noise  #?


def main() -> None:
    add_noise(flux.zeros((3, 2)), 0.1)

=== size_parameter later
def orthogonal(n: Size["n"], m: Size["m"]) -> Float32[Tensor, "n m"]:
    return flux.eye(n, m)
    #! return flux.eye(m, n)


def projector(x: Float32[Tensor, "b k"]) -> Float32[Tensor, "b 2*k"]:
    k = x.shape[1]
    return x @ orthogonal(k, 2 * k)


def main() -> None:
    projector(flux.rand((3, 2)))

=== size_at_call
def positions(time: Size["t"], size: Size["d"]) -> Float32[Tensor, "t d"]:
    steps = flux.arange(time, dtype=flux.float32)
    return flux.sin(steps[:, None] / flux.arange(1, size + 1, dtype=flux.float32))


def embed(x: Float32[Tensor, "batch steps width"]) -> Float32[Tensor, "batch steps width"]:
    return x + positions(x.shape[1], x.shape[2])
    #! return x + positions(x.shape[0], x.shape[2])


def main() -> None:
    embed(flux.rand((2, 5, 4)))

=== final_constants
WIDTH: Final = 48
HEADS: Final = 6
SIZE: Final = WIDTH // HEADS


def split(x: Float32[Tensor, "b t 48"]) -> Float32[Tensor, "b t 6 8"]:
    return x.reshape((x.shape[0], x.shape[1], HEADS, SIZE))
    #! return x.reshape((x.shape[0], x.shape[1], HEADS, WIDTH))


def mix(x: Float32[Tensor, "b t 48"]) -> Float[Tensor, "b t 48"]:
    layer = nn.Dense(WIDTH, WIDTH)
    #! layer = nn.Dense(WIDTH * HEADS, WIDTH)
    return layer(x)  #?


def main() -> None:
    split(flux.rand((2, 3, 48)))
    mix(flux.rand((2, 3, 48)))

=== interleave
def interleave(a: Float32[Tensor, "n d"], b: Float32[Tensor, "n d"]) -> Float32[Tensor, "2*n d"]:
    n, d = a.shape
    both = flux.stack([a, b], axis=1)
    return both.reshape((2 * n, d))
    #! return both.reshape((2 * n, 2 * d))


def main() -> None:
    interleave(flux.rand((3, 2)), flux.rand((3, 2)))

=== padding_sum silent
def pad_time(x: Float32[Tensor, "batch time d"]) -> Float32[Tensor, "batch time+4 d"]:
    return flux.pad(x, ((0, 0), (2, 2), (0, 0)))
    #! return flux.pad(x, ((0, 0), (2, 3), (0, 0)))


def main() -> None:
    pad_time(flux.rand((2, 3, 4)))

=== polynomial_features
def features(x: Float64[Tensor, "n"]) -> Float64[Tensor, "n 4"]:
    return flux.stack([x**i for i in range(4)], axis=1)


def design(x: Float64[Tensor, "n"]) -> Float64[Tensor, "n 3"]:
    one = flux.ones_like(x)
    return flux.stack([one, x, x * x], axis=1)


def fit(x: Float64[Tensor, "n"], coefficients: Float64[Tensor, "3"]) -> Float64[Tensor, "n"]:
    return design(x) @ coefficients
    #! return features(x)[:, :2] @ coefficients


def main() -> None:
    x = flux.linspace(0.0, 1.0, 7, dtype=flux.float64)
    fit(x, flux.ones(3, dtype=flux.float64))

=== unpacked_sizes
def merge(x: Float32[Tensor, "b h t d"]) -> Float32[Tensor, "b t h*d"]:
    b, h, t, d = x.shape
    y = flux.permute_dims(x, (0, 2, 1, 3))
    return y.reshape((b, t, h * d))
    #! return y.reshape((b, t, h * t))


def main() -> None:
    merge(flux.rand((2, 3, 5, 4)))

=== asserted_sizes
def product(x: Tensor, y: Tensor) -> Tensor:
    assert x.shape[-1] == y.shape[0]
    return x @ y


def normal(
    a: Float64[Tensor, "n m"], b: Float64[Tensor, "k"]
) -> Float64[Tensor, "m"]:
    n, m = a.shape
    if b.shape[0] != n:
        raise ValueError("as many right-hand sides as rows")
    return b @ a
    #! return a @ b


def main() -> None:
    normal(flux.ones((3, 2), dtype=flux.float64), flux.ones(3, dtype=flux.float64))
    product(flux.ones((2, 3)), flux.ones((3, 2)))

=== half_split
def rotate_half(x: Float32[Tensor, "*batch 64"]) -> Float32[Tensor, "*batch 64"]:
    half = x.shape[-1] // 2
    a, b = x[..., :half], x[..., half:]
    return flux.concat([-b, a], axis=-1)


def rotary(
    x: Float32[Tensor, "b t 64"], cos: Float32[Tensor, "t 64"], sin: Float32[Tensor, "t 64"]
) -> Float32[Tensor, "b t 64"]:
    return x * cos + rotate_half(x) * sin
    #! return x * cos + x[..., :32] * sin


def main() -> None:
    rotary(flux.rand((2, 3, 64)), flux.ones((3, 64)), flux.ones((3, 64)))

=== window_count
def windows(x: Float32[Tensor, "100"], size: Literal[20] = 20) -> Float32[Tensor, "5 20"]:
    return x.reshape((100 // 20, 20))
    #! return x.reshape((100 // 25, 20))


def spectrum(x: Float32[Tensor, "100"], basis: Float32[Tensor, "20 11"]) -> Tensor:
    return (windows(x) @ basis) ** 2
    #! return (windows(x).T @ basis) ** 2


def main() -> None:
    spectrum(flux.rand((100,)), flux.rand((20, 11)))

=== layer_from_sizes
def autoencoder(x: Float32[Tensor, "batch 60"], factor: int) -> Float[Tensor, "batch 60"]:
    size = x.shape[1]
    inner = size // 4
    encode = nn.Dense(size, inner, flux.tanh)
    decode = nn.Dense(inner, size)
    #! decode = nn.Dense(inner + 1, size)
    return decode(encode(x))  #?


def main() -> None:
    autoencoder(flux.rand((2, 60)), 4)
"""
