"""Convolutional nets, in longer programs."""

PROGRAMS = '''
=== unet
class Double(nn.Module):
    def __init__(self, inp: int, out: int) -> None:
        self.a = nn.Conv((3, 3), inp, out, flux.relu, padding=1)
        self.b = nn.Conv((3, 3), out, out, flux.relu, padding=1)

    def __call__(self, x: Float[Tensor, "b c h w"]) -> Tensor:
        return self.b(self.a(x))


class UNet(nn.Module):
    def __init__(self) -> None:
        self.enter = nn.Conv((3, 3), 3, 16, flux.relu, padding=1)
        self.down = nn.Conv((3, 3), 16, 32, flux.relu, padding=1)
        self.pool = nn.MaxPool((2, 2))
        self.up = nn.ConvTranspose((2, 2), 32, 16, stride=2)
        #! self.up = nn.ConvTranspose((2, 2), 16, 32, stride=2)
        self.merge = nn.Conv((3, 3), 32, 16, flux.relu, padding=1)
        #! self.merge = nn.Conv((3, 3), 16, 16, flux.relu, padding=1)
        self.out = nn.Conv((1, 1), 16, 2)

    def __call__(self, x: Float[Tensor, "b 3 64 64"]) -> Float[Tensor, "b 2 64 64"]:
        skip = self.enter(x)
        deep = self.down(self.pool(skip))
        up = self.up(deep)  #?
        both = flux.concat([up, skip], axis=1)
        #! both = flux.concat([deep, skip], axis=1)
        return self.out(self.merge(both))  #?


def main() -> None:
    Double(3, 4)(flux.rand((1, 3, 8, 8)))
    UNet()(flux.rand((1, 3, 64, 64)))

=== vgg_sequence
class VGG(nn.Module):
    def __init__(self, classes: int = 10) -> None:
        self.block1 = nn.Chain(
            nn.Conv((3, 3), 3, 32, flux.relu, padding=1),
            nn.Conv((3, 3), 32, 32, flux.relu, padding=1),
            #! nn.Conv((3, 3), 3, 32, flux.relu, padding=1),
            nn.MaxPool((2, 2)),
        )
        self.block2 = nn.Chain(
            nn.Conv((3, 3), 32, 64, flux.relu, padding=1),
            #! nn.Conv((3, 3), 64, 64, flux.relu, padding=1),
            nn.MaxPool((2, 2)),
        )
        self.head = nn.Chain(
            nn.Flatten(),
            nn.Dense(64 * 8 * 8, 128, flux.relu),
            #! nn.Dense(64 * 16 * 16, 128, flux.relu),
            nn.Dropout(0.5),
            nn.Dense(128, 10),
        )

    def __call__(self, x: Float[Tensor, "b 3 32 32"]) -> Float[Tensor, "b 10"]:
        x = self.block1(x)  #?
        x = self.block2(x)  #?
        return self.head(x)  #?


def main() -> None:
    VGG()(flux.rand((1, 3, 32, 32)))

=== depthwise_separable
class Separable(nn.Module):
    def __init__(self) -> None:
        self.depth = nn.Conv((3, 3), 32, 32, padding=1, groups=32, bias=False)
        self.point = nn.Conv((1, 1), 32, 64, bias=False)
        self.norm = nn.BatchNorm(64)
        #! self.norm = nn.BatchNorm(32)
        self.reduce = nn.Conv((1, 1), 64, 8)
        self.expand = nn.Conv((1, 1), 8, 64)

    def __call__(self, x: Float[Tensor, "b 32 h w"]) -> Float[Tensor, "b 64 h w"]:
        y = flux.relu(self.norm(self.point(self.depth(x))))  #?
        squeezed = y.mean(axis=(2, 3), keepdims=True)
        #! squeezed = y.mean(axis=(2, 3))
        gate = flux.sigmoid(self.expand(flux.relu(self.reduce(squeezed))))  #?
        return y * gate
        #! return x * gate


def main() -> None:
    Separable()(flux.rand((2, 32, 5, 7)))

=== text_cnn
class TextCNN(nn.Module):
    def __init__(self, vocabulary: int = 1000) -> None:
        self.embed = nn.Embedding(1000, 50)
        self.three = nn.Conv((3,), 50, 16, flux.relu)
        self.five = nn.Conv((5,), 50, 16, flux.relu)
        #! self.five = nn.Conv((5,), 16, 16, flux.relu)
        self.out = nn.Dense(32, 2)
        #! self.out = nn.Dense(16, 2)

    def __call__(self, tokens: Int[Tensor, "batch 40"]) -> Float[Tensor, "batch 2"]:
        x = self.embed(tokens).mT
        #! x = self.embed(tokens)
        a = self.three(x).max(axis=2)  #?
        b = self.five(x).max(axis=2)  #?
        return self.out(flux.concat([a, b], axis=1))  #?


def main() -> None:
    TextCNN()(flux.randint(0, 1000, (2, 40)))

=== dcgan
def generator() -> nn.Chain:
    return nn.Chain(
        nn.Dense(100, 256 * 4 * 4, flux.relu),
        #! nn.Dense(100, 256 * 4, flux.relu),
        lambda z: z.reshape((z.shape[0], 256, 4, 4)),  #?
        nn.ConvTranspose((4, 4), 256, 64, flux.relu, stride=2, padding=1),
        #! nn.ConvTranspose((4, 4), 64, 64, flux.relu, stride=2, padding=1),
        nn.ConvTranspose((4, 4), 64, 3, flux.tanh, stride=2, padding=1),
    )


class Critic(nn.Module):
    def __init__(self) -> None:
        self.first = nn.Conv((4, 4), 3, 64, flux.leakyrelu, stride=2, padding=1)
        self.second = nn.Conv((4, 4), 64, 128, flux.leakyrelu, stride=2, padding=1)
        self.score = nn.Dense(128 * 4 * 4, 1)

    def __call__(self, x: Float[Tensor, "b 3 16 16"]) -> Float[Tensor, "b"]:
        h = self.second(self.first(x))
        #! h = self.first(self.second(x))
        return self.score(flux.flatten(h))[:, 0]


def main() -> None:
    fake = generator()(flux.randn((2, 100)))  #?
    Critic()(fake)

=== vision_transformer_stem
class Stem(nn.Module):
    """Patches of 16 by 16 as tokens, with a class token and positions."""

    token: Float32[Tensor, "1 1 192"]
    position: Float32[Tensor, "1 197 192"]

    def __init__(self) -> None:
        self.patch = nn.Conv((16, 16), 3, 192, stride=16)
        #! self.patch = nn.Conv((16, 16), 3, 192, stride=8)
        self.token = flux.zeros((1, 1, 192))
        self.position = flux.zeros((1, 197, 192))
        #! self.position = flux.zeros((1, 196, 192))

    def __call__(self, x: Float[Tensor, "b 3 224 224"]) -> Float[Tensor, "b 197 192"]:
        patches = self.patch(x)
        tokens = flux.flatten(patches[:, :, 0])[:, None] * 0
        b, c, h, w = patches.shape
        tokens = patches.reshape((b, c, h * w)).mT
        #! tokens = patches.reshape((b, c, h * w))
        first = flux.broadcast_to(self.token, (b, 1, 192))
        return flux.concat([first, tokens], axis=1) + self.position  #?


def main() -> None:
    Stem()(flux.rand((1, 3, 224, 224)))

=== pyramid
def pyramid(
    x: Float32[Tensor, "b 3 64 64"],
) -> tuple[Float[Tensor, "b 8 64 64"], Float[Tensor, "b 8 32 32"], Float[Tensor, "b 8 16 16"]]:
    first = nn.Conv((3, 3), 3, 8, padding="same")
    pool = nn.MeanPool((2, 2))
    lateral = nn.Conv((1, 1), 8, 8)
    up = nn.Upsample(2)
    c1 = first(x)
    c2 = pool(c1)
    c3 = pool(c2)
    #! c3 = pool(c1)
    p3 = lateral(c3)
    p2 = lateral(c2) + up(p3)  #?
    #! p2 = lateral(c2) + p3
    p1 = lateral(c1) + up(p2)
    #! p1 = lateral(c1) + up(c3)
    return p1, p2, p3  #?


def main() -> None:
    pyramid(flux.rand((1, 3, 64, 64)))
'''
