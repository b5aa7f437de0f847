"""Concatenation and splits, in the words of others."""

PROGRAMS = """
=== padding_by_hand
def left_pad(x: Float32[Tensor, "b t d"], n: Size["n"]) -> Float32[Tensor, "b n+t d"]:
    b, _, d = x.shape
    return flux.concat([flux.zeros((b, n, d)), x], axis=1)
    #! return flux.concat([flux.zeros((b, d, n)), x], axis=1)


def causal_conv(
    x: Float32[Tensor, "b t d"], kernel: Float32[Tensor, "3 d e"]
) -> Float32[Tensor, "b t e"]:
    t = x.shape[1]
    wide = left_pad(x, 2)
    steps = [wide[:, i : i + t] @ kernel[i] for i in range(3)]
    total = steps[0] + steps[1] + steps[2]
    return total
    #! return flux.concat([total, x], axis=1)[:, :t, :, None]


def main() -> None:
    causal_conv(flux.rand((2, 5, 3)), flux.rand((3, 3, 4)))

=== features_from_parts
class Encoder(nn.Module):
    def __init__(self) -> None:
        self.text = nn.Dense(768, 100)
        self.image = nn.Dense(512, 100)
        self.fuse = nn.Dense(220, 50)
        #! self.fuse = nn.Dense(200, 50)

    def __call__(
        self,
        text: Float32[Tensor, "b 768"],
        image: Float32[Tensor, "b 512"],
        meta: Float32[Tensor, "b 20"],
    ) -> Float[Tensor, "b 50"]:
        parts = (self.text(text), self.image(image), meta)
        #! parts = (self.text(text), self.image(image), meta[:, None])
        return self.fuse(flux.concat(parts, axis=-1))  #?


def halves(x: Float[Tensor, "b 50"]) -> Float[Tensor, "b 25"]:
    mean, spread = flux.split(x, 2, axis=1)
    #! mean, spread = flux.split(x, 2)[0], flux.split(x, 5, axis=1)[0]
    return mean / (1 + flux.abs(spread))  #?


def main() -> None:
    e = Encoder()
    halves(e(flux.rand((4, 768)), flux.rand((4, 512)), flux.rand((4, 20))))

=== mosaic
def mosaic(images: Float32[Tensor, "4 3 h w"]) -> Float32[Tensor, "3 2*h 2*w"]:
    a, b, c, d = flux.unstack(images)
    top = flux.concat([a, b], axis=2)
    low = flux.concat([c, d], axis=2)
    #! low = flux.concat([c, d], axis=1)
    return flux.concat([top, low], axis=1)  #?
    #! return flux.concat([top, low[:, :, :-1]], axis=1)


def with_border(image: Float32[Tensor, "3 h w"]) -> Float32[Tensor, "3 h+2 w"]:
    c, h, w = image.shape
    line = flux.zeros((c, 1, w))
    #! line = flux.zeros((c, w, 1))
    return flux.concat([line, image, line], axis=1)  #?


def main() -> None:
    with_border(mosaic(flux.rand((4, 3, 5, 6))))

=== stacked_states
def run(
    x: Float32[Tensor, "time 6"], w: Float32[Tensor, "6 6"]
) -> tuple[Float32[Tensor, "time 6"], Float32[Tensor, "6"]]:
    states = [flux.zeros((6,))]
    for t in range(x.shape[0]):
        states.append(flux.tanh(x[t] + w @ states[-1]))
        #! states.append(flux.tanh(x[t] + w[:3] @ states[-1]))
    every = flux.stack(states[1:])
    return every.reshape((x.shape[0], 6)), states[-1]


def summary(x: Float32[Tensor, "time 6"]) -> Float32[Tensor, "18"]:
    every, last = run(x, flux.eye(6))
    parts = [every.mean(axis=0), every.max(axis=0), last]
    #! parts = [every.mean(axis=0), every.max(axis=0), last[None]]
    return flux.concat(parts)  #?


def main() -> None:
    summary(flux.rand((4, 6)))
"""
