"""Arithmetic of sizes, in the words of others."""

PROGRAMS = """
=== blocks_of_a_matrix
def quarters(
    x: Float64[Tensor, "2*n 2*n"],
) -> tuple[Float64[Tensor, "n n"], Float64[Tensor, "n n"]]:
    n = x.shape[0] // 2
    return x[:n, :n], x[n:, n:]


def schur(a: Float64[Tensor, "n n"], b: Float64[Tensor, "n k"]) -> Float64[Tensor, "n+k n+k"]:
    n, k = b.shape
    zero = flux.zeros((k, k), dtype=flux.float64)
    #! zero = flux.zeros((n, k), dtype=flux.float64)
    top = flux.concat([a, b], axis=1)
    low = flux.concat([b.T, zero], axis=1)  #?
    return flux.concat([top, low])
    #! return flux.concat([top, low], axis=1)


def main() -> None:
    f = flux.float64
    a, d = quarters(flux.rand((6, 6), dtype=f))
    schur(a + d, flux.rand((3, 2), dtype=f))

=== sizes_by_assertion
def project(x: Float32[Tensor, "n d"], basis: Float32[Tensor, "k m"]) -> Float32[Tensor, "n k"]:
    assert basis.shape[1] == x.shape[1], "the basis has vectors of other sizes"
    return x @ basis.T
    #! return x @ basis


def paired(x: Float32[Tensor, "n d"], y: Float32[Tensor, "m e"]) -> Float32[Tensor, "n d"]:
    if x.shape != y.shape:
        raise ValueError(f"{x.shape} and {y.shape}")
    return x + y


def main() -> None:
    project(flux.rand((4, 3)), flux.rand((2, 3)))
    paired(flux.rand((2, 3)), flux.rand((2, 3)))

=== classes_of_sizes
W = TypeVar("W")


class Interleave(nn.Module, Generic[W]):
    def __init__(self, width: Size[W]) -> None:
        self.left = nn.Dense(width, width)
        self.right = nn.Dense(width, width)
        #! self.right = nn.Dense(width, 2 * width)

    def __call__(self, x: Float[Tensor, "b W"]) -> Float[Tensor, "b 2*W"]:
        return flux.concat([self.left(x), self.right(x)], axis=1)  #?
        #! return flux.concat([self.left(x), self.right(x), x], axis=1)


def network(x: Float32[Tensor, "b 10"]) -> Float[Tensor, "b 40"]:
    first, second = Interleave(10), Interleave(20)
    #! first, second = Interleave(10), Interleave(10)
    return second(first(x))  #?


def main() -> None:
    network(flux.rand((2, 10)))

=== strides_and_counts
def frames(x: Float32[Tensor, "b 400"]) -> Float32[Tensor, "b 19 40"]:
    parts = [x[:, i * 20 : i * 20 + 40] for i in range(19)]
    return flux.stack(parts, axis=1)


def windowed(
    x: Float32[Tensor, "b 400"], shape: Float32[Tensor, "40"]
) -> Float32[Tensor, "b 19 40"]:
    return frames(x) * shape
    #! return frames(x) * shape[:20]


def halved(x: Float32[Tensor, "b t d"]) -> Float32[Tensor, "b t//2 d"]:
    t = x.shape[1] // 2
    return (x[:, : 2 * t : 2] + x[:, 1 : 2 * t : 2]) / 2


def main() -> None:
    y = windowed(flux.rand((2, 400)), flux.ones(40))
    print(halved(y)[:, 0] @ flux.ones((40, 1)))
    #! print(halved(y)[:, 0] @ flux.ones((20, 1)))

=== constants_of_a_class
class Config:
    WIDTH: Final = 36
    HEADS: Final = 4
    SIZE: Final = 9


class Attention(nn.Module):
    def __init__(self) -> None:
        self.qkv = nn.Dense(Config.WIDTH, 3 * Config.WIDTH)
        self.out = nn.Dense(Config.WIDTH, Config.WIDTH)
        #! self.out = nn.Dense(3 * Config.WIDTH, Config.WIDTH)

    def __call__(self, x: Float[Tensor, "b t 36"]) -> Float[Tensor, "b t 36"]:
        b, t = x.shape[0], x.shape[1]
        y = self.qkv(x).reshape((b, t, 3, Config.HEADS, Config.SIZE))
        #! y = self.qkv(x).reshape((b, t, 4, Config.HEADS, Config.SIZE))
        q, k, v = flux.unstack(y.permute_dims((2, 0, 3, 1, 4)))
        mixed = flux.softmax(q @ k.mT) @ v
        joined = mixed.permute_dims((0, 2, 1, 3)).reshape((b, t, Config.WIDTH))
        return x + self.out(joined)  #?


def main() -> None:
    Attention()(flux.rand((2, 3, 36)))
"""
