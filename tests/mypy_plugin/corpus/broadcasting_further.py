"""Elementwise operations, in the words of others."""

PROGRAMS = """
=== image_blend
def alpha_blend(
    front: Float32[Tensor, "h w 4"], back: Float32[Tensor, "h w 3"]
) -> Float32[Tensor, "h w 3"]:
    alpha = front[..., 3:]
    #! alpha = front[..., 3]
    colour = front[..., :3]
    #! colour = front[..., :2]
    return alpha * colour + (1 - alpha) * back  #?


def vignette(image: Float32[Tensor, "h w 3"]) -> Float32[Tensor, "h w 3"]:
    h, w, _ = image.shape
    y = flux.linspace(-1.0, 1.0, h, dtype=flux.float32)
    x = flux.linspace(-1.0, 1.0, w, dtype=flux.float32)
    r = flux.sqrt(y[:, None] ** 2 + x[None, :] ** 2)
    #! r = flux.sqrt(y[:, None] ** 2 + x[:, None] ** 2)
    return image * (1 - 0.5 * r[:, :, None])  #?


def main() -> None:
    vignette(alpha_blend(flux.rand((5, 6, 4)), flux.rand((5, 6, 3))))

=== heat_equation
def step(u: Float64[Tensor, "h w"], rate: float) -> Float64[Tensor, "h w"]:
    inner = u[1:-1, 1:-1]
    laplace = u[2:, 1:-1] + u[:-2, 1:-1] + u[1:-1, 2:] + u[1:-1, :-2] - 4 * inner
    #! laplace = u[2:, 1:-1] + u[:-2, 1:-1] + u[1:-1, 1:] + u[1:-1, :-2] - 4 * inner
    return flux.pad(inner + rate * laplace, 1)


def run(u: Float64[Tensor, "h w"], steps: int) -> Float64[Tensor, "h w"]:
    for _ in range(steps):
        u = step(u, 0.1)
        #! u = step(u, 0.1) + u[1:]
    return u


def main() -> None:
    run(flux.rand((6, 7), dtype=flux.float64), 3)

=== literal_grid
def main() -> None:
    xs = flux.linspace(-1.0, 1.0, 50)
    ys = flux.linspace(-1.0, 1.0, 40)
    plane = xs[None, :] + 2 * ys[:, None]
    #! plane = xs + 2 * ys
    bump = flux.exp(-(xs**2)[None, :] - (ys**2)[:, None])
    surface = plane + bump
    weights = flux.where(surface > 0, surface, flux.zeros((40, 50)))
    #! weights = flux.where(surface > 0, surface, flux.zeros((50, 40)))
    row_mean = weights.mean(axis=1, keepdims=True)
    print((weights - row_mean).sum())
    #! print((weights - row_mean[:, 0]).sum())

=== elastic_net
@dataclass
class Penalty:
    l1: float = 0.1
    l2: float = 0.1


def soft(
    x: Float64[Tensor, "*shape"], t: float | Float64[Tensor, "*shape"]
) -> Float64[Tensor, "*shape"]:
    return flux.sign(x) * flux.maximum(flux.abs(x) - t, 0.0)


def ista(
    x: Float64[Tensor, "n d"], y: Float64[Tensor, "n k"], penalty: Penalty, steps: int = 5
) -> Float64[Tensor, "d k"]:
    n, d = x.shape
    w = flux.zeros((d, y.shape[1]), dtype=flux.float64)
    #! w = flux.zeros((y.shape[1], d), dtype=flux.float64)
    scale = flux.sqrt((x * x).mean(axis=0))
    for _ in range(steps):
        slope = x.T @ (x @ w - y) / n + penalty.l2 * w  #?
        w = soft(w - 0.1 * slope / scale[:, None], 0.1 * penalty.l1)
        #! w = soft(w - 0.1 * slope / scale, 0.1 * penalty.l1)
    return w


def main() -> None:
    x = flux.randn((9, 3), dtype=flux.float64)
    ista(x, x[:, :2], Penalty())
"""
