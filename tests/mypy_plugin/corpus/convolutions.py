"""Convolutions and pools: channels and the arithmetic of windows."""

PROGRAMS = """
=== lenet_flatten
class LeNet(nn.Module):
    def __init__(self) -> None:
        self.conv1 = nn.Conv((5, 5), 1, 6, flux.relu)
        self.conv2 = nn.Conv((5, 5), 6, 16, flux.relu)
        #! self.conv2 = nn.Conv((3, 3), 6, 16, flux.relu)
        self.pool = nn.MaxPool((2, 2))
        self.fc1 = nn.Dense(16 * 4 * 4, 120, flux.relu)
        self.fc2 = nn.Dense(120, 10)

    def __call__(self, x: Float32[Tensor, "batch 1 28 28"]) -> Float[Tensor, "batch 10"]:
        x = self.pool(self.conv1(x))
        x = self.pool(self.conv2(x))
        x = x.reshape((x.shape[0], -1))
        return self.fc2(self.fc1(x))  #?


def main() -> None:
    LeNet()(flux.rand((2, 1, 28, 28)))

=== wrong_channels
def encode(x: Float32[Tensor, "batch 3 32 32"]) -> Float[Tensor, "batch 64 8 8"]:
    first = nn.Conv((3, 3), 3, 32, flux.relu, stride=2, padding=1)
    second = nn.Conv((3, 3), 32, 64, flux.relu, stride=2, padding=1)
    #! second = nn.Conv((3, 3), 64, 32, flux.relu, stride=2, padding=1)
    return second(first(x))  #?


def main() -> None:
    encode(flux.rand((1, 3, 32, 32)))

=== missing_padding silent
def stem(x: Float32[Tensor, "batch 3 64 64"]) -> Float[Tensor, "batch 16 64 64"]:
    conv = nn.Conv((3, 3), 3, 16, padding="same")
    #! conv = nn.Conv((3, 3), 3, 16)
    return flux.relu(conv(x))  #?


def main() -> None:
    stem(flux.rand((1, 3, 64, 64)))

=== residual_block
class Residual(nn.Module):
    def __init__(self, channels: int) -> None:
        self.a = nn.Conv((3, 3), 32, 32, padding=1)
        self.b = nn.Conv((3, 3), 32, 32, padding=1)
        #! self.b = nn.Conv((3, 3), 32, 32)
        self.norm = nn.BatchNorm(32)

    def __call__(self, x: Float32[Tensor, "b 32 h w"]) -> Float[Tensor, "b 32 h w"]:
        y = flux.relu(self.norm(self.a(x)))
        y = self.b(y)
        return flux.relu(x + y)  #?


def main() -> None:
    Residual(32)(flux.rand((1, 32, 8, 8)))

=== strided_residual
def block(x: Float32[Tensor, "b 16 32 32"]) -> Float[Tensor, "b 32 16 16"]:
    main_path = nn.Conv((3, 3), 16, 32, stride=2, padding=1)
    shortcut = nn.Conv((1, 1), 16, 32, stride=2)
    #! shortcut = nn.Conv((1, 1), 16, 32)
    return flux.relu(main_path(x) + shortcut(x))  #?


def main() -> None:
    block(flux.rand((2, 16, 32, 32)))

=== functional_conv
def blur(x: Float32[Tensor, "b 1 h w"], kernel: Float32[Tensor, "3 3"]) -> Tensor:
    return flux.conv(x, kernel[None, None], padding=1)
    #! return flux.conv(x, kernel, padding=1)


def main() -> None:
    blur(flux.rand((2, 1, 6, 6)), flux.full((3, 3), 1 / 9))

=== functional_arithmetic
def edges(
    x: Float32[Tensor, "b 1 28 28"], w: Float32[Tensor, "8 1 3 3"]
) -> Float32[Tensor, "b 8 13 13"]:
    y = flux.conv(x, w)
    y = flux.max_pool(y, (2, 2))
    #! y = flux.max_pool(y, (2, 2), stride=3)
    return y + flux.zeros((8, 13, 13))  #?


def main() -> None:
    edges(flux.rand((1, 1, 28, 28)), flux.rand((8, 1, 3, 3)))

=== one_dimensional
class WaveNet(nn.Module):
    def __init__(self) -> None:
        self.dilated = nn.Conv((3,), 16, 32, dilation=2, padding=2)
        self.mix = nn.Conv((1,), 16, 16)
        #! self.mix = nn.Conv((1,), 32, 16)

    def __call__(self, x: Float32[Tensor, "b 16 time"]) -> Float[Tensor, "b 16 time"]:
        a, g = flux.split(self.dilated(x), 2, axis=1)
        return x + self.mix(flux.tanh(a) * flux.sigmoid(g))  #?


def main() -> None:
    WaveNet()(flux.rand((2, 16, 20)))

=== missing_batch_axis
def main() -> None:
    image = flux.rand((3, 32, 32))
    conv = nn.Conv((3, 3), 3, 8, padding="same")
    y = conv(image[None])
    #! y = conv(image)
    pool = nn.MaxPool((2, 2))
    print(pool(y).shape)

=== upsample_then_concat
class Decoder(nn.Module):
    def __init__(self) -> None:
        self.up = nn.Upsample(2)
        self.conv = nn.Conv((3, 3), 96, 32, flux.relu, padding=1)
        #! self.conv = nn.Conv((3, 3), 64, 32, flux.relu, padding=1)

    def __call__(
        self, deep: Float32[Tensor, "b 64 8 8"], skip: Float32[Tensor, "b 32 16 16"]
    ) -> Float[Tensor, "b 32 16 16"]:
        x = flux.concat([self.up(deep), skip], axis=1)
        return self.conv(x)  #?


def main() -> None:
    Decoder()(flux.rand((1, 64, 8, 8)), flux.rand((1, 32, 16, 16)))

=== grouped_convolution
def depthwise(
    x: Float32[Tensor, "b 24 h w"], kernel: Float32[Tensor, "24 1 3 3"]
) -> Float32[Tensor, "b 24 h w"]:
    return flux.conv(x, kernel, padding=1, groups=24)
    #! return flux.conv(x, kernel, padding=1, groups=12)


def main() -> None:
    depthwise(flux.rand((1, 24, 5, 5)), flux.rand((24, 1, 3, 3)))

=== pool_before_reshape
def head(x: Float32[Tensor, "b 128 7 7"]) -> Float[Tensor, "b 10"]:
    pool = nn.GlobalMeanPool()
    dense = nn.Dense(128, 10)
    x = pool(x)
    return dense(flux.squeeze(x, axis=(2, 3)))
    #! return dense(flux.squeeze(x, axis=(1, 2)))


def main() -> None:
    head(flux.rand((2, 128, 7, 7)))

=== adaptive_pool
class Features(nn.Module):
    def __init__(self) -> None:
        self.pool = nn.AdaptiveMeanPool((4, 4))
        self.out = nn.Dense(32 * 16, 10)
        #! self.out = nn.Dense(32 * 4, 10)

    def __call__(self, x: Float32[Tensor, "b 32 h w"]) -> Float[Tensor, "b 10"]:
        flat = flux.reshape(self.pool(x), (x.shape[0], 512))
        return self.out(flat)  #?


def main() -> None:
    Features()(flux.rand((1, 32, 9, 11)))

=== patch_embedding
class PatchEmbedding(nn.Module):
    def __init__(self, patch: int = 8) -> None:
        self.project = nn.Conv((8, 8), 3, 192, stride=8)
        self.position = flux.zeros((16, 192))

    def __call__(self, x: Float32[Tensor, "b 3 32 32"]) -> Float[Tensor, "b 16 192"]:
        y = self.project(x)
        y = flux.rearrange(y, "b c h w -> b (h w) c")
        #! y = flux.rearrange(y, "b c h w -> b c (h w)")
        return y + self.position  #?


def main() -> None:
    PatchEmbedding()(flux.rand((2, 3, 32, 32)))

=== kernel_too_large
def tail(x: Float32[Tensor, "b 8 4 4"]) -> Float[Tensor, "b 8 1 1"]:
    pool = nn.MeanPool((4, 4))
    #! pool = nn.MeanPool((5, 5))
    return pool(x)  #?


def main() -> None:
    tail(flux.rand((1, 8, 4, 4)))
"""
