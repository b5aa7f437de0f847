"""Elementwise operations, in longer programs."""

PROGRAMS = '''
=== gaussian_mixture
def log_normal(
    x: Float64[Tensor, "n d"], mu: Float64[Tensor, "k d"], var: Float64[Tensor, "k d"]
) -> Float64[Tensor, "n k"]:
    z = (x[:, None, :] - mu[None, :, :]) ** 2 / var[None]
    #! z = (x[:, None, :] - mu[:, None, :]) ** 2 / var[None]
    return -0.5 * (z + flux.log(2 * math.pi * var)).sum(axis=2)


def expectation(
    x: Float64[Tensor, "n d"],
    pi: Float64[Tensor, "k"],
    mu: Float64[Tensor, "k d"],
    var: Float64[Tensor, "k d"],
) -> Float64[Tensor, "n k"]:
    logits = flux.log(pi) + log_normal(x, mu, var)
    #! logits = flux.log(pi)[:, None] + log_normal(x, mu, var)
    return flux.softmax(logits, axis=1)


def maximisation(
    x: Float64[Tensor, "n d"], r: Float64[Tensor, "n k"]
) -> tuple[Float64[Tensor, "k"], Float64[Tensor, "k d"], Float64[Tensor, "k d"]]:
    total = r.sum(axis=0)
    mu = r.T @ x / total[:, None]
    #! mu = r.T @ x / total
    square = r.T @ (x * x) / total[:, None]
    return total / x.shape[0], mu, square - mu**2 + 1e-6


def main() -> None:
    x = flux.randn((20, 2), dtype=flux.float64)
    pi = flux.full((3,), 1 / 3, dtype=flux.float64)
    mu, var = x[:3], flux.ones((3, 2), dtype=flux.float64)
    for _ in range(3):
        pi, mu, var = maximisation(x, expectation(x, pi, mu, var))

=== tsne_gradient
def affinities(y: Float64[Tensor, "n 2"]) -> tuple[Tensor, Float64[Tensor, "n n"]]:
    square = (y**2).sum(axis=1)
    distance = square[:, None] + square[None, :] - 2 * y @ y.T
    #! distance = square[:, None] + square[None, :] - 2 * y.T @ y
    kernel = 1 / (1 + distance)
    return kernel, kernel / kernel.sum()


def gradient(p: Float64[Tensor, "n n"], y: Float64[Tensor, "n 2"]) -> Float64[Tensor, "n 2"]:
    square = (y**2).sum(axis=1, keepdims=True)
    kernel = 1 / (1 + square + square.T - 2 * y @ y.T)
    q = kernel / kernel.sum()
    pq = (p - q) * kernel
    gap = y[:, None, :] - y[None, :, :]
    return 4 * (pq[:, :, None] * gap).sum(axis=1)
    #! return 4 * (pq[:, None, :] * gap).sum(axis=1)


def main() -> None:
    y = flux.randn((6, 2), dtype=flux.float64)
    _, p = affinities(y)
    gradient(p, y + 0.1)

=== film_layer
class FiLM(nn.Module):
    """Features scaled and shifted by what a condition says."""

    def __init__(self) -> None:
        self.scale = nn.Dense(10, 64)
        self.shift = nn.Dense(10, 64)
        #! self.shift = nn.Dense(10, 32)

    def __call__(
        self, x: Float32[Tensor, "b 64 h w"], condition: Float32[Tensor, "b 10"]
    ) -> Float[Tensor, "b 64 h w"]:
        gamma = self.scale(condition)[:, :, None, None]
        #! gamma = self.scale(condition)[:, :, None]
        beta = self.shift(condition)[..., None, None]
        return gamma * x + beta  #?


def main() -> None:
    FiLM()(flux.rand((2, 64, 5, 6)), flux.rand((2, 10)))

=== group_norm_by_hand
def group_norm(
    x: Float32[Tensor, "b 32 h w"],
    weight: Float32[Tensor, "32"],
    bias: Float32[Tensor, "32"],
) -> Float32[Tensor, "b 32 h w"]:
    b, c, h, w = x.shape
    grouped = x.reshape((b, 8, 4, h, w))
    mean = grouped.mean(axis=(2, 3, 4), keepdims=True)
    #! mean = grouped.mean(axis=(2, 3, 4))
    var = grouped.var(axis=(2, 3, 4), keepdims=True)
    normal = (grouped - mean) * flux.rsqrt(var + 1e-5)  #?
    flat = normal.reshape((b, c, h, w))
    return flat * weight[:, None, None] + bias[:, None, None]
    #! return flat * weight[:, None, None] + bias[:, None]


def main() -> None:
    group_norm(flux.rand((2, 32, 5, 6)), flux.ones(32), flux.zeros(32))

=== diffusion_noise
class Schedule(NamedTuple):
    alpha: Float32[Tensor, "1000"]
    sigma: Float32[Tensor, "1000"]


def schedule() -> Schedule:
    t = flux.linspace(0.0, 1.0, 1000, dtype=flux.float32)
    alpha = flux.cos(t * math.pi / 2)
    return Schedule(alpha, flux.sqrt(1 - alpha**2))


def diffuse(
    x: Float32[Tensor, "batch 3 64 64"], t: Int[Tensor, "batch"], s: Schedule
) -> tuple[Float32[Tensor, "batch 3 64 64"], Float32[Tensor, "batch 3 64 64"]]:
    noise = flux.randn(x.shape)
    alpha = s.alpha[t][:, None, None, None]
    #! alpha = s.alpha[t][:, None, None]
    sigma = s.sigma[t][:, None, None, None]
    return alpha * x + sigma * noise, noise  #?


def main() -> None:
    diffuse(flux.rand((2, 3, 64, 64)), flux.asarray([0, 999]), schedule())

=== colour_conversion
def to_yuv(image: Float32[Tensor, "h w 3"]) -> Float32[Tensor, "h w 3"]:
    matrix = flux.asarray(
        [[0.299, 0.587, 0.114], [-0.147, -0.289, 0.436], [0.615, -0.515, -0.1]], dtype=flux.float32
    )
    return image @ matrix.T


def adjust(
    image: Float32[Tensor, "h w 3"], gain: Float32[Tensor, "3"], gamma: float
) -> Float32[Tensor, "h w 3"]:
    image = flux.clip(image * gain, 0.0, 1.0)
    #! image = flux.clip(image * gain[:, None], 0.0, 1.0)
    grey = image.mean(axis=-1, keepdims=True)
    #! grey = image.mean(axis=-1)
    return to_yuv(grey + gamma * (image - grey))  #?


def main() -> None:
    adjust(flux.rand((4, 5, 3)), flux.ones(3), 0.9)

=== ppo_objective
def objective(
    logits: Float32[Tensor, "batch actions"],
    old: Float32[Tensor, "batch"],
    action: Int[Tensor, "batch"],
    advantage: Float32[Tensor, "batch"],
    epsilon: float = 0.2,
) -> Float32[Tensor, ""]:
    logp = flux.logsoftmax(logits)
    chosen = flux.take_along_axis(logp, action[:, None], axis=1)[:, 0]
    ratio = flux.exp(chosen - old)
    #! ratio = flux.exp(logp - old)
    clipped = flux.clip(ratio, 1 - epsilon, 1 + epsilon)
    surrogate = flux.minimum(ratio * advantage, clipped * advantage)  #?
    entropy = -(flux.exp(logp) * logp).sum(axis=1)
    #! entropy = -(flux.exp(logp) * chosen).sum(axis=1)
    return -(surrogate + 0.01 * entropy).mean()  #?


def main() -> None:
    a = flux.asarray([0, 1, 1])
    objective(flux.randn((3, 2)), flux.zeros(3), a, flux.ones(3))
'''
