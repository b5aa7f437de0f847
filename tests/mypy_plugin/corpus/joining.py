"""Concatenate, stack, split, unstack."""

PROGRAMS = """
=== skip_features
def fuse(
    x: Float32[Tensor, "batch n"], y: Float32[Tensor, "batch m"], w: Float32[Tensor, "n+m out"]
) -> Float32[Tensor, "batch out"]:
    both = flux.concat([x, y], axis=1)
    #! both = flux.concat([x, y], axis=0)
    return both @ w


def main() -> None:
    fuse(flux.rand((2, 3)), flux.rand((2, 4)), flux.rand((7, 5)))

=== unet_skip
class Up(nn.Module):
    def __init__(self) -> None:
        self.up = nn.ConvTranspose((2, 2), 64, 32, stride=2)
        self.conv = nn.Conv((3, 3), 64, 32, flux.relu, padding="same")

    def __call__(
        self, x: Float32[Tensor, "b 64 h w"], skip: Float32[Tensor, "b 32 2*h 2*w"]
    ) -> Float[Tensor, "b 32 2*h 2*w"]:
        x = self.up(x)
        return self.conv(flux.concat([x, skip], axis=1))
        #! return self.conv(flux.concat([x, skip, skip], axis=1))


def main() -> None:
    Up()(flux.rand((1, 64, 4, 6)), flux.rand((1, 32, 8, 12)))

=== stack_ranks silent
def ensemble(
    a: Float32[Tensor, "batch 10"], b: Float32[Tensor, "batch 10"], c: Float32[Tensor, "batch 10"]
) -> Float32[Tensor, "batch 10"]:
    votes = flux.stack([a, b, c])
    return votes.mean(axis=0)
    #! return votes.mean(axis=1)


def main() -> None:
    x = flux.rand((4, 10))
    ensemble(x, x, x)

=== stack_different
def pack(
    real: Float32[Tensor, "n d"], fake: Float32[Tensor, "n d"], noise: Float32[Tensor, "n z"]
) -> Float32[Tensor, "2 n d"]:
    return flux.stack((real, fake))
    #! return flux.stack((real, noise))


def discriminator_loss(pair: Float32[Tensor, "2 n d"], w: Float32[Tensor, "d"]) -> Tensor:
    scores = pair @ w
    return scores[1].mean() - scores[0].mean()


def main() -> None:
    x = flux.rand((4, 3))
    discriminator_loss(pack(x, x, flux.rand((4, 2))), flux.ones(3))

=== split_qkv
def qkv(
    x: Float32[Tensor, "batch time d"], w: Float32[Tensor, "d 3*d"]
) -> Float32[Tensor, "batch time d"]:
    q, k, v = flux.split(x @ w, 3, axis=-1)
    scores = q @ k.mT / math.sqrt(x.shape[-1])
    #! scores = q @ k / math.sqrt(x.shape[-1])
    return flux.softmax(scores) @ v


def main() -> None:
    qkv(flux.rand((2, 3, 4)), flux.rand((4, 12)))

=== split_unequal
def gates(z: Float32[Tensor, "batch 96"]) -> Float32[Tensor, "batch 32"]:
    reset, update, new = flux.split(z, 3, axis=1)
    #! reset, update, new, _ = flux.split(z, 5, axis=1)
    return flux.sigmoid(update) * flux.tanh(flux.sigmoid(reset) * new)


def main() -> None:
    gates(flux.rand((2, 96)))

=== split_at
def reparametrise(
    statistics: Float32[Tensor, "batch 40"], noise: Float32[Tensor, "batch 20"]
) -> Float32[Tensor, "batch 20"]:
    mean, log_var = flux.split(statistics, [20], axis=1)
    #! mean, log_var = flux.split(statistics, [25], axis=1)
    return mean + noise * flux.exp(0.5 * log_var)  #?


def main() -> None:
    reparametrise(flux.rand((3, 40)), flux.randn((3, 20)))

=== concat_rank
def with_bias(x: Float32[Tensor, "n d"]) -> Float32[Tensor, "n d+1"]:
    ones = flux.ones((x.shape[0], 1))
    return flux.concat([x, ones], axis=1)
    #! return flux.concat([x, ones[:, 0]], axis=1)


def least_squares(x: Float32[Tensor, "n d"], w: Float32[Tensor, "d+1"]) -> Float32[Tensor, "n"]:
    return with_bias(x) @ w
    #! return x @ w


def main() -> None:
    least_squares(flux.rand((4, 3)), flux.ones(4))

=== dense_block
class DenseBlock(nn.Module):
    def __init__(self) -> None:
        self.a = nn.Conv((3, 3), 16, 8, flux.relu, padding=1)
        self.b = nn.Conv((3, 3), 24, 8, flux.relu, padding=1)
        self.c = nn.Conv((3, 3), 32, 8, flux.relu, padding=1)
        #! self.c = nn.Conv((3, 3), 24, 8, flux.relu, padding=1)

    def __call__(self, x: Float32[Tensor, "batch 16 h w"]) -> Float[Tensor, "batch 40 h w"]:
        x = flux.concat([x, self.a(x)], axis=1)
        x = flux.concat([x, self.b(x)], axis=1)
        return flux.concat([x, self.c(x)], axis=1)  #?


def main() -> None:
    DenseBlock()(flux.rand((1, 16, 5, 5)))

=== list_of_steps
def unroll(
    x: Float32[Tensor, "batch time d"], w: Float32[Tensor, "d d"]
) -> Float32[Tensor, "batch time d"]:
    state = flux.zeros((x.shape[0], x.shape[2]))
    out: list[Float32[Tensor, "batch d"]] = []
    for t in range(x.shape[1]):
        state = flux.tanh(x[:, t] + state @ w)
        #! state = flux.tanh(x[t] + state @ w)
        out.append(state)
    return flux.stack(out, axis=1)


def main() -> None:
    unroll(flux.rand((2, 5, 3)), flux.eye(3))

=== literal_concat
def main() -> None:
    left = flux.zeros((4, 3))
    right = flux.ones((4, 5))
    wide = flux.concat([left, right], axis=1)
    #! wide = flux.concat([left, right])
    weight = flux.randn((8, 2))
    print(wide @ weight)
    a, b = flux.split(wide, 2, axis=1)
    tall = flux.concat((a, b), axis=0)
    print(tall.T @ flux.ones((8, 1)))
    #! print(tall @ flux.ones((8, 1)))

=== inception
def inception(
    x: Float32[Tensor, "b c h w"],
    branches: list[Float32[Tensor, "8 c 1 1"]],
    head: Float32[Tensor, "24 k"],
) -> Float32[Tensor, "b k"]:
    a = flux.conv(x, branches[0])
    b = flux.conv(x, branches[1])
    c = flux.conv(x, branches[2])
    y = flux.concat([a, b, c], axis=1).mean(axis=(2, 3))
    #! y = flux.concat([a, b], axis=1).mean(axis=(2, 3))
    return y @ head  #?


def main() -> None:
    inception(flux.rand((2, 3, 4, 4)), [flux.rand((8, 3, 1, 1))] * 3, flux.rand((24, 5)))

=== stack_loop silent
def scores(
    queries: list[Float32[Tensor, "d"]], keys: Float32[Tensor, "m d"]
) -> Float32[Tensor, "_ m"]:
    return flux.stack([keys @ q for q in queries])
    #! return flux.stack([keys @ q for q in queries]).sum(axis=0)


def main() -> None:
    scores([flux.ones(3), flux.zeros(3)], flux.rand((4, 3)))

=== unstack_channels
def luminance(image: Float32[Tensor, "3 h w"]) -> Float32[Tensor, "h w"]:
    r, g, b = flux.unstack(image, axis=0)
    return 0.299 * r + 0.587 * g + 0.114 * b
    #! return 0.299 * r + 0.587 * g.T + 0.114 * b


def main() -> None:
    luminance(flux.rand((3, 4, 6)))

=== contrastive_pairs
def normalise(x: Float32[Tensor, "n d"]) -> Float32[Tensor, "n d"]:
    return x / flux.sqrt((x * x).sum(axis=1, keepdims=True))


def simclr(
    first: Float32[Tensor, "n d"], second: Float32[Tensor, "n d"], temperature: float = 0.1
) -> Float32[Tensor, ""]:
    n = first.shape[0]
    z = normalise(flux.concat([first, second]))
    logits = z @ z.T / temperature
    logits = logits - 1e9 * flux.eye(2 * n)
    #! logits = logits - 1e9 * flux.eye(n)
    partner = flux.concat([flux.arange(n) + n, flux.arange(n)])
    return losses.logitcrossentropy(logits, partner)


def main() -> None:
    simclr(flux.randn((4, 3)), flux.randn((4, 3)))
"""
